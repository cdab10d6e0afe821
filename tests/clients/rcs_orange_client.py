#!/usr/bin/env python3
"""The command sequences of the Orange RCS client: incremental sync by HIGHESTMODSEQ, push of SMS, replies checked by its own expressions."""
import re

from common import PASSWORD, USER, Wire, check, main
from rcs import Phone

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
    check(lines[0] == '* NAMESPACE (("" "/")) NIL NIL', "NAMESPACE", lines)
    return phone


def folders(phone):
    """name → (messages, uidnext, uidvalidity, modseq), as the client reads LIST … RETURN (STATUS …)."""
    lines = phone.execute('LIST "" "Default/*" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))')
    found, listed = {}, []
    for line in lines[:-1]:
        if match := STATUS.match(line[2:]):
            found[match[1]] = tuple(int(n) for n in match.groups()[1:])
        else:
            match = LIST.match(line[2:])
            check(match and match[1].startswith('"'), "LIST line with a quoted name", line)
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
    check(lines[-1].startswith(f"{phone.tag} OK") and len(codes) == 3, f"SELECT {name} has the three codes", lines)
    return codes


def literal(phone, pattern):
    """One line that matches, its literal, the parenthesis."""
    line = phone.line()
    match = pattern.match(line)
    size = LITERAL.search(line)
    check(match and size, f"{line} matches the client's expression", line)
    wanted, octets = int(size[1]), b""
    while len(phone.buffer) < wanted:
        phone.buffer += phone.socket.recv(65536)
    octets, phone.buffer = phone.buffer[:wanted], phone.buffer[wanted:]
    check(phone.line() == ")", "the literal is the last item")
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
    check(len(lines) == 2 and match and match[1] == "2" and "\\Flagged" in match[2], "CHANGEDSINCE: only the changed one, in the order wanted", lines)
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


def tour(server, _):
    first_run(server)
    by_id(incremental(server))


main(tour)
