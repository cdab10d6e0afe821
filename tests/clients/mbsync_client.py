#!/usr/bin/env python3
"""mbsync over IMAPS: two-way synchronisation with a Maildir. Changes of both sides arrive; a run with nothing new changes nothing."""
import os
import re
import time

from common import PASSWORD, USER, Wire, certificate, check, mailboxes, main, message, need, run, state
from maildir import Maildir

CONFIG = """
IMAPAccount store
Host localhost
Port {port}
User {user}
Pass {password}
SSLType IMAPS
CertificateFile {certificate}
SystemCertificates no

IMAPStore far
Account store

MaildirStore near
Path {maildir}/
Inbox {maildir}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
CopyArrivalDate yes
SyncState *
"""


def tour(server, scratch):
    mbsync = need("mbsync", "isync")
    box = scratch / "mail"
    box.mkdir()
    config = scratch / "mbsyncrc"
    config.write_text(CONFIG.format(port=server.imaps[1], user=USER, password=PASSWORD,
                                    certificate=certificate(server, scratch / "server.pem"), maildir=box))
    wire = Wire(server.imaps, tls=True)
    wire.login(USER)
    conversation = "Default/tel:+15550101"
    for name in ("Archive", "Archive/2026", conversation):
        wire.must(f'CREATE "{name}"')
    for number in range(1, 21):
        wire.append("INBOX", message(number), "\\Seen" if number % 2 else "")
    for number in range(21, 26):
        wire.append(conversation, message(number))
    wire.append("Archive/2026", message(30, size=2_000_000))

    def sync():
        done = run([mbsync, "-c", config, "all"], timeout=120, env={**os.environ, "HOME": str(scratch)})
        noise = (done.stdout + done.stderr).decode()
        check("arning" not in noise and "rror" not in noise, "mbsync ran without a warning", noise)

    sync()
    inbox = Maildir(box / "INBOX")
    check(sorted(inbox.subjects()) == sorted(f"Message {n}" for n in range(1, 21)), "first run: the inbox arrived")
    check(len(Maildir(box / conversation).files()) == 5, "and the conversation")
    check(inbox.flags("Message 1") == "S" and inbox.flags("Message 2") == "", "with flags", inbox.listing())
    got = re.sub(rb"X-TUID: .*\n", b"", Maildir(box / "Archive/2026").octets("Message 30"))  # mbsync's own mark
    check(got == message(30, size=2_000_000).replace(b"\r\n", b"\n"), "and every octet of a message of 2 MB", got[:600])

    # Both sides change.
    wire.must("SELECT INBOX")
    wire.must("UID STORE 2 +FLAGS (\\Flagged)")
    wire.must("UID STORE 3 +FLAGS (\\Deleted)")
    wire.must("UID EXPUNGE 3")
    wire.append("INBOX", message(41, subject="new far"))
    wire.must("UNSELECT")
    wire.must("CREATE Made-far")
    wire.append("Made-far", message(42))
    inbox.set_flags("Message 4", "RS")
    inbox.set_flags("Message 5", "ST")
    inbox.add(message(43, subject="new near"), "F")
    Maildir(box / "Made-near").make()
    Maildir(box / "Made-near").add(message(44, subject="born near"), "")
    sync()
    check(inbox.flags("Message 2") == "F", "a flag set far arrived", inbox.listing())
    check("Message 3" not in inbox.subjects(), "a message expunged far is gone")
    check("new far" in inbox.subjects(), "a message appended far arrived")
    check(len(Maildir(box / "Made-far").files()) == 1, "a mailbox made far arrived")
    wire.must("SELECT INBOX")
    flags = b" ".join(wire.must("UID FETCH 4 (FLAGS)").untagged)
    check(b"\\Answered" in flags and b"\\Seen" in flags, "flags set near arrived", flags)
    check(wire.must("UID SEARCH UID 5").numbers() == [], "a message trashed near is expunged")
    found = wire.must('UID SEARCH SUBJECT "new near" FLAGGED').numbers()
    check(len(found) == 1, "a message added near arrived with its flag", found)
    wire.must("UNSELECT")
    check(wire.must('STATUS "Made-near" (MESSAGES)').number("MESSAGES") == 1, "a mailbox made near arrived")

    for turn in ("third", "fourth"):
        before = state(wire, mailboxes(wire)), Maildir.tree(box)
        time.sleep(1.1)
        sync()
        after = state(wire, mailboxes(wire)), Maildir.tree(box)
        check(before[0] == after[0], f"{turn} run: no mailbox changed (HIGHESTMODSEQ, UIDNEXT, flags)", (before[0], after[0]))
        check(before[1] == after[1], f"{turn} run: no file changed")

    wire.must("SELECT Made-far")
    wire.must("STORE 1:* +FLAGS.SILENT (\\Deleted)")
    wire.must("CLOSE")
    sync()
    wire.must("DELETE Made-far")
    sync()
    check(not (box / "Made-far").exists(), "a mailbox emptied and deleted far is gone near")


main(tour)
