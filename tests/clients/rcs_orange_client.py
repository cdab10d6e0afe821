#!/usr/bin/env python3
"""The command sequences of the Orange RCS client (cpm-message-storage 5.3): incremental sync by HIGHESTMODSEQ, push of SMS, flags of one
message known by its id; replies are checked by the client's own expressions. MSS-79, MSS-80, MSS-81, MSS-82, MSS-83, MSS-87."""
import re
import time

from common import PASSWORD, USER, Wire, check, main
from rcs import Phone, flags_of

STATUS = re.compile(r"^STATUS (.*) \(MESSAGES (\d+) UIDNEXT (\d+) UIDVALIDITY (\d+) HIGHESTMODSEQ (\d+)\)$")
LIST = re.compile(r'^LIST \(.*\) "/" (.*)$')
FLAGS = re.compile(r"\(UID (\d+) FLAGS \((.*)\) MODSEQ \((\d+)\)\)$")
HEADER = re.compile(r"^\* (\d+) FETCH \(UID (\d+) FLAGS \((.*)\) MODSEQ \((\d+)\).*$")
MESSAGE = re.compile(r"^\* (\d+) FETCH \(UID (\d+) RFC822.SIZE (\d+) FLAGS \((.*)\) MODSEQ \((\d+)\).*$")
LITERAL = re.compile(r"\{(\d+)\}$")
CONTACT = "Default/tel:+33600000002"


def sms(number, seen=True):
    return (f"From: tel:+33600000001\nTo: tel:+33600000002\nDate: Mon, 02 Feb 2026 10:00:{number:02d} +0000\n"
            f"IMDN-Message-ID: msg-a{number}\nMessage-Context: pager-message\nMessage-Direction: sent\nMIME-Version: 1.0\n"
            f"Content-Type: text/plain; charset=UTF-8\n\nSMS num\u00e9ro {number}").encode()


def login(server):
    phone = Phone(server.imaps)
    phone.send(f"LOGIN {USER} {PASSWORD}")
    check(phone.line().startswith("a0 OK"), "LOGIN: the very next line is the tagged reply")
    phone.send("CAPABILITY")
    line = phone.line()
    check(line.startswith("* CAPABILITY ") and "CONDSTORE" in line.split(), "CAPABILITY names CONDSTORE by itself", line)
    phone.line()
    phone.send("NAMESPACE")
    lines = phone.line(), phone.line()
    check(lines[0] == '* NAMESPACE (("" "/")) (("Other Users/" "/")) (("Shared/" "/"))', "NAMESPACE", lines)
    return phone


def folders(phone):
    """MSS-87: name → (messages, uidnext, uidvalidity, modseq), as the client reads LIST … RETURN (STATUS …)."""
    lines = phone.execute('LIST "" "Default/*" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))')
    found, listed = {}, []
    for line in lines[:-1]:
        if match := STATUS.match(line[2:]):
            found[match[1]] = tuple(int(n) for n in match.groups()[1:])
        else:
            match = LIST.match(line[2:])
            if not match or not match[1].startswith('"'):
                check(False, "LIST line with a quoted name", line)
            listed.append(match[1].strip('"'))
    check(sorted(found) == sorted(listed), "one STATUS for each LIST, names as bare atoms", (sorted(found), sorted(listed)))
    check(all(n < 2 ** 31 for row in found.values() for n in row), "all numbers fit 31 bits", found)
    return found


def select(phone, name, quoted=False):
    lines = phone.execute(f'SELECT "{name}"' if quoted else f"SELECT {name} (CONDSTORE)")
    codes = {}
    for line in lines:
        if match := re.search(r"OK \[(UIDVALIDITY|UIDNEXT|HIGHESTMODSEQ) (\d+)\]", line):
            codes[match[1]] = int(match[2])
    if not lines[-1].startswith(f"{phone.tag} OK") or len(codes) != 3:
        check(False, f"SELECT {name} has the three codes", lines)
    return codes


def literal(phone, pattern, say=True):
    """One line that matches, its literal, the parenthesis."""
    line = phone.line()
    match = pattern.match(line)
    size = LITERAL.search(line)
    if say or not match or not size:
        check(match and size, f"{line} matches the client's expression", line)
    wanted, octets = int(size[1]), b""
    while len(phone.buffer) < wanted:
        phone.buffer += phone.socket.recv(65536)
    octets, phone.buffer = phone.buffer[:wanted], phone.buffer[wanted:]
    end = phone.line()
    if say or end != ")":
        check(end == ")", "the literal is the last item", end)
    return match, octets


