#!/usr/bin/env python3
"""cpmctl deposit against a server that runs: the demo's conversation and objects of every kind in both generations, stored over TLS by a
service identity and downloaded again; and what happens when something is wrong."""
import base64
import datetime
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "faults"))
from common import check, main  # noqa: E402
from server import Server  # noqa: E402
from wire import Wire  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
DEMO = HERE.parent / "demo" / "conversation" / "conversation.jsonl"
USER = "alice@example.net"
PHONE = "tel:+15550100"
SERVICE = ["--as", "recorder", "--password-stdin", "--for", USER]
PASSWORD = "recorder secret"


def deposit(server, *arguments, stdin=PASSWORD + "\n", service=SERVICE):
    return server.ctl("deposit", *service, *map(str, arguments), stdin=stdin, check=False)


def dry_run(server, *arguments):
    done = server.ctl("deposit", "--dry-run", "--json", *map(str, arguments))
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    for one in objects:
        one["octets"] = base64.b64decode(one["octets_base64"])
    return objects


def quoted(mailbox):
    return '"' + mailbox.replace("\\", "\\\\").replace('"', '\\"') + '"'


def download(server, mailbox):
    """Each message of a mailbox: (flags, INTERNALDATE, octets), in order."""
    with Wire(server.imaps, tls=True) as wire:
        wire.login(USER)
        wire.must(f"EXAMINE {quoted(mailbox)}")
        messages = []
        for response in wire.must("UID FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])").untagged:
            if b" FETCH (" not in response:
                continue
            head, octets = response.split(b"\r\n", 1)
            flags = head.split(b"FLAGS (")[1].split(b")")[0].decode().split()
            date = head.split(b'INTERNALDATE "')[1].split(b'"')[0].decode()
            messages.append(([flag for flag in flags if flag != "\\Recent"], date, octets[:-1]))
        return messages


def utc(date):
    return datetime.datetime.strptime(date.strip(), "%d-%b-%Y %H:%M:%S %z").timestamp()


def compare(server, objects, before=None):
    """What the dry run shows is what is there."""
    before = before or {}
    for mailbox in sorted({one["mailbox"] for one in objects}):
        expected = [one for one in objects if one["mailbox"] == mailbox]
        stored = download(server, mailbox)[before.get(mailbox, 0):]
        check(len(stored) == len(expected), f"{mailbox}: {len(expected)} objects", len(stored))
        for one, (flags, date, octets) in zip(expected, stored):
            check(octets == one["octets"] and len(octets) == one["size"], f"line {one['line']} in {mailbox}: octet for octet",
                  (octets[-300:], one["octets"][-300:]))
            check(sorted(flags) == sorted(one["flags"]) and utc(date) == utc(one["date"]), f"line {one['line']}: its flags and date",
                  (flags, date, one["flags"], one["date"]))


# MSS-67: a Participating Function reaches the user's own store. MSS-71: conversations are stored as histories.
def demo(server):
    objects = dry_run(server, DEMO)
    done = deposit(server, DEMO, "--json")
    check(done.returncode == 0, "the demo's conversation is stored over TLS", done.stderr)
    summary = json.loads(done.stdout)
    check(summary["stored"] == len(objects) == 24 and summary["in_doubt"] == [], "the summary counts it", summary)
    rows = {row["mailbox"]: row for row in summary["mailboxes"]}
    check(set(rows) == {"Default/tel:+15550101", "Default/tel:+15550103", "Default/tel:+15550104", "Default/gc-51ab/gc-51ab",
                        "Default/conv-lake/sess-11"}, "the mailboxes of both layouts", list(rows))
    check(all(row["created"] for row in rows.values()), "they were made on the way", rows)
    check(rows["Default/tel:+15550101"]["uids"] == "1:9", "the server told the UIDs", rows)
    compare(server, objects)
    with Wire(server.imaps, tls=True) as wire:
        wire.login(USER)
        wire.must("SELECT Default/tel:+15550101")
        picture = wire.must("FETCH 7 BINARY.PEEK[2]").untagged[0].split(b"\r\n", 1)[1][:-1]
        check(picture == (DEMO.parent / "lake.png").read_bytes(), "the picture's octets come out of the transfer")  # MSS-70
        check(wire.must("UID SEARCH HEADER IMDN-Message-ID msg-02").numbers() == [3], "a message is found by its identifier")


