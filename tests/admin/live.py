#!/usr/bin/env python3
"""cpmctl against a server that runs: the protocol trace of one session, lock-outs and how to end one, kicks, imports."""
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "faults"))
from common import check, main, message  # noqa: E402
from server import Server  # noqa: E402
from wire import Closed, Wire  # noqa: E402

USER = "alice@example.net"
OTHER = "bob@example.net"


def session_of(server, user):
    rows = json.loads(server.ctl("session", "list", "--user", user, "--json").stdout)
    check(len(rows) == 1, f"session list shows the session of {user}", rows)
    return rows[0]


def traced(server, session):
    return [line for line in server.log.read_text(errors="replace").splitlines()
            if " trace: " in line and f"session={session}" in line]


def trace(server):
    mine, theirs = Wire(server.imap), Wire(server.imap)
    mine.login(USER)
    theirs.login(OTHER)
    one, two = session_of(server, USER), session_of(server, OTHER)
    check(one["trace"] is False, "nothing is traced at first", one)
    mine.command("NOOP")
    check(not traced(server, one["id"]), "and the log has nothing of it")
    server.ctl("session", "trace", one["id"])
    check(session_of(server, USER)["trace"] is True, "session trace: the list shows it")
    mine.command("SELECT INBOX")
    mine.append("INBOX", message(subject="a secret meeting"))
    mine.command('SEARCH SUBJECT "a secret meeting"')
    mine.command("FETCH 1 BODY[]")
    # What a client sends at the wrong time: a password where a command was expected, content behind a literal announced too short.
    mine.command("AUTHENTICATE CRAM-MD5")
    mine.send(b"AGFsaWNlAHRoZS1zZWNyZXQ=\r\nhunter-secret\r\n")
    while not mine.line().startswith(b"hunter-secret BAD"):
        pass
    mine.send(b"s1 APPEND INBOX {14+}\r\nSubject: a\r\n\r\nat nine in secret\r\nsecret-too\r\n")
    while not mine.line().startswith(b"secret-too BAD"):
        pass
    for line in ("UID LOGIN alice a-secret", "NOOP LOGIN alice a-secret", "COPY the secret to Bob", "SEARCH for the secret"):
        check(mine.command(line).status == "BAD", f"{line.split()[0]} with nonsense is BAD")
    mine.command("UID REPLACE 99 INBOX {5}")
    theirs.command("SELECT INBOX")
    lines = traced(server, one["id"])
    check(any("SELECT INBOX" in line for line in lines) and any(" OK " in line for line in lines),
          "commands and answers of that session are in the log", lines)
    check(any("UID REPLACE 99 INBOX {5}" in line for line in lines), "a command refused before its literal too", lines)
    check(not any("secret" in line or "c2VjcmV0" in line or "1zZWNy" in line for line in lines), "without what the message says or is searched for", lines)
    check(not traced(server, two["id"]), "the other session is not traced")
    server.ctl("session", "trace", one["id"], "--off")
    time.sleep(0.1)
    before = len(traced(server, one["id"]))
    mine.command("CHECK")
    check(len(traced(server, one["id"])) == before and not session_of(server, USER)["trace"], "--off: no more of it")
    server.ctl("session", "trace", "--user", OTHER)
    theirs.command("NOOP")
    check(any("NOOP" in line for line in traced(server, two["id"])), "--user: all sessions of an address")
    done = server.ctl("session", "trace", "nosuch1", check=False)
    check(done.returncode != 0 and "there is no session nosuch1" in done.stderr, "a session that is not there", done.stderr)
    done = server.ctl("session", "trace", check=False)
    check(done.returncode != 0 and "cpmctl session list" in done.stderr, "no session named: what to do", done.stderr)
    server.ctl("session", "kick", two["id"])
    try:
        said = theirs.line()
    except Closed:
        said = b""
    check(said.startswith(b"* BYE"), "session kick: BYE", said)
    mine.close()
    theirs.close()


def kick_busy(server):
    """A session is ended while a large FETCH is on its way to a slow reader, and while it waits for a literal."""
    wire = Wire(server.imap)
    wire.login(USER)
    wire.append("INBOX", message(subject="large", size=30_000_000))
    wire.command("SELECT INBOX")
    wire.send(b"f FETCH * BODY.PEEK[]\r\n")
    time.sleep(0.5)
    server.ctl("session", "kick", session_of(server, USER)["id"])
    got = b""
    try:
        while block := wire.socket.recv(1 << 20):
            got += block
    except OSError:
        pass
    check(len(got) < 30_000_000 and b"BYE" not in got and b"f OK" not in got and b"f NO" not in got,
          "kicked in the middle of a message: the connection ends and nothing is said into the message", (len(got), got[-200:]))
    wire = Wire(server.imap)
    wire.login(USER)
    wire.send(b"a APPEND INBOX {100}\r\n")
    check(wire.line().startswith(b"+ "), "waiting for a literal")
    server.ctl("session", "kick", session_of(server, USER)["id"])
    said = wire.line()
    check(said.startswith(b"* BYE"), "kicked while it waits for a literal: BYE at once", said)
    wire.close()


