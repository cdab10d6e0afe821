#!/usr/bin/env python3
"""Every command that touches a mailbox, run as every kind of wrong user (MSS-23, MSS-24, MSS-25, MSS-26, MSS-27, MSS-28, MSS-29, MSS-30, MSS-31).

The commands come from the server's own registry; NEEDS says which rights each one takes (RFC 4314 4, RFC 5464 3.3, docs/sharing.md). A command,
FETCH item or STATUS item that the registry knows and the tables do not makes the test fail, so that a new one is tested without anyone remembering.

Wrong users: nobody with an entry, one with `l` alone, with each needed right missing, with each taken by a negative entry, with an entry that has
expired, who has left the group, who has refused the share, whose rights were revoked while the mailbox was selected, a service with the role
deposit, a service of somebody else, a disabled account, and nobody logged in at all. Nothing may change, nothing of a message may be told, and what
has no `l` answers octet for octet as what does not exist."""
import base64
import re
import subprocess
import time

from common import Failed, HERE, check, main
from server import Server
from wire import Closed, Wire

ALICE, BOB, CAROL = "alice@example.net", "bob@example.net", "carol@example.net"
ALL = "lrswipkxtean"
DEPOSIT = set("lrswipkn0")
SECRET = b"wombat"  # stands in every message and annotation of the mailbox
TEXT = "Subject: {0}\r\nFrom: x@example.net\r\n\r\n{0}\r\n"

# What a command does when something is missing: it is refused; or it is answered OK and tells and does nothing of it.
REFUSED, SILENT, EITHER = "refused", "silent", "either"


class Case:
    """One way to use a command. `{box}`, `{leaf}` are the names of the mailbox and of one below it; rights are the same in both. `inside`:
    the mailbox is selected; `home`: the reader's own INBOX is. `probe`: what is tried is not possible at all in somebody else's store, so there
    is no right way to compare with."""

    def __init__(self, needs, text, how=REFUSED, inside=False, home=False, probe=False, literal=None):
        self.needs, self.text, self.how, self.inside, self.home, self.probe = needs, text, how, inside, home, probe
        self.literal = literal

    def line(self, box, leaf):
        url = box.strip('"').replace(" ", "%20").replace("@", "%40")
        text = self.text.format(box=box, leaf=leaf, under=f'"{box.strip(chr(34))}/New"', renamed=f'"{box.strip(chr(34))}/Renamed"', url=url)
        if self.literal is None:
            return text.encode()
        body = self.literal.format(path=box.strip('"')).encode()
        return text.encode() + b" {%d+}\r\n" % len(body) + body


NEW = TEXT.format("new")
EVENT = ('<cpm-evfw xmlns="urn:oma:xml:cpm:evfw"><event-cpm-imap type="flags" index="0"><operation name="add" flag="\\Flagged">'
         '<object uid="1" folder-path="{path}/"><message-id>m1</message-id></object></operation></event-cpm-imap></cpm-evfw>')

# No mailbox is touched, or only what the session has or may have anyway.
NONE = {
    "AUTHENTICATE", "CAPABILITY", "COMPARATOR", "COMPRESS", "ENABLE", "ID", "LANGUAGE", "LOGIN", "LOGOUT", "NAMESPACE", "STARTTLS",
    "UNAUTHENTICATE", "CANCELUPDATE", "CONVERSIONS", "GETQUOTA", "SETQUOTA", "XAUDIT",
}

