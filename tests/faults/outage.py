#!/usr/bin/env python3
"""The embedded PostgreSQL freezes or dies while sessions live: commands answer NO [UNAVAILABLE], sessions stay, and work again later."""
import http.client
import os
import signal
import threading
import time

from common import check, main, message
from processes import alive, descendants, wait_for
from server import Server
from wire import Closed, Wire

USER = "alice@example.net"


class Sessions:
    """One session that has a mailbox selected, one with none, one in IDLE."""

    def __init__(self, server):
        self.selected, self.fresh, self.idle = (Wire(server.imaps, tls=True, timeout=60) for _ in range(3))
        for wire in (self.selected, self.fresh, self.idle):
            wire.login(USER)
        self.selected.must("SELECT INBOX")
        self.idle.must("SELECT INBOX")
        self.idle.send(b"i IDLE\r\n")
        while not self.idle.line().startswith(b"+"):
            pass

    def refused(self, server, what):
        """During the outage: every command is answered in time with NO [UNAVAILABLE]."""
        for wire, command in ((self.selected, "UID STORE 1 +FLAGS (\\Flagged)"), (self.selected, "UID FETCH 1 BODY.PEEK[]"),
                              (self.fresh, "STATUS INBOX (MESSAGES)"), (self.fresh, "CREATE Later")):
            began = time.monotonic()
            reply = wire.command(command)
            took = time.monotonic() - began
            check(reply.status == "NO" and reply.code == "UNAVAILABLE", f"{what}: {command.split(' (')[0]} answers NO [UNAVAILABLE]", reply)
            check(took < 30, f"  after {took:.1f} s")
        reply = self.fresh.append("INBOX", message(50))
        check(reply.status == "NO" and reply.code == "UNAVAILABLE", f"{what}: APPEND answers NO [UNAVAILABLE]", reply)
        check(bool(self.fresh.command("CAPABILITY")), f"{what}: CAPABILITY needs no database")
        with Wire(server.imaps, tls=True, timeout=60) as newcomer:
            newcomer_reply = newcomer.command(f'LOGIN "{USER}" "other"')
            check(newcomer_reply.status == "NO" and newcomer_reply.code == "UNAVAILABLE",
                  f"{what}: LOGIN answers NO [UNAVAILABLE], not that the password is wrong", newcomer_reply)

    def work_again(self, what, count):
        check(wait_for(lambda: bool(self.fresh.command("STATUS INBOX (MESSAGES)")), 60, 0.2), f"{what}: STATUS works again, same session")
        check(bool(wait_for(lambda: self.fresh.append("INBOX", message(count)).status == "OK", 10, 0.2)), f"{what}: APPEND works")
        told = self.selected.must("NOOP").untagged
        check(b"* %d EXISTS" % count in told, f"{what}: the selected session lives and NOOP tells EXISTS", told)
        check(b"BODY" in self.selected.must("UID FETCH 1 BODY.PEEK[]").untagged[0], f"{what}: FETCH works")
        check(bool(self.selected.command("UID STORE 1 +FLAGS (\\Flagged)")), f"{what}: STORE works")
        line = self.idle.line()
        while not line.endswith(b"EXISTS"):
            line = self.idle.line()
        check(line == b"* %d EXISTS" % count, f"{what}: the IDLE session is told of it", line)
        self.idle.send(b"DONE\r\n")
        while not line.startswith(b"i "):
            line = self.idle.line()
        check(line.startswith(b"i OK"), f"{what}: DONE ends IDLE")

    def close(self):
        for wire in (self.selected, self.fresh, self.idle):
            wire.close()


def signal_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def frozen(server):
    sessions = Sessions(server)
    postmaster = server.postmaster()
    pids = [postmaster, *descendants(postmaster)]
    signal_all(pids, signal.SIGSTOP)
    try:
        sessions.refused(server, "frozen")
    finally:
        signal_all([postmaster, *descendants(postmaster)], signal.SIGCONT)
    count = 0
    with Wire(server.imaps, tls=True, timeout=60) as wire:
        check(bool(wait_for(lambda: wire.command(f'LOGIN "{USER}" "secret"').status == "OK", 30, 0.2)), "thawed: LOGIN works")
        count = wire.must("STATUS INBOX (MESSAGES)").number("MESSAGES")
    sessions.work_again("thawed", count + 1)
    sessions.close()


