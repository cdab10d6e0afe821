#!/usr/bin/env python3
"""The database dies in the middle of a large FETCH: the client gets right octets and then the end of the connection, never anything
else inside the literal."""
import os
import re
import signal
import time

from common import check, main
from processes import children
from server import Server
from wire import Wire

USER = "alice@example.net"
WINDOW = 512 * 1024


def numbered(size):
    head = b"Subject: numbered\r\n\r\n"
    return (head + b"".join(b"%015d\r\n" % i for i in range(size // 17 + 1)))[:size]


def cut(server, content, number):
    wire = Wire(server.imap, receive_buffer=64 * 1024)
    wire.login(USER)
    wire.command("SELECT INBOX")
    wire.send(b"x FETCH %d BODY.PEEK[]\r\n" % number)
    got = bytearray()
    while len(got) < WINDOW:
        got += wire.socket.recv(4096)
    for backend in children(server.postmaster()):
        try:
            os.kill(backend, signal.SIGKILL)
        except ProcessLookupError:
            pass
    time.sleep(0.5)
    try:
        while block := wire.socket.recv(1 << 20):
            got += block
    except OSError:
        pass
    wire.close()
    begin = re.match(rb"(?s).*?\{(\d+)\}\r\n", bytes(got))
    check(begin and int(begin[1]) == len(content), "the literal was announced", bytes(got[:100]))
    octets = bytes(got[begin.end():])
    if len(octets) > len(content):  # it had all been read before
        return False
    check(octets == content[:len(octets)], f"{len(octets)} of {len(content)} octets came, all of them the message's")
    return True


def test(binaries):
    with Server(binaries) as server:
        server.add_user(USER)
        wire = Wire(server.imap)
        wire.login(USER)
        # The second ends 20 octets after a window, so that a short text would just fill it.
        contents = [numbered(60_000_000), numbered(100 * WINDOW + 20)]
        for content in contents:
            check(bool(wire.append("INBOX", content)), "stored")
        wire.close()
        cuts = 0
        for _ in range(2):
            for number, content in enumerate(contents, 1):
                cuts += cut(server, content, number)
                deadline = time.time() + 30
                while "[UNAVAILABLE]" in str(Wire(server.imap).command(f"LOGIN {USER} secret").text) and time.time() < deadline:
                    time.sleep(0.2)
        check(cuts > 0, f"{cuts} of 4 were cut")
        wire = Wire(server.imap)
        wire.login(USER)
        wire.command("SELECT INBOX")
        reply = wire.command("FETCH 2 BODY.PEEK[]")
        check(contents[1] in b"".join(reply.untagged), "afterwards all of it can be read")
        wire.close()


main(test)