NEEDS = {
    "SELECT": [Case("lr", "SELECT {box}"), Case("lr", "SELECT {box} (CONDSTORE)")],
    "EXAMINE": [Case("lr", "EXAMINE {box}")],
    "STATUS": [Case("lr", "STATUS {box} (MESSAGES UNSEEN)")],
    "LIST": [Case("l", 'LIST "" {box}', SILENT), Case("l", 'LIST "" ("*" "Other Users/*" "Other Users/%/%") RETURN (CHILDREN SUBSCRIBED STATUS (MESSAGES UNSEEN))', SILENT),
             Case("l", 'LIST "Other Users/" "%/B%x"', SILENT)],
    "LSUB": [Case("l", 'LSUB "" "*"', SILENT), Case("l", 'LSUB "" {box}', SILENT)],
    "SUBSCRIBE": [Case("", "SUBSCRIBE {box}", EITHER)],
    "UNSUBSCRIBE": [Case("", "UNSUBSCRIBE {box}", EITHER)],
    "CREATE": [Case("lk", "CREATE {under}")],
    "DELETE": [Case("lx", "DELETE {leaf}")],
    "RENAME": [Case("lxk", "RENAME {leaf} {renamed}")],
    "APPEND": [Case("li", "APPEND {box}", literal=NEW), Case("li", "APPEND {box} (\\Seen)", literal=NEW)],
    "COPY": [Case("li", "COPY 1 {box}", home=True), Case("lr0", "COPY 1 INBOX", inside=True)],
    "UID COPY": [Case("li", "UID COPY 1:* {box}", home=True), Case("lr0", "UID COPY 1 INBOX", inside=True)],
    "MOVE": [Case("li", "MOVE 1 {box}", home=True), Case("lrte0", "MOVE 1 INBOX", inside=True)],
    "UID MOVE": [Case("li", "UID MOVE 1:* {box}", home=True), Case("lrte0", "UID MOVE 1 INBOX", inside=True)],
    "STORE": [Case("lrw", "STORE 1 +FLAGS (\\Flagged)", EITHER, inside=True), Case("lrt", "STORE 1 +FLAGS (\\Deleted)", EITHER, inside=True),
              Case("lrs", "STORE 1 +FLAGS (\\Seen)", EITHER, inside=True), Case("lrw", "STORE 1:* +FLAGS ($Work)", EITHER, inside=True)],
    "UID STORE": [Case("lrw", "UID STORE 1 -FLAGS (\\Answered)", EITHER, inside=True), Case("lrt", "UID STORE 1:* +FLAGS (\\Deleted)", EITHER, inside=True)],
    "EXPUNGE": [Case("lre", "EXPUNGE", inside=True)],
    "UID EXPUNGE": [Case("lre", "UID EXPUNGE 1:*", inside=True)],
    "CLOSE": [Case("lre", "CLOSE", EITHER, inside=True)],
    "UNSELECT": [Case("lr", "UNSELECT", EITHER, inside=True)],
    "FETCH": [Case("lr", "FETCH 1:* (FLAGS)", EITHER, inside=True), Case("lrs", "FETCH 1 (BODY[])", EITHER, inside=True)],
    "UID FETCH": [Case("lr", "UID FETCH 1:* (BODY.PEEK[] ENVELOPE)", inside=True)],
    "CONVERT": [Case("lr", 'CONVERT 1 ("text/plain" ("charset" "utf-8")) BINARY[1]', EITHER, inside=True)],
    "UID CONVERT": [Case("lr", 'UID CONVERT 1 ("text/plain" ("charset" "utf-8")) (BINARY[1] BODYPARTSTRUCTURE[1])', inside=True),
                    Case("lr", 'UID CONVERT 1 (NIL ("charset" "utf-8")) BODY[HEADER]', inside=True)],
    "SEARCH": [Case("lr", "SEARCH TEXT wombat", EITHER, inside=True)],
    "UID SEARCH": [Case("lr", "UID SEARCH SUBJECT wombat", EITHER, inside=True)],
    "SORT": [Case("lr", "SORT (SUBJECT) UTF-8 TEXT wombat", inside=True)],
    "UID SORT": [Case("lr", "UID SORT (ARRIVAL) UTF-8 TEXT wombat", inside=True)],
    "THREAD": [Case("lr", "THREAD REFERENCES UTF-8 TEXT wombat", inside=True)],
    "UID THREAD": [Case("lr", "UID THREAD ORDEREDSUBJECT UTF-8 TEXT wombat", inside=True)],
    "ESEARCH": [Case("lr", "ESEARCH IN (mailboxes {box}) RETURN (COUNT MIN) TEXT wombat", EITHER),
                Case("lr", 'ESEARCH IN (subtree "Other Users") RETURN (COUNT) ALL', EITHER)],
    "NOTIFY": [Case("", "NOTIFY SET STATUS (mailboxes {box} (MessageNew MessageExpunge))", EITHER, probe=True)],
    "NOOP": [Case("lr", "NOOP", EITHER, inside=True)],
    "CHECK": [Case("lr", "CHECK", EITHER, inside=True)],
    "IDLE": [],  # looks as NOOP does; ended by DONE, see revoked()
    "REPLACE": [Case("lrite", "REPLACE 1 {box}", inside=True, literal=NEW)],
    "UID REPLACE": [Case("lrite", "UID REPLACE 1 {box}", inside=True, literal=NEW)],
    "GETMETADATA": [Case("lr", "GETMETADATA {box} /shared/comment", probe=True), Case("lr", "GETMETADATA (DEPTH infinity) {box} (/shared /private)", probe=True)],
    "SETMETADATA": [Case("lr", 'SETMETADATA {box} (/shared/comment "new")', probe=True), Case("lr", 'SETMETADATA {box} (/private/comment "new")', probe=True)],
    "GENURLAUTH": [Case("lr", 'GENURLAUTH "imap://bob%40example.net@localhost/{url}/;UID=1;URLAUTH=anonymous" INTERNAL', probe=True)],
    "URLFETCH": [Case("lr", 'URLFETCH "imap://bob%40example.net@localhost/{url}/;UID=1;URLAUTH=anonymous:internal:00112233445566778899aabbccddeeff"', EITHER, probe=True),
                 Case("lr", 'URLFETCH "imap://alice%40example.net@localhost/Box/;UID=1;URLAUTH=anonymous:internal:00112233445566778899aabbccddeeff"', EITHER, probe=True)],
    "RESETKEY": [Case("lr", "RESETKEY {box}", probe=True)],
    "XCONVERSATIONS": [Case("", "XCONVERSATIONS", EITHER, probe=True)],
    "XHISTORIES": [Case("lr", 'XHISTORIES "" {box}', EITHER, probe=True), Case("lr", 'XHISTORIES "Other Users/" "*"', EITHER, probe=True)],
    "XCOPYTREE": [Case("lr", "XCOPYTREE {box} Mine", probe=True), Case("lk", "XCOPYTREE INBOX {under}", probe=True)],
    "XEVENT": [Case("lrw", "XEVENT", EITHER, probe=True, literal=EVENT)],
    "SETACL": [Case("la", f"SETACL {{box}} {CAROL} lr"), Case("la", f"SETACL {{box}} {BOB} +lrswipkxtea")],
    "DELETEACL": [Case("la", f"DELETEACL {{box}} {CAROL}")],
    "GETACL": [Case("la", "GETACL {box}")],
    "LISTRIGHTS": [Case("la", f"LISTRIGHTS {{box}} {CAROL}")],
    "MYRIGHTS": [Case("l", "MYRIGHTS {box}")],
    "XACL": [Case("la", "XACL {box}")],
    "XSHARE": [Case("l", "XSHARE {box} SHOW")],
    "GETQUOTAROOT": [Case("lr", "GETQUOTAROOT {box}")],
    "XUNDELETE": [Case("li", "XUNDELETE RESTORE MAILBOX {box}", probe=True), Case("li", "XUNDELETE RESTORE (1-1-1) {box}", probe=True),
                  Case("lr", "XUNDELETE LIST (MAILBOX {box})", EITHER, probe=True)],
}

