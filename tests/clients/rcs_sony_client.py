#!/usr/bin/env python3
"""The command sequences of the Sony RCS client (cpm-message-storage 5.2): bare LF line ends, stray empty lines, full read without any
synchronisation state. Replies are read as narrowly as the client reads them (5.1). MSS-79, MSS-80, MSS-81, MSS-82, MSS-84."""
import base64
import re

from common import PASSWORD, USER, Failed, Wire, check, main
from rcs import Phone, flags_of


def parse_fetch(phone):
    """The client's own loop over a FETCH reply: UID on the line of the literal, {n} at its end, then whole lines until n are counted."""
    out, line = {}, phone.line()
    while line.startswith("* "):
        uid = re.search(r"UID (\d+)", line)
        size = re.search(r"\{(\d+)\}$", line)
        if not uid or not size:
            raise Failed(f"UID before the literal and the literal last: {line!r}")
        text, counted = "", 0
        while counted < int(size[1]):
            line = phone.line()
            text += line + "\r\n"
            counted += len(line) + 2
        if counted == int(size[1]):
            if phone.line() != ")":
                raise Failed("after a literal that ends in CRLF comes the parenthesis alone")
        else:
            check(text.endswith(")\r\n"), "the parenthesis is glued to a text without a final line end", text[-40:])
            text = text[:-3]
        out[int(uid[1])] = text
        line = phone.line()
    if not line.startswith(f"{phone.tag} OK"):
        raise Failed(f"FETCH ended with {line!r}")
    return out


def login(server, tls=True):
    phone = Phone(server.imaps if tls else server.imap, tls)
    check(phone.greeting.startswith("* OK"), "one greeting line", phone.greeting)
    phone.send(f"LOGIN {USER} {PASSWORD}")
    line = phone.line()
    check(line.startswith("a0 OK"), "LOGIN: the very next line is the tagged reply", line)
    phone.send("CAPABILITY")
    line = phone.line()
    check(line.startswith("* CAPABILITY "), "CAPABILITY: the untagged line first", line)
    phone.words = line.split()[2:]
    for word in ("IMAP4rev1", "NAMESPACE", "UIDPLUS", "UNSELECT", "IDLE", "METADATA", "CONDSTORE", "ENABLE", "QRESYNC", "LIST-EXTENDED", "LIST-STATUS",
                 "ESEARCH", "MOVE"):
        check(word in phone.words, f"the token {word} as it is spelled", line)
    check(phone.line().startswith("a1 OK"), "then the tagged one")
    phone.send("NAMESPACE")
    lines = phone.line(), phone.line()
    check(lines[0] == '* NAMESPACE (("" "/")) (("Other Users/" "/")) (("Shared/" "/"))' and lines[1].startswith("a2 OK"), "NAMESPACE in the wanted form", lines)
    return phone


def append(phone, folder, text, flags="", extra=b"\r\n\n"):
    """Sends CRLF and LF after the literal: one empty line more than there should be."""
    octets = text.encode()
    phone.send(f"APPEND {folder} {flags}{{{len(octets)}}}")
    line = phone.line()
    if not line.startswith("+"):
        return line
    phone.raw(octets + extra)
    return phone.line()


def appended(line, phone, text):
    match = re.match(rf"{phone.tag} OK \[APPENDUID (\d+) (\d+)\] ", line)
    check(match, text, line)
    return int(match[2])


MESSAGE = "From: tel:+15550101\r\nTo: tel:+15550100\r\nSubject: {0}\r\nMessage-Context: pager-message\r\n\r\nText {0}"


def folders(server):
    phone = login(server)
    for name in ("cpmdefault", "cpmdefault/conv1", "cpmdefault/conv1/sess11", "cpmdefault/conv 2"):
        lines = phone.execute(f"CREATE {name}" if " " not in name else f'CREATE "{name}"')
        check(lines[-1].startswith(f"{phone.tag} OK"), f"CREATE {name}", lines)
    lines = phone.execute('LIST "" "cpmdefault/%"')
    for line in lines[:-1]:
        check(re.match(r'^\* LIST \(.*\) "/" "[^"]+"$', line), "LIST: a quoted name at the very end", line)
    check([line.split('"')[3] for line in lines[:-1]] == ["cpmdefault/conv 2", "cpmdefault/conv1"], "one level of folders", lines)
    lines = phone.execute('LIST "" "cpmdefault/*"')
    check(len(lines) == 4, "the recursive form", lines)
    check(len(phone.execute('LIST "" "cpmdefault/conv1/sess11/%"')) == 1, "an empty level is just the tagged line")
    return phone


