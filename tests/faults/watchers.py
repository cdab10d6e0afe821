#!/usr/bin/env python3
"""IDLE and NOTIFY (RFC 2177, RFC 5465) on two servers with a common database: what one node changes, sessions on the other are told.

    watchers.py --bin build/release/bin            the test: nothing is lost, whatever is cut
    watchers.py --bin build/release/bin --report   100 watchers and nothing else, with figures
"""
import argparse
import random
import re
import selectors
import socket
import statistics
import sys
import threading
import time

from common import Failed, check, message

from postgres import Postgres
from server import Node
from wire import Wire

USER = "watched@example.net"
WATCHED_MOST = 300  # limits.notify_mailboxes of the nodes; renamed trees leave some dozens of names
PATIENCE = 20


def rest(wire):
    """What came after the last reply."""
    text = bytes(wire.buffer).decode()
    wire.buffer.clear()
    return text


class Watcher:
    """A connection that only listens; what it is told is a number that rises with each message in INBOX."""

    def __init__(self, address, kind):
        self.kind = kind
        self.wire = Wire(address)
        self.wire.login(USER)
        if kind == "idle":
            assert self.wire.command("SELECT INBOX")
            self.wire.socket.sendall(b"i IDLE\r\n")
        elif kind == "personal":
            assert self.wire.command("NOTIFY SET (personal (MessageNew MessageExpunge))")
        else:
            assert self.wire.command("SELECT INBOX")
            assert self.wire.command("NOTIFY SET (selected (MessageNew (UID FLAGS) MessageExpunge))")
        self.socket = self.wire.socket
        self.text = rest(self.wire)
        self.reached = 0
        self.fetched = []

    def read(self):
        octets = self.socket.recv(65536)
        if not octets:
            raise Failed(f"a watcher ({self.kind}) lost its connection")
        self.text += octets.decode()
        *lines, self.text = self.text.split("\r\n")
        for line in lines:
            if self.kind == "personal":
                match = re.match(r"\* STATUS INBOX \(UIDNEXT \d+ MESSAGES (\d+)\)", line)
            elif self.kind == "selected":
                match = re.match(r"\* (\d+) FETCH \(UID (\d+)", line)
                if match:
                    self.fetched.append(int(match[2]))
            else:
                match = re.match(r"\* (\d+) EXISTS", line)
            if match:
                self.reached = int(match[1])


def fan_out(nodes, number, rounds, say):
    """Every watcher on the second node is told of every message that comes to the first one."""
    kinds = ["idle", "personal", "selected", "idle"]
    watchers = [Watcher(nodes[1].imap, kinds[i % len(kinds)]) for i in range(number)]
    selector = selectors.DefaultSelector()
    for watcher in watchers:
        selector.register(watcher.socket, selectors.EVENT_READ, watcher)
    writer = Wire(nodes[0].imap)
    writer.login(USER)
    text = message()
    by_kind = {kind: [] for kind in kinds}
    for count in range(1, rounds + 1):
        time.sleep(0.05)
        began = time.perf_counter()
        writer.socket.sendall(b"w%d APPEND INBOX {%d+}\r\n" % (count, len(text)) + text + b"\r\n")
        waiting = set(watchers)
        while waiting:
            ready = selector.select(PATIENCE)
            if not ready:
                raise Failed(f"{len(waiting)} of {number} watchers were not told of message {count}: {sorted(w.kind for w in waiting)[:5]}")
            for key, _ in ready:
                watcher = key.data
                watcher.read()
                if watcher in waiting and watcher.reached >= count:
                    by_kind[watcher.kind].append(1000 * (time.perf_counter() - began))
                    waiting.discard(watcher)
        while b"w%d OK" % count not in writer.socket.recv(65536):
            pass
    for watcher in watchers:
        if watcher.kind == "selected" and watcher.fetched != list(range(1, rounds + 1)):
            raise Failed(f"FETCH told {watcher.fetched}, not each message once")
    for kind, delays in [*by_kind.items(), ("all", [delay for delays in by_kind.values() for delay in delays])]:
        delays.sort()
        say(f"APPEND on one node to its notification on the other, {number} watchers, {kind}: median {statistics.median(delays):.1f} ms, "
            f"p99 {delays[min(len(delays) - 1, int(len(delays) * 0.99))]:.1f} ms, worst {delays[-1]:.1f} ms, of {len(delays)}")
    for watcher in watchers:
        watcher.wire.socket.close()
    writer.socket.close()


