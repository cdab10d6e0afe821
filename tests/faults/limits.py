#!/usr/bin/env python3
"""Every limit that a client can run into has a clear answer, and the session or the server lives on as far as it can."""
import socket
import time

from common import check, main, message
from processes import wait_for
from server import Server
from wire import Closed, Wire

USER = "alice@example.net"


def login(server, timeout=30):
    wire = Wire(server.imap, timeout=timeout)
    wire.login(USER)
    return wire


def ends_with_bye(wire, within):
    """The seconds until BYE and the end of the connection."""
    began, lines = time.monotonic(), []
    wire.patience(within)
    try:
        while True:
            lines.append(wire.line())
    except Closed:
        pass
    except TimeoutError:
        return None, lines
    return (time.monotonic() - began if any(line.startswith(b"* BYE") for line in lines) else None), lines


def sizes(server):
    wire = login(server)
    limit = 100 * 1024
    check(any(b"APPENDLIMIT=102400" in line for line in wire.must("CAPABILITY").untagged), "CAPABILITY tells APPENDLIMIT")
    wire.send(b"big APPEND INBOX {%d}\r\n" % (limit + 1))
    line = wire.line()
    check(line.startswith(b"big NO [TOOBIG]"), "APPEND above message_octets: NO [TOOBIG] before the literal is read", line)
    reply = wire.append("INBOX", message(1, limit * 3))
    check(reply.status == "NO" and reply.code == "TOOBIG", "the same with a non-synchronizing literal", reply)
    reply = wire.append("INBOX", [message(2), message(3, limit * 2)])
    check(reply.status == "NO" and reply.code == "TOOBIG", "the second message of a MULTIAPPEND is too big", reply)
    check(wire.must("STATUS INBOX (MESSAGES)").number("MESSAGES") == 0, "nothing of it was stored")
    check(bool(wire.append("INBOX", message(4, 50_000))), "the session lives, a smaller message is stored")
    reply = wire.append("INBOX", [message(n) for n in range(6)])
    check(reply.status in ("NO", "BAD"), "more messages in one MULTIAPPEND than allowed are refused", reply)
    wire.close()

    wire = login(server)
    reply = wire.command("SEARCH SUBJECT " + "x" * 20_000)
    check(reply.status == "BAD" and reply.code == "TOOBIG", "a command line above line_octets: BAD [TOOBIG]", reply)
    wire.close()
    wire = login(server)
    wire.must("SELECT INBOX")
    wire.send(b"lit SEARCH SUBJECT {200000}\r\n")
    line = wire.line()
    check(line.startswith((b"lit NO [TOOBIG]", b"lit BAD [TOOBIG]")), "a literal that is no message above command_literal_octets", line)
    reply = wire.command("SEARCH " + "(" * 40 + "SEEN" + ")" * 40)
    check(reply.status in ("BAD", "NO"), "parentheses deeper than nesting are refused", reply)
    reply = wire.command("FETCH " + ",".join(str(n) for n in range(1, 80, 2)) + " FLAGS")
    check(reply.status in ("BAD", "NO"), "more ranges than set_ranges are refused", reply)
    check(bool(wire.command("NOOP")), "the session lives")
    wire.close()


def header(server):
    wire = login(server)
    reply = wire.append("INBOX", b"".join(b"X-%d: y\r\n" % i for i in range(9000)) + b"\r\nbody\r\n")
    check(reply.status == "NO" and reply.code == "TOOBIG", "a header above limits.header_octets: TOOBIG", reply)
    check(bool(wire.command("NOOP")), "the session lives")
    wire.close()


def objects(server):
    wire = login(server)
    wire.must("SELECT INBOX")
    wire.append("INBOX", message(1))
    wire.must("NOOP")
    for number in range(5):
        wire.must(f"STORE 1 +FLAGS (key{number})")
    reply = wire.command("STORE 1 +FLAGS (onemore)")
    check(reply.status == "NO" and reply.code == "LIMIT", "more keywords than keywords_per_mailbox: NO [LIMIT]", reply)
    reply = wire.command("STORE 1 +FLAGS (" + "k" * 40 + ")")
    check(reply.status in ("NO", "BAD"), "a keyword longer than keyword_octets is refused", reply)
    made, reply = 0, None
    for number in range(30):
        reply = wire.command(f"CREATE Box{number}")
        if not reply:
            break
        made += 1
    check(0 < made < 25 and reply.status == "NO" and reply.code == "LIMIT", "more mailboxes than allowed: NO [LIMIT]", reply)
    wire.must("DELETE Box0")
    reply = wire.command("CREATE " + "/".join("abcdefgh"))
    check(reply.status == "NO", "deeper than mailbox_depth is refused", reply)
    reply = wire.command("CREATE " + "n" * 100)
    check(reply.status == "NO", "a name longer than mailbox_name_octets is refused", reply)
    wire.close()


