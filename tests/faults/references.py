#!/usr/bin/env python3
"""References to something large (MSS-62, MSS-64, MSS-65, MSS-66): CATENATE of 40 MB and URLFETCH of it give the right
octets, and the server holds no whole object in memory. Then what the settings url.* change (MSS-78)."""
import base64
import hashlib
import os
import threading

from common import check, main
from processes import memory, sanitized
from server import Server
from wire import Wire

ALICE, BOB = "alice@example.net", "bob@example.net"
MEGA = 1 << 20
BOUND = 48 * 1024  # KiB above the server at rest; the objects are larger
URL = "imap://alice%40example.net@imap.example.net/INBOX/;UID=1/;SECTION=2;URLAUTH=user+bob%40example.net"


class Peak:
    """The server's memory while something runs."""

    def __init__(self, server):
        self.pid = server.process.pid
        self.bound = BOUND * (6 if sanitized(self.pid) else 1)
        self.rest = self.highest = memory(self.pid)
        self.over = threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.look)
        self.thread.start()
        return self

    def look(self):
        while not self.over.wait(0.02):
            self.highest = max(self.highest, memory(self.pid))

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def tell(self, what):
        grown = self.highest - self.rest
        check(grown < self.bound, f"{what}: the server grew by {grown // 1024} MB")


def octets_of(reply):
    """The one literal of a URLFETCH or FETCH response."""
    head, _, rest = reply.untagged[0].partition(b"}\r\n")
    count = int(head.rpartition(b"{")[2])
    return rest[:count]


def large(binaries):
    data = os.urandom(28 * MEGA)
    coded = base64.encodebytes(data).replace(b"\n", b"\r\n")
    head = b"Subject: picture\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    part = b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n" + coded
    mail = head + b"--b\r\n\r\ntext\r\n--b\r\n" + part + b"\r\n--b--\r\n"
    with Server(binaries) as server, Wire(server.imap, timeout=300) as alice, Wire(server.imap, timeout=300) as bob:
        for name, wire in ((ALICE, alice), (BOB, bob)):
            server.add_user(name)
            wire.login(name)
        check(bool(alice.append("INBOX", mail)), f"a message of {len(mail) // MEGA} MB was stored")
        with Peak(server) as peak:
            command = b'APPEND Default CATENATE (URL /INBOX/;UID=1/;SECTION=HEADER TEXT {7+}\r\n--b\r\n\r\n URL /INBOX/;UID=1/;SECTION=2 ' \
                      b'TEXT {7+}\r\n\r\n--b\r\n URL /INBOX/;UID=1/;SECTION=2.MIME URL /INBOX/;UID=1/;SECTION=2 TEXT {9+}\r\n\r\n--b--\r\n)'
            reply = alice.command(command)
        check(bool(reply), "two of it were put together", reply)
        peak.tell("CATENATE")
        wanted = head + b"--b\r\n\r\n" + coded + b"\r\n--b\r\n" + part + b"\r\n--b--\r\n"
        alice.must("SELECT Default")
        got = octets_of(alice.must("FETCH 1 BODY.PEEK[]"))
        check(hashlib.sha256(got).digest() == hashlib.sha256(wanted).digest(), "octet for octet", (len(got), len(wanted)))
        signed = alice.must(f'GENURLAUTH "{URL}" INTERNAL').untagged[0].decode().split('"')[1]
        with Peak(server) as peak:
            body = octets_of(bob.must(f'URLFETCH "{signed}"'))
            decoded = octets_of(bob.must(f'URLFETCH ("{signed}" BINARY)'))
        check(body == coded and decoded == data, "another user fetched it by a URL, encoded and decoded", (len(body), len(decoded)))
        peak.tell("URLFETCH")
        with Peak(server) as peak:
            reply = bob.command(f'APPEND INBOX CATENATE (TEXT {{14+}}\r\nSubject: x\r\n\r\n URL "{signed}")')
        check(bool(reply), "and attached it to a message of his own", reply)
        peak.tell("CATENATE of a signed URL")
        reply = alice.command("APPEND Default CATENATE (" + " ".join(["URL /INBOX/;UID=1"] * 4) + ")")
        check(reply.status == "NO" and reply.code == "TOOBIG", "four of it are more than a message may be", reply)
        alice.must("NOOP")


def settings(binaries):
    sets = ["url.hosts=imap.example.net,[::1]", "url.applications=stream=media@example.net", "url.mechanisms=always"]
    with Server(binaries, sets=sets) as server, Wire(server.imap) as alice, Wire(server.imap) as service:
        server.add_user(ALICE)
        for name in ("media", "other"):
            server.ctl("service", "add", f"{name}@example.net", "--role", "deposit", "--for", "*", "--password-stdin", stdin="secret\n")
        alice.login(ALICE)
        check(b"* OK [URLMECH INTERNAL]" in b"\n".join(alice.must("SELECT INBOX").untagged), "URLMECH without TLS")
        check(alice.must("RESETKEY INBOX").code == "URLMECH INTERNAL", "and of RESETKEY")
        alice.append("INBOX", b"Subject: x\r\n\r\nbody\r\n")
        url = "imap://alice%40example.net@{}/INBOX/;UID=1/;SECTION=TEXT;URLAUTH={}"
        for host, fits in (("imap.example.net", True), ("IMAP.example.NET:143", True), ("[::1]", True), ("example.net", False)):
            reply = alice.command(f'GENURLAUTH "{url.format(host, "authuser")}" INTERNAL')
            check((reply.status == "OK") == fits, f"the host {host}: {reply.status}", reply)
            reply = alice.command(f'APPEND Default CATENATE (URL "imap://alice%40example.net@{host}/INBOX/;UID=1")')
            check((reply.status == "OK") == fits, f"for CATENATE {host}: {reply.status}", reply)
        signed = alice.must(f'GENURLAUTH "{url.format("imap.example.net", "stream")}" INTERNAL').untagged[0].decode().split('"')[1]
        check(not alice.command(f'GENURLAUTH "{url.format("imap.example.net", "print+x")}" INTERNAL'), "no other application")
        check(alice.must(f'URLFETCH "{signed}"').untagged[0].endswith(b" NIL"), "no user stands for an application")
        for name, may in (("other", False), ("media", True)):
            code = base64.b64encode(f"{ALICE}\0{name}@example.net\0secret".encode()).decode()
            service.must(f"AUTHENTICATE PLAIN {code}")
            got = service.must(f'URLFETCH "{signed}"').untagged[0]
            check(got.endswith(b"{6}\r\nbody\r\n") if may else got.endswith(b" NIL"), f"the service {name}: {'octets' if may else 'NIL'}", got)
            service.must("UNAUTHENTICATE")


def test(binaries):
    settings(binaries)
    large(binaries)


main(test)