class Picture:
    """What a NOTIFY client believes, from what it is told."""

    def __init__(self, address):
        self.wire = Wire(address)
        self.wire.login(USER)
        self.messages, self.subscribed, self.numbers, self.flags = {}, set(), [], {}
        for line in self.wire.command("LIST \"\" * RETURN (SUBSCRIBED)").untagged:
            self.take(line.decode())
        self.wire.command("SELECT Default")
        reply = self.wire.command("NOTIFY SET STATUS (selected (MessageNew (UID FLAGS) MessageExpunge FlagChange))"
                                  " (personal (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange))")
        if not reply:
            raise Failed(f"NOTIFY: {reply}")
        for line in reply.untagged:
            self.take(line.decode())
        for line in self.wire.command("UID FETCH 1:* (FLAGS)").untagged:
            self.take(line.decode())
        self.wire.socket.settimeout(0.2)
        self.text = rest(self.wire)

    def take(self, line):
        line = line.rstrip("\r\n")
        flags = self.flags
        if match := re.match(r'\* LIST \(([^)]*)\) "/" "([^"]*)"(?: \("OLDNAME" \("([^"]*)"\)\))?$', line):
            attributes, name, old = match[1].split(), match[2], match[3]
            if old:  # its children go with it
                for known in [known for known in self.messages if known == old or known.startswith(old + "/")]:
                    self.messages[name + known[len(old):]] = self.messages.pop(known)
            if "\\NonExistent" in attributes:
                self.messages.pop(name, None)
            else:
                self.messages.setdefault(name, 0)
            self.subscribed.discard(name)
            if "\\Subscribed" in attributes:
                self.subscribed.add(name)
        elif match := re.match(r"\* STATUS (\S+) \(([^)]*)\)$", line):
            if count := re.search(r"MESSAGES (\d+)", match[2]):
                self.messages[match[1].strip('"')] = int(count[1])
        elif match := re.match(r"\* (\d+) EXISTS", line):
            self.numbers += [None] * (int(match[1]) - len(self.numbers))
        elif match := re.match(r"\* (\d+) EXPUNGE", line):
            flags.pop(self.numbers.pop(int(match[1]) - 1), None)
        elif match := re.match(r"\* (\d+) FETCH \(UID (\d+) FLAGS \(([^)]*)\)", line):
            self.numbers[int(match[1]) - 1] = int(match[2])
            flags[int(match[2])] = frozenset(f for f in match[3].split() if f != "\\Recent")
        elif line.startswith("* OK [NOTIFICATIONOVERFLOW]") or line.startswith("* BYE"):
            raise Failed(line)

    def listen(self):
        """Takes what there is; false when nothing came for a while."""
        try:
            octets = self.wire.socket.recv(65536)
        except TimeoutError:
            return False
        if not octets:
            raise Failed("the watcher lost its connection")
        self.text += octets.decode()
        *lines, self.text = self.text.split("\r\n")
        for line in lines:
            self.take(line)
        return True

    def seen(self):
        others = {name: count for name, count in self.messages.items() if name != "Default"}
        return others, set(self.subscribed), [(uid, self.flags.get(uid)) for uid in self.numbers]


def truth(node):
    with Wire(node.imap) as wire:
        wire.login(USER)
        names, subscribed, flags = {}, set(), []
        for line in wire.command("LIST \"\" * RETURN (SUBSCRIBED STATUS (MESSAGES))").untagged:
            text = line.decode().rstrip("\r\n")
            if match := re.match(r'\* LIST \(([^)]*)\) "/" "([^"]*)"', text):
                names.setdefault(match[2], 0)
            elif match := re.match(r"\* STATUS (\S+) \(MESSAGES (\d+)\)", text):
                names[match[1].strip('"')] = int(match[2])
        for line in wire.command('LIST (SUBSCRIBED) "" *').untagged:
            subscribed.add(re.match(r'\* LIST \([^)]*\) "/" "([^"]*)"', line.decode())[1])
        wire.command("EXAMINE Default")
        for line in wire.command("UID FETCH 1:* (FLAGS)").untagged:
            if match := re.match(r"\* \d+ FETCH \(UID (\d+) FLAGS \(([^)]*)\)", line.decode()):
                flags.append((int(match[1]), frozenset(f for f in match[2].split() if f != "\\Recent")))
    names.pop("Default")
    return names, subscribed, flags


