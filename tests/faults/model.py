#!/usr/bin/env python3
"""Several sessions change one mailbox at random, and its name, on one server or on two with a common database; each keeps the view that the
server's responses describe. Some lose their connection now and then, and resynchronise by QRESYNC from what they know (RFC 7162 6). At every
checkpoint each view must equal what the server says of the whole mailbox, and all must equal each other. Each session keeps some searches
up to date by what it is told (RFC 5267 4.3); they must equal the same search made anew.

    model.py --bin build/release/bin --seconds 30 [--seed N] [--sessions 6] [--nodes 2]
"""
import argparse
import contextlib
import pathlib
import random
import re
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from postgres import Postgres  # noqa: E402
from server import Node, Server  # noqa: E402


# Searches to keep up to date; "{}" takes the result options. The first ones by UIDs, the others by numbers.
BY_UID = ("UID SEARCH RETURN ({}) FLAGGED", "UID SORT RETURN ({}) (REVERSE SUBJECT SIZE) UTF-8 UNDELETED", "UID SORT RETURN ({}) (SIZE) UTF-8 ALL",
          "UID SEARCH RETURN ({}) UID *", "UID SORT RETURN ({}) (ARRIVAL REVERSE SIZE) UTF-8 OR KEYWORD blue LARGER 120")
BY_NUMBER = ("SEARCH RETURN ({}) OR UNSEEN DELETED", "SORT RETURN ({}) (SUBJECT) UTF-8 NOT KEYWORD blue", "SORT RETURN ({}) (REVERSE SIZE) UTF-8 ALL")


class Wrong(Exception):
    pass


class Place:
    """The mailbox of all sessions. Any of them may give it another name."""

    number = 0
    name = "Work"

    @classmethod
    def next_name(cls):
        cls.number += 1
        return random.choice([f"Work{cls.number}", f"Deep/er/Work{cls.number}"])


def expand(numbers):
    """A sequence set in its order."""
    return [n for part in numbers.split(",") for n in range(int(part.split(":")[0]), int(part.split(":")[-1]) + 1)]