def two_devices(server):
    """What `./dev run` prints: MSS-45, MSS-51."""
    with Wire(server.imaps, tls=True) as first, Wire(server.imaps, tls=True) as second:
        first.login(USER)
        second.login(USER)
        known = first.must("SELECT Default/tel:+15550101 (CONDSTORE)").number("HIGHESTMODSEQ")
        check(known == 2, "the first device knows the mailbox as the demo says", known)
        first.send(b"c IDLE\r\n")
        first.line()
        second.must("SELECT Default/tel:+15550101")
        second.must("UID STORE 9 +FLAGS (\\Seen)")
        said = first.line()
        check(b"* 9 FETCH" in said and b"\\Seen" in said, "it hears at once what the second has read", said)
        first.send(b"DONE\r\n")
        first.line()
        changed = first.must(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {known})").untagged
        check(len(changed) == 1 and b"UID 9 " in changed[0], "and finds it as a phone that was away", changed)


WHO2 = '"from": "tel:+15550102", "to": "tel:+15550100", "direction": "received", "date": "2026-05-01T10:00:00+02:00"'
WHO1 = '"generation": 1, "from": "sip:bob@example.net", "to": "sip:alice@example.net", "date": "2026-05-01T10:00:00-05:00"'
GROUP = '"participants": [{"name": "bob", "address": "tel:+15550101"}], "focus": "sip:f@ims.example"'


def every_kind():
    """One object of each kind in each generation that has it."""
    return [
        # MSS-68: standalone messages and media
        f'{{"type": "message", "conversation": "k1", "contribution": "a1", "id": "m1", "text": "Hi", {WHO1}}}',
        f'{{"type": "message", "conversation": "k1", "contribution": "a2", "id": "m2", "text": "", "html": "<b>ü</b>", {WHO1}}}',
        f'{{"type": "message", "conversation": "k1", "contribution": "a3", "id": "m3", "service": "large", "file": "big.bin", {WHO1}}}',
        f'{{"type": "message", "conversation": "k2", "contribution": "b1", "id": "p1", "text": "Grüße\\nzwei", "subject": "Ü", {WHO2}}}',
        f'{{"type": "message", "conversation": "k2", "contribution": "b2", "id": "p2", "text": "x", "html": "<i>x</i>", "file": "lake.png", {WHO2}}}',
        f'{{"type": "media", "conversation": "k1", "id": "m4", "file": {{"path": "lake.png", "disposition": "attachment"}}, {WHO1}}}',
        f'{{"type": "media", "conversation": "k2", "contribution": "b3", "id": "p3", "file": "lake.png", {WHO2}}}',
        # MSS-69: sessions with their notifications
        f'{{"type": "session", "conversation": "k1", "contribution": "s1", "subject": "x", {WHO1}}}',
        f'{{"type": "chat", "conversation": "k1", "session": "s1", "id": "m5", "text": "in it", {WHO1}}}',
        f'{{"type": "notification", "conversation": "k1", "session": "s1", "id": "r5", "of": "m5", "status": "delivered", {WHO1}}}',
        f'{{"type": "group-state", "conversation": "k1", "session": "s1", {GROUP}, {WHO1}}}',
        f'{{"type": "session", "conversation": "g2", "id": "p4", "participants": ["tel:+1"], {WHO2}}}',
        f'{{"type": "chat", "conversation": "g2", "session": "g2", "id": "p5", "text": "in it", {WHO2}}}',
        f'{{"type": "notification", "conversation": "g2", "session": "g2", "id": "p6", "of": "p5", "status": "displayed", {WHO2}}}',
        f'{{"type": "group-state", "conversation": "g2", "id": "p7", {GROUP}, {WHO2}}}',
        f'{{"type": "chat", "conversation": "k2", "id": "p8", "text": "{"long " * 3000}", {WHO2}}}',
        # MSS-70: file transfers
        f'{{"type": "file", "conversation": "k1", "contribution": "f1", "files": ["lake.png", "big.bin"], {WHO1}}}',
        f'{{"type": "file", "conversation": "k1", "session": "s1", "contribution": "f2", "file": "empty.bin", {WHO1}}}',
        f'{{"type": "file", "conversation": "k2", "contribution": "f3", "id": "p9", "file": "big.bin", {WHO2}}}',
        f'{{"type": "file", "conversation": "k2", "contribution": "f4", "id": "p10", "file": {{"path": "lake.png", "url": "https://cs.example/f?a=1&b=2"}}, {WHO2}}}',
        # MSS-71: SMS and MMS
        f'{{"type": "sms", "conversation": "k2", "contribution": "x1", "id": "p11", "text": "Hallo ü", {WHO2}}}',
        f'{{"type": "mms", "conversation": "k2", "contribution": "x2", "id": "p12", "text": "Da", "files": ["lake.png", "big.bin"], {WHO2}}}',
        # MSS-72: a deferred message that expired
        f'{{"type": "message", "conversation": "k2", "contribution": "x3", "id": "p13", "text": "late", "expired": true, "flags": ["\\\\Flagged", "Work"], {WHO2}}}',
        f'{{"type": "message", "conversation": "k2", "contribution": "x4", "id": "p14", "text": "elsewhere", "mailbox": "Saved & \\"kept\\"/Grüße", {WHO2}}}',
    ]