def upload(phone):
    folder = "cpmdefault/conv1/sess11"
    check(appended(append(phone, folder, MESSAGE.format(1)), phone, "APPEND, then an empty line: APPENDUID is the third word") == 1, "UID 1")
    phone.send("NOOP")
    line = phone.line()
    check(line.startswith(f"{phone.tag} OK"), "NOOP: the stray empty line was ignored", line)
    check(appended(append(phone, folder, MESSAGE.format(2), "(\\Seen) "), phone, "APPEND with a flag") == 2, "UID 2")
    check(appended(append(phone, folder, MESSAGE.format(3) + "\r\n", "(\\Recent) "), phone, "APPEND with \\Recent: ignored, not refused") == 3, "UID 3")
    line = append(phone, "cpmdefault/none", MESSAGE.format(4))
    check(line.startswith(f"{phone.tag} NO [TRYCREATE]"), "a missing folder is refused instead of the + line", line)
    check(phone.execute("NOOP")[-1].startswith(f"{phone.tag} OK"), "and the connection is in step")


def selected(phone, command, exists, uidnext):
    """What the client reads of SELECT and EXAMINE: lists that are not empty, codes with one blank, counts by the last word of a line."""
    lines = phone.execute(command)
    check([line for line in lines if line.endswith("EXISTS")] == [f"* {exists} EXISTS"], f"{command}: one line ends in EXISTS", lines)
    check(sum(line.endswith("RECENT") for line in lines) == 1, "one line ends in RECENT", lines)
    for pattern in (r"^\* FLAGS \(\\.+\)$", r"^\* OK \[PERMANENTFLAGS \(.+\)\]", r"^\* OK \[UIDVALIDITY \d+\]",
                    rf"^\* OK \[UIDNEXT {uidnext}\]", r"^\* OK \[HIGHESTMODSEQ \d+\]"):
        check(any(re.match(pattern, line) for line in lines), f"{command} has {pattern}", lines)
    check(not any("read-report-sent" in line for line in lines), "no flag of CPM in its lists", lines)
    return lines


def read(phone):
    """MSS-12, MSS-77, MSS-83: a whole folder."""
    lines = selected(phone, "SELECT cpmdefault/conv1/sess11", 3, 4)
    check(any(re.match(r"^\* OK \[UNSEEN 1\]", line) for line in lines), "the first unseen message", lines)
    numbers = [int(n) for line in lines for n in re.findall(r"\[(?:UIDVALIDITY|UIDNEXT|HIGHESTMODSEQ) (\d+)\]", line)]
    check(numbers and max(numbers) < 2 ** 31, "all numbers fit 31 bits", numbers)
    phone.send("UID FETCH 1:* BODY.PEEK[]")
    first = phone.line()
    match = re.match(r"^\* 1 FETCH \(UID 1 BODY\[\] \{(\d+)\}$", first)
    check(match and int(match[1]) == len(MESSAGE.format(1)), "UID first, the literal last and at the line's end", first)
    phone.buffer = first.encode() + b"\r\n" + phone.buffer
    lines = []
    while not lines or not lines[-1].startswith(phone.tag):
        lines.append(phone.line())
    check(sum("Text " in line for line in lines) == 3, "three messages", lines)
    phone.send("UID FETCH 1:2 BODY.PEEK[]")
    texts = parse_fetch(phone)
    check(texts == {1: MESSAGE.format(1), 2: MESSAGE.format(2)}, "the client's own parser reads both texts, no line end added", texts)
    lines = phone.execute("UID FETCH 1:* FAST")
    pattern = r'^\* (\d+) FETCH \((?=.*FLAGS \(.*\))(?=.*INTERNALDATE "[ \d]\d-\w{3}-\d{4} \d\d:\d\d:\d\d [+-]\d{4}")(?=.*RFC822\.SIZE \d+).*\)$'
    check(len(lines) == 4 and all(re.match(pattern, line) for line in lines[:-1]), "FAST: FLAGS, INTERNALDATE, RFC822.SIZE", lines)
    flags = [flags_of(re.search(r"FLAGS \((.*?)\)", line)[1]) for line in lines[:-1]]
    check("\\Seen" in flags[1] and "\\Seen" not in flags[0], "flags as uploaded", lines)
    for item in ("FAST", "ALL", "FULL", "(FLAGS INTERNALDATE RFC822.SIZE BODY)"):
        lines = phone.execute(f"UID FETCH 2 {item}")
        check(len(lines) == 2 and lines[0].startswith("* 2 FETCH ("), f"UID FETCH 2 {item}: one line, then the tagged one", lines)
    phone.send("STATUS cpmdefault/conv1 (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)")
    line = phone.line()
    check(re.match(r"^\* STATUS [^()]+ \(MESSAGES \d+ RECENT \d+ UIDNEXT \d+ UIDVALIDITY \d+ UNSEEN \d+\)$", line), "STATUS: the five, in order", line)
    phone.line()