def push(phone, number, flags="(\\Seen) "):
    octets = sms(number)
    phone.send(f'APPEND "{CONTACT}" {flags}{{{len(octets)}}}')
    line = phone.line()
    check(line.startswith("+"), "APPEND gets +", line)
    phone.raw(octets + b"\n")
    line = phone.line()
    while line.startswith("* "):
        line = phone.line()
    match = re.match(rf"^{phone.tag} OK \[APPENDUID (\d+) (\d+)\]", line)
    check(match, f"APPEND of SMS {number} gives its UID", line)
    return int(match[2])


def first_run(server):
    phone = login(server)
    check(folders(phone) == {}, "a new account has no conversation")
    check(phone.execute(f"CREATE {CONTACT}")[-1].startswith(f"{phone.tag} OK"), "CREATE of the contact's folder")
    select(phone, CONTACT)
    select(phone, CONTACT)
    check([push(phone, n) for n in (1, 2, 3)] == [1, 2, 3], "three SMS pushed")
    check(folders(phone)[CONTACT][:2] == (3, 4), "STATUS shows them under the plain name")
    phone.execute("LOGOUT")


def incremental(server):
    """MSS-46, MSS-51, MSS-84, MSS-85: what changed since the last run, and nothing else."""
    phone = login(server)
    before = folders(phone)[CONTACT]
    codes = select(phone, CONTACT)
    check((codes["UIDNEXT"], codes["UIDVALIDITY"], codes["HIGHESTMODSEQ"]) == before[1:], "SELECT agrees with STATUS", (codes, before))
    other = Wire(server.imaps, tls=True)
    other.login(USER)
    other.must(f'SELECT "{CONTACT}"')
    other.must("UID STORE 2 +FLAGS (\\Flagged)")
    for number in (4, 5):
        other.append(CONTACT, sms(number))
    other.append(CONTACT, sms(6), "\\Deleted")
    now = folders(phone)[CONTACT]
    check(now[3] > before[3] and now[1] == 7, "STATUS sees the other device's work", (before, now))
    select(phone, CONTACT)
    lines = phone.execute(f"UID FETCH 1:3 (UID FLAGS) (CHANGEDSINCE {before[3]})")
    match = FLAGS.search(lines[0])
    check(len(lines) == 2 and match and match[1] == "2" and "\\Flagged" in flags_of(match[2]), "CHANGEDSINCE: only the changed one, in the order wanted", lines)
    phone.send(f"UID FETCH 4:{now[1]} (FLAGS MODSEQ BODY.PEEK[HEADER])")
    for uid in (4, 5, 6):
        match, octets = literal(phone, HEADER)
        check(int(match[2]) == uid and octets.endswith(b"\r\n\r\n"), f"the header of {uid} ends in the empty line", octets)
        check(b"\nMessage-Context: pager-message\r\n" in octets, "with CRLF line ends though uploaded with LF")
    check(phone.line().startswith(f"{phone.tag} OK"), "and nothing else")
    for uid in (4, 5):
        phone.send(f"UID FETCH {uid} (RFC822.SIZE FLAGS MODSEQ BODY.PEEK[])")
        match, octets = literal(phone, MESSAGE)
        check(int(match[2]) == uid and int(match[3]) == len(octets), "RFC822.SIZE counts the octets of BODY[]")
        check(octets == sms(uid).replace(b"\n", b"\r\n"), f"the octets of {uid}: CRLF everywhere, no final line end added", octets)
        check("\\Seen" not in match[4], "PEEK leaves it unseen")
        check(phone.line().startswith(f"{phone.tag} OK"), "and nothing else")
    lines = phone.execute("UID STORE 3,5 +FLAGS (\\Seen)")
    check(lines[-1].startswith(f"{phone.tag} OK") and all("FETCH (UID " in line for line in lines[:-1]), "flag changes of the phone", lines)
    lines = phone.execute("UID STORE 99 +FLAGS (\\Seen)")
    check(lines[-1].startswith(f"{phone.tag} OK"), "a UID that is gone is no error", lines)

    # Other sessions' changes are held back while data is told.
    other.must("UID STORE 1 +FLAGS (\\Answered)")
    other.append(CONTACT, sms(7))
    phone.send("UID FETCH 4:5 (FLAGS MODSEQ BODY.PEEK[HEADER])")
    for _ in (4, 5):
        literal(phone, HEADER)
    line = phone.line()
    check(line.startswith(f"{phone.tag} OK"), "no foreign FETCH or EXISTS inside a FETCH reply", line)
    lines = phone.execute("NOOP")
    check("* 7 EXISTS" in lines and any("\\Answered" in line for line in lines), "NOOP tells them", lines)
    later = folders(phone)[CONTACT]
    codes = select(phone, CONTACT)
    check(codes["HIGHESTMODSEQ"] == later[3], "the stored HIGHESTMODSEQ is the next run's starting point")
    check(len(phone.execute(f"UID FETCH 1:7 (UID FLAGS) (CHANGEDSINCE {later[3]})")) == 1, "with nothing new nothing is told")
    check(folders(phone)[CONTACT] == later, "and reading moved no number")
    return phone