def kinds(server, folder):
    shutil.copy(DEMO.parent / "lake.png", folder)
    (folder / "big.bin").write_bytes(bytes(range(256)) * 4000)  # larger than what is sent unasked
    (folder / "empty.bin").write_bytes(b"")
    file = folder / "kinds.jsonl"
    file.write_text("\n".join(every_kind()) + "\n", encoding="utf-8")
    objects = dry_run(server, file)
    check(len(objects) == len(every_kind()), "the dry run prints every object")
    check(not any(one["octets"].endswith(b"\n") for one in objects), "none ends with a line end (5.2)")
    shown = server.ctl("deposit", "--dry-run", str(file)).stdout
    check("=== line 1: Default/k1 ()" in shown and "Message-Context: pager-message" in shown, "and for people")
    done = deposit(server, file)
    check(done.returncode == 0 and "stored 24 objects" in done.stdout, "objects of every kind, both generations", done.stdout + done.stderr)
    mutf7 = [dict(one, mailbox=one["mailbox"].replace("&", "&-").replace("Grüße", "Gr&APwA3w-e")) for one in objects]
    compare(server, mutf7, {"Default/g2/g2": 0})
    expired = [m for m in download(server, "Default/tel:+15550102") if "$Expired" in m[0]]
    check(len(expired) == 1 and utc(expired[0][1]) == utc("01-May-2026 10:00:00 +0200"),
          "the expired one has its original time and the keyword", expired)  # MSS-72
    one_by_one = deposit(server, file, "--root", "Alone", "--batch", "1", "--plain")
    check(one_by_one.returncode == 0, "one at a time, without TLS", one_by_one.stderr)
    check([m[2] for m in download(server, "Alone/k1")] == [m[2] for m in download(server, "Default/k1")], "is the same")