def killed(server):
    sessions = Sessions(server)
    old = server.postmaster()
    pid = server.process.pid
    with Wire(server.imaps, tls=True) as wire:
        wire.login(USER)
        count = wire.must("STATUS INBOX (MESSAGES)").number("MESSAGES")
    answers = set()
    stop = threading.Event()

    def ask():
        with Wire(server.imaps, tls=True, timeout=60) as wire:
            wire.login(USER)
            while not stop.is_set():
                reply = wire.command("STATUS INBOX (MESSAGES)")
                answers.add((reply.status, reply.code))

    asker = threading.Thread(target=ask)
    asker.start()
    time.sleep(0.3)
    os.kill(old, signal.SIGKILL)
    back = wait_for(lambda: server.postmaster_or_none() not in (None, old) and server.postmaster_or_none(), 60)
    check(back, "killed: PostgreSQL was started again by the server")
    sessions.work_again("killed", count + 1)
    stop.set()
    asker.join(60)
    check(answers <= {("OK", ""), ("NO", "UNAVAILABLE")}, "killed: a busy session saw nothing but OK and NO [UNAVAILABLE]", answers)
    check(server.process.pid == pid and alive(pid), "killed: the server is the same process")
    sessions.close()


def drained(server):
    """SIGTERM while sessions idle and one is in a command."""
    with Wire(server.imaps, tls=True) as idle:
        idle.login(USER)
        idle.must("SELECT INBOX")
        idle.send(b"i IDLE\r\n")
        while not idle.line().startswith(b"+"):
            pass
        check(server.stop() == 0, "SIGTERM with sessions open: the server ends with 0")
        try:
            line = b""
            while not line.startswith(b"* BYE"):
                line = idle.line()
        except Closed:
            line = b"(closed without BYE)"
        check(line.startswith(b"* BYE"), "and the session was told BYE", line)


def frozen_for_good(binaries):
    """All of PostgreSQL hangs, as on a dead disk: the readiness page says so, and SIGTERM still ends the server, and PostgreSQL with it."""
    sets = ["limits.command_deadline=2", "limits.drain_timeout=2", "database.stop_timeout=2"]
    with Server(binaries, sets=sets) as server:
        server.add_user(USER)
        check(ready(server)[0] == 200, "readyz: 200 while all is well")
        idle = Wire(server.imaps, tls=True, timeout=60)
        idle.login(USER)
        postmaster = server.postmaster()
        pids = [postmaster, *descendants(postmaster)]
        signal_all(pids, signal.SIGSTOP)
        for _ in range(2):
            status, took = ready(server)
            check(status == 503 and took < 8, f"readyz: 503 in time when PostgreSQL hangs ({took:.1f} s)", status)
        began = time.monotonic()
        check(server.stop(timeout=60) == 0, "SIGTERM ends the server with 0 although PostgreSQL hangs")
        check(time.monotonic() - began < 25, f"  after {time.monotonic() - began:.1f} s")
        check(bool(wait_for(lambda: not any(alive(pid) for pid in pids), 10)), "and leaves no process of PostgreSQL behind")
        idle.close()
        server.start()
        check(server.ctl("db", "check", check=False).returncode == 0, "started again: cpmctl db check finds nothing")


def ready(server):
    began = time.monotonic()
    connection = http.client.HTTPConnection(*server.http, timeout=30)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status, time.monotonic() - began
    finally:
        connection.close()


def test(binaries):
    frozen_for_good(binaries)
    with Server(binaries, sets=["limits.command_deadline=3", "limits.idle_poll=2"]) as server:
        server.add_user(USER)
        with Wire(server.imaps, tls=True) as wire:
            wire.login(USER)
            for number in range(1, 6):
                wire.append("INBOX", message(number))
        frozen(server)
        killed(server)
        check(server.ctl("db", "check", check=False).returncode == 0, "cpmctl db check finds nothing")
        drained(server)


main(test)
