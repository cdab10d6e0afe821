"""Writers that remember what was acknowledged, and the check of a store against what they remember. Used by crash.py."""
import hashlib
import re

from wire import Closed, Wire

SHARED = "Pot"  # one mailbox that all writers of an account share; each touches only its own messages
FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "\\Draft", "Red", "Blue")


def content(identity, size):
    """The octets of a message follow from its identity alone."""
    digest = hashlib.sha256(identity.encode()).digest()
    talk = f"Conversation-ID: k{digest[1] % 5}\r\nContribution-ID: {identity}\r\nMessage-Direction: received\r\n" if digest[0] % 2 else ""
    head = (f"From: w@example.net\r\nSubject: {identity}\r\n{talk}X-Id: {identity}\r\nX-Size: {size}\r\n"
            "Content-Type: text/plain; charset=us-ascii\r\n\r\n").encode()
    line = hashlib.sha256(identity.encode()).hexdigest().encode() + b"\r\n"
    return head + (line * (size // len(line) + 1))[:size]


class Doubt:
    """A command whose answer never came. kind: append, copy, move, store, expunge."""

    def __init__(self, kind, mailbox="", uids=(), target="", identities=(), change=None):
        self.kind, self.mailbox, self.uids, self.target = kind, mailbox, set(uids), target
        self.identities, self.change = list(identities), change


class Writer:
    def __init__(self, number, account, dice):
        self.number, self.account, self.dice = number, account, dice
        self.mailboxes = (f"W{number}/A", f"W{number}/B", SHARED)
        self.rows = {name: {} for name in self.mailboxes}  # acknowledged: mailbox → uid → (identity, flags)
        self.told = []                                     # (mailbox, uid, identity) of every UID ever told
        self.modseq = {}                                   # highest one told per mailbox
        self.made = 0
        self.done = 0
        self.doubt = None
        self.failure = None

    def take_done(self):
        if self.failure:
            raise AssertionError(f"writer {self.number}: {self.failure}")
        done, self.done = self.done, 0
        return done

    def work(self, address, stop):
        """Writes until told to stop or until a command is not acknowledged."""
        try:
            with Wire(address, tls=True, timeout=40) as wire:
                if not wire.command(f'LOGIN "{self.account}" "secret"'):
                    return
                self.selected = None
                while not stop.is_set() and self.step(wire):
                    self.done += 1
        except (Closed, OSError):
            return
        except AssertionError as error:
            self.failure = error

    def step(self, wire):
        mailbox = self.dice.choice(self.mailboxes)
        own = list(self.rows[mailbox])
        kind = self.dice.choices(("append", "multi", "large", "store", "copy", "move", "expunge"), (40, 8, 2, 20, 10, 10, 10))[0]
        if kind in ("append", "multi", "large") or not own:
            return self.append(wire, mailbox, kind)
        if self.selected != mailbox:
            if not wire.command(f'SELECT "{mailbox}" (CONDSTORE)'):
                return False
            self.selected = mailbox
        uids = self.dice.sample(own, self.dice.randint(1, min(len(own), 8)))
        return getattr(self, kind)(wire, mailbox, uids)

    def settle(self, reply):
        """True when acknowledged. A NO promises that nothing was done, unless it says that this is not known."""
        if reply.status == "BAD":
            raise AssertionError(f"BAD: {reply.text}")
        if reply.status == "NO" and "not known" not in reply.text.lower():
            self.doubt = None
        return reply.status == "OK"

    def heed_modseq(self, mailbox, reply):
        text = reply.text + " ".join(line.decode(errors="replace") for line in reply.untagged)
        for number in re.findall(r"MODSEQ \(?(\d+)", text):
            self.modseq[mailbox] = max(self.modseq.get(mailbox, 0), int(number))

    def append(self, wire, mailbox, kind):
        count = self.dice.randint(2, 20) if kind == "multi" else 1
        flags = self.dice.choice(("", "\\Seen", "\\Seen Red"))
        identities, messages = [], []
        for _ in range(count):
            self.made += 1
            identities.append(f"w{self.number}-{self.made}")
            size = self.dice.randint(1_000_000, 2_500_000) if kind == "large" else self.dice.randint(0, 6000)
            messages.append(content(identities[-1], size))
        flagset = frozenset(flags.split())
        self.doubt = Doubt("append", target=mailbox, identities=[(one, flagset) for one in identities])
        reply = wire.append(mailbox, messages, flags)
        if not self.settle(reply):
            return False
        uids = uid_list(reply.code.split()[2])
        if len(uids) != count or any(uid in self.rows[mailbox] for uid in uids):
            raise AssertionError(f"APPENDUID tells {reply.code} for {count} messages")
        for uid, identity in zip(uids, identities):
            self.rows[mailbox][uid] = (identity, flagset)
            self.told.append((mailbox, uid, identity))
        self.doubt = None
        return True

    def store(self, wire, mailbox, uids):
        sign, flag = self.dice.choice("+-"), self.dice.choice(FLAGS)
        self.doubt = Doubt("store", mailbox, uids, change=(sign, flag))
        reply = wire.command(f"UID STORE {joined(uids)} {sign}FLAGS ({flag})")
        if not self.settle(reply):
            return False
        self.heed_modseq(mailbox, reply)
        for uid in uids:
            identity, flags = self.rows[mailbox][uid]
            self.rows[mailbox][uid] = (identity, changed(flags, (sign, flag)))
        self.doubt = None
        return True

    def transfer(self, wire, mailbox, uids, kind):
        target = self.dice.choice([name for name in self.mailboxes if name != mailbox])
        uids = sorted(uids)
        self.doubt = Doubt(kind, mailbox, uids, target, [self.rows[mailbox][uid] for uid in uids])
        reply = wire.command(f'UID {kind.upper()} {joined(uids)} "{target}"')
        if not self.settle(reply):
            return False
        match = re.search(r"\[COPYUID \d+ (\S+) (\S+)\]", reply.text + " ".join(line.decode(errors="replace") for line in reply.untagged))
        if not match or uid_list(match[1]) != uids or len(uid_list(match[2])) != len(uids):
            raise AssertionError(f"COPYUID for {uids}: {reply!r}")
        for old, new in zip(uids, uid_list(match[2])):
            self.rows[target][new] = self.rows[mailbox][old]
            self.told.append((target, new, self.rows[target][new][0]))
            if kind == "move":
                del self.rows[mailbox][old]
        self.doubt = None
        return True

    def copy(self, wire, mailbox, uids):
        return self.transfer(wire, mailbox, uids[:4], "copy")

    def move(self, wire, mailbox, uids):
        return self.transfer(wire, mailbox, uids, "move")

    def expunge(self, wire, mailbox, uids):
        if not self.store_deleted(wire, mailbox, uids):
            return False
        self.doubt = Doubt("expunge", mailbox, uids)
        reply = wire.command(f"UID EXPUNGE {joined(uids)}")
        if not self.settle(reply):
            return False
        self.heed_modseq(mailbox, reply)
        for uid in uids:
            del self.rows[mailbox][uid]
        self.doubt = None
        return True

    def store_deleted(self, wire, mailbox, uids):
        self.doubt = Doubt("store", mailbox, uids, change=("+", "\\Deleted"))
        if not self.settle(wire.command(f"UID STORE {joined(uids)} +FLAGS.SILENT (\\Deleted)")):
            return False
        for uid in uids:
            identity, flags = self.rows[mailbox][uid]
            self.rows[mailbox][uid] = (identity, flags | {"\\Deleted"})
        self.doubt = None
        return True


class Ledger:
    """What one account has shown: nothing here may ever be contradicted later."""

    def __init__(self):
        self.used = {}      # mailbox → uid → identity
        self.counters = {}  # mailbox → (uidvalidity, uidnext, highestmodseq)
        self.read = set()   # (mailbox, uid) whose octets were compared


def joined(uids):
    return ",".join(str(uid) for uid in uids)


def uid_list(text):
    out = []
    for part in text.split(","):
        first, _, last = part.partition(":")
        out += range(int(first), int(last or first) + 1)
    return out


def changed(flags, change):
    sign, flag = change
    return flags | {flag} if sign == "+" else flags - {flag}


def look(wire, mailbox, ledger, full):
    """uid → (identity, flags) of a mailbox; compares octets not yet compared and the counters with what was shown before."""
    reply = wire.must(f'EXAMINE "{mailbox}" (CONDSTORE)')
    now = tuple(reply.number(name) for name in ("UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ"))
    before = ledger.counters.get(mailbox)
    if before and (now[0] != before[0] or now[1] < before[1] or now[2] < before[2]):
        raise AssertionError(f"{mailbox}: UIDVALIDITY, UIDNEXT, HIGHESTMODSEQ went from {before} to {now}")
    ledger.counters[mailbox] = now
    used = ledger.used.setdefault(mailbox, {})
    rows = {}
    for line in wire.must("UID FETCH 1:* (UID FLAGS MODSEQ BODY.PEEK[HEADER.FIELDS (X-Id X-Size)])").untagged:
        match = re.match(rb"\* \d+ FETCH \(UID (\d+) FLAGS \(([^)]*)\) MODSEQ \((\d+)\)", line)
        facts = re.search(rb"X-Id: (\S+)\r\nX-Size: (\d+)", line)
        if not match or not facts:
            raise AssertionError(f"{mailbox}: FETCH tells {line!r}")
        uid, identity, size = int(match[1]), facts[1].decode(), int(facts[2])
        if uid in rows or uid >= now[1] or int(match[3]) > now[2]:
            raise AssertionError(f"{mailbox}: UID or MODSEQ out of range or twice: {line!r}, {now}")
        if used.setdefault(uid, identity) != identity:
            raise AssertionError(f"{mailbox}: UID {uid} was {used[uid]} and is now {identity}")
        if full or (mailbox, uid) not in ledger.read:
            octets = wire.must(f"UID FETCH {uid} BODY.PEEK[]").untagged[0]
            if content(identity, size) not in octets:
                raise AssertionError(f"{mailbox}: the octets of UID {uid} ({identity}) are not those that were stored")
            ledger.read.add((mailbox, uid))
        rows[uid] = (identity, frozenset(match[2].decode().split()) - {"\\Recent"})
    return rows


def verify(wire, writers, ledger, full):
    """The store of one account against all that its writers know. Their doubts end here: they take over what happened."""
    found = {}
    for mailbox in sorted({name for writer in writers for name in writer.mailboxes}):
        found[mailbox] = look(wire, mailbox, ledger, full)
    total = sum(len(rows) for rows in found.values())
    for writer in writers:
        for mailbox, uid, identity in writer.told:
            if ledger.used.setdefault(mailbox, {}).setdefault(uid, identity) != identity:
                raise AssertionError(f"{mailbox}: UID {uid} was {ledger.used[mailbox][uid]} and was told for {identity}")
        writer.told.clear()
        mine = f"w{writer.number}-"
        actual = {name: {uid: row for uid, row in found[name].items() if row[0].startswith(mine)} for name in writer.mailboxes}
        note = f"in doubt was {vars(writer.doubt)}" if writer.doubt else "nothing was in doubt"
        resolve(writer, actual)
        for name in writer.mailboxes:
            compare(writer, name, actual[name], note)
            if writer.modseq.get(name, 0) > ledger.counters[name][2]:
                raise AssertionError(f"{name}: MODSEQ {writer.modseq[name]} was told, HIGHESTMODSEQ is {ledger.counters[name][2]}")
    return total


def compare(writer, name, actual, note):
    expected = writer.rows[name]
    for uid in sorted(set(expected) | set(actual)):
        if expected.get(uid) != actual.get(uid):
            raise AssertionError(f"{name} UID {uid}: acknowledged {expected.get(uid)}, found {actual.get(uid)}"
                                 + (f"; in doubt was {vars(writer.doubt)}" if writer.doubt else ""))


def resolve(writer, actual):
    """Lets the writer's rows take over what the command in doubt did, when it did it wholly or not at all."""
    doubt, rows = writer.doubt, writer.rows
    if not doubt:
        return
    new = {uid: row for uid, row in actual.get(doubt.target, {}).items() if uid not in rows[doubt.target]} if doubt.target else {}
    if doubt.kind in ("append", "copy", "move"):
        happened = sorted(new.values(), key=str) == sorted(doubt.identities, key=str)
        if new and not happened:
            raise AssertionError(f"{doubt.kind} into {doubt.target} happened in part or twice: {new} of {doubt.identities}")
        if happened:
            rows[doubt.target].update(new)
            if doubt.kind == "move":
                for uid in doubt.uids:
                    del rows[doubt.mailbox][uid]
    elif doubt.kind == "store":
        for uid in doubt.uids:
            identity, flags = rows[doubt.mailbox][uid]
            if actual[doubt.mailbox].get(uid) == (identity, changed(flags, doubt.change)):
                rows[doubt.mailbox][uid] = (identity, changed(flags, doubt.change))
    elif doubt.kind == "expunge":
        for uid in doubt.uids:
            if uid not in actual[doubt.mailbox]:
                del rows[doubt.mailbox][uid]
    writer.doubt = None
