#!/usr/bin/env python3
"""MSS-38: usage never drifts. Sessions on two nodes of one database change messages, mailboxes and annotations of an account at the same time,
whose limits and quota roots change too; nodes are killed (kill -9) in the midst of commands. After each step all that is stored is counted
anew, from the rows alone, and must equal what the account and each root say of themselves, on both nodes; nothing may have passed a limit.

    quota_model.py --bin build/release/bin --steps 150 [--seed N] [--sessions 6]
"""
import argparse
import json
import pathlib
import random
import re
import signal
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from postgres import Postgres  # noqa: E402
from server import Node  # noqa: E402

USER = "quota@example.net"
NAMES = ["INBOX", "Default", "a", "a/b", "a/b/c", "d", "d/e", "a/f"]
RESOURCES = ("STORAGE", "MESSAGE", "MAILBOX", "ANNOTATION-STORAGE")
COLUMNS = ("bytes", "messages", "mailboxes", "annotations")
# What a command may be refused with when another session was faster or there is no room.
REFUSALS = {"OVERQUOTA", "NONEXISTENT", "TRYCREATE", "ALREADYEXISTS", "CANNOT", "HASCHILDREN", "UNAVAILABLE", "EXPUNGEISSUED", "LIMIT"}

PICTURE = """select json_build_object(
 'account', (select json_build_object('used', json_build_array(used_bytes, used_messages, mailboxes, used_annotations),
   'limit', json_build_array(limit_bytes, limit_messages, limit_mailboxes, limit_annotations), 'level', quota_level,
   'warn', coalesce(quota_warn, (select quota_warn from installation))) from account),
 'roots', (select coalesce(json_agg(json_build_object('path', path, 'used', json_build_array(used_bytes, used_messages, used_mailboxes,
   used_annotations), 'limit', json_build_array(limit_bytes, limit_messages, limit_mailboxes, limit_annotations), 'level', quota_level)), '[]')
   from quota_root),
 'mailboxes', (select json_agg(json_build_array(mailbox_id, parent_id, name)) from mailbox),
 'messages', (select coalesce(json_agg(json_build_array(mailbox_id, n, octets)), '[]') from
   (select mailbox_id, count(*) as n, sum(size) as octets from message group by mailbox_id) m),
 'annotations', (select coalesce(json_agg(json_build_array(mailbox_id, octets)), '[]') from
   (select mailbox_id, sum(octet_length(entry) + octet_length(value)) as octets from metadata where value is not null group by mailbox_id) a))"""


class Wrong(Exception):
    pass


def level_of(used, limits, warn):
    level = 0
    for value, limit in zip(used, limits):
        if limit is None:
            continue
        if value >= limit:
            return 100
        level = max([level, *(w for w in warn if value * 100 >= w * limit)])
    return level


class Picture:
    """All that is stored, counted from the rows, beside what the counters say."""

    def __init__(self, postgres, database):
        self.raw = json.loads(postgres.sql(database, PICTURE))
        nodes = {i: (parent, name) for i, parent, name in self.raw["mailboxes"]}
        self.paths = {}
        for one in nodes:
            path, at = [], one
            while at:
                at, name = nodes[at]
                path.insert(0, name)
            self.paths[one] = "/".join(path)
        self.messages = {i: (n, octets) for i, n, octets in self.raw["messages"]}
        self.annotations = dict(self.raw["annotations"])
        for i in [*self.messages, *self.annotations]:
            if i and i not in nodes:
                raise Wrong(f"something in mailbox {i}, which does not exist")

    def count(self, root):
        """By name, without what the mailboxes say of their roots."""
        inside = [i for i, path in self.paths.items() if not root or path == root or path.startswith(root + "/")]
        used = [sum(self.messages.get(i, (0, 0))[1] for i in inside), sum(self.messages.get(i, (0, 0))[0] for i in inside), len(inside),
                sum(self.annotations.get(i, 0) for i in inside)]
        if not root:
            used[3] += self.annotations.get(0, 0)
        return used

    def roots(self):
        yield "", self.raw["account"]
        for root in self.raw["roots"]:
            yield root["path"], root

    def check(self, before, limits_changed):
        old = {path: root["used"] for path, root in before.roots()} if before else {}
        for path, root in self.roots():
            counted = self.count(path)
            if counted != root["used"]:
                raise Wrong(f"root {path!r} says {dict(zip(COLUMNS, root['used']))}; counted {dict(zip(COLUMNS, counted))}")
            level = level_of(root["used"], root["limit"], self.raw["account"]["warn"])
            if level != root["level"]:
                raise Wrong(f"root {path!r} says level {root['level']}; it is {level}: {root}")
            if path not in old or limits_changed:
                continue
            for name, was, used, limit in zip(COLUMNS, old[path], root["used"], root["limit"]):
                if limit is not None and used > max(limit, was):
                    raise Wrong(f"root {path!r}: {used} {name}, above the limit of {limit} and what it was, {was}")