def change_things(node, seed, until, failures):
    """Changes of every kind; a NO is legal when somebody was faster."""
    choose = random.Random(seed)
    names = [f"t{i}" for i in range(4)]
    paths = names + [f"{a}/{b}" for a in names for b in names]
    try:
        wire = Wire(node.imap)
        wire.login(USER)
        wire.command("SELECT Default")
        while time.time() < until:
            path = choose.choice(paths)
            wire.command(choose.choice([
                f"CREATE {path}", f"DELETE {path}", f"RENAME {path} {choose.choice(paths)}", f"SUBSCRIBE {path}", f"UNSUBSCRIBE {path}",
                "STORE 1 +FLAGS (\\Flagged)", "STORE 1 -FLAGS (\\Flagged)", "STORE * +FLAGS (\\Deleted)", "EXPUNGE", "COPY 1 INBOX",
                f"COPY 1 {path}", "NOOP"]))
            if choose.random() < 0.5:
                wire.append(choose.choice(["INBOX", "Default", path]), message())
            time.sleep(choose.random() * 0.02)
        wire.socket.close()
    except Exception as error:
        failures.append(error)


def cut_feeds(pg, until, counts):
    """Ends the connections on which the nodes speak of changes, again and again."""
    while time.time() < until:
        time.sleep(random.uniform(0.1, 0.9))
        done = pg.sql("direct", "select count(pg_terminate_backend(pid)) from pg_stat_activity where query ilike 'listen%'"
                                " or query ilike '%pg_notify%' and pid <> pg_backend_pid()")
        counts.append(int(done))


def cut(nodes, pg, seconds):
    """Nothing is lost in the end although the listening connections are cut while changes go on."""
    picture = Picture(nodes[1].imap)
    until, failures, cuts = time.time() + seconds, [], []
    threads = [threading.Thread(target=change_things, args=(nodes[0], seed, until, failures)) for seed in (1, 2)]
    threads.append(threading.Thread(target=change_things, args=(nodes[1], 3, until, failures)))
    threads.append(threading.Thread(target=cut_feeds, args=(pg, until, cuts)))
    for thread in threads:
        thread.start()
    told = 0
    while any(thread.is_alive() for thread in threads):
        told += picture.listen()
    if failures:
        raise failures[0]
    check(sum(cuts) > 3, f"the listening connections were cut {sum(cuts)} times while {told} times news came")
    wanted, deadline = truth(nodes[0]), time.time() + PATIENCE
    while time.time() < deadline and picture.seen() != wanted:
        picture.listen()
    if picture.seen() != wanted:
        raise Failed(f"the watcher believes\n  {picture.seen()}\nbut it is\n  {wanted}")
    check(True, f"the watcher's picture is that of the store: {len(wanted[0])} mailboxes, {len(wanted[1])} subscriptions, {len(wanted[2])} messages")
    picture.wire.socket.close()


def expect(wire, pattern, text):
    """The next octets hold it, in time."""
    seen, deadline = rest(wire), time.time() + PATIENCE
    while not re.search(pattern, seen):
        if time.time() > deadline:
            raise Failed(f"{text}: {seen!r}")
        try:
            seen += wire.socket.recv(65536).decode()
        except TimeoutError:
            pass
    return seen


def before_idle(nodes, rounds):
    """What lands between the last command and IDLE is told, however close."""
    writer, idler = Wire(nodes[0].imap), Wire(nodes[1].imap)
    for wire in (writer, idler):
        wire.login(USER)
    writer.command("CREATE late")
    idler.command("SELECT late")
    text = message()
    for count in range(1, rounds + 1):
        idler.command("NOOP")
        if count % 2:
            if not writer.append("late", text):
                raise Failed("APPEND refused")
        else:  # at the same time
            writer.socket.sendall(b"w APPEND late {%d+}\r\n" % len(text) + text + b"\r\n")
            time.sleep(random.uniform(0, 0.006))
        idler.socket.sendall(b"i IDLE\r\n")
        seen = expect(idler, rf"\* {count} EXISTS", "IDLE was not told of what came before it")
        idler.socket.sendall(b"DONE\r\n")
        if "i OK" not in seen:
            expect(idler, "i OK", "IDLE did not end")
        if count % 2 == 0:
            expect(writer, "w OK", "APPEND did not end")
    check(True, f"{rounds} messages between the last command and IDLE were told")
    for wire in (writer, idler):
        wire.socket.close()


