#!/usr/bin/env python3
"""Commands that run long: the client is told that they go on (RFC 9585), and one that is gone is noticed and its work ends."""
import json
import re
import socket
import threading
import time

from common import check, main, message
from processes import memory, sanitized, wait_for
from server import Server
from wire import Wire

USER = "alice@example.net"
MEGA = 1 << 20
CODE = re.compile(rb'\* OK \[INPROGRESS \("(\S+)" (\d+|NIL) (\d+|NIL)\)\] \S.*')


def login(server, tls=False, timeout=60):
    wire = Wire(server.imaps if tls else server.imap, tls=tls, timeout=timeout)
    wire.login(USER)
    return wire


def sessions(server):
    rows = json.loads(server.ctl("--json", "session", "list").stdout)
    return rows["sessions"] if isinstance(rows, dict) else rows


def fill(server, doublings):
    """Messages with much text, cheaply: each COPY doubles them."""
    wire = login(server, timeout=300)
    text = "".join(f"line {n} of a long story\r\n" for n in range(2400))
    for number in range(8):
        reply = wire.append("INBOX", message(number) + f"{number}\r\n{text}".encode())
        check(bool(reply), f"message {number} was stored") if number == 7 else None
    wire.must("SELECT INBOX")
    for _ in range(doublings):
        wire.must("UID COPY 1:* INBOX")
    count = wire.must("STATUS INBOX (MESSAGES)").number("MESSAGES")
    wire.close()
    return count


def told(server, messages):
    wire = login(server)
    wire.must("SELECT INBOX")
    took = 0
    while took < 4:  # a fast machine has more to search
        if took > 0:
            wire.must("UID COPY 1:* INBOX")
            messages *= 2
        began = time.monotonic()
        reply = wire.must("UID SEARCH BODY nothing_like_this OR BODY nothing_like_that SUBJECT nothing_at_all")
        took = time.monotonic() - began
    lines = [CODE.fullmatch(line) for line in reply.untagged if line.startswith(b"* OK")]
    check(took >= 4, f"a search of {messages} messages takes long: {took:.1f} s")
    check(all(lines), "all that is said meanwhile is INPROGRESS", reply.untagged)
    check(len(lines) >= int(took / 2.5), f"it is said about each second: {len(lines)} times")
    check(all(line[1] == b"t%d" % wire.count for line in lines), "with the tag of the command")
    goals, done = {int(line[3]) for line in lines}, [int(line[2]) for line in lines]
    check(goals == {messages}, "the goal is the number of messages, always the same", goals)
    check(done == sorted(done) and 0 <= done[0] and done[-1] < messages, "the count grows and stays below the goal", done)
    check(reply.untagged[-1] == b"* SEARCH", "then comes the result")
    wire.send(b"p1 UID SEARCH BODY nothing_like_this\r\np2 NOOP\r\np3 UID FETCH 1 (UID)\r\n")
    check(bool(wire.finish(b"p1")), "pipelined: the search ends")
    second = wire.finish(b"p2")
    check(bool(second) and not second.untagged, "pipelined: the next command was left in the socket and is done then")
    third = wire.finish(b"p3")
    check(third.untagged == [b"* 1 FETCH (UID 1)"], "and the one after it", third)
    wire.close()
    return took


def half_closed(server):
    wire = login(server)
    wire.send(b"h1 SELECT INBOX\r\nh2 UID SEARCH BODY nothing_like_this\r\nh3 LOGOUT\r\n")
    wire.socket.shutdown(socket.SHUT_WR)
    check(bool(wire.finish(b"h1")), "a script that has nothing more to send: SELECT")
    reply = wire.finish(b"h2")
    check(bool(reply) and reply.untagged[-1] == b"* SEARCH", "… its search is done to the end", reply)
    check(bool(wire.finish(b"h3")), "… and LOGOUT answered")
    wire.close()


def gone(server, took, tls):
    kind = "TLS" if tls else "plain"
    wire = login(server, tls)
    wire.must("SELECT INBOX")
    before = memory(server.process.pid)
    wire.send(b"g1 UID SEARCH BODY nothing_like_this OR BODY nothing_like_that SUBJECT nothing_at_all\r\ng2 NOOP\r\n")
    time.sleep(0.5)
    wire.close()
    began = time.monotonic()
    left = wait_for(lambda: not sessions(server), 60)
    check(left, f"{kind}: the session of a client that closed the connection ends")
    ended = time.monotonic() - began
    check(ended < took * 0.75, f"{kind}: … long before its search would have: after {ended:.1f} s of {took:.1f} s")
    check("the client is gone" in server.log.read_text(errors="replace"), f"{kind}: … and the log says why")
    if not sanitized(server.process.pid):
        grown = memory(server.process.pid) - before
        check(grown < 64 * 1024, f"{kind}: memory stays bounded ({grown} KiB)")
    other = login(server)
    began = time.monotonic()
    other.must("STATUS INBOX (MESSAGES)")
    check(time.monotonic() - began < 1, f"{kind}: the database is free for others")
    other.close()
    wait_for(lambda: not sessions(server), 10)


def numbers_of(text):
    out = []
    for part in text.split(","):
        first, _, last = part.partition(":")
        out += range(int(first), int(last or first) + 1)
    return out


