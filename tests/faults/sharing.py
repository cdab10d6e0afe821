#!/usr/bin/env python3
"""Sharing between sessions (MSS-31, MSS-33, MSS-37): an entry that expires does so at its second, also in IDLE and while the mailbox is
selected; \\Seen is each reader's own; a mailbox that comes back under a name has nothing of the old one's list, nor an account that comes back
under an address; a reader who administers cannot shut the owner out."""
import calendar
import json
import time

from common import check, main
from server import Server
from wire import Wire

ALICE, BOB, CAROL = "alice@example.net", "bob@example.net", "carol@example.net"
BOX = f'"Other Users/{ALICE}/Box"'
TEXT = b"Subject: wombat\r\n\r\nwombat\r\n"


def session(server, user):
    wire = Wire(server.imaps, tls=True)
    wire.login(user)
    return wire


def idle(wire):
    tag = wire.tag()
    wire.send(tag + b" IDLE\r\n")
    while not wire.line().startswith(b"+"):
        pass
    return tag


def expiry(alice, bob):
    alice.must(f'SETACL Box "{BOB};expires=+3" lr')
    given = [line for line in alice.must("XACL Box").untagged if BOB.encode() in line][0].decode()
    end = time.strptime(given.split('EXPIRES "')[1][:20], "%Y-%m-%dT%H:%M:%SZ")
    end = calendar.timegm(end)
    bob.must(f"SELECT {BOX}")
    last = 0.0
    while True:
        asked = time.time()
        reply = bob.command("UID FETCH 1 (BODY.PEEK[])")
        if not reply:
            break
        last = asked
        time.sleep(0.02)
    refused = time.time()
    check(b"wombat" not in b"".join(reply.untagged) and reply.status == "NO", "an expired entry: FETCH in the selected mailbox is refused", reply)
    check(last < end, f"nothing that was asked after the second was answered ({last - end:+.2f} s)")
    check(refused < end + 0.5, f"refused at once ({refused - end:+.2f} s)")
    check(bob.command(f"SELECT {BOX}").code == "NONEXISTENT", "the mailbox does not exist any more")


def expiry_in_idle(alice, bob):
    alice.must(f'SETACL Box "{BOB};expires=+2" lr')
    bob.must(f"SELECT {BOX}")
    tag = idle(bob)
    alice.append("Box", TEXT)
    while not bob.line().endswith(b"EXISTS"):
        pass
    check(True, "IDLE tells while the entry is in force")
    time.sleep(2.3)
    alice.append("Box", TEXT)
    alice.must("STORE 1 +FLAGS (\\Flagged)")
    time.sleep(0.5)
    bob.send(b"DONE\r\n")
    reply = bob.finish(tag)
    check(not any(b"EXISTS" in line or b"FETCH" in line for line in reply.untagged), "and nothing afterwards", reply)


def told_in_idle(alice, bob):
    """The end of a right is told at its second, with nothing else happening."""
    alice.must(f'SETACL Box "{BOB};expires=+2" lr')
    given = [line for line in alice.must("XACL Box").untagged if BOB.encode() in line][0].decode()
    end = calendar.timegm(time.strptime(given.split('EXPIRES "')[1][:20], "%Y-%m-%dT%H:%M:%SZ"))
    bob.must(f"SELECT {BOX}")
    tag = idle(bob)
    while not (line := bob.line()).startswith(b"* NO [NOPERM]"):
        check(b"EXISTS" not in line, "nothing is told but the end", line)
    late = time.time() - end
    check(0 <= late < 1.0, f"an expired entry is told in IDLE at its second ({late:+.2f} s)")
    bob.send(b"DONE\r\n")
    check(bool(bob.finish(tag)), "IDLE ends as ever")


def recorded(server, alice, bob):
    """What ended by itself, what an administrator took away, and what was refused."""
    deadline = time.time() + 60
    while not (rows := [row for row in audit(server, ALICE, "acl") if row["detail"].get("why") == "expired"]) and time.time() < deadline:
        time.sleep(0.5)
    check(rows and rows[-1]["program"] == "upkeep" and rows[-1]["detail"]["before"].startswith("lr"), "the end of an entry is recorded", rows[-1:])
    server.ctl("message", "export", ALICE, "Box", "--format", "mbox", "--to", "-")
    rows = audit(server, ALICE, "fetch")
    check(len(rows) == 1 and rows[0]["program"] == "cpmctl" and rows[0]["detail"] == {"how": "export"} and rows[0]["octets"] > 0,
          "an export is recorded as a download by the administrator", rows)
    alice.must(f"SETACL Box {BOB} lr")
    check(bob.append(f"Other Users/{ALICE}/Box", TEXT).code == "NOPERM", "an APPEND without the right is refused")
    rows = [row for row in audit(server, BOB, "refused") if row["detail"]["command"] == "APPEND"]
    check(len(rows) == 1 and rows[0]["result"] == "refused" and rows[0]["detail"]["code"] == "NOPERM", "and in the record of who tried it", rows)
    for _ in range(60):
        bob.append(f"Other Users/{ALICE}/Box", TEXT)
    count = sum(row["detail"]["command"] == "APPEND" for row in audit(server, BOB, "refused"))
    check(5 < count <= 40, f"which many attempts do not fill ({count} of 61)")