class Session:
    number = 0

    def __init__(self, node):
        Session.number += 1
        self.node, self.name, self.count, self.dead = node, f"s{Session.number}x", 0, True

    def connect(self):
        self.socket = socket.create_connection(self.node.imap, timeout=60)
        self.file = self.socket.makefile("rb")
        self.file.readline()
        self.dead = False
        for text in (f"LOGIN {USER} secret", "SELECT INBOX"):
            self.send(text)
            self.answer()

    def send(self, text):
        self.count += 1
        self.tag, self.text = f"{self.name}{self.count}", text
        try:
            self.socket.sendall(f"{self.tag} {text}\r\n".encode())
        except OSError:
            self.dead = True

    def answer(self):
        """The tagged line; None when the node went away. Untagged lines are in self.untagged."""
        self.untagged = []
        while not self.dead:
            try:
                line = self.file.readline().decode().rstrip("\r\n")
            except OSError:
                line = ""
            if not line:
                self.dead = True
            elif line.startswith(self.tag + " "):
                words = line.split(" ", 2)
                code = re.match(r"\[([A-Z]+)", words[2])
                if words[1] == "BAD" or words[1] == "NO" and (code is None or code[1] not in REFUSALS):
                    raise Wrong(f"{self.text[:100]}: {line}")
                Tally.add(words[1] if words[1] == "OK" else code[1])
                return line
            else:
                self.untagged.append(line)
                if line.startswith("* NO [OVERQUOTA]"):
                    Tally.add("warning")
        return None

    def say(self, text):
        self.send(text)
        return self.answer()


class Tally:
    counts = {}

    @classmethod
    def add(cls, what):
        cls.counts[what] = cls.counts.get(what, 0) + 1


def literal(size):
    text = f"Subject: {random.randint(0, 9)}\r\n\r\n" + "x" * size
    return f"{{{len(text)}+}}\r\n{text}"


def some_size():
    return random.choice([0, 10, 700, 1024, 3000, 20_000, 300_000]) if random.random() < 0.5 else random.randint(0, 2000)


def command():
    name, other = random.choice(NAMES), random.choice(NAMES)
    first = random.randint(1, 12)
    numbers = f"{first}:{first + random.randint(0, 4)}"
    kind = random.random()
    if kind < 0.32:
        return f"APPEND {name} {literal(some_size())}"
    if kind < 0.38:
        return f"APPEND {name} " + " ".join(literal(random.randint(0, 900)) for _ in range(random.randint(2, 5)))
    if kind < 0.46:
        return f"UID COPY {numbers} {name}"
    if kind < 0.56:
        return f"UID MOVE {numbers} {name}"
    if kind < 0.62:
        return f"UID STORE {numbers} +FLAGS.SILENT (\\Deleted)"
    if kind < 0.68:
        return "EXPUNGE"
    if kind < 0.76:
        return f"CREATE {name}"
    if kind < 0.80:
        return f"DELETE {name}"
    if kind < 0.86:
        return f"RENAME {name} {other}" if random.random() < 0.8 else f"RENAME INBOX {other}"
    if kind < 0.88:
        return f"XCOPYTREE {name} {other}"
    where = '""' if random.random() < 0.2 else name
    value = "NIL" if random.random() < 0.3 else literal(random.choice([0, 50, 900, 3000]))
    return f"SETMETADATA {where} (/{random.choice(['private', 'shared'])}/n{random.randint(1, 3)} {value})"


