#!/usr/bin/env python3
"""A client that reads slowly: FETCH of one message of 100 MB, and of 100,000 messages. The server's memory stays bounded."""
import time

from common import check, main, message
from processes import memory, sanitized
from server import Server
from wire import Wire

USER = "alice@example.net"
MEGA = 1 << 20
BOUND = 100 * 1024  # KiB above the server at rest
SLOW_SECONDS = 6


class Watch:
    def __init__(self, server):
        self.pid = server.process.pid
        # Sanitizers keep freed memory for a while and shadow the rest.
        self.bound = BOUND * (6 if sanitized(self.pid) else 1)
        self.rest = memory(self.pid)
        self.highest = self.rest

    def look(self):
        self.highest = max(self.highest, memory(self.pid))

    def growth(self):
        return self.highest - self.rest


def read_slowly(wire, watch, command):
    """The octets of one command's whole reply: small sips for some seconds, then all that is left."""
    tag = wire.tag()
    wire.send(tag + b" " + command + b"\r\n")
    began, total, tail = time.monotonic(), len(wire.buffer), bytes(wire.buffer)
    wire.buffer.clear()
    while not (b"\r\n" + tag + b" OK") in tail or not tail.endswith(b"\r\n"):
        slow = time.monotonic() - began < SLOW_SECONDS
        octets = wire.socket.recv(16384 if slow else MEGA)
        if not octets:
            break
        total += len(octets)
        tail = (tail + octets)[-4096:]
        if slow:
            time.sleep(0.01)
        if slow or total % 64 == 0:
            watch.look()
    watch.look()
    return total, tail, time.monotonic() - began


def large_message(server):
    size = 100 * MEGA
    with Wire(server.imap, timeout=300, receive_buffer=65536) as wire:
        wire.login(USER)
        watch = Watch(server)
        octets = message(1, size)
        reply = wire.append("INBOX", octets)
        watch.look()
        check(bool(reply), "a message of 100 MB was stored", reply)
        check(watch.growth() < watch.bound, f"storing it took {watch.growth() // 1024} MB of memory")
        wire.must("SELECT INBOX")
        watch = Watch(server)
        total, tail, took = read_slowly(wire, watch, b"FETCH 1 BODY.PEEK[]")
        check(total > len(octets) and b" OK" in tail, f"all of it was read in {took:.1f} s", (total, tail[-200:]))
        check(watch.growth() < watch.bound, f"while it was read slowly the server grew by {watch.growth() // 1024} MB")


def many_messages(server, count):
    with Wire(server.imap, timeout=300, receive_buffer=65536) as wire:
        wire.login(USER)
        wire.must("CREATE Many")
        began = time.monotonic()
        for first in range(0, count, 500):
            batch = [message(first + n, subject=f"Number {first + n}") for n in range(500)]
            reply = wire.append("Many", batch)
            if not reply:
                raise AssertionError(f"MULTIAPPEND: {reply}")
        check(True, f"{count} messages stored in {time.monotonic() - began:.0f} s")
        reply = wire.must("SELECT Many")
        check(reply.number("EXISTS") == count, "SELECT tells all of them")
        for items in (b"(FLAGS UID BODY.PEEK[])", b"(UID ENVELOPE BODYSTRUCTURE)"):
            watch = Watch(server)
            total, tail, took = read_slowly(wire, watch, b"FETCH 1:* " + items)
            check(b"* %d FETCH" % count in tail and b" OK" in tail, f"FETCH 1:* {items.decode()}: {total // MEGA} MB in {took:.1f} s", tail[-200:])
            check(watch.growth() < watch.bound, f"the server grew by {watch.growth() // 1024} MB")


def test(binaries):
    with Server(binaries) as server:
        server.add_user(USER)
        large_message(server)
        many_messages(server, 100_000)


main(test)