class Session:
    reconnects = 0

    def __init__(self, address, user, name):
        self.name = name
        self.address, self.user = address, user
        self.count = 0
        self.uids = []      # what this client knows, in order; None: told of, not asked for yet
        self.flags = {}
        self.programs = BY_UID + BY_NUMBER
        self.contexts = {}  # tag → [program, results]
        self.results = {}   # tag → of a search made once
        self.connect()

    def connect(self):
        self.socket = socket.create_connection(self.address, timeout=60)
        self.file = self.socket.makefile("rb")
        self.line()
        self.command(f"LOGIN {self.user} secret")
        self.select()

    def line(self):
        line = self.file.readline()
        if not line:
            raise Wrong(f"{self.name}: connection closed")
        return line.decode().rstrip("\r\n")

    def send(self, text):
        self.count += 1
        tag = f"{self.name}{self.count}"
        self.socket.sendall(f"{tag} {text}\r\n".encode())
        return tag

    def command(self, text, expunges=True, literal=None):
        tag = self.send(text if literal is None else f"{text} {{{len(literal)}+}}\r\n{literal}")
        while True:
            line = self.line()
            if line.startswith(tag + " "):
                if line.split()[1] == "BAD":
                    raise Wrong(f"{self.name}: {text}: {line}")
                return line
            self.untagged(line, text, expunges)

    def untagged(self, line, text, expunges):
        if match := re.match(r"\* (\d+) EXPUNGE", line):
            if not expunges:
                raise Wrong(f"{self.name}: EXPUNGE during {text}")
            at = int(match[1]) - 1
            if at >= len(self.uids):
                raise Wrong(f"{self.name}: EXPUNGE {at + 1} of {len(self.uids)}")
            self.flags.pop(self.uids.pop(at), None)
            for program, results in self.contexts.values():
                if program in BY_NUMBER:
                    if at + 1 in results:
                        raise Wrong(f"{self.name}: EXPUNGE {at + 1}, still among the results of {program}")
                    results[:] = [n - (n > at + 1) for n in results]
        elif match := re.match(r"\* (\d+) EXISTS", line):
            if int(match[1]) < len(self.uids):
                raise Wrong(f"{self.name}: EXISTS {match[1]} below {len(self.uids)}")
            self.uids += [None] * (int(match[1]) - len(self.uids))
        elif match := re.match(r"\* (\d+) FETCH \((.*)\)$", line):
            at, items = int(match[1]) - 1, match[2]
            uid = int(re.search(r"UID (\d+)", items)[1])
            if at >= len(self.uids) or self.uids[at] not in (None, uid):
                raise Wrong(f"{self.name}: {line}: but number {at + 1} is {self.uids[at] if at < len(self.uids) else 'unknown'}")
            self.uids[at] = uid
            if flags := re.search(r"FLAGS \(([^)]*)\)", items):
                self.flags[uid] = frozenset(f for f in flags[1].split() if f != "\\Recent")
        elif match := re.match(r'\* ESEARCH \(TAG "(\w+)"\)(?: UID)?(?: (ALL|ADDTO|REMOVEFROM) (\S+|\(.*\)))?$', line):
            self.searched(match[1], match[2], match[3])

    def searched(self, tag, item, data):
        results = self.contexts[tag][1] if tag in self.contexts else self.results.setdefault(tag, [])
        if item in (None, "ALL"):
            results[:] = expand(data) if data else []
            return
        words = data[1:-1].split()
        for place, numbers in zip(map(int, words[::2]), map(expand, words[1::2])):
            wrong = f"{self.name}: {tag} {item} {data}: the results are {results}"
            if item == "ADDTO" and place == 0:
                if set(numbers) & set(results):
                    raise Wrong(wrong)
                results[:] = sorted(results + numbers)
            elif item == "ADDTO":
                if place > len(results) + 1 or set(numbers) & set(results):
                    raise Wrong(wrong)
                results[place - 1:place - 1] = numbers
            elif place == 0:
                if not set(numbers) <= set(results):
                    raise Wrong(wrong)
                results[:] = [n for n in results if n not in numbers]
            else:
                if results[place - 1:place - 1 + len(numbers)] != numbers:
                    raise Wrong(wrong)
                del results[place - 1:place - 1 + len(numbers)]

    def keep_searching(self):
        program = random.choice(self.programs)
        self.contexts[f"{self.name}{self.count + 1}"] = [program, []]
        self.command(program.format("UPDATE ALL"), expunges=False)

    def check_contexts(self):
        for tag, (program, results) in self.contexts.items():
            self.results = {}
            self.command(program.format("ALL"), expunges=False)
            anew = self.results.get(f"{self.name}{self.count}")
            if anew != results:
                raise Wrong(f"{self.name}: {tag} {program}: told {results}, found {anew}")

    def select(self):
        self.uids, self.flags, self.contexts = [], {}, {}
        self.command(f"SELECT {Place.name}")
        self.fill()
        self.keep_searching()

    def fill(self):
        if self.uids:
            self.command("FETCH 1:* (UID FLAGS)", expunges=False)

    def pick(self):
        return random.randint(1, len(self.uids))

    def act(self):
        """One random command. Sequence numbers mean what this client knows; a NO is legal when another session was faster."""
        choice = random.random()
        if choice < 0.30:
            flags = " (\\Seen)" if random.random() < 0.5 else ""
            self.command(f"APPEND {Place.name}{flags}", literal=self.text())
        elif choice < 0.35:
            self.command("NOOP")
        elif choice < 0.37:
            self.select()
        elif choice < 0.38:
            self.lose_connection()
        elif choice < 0.39:
            name = Place.next_name()
            if " OK " not in self.command(f"RENAME {Place.name} {name}"):
                raise Wrong(f"{self.name}: RENAME failed")
            Place.name = name
        elif choice < 0.41 and len(self.contexts) < 4:
            self.keep_searching()
        elif choice < 0.42 and self.contexts:
            tag = random.choice(list(self.contexts))
            del self.contexts[tag]
            self.command(f'CANCELUPDATE "{tag}"')
        elif not self.uids:
            return
        elif choice < 0.60:
            flag = random.choice(["\\Seen", "\\Flagged", "\\Deleted", "\\Answered", "$Forwarded", "blue", "green"])
            silent = ".SILENT" if random.random() < 0.2 else ""
            sign = random.choice(["+", "-", ""])
            number = self.pick()
            line = self.command(f"STORE {number} {sign}FLAGS{silent} ({flag})", expunges=False)
            if silent and " OK " in line:  # the client knows the result itself, unless the message is gone
                uid = self.uids[number - 1]
                if uid in self.flags and "EXPUNGEISSUED" not in line:
                    old = self.flags[uid]
                    self.flags[uid] = old | {flag} if sign == "+" else old - {flag} if sign == "-" else frozenset({flag})
        elif choice < 0.68:
            uids = [u for u in self.uids if u]
            if uids:
                self.command(f"UID STORE {random.choice(uids)} +FLAGS (\\Deleted)")
        elif choice < 0.76:
            self.command("EXPUNGE")
        elif choice < 0.82:
            self.command(f"MOVE {self.pick()} Default")
        elif choice < 0.88:
            self.command(f"COPY {self.pick()} {Place.name}")
        elif choice < 0.94:
            self.command(f"FETCH {self.pick()}:* (UID FLAGS)", expunges=False)
        else:
            self.command("SEARCH DELETED", expunges=False)

    def text(self):
        """A mail, or an object of one of a few conversations, whose counters db check counts anew."""
        head = f"Subject: {self.name}-{self.count}\r\n"
        if random.random() < 0.6:
            direction = random.choice(["sent", "received"])
            head += (f"Conversation-ID: k{random.randint(1, 4)}\r\nContribution-ID: {self.name}-{self.count}\r\n"
                     f"From: tel:+1555{random.randint(1, 3)}\r\nMessage-Direction: {direction}\r\n")
        return head + f"\r\n{'x' * random.randint(1, 200)}\r\n"

    def lose_connection(self):
        self.socket.close()
        self.connect()
        self.reconnects += 1

    def picture(self):
        self.command("NOOP")
        self.fill()
        return list(self.uids), dict(self.flags)