def audit(server, user, command):
    return json.loads(server.ctl("audit", "list", user, "--command", command, "--oldest-first", "--json").stdout)


def flags(server, alice, bob):
    alice.must(f"SETACL Box {BOB} lrsw")
    alice.must(f"SETACL Box {CAROL} lrs")
    carol = session(server, CAROL)
    bob.must(f"SELECT {BOX}")
    carol.must(f"SELECT {BOX}")
    bob.must("STORE 1 +FLAGS.SILENT (\\Seen $Work)")
    check(b"\\Seen" not in b"".join(carol.must("FETCH 1 (FLAGS)").untagged), "\\Seen of one reader is not seen by another")
    check(b"$Work" in b"".join(carol.must("FETCH 1 (FLAGS)").untagged), "keywords are shared")
    check(b"\\Seen" not in b"".join(alice.must("FETCH 1 (FLAGS)").untagged), "nor by the owner")
    check(1 in bob.must("SEARCH SEEN").numbers() and 1 in carol.must("SEARCH UNSEEN").numbers(), "SEARCH counts with the reader's")
    bob.must("CLOSE")
    carol.close()


def again(server, alice, bob):
    alice.must(f"SETACL Box {BOB} lrswipkxtea")
    bob.must(f'CREATE "Other Users/{ALICE}/Box/Ours"')
    alice.must("DELETE Box/Ours")
    alice.must("CREATE Twice")
    alice.must(f"SETACL Twice {BOB} lr")
    alice.must("DELETE Twice")
    alice.must("CREATE Twice")
    check(bob.command(f'SELECT "Other Users/{ALICE}/Twice"').code == "NONEXISTENT", "a mailbox that is made again has a list of its own")
    alice.must(f"SETACL Twice {CAROL} lr")
    server.ctl("user", "delete", CAROL, "--yes")
    server.add_user(CAROL)
    carol = session(server, CAROL)
    check(carol.command(f'SELECT "Other Users/{ALICE}/Twice"').code == "NONEXISTENT", "an account that comes back under its address has no rights of the old one")
    check(b"Twice" not in b"".join(carol.must('LIST "" "*"').untagged), "and is shown nothing")
    carol.close()


def owner(alice, bob):
    alice.must(f"SETACL Box {BOB} lra")
    bob.must(f'SETACL {BOX} -{ALICE} lrswipkxtea')
    bob.must(f'SETACL {BOX} {ALICE} ""')
    check(b" la" in b"".join(alice.must("MYRIGHTS Box").untagged), "the owner keeps l and a")
    alice.must(f"DELETEACL Box -{ALICE}")
    alice.must(f"DELETEACL Box {ALICE}")
    alice.must(f"DELETEACL Box {BOB}")
    check(len(alice.must("SELECT Box").untagged) > 3, "and gets all of it back")


def moved(alice, bob):
    alice.must(f"SETACL Box {BOB} lr")
    bob.must(f"SELECT {BOX}")
    alice.must("CREATE Private")
    alice.must("RENAME Box Private/Box")
    check(bool(bob.command("UID FETCH 1 (FLAGS)")), "a mailbox that moved stays selected, its list goes with it")
    listed = bob.must('LIST "" "Other Users/*"').untagged
    check(any(line.endswith(b'Private/Box"') for line in listed), "its new place is shown", listed)
    check(all(b"\\NonExistent" in line for line in listed if line.endswith(b'Private"')), "what stands above it as not there", listed)
    reply = bob.command(f'SELECT "Other Users/{ALICE}/Private"')
    check(reply.code == "NONEXISTENT", "and cannot be selected", reply)


def test(binaries):
    with Server(binaries, sets=["audit.refused=true"]) as server:
        for user in (ALICE, BOB, CAROL):
            server.add_user(user)
        alice = session(server, ALICE)
        bob = session(server, BOB)
        alice.must("CREATE Box")
        alice.append("Box", TEXT)
        alice.must("SELECT Box")
        expiry(alice, bob)
        expiry_in_idle(alice, bob)
        told_in_idle(alice, bob)
        recorded(server, alice, bob)
        flags(server, alice, bob)
        again(server, alice, bob)
        owner(alice, bob)
        moved(alice, bob)
        alice.close()
        bob.close()
        done = server.ctl("db", "check", check=False)
        check(done.returncode == 0, "cpmctl db check finds nothing", done.stdout + done.stderr)


if __name__ == "__main__":
    main(test)