# MSS-76, MSS-69: a history is read on another device while it is being written.
def growing(server):
    command = [str(server.binaries / "cpmctl"), "--data", str(server.data), "deposit", *SERVICE, "-", "--json", "--timeout", "1"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
    process.stdin.write(PASSWORD + "\n")
    line = '{"type": "chat", "conversation": "live", "session": "live", "id": "live-%d", "text": "%d", ' + WHO2 + "}\n"
    process.stdin.write(line % (1, 1))
    first = json.loads(process.stdout.readline())
    check(first["mailbox"] == "Default/live/live" and first["uid"] == 1 and first["line"] == 1, "each line is stored and told at once", first)
    with Wire(server.imaps, tls=True) as wire:
        wire.login(USER)
        wire.must("SELECT Default/live/live")
        wire.send(b"i IDLE\r\n")
        wire.line()
        process.stdin.write(line % (2, 2))
        said = wire.line()
        check(said == b"* 2 EXISTS", "the other device hears of the next at once", said)
        json.loads(process.stdout.readline())
    server.ctl("session", "kick", "--user", USER)
    time.sleep(1.2)
    process.stdin.write(line % (3, 3))
    third = json.loads(process.stdout.readline())
    check(third["uid"] == 3, "after a silence in which the connection ended, it is made again", third)
    process.stdin.write("{\n")
    out, err = process.communicate(timeout=30)
    check(process.returncode == 2 and "line 4: this is not JSON" in err and "All up to line 3 is stored" in err, "a mistake ends it", err)
    check(json.loads(out)["stored"] == 3, "with the summary", out)
    again = deposit(server, "-", "--from-line", "2", stdin=PASSWORD + "\n{\n" + line % (4, 4))
    check(again.returncode == 0 and "line 2: Default/live/live UID 4" in again.stdout, "and one goes on from a line", again.stdout + again.stderr)


def refused(done, code, *parts):
    shown = done.stdout + done.stderr
    check(done.returncode == code and all(part in shown for part in parts), f"exit {code}: {parts[0]}", (done.returncode, shown))


def wrong_inputs(server, folder):
    line = every_kind()[0]
    bad = folder / "bad.jsonl"
    bad.write_text(line + "\n" + line.replace('"text"', '"txet"') + "\n")
    refused(deposit(server, bad), 2, 'line 2: unknown key "txet"; did you mean "text"?', "Nothing was stored")
    bad.write_text(line + "\n{nonsense\n")
    refused(deposit(server, bad), 2, "line 2: this is not JSON", "Nothing was stored")
    bad.write_text(line.replace('"text"', '"\\u001b[31mtext"') + "\n")
    done = deposit(server, bad)
    check("?[31mtext" in done.stderr and "\x1b" not in done.stderr, "a file cannot play with the terminal", done.stderr)
    bad.write_text('{"type": "chat", "text": "' + 100000 * "x" + "\n")
    check(len(deposit(server, bad).stderr) < 2000, "nor fill it")
    bad.write_text(every_kind()[5].replace("lake.png", "none.png") + "\n")
    refused(deposit(server, bad), 3, "line 1: ", "none.png is not a file", "Nothing was stored")
    refused(deposit(server, folder / "none.jsonl"), 3, "there is no file")
    refused(server.ctl("deposit", str(DEMO), check=False), 2, "--for alice@example.net")
    good = folder / "good.jsonl"
    good.write_text(line + "\n")
    refused(deposit(server, good, stdin="wrong\n"), 1, 'the login as "recorder" was refused', "Is the password right?")
    refused(deposit(server, good, service=["--as", "recorder", "--password-stdin", "--for", "eve@elsewhere.net"]), 1,
            '"recorder" may not act for "eve@elsewhere.net"', "cpmctl service list")
    refused(deposit(server, good, stdin="\n"), 2, "the password is empty")
    refused(deposit(server, good, "--server", "127.0.0.1:1"), 5, "no connection to the server at 127.0.0.1:1")
    where = ":".join(map(str, server.imaps))
    refused(deposit(server, good, "--server", where), 1, "is not trusted", "--ca FILE")
    refused(deposit(server, good, "--server", f"localhost:{server.imaps[1]}", "--ca", str(server.data / "run.json")), 2, "holds no certificates")
    for trust in (["--insecure"], ["--ca", str(server.data / "tls" / "certificate.pem")]):
        name = f"localhost:{server.imaps[1]}"
        done = deposit(server, good, "--server", name, *trust, "--root", "Trust")
        check(done.returncode == 0, f"a server named by its address, {trust[0]}", done.stderr)
    done = deposit(server, good, "--server", f"localhost:{server.imap[1]}", "--starttls", "--insecure", "--root", "Trust")
    check(done.returncode == 0, "with STARTTLS", done.stderr)
    done = deposit(server, good, "--root", "Trust", service=["--password-stdin", "--for", USER], stdin="secret\n")
    check(done.returncode == 0, "a user deposits with a password of her own", done.stderr)
    done = deposit(server, good, "--root", "Trust", service=["--as", "recorder", "--password-stdin", "--for", PHONE])
    check(done.returncode == 0, "for any address of the user", done.stderr)
    (folder / "secret").write_text(PASSWORD + "\n")
    done = deposit(server, good, "--root", "Trust", stdin="",
                   service=["--as", "recorder", "--password-file", str(folder / "secret"), "--for", USER])
    check(done.returncode == 0 and len(download(server, "Trust/k1")) == 6, "with the password in a file", done.stderr)


def over_quota(server, folder):
    server.ctl("user", "add", "small@example.net", "--quota-messages", "2", "--password-stdin", stdin="secret\n")
    file = folder / "quota.jsonl"
    file.write_text("".join(every_kind()[0].replace('"m1"', f'"q{n}"') + "\n" for n in range(4)))
    done = deposit(server, file, service=["--as", "recorder", "--password-stdin", "--for", "small@example.net"])
    refused(done, 1, "line 3: the server refused it [OVERQUOTA]", "All up to line 2 is stored, and nothing behind it",
            "go on with --from-line 3", "stored 2 objects")
    server.ctl("quota", "set", "small@example.net", "--messages", "none")
    done = deposit(server, file, "--from-line", "3", service=["--as", "recorder", "--password-stdin", "--for", "small@example.net"])
    check(done.returncode == 0 and "stored 2 objects" in done.stdout, "and one goes on there", done.stderr)


def too_big(binaries, folder):
    with Server(binaries, sets=["limits.message_octets=100000"]) as server:
        server.add_user(USER)
        server.ctl("service", "add", "recorder", "--role", "deposit", "--for", "*@example.net", "--password-stdin", stdin=PASSWORD + "\n")
        file = folder / "large.jsonl"
        file.write_text(every_kind()[0] + "\n" + every_kind()[2] + "\n" + every_kind()[0] + "\n")
        refused(deposit(server, file), 1, "line 2: ", "is larger than the server takes (100000)", "All up to line 1 is stored")
        check(len(download(server, "Default/k1")) == 1, "only that")


class Middle:
    """Stands between cpmctl and the server, in the clear, and changes what it does when `rule(direction, octets)` says so."""

    def __init__(self, server, rule):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.server, self.rule = server, rule
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            while True:
                client, _ = self.listener.accept()
                upstream = socket.create_connection(self.server)
                for source, target, direction in ((client, upstream, "up"), (upstream, client, "down")):
                    threading.Thread(target=self.pump, args=(source, target, direction), daemon=True).start()
        except OSError:
            pass

    def pump(self, source, target, direction):
        try:
            while octets := source.recv(65536):
                octets = self.rule(direction, octets)
                if octets is None:
                    break
                target.sendall(octets)
        except OSError:
            pass
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def server_gone(server, folder):
    """The connection breaks: before the batch was sent, and when it was."""
    file = folder / "gone.jsonl"
    file.write_text("".join(every_kind()[0].replace('"m1"', f'"y{n}"').replace("k1", "gone") + "\n" for n in range(6)))
    appends = []

    def no_answer(direction, octets):
        if direction == "up" and b" APPEND " in octets:
            appends.append(octets)
        if direction == "down" and len(appends) == 2 and b"APPENDUID" in octets:
            return None
        return octets

    def no_delivery(direction, octets):
        if direction == "up" and b" APPEND " in octets:
            appends.append(octets)
        return None if direction == "up" and len(appends) == 2 else octets

    server_line = lambda middle: ["--server", f"127.0.0.1:{middle.port}", "--plain", "--batch", "2"]  # noqa: E731
    done = deposit(server, file, *server_line(Middle(server.imap, lambda d, o: no_answer(d, o))), "--root", "Gone")
    before = appends[:]
    appends.clear()
    # The first APPEND made the mailbox: TRYCREATE, then once more.
    check(b"gone" in before[0], "deposits went through the middle")
    refused(done, 5, "lines 1 to 2: ", "Whether lines 1 to 2 were stored is not known", "--from-line", "with --once it is safe to repeat from line 1")
    check(len(download(server, "Gone/gone")) == 2, "here they were")
    done = deposit(server, file, *server_line(Middle(server.imap, lambda d, o: no_delivery(d, o))), "--root", "Gone")
    refused(done, 5, "lines 3 to 4: ", "All up to line 2 is stored", "Whether lines 3 to 4")
    check(len(download(server, "Gone/gone")) == 4, "here they were not")

    def greeting(direction, octets):
        return octets.replace(b"* OK", b"* BYE") if direction == "down" else octets

    refused(deposit(server, file, *server_line(Middle(server.imap, greeting))), 5, "the server refuses the connection")
    silent = Middle(server.imap, lambda d, o: b"" if d == "down" else o)
    refused(deposit(server, file, *server_line(silent), "--timeout", "1"), 5, "does not answer")


def plainer_servers(server, folder):
    """Servers that offer less: no initial response, no unasked or only short literals, one message an APPEND."""
    file = folder / "plainer.jsonl"
    kinds_file = [line for line in every_kind() if "k1" in line]
    file.write_text("\n".join(kinds_file) + "\n", encoding="utf-8")
    for number, missing in enumerate(([b" SASL-IR"], [b" LITERAL+"], [b" MULTIAPPEND"], [b" SASL-IR", b" LITERAL+", b" MULTIAPPEND", b" UIDPLUS"],
                                      [b" LITERAL-"])):
        seen = []

        def rule(direction, octets, missing=missing, seen=seen):
            if direction == "up":
                seen.append(octets)
                return octets
            for capability in missing:
                octets = octets.replace(b" LITERAL+", b" LITERAL-") if capability == b" LITERAL-" else octets.replace(capability, b"")
            return octets

        middle = Middle(server.imap, rule)
        done = deposit(server, file, "--server", f"127.0.0.1:{middle.port}", "--plain", "--root", f"Plainer{number}")
        sent = b"".join(seen)
        check(done.returncode == 0, f"a server without {b''.join(missing).decode().strip()}", done.stderr)
        if b" LITERAL+" in missing:
            check(b"+}\r\n" not in sent, "every literal waits for the server")
        for mailbox in ("k1", "k1/s1"):
            check([m[2] for m in download(server, f"Plainer{number}/{mailbox}")] == [m[2] for m in download(server, f"Default/{mailbox}")],
                  f"{mailbox} is the same")
    middle = Middle(server.imap, lambda d, o: o.replace(b"AUTH=PLAIN", b"AUTH=OTHER") if d == "down" else o)
    refused(deposit(server, file, "--server", f"127.0.0.1:{middle.port}", "--plain"), 1, "the server does not offer AUTH=PLAIN")
    middle = Middle(server.imap, lambda d, o: o.replace(b"Authentication failed", b"\x1b[31mno\x07") if d == "down" else o)
    done = deposit(server, file, "--server", f"127.0.0.1:{middle.port}", "--plain", stdin="wrong\n")
    check("?[31mno?" in done.stderr and "\x1b" not in done.stderr, "a server's words cannot play with the terminal", done.stderr)


def once(server, folder):
    """MSS-75: with --once a repeated deposit finds what is there; without the server's support it is refused."""
    file = folder / "once.jsonl"
    file.write_text(every_kind()[0].replace("k1", "once") + "\n")
    with Wire(server.imap) as wire:
        wire.login(USER)
        offered = b"X-CPM-ONCE" in wire.must("CAPABILITY").untagged[0].split()
    done = deposit(server, file, "--once")
    if not offered:
        refused(done, 1, "the server does not offer idempotent deposits (X-CPM-ONCE)")
    else:
        check(done.returncode == 0 and "already" not in done.stdout, "--once: the first is stored", done.stdout + done.stderr)
        done = deposit(server, file, "--once")
        check(done.returncode == 0 and "1 of them were there already" in done.stdout, "the second is found", done.stdout + done.stderr)
        check(len(download(server, "Default/once")) == 1, "and is not there twice")
        # What filled the store is found, large or small, though there is no room for it once more.
        (folder / "full.bin").write_bytes(400_000 * b"f")
        for number, line in enumerate((every_kind()[0], every_kind()[2].replace("big.bin", "full.bin"))):
            server.ctl("user", "add", f"full{number}@example.net", "--quota-messages", "1", "--password-stdin", stdin="secret\n")
            file.write_text(line + "\n")
            for attempt, already in enumerate((False, True)):
                done = deposit(server, file, "--once", service=["--as", "recorder", "--password-stdin", "--for", f"full{number}@example.net"])
                check(done.returncode == 0 and ("already" in done.stdout) == already, f"deposit {attempt + 1} into a store that it fills", done.stderr)
    fake_once(server, folder)


def fake_once(server, folder):
    """A server in the middle that offers X-CPM-ONCE, to see what the kit says and understands."""
    state = {"lines": []}

    def rule(direction, octets):
        if direction == "up":
            state["lines"].append(octets)
            return octets.replace(b"ENABLE X-CPM-ONCE", b"ENABLE CONDSTORE ")
        octets = octets.replace(b"CAPABILITY IMAP4rev1", b"CAPABILITY X-CPM-ONCE IMAP4rev1")
        return octets.replace(b"* ENABLED CONDSTORE", b"* ENABLED X-CPM-ONCE").replace(b" 2] APPEND", b" 1] APPEND")

    file = folder / "fake.jsonl"
    file.write_text(every_kind()[0].replace("k1", "fake") + "\n")
    for attempt in range(2):
        middle = Middle(server.imap, rule)
        done = deposit(server, file, "--once", "--json", "--server", f"127.0.0.1:{middle.port}", "--plain")
        check(done.returncode == 0, "ENABLE X-CPM-ONCE is sent and understood", done.stderr)
        summary = json.loads(done.stdout)
        check(summary["existing"] == attempt and summary["mailboxes"][0]["uids"] == "1", "what was there before is counted", summary)
    broken = {"count": 0}

    def breaking(direction, octets):
        """Twice the deposit does not reach the server."""
        if direction == "up" and b" APPEND " in octets and broken["count"] < 2:
            broken["count"] += 1
            return None
        return rule(direction, octets)

    file.write_text("".join(every_kind()[0].replace("k1", "again").replace('"m1"', f'"z{n}"') + "\n" for n in range(3)))
    middle = Middle(server.imap, breaking)
    done = deposit(server, file, "--once", "--json", "--server", f"127.0.0.1:{middle.port}", "--plain")
    check(done.returncode == 0 and broken["count"] == 2, "--once: a broken connection is made again", done.stderr)
    summary = json.loads(done.stdout)
    check(summary["stored"] == 3 and summary["in_doubt"] == [] and len(download(server, "Default/again")) == 3, "and all is stored", summary)
    check(any(b"ENABLE X-CPM-ONCE\r\n" in line for line in state["lines"]), "in these words")
    # The batch that breaks is stored because a line of another mailbox comes: that line is not lost.
    broken["count"] = 0
    file.write_text("".join(every_kind()[0].replace("k1", f"turn{n // 2}").replace('"m1"', f'"t{n}"') + "\n" for n in range(6)))
    middle = Middle(server.imap, breaking)
    done = deposit(server, file, "--once", "--json", "--server", f"127.0.0.1:{middle.port}", "--plain")
    check(done.returncode == 0 and broken["count"] == 2, "--once: a connection that breaks between two mailboxes", done.stderr)
    summary = json.loads(done.stdout)
    there = [len(download(server, f"Default/turn{n}")) for n in range(3)]
    check(summary["stored"] == 6 and there == [2, 2, 2], "loses no line", (summary, there))


def test(binaries):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cpmdeposit"))
    try:
        with Server(binaries) as server:
            server.add_user(USER, "secret", "--alias", PHONE)
            server.ctl("service", "add", "recorder", "--role", "deposit", "--for", "*@example.net", "--for", "tel:*",
                       "--password-stdin", stdin=PASSWORD + "\n")
            demo(server)
            two_devices(server)
            kinds(server, folder)
            growing(server)
            wrong_inputs(server, folder)
            over_quota(server, folder)
            server_gone(server, folder)
            plainer_servers(server, folder)
            once(server, folder)
        too_big(binaries, folder)
    finally:
        shutil.rmtree(folder)


main(test)