def change(phone):
    """MSS-10, MSS-13, MSS-15, MSS-18, MSS-51: search, flags, copies, folders."""
    for keys, found in (("ALL", "* SEARCH 1 2 3"), ("HEADER Subject 2", "* SEARCH 2"), ("UID 2:*", "* SEARCH 2 3"),
                        ("SINCE 1-Jan-2015", "* SEARCH 1 2 3"), ("HEADER Subject 2 UID 1:* SINCE 1-Jan-2015", "* SEARCH 2"),
                        ("SUBJECT nothing", "* SEARCH")):
        phone.send(f"UID SEARCH {keys}")
        lines = phone.line(), phone.line()
        check(lines[0] == found and lines[1].startswith(f"{phone.tag} OK"), f"UID SEARCH {keys}: exactly one line, then the tagged one", lines)
    lines = phone.execute("UID STORE 1 +FLAGS (\\Seen)")
    check(re.match(r"^\* 1 FETCH \(UID 1 FLAGS \(.*\\Seen.*\)", lines[0]), "UID STORE tells the flags", lines)
    check(phone.execute("UID STORE 1 -FLAGS (\\Seen)")[-1].startswith(f"{phone.tag} OK"), "and takes them away")
    check(phone.execute("COPY 2 cpmdefault/conv1")[-1].startswith(f"{phone.tag} OK"), "COPY by sequence number")
    check(len(phone.execute("COPY 2 cpmdefault/none")) == 1, "a failing COPY says nothing before NO")
    check(len(phone.execute("SELECT cpmdefault/none")) == 1, "a failing SELECT says nothing before NO")
    phone.execute("SELECT cpmdefault/conv1/sess11")
    phone.execute("UID STORE 3 +FLAGS (\\Deleted)")
    check("* 3 EXPUNGE" in phone.execute("EXPUNGE"), "EXPUNGE")
    selected(phone, "EXAMINE cpmdefault/conv1", 1, 2)
    other = Wire(phone.socket.getpeername()[:2], tls=True)
    other.login(USER)
    other.append("cpmdefault/conv1", MESSAGE.format(5).encode())
    for refused in ("STORE 1 +FLAGS (\\Seen)", 'LIST "" cpmdefault/* RETURN (NOTHING)', "SELECT cpmdefault/none"):
        lines = phone.execute(refused)
        check(len(lines) == 1 and not lines[0].startswith(f"{phone.tag} OK"), f"{refused}: refused on the first line though news is waiting", lines)
    phone.execute("SELECT cpmdefault/conv1")
    check(phone.execute("UNSELECT")[-1].startswith(f"{phone.tag} OK"), "UNSELECT")
    check(phone.execute("RENAME cpmdefault/conv1 cpmdefault/conv9")[-1].startswith(f"{phone.tag} OK"), "RENAME")
    check(phone.execute("CREATE RCSMessageStore/x")[-1].startswith(f"{phone.tag} OK"), "CREATE of a user folder")
    check(appended(append(phone, "RCSMessageStore/x", MESSAGE.format(9)), phone, "an upload to it") == 1, "UID 1")
    check(phone.execute("DELETE RCSMessageStore/x")[-1].startswith(f"{phone.tag} OK"), "DELETE")
    check(phone.execute("DELETE cpmdefault/none")[-1].startswith(f"{phone.tag} NO"), "DELETE of a missing folder is NO")
    metadata(phone)
    phone.send("IDLE")
    check(phone.line().startswith("+"), "IDLE is answered with +")
    phone.send("DONE", tagged=False)
    stale = phone.tag
    phone.send("NOOP")
    lines = [phone.line(), phone.line()]
    check(lines[0].startswith(f"{stale} OK") and lines[1].startswith(f"{phone.tag} OK"), "DONE with a bare LF; its reply stays in the stream", lines)


def metadata(phone):
    """MSS-90: the comment of a folder; and SETMETADATA as the client sends it, without its last parenthesis."""
    other = Wire(phone.socket.getpeername()[:2], tls=True)
    other.login(USER)
    other.must('SETMETADATA cpmdefault (/private/comment "text")')
    phone.send("GETMETADATA cpmdefault /private/comment")
    lines = phone.line(), phone.line()
    check(lines[0] == '* METADATA "cpmdefault" (/private/comment "text")' and lines[1].startswith(f"{phone.tag} OK"),
          "GETMETADATA: a quoted string on the first line, then the tagged one", lines)
    phone.send('SETMETADATA cpmdefault (/private/comment "text"')
    line = phone.line()
    check(line.startswith(f"{phone.tag} BAD"), "SETMETADATA without its parenthesis: BAD at once", line)
    check(phone.execute("NOOP")[-1].startswith(f"{phone.tag} OK"), "and the connection is in step")