def connections(server):
    held = [login(server) for _ in range(3)]
    fourth = Wire(server.imap)
    reply = fourth.command(f'LOGIN "{USER}" "secret"')
    check(reply.status == "NO" and reply.code == "LIMIT", "one session of an account too many: NO [LIMIT]", reply)
    fourth.close()
    held.pop().close()
    check(wait_for(lambda: _can_log_in(server), 5), "when one ends, the next may come")
    for wire in held:
        wire.close()
    time.sleep(0.3)
    many = []
    line = b""
    for _ in range(15):
        try:
            many.append(Wire(server.imap, timeout=10))
            line = many[-1].greeting
        except Closed as error:
            line = str(error).encode()
        if not line.startswith(b"* OK"):
            break
    check(line.startswith(b"* BYE [LIMIT]"), f"connection {len(many)} of 10 allowed: BYE [LIMIT]", line)
    for wire in many:
        wire.close()
    check(wait_for(lambda: _can_log_in(server), 5), "and later there is room again")


def _can_log_in(server):
    try:
        with Wire(server.imap, timeout=10) as wire:
            return bool(wire.command(f'LOGIN "{USER}" "secret"'))
    except Closed:
        return False


def nonsense(server):
    wire = login(server)
    lines = []
    try:
        for _ in range(8):
            wire.send(b"x NONSENSE\r\n")
            lines.append(wire.line())
            if lines[-1].startswith(b"* BYE"):
                break
    except Closed:
        pass
    check(sum(line.startswith(b"x BAD") for line in lines) >= 4 and lines[-1].startswith(b"* BYE"), "five bad commands in a row: BYE", lines)
    wire.close()
    wire = login(server)
    for _ in range(4):
        for _ in range(3):
            wire.command("NONSENSE")
        check(bool(wire.command("NOOP")), "a good command in between starts the count anew")
    wire.close()
    wire = Wire(server.imap)
    said = b""
    try:
        for _ in range(12):
            wire.send(b"n NOOP\r\n")
            said = wire.line()
            if said.startswith(b"* BYE"):
                break
    except Closed:
        pass
    check(said.startswith(b"* BYE"), "more commands before login than allowed: BYE", said)
    wire.close()
    wire = Wire(server.imap)
    said = b""
    try:
        for _ in range(12):
            wire.send(b"l LOGIN {4294967295}\r\n")
            said = wire.line()
            if said.startswith(b"* BYE"):
                break
    except Closed:
        pass
    check(said.startswith(b"* BYE"), "refused literals count as commands before login: BYE", said)
    wire.close()


def patience(server):
    took, lines = ends_with_bye(Wire(server.imap), 12)
    check(took is not None and 1 < took < 10, "login_timeout=2: BYE", (took, lines))
    took, lines = ends_with_bye(login(server), 15)
    check(took is not None and 2 < took < 12, "idle_timeout=3: BYE", (took, lines))
    idle = login(server)
    idle.must("SELECT INBOX")
    idle.send(b"i IDLE\r\n")
    took, lines = ends_with_bye(idle, 15)
    check(took is not None and 2 < took < 12, "idle_timeout=3 in IDLE: BYE", (took, lines))
    slow = login(server)
    slow.send(b"a APPEND INBOX {1000}\r\n")
    slow.line()
    slow.send(b"only a part")
    took, lines = ends_with_bye(slow, 20)
    ended = took is not None or not lines
    check(ended, "a literal that never ends: the connection is closed", (took, lines))
    began = time.monotonic()
    half = socket.create_connection(server.imaps, timeout=15)
    check(half.recv(1) == b"" and time.monotonic() - began < 12, "handshake_timeout=2: a client that never starts TLS is closed")
    half.close()


def deaf(server):
    """A client that asks for much and reads nothing is let go after write_timeout."""
    wire = Wire(server.imap, receive_buffer=4096)
    wire.login(USER)
    wire.append("INBOX", message(1, 90_000))
    wire.must("SELECT INBOX")
    for _ in range(400):
        try:
            wire.socket.settimeout(2)
            wire.socket.sendall(b"f FETCH 1 BODY.PEEK[]\r\n")
        except (OSError, TimeoutError):
            break
    other = login(server)
    check(bool(other.command("NOOP")), "others are served meanwhile")
    other.close()

    def gone():
        shown = server.ctl("session", "list", "--json", check=False).stdout
        return USER not in shown

    check(wait_for(gone, 20, 0.5), "write_timeout=2: a client that does not read is let go", server.ctl("session", "list", check=False).stdout)
    wire.close()


def test(binaries):
    with Server(binaries, sets=["limits.message_octets=100K", "limits.header_octets=64K", "limits.multiappend_messages=5", "limits.line_octets=8K",
                                "limits.command_literal_octets=64K", "limits.nesting=16", "limits.set_ranges=16",
                                "limits.keywords_per_mailbox=5", "limits.keyword_octets=32", "limits.mailboxes=20",
                                "limits.mailbox_depth=5", "limits.mailbox_name_octets=64", "limits.connections=10",
                                "limits.connections_per_address=3", "limits.bad_commands=5",
                                "limits.commands_before_login=8"]) as server:
        server.add_user(USER)
        sizes(server)
        header(server)
        objects(server)
        connections(server)
        nonsense(server)
    with Server(binaries, sets=["limits.login_timeout=2", "limits.idle_timeout=3", "limits.handshake_timeout=2",
                                "limits.write_timeout=2"]) as server:
        server.add_user(USER)
        patience(server)
        deaf(server)


main(test)