class Resyncing(Session):
    """A client with a cache: it reconnects with what it knows and the MODSEQ it may trust."""

    def __init__(self, address, user, name):
        self.uidvalidity, self.modseq = None, 0
        self.seen, self.code = 0, None  # of the running command
        self.resyncs = 0
        super().__init__(address, user, name)

    def command(self, text, expunges=True, literal=None):
        self.seen, self.code = 0, None
        line = super().command(text, expunges, literal)
        self.note_code(line)
        if None not in self.uids:  # what it has not asked for yet it would not get again
            self.modseq = max(self.modseq, self.seen if self.code is None else self.code)
        return line

    def note_code(self, line):
        if match := re.search(r"\[HIGHESTMODSEQ (\d+)\]", line):
            self.code = int(match[1])

    def untagged(self, line, text, expunges):
        self.note_code(line)
        if match := re.search(r"\[UIDVALIDITY (\d+)\]", line):
            if self.uidvalidity not in (None, match[1]):
                raise Wrong(f"{self.name}: UIDVALIDITY changed")
            self.uidvalidity = match[1]
        if match := re.search(r"MODSEQ \((\d+)\)", line):
            self.seen = max(self.seen, int(match[1]))
        if " EXPUNGE" in line and re.match(r"\* \d+ EXPUNGE", line):
            raise Wrong(f"{self.name}: EXPUNGE after ENABLE QRESYNC")
        match = re.match(r"\* VANISHED (\(EARLIER\) )?([0-9:,]+)$", line)
        if not match:
            return super().untagged(line, text, expunges)
        if not expunges:
            raise Wrong(f"{self.name}: VANISHED during {text}")
        uids = [u for part in match[2].split(",") for u in range(int(part.split(":")[0]), int(part.split(":")[-1]) + 1)]
        for uid in uids:
            if match[1]:
                if uid in self.uids:
                    raise Wrong(f"{self.name}: {line}: but {uid} is in the view")
                self.flags.pop(uid, None)
            elif uid in self.uids:
                self.uids.remove(uid)
                self.flags.pop(uid, None)
            else:  # one it was told of and has not asked for: between its neighbours
                after = next((i for i, known in enumerate(self.uids) if known and known > uid), len(self.uids))
                if after == 0 or self.uids[after - 1] is not None:
                    raise Wrong(f"{self.name}: {line}: {uid} was never announced")
                self.uids.pop(after - 1)

    def connect(self):
        self.enabled = False
        super().connect()

    def select(self):
        if not self.enabled:
            self.command("ENABLE QRESYNC")
            self.enabled = True
        self.uids, self.flags, self.modseq, self.contexts = [], {}, 0, {}
        self.programs = BY_UID  # VANISHED renumbers
        self.command(f"SELECT {Place.name}")
        self.fill()
        self.keep_searching()

    def reconnect(self):
        """The cable is pulled; what this client knows is the UIDs with their flags, and its MODSEQ."""
        known = dict(self.flags)
        self.contexts = {}
        self.socket.close()
        self.socket = socket.create_connection(self.address, timeout=60)
        self.file = self.socket.makefile("rb")
        self.line()
        self.uids = []
        Session.command(self, f"LOGIN {self.user} secret")
        Session.command(self, "ENABLE QRESYNC")
        self.flags = known
        words = f"{self.uidvalidity} {self.modseq}"
        samples = sorted(known)
        if known and random.random() < 0.3:
            words += f" 1:{max(known)}"
        elif known and random.random() < 0.3:  # numbers as they were before the cable was pulled
            places = sorted(random.sample(range(len(samples)), min(3, len(samples))))
            words += f" ({','.join(str(p + 1) for p in places)} {','.join(str(samples[p]) for p in places)})"
        self.resynchronise(f"SELECT {Place.name} (QRESYNC ({words}))", words.count(":") > 0)
        self.resyncs += 1

    def resynchronise(self, text, only_known):
        tag = self.send(text)
        exists, fetched = 0, {}
        while not (line := self.line()).startswith(tag + " "):
            if match := re.match(r"\* (\d+) EXISTS", line):
                exists = int(match[1])
            elif match := re.match(r"\* (\d+) FETCH \(UID (\d+) FLAGS \(([^)]*)\) MODSEQ \((\d+)\)\)$", line):
                fetched[int(match[2])] = int(match[1])
                self.flags[int(match[2])] = frozenset(f for f in match[3].split() if f != "\\Recent")
            elif match := re.match(r"\* VANISHED \(EARLIER\) ([0-9:,]+)$", line):
                if fetched:
                    raise Wrong(f"{self.name}: VANISHED (EARLIER) after FETCH")
                for part in match[1].split(","):
                    first, last = part.split(":")[0], part.split(":")[-1]
                    for uid in [u for u in self.flags if int(first) <= u <= int(last)]:
                        self.flags.pop(uid)
            elif match := re.search(r"\[HIGHESTMODSEQ (\d+)\]", line):
                modseq = int(match[1])
        if " OK " not in line:
            raise Wrong(f"{self.name}: {text}: {line}")
        self.uids = sorted(self.flags)
        missing = exists - len(self.uids)
        if missing < 0 or missing > 0 and not only_known:
            raise Wrong(f"{self.name}: {text}: {exists} messages, but resynchronised to {len(self.uids)}: {self.uids}")
        self.uids += [None] * missing
        for uid, number in fetched.items():
            if self.uids[number - 1] != uid:
                raise Wrong(f"{self.name}: {text}: number {number} is {self.uids[number - 1]}, not {uid}")
        if missing:
            self.command(f"UID FETCH {max([u for u in self.uids if u], default=0) + 1}:* (FLAGS)", expunges=True)
        self.modseq = max(self.modseq, modseq) if None not in self.uids else self.modseq

    def act(self):
        if random.random() < 0.1 and self.uidvalidity:
            self.reconnect()
        else:
            super().act()
        if None in self.uids:
            self.fill()


