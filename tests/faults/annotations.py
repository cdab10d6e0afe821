#!/usr/bin/env python3
"""Annotations of messages and of mailboxes on two nodes, one of which, or PostgreSQL, is killed while sessions write.

    annotations.py --bin build/release/bin

What was acknowledged is there, with its message, wherever that was moved; a command without an answer happened wholly or not at
all. A session on the other node hears of each change: by ENABLE METADATA, by NOTIFY and by SELECT (ANNOTATE). `cpmctl db check`
finds nothing.
"""
import random
import re
import signal
import threading
import time

from common import check, main, message
from postgres import Postgres
from processes import wait_for
from server import Node
from wire import Closed, Wire

USER = "alice@example.net"
ROUNDS = 6
ENTRIES = ("/comment", "/altsubject", "/vendor/test/a", "/1/flags/seen", "/1/comment")


class Writer:
    """One message of its own, which it annotates and moves between two mailboxes, and one annotation of a mailbox."""

    def __init__(self, number, seed):
        self.number = number
        self.dice = random.Random(seed * 100 + number)
        self.boxes = (f"W{number}a", f"W{number}b")
        self.state = ({}, 0, None)  # annotations, number of the mailbox, annotation of the mailbox
        self.doubt = None           # the state that a command without answer would have led to
        self.done = 0

    def step(self, wire):
        values, box, metadata = self.state
        kind = self.dice.random()
        if kind < 0.15:
            after = (values, 1 - box, metadata)
            commands = [f"SELECT {self.boxes[box]}", f"MOVE 1 {self.boxes[1 - box]}"]
        elif kind < 0.3:
            new = f"m{self.dice.randrange(10**9)}"
            after = (values, box, new)
            commands = [f'SETMETADATA {self.boxes[0]} (/private/vendor/test/w "{new}")']
        else:
            changed, words = dict(values), []
            for entry in self.dice.sample(ENTRIES, self.dice.randint(1, 3)):
                for scope in self.dice.sample(("priv", "shared"), self.dice.randint(1, 2)):
                    value = str(self.dice.randrange(2)) if "flags" in entry else f"v{self.dice.randrange(10**9)}"
                    if self.dice.random() < 0.2:
                        value = None
                    words.append(f"{entry} (value.{scope} " + (f'"{value}")' if value else "NIL)"))
                    changed.pop((entry, scope), None)
                    if value:
                        changed[entry, scope] = value
            after = (changed, box, metadata)
            commands = [f"SELECT {self.boxes[box]}", f"STORE 1 ANNOTATION ({' '.join(words)})"]
        self.doubt = after
        for command in commands:
            reply = wire.command(command)
            if not reply:
                if "UNAVAILABLE" not in reply.code:
                    raise AssertionError(f"{command}: {reply}")
                if "Not known" not in reply.text:
                    self.doubt = None
                raise Closed("not available")
        self.state, self.doubt = after, None
        self.done += 1

    def work(self, address, stop):
        try:
            with Wire(address, tls=True, timeout=20) as wire:
                wire.login(USER)
                while not stop.is_set():
                    self.step(wire)
        except (Closed, OSError):
            pass

    def found(self, wire):
        for box in (0, 1):
            wire.must(f"SELECT {self.boxes[box]}")
            lines = wire.must("FETCH 1:* ANNOTATION (* value)").untagged if wire.must(
                f"STATUS {self.boxes[box]} (MESSAGES)").number("MESSAGES") else None
            if lines is None:
                continue
            values = {}
            for line in lines:
                for entry, body in re.findall(r'(/\S+) \(((?:value\.\w+ (?:"\w*"|NIL) ?)+)\)', line.decode()):
                    for scope, value in re.findall(r'value\.(\w+) ("\w*"|NIL)', body):
                        if value != "NIL":
                            values[entry, scope] = value.strip('"')
            text = wire.must(f"GETMETADATA {self.boxes[0]} /private/vendor/test/w").untagged[0].decode()
            metadata = re.search(r'/w ("?)(\w+)\1', text)[2]
            return values, box, None if metadata == "NIL" else metadata
        return None

    def verify(self, wire):
        state = self.found(wire)
        if state == self.doubt:
            self.state = state
        self.doubt = None
        check(state == self.state, f"writer {self.number}: all that was acknowledged is there", f"{state} is not {self.state}")


