#!/usr/bin/env python3
"""Python's imaplib over TLS: a tour through mailboxes, messages, search, copies, IDLE by hand."""
import imaplib
import re
import time

from common import PASSWORD, USER, check, main, message
from server import tls_context


def ok(reply, text):
    check(reply[0] == "OK", text, reply)
    return reply[1]


def connect(server):
    host, port = server.imaps
    return imaplib.IMAP4_SSL(host, port, ssl_context=tls_context(), timeout=30)


def refused(action, text):
    try:
        reply = action()
        check(reply[0] == "NO", text, reply)
    except imaplib.IMAP4.error as error:
        check("BAD" not in str(error), text, str(error))


def tour(server, _):
    box = connect(server)
    check(box.welcome.startswith(b"* OK"), "greeting over TLS", box.welcome)
    refused(lambda: box.login(USER, "wrong"), "a wrong password is refused")
    ok(box.login(USER, PASSWORD), "LOGIN")
    _, words = box.capability()
    for word in ("IMAP4REV1", "UIDPLUS", "IDLE", "MOVE", "NAMESPACE", "CONDSTORE", "LITERAL+"):
        check(word in words[0].decode().upper().split(), f"CAPABILITY has {word}", words)
    spaces = ok(box.namespace(), "NAMESPACE")
    check(spaces[0].startswith(b'(("" "/"))'), "one personal namespace, delimiter /", spaces)

    ok(box.create("Work/2026/June"), "CREATE with missing parents")
    names = [line.decode().split('"/" ')[1].strip('"') for line in ok(box.list(), "LIST")]
    check({"INBOX", "Work", "Work/2026", "Work/2026/June"} <= set(names), "LIST shows the new names and INBOX", names)
    refused(lambda: box.create("Work"), "CREATE of what exists is refused")
    ok(box.subscribe("Work/2026"), "SUBSCRIBE")
    check(any(b"Work/2026" in line for line in ok(box.lsub(), "LSUB")), "LSUB shows it")
    ok(box.unsubscribe("Work/2026"), "UNSUBSCRIBE")
    ok(box.rename("Work/2026/June", "Work/2026/July"), "RENAME")
    ok(box.delete("Work/2026/July"), "DELETE")

    sent = [message(n) for n in range(1, 11)]
    when = imaplib.Time2Internaldate(1770000000)
    for number, text in enumerate(sent, 1):
        flags = r"(\Seen)" if number % 2 else None
        reply = ok(box.append("INBOX", flags, when, text), f"APPEND {number}")
        check(re.match(rb"\[APPENDUID \d+ %d\]" % number, reply[0]), "with APPENDUID", reply)
    refused(lambda: box.append("Nowhere", None, None, sent[0]), "APPEND to a missing mailbox is refused")
    check(ok(box.select("INBOX"), "SELECT") == [b"10"], "ten messages exist")
    check(box.response("UIDNEXT")[1] == [b"11"], "UIDNEXT is 11")

    rows = ok(box.fetch("1:10", "(UID INTERNALDATE RFC822.SIZE BODY.PEEK[])"), "FETCH of all octets")
    bodies = [row[1] for row in rows if isinstance(row, tuple)]
    check(bodies == sent, "all octets came back unchanged")
    check(imaplib.Internaldate2tuple(rows[0][0]) == time.localtime(1770000000), "INTERNALDATE is the one given", rows[0][0])
    rows = ok(box.fetch("3", "(BODY.PEEK[HEADER.FIELDS (Subject)] ENVELOPE BODYSTRUCTURE)"), "FETCH of parts")
    check(rows[0][1] == b"Subject: Message 3\r\n\r\n", "one header field", rows)
    rows = ok(box.fetch("2", "(BODY[])"), "FETCH BODY[]")
    rows = ok(box.fetch("2", "(FLAGS)"), "FETCH FLAGS")
    check(b"\\Seen" in rows[0], "BODY[] set \\Seen", rows)

    check(ok(box.search(None, "SUBJECT", '"Message 1"'), "SEARCH SUBJECT") == [b"1 10"], "substring in subject: 1 and 10")
    check(ok(box.search("UTF-8", "UNSEEN"), "SEARCH UNSEEN") == [b"4 6 8 10"], "unseen ones")
    check(ok(box.uid("SEARCH", None, "TEXT", "nothing-like-this"), "UID SEARCH") == [b""], "an empty search is an empty line")
    check(ok(box.store("1:3", "+FLAGS", r"(\Flagged Urgent)"), "STORE") is not None, "STORE answers")
    check(ok(box.search(None, "KEYWORD", "Urgent"), "SEARCH KEYWORD") == [b"1 2 3"], "keyword on three messages")
    ok(box.uid("STORE", "2", "-FLAGS", "(Urgent)"), "UID STORE")
    check(ok(box.search(None, "KEYWORD", "Urgent"), "SEARCH again") == [b"1 3"], "keyword removed from one")

    reply = ok(box.copy("1:3", "Work"), "COPY")
    check(b"COPYUID" in reply[0], "with COPYUID", reply)
    refused(lambda: box.copy("1", "Nowhere"), "COPY to a missing mailbox is refused")
    ok(box.store("4,5", "+FLAGS.SILENT", r"(\Deleted)"), "STORE \\Deleted")
    told = ok(box.expunge(), "EXPUNGE")
    check(sorted(told) in ([b"4", b"4"], [b"4", b"5"]), "EXPUNGE tells both", told)
    ok(box.uid("MOVE", "10", "Work"), "UID MOVE")
    status = ok(box.status("Work", "(MESSAGES UNSEEN UIDNEXT)"), "STATUS")
    check(b"MESSAGES 4" in status[0], "four messages there", status)

    idle(server, box)
    ok(box.select("Work", readonly=True), "EXAMINE")
    try:
        reply = box.store("1", "+FLAGS", r"(\Deleted)")
        check(reply[0] == "NO", "STORE is refused in EXAMINE", reply)
    except (imaplib.IMAP4.readonly, imaplib.IMAP4.error):
        check(True, "STORE is refused in EXAMINE")
    ok(box.close(), "CLOSE")
    check(box.logout()[0] == "BYE", "LOGOUT says BYE")


def idle(server, box):
    """imaplib of Python 3.11 has no IDLE: spoken by hand on its own socket."""
    tag = box._new_tag()
    box.send(tag + b" IDLE\r\n")
    check(box.readline().startswith(b"+"), "IDLE is answered with +")
    other = connect(server)
    ok(other.login(USER, PASSWORD), "second connection")
    ok(other.append("INBOX", None, None, message(99)), "APPEND by the second connection")
    began = time.monotonic()
    line = box.readline()
    while b"EXISTS" not in line:
        line = box.readline()
    check(line.strip() == b"* 8 EXISTS", "IDLE tells EXISTS", line)
    check(time.monotonic() - began < 5, "within seconds")
    other.select("INBOX")
    ok(other.store("8", "+FLAGS", r"(\Deleted)"), "STORE by the second connection")
    ok(other.expunge(), "EXPUNGE by the second connection")
    while b"EXPUNGE" not in line:
        line = box.readline()
    check(line.strip() == b"* 8 EXPUNGE", "IDLE tells EXPUNGE", line)
    other.logout()
    box.send(b"DONE\r\n")
    while not line.startswith(tag):
        line = box.readline()
    check(line.startswith(tag + b" OK"), "DONE ends IDLE", line)


main(tour)