class Mover:
    """Brings back what the others moved to Default."""

    def __init__(self, address, user):
        self.session = Session.__new__(Session)
        self.session.name, self.session.address, self.session.user, self.session.count = "m", address, user, 0
        self.session.uids, self.session.flags, self.session.contexts, self.session.results = [], {}, {}, {}
        self.session.select = lambda: None
        self.session.connect()

    def act(self):
        self.session.uids, self.session.flags = [], {}
        self.session.command("SELECT Default")
        if self.session.uids:
            first = random.randint(1, len(self.session.uids))
            self.session.command(f"MOVE {first}:{min(first + 2, len(self.session.uids))} {Place.name}")


def checkpoint(sessions):
    pictures = []
    for session in sessions:
        uids, flags = session.picture()
        before = (list(uids), {u: flags[u] for u in uids})
        session.uids, session.flags = [None] * len(uids), {}
        session.fill()
        after = (list(session.uids), dict(session.flags))
        if before != after:
            raise Wrong(f"{session.name}: the view differs from the mailbox: {before} / {after}")
        if uids != sorted(set(uids)):
            raise Wrong(f"{session.name}: UIDs are not rising: {uids}")
        session.check_contexts()
        pictures.append(after)
    if any(picture != pictures[0] for picture in pictures):
        raise Wrong(f"sessions disagree: {pictures}")
    return len(pictures[0][0])