def bursts(nodes, number, rounds):
    """Changes that come while a session is telling the ones before them wake it all the same: nothing waits for the look of limits.idle_poll."""
    writer = Wire(nodes[0].imap)
    writer.login(USER)
    writer.command("CREATE bursts")
    for _ in range(2):
        writer.append("bursts", message())
    writer.command("SELECT bursts")
    idlers = []
    for count in range(number):
        wire = Wire(nodes[count % len(nodes)].imap)
        wire.login(USER)
        wire.command("SELECT bursts")
        wire.socket.sendall(b"i IDLE\r\n")
        idlers.append(wire)
    for count in range(1, rounds + 1):
        for uid in (1, 2):
            if not writer.command(f"STORE {uid} FLAGS.SILENT (round{count})"):
                raise Failed("STORE refused")
        for wire in idlers:
            expect(wire, rf"\* 2 FETCH [^\n]*round{count}\b", f"round {count}: an idler was not told of the second of two changes")
    check(True, f"{rounds} times two changes in a row were told to {number} idlers")
    for wire in [writer, *idlers]:
        wire.socket.close()


def overflow(nodes):
    """More mailboxes than a session may watch: it is told so and then nothing; a new NOTIFY is refused as long as that is so."""
    writer, watcher = Wire(nodes[0].imap), Wire(nodes[1].imap)
    for wire in (writer, watcher):
        wire.login(USER)
    check(bool(watcher.command("NOTIFY SET (personal (MailboxName MessageNew MessageExpunge))")), "as many mailboxes as that may be watched")
    for number in range(WATCHED_MOST):
        writer.command(f"CREATE many{number}")
    expect(watcher, r"\* OK \[NOTIFICATIONOVERFLOW\]", "no overflow")
    check(True, "too many are answered by NOTIFICATIONOVERFLOW")
    writer.append("INBOX", message())
    writer.command("CREATE another")
    watcher.socket.settimeout(0.5)
    try:
        seen = watcher.socket.recv(4096)
    except TimeoutError:
        seen = b""
    check(seen == b"", "then nothing is told", seen)
    watcher.socket.settimeout(30)
    reply = watcher.command("NOTIFY SET (personal (MessageNew MessageExpunge))")
    check(reply.status == "NO" and reply.code == "NOTIFICATIONOVERFLOW", "NOTIFY SET is refused", reply)
    check(bool(watcher.command("NOTIFY SET STATUS (mailboxes INBOX (MessageNew MessageExpunge))")), "a smaller one is taken")
    writer.append("INBOX", message())
    expect(watcher, r"\* STATUS INBOX \(UIDNEXT", "nothing after the smaller NOTIFY")
    for number in range(WATCHED_MOST):
        writer.command(f"DELETE many{number}")
    for wire in (writer, watcher):
        wire.socket.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--report", action="store_true", help="only the 100 watchers, more rounds")
    parser.add_argument("--seconds", type=float, default=10, help="of cutting connections")
    options = parser.parse_args()
    sets = [f"limits.notify_mailboxes={WATCHED_MOST}", "limits.connections_per_peer=0"]
    with Postgres() as pg:
        url = pg.make_database("direct")
        with Node(options.bin, url, sets) as first, Node(options.bin, url, sets) as second:
            first.add_user(USER)
            fan_out([first, second], 100, 100 if options.report else 20, lambda text: print(text, flush=True))
            if not options.report:
                before_idle([first, second], 30)
                overflow([first, second])
                cut([first, second], pg, options.seconds)
                found = first.ctl("db", "check", check=False)
                check(found.returncode == 0, "the store is sound", found.stdout)
        if not options.report:
            sets = ["limits.idle_poll=600"]
            with Node(options.bin, url, sets) as first, Node(options.bin, url, sets) as second:
                bursts([first, second], 40, 40)


if __name__ == "__main__":
    try:
        main()
    except (Failed, AssertionError, RuntimeError, TimeoutError) as error:
        print(f"FAIL  {error!s}", flush=True)
        sys.exit(1)
    print("passed")