FETCH_ITEMS = {  # how each is written; all are read of the mailbox (r)
    "BODY": "BODY[]", "BODY.PEEK": "BODY.PEEK[]", "BINARY": "BINARY[1]", "BINARY.PEEK": "BINARY.PEEK[1]", "BINARY.SIZE": "BINARY.SIZE[1]",
    "ANNOTATION": "ANNOTATION (/comment value.priv)", "PREVIEW": "PREVIEW",
    **{name: name for name in ("ALL", "FAST", "FULL", "BODYSTRUCTURE", "ENVELOPE", "FLAGS", "INTERNALDATE", "MODSEQ", "RFC822", "RFC822.HEADER",
                               "RFC822.SIZE", "RFC822.TEXT", "UID", "EMAILID", "THREADID", "SAVEDATE")},
}
STATUS_ITEMS = {"APPENDLIMIT", "HIGHESTMODSEQ", "MAILBOXID", "DELETED", "DELETED-STORAGE", "MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "SIZE"}


def registry(binaries):
    """Commands, FETCH items and STATUS items as the server itself lists them."""
    done = subprocess.run([f"{binaries}/cpmstored", "--print-rfc-coverage", str(HERE.parent / "scripts")], capture_output=True, text=True, check=True)
    found = {"": set(), "FETCH": set(), "STATUS": set(), "SEARCH": set(), "ENABLE": set()}
    for row in done.stdout.splitlines():
        columns = row.split(" | ")
        if len(columns) < 5:
            continue
        for kind, name in re.findall(r"(FETCH |STATUS |SEARCH |ENABLE |)`([^`]+)`", columns[3]):
            found[kind.strip()].add(name)
    return found


class Store:
    """Alice's mailbox, and what it looks like."""

    def __init__(self, server):
        self.server = server
        self.alice = Wire(server.imaps, tls=True)
        self.alice.login(ALICE)
        self.bob = None
        self.entry = None

    def fresh(self):
        for name in ("Box/Renamed", "Box/New", "Box/Leaf", "Box"):
            self.alice.command(f"DELETE {name}")
        self.alice.must("CREATE Box")
        self.alice.must("CREATE Box/Leaf")
        for _ in range(2):
            self.alice.append("Box", TEXT.format("wombat").encode())
            self.alice.append("Box/Leaf", TEXT.format("wombat").encode())
        self.alice.append("Box", TEXT.format("wombat").encode(), "\\Deleted \\Answered")
        self.alice.must('SETMETADATA Box (/shared/comment "wombat")')
        self.entry = None

    def give(self, rights, negative="", who=BOB):
        if self.entry == (rights, negative, who):
            return
        for name in ("Box", "Box/Leaf"):
            for one in (BOB, CAROL):
                self.alice.must(f"DELETEACL {name} {one}")
                self.alice.must(f"DELETEACL {name} -{one}")
            if rights:
                self.alice.must(f"SETACL {name} {who} {rights}")
            if negative:
                self.alice.must(f"SETACL {name} -{who} {negative}")
        self.entry = (rights, negative, who)

    def picture(self):
        alice = self.alice
        out = [alice.must(f"STATUS {name} (MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ SIZE DELETED)").untagged for name in ("Box", "Box/Leaf")]
        out.append(alice.must('LIST "" "*"').untagged)
        out.append([line for name in ("Box", "Box/Leaf") for line in alice.must(f"GETACL {name}").untagged])
        out.append(alice.must("GETMETADATA (DEPTH infinity) Box (/shared /private)").untagged)
        return [sorted(part) for part in out]

    def reader(self):
        """A new session of bob's, whose INBOX has a message."""
        if self.bob:
            self.bob.close()
        self.bob = Wire(self.server.imaps, tls=True)
        self.bob.login(BOB)
        if self.bob.must("STATUS INBOX (MESSAGES)").number("MESSAGES") == 0:
            self.bob.append("INBOX", TEXT.format("own").encode())
        return self.bob


def run(wire, case, names):
    tag = wire.tag()
    wire.send(tag + b" " + case.line(*names) + b"\r\n")
    return wire.finish(tag)


def others(name):
    return f'"Other Users/{ALICE}/{name}"', f'"Other Users/{ALICE}/{name}/Leaf"'


BOX, MISSING = others("Box"), others("Nix")
NOBODY = '"Other Users/nobody@example.net/Box"', '"Other Users/nobody@example.net/Box/Leaf"'


def judge(case, reply, what, reads=False):
    """Refused as it should be, and nothing of a message told to one who does not read."""
    told = b"\r\n".join(reply.untagged) + reply.text.encode()
    line = case.line("BOX", "LEAF")
    if not reads and SECRET in told.replace(line, b""):
        raise Failed(f"{what}: {line!r} tells of messages: {reply!r}")
    bad_url = reply.code.startswith("BADURL")  # RFC 4467 7: what GENURLAUTH says of a URL that leads nowhere
    if reply.status == "BAD" and not bad_url:
        raise Failed(f"{what}: {line!r} is no good test: {reply!r}")
    if case.how == REFUSED and not bad_url and (reply.status != "NO" or reply.code.split(" ")[0] not in ("NOPERM", "NONEXISTENT", "TRYCREATE", "CANNOT")):
        raise Failed(f"{what}: {line!r} was to be refused: {reply!r}")
    if case.how == SILENT and reply.status != "OK":
        raise Failed(f"{what}: {line!r} must not be refused: {reply!r}")


def unchanged(store, before, what, case):
    now = store.picture()
    if now != before:
        raise Failed(f"{what}: {case.line('BOX', 'LEAF')!r} changed something", [(a, b) for a, b in zip(before, now) if a != b])


def alike(reply, names):
    """An answer without the name it was asked about."""
    lines = [*reply.untagged, f"{reply.status} {reply.text}".encode()]
    out = b"\n".join(lines)
    for name in (names[1], names[0]):
        bare = name.strip('"')
        for spelled in (bare, bare.replace(" ", "%20").replace("@", "%40")):
            out = out.replace(spelled.encode(), b"@")
    return out


def same_as_missing(store, wire, cases, what):
    """Octet for octet the answer for a name that does not exist, of an account that does and of one that does not."""
    before = store.picture()
    for case in cases:
        if case.home:
            wire.must("SELECT INBOX")
        elif case.inside:
            continue
        reply = run(wire, case, BOX)
        judge(case, reply, what)
        for names in (MISSING, NOBODY):
            other = run(wire, case, names)
            if alike(reply, BOX) != alike(other, names):
                raise Failed(f"{what}: {case.line('BOX', 'LEAF')!r} tells that the mailbox exists", (alike(reply, BOX), alike(other, names)))
        if case.text.startswith("SUBSCRIBE"):
            for names in (BOX, MISSING, NOBODY):
                wire.command(f"UNSUBSCRIBE {names[0]}")
        if case.home:
            wire.must("UNSELECT")
    unchanged(store, before, what, cases[-1])
    check(True, f"{what}: answers as for what does not exist, nothing changed")


def prepared(store, case, wire):
    """Puts the session where the command belongs; false when it cannot be brought there."""
    if case.home:
        return bool(wire.command("SELECT INBOX"))
    if case.inside:
        return bool(wire.command(f"SELECT {BOX[0]}"))
    wire.command("UNSELECT")
    return True


def deprived(store, case, rights, negative, what):
    """The reader lacks one right, before the mailbox is selected where that is possible."""
    wire = store.bob
    store.give(rights, negative)
    if not prepared(store, case, wire):
        # Not even SELECT works: the mailbox was selected with all rights, and they went later.
        store.give(ALL)
        wire.must(f"SELECT {BOX[0]}")
        store.give(rights, negative)
    before = store.picture()
    try:
        reply = run(wire, case, BOX)
    except Closed:
        raise Failed(f"{what}: {case.text!r} ended the connection") from None
    judge(case, reply, what, {"l", "r"} <= set(rights) - set(negative))
    unchanged(store, before, what, case)


def needed(store, cases):
    """With just what is needed each command works: otherwise the refusals would prove nothing."""
    for case in cases:
        if case.probe:
            continue
        store.fresh()
        store.give("".join(sorted(set(case.needs) - {"0"})) or "l")
        if not prepared(store, case, store.bob):
            raise Failed(f"{case.needs}: the mailbox cannot be selected for {case.text!r}")
        reply = run(store.bob, case, BOX)
        if not reply:
            raise Failed(f"{case.text!r} does not work with {case.needs!r} alone: {reply!r}")
        if store.bob.must("STATUS INBOX (MESSAGES)").number("MESSAGES") == 0:
            store.bob.append("INBOX", TEXT.format("own").encode())
    check(True, f"{len(cases)} commands work with the rights that they need and no others")


def missing_rights(store, cases):
    count = 0
    for case in cases:
        lacking = [right for right in case.needs if right not in "l0"]
        if not lacking or case.probe:
            continue
        deprived(store, case, "l", "", "with l alone")
        for right in lacking:
            deprived(store, case, ALL.replace(right, ""), "", f"without {right}")
            deprived(store, case, ALL, right, f"with a negative {right}")
            count += 2
        if "0" in case.needs:
            deprived(store, case, ALL, "0", "with a negative 0")
    check(count > 50, f"{count} refusals of commands without one needed right, nothing changed")


def revoked(store, cases):
    wire = store.bob
    for case in cases:
        if not case.inside:
            continue
        store.give(ALL)
        wire.must(f"SELECT {BOX[0]}")
        store.give("")
        before = store.picture()
        reply = run(wire, case, BOX)
        judge(case if case.how != EITHER else Case(case.needs, case.text, EITHER), reply, "revoked in mid-session")
        unchanged(store, before, "revoked in mid-session", case)
    check(True, "rights that were revoked while the mailbox was selected count from the next command on")
    # In IDLE nothing of what comes afterwards is told.
    store.give(ALL)
    wire.must(f"SELECT {BOX[0]}")
    tag = wire.tag()
    wire.send(tag + b" IDLE\r\n")
    while not wire.line().startswith(b"+"):
        pass
    store.give("")
    store.alice.append("Box", TEXT.format("wombat").encode())
    time.sleep(0.5)
    wire.send(b"DONE\r\n")
    reply = wire.finish(tag)
    if any(b"EXISTS" in line or b"FETCH" in line for line in reply.untagged):
        raise Failed(f"IDLE tells of a mailbox whose rights are gone: {reply!r}")
    check(True, "IDLE tells nothing any more")
    store.fresh()


def expired(store, cases):
    store.give("")
    for name in ("Box", "Box/Leaf"):
        store.alice.must(f'SETACL {name} "{BOB};expires=+2" {ALL}')
    store.bob.must(f"SELECT {BOX[0]}")
    inside = store.bob
    time.sleep(2.2)
    for case in cases:
        if case.inside and case.how == REFUSED:
            reply = run(inside, case, BOX)
            if reply.status == "BAD":  # the mailbox was left: it is selected no more
                break
            judge(case, reply, "expired while selected")
            break
    store.entry = "expired"
    same_as_missing(store, store.reader(), cases, "an entry that has expired")


def services(store, cases):
    """The role deposit acts for the owner; a service of somebody else does not act at all."""
    server = store.server
    for name, role, whom in (("gateway", "deposit", ALICE), ("foreign", "full", CAROL)):
        server.ctl("service", "add", name, "--role", role, "--for", whom, "--password-stdin", stdin="secret\n")

    def acting(service, whom):
        wire = Wire(server.imaps, tls=True)
        plain = base64.b64encode(f"{whom}\0{service}\0secret".encode()).decode()
        return wire, wire.command(f"AUTHENTICATE PLAIN {plain}")

    wire, reply = acting("foreign", ALICE)
    check(reply.status == "NO" and reply.code == "AUTHORIZATIONFAILED", "a service of somebody else may not act for the owner", reply)
    for case in cases:
        if case.text.startswith("LIST ") and run(wire, case, BOX).status == "OK":
            raise Failed("a refused service can list")
    wire.close()
    wire, reply = acting("foreign", CAROL)
    check(bool(reply), "it acts for its own user", reply)
    store.give("")
    same_as_missing(store, wire, [case for case in cases if not case.home], "a service of somebody else, as its own user")
    wire.close()

    wire, reply = acting("gateway", ALICE)
    check(bool(reply), "a depositing service acts for the owner", reply)
    count = 0
    for case in cases:
        if case.probe or set(case.needs) <= DEPOSIT or case.home:
            continue
        own = ("Box", "Box/Leaf")
        wire.must("SELECT Box" if case.inside else "NOOP")
        before = store.picture()
        reply = run(wire, case, own)
        judge(case, reply, "as a depositing service")
        unchanged(store, before, "as a depositing service", case)
        count += 1
    check(count > 8, f"{count} commands are refused to a depositing service")
    wire.close()


def logged_out(server, found, cases):
    for name in sorted(found - NONE):
        for case in cases.get(name, []):
            if case.text == "NOOP":
                continue
            with Wire(server.imap) as wire:  # a client that makes many mistakes is cut off
                reply = run(wire, case, BOX)
                if reply.status != "BAD" or SECRET in b"".join(reply.untagged):
                    raise Failed(f"before log-in: {case.text!r}: {reply!r}")
    check(True, "before log-in every one of them is BAD")


def disabled(store, cases):
    store.give(ALL)
    store.bob.must(f"SELECT {BOX[0]}")
    store.server.ctl("user", "disable", BOB)
    before = store.picture()
    for case in cases:
        if not case.inside or case.how != REFUSED:
            continue
        try:
            reply = run(store.bob, case, BOX)
        except Closed:
            break
        raise Failed(f"the session of a disabled account goes on: {reply!r}")
    unchanged(store, before, "disabled account", cases[0])
    with Wire(store.server.imaps, tls=True) as wire:
        reply = wire.command(f'LOGIN {BOB} "secret"')
        check(reply.status == "NO", "a disabled account cannot log in, and its sessions end", reply)
    store.server.ctl("user", "enable", BOB)


def test(binaries):
    found = registry(binaries)
    commands = found[""]
    unknown = commands - NONE - set(NEEDS)
    check(len(commands) > 40, f"the registry has {len(commands)} commands")
    check(not unknown, "each has its line in NEEDS or NONE of this test", sorted(unknown))
    check(not found["FETCH"] - set(FETCH_ITEMS), "each FETCH item has its line", sorted(found["FETCH"] - set(FETCH_ITEMS)))
    check(not found["STATUS"] - STATUS_ITEMS, "each STATUS item has its line", sorted(found["STATUS"] - STATUS_ITEMS))
    cases = [case for name in sorted(commands & set(NEEDS)) for case in NEEDS[name]]
    cases += [Case("lr", f"STATUS {{box}} ({item})") for item in sorted(found["STATUS"])]
    cases += [Case("lr", f"FETCH 1 ({FETCH_ITEMS[item]})" if item not in ("ALL", "FAST", "FULL") else f"FETCH 1 {item}", EITHER, inside=True)
              for item in sorted(found["FETCH"])]
    with Server(binaries, ["limits.acl_new_per_hour=1000000"]) as server:
        for user in (ALICE, BOB, CAROL):
            server.add_user(user)
        logged_out(server, commands, NEEDS)
        store = Store(server)
        store.reader()
        needed(store, cases)
        store.fresh()
        store.give("")
        same_as_missing(store, store.reader(), cases, "without any entry")
        store.give("rswipkxtean")
        same_as_missing(store, store.reader(), cases, "with everything but l")
        store.give(ALL, "l")
        same_as_missing(store, store.reader(), cases, "with a negative l")
        missing_rights(store, cases)
        revoked(store, cases)
        expired(store, cases)
        store.give("")
        server.ctl("group", "add", "staff")
        server.ctl("group", "member", "add", "staff", BOB)
        for name in ("Box", "Box/Leaf"):
            store.alice.must(f"SETACL {name} group:staff {ALL}")
        store.reader().must(f"SELECT {BOX[0]}")
        server.ctl("group", "member", "remove", "staff", BOB)
        same_as_missing(store, store.reader(), cases, "after leaving the group")
        for name in ("Box", "Box/Leaf"):
            store.alice.must(f"DELETEACL {name} group:staff")
        store.give(ALL)
        store.bob.must(f"XSHARE {BOX[0]} REFUSE")
        store.bob.must(f"XSHARE {BOX[1]} REFUSE")
        same_as_missing(store, store.reader(), [case for case in cases if not case.text.startswith("XSHARE")], "a share that was refused")
        store.bob.must(f"XSHARE {BOX[0]} SHOW")
        store.bob.must(f"XSHARE {BOX[1]} SHOW")
        services(store, cases)
        disabled(store, cases)
        store.alice.close()
        done = server.ctl("db", "check", check=False)
        check(done.returncode == 0, "cpmctl db check finds nothing", done.stdout + done.stderr)


if __name__ == "__main__":
    main(test)
