#!/usr/bin/env python3
"""Conversions when things go wrong (MSS-56, MSS-57): a worker that is killed in the middle, two sessions that ask for one thing at once, pictures that
lie, bombs and rubbish. The session lives on, nothing is lost, and FETCH and APPEND of others do not wait."""
import base64
import json
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.request

from common import check, main
from pictures import dimensions, lying_png, png
from processes import alive, command_line, descendants, memory
from server import Server
from wire import Closed, Wire

ALICE, BOB, CAROL = "alice@example.net", "bob@example.net", "carol@example.net"


def mail(octets, kind="image/png"):
    body = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    return (b"Subject: picture\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
            b"see\r\n--b\r\nContent-Type: " + kind.encode() + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + body + b"--b--\r\n")


def session(server, user):
    wire = Wire(server.imaps, tls=True)
    wire.login(user)
    return wire


def workers(server):
    """Those that do the work: of the processes of the worker program the ones without children."""
    ours = [pid for pid in descendants(server.process.pid) if "cpmstore-adapt" in command_line(pid)]
    return [pid for pid in ours if not any(child in ours for child in descendants(pid))]


def metric(server, name):
    with urllib.request.urlopen(f"http://{server.http[0]}:{server.http[1]}/metrics", timeout=10) as page:
        text = page.read().decode()
    found = [float(value) for key, value in re.findall(r"^([a-z_]+)(?:\{[^}]*\})? (\S+)$", text, re.M) if key == name]
    return sum(found) if found else None


def convert_line(uid, pixels, item="BINARY[2]"):
    return f'UID CONVERT {uid} ("image/jpeg" ("pix-x" "{pixels}" "pix-y" "{pixels}")) {item}'


def picture_of(reply):
    match = re.search(rb"BINARY\[2\] ~?\{(\d+)\}\r\n", b"".join(reply.untagged))
    return b"".join(reply.untagged)[match.end():match.end() + int(match[1])] if match else None


def start(wire, text):
    tag = wire.tag()
    wire.send(tag + b" " + text.encode() + b"\r\n")
    return tag


def rest(wire):
    """All that still comes."""
    try:
        while True:
            wire.fill()
    except (Closed, OSError):
        return bytes(wire.buffer)


def stopped(pids):
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)


def resumed(pids):
    for pid in pids:
        if alive(pid):
            os.kill(pid, signal.SIGCONT)


def plain(server, alice):
    reply = alice.must(convert_line(1, 64))
    check(dimensions(picture_of(reply)) == (64, 48), "a PNG of 320 to 240 becomes a JPEG of 64 to 48", reply)
    before = metric(server, "cpmstore_conversion_cache_hits_total")
    again = alice.must(convert_line(1, 64))
    check(picture_of(again) == picture_of(reply), "again: the same octets")
    check(metric(server, "cpmstore_conversion_cache_hits_total") == before + 1, "and from the cache")
    copy = alice.must(convert_line(2, 64))
    check(picture_of(copy) == picture_of(reply), "another message with the same picture has the same result")


def others_do_not_wait(server, alice, bob):
    held = workers(server)
    check(len(held) > 0, "there are workers", held)
    stopped(held)
    tag = start(alice, convert_line(1, 65))
    time.sleep(0.3)
    begin = time.time()
    bob.must("UID FETCH 1:* (FLAGS BODY.PEEK[])")
    check(bool(bob.append("INBOX", mail(png(8, 8)))), "APPEND while all workers stand still")
    check(bool(bob.must("FETCH 1 PREVIEW").untagged), "PREVIEW too")
    check(time.time() - begin < 2, f"quickly ({time.time() - begin:.2f} s)")
    # One conversion, two who ask.
    second = session(server, ALICE)
    second.must("SELECT INBOX")
    tag2 = start(second, convert_line(1, 65))
    time.sleep(0.3)
    resumed(held)
    one, two = alice.finish(tag), second.finish(tag2)
    check(bool(one) and bool(two) and picture_of(one) == picture_of(two), "two sessions get the same picture", (one, two))
    check((metric(server, "cpmstore_conversion_shared_total") or 0) >= 1, "that was made once")
    second.close()


