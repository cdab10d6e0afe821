#!/usr/bin/env python3
"""Stores a recorded conversation over IMAP as a Participating Function does: a service identity acts for a user (SASL PLAIN with an
authorization identity), mailboxes are made on the way, each file of a folder is one message object.

    record.py HOST:PORT SERVICE PASSWORD USER MESSAGES
MESSAGES/<mailbox with ~ for />/<number>-<flags>.eml; flags: s = \\Seen.
"""
import imaplib
import pathlib
import ssl
import sys
import email.utils
import email


def main() -> int:
    address, service, password, user, folder = sys.argv[1:6]
    host, port = address.rsplit(":", 1)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the demo's certificate is self-made
    store = imaplib.IMAP4_SSL(host, int(port), ssl_context=context)
    store.authenticate("PLAIN", lambda _: f"{user}\0{service}\0{password}".encode())
    count = 0
    for mailbox in sorted(p for p in pathlib.Path(folder).iterdir() if p.is_dir()):
        name = mailbox.name.replace("~", "/")
        status, detail = store.create(name)
        if status != "OK" and b"ALREADYEXISTS" not in detail[0]:
            raise SystemExit(f"cannot create {name}: {detail[0].decode()}")
        for file in sorted(mailbox.glob("*.eml")):
            octets = file.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            date = email.utils.parsedate_to_datetime(email.message_from_bytes(octets)["Date"])
            flags = "(\\Seen)" if file.stem.endswith("-s") else None
            status, detail = store.append(name, flags, imaplib.Time2Internaldate(date), octets)
            if status != "OK":
                raise SystemExit(f"cannot store {file.name}: {detail[0].decode()}")
            count += 1
    store.logout()
    print(f"stored {count} objects for {user}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
