#!/usr/bin/env python3
"""mutt over IMAPS, driven by pushed keys: read, flag, delete, copy, save; and send in batch with a copy to the store (Fcc is APPEND)."""
import os

from common import PASSWORD, USER, Wire, certificate, check, main, message, need, run
from pty_run import run_on_terminal


def tour(server, scratch):
    mutt = need("mutt", "mutt")
    trusted = certificate(server, scratch / "server.pem")
    url = f"imaps://localhost:{server.imaps[1]}"
    config = scratch / "muttrc"
    config.write_text(f"""
set imap_user="{USER}"
set imap_pass="{PASSWORD}"
set certificate_file="{trusted}"
set folder="{url}/"
set sendmail="/bin/true"
set realname="Alice"
set from="{USER}"
set copy=yes
set wait_key=no
set confirmappend=no
set confirmcreate=no
set delete=yes
set move=no
set mark_old=no
set pipe_decode=no
set beep=no
set sleep_time=0
set header_cache=""
set sort=mailbox-order
""")
    environment = {**os.environ, "TERM": "xterm", "HOME": str(scratch), "LC_ALL": "C.UTF-8"}

    def keys(mailbox, pushed):
        return run_on_terminal([mutt, "-n", "-F", config, "-f", f"{url}/{mailbox}", "-e", f'push "{pushed}<sync-mailbox><exit>"'],
                               environment)

    wire = Wire(server.imaps, tls=True)
    wire.login(USER)
    wire.must("CREATE Sent")
    wire.must("CREATE Saved")
    texts = [message(n, body=f"Body number {n}.\r\n") for n in range(1, 7)]
    for text in texts:
        wire.append("INBOX", text)

    read = scratch / "read"
    keys("INBOX", f"<first-entry><pipe-message>cat >{read}<enter>")
    check(b"Body number 1." in read.read_bytes(), "a message read", read.read_bytes())

    wire.must("SELECT INBOX")
    wire.must("UNSELECT")
    keys("INBOX", "2<enter><display-message><exit><flag-message>")
    wire.must("SELECT INBOX")
    flags = b" ".join(wire.must("UID FETCH 2 (FLAGS)").untagged)
    check(b"\\Seen" in flags and b"\\Flagged" in flags, "displayed and flagged: \\Seen \\Flagged are stored", flags)
    wire.must("UNSELECT")

    keys("INBOX", "3<enter><delete-message>")
    wire.must("SELECT INBOX")
    check(wire.must("UID SEARCH UID 1:6").numbers() == [1, 2, 4, 5, 6], "delete and sync expunge the message")
    wire.must("UNSELECT")

    keys("INBOX", f"3<enter><copy-message><kill-line>{url}/Saved<enter>")
    check(wire.must("STATUS Saved (MESSAGES)").number("MESSAGES") == 1, "a message copied to another mailbox")
    keys("INBOX", f"4<enter><save-message><kill-line>{url}/Saved<enter>")
    wire.must("SELECT Saved")
    check(wire.must("UID SEARCH ALL").numbers() == [1, 2], "a message saved to another mailbox")
    got = wire.must("UID FETCH 1:2 BODY.PEEK[]").untagged
    check(texts[3] in got[0] and texts[4] in got[1], "their octets are those of the originals", got)
    wire.must("SELECT INBOX")
    check(wire.must("UID SEARCH ALL").numbers() == [1, 2, 4, 6], "the saved one left the inbox")
    wire.must("UNSELECT")

    shown = keys("INBOX", "<limit>~s 'Message 6'<enter>")
    check(b"Message 6" in shown, "a limit by subject")

    done = run([mutt, "-n", "-F", config, "-e", f'set record="{url}/Sent"', "-s", "Sent in batch", "--", "bob@example.net"],
               stdin=b"Greetings from a batch job: \xc3\xa4\n", env=environment)
    check(done.returncode == 0, "a message sent in batch")
    wire.must("SELECT Sent")
    rows = wire.must("UID FETCH 1:* (FLAGS BODY.PEEK[])").untagged
    check(len(rows) == 1 and b"Subject: Sent in batch" in rows[0], "its copy is in the store (Fcc by APPEND)", rows)
    check(b"\\Seen" in rows[0].split(b"\r\n")[0], "marked \\Seen", rows)


main(tour)
