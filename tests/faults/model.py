#!/usr/bin/env python3
"""Several sessions change one mailbox at random; each keeps the view that the server's responses describe. At every checkpoint each view must
equal what the server says of the whole mailbox, and all must equal each other.

    model.py --bin build/release/bin --seconds 30 [--seed N] [--sessions 5]
"""
import argparse
import pathlib
import random
import re
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from server import Server  # noqa: E402


class Wrong(Exception):
    pass


class Session:
    def __init__(self, address, user, name):
        self.name = name
        self.socket = socket.create_connection(address, timeout=60)
        self.file = self.socket.makefile("rb")
        self.count = 0
        self.uids = []      # what this client knows, in order; None: told of, not asked for yet
        self.flags = {}
        self.line()
        self.command(f"LOGIN {user} secret")
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

    def select(self):
        self.uids, self.flags = [], {}
        self.command("SELECT INBOX")
        self.fill()

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
            self.command(f"APPEND INBOX{flags}", literal=f"Subject: {self.name}-{self.count}\r\n\r\n{'x' * random.randint(1, 200)}\r\n")
        elif choice < 0.35:
            self.command("NOOP")
        elif choice < 0.38:
            self.select()
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
            self.command(f"COPY {self.pick()} INBOX")
        elif choice < 0.94:
            self.command(f"FETCH {self.pick()}:* (UID FLAGS)", expunges=False)
        else:
            self.command("SEARCH DELETED", expunges=False)

    def picture(self):
        self.command("NOOP")
        self.fill()
        return list(self.uids), dict(self.flags)


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
        pictures.append(after)
    if any(picture != pictures[0] for picture in pictures):
        raise Wrong(f"sessions disagree: {pictures}")
    return len(pictures[0][0])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--sessions", type=int, default=5)
    options = parser.parse_args()
    random.seed(options.seed)
    print(f"seed {options.seed}", flush=True)
    with Server(options.bin) as server:
        server.add_user("model@example.net")
        sessions = [Session(server.imap, "model@example.net", chr(ord("a") + i)) for i in range(options.sessions)]
        end, steps, checks = time.time() + options.seconds, 0, 0
        try:
            while time.time() < end:
                for _ in range(40):
                    random.choice(sessions).act()
                    steps += 1
                size = checkpoint(sessions)
                checks += 1
        except Wrong as wrong:
            print(f"FAILED after {steps} steps: {wrong}")
            return 1
        found = server.ctl("db", "check", check=False)
        print(f"{steps} commands, {checks} checkpoints, {size} messages at the end; db check: exit {found.returncode}")
        return found.returncode


if __name__ == "__main__":
    sys.exit(main())