def by_id(phone):
    """The flag update of a message known by its IMDN-Message-ID alone; then what the test tool does."""
    select(phone, CONTACT, quoted=True)
    phone.send("UID SEARCH HEADER IMDN-Message-ID msg-a1")
    lines = phone.line(), phone.line()
    check(re.match(r"^\* SEARCH (.*)$", lines[0]) and lines[0] == "* SEARCH 1", "SEARCH by the message's id: exactly one hit", lines)
    phone.send("UID SEARCH HEADER IMDN-Message-ID msg-none")
    check(phone.line() == "* SEARCH", "an empty result has no trailing blank")
    phone.line()
    check(phone.execute("UID STORE 1 +FLAGS (\\Seen)")[-1].startswith(f"{phone.tag} OK"), "\\Seen by id")
    check(phone.execute("UID STORE 1 +FLAGS (\\Deleted)")[-1].startswith(f"{phone.tag} OK"), "\\Deleted by id")
    lines = phone.execute("EXPUNGE")
    check("* 1 EXPUNGE" in lines, "EXPUNGE", lines)
    check(phone.execute("UNSELECT")[-1].startswith(f"{phone.tag} OK"), "UNSELECT")
    lines = phone.execute('LIST "" "Default/*"')
    name = LIST.match(lines[0][2:])[1]
    check(name == f'"{CONTACT}"', "LIST quotes the name", lines)
    check(phone.execute(f"DELETE {name}")[-1].startswith(f"{phone.tag} OK"), "DELETE with the name as LIST printed it")
    check(phone.execute(f"SELECT {CONTACT} (CONDSTORE)")[0].startswith(f"{phone.tag} NO"), "SELECT of it: the first line is NO")
    lines = phone.execute("LOGOUT")
    check(lines[-1].startswith(f"{phone.tag} OK"), "LOGOUT", lines)


CPIM = ("From: <sip:anonymous@anonymous.invalid>\r\nTo: <sip:anonymous@anonymous.invalid>\r\nNS: imdn <urn:ietf:params:imdn>\r\n"
        "imdn.Message-ID: {id}\r\nDateTime: 2020-05-12T09:15:00+02:00\r\n\r\n"
        "Content-type: text/plain;charset=utf-8\r\nContent-length: 5\r\n\r\nHello")


def chat(number, content_type="message/cpim", body=None):
    """An object as the network stores it: a chat message unless said otherwise."""
    return (f"Date: Tue, 12 May 2020 09:15:{number:02d} +0200\r\nFrom: tel:+33600000002\r\nTo: tel:+33600000001\r\n"
            f"Message-ID: <{number}@store.example>\r\nMIME-Version: 1.0\r\nContent-Type: {content_type}\r\n"
            f"Conversation-ID: gc-51ab\r\nContribution-ID: gc-51ab\r\nIMDN-Message-ID: chat-{number}\r\n"
            f"Message-Direction: received\r\n\r\n{body or CPIM.format(id=f'chat-{number}')}").encode()