def report_sent(server):
    """MSS-54, MSS-86: another device sent the read report; this client's run does not break on it."""
    other = Wire(server.imaps, tls=True)
    other.login(USER)
    other.must("SELECT cpmdefault/conv9/sess11")
    other.must("UID STORE 1 +FLAGS (\\read-report-sent)")
    other.append("cpmdefault/conv9/sess11", b"Subject: late\r\n\r\nx", "\\read-report-sent")
    phone = login(server)
    selected(phone, "SELECT cpmdefault/conv9/sess11", 3, 5)
    for line in phone.execute("UID FETCH 1:* FAST")[:-1] + phone.execute("UID STORE 1 +FLAGS (\\Flagged)")[:-1]:
        flags_of(re.search(r"FLAGS \((.*?)\)", line)[1])
    lines = phone.execute("UID FETCH 1 FAST")
    check("$MDNSent" in lines[0], "it is told a keyword that it ignores", lines)
    check("\\read-report-sent" in other.must("UID FETCH 1 (FLAGS)").untagged[0].decode(), "the other device sees its own flag")
    phone.close()


def full(server):
    """A store that is full says so instead of the + line: the client then does not send the message."""
    server.ctl("quota", "set", USER, "--messages", "1")
    phone = login(server)
    line = append(phone, "cpmdefault", MESSAGE.format(6))
    check(line.startswith(f"{phone.tag} NO [OVERQUOTA]"), "NO [OVERQUOTA] instead of +", line)
    check(phone.execute("NOOP")[-1].startswith(f"{phone.tag} OK"), "and the connection is in step")
    server.ctl("quota", "set", USER, "--messages", "none")
    phone.close()


def garbage(server):
    """MSS-80: counts characters instead of octets: the literal is announced too short, the rest arrives as command lines."""
    phone = login(server)
    text = "Subject: x\r\n\r\nGr\u00fc\u00dfe aus K\u00f6ln \u20ac\u20ac\u20ac"
    phone.send(f"APPEND cpmdefault {{{len(text)}}}")
    check(phone.line().startswith("+"), "APPEND announced too short")
    phone.raw(text.encode() + b"\r\n\n")
    lines = [phone.line()]
    while not phone.quiet():
        lines.append(phone.line())
    check(all(re.match(r"^(\* |\S+ )(OK|BAD|NO)", line) for line in lines), "answered with BAD, not with silence or a broken line", lines)
    phone.send("NOOP")
    line = phone.line()
    while not line.startswith(f"{phone.tag} "):
        line = phone.line()
    check(line.startswith(f"{phone.tag} OK"), "the session survives", line)
    phone.close()


def sasl(server, user, password):
    """The base64 helper ends the token with CRLF, breaks it into lines of 76 columns, and println adds LF."""
    phone = Phone(server.imaps)
    phone.send("AUTHENTICATE PLAIN")
    check(phone.line().startswith("+"), "AUTHENTICATE PLAIN: the next line is +")
    token = base64.b64encode(f"\0{user}\0{password}".encode())
    phone.raw(b"\r\n".join(token[i:i + 76] for i in range(0, len(token), 76)) + b"\r\n\n")
    line = phone.line()
    check(line.startswith("a0 OK"), "the token, CRLF and LF: the next line is the tagged reply", line)
    phone.send("CAPABILITY")
    check(phone.line().startswith("* CAPABILITY "), "the stray empty line was ignored")
    phone.line()
    phone.send("LOGOUT")
    while not (line := phone.line()).startswith(phone.tag):
        pass
    check(line.startswith(f"{phone.tag} OK"), "LOGOUT")


def tour(server, _):
    phone = folders(server)
    upload(phone)
    read(phone)
    change(phone)
    phone.send("LOGOUT")
    while not (line := phone.line()).startswith(phone.tag):
        pass
    check(line.startswith(f"{phone.tag} OK"), "LOGOUT", line)
    report_sent(server)
    full(server)
    garbage(server)
    sasl(server, USER, PASSWORD)
    server.add_user("long@example.net", "x" * 90)
    sasl(server, "long@example.net", "x" * 90)
    phone = login(server, tls=False)
    check("STARTTLS" not in phone.words, "after LOGIN there is no STARTTLS any more: a client that wants it then goes on without", phone.words)
    phone.send("STARTTLS")
    check(phone.line().startswith(f"{phone.tag} BAD"), "and is told so at once if it asks")
    phone.close()


main(tour)
