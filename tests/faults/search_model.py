#!/usr/bin/env python3
"""Random SEARCH programs over a mailbox of made-up messages: the server must find what a plain evaluation of the program in Python finds, under
each comparator. Identifiers are looked up in an index when the mailbox is large, so the mailbox is large enough for that; some of their
headers are doubled, folded, encoded, very long, or not ASCII.

    search_model.py --bin build/release/bin --programs 400 [--seed N]
"""
import argparse
import base64
import datetime
import pathlib
import random
import re
import socket
import sys
import unicodedata

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from server import Server  # noqa: E402

MESSAGES = 700
WORDS = ["lunch", "Dinner", "café", "Ñandu", "menu", "soup", "100%", "a_b", "ÄRGER", "x.y", "Re", "bread and butter"]
IDS = ["Conversation-ID", "Contribution-ID", "IMDN-Message-ID", "Message-ID"]
FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "\\Deleted", "\\Draft", "$Forwarded", "blue"]
KEYS = {"\\Seen": "SEEN", "\\Flagged": "FLAGGED", "\\Answered": "ANSWERED", "\\Deleted": "DELETED", "\\Draft": "DRAFT"}
COMPARATORS = ["i;unicode-casemap", "i;ascii-casemap", "i;octet"]


def unicode_casemap(text):
    return unicodedata.normalize("NFKD", "".join(c.upper() if len(c.upper()) == 1 else c for c in text))


def ascii_casemap(text):
    return "".join(c.upper() if "a" <= c <= "z" else c for c in text)


FOLD = {"i;unicode-casemap": unicode_casemap, "i;ascii-casemap": ascii_casemap, "i;octet": lambda text: text}


class Message:
    """Its octets, and what SEARCH may look at: decoded header fields and body."""

    def __init__(self, rng, number, ids):
        self.fields = []
        self.raw = b""
        day = datetime.date(2020, 1, 1) + datetime.timedelta(days=rng.randrange(60))
        self.sent = day if rng.random() < 0.9 else None
        self.arrived = datetime.date(2020, 1, 1) + datetime.timedelta(days=rng.randrange(60))
        if self.sent:
            self.add("Date", day.strftime("%a, %d %b %Y 12:00:00 +0000"))
        self.add("From", f"{rng.choice(WORDS)} <u{number % 50}@example.net>", rng.random() < 0.3)
        self.add("To", f"u{rng.randrange(50)}@Example.NET")
        self.add("Subject", " ".join(rng.choice(WORDS) for _ in range(rng.randrange(1, 4))), rng.random() < 0.5)
        for name in IDS:
            for _ in range(rng.choice([0, 1, 1, 1, 1, 1, 1, 1, 1, 2]) if rng.random() < 0.8 else 0):
                self.add_id(rng, name, ids)
        self.body = "\r\n".join(" ".join(rng.choice(WORDS) for _ in range(4)) for _ in range(rng.randrange(1, 5)))
        charset = rng.choice(["utf-8", "iso-8859-1"])
        octets = self.body.encode(charset)
        if rng.random() < 0.3:
            self.plain("Content-Transfer-Encoding", "base64")
            octets = base64.encodebytes(octets).replace(b"\n", b"\r\n")
        self.plain("Content-Type", f"text/plain; charset={charset}")
        self.raw += b"\r\n" + octets
        self.flags = {flag for flag in FLAGS if rng.random() < 0.3}
        self.uid = 0

    def plain(self, name, value):
        self.fields.append((name, value))
        self.raw += f"{name}: {value}\r\n".encode()

    def add(self, name, value, encoded=False):
        self.fields.append((name, value))
        if encoded or not value.isascii():
            word = base64.b64encode(value.encode()).decode()
            self.raw += f"{name}: =?utf-8?b?{word}?=\r\n".encode()
        else:
            self.raw += f"{name}: {value}\r\n".encode()

    def add_id(self, rng, name, ids):
        kind = rng.random()
        if kind < 0.15 and ids[name]:
            value = rng.choice(ids[name])
        elif kind < 0.7:
            value = f"<{rng.getrandbits(64):016x}@{rng.choice(['a.example', 'A.example'])}>"
        elif kind < 0.8:
            value = f"{rng.getrandbits(32):08X}-{rng.randrange(9)}"
        elif kind < 0.85 and ids[name]:
            value = "x" + rng.choice(ids[name])[:900] + "y"
        elif kind < 0.9:
            value = f"{rng.randrange(100)}ä@é"
        elif kind < 0.93:
            value = "L" * 1500 + str(rng.randrange(100))
        else:
            value = f"id {rng.randrange(100)} <{rng.getrandbits(16)}>"
        ids[name].append(value)
        self.add(rng.choice([name, name.upper(), name.lower()]), value, rng.random() < 0.05)