class Device:
    """What a phone keeps, and its run over all folders: a copy of the client's loop."""

    def __init__(self, server):
        self.server = server
        self.folders = {}  # name → [uidvalidity, modseq, {uid: (flags, octets or None)}]
        self.marks = {}  # name → {uid: flag}: read or deleted here and not told yet

    def run(self):
        """Returns how many headers, bodies and flag changes were transferred."""
        phone = login(self.server)
        counts = {"headers": 0, "bodies": 0, "flags": 0, "selected": 0}
        for name, (_, uidnext, uidvalidity, modseq) in sorted(folders(phone).items()):
            known = self.folders.get(name)
            counts["selected"] += 1
            select(phone, name)
            if known is None and uidnext == 1 or known is not None and known[:2] == [uidvalidity, modseq]:
                self.folders.setdefault(name, [uidvalidity, modseq, {}])
                self.push_marks(phone, name)
                continue
            if known is None or known[0] != uidvalidity:
                known = [uidvalidity, 0, {}]
            self.changes(phone, known, counts)
            self.new(phone, known, uidnext, counts)
            self.folders[name] = [uidvalidity, modseq, known[2]]
        phone.execute("LOGOUT")
        phone.close()
        return counts

    def push_marks(self, phone, name):
        for flag in ("\\Seen", "\\Deleted"):
            uids = sorted(uid for uid, one in self.marks.get(name, {}).items() if one == flag)
            if uids:
                lines = phone.execute(f"UID STORE {','.join(map(str, uids))} +FLAGS ({flag})")
                check(lines[-1].startswith(f"{phone.tag} OK"), f"UID STORE of {flag}", lines)
        self.marks.pop(name, None)

    @staticmethod
    def changes(phone, known, counts):
        if not known[2]:
            return
        for line in phone.execute(f"UID FETCH 1:{max(known[2])} (UID FLAGS) (CHANGEDSINCE {known[1]})")[:-1]:
            match = FLAGS.search(line)
            if match and int(match[1]) in known[2]:  # anything else is silently lost
                counts["flags"] += 1
                known[2][int(match[1])] = (flags_of(match[2]), known[2][int(match[1])][1])

    @staticmethod
    def new(phone, known, uidnext, counts):
        first = max(known[2], default=0) + 1
        if first >= uidnext:
            return
        phone.send(f"UID FETCH {first}:{uidnext} (FLAGS MODSEQ BODY.PEEK[HEADER])")
        wanted = []
        while True:
            if phone.peek().startswith(f"{phone.tag} "):
                break
            match, octets = literal(phone, HEADER, say=False)
            counts["headers"] += 1
            flags = flags_of(match[3])
            known[2][int(match[2])] = (flags, None)
            if wants(octets) and "\\Deleted" not in flags:
                wanted.append(int(match[2]))
        phone.line()
        for uid in wanted:
            phone.send(f"UID FETCH {uid} (RFC822.SIZE FLAGS MODSEQ BODY.PEEK[])")
            match, octets = literal(phone, MESSAGE, say=False)
            counts["bodies"] += 1
            known[2][uid] = (flags_of(match[4]), octets)
            phone.line()

    def octets(self, name):
        return {uid: octets for uid, (_, octets) in self.folders[name][2].items()}


def wants(header):
    """Which objects the client downloads: by Message-Context, else by Content-Type. Names are compared as they are spelled, and a value
    begins behind exactly one blank."""
    fields = dict(line.split(": ", 1) for line in header.decode().split("\r\n") if ": " in line)
    if fields.get("Message-Context") in ("pager-message", "multimedia-message"):
        return True
    kind = fields.get("Content-Type", "").lower()
    return kind == "message/cpim" or "application/x-cpm-session" in kind or "application/group-state-object+xml" in kind


GROUP = "Default/gc-51ab/gc-51ab"
SESSION = ('<?xml version="1.0" encoding="UTF-8"?>\r\n<session><session-type>Group</session-type><sdp>o=- 1 1 IN IP4 192.0.2.1</sdp>'
           "<invited-participants>tel:+33600000002;tel:+33600000003</invited-participants></session>")
STATE = ('<?xml version="1.0" encoding="UTF-8"?>\r\n<groupstate timestamp="2020-05-04T08:45:00+02:00" lastfocussessionid="sip:focus-77@ims.example" '
         'group-type="Closed">\r\n<participant name="bob" comm-addr="tel:+16135550100"/>\r\n</groupstate>')