def email_ids(wire):
    rows = [re.match(rb"\* \d+ FETCH \(UID (\d+) EMAILID \((\w+)\)\)", line) for line in wire.must("UID FETCH 1:* (EMAILID)").untagged]
    return {int(row[1]): row[2] for row in rows if row}


class Depositor(threading.Thread):
    """Another client that appends to a mailbox all the time."""

    def __init__(self, server, mailbox):
        super().__init__(daemon=True)
        self.wire, self.mailbox, self.count, self.running = login(server), mailbox, 0, True
        self.start()

    def run(self):
        while self.running:
            if self.wire.append(self.mailbox, message(1)):
                self.count += 1

    def stop(self):
        self.running = False
        self.join(60)
        self.wire.close()
        return self.count


def in_pieces(server):
    """More messages than one transaction takes: the answers are those of one command."""
    count = 25_000
    wire = login(server)
    wire.must("CREATE many")
    wire.must("CREATE target")
    wire.must("SELECT INBOX")
    wire.must(f"UID COPY 1:{count} many")
    wire.must("SELECT many")
    flags = [line for line in wire.must("STORE 1:* +FLAGS (\\Flagged)").untagged if b"\\Flagged" in line]
    shown = [int(re.match(rb"\* (\d+) FETCH \(UID \d+ FLAGS \(\\Flagged( \\Recent)?\)\)$", line)[1]) for line in flags]
    check(shown == list(range(1, count + 1)), "STORE of many: each is told once, in order", shown[:5])
    check(len(wire.must("UID SEARCH FLAGGED").numbers()) == count, "… and is changed")
    other = login(server)
    other.must("SELECT many")
    reply = wire.must("STATUS many (HIGHESTMODSEQ)")
    since = reply.number("HIGHESTMODSEQ")
    other.must("UID STORE 5,15000 +FLAGS.SILENT (\\Seen)")
    other.close()
    reply = wire.must(f"UID STORE 1:* (UNCHANGEDSINCE {since}) +FLAGS.SILENT (\\Answered)")
    check(reply.code == "MODIFIED 5,15000", "a conditional STORE of many: what failed in any piece", reply.code)
    seen = [line for line in reply.untagged if b" FLAGS " in line]
    check({int(line.split()[1]) for line in seen} == {5, 15000} and all(b"\\Seen" in line for line in seen),
          "… is told, the others with their MODSEQ only", seen[:3])
    before = email_ids(wire)
    depositor = Depositor(server, "target")
    time.sleep(0.3)
    reply = wire.must("UID MOVE 1:24000 target")
    deposits = depositor.stop()
    codes = [line for line in reply.untagged if b"COPYUID" in line]
    check(len(codes) == 1 and reply.untagged.index(codes[0]) == min(i for i, line in enumerate(reply.untagged) if b"COPYUID" in line or line.endswith(b" EXPUNGE")),
          "MOVE of many: one COPYUID before the first EXPUNGE", codes)
    words = codes[0].split(b"]")[0].decode().split()
    source, target = numbers_of(words[4]), numbers_of(words[5])
    check(source == list(range(1, 24001)) and len(target) == 24000, "… of all", (len(source), len(target)))
    check(deposits > 0 and target[-1] - target[0] >= 24000, f"… while others deposited ({deposits})", (target[0], target[-1]))
    gone_lines = sum(line.endswith(b" EXPUNGE") for line in reply.untagged)
    check(gone_lines == 24000, "… and an EXPUNGE for each", gone_lines)
    wire.must("SELECT target")
    after = email_ids(wire)
    check(all(after.get(to) == before[at] for at, to in zip(source, target)), "… which says where each message went")
    wire.must(f"UID STORE {target[0]}:{target[11999]} +FLAGS.SILENT (\\Deleted)")
    marked = wire.must("UID SEARCH RETURN (COUNT) DELETED").untagged[-1]
    marked = int(re.search(rb"COUNT (\d+)", marked)[1])
    reply = wire.must("EXPUNGE")
    check(sum(line.endswith(b" EXPUNGE") for line in reply.untagged) == marked >= 12000, "EXPUNGE of many: all that were marked")
    wire.must("UID STORE 1:* +FLAGS.SILENT (\\Deleted)")
    wire.must("CLOSE")
    check(wire.must("STATUS target (MESSAGES)").number("MESSAGES") == 0, "CLOSE of many")
    wire.close()


def off(server):
    wire = login(server)
    check(not any(b"INPROGRESS" in line for line in wire.must("CAPABILITY").untagged), "progress_interval=0: not offered")
    wire.must("SELECT INBOX")
    reply = wire.must("UID SEARCH BODY nothing_like_this")
    check(reply.untagged == [b"* SEARCH"], "progress_interval=0: nothing is said", reply)
    wire.close()


def test(binaries):
    with Server(binaries, ["limits.progress_interval=1", "database.connections=4", "server.threads=1"]) as server:
        server.add_user(USER)
        messages = fill(server, 13)
        in_pieces(server)
        took = told(server, messages)
        half_closed(server)
        gone(server, took, tls=False)
        gone(server, took, tls=True)
        server.stop()
        server.sets[0] = "limits.progress_interval=0"
        server.start()
        off(server)


if __name__ == "__main__":
    main(test)
