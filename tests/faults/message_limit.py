#!/usr/bin/env python3
"""MESSAGELIMIT and SAVELIMIT (RFC 9738) on servers whose limit is small: what each command does beyond it, and that a client can go on."""
import re

from common import check, main, message
from server import Server
from wire import Wire

USER = "alice@example.net"
LIMIT = 4


def login(server, *enable):
    wire = Wire(server.imap)
    wire.login(USER)
    if enable:
        wire.must("ENABLE " + " ".join(enable))
    return wire


def fill(wire, mailbox, count):
    wire.must(f"CREATE {mailbox}")
    for number in range(count):
        wire.append(mailbox, message(number))


def uids(reply, kind="FETCH"):
    return [int(re.search(rb"UID (\d+)", line)[1]) for line in reply.untagged if b" %s (" % kind.encode() in line]


def gone(reply):
    return [int(line.split()[1]) for line in reply.untagged if line.endswith(b" EXPUNGE")]


def code(reply):
    """The MESSAGELIMIT code of the tagged line, or of an untagged NO before it."""
    if reply.code.startswith("MESSAGELIMIT"):
        return reply.code
    found = [line for line in reply.untagged if line.startswith(b"* NO [MESSAGELIMIT")]
    return "untagged " + re.match(rb"\* NO \[(.*)\]", found[0])[1].decode() if found else ""