def killed(server, alice):
    held = workers(server)
    stopped(held)
    tag = start(alice, convert_line(1, 66))
    time.sleep(0.5)
    for pid in held:
        os.kill(pid, signal.SIGKILL)
    reply = alice.finish(tag)
    check(bool(reply) and dimensions(picture_of(reply)) == (66, 50), "the worker is killed before it has read its task: another one did it", reply)
    check(bool(alice.command("NOOP")), "the session lives")
    reply = alice.command(convert_line(1, 67))
    check(bool(reply) and dimensions(picture_of(reply)) == (67, 50), "a new worker converts the next", reply)


def keeper_killed(server, alice):
    ours = [pid for pid in descendants(server.process.pid) if "cpmstore-adapt" in command_line(pid)]
    keepers = [pid for pid in ours if any(child in ours for child in descendants(pid))]
    check(len(keepers) == 1, "one process keeps the workers", keepers)
    stopped(workers(server))
    tag = start(alice, convert_line(1, 68))
    time.sleep(0.3)
    os.kill(keepers[0], signal.SIGKILL)
    reply = alice.finish(tag)
    check(bool(reply) and dimensions(picture_of(reply)) == (68, 51), "it is killed: the conversion that ran is made by the next", reply)
    reply = alice.must(convert_line(1, 69))
    check(dimensions(picture_of(reply)) == (69, 52), "and those after it")


def hostile(server, alice):
    resident = memory(server.process.pid)
    samples = {
        "a header of 60000 to 60000 pixels": lying_png(60000, 60000),
        "a bomb: 20000 to 20000 pixels in few octets": lying_png(20000, 20000, 2000),
        "half a picture": png(200, 200)[:400],
        "noise behind a signature": b"\x89PNG\r\n\x1a\n" + os.urandom(5000),
        "noise": os.urandom(5000),
        "nothing": b"",
        "SVG with an external entity": b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg"><text>&x;</text></svg>',
        "PostScript": b"%!PS\n(/etc/passwd) (r) file\n",
        "an MVG that reads a file": b"push graphic-context\nimage over 0,0 0,0 '/etc/passwd'\npop graphic-context\n",
    }
    uid = 100
    for text, octets in samples.items():
        uid = int(re.search(r"APPENDUID \d+ (\d+)", alice.append("INBOX", mail(octets)).code)[1])
        reply = alice.command(convert_line(uid, 64))
        told = b"".join(reply.untagged)
        check(reply.status == "NO" and (b"(ERROR " in told and b"BADPARAMETERS" in told or reply.code == "TEMPFAIL"), f"{text}: one clean NO", reply)
        check(b"root:" not in told, "nothing of a file is in it")
    check(bool(alice.must(convert_line(1, 64))), "the session converts what is good")
    grown = memory(server.process.pid) - resident
    check(grown < 64 * 1024, f"the server has not grown ({grown} KiB)")
    check(server.process.poll() is None, "and runs")
    again = alice.command(convert_line(uid, 64))
    check(again.status == "NO", "a refusal is kept as well", again)


def cache(server, alice):
    stats = json.loads(server.ctl("--json", "adapt", "cache", "stats").stdout)
    check(stats["results"] > 3 and stats["octets"] > 0, "cpmctl sees what is kept", stats)
    status = json.loads(server.ctl("--json", "adapt", "status").stdout)
    check(status["enabled"] and any(row["target"] == "image/jpeg" and row["result"] == "converted" for row in status["conversions"]),
          "cpmctl adapt status knows the conversions", status)
    server.ctl("adapt", "cache", "clear", ALICE)
    stats = json.loads(server.ctl("--json", "adapt", "cache", "stats").stdout)
    check(stats["results"] == 0, "cleared", stats)
    misses = metric(server, "cpmstore_conversion_cache_misses_total")
    alice.must(convert_line(1, 64))
    check(metric(server, "cpmstore_conversion_cache_misses_total") == misses + 1, "and made again")