class Model:
    def __init__(self, options, postgres, database, nodes):
        self.postgres, self.database, self.nodes = postgres, database, nodes
        self.sessions = [Session(nodes[n % 2]) for n in range(options.sessions)]
        self.before = None

    def step(self, kill):
        for session in self.sessions:
            if session.dead:
                session.connect()
        acting = random.sample(self.sessions, random.randint(1, len(self.sessions)))
        for session in acting:
            if random.random() < 0.1:
                line = session.say(f"SELECT {random.choice(['INBOX', 'Default'])}")
                if line and " NO " in line:
                    session.say("SELECT INBOX")
        for session in acting:
            session.send(command())
        victim = random.choice(self.nodes) if kill else None
        if victim:
            time.sleep(random.random() * 0.02)
            victim.stop(signal.SIGKILL)
        for session in acting:
            line = session.answer()
            if line and " OK " in line and session.text.startswith("DELETE "):
                session.say("SELECT INBOX")  # it may have been the selected one
        if victim:
            for session in self.sessions:
                session.dead = session.dead or session.node is victim
            victim.start()
            self.settle()
        limits_changed = self.administer() if random.random() < 0.15 else False
        picture = Picture(self.postgres, self.database)
        picture.check(self.before, limits_changed)
        self.before = picture

    def settle(self):
        """What a killed node had sent to PostgreSQL comes to its end."""
        deadline = time.time() + 30
        while time.time() < deadline:
            busy = self.postgres.sql(self.database, "select count(*) from pg_stat_activity where datname = current_database()"
                                                    " and state <> 'idle' and pid <> pg_backend_pid()")
            if busy == "0":
                return
            time.sleep(0.05)

    def administer(self):
        node = random.choice(self.nodes)
        if node.process is None:
            return False
        kind = random.random()
        used = self.before.raw["account"]["used"] if self.before else [0, 0, 2, 0]
        near = lambda i, least: str(random.choice(["none", max(least, used[i] + random.randint(-200, 4000) * (1 if i in (0, 3) else 0)
                                                              + random.randint(-2, 20))]))
        limits = ["--storage", near(0, 0), "--messages", near(1, 0), "--mailboxes", near(2, 0), "--annotations", near(3, 0)]
        if kind < 0.5:
            node.ctl("quota", "set", USER, *limits)
        elif kind < 0.75:
            node.ctl("quota", "root", "add", USER, random.choice(NAMES), *limits, check=False)
        elif kind < 0.85:
            node.ctl("quota", "root", "remove", USER, random.choice(NAMES), check=False)
        else:
            node.ctl("quota", "warn", random.choice(["80,95", "none", "10,50,90"]), *(["--user", USER] if random.random() < 0.5 else []))
        return True

    def flood(self):
        """Many deposits at once, on both nodes and into several mailboxes: exactly as many as there is room for (MSS-38)."""
        for name in ("a", "d"):
            self.nodes[0].ctl("quota", "root", "remove", USER, name, check=False)
        self.nodes[0].ctl("quota", "set", USER, "--storage", "none", "--mailboxes", "none", "--messages", "none")
        for root in [root["path"] for root in Picture(self.postgres, self.database).raw["roots"]]:
            self.nodes[0].ctl("quota", "root", "remove", USER, root)
        room = 53
        used = Picture(self.postgres, self.database).raw["account"]["used"][1]
        self.nodes[0].ctl("quota", "set", USER, "--messages", str(used + room))
        sessions = [Session(self.nodes[n % 2]) for n in range(8)]
        for session in sessions:
            session.connect()
        for session in sessions:
            text = "".join(f"f{n} APPEND INBOX {literal(10)}\r\n" for n in range(10))
            session.socket.sendall(text.encode())
        answers = []
        for session in sessions:
            while sum(1 for line in answers if line[0] is session) < 10:
                line = session.file.readline().decode()
                if not line:
                    raise Wrong("a session ended in the flood")
                if line.startswith("f"):
                    answers.append((session, line))
        stored = sum(1 for _, line in answers if " OK " in line)
        refused = sum(1 for _, line in answers if " NO [OVERQUOTA]" in line)
        if (stored, refused) != (room, 80 - room):
            raise Wrong(f"a flood into room for {room}: {stored} stored, {refused} refused")
        picture = Picture(self.postgres, self.database)
        picture.check(None, True)
        self.before = picture

    def compare_nodes(self):
        """What the protocol tells on each node is what was counted (RFC 9208 4.2.1, 5)."""
        for session in self.sessions[:2]:
            if session.dead:
                session.connect()
            for name in NAMES:
                session.say(f"GETQUOTAROOT {name}")
                roots = next(line for line in session.untagged if line.startswith("* QUOTAROOT")).split(" ")[3:]
                wanted = {path: root for path, root in self.before.roots()
                          if not path or name == path or name.startswith(path + "/")}
                if sorted(roots) != sorted(path or '""' for path in wanted):
                    raise Wrong(f"GETQUOTAROOT {name} names {roots}, not {sorted(wanted)}")
                for path, root in wanted.items():
                    parts = []
                    for i, resource in enumerate(RESOURCES):
                        if root["limit"][i] is not None:
                            unit = 1024 if i in (0, 3) else 1
                            parts.append(f"{resource} {-(-root['used'][i] // unit)} {-(-root['limit'][i] // unit)}")
                    line = f"* QUOTA {path or chr(34) * 2} ({' '.join(parts)})"
                    if line not in session.untagged:
                        raise Wrong(f"expected {line!r}, seen {session.untagged}")


def run(options):
    with Postgres() as postgres:
        url = postgres.make_database("quota")
        with Node(options.bin, url) as one, Node(options.bin, url) as two:
            one.add_user(USER)
            model = Model(options, postgres, "quota", [one, two])
            kills = 0
            for number in range(options.steps):
                kill = number % 20 == 19
                kills += kill
                model.step(kill)
                if number % 25 == 24:
                    model.compare_nodes()
                    one.ctl("db", "check")
            model.compare_nodes()
            model.flood()
            print(one.ctl("db", "check").stdout.strip())
            told = ", ".join(f"{count} {what}" for what, count in sorted(Tally.counts.items()))
            print(f"ok    {options.steps} steps, {kills} nodes killed; {told}")
            for needed in ("OK", "OVERQUOTA", "warning"):
                if not Tally.counts.get(needed):
                    raise Wrong(f"the test did not come across {needed}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="build/release/bin", help="directory of cpmstored and cpmctl")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--sessions", type=int, default=6)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    random.seed(options.seed)
    print(f"seed {options.seed}")
    try:
        run(options)
    except (Wrong, AssertionError, RuntimeError, OSError) as error:
        print(f"FAIL  {error!s}")
        sys.exit(1)


main()