class Model:
    def __init__(self, rng):
        self.rng = rng
        self.ids = {name: [] for name in IDS}
        self.messages = [Message(rng, n, self.ids) for n in range(MESSAGES)]

    # A program as text and as a function of a message. `fold` is the comparator's.
    def text(self):
        word = self.rng.choice(WORDS)
        begin = self.rng.randrange(len(word))
        word = word[begin:begin + self.rng.randrange(1, 8)].strip() or word
        return self.rng.choice([word, word.upper(), word.lower()])

    def id_text(self, name):
        value = self.rng.choice(self.ids[name]) if self.ids[name] and self.rng.random() < 0.95 else "<none@x>"
        kind = self.rng.random()
        if kind < 0.3:
            begin = self.rng.randrange(max(1, len(value) - 6))
            value = value[begin:begin + self.rng.randrange(5, 30)]
        if self.rng.random() < 0.3:
            value = self.rng.choice([value.upper(), value.lower()])
        if kind > 0.97:
            value = " " + value
        return value

    def leaf(self, fold):
        rng = self.rng
        kind = rng.randrange(13)
        if kind < 4:
            name = rng.choice(IDS)
            needle = self.id_text(name)
            return f"HEADER {rng.choice([name, name.upper()])} {quoted(needle)}", self.field(name, needle, fold)
        if kind == 4:
            name = rng.choice(["SUBJECT", "FROM", "TO"])
            needle = self.text()
            return f"{name} {quoted(needle)}", self.field(name, needle, fold)
        if kind == 5:
            needle = self.text()
            return f"BODY {quoted(needle)}", lambda m: fold(needle) in fold(m.body)
        if kind == 6:
            needle = self.text()
            return f"TEXT {quoted(needle)}", lambda m: fold(needle) in fold(m.body) or any(
                fold(needle) in fold(f"{name}: {value}") for name, value in m.fields)
        if kind == 7:
            flag = rng.choice(FLAGS)
            key = KEYS.get(flag)
            if rng.random() < 0.5:
                return key or f"KEYWORD {flag}", lambda m: flag in m.flags
            return f"UN{key}" if key else f"UNKEYWORD {flag}", lambda m: flag not in m.flags
        if kind == 8:
            first, last = sorted(rng.sample(range(1, MESSAGES + 1), 2))
            return f"{rng.choice(['UID ', ''])}{first}:{last}", lambda m: first <= m.uid <= last
        if kind == 9:
            size = len(rng.choice(self.messages).raw)
            if rng.random() < 0.5:
                return f"LARGER {size}", lambda m: len(m.raw) > size
            return f"SMALLER {size}", lambda m: len(m.raw) < size
        day = datetime.date(2020, 1, 1) + datetime.timedelta(days=rng.randrange(60))
        date = day.strftime("%d-%b-%Y")
        sent = rng.random() < 0.5
        when = (lambda m: m.sent) if sent else (lambda m: m.arrived)
        compare, test = rng.choice([("BEFORE", lambda a: a < day), ("ON", lambda a: a == day), ("SINCE", lambda a: a >= day)])
        return ("SENT" if sent else "") + f"{compare} {date}", lambda m: when(m) is not None and test(when(m))

    @staticmethod
    def field(name, needle, fold):
        # The blank behind the colon belongs to the line.
        return lambda m: any(field.lower() == name.lower() and fold(needle) in fold(" " + value) for field, value in m.fields)

    def program(self, fold, depth=3):
        kind = self.rng.random() if depth > 0 else 0
        if kind < 0.5:
            return self.leaf(fold)
        one, is_one = self.program(fold, depth - 1)
        if kind < 0.65:
            return f"NOT {one}", lambda m: not is_one(m)
        two, is_two = self.program(fold, depth - 1)
        if kind < 0.85:
            return f"OR {one} {two}", lambda m: is_one(m) or is_two(m)
        return f"({one} {two})", lambda m: is_one(m) and is_two(m)


def quoted(text):
    octets = text.encode()
    if all(32 <= c < 127 for c in octets):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{{{len(octets)}+}}\r\n{text}"


class Client:
    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=120)
        self.file = self.socket.makefile("rb")
        self.file.readline()
        self.count = 0

    def command(self, octets):
        self.count += 1
        tag = f"t{self.count}".encode()
        self.socket.sendall(tag + b" " + octets + b"\r\n")
        untagged = []
        while True:
            line = self.file.readline()
            if not line:
                raise SystemExit("the server closed the connection")
            if line.startswith(tag + b" "):
                if not line.startswith(tag + b" OK"):
                    raise SystemExit(f"{octets[:200]!r}: {line!r}")
                return untagged
            untagged.append(line.decode().rstrip("\r\n"))


def append(client, messages):
    for begin in range(0, len(messages), 100):
        command = b"APPEND INBOX"
        for message in messages[begin:begin + 100]:
            flags = " ".join(sorted(message.flags))
            date = message.arrived.strftime("%d-%b-%Y 10:00:00 +0000")
            command += f' ({flags}) "{date}" {{{len(message.raw)}+}}\r\n'.encode() + message.raw
        client.command(command)
    for uid, message in enumerate(messages, 1):
        message.uid = uid


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--programs", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    seed = options.seed or random.SystemRandom().randrange(1, 1 << 30)
    print(f"seed {seed}")
    rng = random.Random(seed)
    model = Model(rng)
    found_some = 0
    with Server(options.bin) as server:
        server.ctl("user", "add", "u", "--password-stdin", stdin="secret\n")
        client = Client(server.imap)
        client.command(b"LOGIN u secret")
        append(client, model.messages)
        client.command(b"SELECT INBOX")
        for number in range(options.programs):
            if number == options.programs // 2:  # the rest with the optional index
                server.ctl("db", "text-index", "create")
            comparator = rng.choice(COMPARATORS) if rng.random() < 0.4 else COMPARATORS[0]
            client.command(b"COMPARATOR " + comparator.encode())
            text, matches = model.program(FOLD[comparator])
            expected = [m.uid for m in model.messages if matches(m)]
            answer = [line for line in client.command(b"UID SEARCH CHARSET UTF-8 " + text.encode()) if line.startswith("* SEARCH")]
            found = [int(number) for number in re.findall(r"\d+", answer[0])]
            if found != expected:
                print(f"{comparator}\n{text}\nexpected {expected}\nfound    {found}")
                for uid in sorted(set(found) ^ set(expected))[:3]:
                    print(uid, model.messages[uid - 1].raw.decode("latin-1")[:3000])
                return 1
            found_some += bool(expected)
    print(f"{options.programs} programs, {found_some} of them found something")
    return 0 if found_some > options.programs // 4 else 1


if __name__ == "__main__":
    sys.exit(main())