def two_devices(server):
    """MSS-44, MSS-45, MSS-50, MSS-52: one conversation and one group chat on two devices, and an idle run that transfers nothing."""
    network = Wire(server.imaps, tls=True)
    network.login(USER)
    network.must(f"CREATE {GROUP}")
    network.must(f"CREATE {CONTACT}")
    group = [chat(1, "application/x-cpm-session", SESSION), chat(2), chat(3, "Application/group-state-object+xml", STATE), chat(4, "text/plain")]
    for octets in group:
        network.append(GROUP, octets)
    network.append(CONTACT, [chat(5), chat(6)])
    network.append(CONTACT, chat(7), "\\Deleted")
    phone, tablet = Device(server), Device(server)
    counts = phone.run()
    check(counts == {"headers": 7, "bodies": 5, "flags": 0, "selected": 3}, "the first run: all headers, what is wanted as a whole", counts)
    check(phone.octets(GROUP) == {1: group[0], 2: group[1], 3: group[2], 4: None}, "octet for octet", phone.octets(GROUP))
    check(phone.octets(CONTACT)[3] is None, "a deleted message is not downloaded")
    check(tablet.run() == counts, "the second device reads the same")
    idle = phone.run()
    check(idle == {"headers": 0, "bodies": 0, "flags": 0, "selected": 3}, "nothing changed: nothing is transferred", idle)
    phone.marks = {CONTACT: {1: "\\Seen", 2: "\\Deleted"}, GROUP: {2: "\\Seen"}}
    phone.run()
    network.append(CONTACT, chat(8))
    counts = tablet.run()
    check(counts == {"headers": 1, "bodies": 1, "flags": 3, "selected": 3}, "the other device learns of it, and of a new message", counts)
    kept = tablet.folders[CONTACT][2]
    check("\\Seen" in kept[1][0] and "\\Deleted" in kept[2][0], "read and deleted there, so read and deleted here", kept)
    network.must(f"SELECT {CONTACT}")
    network.must("UID STORE 1 +FLAGS (\\read-report-sent)")
    check(phone.run()["flags"] == 3, "a read report that another device sent does not end the run (MSS-86)")
    remove_all(server)
    network.must(f"CREATE {CONTACT}")
    network.append(CONTACT, [chat(9), chat(10), chat(11), chat(12)])
    counts = phone.run()
    check(counts["bodies"] == 4 and phone.octets(CONTACT)[1] == chat(9), "a folder made anew is read anew: another UIDVALIDITY (MSS-89)", counts)
    remove_all(server)


def remove_all(server):
    """The tool of the client's tests: DELETE in reverse order of names, as LIST printed them, right after UNSELECT."""
    phone = login(server)
    lines = phone.execute('LIST "" "Default/*"')
    names = [LIST.match(line[2:])[1] for line in lines[:-1]]
    select(phone, names[0].strip('"'), quoted=True)
    check(phone.execute("UNSELECT")[-1].startswith(f"{phone.tag} OK"), "UNSELECT")
    for name in sorted(names, reverse=True):
        lines = phone.execute(f"DELETE {name}")
        check(lines == [lines[0]] and lines[0].startswith(f"{phone.tag} OK"), f"DELETE {name}", lines)
    check(len(phone.execute('LIST "" "Default/*"')) == 1, "nothing is left")
    phone.execute("LOGOUT")


def many(server):
    """MSS-53, MSS-88: a thousand messages, and hundreds of folders that are all selected in each run, in bounded time."""
    network = Wire(server.imaps, tls=True)
    network.login(USER)
    network.must(f"CREATE {CONTACT}")
    network.append(CONTACT, [chat(n % 60, "text/plain", f"Text {n}") for n in range(1000)])
    phone = Device(server)
    began = time.monotonic()
    counts = phone.run()
    check(counts["headers"] == 1000 and time.monotonic() - began < 30, f"1000 headers in {time.monotonic() - began:.1f} s", counts)
    began = time.monotonic()
    check(phone.run()["headers"] == 0 and time.monotonic() - began < 5, f"and nothing again in {time.monotonic() - began:.2f} s")
    for number in range(300):
        network.must(f"CREATE Default/tel:+337{number:08d}")
    phone.run()
    began = time.monotonic()
    counts = phone.run()
    check(counts["selected"] == 301 and time.monotonic() - began < 15, f"301 folders in {time.monotonic() - began:.2f} s", counts)


def tour(server, _):
    first_run(server)
    by_id(incremental(server))
    two_devices(server)
    many(server)


main(tour)