def watchers(one, two):
    """Each change on one node is told on the other."""
    with Wire(one.imaps, tls=True) as writer, Wire(two.imaps, tls=True, timeout=20) as selected, \
            Wire(two.imaps, tls=True, timeout=20) as notified:
        for wire in (writer, selected, notified):
            wire.login(USER)
        selected.must("ENABLE METADATA")
        selected.must("SELECT Seen (ANNOTATE)")
        notified.must("ENABLE CONDSTORE")
        notified.must("NOTIFY SET (personal (MessageNew MessageExpunge AnnotationChange MailboxMetadataChange ServerMetadataChange))")
        selected.send(b"i IDLE\r\n")
        while not selected.line().startswith(b"+"):
            pass
        writer.must("SELECT Seen")
        writer.must(f'STORE 1 ANNOTATION (/comment (value.priv "{time.time()}"))')
        check(b"ANNOTATION (/comment)" in selected.line(), "SELECT (ANNOTATE) on the other node hears of it")
        check(b"STATUS Seen" in notified.line(), "NOTIFY AnnotationChange on the other node hears of it")
        writer.must(f'SETMETADATA Seen (/shared/comment "{time.time()}")')
        check(b'METADATA "Seen" /shared/comment' in selected.line(), "ENABLE METADATA on the other node hears of it")
        check(b'METADATA "Seen" /shared/comment' in notified.line(), "NOTIFY MailboxMetadataChange on the other node hears of it")
        writer.must(f'SETMETADATA "" (/private/vendor/cpmstore/test/x "{time.time()}")')
        check(b'METADATA "" /private/vendor/cpmstore/test/x' in selected.line(), "of the server too")
        check(b'METADATA "" /private/vendor/cpmstore/test/x' in notified.line(), "NOTIFY ServerMetadataChange too")


def usable(node):
    try:
        with Wire(node.imaps, tls=True, timeout=10) as wire:
            return bool(wire.command(f'LOGIN "{USER}" "secret"')) and bool(wire.command("STATUS INBOX (MESSAGES)"))
    except (Closed, OSError):
        return False


def run(binaries):
    seed = int(time.time())
    dice = random.Random(seed)
    print(f"seed {seed}", flush=True)
    with Postgres() as postgres:
        url = postgres.make_database("annotations")
        with Node(binaries, url) as one, Node(binaries, url) as two:
            one.add_user(USER)
            writers = [Writer(number, seed) for number in range(6)]
            with Wire(one.imaps, tls=True) as wire:
                wire.login(USER)
                wire.must("CREATE Seen")
                wire.append("Seen", message(1))
                for writer in writers:
                    for box in writer.boxes:
                        wire.must(f"CREATE {box}")
                    wire.append(writer.boxes[0], message(writer.number))
            for number in range(ROUNDS):
                stop = threading.Event()
                nodes = [one, two]
                threads = [threading.Thread(target=writer.work, args=(nodes[writer.number % 2].imaps, stop), daemon=True)
                           for writer in writers]
                for thread in threads:
                    thread.start()
                time.sleep(dice.uniform(0.5, 2.5))
                victim = dice.choice(("node", "postgres")) if number > 1 else ("node", "postgres")[number]
                if victim == "node":
                    killed = dice.choice(nodes)
                    killed.stop(signal.SIGKILL)
                else:
                    postgres.stop("immediate")
                time.sleep(dice.uniform(0, 0.5))
                stop.set()
                for thread in threads:
                    thread.join(60)
                    check(not thread.is_alive(), "no command hangs")
                if victim == "node":
                    killed.start()
                else:
                    postgres.start()
                check(wait_for(lambda: usable(one) and usable(two), 40, 0.2), "both nodes are usable again")
                with Wire(nodes[number % 2].imaps, tls=True) as wire:
                    wire.login(USER)
                    for writer in writers:
                        writer.verify(wire)
                done = one.ctl("db", "check", check=False)
                check(done.returncode == 0, "cpmctl db check finds nothing", done.stdout + done.stderr)
                watchers(*(nodes if number % 2 else nodes[::-1]))
                print(f"round {number + 1}: {victim} killed, {sum(w.done for w in writers)} commands so far", flush=True)
            check(sum(w.done for w in writers) > ROUNDS * 10, "enough was written")


if __name__ == "__main__":
    main(run)