def leave(server):
    """Who is disabled or deleted is let go at once."""
    for verb in ("disable", "delete"):
        wire = Wire(server.imap)
        wire.login(OTHER)
        wire.command("SELECT INBOX")
        server.ctl("user", verb, OTHER, *(["--yes"] if verb == "delete" else []))
        said = wire.line()
        check(said.startswith(b"* BYE"), f"user {verb}: the sessions are ended", said)
        wire.close()
        reply = Wire(server.imap).command(f"LOGIN {OTHER} secret")
        check(reply.status == "NO", "and cannot come back", reply.text)
        if verb == "disable":
            server.ctl("user", "enable", OTHER)


def guesses(server):
    """Many guesses at the same time count as many, and no more are checked than one after the other."""
    wires = [Wire(server.imap) for _ in range(24)]
    for number, wire in enumerate(wires):
        wire.send(b"g LOGIN %s wrong%d\r\n" % (USER.encode(), number))
    codes = []
    for wire in wires:
        wire.socket.settimeout(30)
        codes.append(wire.line())
        wire.close()
    checked = sum(b"AUTHENTICATIONFAILED" in line for line in codes)
    # (two threads may be between the look at the lock and the count at the same moment)
    check(3 <= checked <= 6 and all(b"AUTHENTICATIONFAILED" in line or b"[LIMIT]" in line for line in codes),
          "24 guesses at the same time: hardly more than 3 are answered", codes)
    rows = json.loads(server.ctl("lockout", "list", "--json").stdout)
    check(rows[0]["locks"] == 1, "and lock the name once", rows)
    server.ctl("lockout", "clear", USER)


def imported(server):
    """Who is connected hears of an import as of any other change."""
    idler, watcher = Wire(server.imap), Wire(server.imap)
    for wire in (idler, watcher):
        wire.login(USER)
        wire.patience(20)
    idler.command("SELECT Default")
    idler.send(b"i IDLE\r\n")
    idler.line()
    watcher.must("NOTIFY SET (personal (MessageNew MessageExpunge MailboxName))")
    letter = server.data / "letter.eml"
    letter.write_bytes(message())
    server.ctl("message", "import", USER, "Default", str(letter))
    said = watcher.line(), idler.line()
    check(said == (b"* STATUS Default (UIDNEXT 2 MESSAGES 1)", b"* 1 EXISTS"), "an import is news for IDLE and NOTIFY", said)
    server.ctl("message", "import", USER, "Imported", str(letter), "--create")
    said = [watcher.line()]
    while not said[-1].startswith(b"* STATUS"):
        said.append(watcher.line())
    check(any(b'"Imported"' in line for line in said) and b"MESSAGES 1" in said[-1], "a mailbox made by it too", said)
    idler.close()
    watcher.close()


def login_answer(server, password):
    wire = Wire(server.imap)
    reply = wire.command(f"LOGIN {USER} {password}")
    wire.close()
    return reply


def lockout(server):
    check(json.loads(server.ctl("lockout", "list", "--json").stdout) == [], "no failed logins are counted at first")
    for _ in range(3):
        reply = login_answer(server, "wrong")
    check(reply.status == "NO" and reply.code == "AUTHENTICATIONFAILED", "three wrong passwords", reply.text)
    reply = login_answer(server, "secret")
    check(reply.status == "NO" and reply.code == "LIMIT", "then the right one is refused too", reply.text)
    rows = json.loads(server.ctl("lockout", "list", "--json").stdout)
    check(len(rows) == 1 and rows[0]["key"] == USER and rows[0]["kind"] == "name" and rows[0]["locked_for"] > 0,
          "lockout list shows it", rows)
    check(USER in server.ctl("lockout", "list").stdout, "as a table too")
    server.ctl("lockout", "clear", "alice@EXAMPLE.net")
    check(json.loads(server.ctl("lockout", "list", "--json").stdout) == [], "lockout clear forgets it, the domain in any case of letters")
    reply = login_answer(server, "secret")
    check(reply.status == "OK", "and the login works at once", reply.text)
    done = server.ctl("lockout", "clear", "192.0.2.0/24", check=False)
    check(done.returncode != 0 and "cpmctl lockout list" in done.stderr, "clearing what is not counted", done.stderr)


def test(binaries):
    with Server(binaries, sets=["auth.lockout_address_failures=3"]) as server:
        server.add_user(USER)
        server.add_user(OTHER)
        trace(server)
        imported(server)
        lockout(server)
        guesses(server)
        kick_busy(server)
        leave(server)


main(test)