def labels(server, bob):
    """What a part really is comes from its octets: a label that contradicts them stops nothing (MSS-56)."""
    for kind in ("text/plain", "audio/mp4", "application/pdf", "image/gif", "application/octet-stream"):
        bob.append("INBOX", mail(png(120, 90), kind))
        bob.must("SELECT INBOX")
        reply = bob.must('CONVERT * ("image/jpeg" ("pix-x" "60" "pix-y" "60")) BINARY[2]')
        check(dimensions(picture_of(reply) or b"") == (60, 45), f"a PNG that is called {kind} becomes a JPEG", reply.untagged[-1:])
        reply = bob.must('CONVERT * (NIL ("pix-x" "30" "pix-y" "30")) BINARY[2]')
        check(dimensions(picture_of(reply) or b"") == (30, 23), "by default as well", reply.untagged[-1:])
        reply = bob.must("CONVERT * (NIL) AVAILABLECONVERSIONS[2]")
        check(b'(("application/json" "image/jpeg" "image/png" "image/webp"))' in b"".join(reply.untagged), "and that is what it is said to become", reply.untagged)
    # A word of the client that its octets do not allow, whatever the label says.
    bob.append("INBOX", mail(b"Only a text, of some lines\r\nand no picture.\r\n", "image/png"))
    bob.must("SELECT INBOX")
    reply = bob.must('CONVERT * (NIL ("charset" "utf-8")) (BODYPARTSTRUCTURE[2] AVAILABLECONVERSIONS[2])')
    told = b"".join(reply.untagged)
    check(b'("TEXT" "PLAIN" ("charset" "utf-8")' in told and b'AVAILABLECONVERSIONS[2] (("text/plain"))' in told, "a text that is called image/png", told)


