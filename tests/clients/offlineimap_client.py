#!/usr/bin/env python3
"""OfflineIMAP over IMAPS: two-way synchronisation with a Maildir. Changes of both sides arrive; a run with nothing new changes nothing."""
import os
import time

from common import PASSWORD, USER, Wire, certificate, check, mailboxes, main, message, need, run, state
from maildir import Maildir

CONFIG = """
[general]
accounts = store
metadata = {scratch}/metadata
ui = basic

[Account store]
localrepository = near
remoterepository = far

[Repository near]
type = Maildir
localfolders = {maildir}
sep = /
utime_from_header = no

[Repository far]
type = IMAP
remotehost = localhost
remoteport = {port}
remoteuser = {user}
remotepass = {password}
ssl = yes
sslcacertfile = {certificate}
expunge = yes
"""


def tour(server, scratch):
    offlineimap = need("offlineimap", "offlineimap3")
    box = scratch / "mail"
    config = scratch / "offlineimaprc"
    config.write_text(CONFIG.format(scratch=scratch, port=server.imaps[1], user=USER, password=PASSWORD,
                                    certificate=certificate(server, scratch / "server.pem"), maildir=box))
    wire = Wire(server.imaps, tls=True)
    wire.login(USER)
    for name in ("Archive/2026", "Default/gc-51ab"):
        wire.must(f'CREATE "{name}"')
    for number in range(1, 16):
        wire.append("INBOX", message(number), "\\Seen" if number % 2 else "")
    wire.append("Archive/2026", message(30, size=1_500_000))
    wire.append("Default/gc-51ab", message(31))

    def sync():
        done = run([offlineimap, "-o", "-c", config], timeout=180, env={**os.environ, "HOME": str(scratch)})
        noise = (done.stdout + done.stderr).decode()
        lines = [line for line in noise.splitlines() if "ERROR" in line or "WARNING" in line or "Traceback" in line]
        check(not lines, "offlineimap ran without a warning", noise[-3000:] if lines else None)

    sync()
    inbox = Maildir(box / "INBOX")
    check(sorted(inbox.subjects()) == sorted(f"Message {n}" for n in range(1, 16)), "first run: the inbox arrived", inbox.listing())
    check(inbox.flags("Message 1") == "S" and inbox.flags("Message 2") == "", "with flags", inbox.listing())
    check(len(Maildir(box / "Archive/2026").octets("Message 30")) == len(message(30, size=1_500_000).replace(b"\r\n", b"\n")),
          "a message of 1.5 MB in a nested mailbox arrived")

    wire.must("SELECT INBOX")
    wire.must("UID STORE 2 +FLAGS (\\Flagged)")
    wire.must("UID STORE 3 +FLAGS (\\Deleted)")
    wire.must("UID EXPUNGE 3")
    wire.append("INBOX", message(41, subject="new far"))
    wire.must("UNSELECT")
    inbox.set_flags("Message 4", "RS")
    inbox.find("Message 5").unlink()
    inbox.add(message(43, subject="new near"), "F")
    sync()
    check(inbox.flags("Message 2") == "F", "a flag set far arrived", inbox.listing())
    check("Message 3" not in inbox.subjects(), "a message expunged far is gone")
    check("new far" in inbox.subjects(), "a message appended far arrived")
    wire.must("SELECT INBOX")
    flags = b" ".join(wire.must("UID FETCH 4 (FLAGS)").untagged)
    check(b"\\Answered" in flags and b"\\Seen" in flags, "flags set near arrived", flags)
    check(wire.must("UID SEARCH UID 5").numbers() == [], "a message deleted near is expunged")
    check(len(wire.must('UID SEARCH SUBJECT "new near" FLAGGED').numbers()) == 1, "a message added near arrived with its flag")
    wire.must("UNSELECT")

    for turn in ("third", "fourth"):
        before = state(wire, mailboxes(wire)), Maildir.tree(box)
        time.sleep(1.1)
        sync()
        after = state(wire, mailboxes(wire)), Maildir.tree(box)
        check(before[0] == after[0], f"{turn} run: no mailbox changed (HIGHESTMODSEQ, UIDNEXT, flags)", (before[0], after[0]))
        check(before[1] == after[1], f"{turn} run: no file changed")


main(tour)