@contextlib.contextmanager
def servers(binaries, number):
    """One server as it comes, or several on a common database; on every other one views rest as soon as they can."""
    with contextlib.ExitStack() as stack:
        if number == 1:
            yield [stack.enter_context(Server(binaries))]
            return
        url = stack.enter_context(Postgres()).make_database("direct")
        rests = ["limits.view_rest=0"]
        yield [stack.enter_context(Node(binaries, url, [] if i % 2 else rests)) for i in range(number)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--sessions", type=int, default=6)
    parser.add_argument("--nodes", type=int, default=1)
    options = parser.parse_args()
    random.seed(options.seed)
    print(f"seed {options.seed}", flush=True)
    with servers(options.bin, options.nodes) as nodes:
        nodes[0].add_user("model@example.net")
        mover = Mover(nodes[-1].imap, "model@example.net")
        mover.session.command(f"CREATE {Place.name}")
        sessions = []
        for i in range(options.sessions):
            kind = Resyncing if i >= options.sessions // 2 else Session
            sessions.append(kind(nodes[i % len(nodes)].imap, "model@example.net", chr(ord("a") + i)))
        end, steps, checks = time.time() + options.seconds, 0, 0
        try:
            while time.time() < end:
                for _ in range(40):
                    random.choice(sessions).act()
                    steps += 1
                mover.act()
                size = checkpoint(sessions)
                checks += 1
        except Wrong as wrong:
            print(f"FAILED after {steps} steps: {wrong}")
            return 1
        found = nodes[0].ctl("db", "check", check=False)
        resyncs = sum(session.resyncs for session in sessions if isinstance(session, Resyncing))
        reconnects = sum(session.reconnects for session in sessions)
        print(f"{steps} commands, {resyncs} resynchronisations, {reconnects} new connections, {Place.number} renames, "
              f"{checks} checkpoints, {size} messages at the end; "
              f"db check: exit {found.returncode}")
        return found.returncode


if __name__ == "__main__":
    sys.exit(main())