def sql(server, statement):
    """In the embedded database, as its owner."""
    command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(server.data / "run"), "-U", "postgres", "-d", "cpmstore", "-c", statement]
    subprocess.run((["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []) + command, check=True, capture_output=True, timeout=60)


def costly(binaries):
    """A part that costs workers rests longer each time, across restarts, and its refusal never stands for good."""
    worker = pathlib.Path(binaries).resolve() / "adapt_test_worker"
    with Server(binaries, sets=[f"adapt.program={worker}"]) as server:
        server.ctl("user", "add", ALICE, "--password-stdin", stdin="secret\n")
        alice = session(server, ALICE)
        alice.append("INBOX", mail(b"whatever", "test/crash"))
        alice.must("SELECT INBOX")
        lost = lambda: metric(server, "cpmstore_adapt_crashes_total")

        def ask(wire):
            reply = wire.command(convert_line(1, 64))
            check(reply.status == "NO" and reply.code == "TEMPFAIL", "NO [TEMPFAIL]", reply)
            match = re.search(rb"TEMPFAIL (\d+)\)", b"".join(reply.untagged))
            return int(match[1]) if match else None

        check(ask(alice) is None and lost() == 1, "once it may be the machine", lost())
        check(ask(alice) == 60 and lost() == 2, "the second time it rests for an hour", lost())
        check(ask(alice) == 60 and lost() == 2, "and costs no worker", lost())
        alice.close()
        server.stop()
        server.start()
        alice = session(server, ALICE)
        alice.must("SELECT INBOX")
        check(ask(alice) == 60 and lost() == 0, "nor after a restart", lost())
        server.ctl("adapt", "cache", "clear", ALICE)
        check(ask(alice) is None and lost() == 1, "what is cleared is tried again", lost())
        check(ask(alice) == 60 and lost() == 2, "and rests again", lost())
        sql(server, "update conversion set head = jsonb_set(head::jsonb, '{until}', '1')::text")
        check(ask(alice) == 24 * 60 and lost() == 3, "what has rested is tried once more, then it rests for a day", lost())
        alice.must("NOOP")
        alice.close()


def prepared(server, alice):
    """A thumbnail is there before anybody asks, when the policy says so (MSS-57)."""
    server.ctl("policy", "set", CAROL, "convert.prepare", "thumbnails")
    carol = session(server, CAROL)

    def kept():
        return json.loads(server.ctl("--json", "adapt", "cache", "stats").stdout)["results"]

    before = kept()
    carol.append("INBOX", mail(png(300, 200)))
    deadline = time.time() + 60
    while kept() == before and time.time() < deadline:
        time.sleep(0.1)
    hits = metric(server, "cpmstore_conversion_cache_hits_total")
    carol.must("SELECT INBOX")
    reply = carol.must('CONVERT * (NIL ("pix-x" "256" "pix-y" "256")) BINARY[2]')
    check(dimensions(picture_of(reply)) == (256, 171), "the default picture", dimensions(picture_of(reply) or b""))
    check(metric(server, "cpmstore_conversion_cache_hits_total") == hits + 1, "was prepared at the deposit")
    carol.close()


def preferred(server, alice):
    """Provider before user, user before default, and a device of its own (MSS-57)."""
    def size(wire):
        wire.must("SELECT INBOX")
        return dimensions(picture_of(wire.must("CONVERT 1 (NIL) BINARY[2]")))

    def fresh(name=None):
        wire = session(server, ALICE)
        if name:
            wire.must(f'ID ("name" "{name}")')
        return wire

    check(size(fresh()) == (320, 240), "by default as large as it is")
    alice.must('SETMETADATA "" (/private/vendor/cpmstore/policy/convert.pixels "256")')
    check(size(fresh()) == (256, 192), "the user prefers 256 pixels")
    alice.must('SETMETADATA "" (/private/vendor/cpmstore/device/acmephone/convert.pixels "128")')
    check(size(fresh("AcmePhone")) == (128, 96), "and 128 on one device")
    check(size(fresh("Other")) == (256, 192), "not on another")
    server.ctl("policy", "set", ALICE, "convert.image", "image/png")
    wire = fresh()
    wire.must("SELECT INBOX")
    check(picture_of(wire.must("CONVERT 1 (NIL) BINARY[2]")).startswith(b"\x89PNG"), "the provider decides for PNG")
    server.ctl("policy", "set", ALICE, "convert.pixels", "any")
    check(size(fresh("AcmePhone")) == (320, 240), "what the provider decides counts before device and user")


def ends_while_converting(binaries, hold):
    """The server's end waits for no conversion: not for one that a worker is stuck with, and not for what waits behind it."""
    with Server(binaries, sets=["adapt.workers=1", "limits.convert_deadline=120"]) as server:
        server.ctl("user", "add", ALICE, "--password-stdin", stdin="secret\n")
        sessions = [session(server, ALICE) for _ in range(3)]
        for number in range(2):
            sessions[0].append("INBOX", mail(png(100 + number, 80)))
        for wire in sessions:
            wire.must("SELECT INBOX")
        sessions[0].must(convert_line(1, 64))
        hold(server)
        # The second waits for the first, the third for its turn.
        tags = [start(wire, convert_line(uid, 65)) for wire, uid in zip(sessions, (1, 1, 2))]
        time.sleep(0.5)
        begin = time.time()
        server.process.send_signal(signal.SIGTERM)
        for wire, tag in zip(sessions, tags):
            ended = rest(wire)
            check(tag + b" NO [TEMPFAIL]" in ended or b"* BYE " in ended, "who waits for a conversion is told so", ended)
        code = server.process.wait(60)
        took = time.time() - begin
        check(code == 0 and took < 6, f"the server ends soon ({took:.2f} s)", code)
        check("leaving what does not end" not in server.log.read_text(errors="replace"), "and in order")


def test(binaries):
    with Server(binaries, sets=["adapt.workers=2", "limits.convert_deadline=30"]) as server:
        for user in (ALICE, BOB, CAROL):
            server.ctl("user", "add", user, "--password-stdin", stdin="secret\n")
        alice, bob = session(server, ALICE), session(server, BOB)
        for _ in range(2):
            alice.append("INBOX", mail(png(320, 240)))
        bob.append("INBOX", mail(png(8, 8)))
        alice.must("SELECT INBOX")
        bob.must("SELECT INBOX")
        plain(server, alice)
        others_do_not_wait(server, alice, bob)
        killed(server, alice)
        keeper_killed(server, alice)
        hostile(server, alice)
        cache(server, alice)
        labels(server, session(server, BOB))
        prepared(server, alice)
        preferred(server, alice)
    costly(binaries)
    ends_while_converting(binaries, lambda server: stopped(workers(server)))
    ends_while_converting(binaries, lambda server: stopped(
        [pid for pid in descendants(server.process.pid) if "cpmstore-adapt" in command_line(pid)]))
    # Without the worker program there is no CONVERT, and all else is there.
    with Server(binaries, sets=["adapt.program=/nonexistent/cpmstore-adapt"]) as server:
        server.ctl("user", "add", ALICE, "--password-stdin", stdin="secret\n")
        alice = session(server, ALICE)
        words = b"".join(alice.must("CAPABILITY").untagged).split()
        check(b"CONVERT" not in words and b"PREVIEW" in words, "without the program CONVERT is not offered", words)
        alice.append("INBOX", mail(png(8, 8)))
        alice.must("SELECT INBOX")
        check(alice.command(convert_line(1, 64)).status == "NO", "and refused")
        check(b'PREVIEW "see"' in b"".join(alice.must("FETCH 1 PREVIEW").untagged), "PREVIEW needs no worker")


if __name__ == "__main__":
    main(test)