def fetch(server):
    wire = login(server)
    capabilities = wire.must("CAPABILITY").untagged[0].split()
    check(b"MESSAGELIMIT=4" in capabilities and not any(c.startswith(b"SAVELIMIT") for c in capabilities), "the limit is offered", capabilities)
    fill(wire, "fetch", 10)
    wire.must("SELECT fetch")
    wire.must("UID STORE 6 +FLAGS.SILENT (\\Deleted)")
    wire.must("EXPUNGE")  # 1-5, 7-10
    reply = wire.must("FETCH 1:4 (UID)")
    check(uids(reply) == [1, 2, 3, 4] and not reply.code, "FETCH of as many as allowed", reply)
    reply = wire.must("FETCH 1:* (UID)")
    check(uids(reply) == [10, 9, 8, 7] and reply.code == "MESSAGELIMIT 4 7", "FETCH of more: the last ones, the greatest first", reply)
    reply = wire.must("UID FETCH 1:6 (FLAGS)")
    check(uids(reply) == [5, 4, 3, 2] and reply.code == "MESSAGELIMIT 4 2", "UID FETCH of those before", reply)
    reply = wire.must("UID FETCH 1:1 (FLAGS)")
    check(uids(reply) == [1] and not reply.code, "… to the end", reply)
    reply = wire.must("UID FETCH 1:* (RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    check(uids(reply) == [10, 9, 8, 7] and reply.code == "MESSAGELIMIT 4 7", "the same with rows", reply)
    reply = wire.must("UID FETCH 1:* (BODY[HEADER.FIELDS (SUBJECT)])")
    check(uids(reply) == [10, 9, 8, 7], "the same with bodies", reply)
    check(wire.must("UID SEARCH UIDAFTER 6 SEEN").numbers() == [7, 8, 9, 10], "those sent are \\Seen")
    check(wire.must("UID SEARCH UIDBEFORE 5 SEEN").numbers() == [], "the others are not")
    reply = wire.must("UID FETCH 1:* (FLAGS) (PARTIAL -1:-4)")
    check(uids(reply) == [7, 8, 9, 10] and not reply.code, "PARTIAL within the limit", reply)
    for partial in ("-1:-5", "1:5", "5:1"):
        reply = wire.command(f"UID FETCH 1:* (FLAGS) (PARTIAL {partial})")
        check(reply.status == "NO" and reply.code == "MESSAGELIMIT 4" and not uids(reply), f"PARTIAL {partial} is refused", reply)
    reply = wire.must("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1)")
    check(reply.code == "MESSAGELIMIT 4 7", "CHANGEDSINCE: what changed counts", reply)
    highest = wire.must("STATUS fetch (HIGHESTMODSEQ)").number("HIGHESTMODSEQ")
    wire.must("UID STORE 2 +FLAGS.SILENT (\\Flagged)")
    reply = wire.must(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {highest})")
    check(uids(reply) == [2] and not reply.code, "… and nothing else", reply)
    other = login(server)
    other.must("SELECT fetch")
    other.must("UID STORE 9 +FLAGS.SILENT (\\Deleted)")
    other.must("EXPUNGE")
    reply = wire.must("FETCH 1:* (UID)")
    check(uids(reply) == [10, 8, 7, 5] and reply.code == "EXPUNGEISSUED" and code(reply) == "untagged MESSAGELIMIT 4 5",
          "with EXPUNGEISSUED the limit is told in an untagged NO", reply)
    other.close()
    wire.close()


def search(server):
    wire = login(server)
    fill(wire, "search", 10)
    wire.must("SELECT search")
    reply = wire.must("UID SEARCH ALL")
    check(reply.numbers() == [7, 8, 9, 10] and reply.code == "MESSAGELIMIT 4 7", "SEARCH looks at the last ones", reply)
    reply = wire.must("UID SEARCH UID 1:6 SUBJECT Message")
    check(reply.numbers() == [3, 4, 5, 6] and reply.code == "MESSAGELIMIT 4 3", "… of those that are named", reply)
    reply = wire.must('SEARCH 1:6 NOT 5 UNSEEN SUBJECT "Message 4"')
    check(reply.numbers() == [] and reply.code == "MESSAGELIMIT 4 3", "looked at counts, not found", reply)
    reply = wire.must("UID SEARCH UID 1:6 UIDAFTER 2 UNSEEN")
    check(reply.numbers() == [3, 4, 5, 6] and not reply.code, "as many as allowed", reply)
    reply = wire.must("UID SEARCH RETURN (SAVE COUNT) SUBJECT Message")
    check(b"COUNT 4" in reply.untagged[0] and reply.code == "MESSAGELIMIT 4 7", "SAVE", reply)
    check(uids(wire.must("UID FETCH $ (FLAGS)")) == [7, 8, 9, 10], "the saved result is cut (RFC 9738 3.4)")
    seen, below = [], 2**31
    for _ in range(5):  # RFC 9738 3.1: a client goes on from the UID that it was told
        reply = wire.must(f"UID SEARCH UIDBEFORE {below} SUBJECT Message")
        seen += reply.numbers()
        if not reply.code:
            break
        below = int(reply.code.split()[2])
    check(sorted(seen) == list(range(1, 11)), "a client that goes on finds all", seen)
    for empty in ("UIDBEFORE 1", "UIDAFTER 4294967295"):
        reply = wire.must(f"UID SEARCH {empty}")
        check(reply.numbers() == [] and not reply.code, f"{empty} is empty, nothing remains", reply)
    reply = wire.must("UID SORT (ARRIVAL) UTF-8 ALL")
    check(reply.code == "MESSAGELIMIT 4 7", "SORT of the last ones", reply)
    reply = wire.command("THREAD REFERENCES UTF-8 ALL")
    check(reply.status == "NO" and reply.code == "MESSAGELIMIT 4" and not reply.untagged, "a part of the threads is of no use", reply)
    reply = wire.must("UID THREAD ORDEREDSUBJECT UTF-8 UID 2:4")
    check(reply.untagged[0].startswith(b"* THREAD (") and not reply.code, "THREAD within the limit", reply)
    reply = wire.must("ESEARCH IN (selected) RETURN (COUNT) ALL")
    check(b"COUNT 4" in reply.untagged[0] and reply.code == "MESSAGELIMIT 4 7", "ESEARCH of the selected mailbox is SEARCH", reply)
    reply = wire.must("ESEARCH IN (mailboxes (search fetch)) RETURN (COUNT) ALL")
    check(any(b"COUNT 10" in line for line in reply.untagged) and not reply.code, "ESEARCH of several is not limited", reply)
    wire.close()


def store(server):
    wire = login(server)
    fill(wire, "store", 10)
    wire.must("SELECT store")
    reply = wire.must("UID STORE 1:* +FLAGS (\\Flagged)")
    check(uids(reply) == [10, 9, 8, 7] and reply.code == "MESSAGELIMIT 4 7", "STORE: the last ones, the greatest first", reply)
    reply = wire.must("STORE 1:6 +FLAGS.SILENT (\\Flagged)")
    check(reply.code == "MESSAGELIMIT 4 3", "STORE by message numbers", reply)
    check(wire.must("UID SEARCH UID 1:4 FLAGGED").numbers() == [3, 4], "no others were changed")
    reply = wire.must("UID STORE 1:* (UNCHANGEDSINCE 1) +FLAGS.SILENT (\\Answered)")
    check(reply.code == "MODIFIED 7:10" and code(reply) == "untagged MESSAGELIMIT 4 7", "with MODIFIED it is told in an untagged NO", reply)
    wire.close()


def copy_and_move(server):
    wire = login(server)
    fill(wire, "source", 10)
    wire.must("CREATE target")
    wire.must("SELECT source")
    reply = wire.command("UID COPY 1:* target")
    check(reply.status == "NO" and reply.code == "MESSAGELIMIT 4 7" and not reply.untagged, "COPY of more is refused", reply)
    check(wire.must("STATUS target (MESSAGES)").number("MESSAGES") == 0, "… and copies nothing")
    check(wire.must("COPY 1:4 target").code.startswith("COPYUID"), "COPY of as many as allowed")
    reply = wire.must("UID MOVE 1:* target")
    check(re.match(rb"\* OK \[COPYUID \d+ 7:10 5:8\] ", reply.untagged[0]) is not None, "MOVE moves the last ones", reply)
    check(gone(reply) == [10, 9, 8, 7] and reply.code == "MESSAGELIMIT 4 7", "… and says so", reply)
    rounds = 1
    while (reply := wire.must("UID MOVE 1:* target")).code:
        rounds += 1
    check(rounds == 2 and wire.must("STATUS target (MESSAGES)").number("MESSAGES") == 14, "repeated, it moves all", rounds)
    wire.close()
    wire = login(server, "QRESYNC")
    fill(wire, "source2", 6)
    wire.must("SELECT source2")
    reply = wire.must("MOVE 1:* target")
    check(reply.code.startswith("HIGHESTMODSEQ") and code(reply) == "untagged MESSAGELIMIT 4 3", "MOVE with HIGHESTMODSEQ", reply)
    check(b"* VANISHED 3:6" in reply.untagged, "… and VANISHED", reply)
    wire.close()


def expunge(server):
    wire = login(server)
    fill(wire, "expunge", 12)
    wire.must("SELECT expunge")
    for number in range(2, 12, 2):
        wire.must(f"UID STORE {number} +FLAGS.SILENT (\\Deleted)")  # 2 4 6 8 10
    reply = wire.must("UID EXPUNGE 1:11")
    check(gone(reply) == [10, 8, 6, 4] and reply.code == "MESSAGELIMIT 4 4", "UID EXPUNGE counts \\Deleted messages", reply)
    reply = wire.must("UID EXPUNGE 1:11")
    check(gone(reply) == [2] and not reply.code, "… and goes on", reply)
    for first in (1, 5, 9):
        wire.must(f"UID STORE {first}:{first + 3} +FLAGS.SILENT (\\Deleted)")
    reply = wire.must("EXPUNGE")
    check(len(gone(reply)) == 7 and not reply.code, "EXPUNGE is not limited", reply)
    check(wire.must("STATUS fetch (MESSAGES UNSEEN)").number("UNSEEN") > 0, "nor is STATUS")
    wire.close()
    wire = login(server)
    fill(wire, "close", 8)
    wire.must("SELECT close")
    wire.must("UID STORE 1:4 +FLAGS.SILENT (\\Deleted)")
    wire.must("UID STORE 5:8 +FLAGS.SILENT (\\Deleted)")
    wire.must("CLOSE")
    check(wire.must("STATUS close (MESSAGES)").number("MESSAGES") == 0, "nor is CLOSE")
    wire.close()


def append(server):
    wire = login(server)
    wire.must("CREATE append")
    check(bool(wire.append("append", [message(n) for n in range(4)])), "APPEND of as many as allowed")
    reply = wire.append("append", [message(n) for n in range(5)])
    check(reply.status == "NO" and reply.code == "MESSAGELIMIT 4", "APPEND of more is refused", reply)
    check(wire.must("STATUS append (MESSAGES)").number("MESSAGES") == 4, "… and stores none")
    wire.close()


def saving(server):
    wire = login(server)
    capabilities = wire.must("CAPABILITY").untagged[0].split()
    check(b"SAVELIMIT=4" in capabilities and not any(c.startswith(b"MESSAGELIMIT") for c in capabilities), "SAVELIMIT is offered", capabilities)
    wire.must("SELECT target")
    wire.must("CREATE saved")
    reply = wire.command("COPY 1:5 saved")
    check(reply.status == "NO" and re.fullmatch(r"MESSAGELIMIT 4 \d+", reply.code) is not None, "SAVELIMIT: COPY", reply)
    reply = wire.append("saved", [message(n) for n in range(5)])
    check(reply.status == "NO" and reply.code == "MESSAGELIMIT 4", "SAVELIMIT: APPEND", reply)
    check(wire.must("STATUS saved (MESSAGES)").number("MESSAGES") == 0, "nothing was saved")
    reply = wire.must("FETCH 1:* (UID)")
    check(len(uids(reply)) > 4 and not reply.code, "SAVELIMIT: FETCH is free", reply)
    reply = wire.must("MOVE 1:6 saved")
    check(not reply.code and len(gone(reply)) == 6, "SAVELIMIT: MOVE is free", reply)
    wire.close()


def test(binaries):
    with Server(binaries, [f"limits.messages_per_command={LIMIT}"]) as server:
        server.add_user(USER)
        for part in (fetch, search, store, copy_and_move, expunge, append):
            part(server)
        server.stop()
        server.sets = [f"limits.messages_per_save={LIMIT}"]
        server.start()
        saving(server)
        server.stop()
        server.sets = [f"limits.messages_per_command={LIMIT}", "imap.disable=messagelimit"]
        server.start()
        wire = login(server)
        wire.must("SELECT fetch")
        reply = wire.must("FETCH 1:* (UID)")
        check(len(uids(reply)) > LIMIT and not reply.code, "switched off, there is no limit", reply)
        check(wire.command("UID SEARCH UIDAFTER 1").status == "BAD", "… and no UIDAFTER")
        wire.close()


if __name__ == "__main__":
    main(test)
