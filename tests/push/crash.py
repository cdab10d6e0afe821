#!/usr/bin/env python3
"""kill -9 of the server, of PostgreSQL and of the receiver while messages come: every deposit that was acknowledged is told, in the
order of its mailbox; a second node takes over what the first had taken.

    crash.py --bin build/release/bin [--rounds 6] [--seed S]
"""
import argparse
import os
import random
import signal
import threading
import time

from common import FAST, MESSAGE, Closed, Receiver, Server, Wire, first_seen, uids_of
from postgres import Postgres
from server import Node

USERS = ["a@example.net", "b@example.net"]
MAILBOXES = ["INBOX", "Default"]
SETS = [*FAST, "push.per_target=4"]


class Writer(threading.Thread):
    """Deposits until told to stop; remembers the UIDs that were acknowledged."""

    def __init__(self, user, mailbox):
        super().__init__(daemon=True)
        self.user, self.mailbox, self.address = user, mailbox, None
        self.uids, self.over = [], threading.Event()

    def run(self):
        while not self.over.is_set():
            try:
                with Wire(self.address, timeout=10) as wire:
                    wire.login(self.user)
                    while not self.over.is_set():
                        reply = wire.append(self.mailbox, MESSAGE.format("x").encode())
                        if reply:
                            self.uids.append(int(reply.code.split()[2]))
            except (Closed, OSError, AssertionError):
                time.sleep(0.05)


def mailbox_of(request):
    return request.json["mailboxID"].split("/")[3].split(";")[0]


def check(receiver, writers, seconds=60):
    """All that was acknowledged is told; what is first told of a mailbox rises."""
    deadline = time.time() + seconds
    while True:
        taken = receiver.taken()
        missing = 0
        for writer in writers:
            of = [r for r in taken if r.json["user"] == writer.user and mailbox_of(r) == writer.mailbox]
            told = first_seen(of)
            assert told == sorted(told), (writer.user, writer.mailbox, told)
            missing += len(set(writer.uids) - set(told))
        if missing == 0:
            return len(taken)
        assert time.time() < deadline, f"{missing} events are lost"
        time.sleep(0.2)


def one_node(options, dice):
    with Receiver() as receiver, Server(options.bin, SETS) as server:
        for user in USERS:
            server.add_user(user)
            server.ctl("push", "add", user, "--webhook", receiver.url, "--unsigned")
        writers = [Writer(user, mailbox) for user in USERS for mailbox in MAILBOXES]
        for writer in writers:
            writer.address = server.imap
            writer.start()
        blows = ["server", "postmaster", "receiver", "both", "server", "backend"]
        for number in range(options.rounds):
            blow = blows[number % len(blows)]
            time.sleep(dice.uniform(0.3, 1.0))
            postmaster = server.postmaster()
            if blow in ("receiver", "both"):
                receiver.kill()
            if blow == "postmaster":
                os.kill(postmaster, signal.SIGKILL)
            if blow == "backend":
                os.kill(int(next(iter(os.popen(f"pgrep -P {postmaster} -f 'postgres: .*cpmstore'").read().split()))), signal.SIGKILL)
            if blow in ("server", "both"):
                server.stop(signal.SIGKILL)
                server.start()
                for writer in writers:
                    writer.address = server.imap
            time.sleep(0.3)
            if receiver.process is None:
                receiver.start()
        time.sleep(0.5)
        for writer in writers:
            writer.over.set()
        for writer in writers:
            writer.join(30)
        acknowledged = sum(len(writer.uids) for writer in writers)
        # Leases of killed nodes end after 2 x push.timeout + 60 s.
        taken = check(receiver, writers, 100)
        print(f"one node: {acknowledged} deposits acknowledged, all told, in order; {taken - acknowledged} requests more")
        assert acknowledged > 100
        assert server.ctl("db", "check").returncode == 0


def two_nodes(options, dice):
    """Both share the work; one is killed."""
    with Postgres() as postgres, Receiver() as receiver:
        url = postgres.make_database("push")
        with Node(options.bin, url, SETS) as one, Node(options.bin, url, SETS) as two:
            for user in USERS:
                one.add_user(user)
                one.ctl("push", "add", user, "--webhook", receiver.url, "--unsigned")
            writers = [Writer(user, mailbox) for user in USERS for mailbox in MAILBOXES]
            for number, writer in enumerate(writers):
                writer.address = (one if number % 2 else two).imap
                writer.start()
            time.sleep(1.5)
            one.stop(signal.SIGKILL)
            for writer in writers:
                writer.address = two.imap
            time.sleep(1)
            for writer in writers:
                writer.over.set()
                writer.join(30)
            taken = check(receiver, writers, 100)
            print(f"two nodes, one killed: {sum(len(w.uids) for w in writers)} deposits, all told, in order; {taken} requests")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    dice = random.Random(options.seed)
    one_node(options, dice)
    two_nodes(options, dice)


if __name__ == "__main__":
    main()
