#!/usr/bin/env python3
"""curl over IMAPS: list, fetch, upload, search, arbitrary commands, refusals."""
import urllib.parse

from common import PASSWORD, USER, Wire, certificate, check, main, message, need, run


def tour(server, scratch):
    curl = need("curl", "curl")
    trusted = certificate(server, scratch / "server.pem")
    base = f"imaps://localhost:{server.imaps[1]}"
    resolve = f"localhost:{server.imaps[1]}:{server.imaps[0]}"

    def go(path="", *more, ok=True, password=PASSWORD):
        return run([curl, "-sS", "--max-time", 30, "--cacert", trusted, "--resolve", resolve, "--url", base + path,
                    "--user", f"{USER}:{password}", *more], ok=ok)

    out = go("/").stdout
    check(b'"INBOX"' in out and b'* LIST (' in out, "list of all mailboxes, certificate and host name verified", out)
    check(go("/", "--login-options", "AUTH=PLAIN").stdout == out, "the same with AUTHENTICATE PLAIN")
    check(go("/", "--login-options", "AUTH=SCRAM-SHA-256", ok=False).returncode in (0, 67), "SCRAM asked for: no hang")
    done = go("/", password="wrong", ok=False)
    check(done.returncode == 67, "a wrong password is exit code 67 (login denied)", done)

    texts = [message(n, size=300 * n) for n in (1, 2, 3)] + [message(4, size=3_000_000)]
    for number, text in enumerate(texts, 1):
        file = scratch / f"{number}.eml"
        file.write_bytes(text)
        go("/INBOX", "-T", file)
    check(True, "four messages uploaded with -T, one of 3 MB")
    for number, text in enumerate(texts, 1):
        check(go(f"/INBOX;UID={number}").stdout == text, f"message {number} fetched by UID, octets equal")
    check(go("/INBOX;MAILINDEX=2").stdout == texts[1], "fetched by sequence number")
    out = go("/INBOX;UID=1;SECTION=HEADER.FIELDS%20(SUBJECT)").stdout
    check(out == b"Subject: Message 1\r\n\r\n", "one section", out)
    validity = Wire(server.imaps, tls=True)
    validity.login(USER)
    number = validity.must("STATUS INBOX (UIDVALIDITY)").number("UIDVALIDITY")
    check(go(f"/INBOX;UIDVALIDITY={number};UID=1").stdout == texts[0], "the right UIDVALIDITY")
    check(go(f"/INBOX;UIDVALIDITY={number + 1};UID=1", ok=False).returncode == 78, "a wrong UIDVALIDITY is exit code 78")

    out = go("/INBOX?SUBJECT%20%22Message%202%22").stdout
    check(out.strip() == b"* SEARCH 2", "search in the URL", out)
    check(go("/INBOX?SUBJECT%20nothing").stdout.strip() == b"* SEARCH", "an empty search")
    out = go("/INBOX", "-X", "FETCH 1:* (FLAGS)").stdout
    check(out.count(b" FETCH (") == 4, "FETCH with -X", out)
    go("/INBOX", "-X", "STORE 1 +Flags \\Deleted")
    go("/INBOX", "-X", "EXPUNGE")
    check(go("/INBOX?ALL").stdout.strip() == b"* SEARCH 1 2 3", "STORE and EXPUNGE with -X")
    name = urllib.parse.quote("Default/tel:+15550101")
    go("", "-X", "CREATE Default/tel:+15550101")
    go("/" + name, "-T", scratch / "2.eml")
    check(go(f"/{name};UID=1").stdout == texts[1], "a mailbox name that needs quoting in the URL")
    check(go("/Nowhere", "-T", scratch / "2.eml", ok=False).returncode != 0, "upload to a missing mailbox fails")
    check(go("/INBOX;UID=99", ok=False).returncode == 78, "a missing message is exit code 78")
    starttls = run([curl, "-sS", "--max-time", 30, "--ssl-reqd", "--cacert", trusted, "--url",
                    f"imap://localhost:{server.imap[1]}/", "--resolve", f"localhost:{server.imap[1]}:{server.imap[0]}",
                    "--user", f"{USER}:{PASSWORD}"]).stdout
    check(b'"INBOX"' in starttls, "STARTTLS", starttls)


main(tour)
