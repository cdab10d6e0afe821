"""What conversions cost (docs/convert.md): one picture, and the FETCH and APPEND of others while a thousand are made. Of cpmstore alone: nothing
else offers CONVERT. The pictures are drawn here; the large JPEG is one that the server itself made of a drawn PNG."""
import base64
import re
import sys
import threading
import time
import zlib

from load import Connection, message
from pictures import chunk
from wire import Wire
import struct

SMALL = b'("image/jpeg" ("pix-x" "%d" "pix-y" "%d")) BINARY[2]'


def banded_png(width, height, seed):
    """A picture with soft colours and some detail, quick to draw: each band of rows is drawn once."""
    rows, line = [], b""
    for y in range(height):
        if y % 16 == 0:
            line = b"\0" + bytes(part for x in range(width) for part in ((x * 3 + y + seed) & 255, (y // 4 + x // 5) & 255, (x ^ y ^ seed) & 127))
        rows.append(line)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"".join(rows), 1)) + chunk(b"IEND", b"")


def mail(kind, octets):
    body = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    return (b"Subject: media\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nsee\r\n"
            b"--b\r\nContent-Type: " + kind + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + body + b"--b--\r\n")


def result(wire, line):
    reply = wire.must(line)
    text = b"".join(reply.untagged)
    match = re.search(rb"BINARY\[2\] ~?\{(\d+)\}\r\n", text)
    return text[match.end():match.end() + int(match[1])]


def large_jpeg(wire, width, height):
    wire.append("Large", mail(b"image/png", banded_png(width, height, 1)))
    wire.must("SELECT Large")
    return result(wire, 'CONVERT 1 ("image/jpeg") BINARY[2]')


def percentile(values, part):
    values = sorted(values)
    return values[min(int(part * len(values)), len(values) - 1)]


def latencies(target, seconds):
    """p99 of FETCH and APPEND of somebody else, in milliseconds."""
    connection = Connection(target.imap, "reader")
    connection.run(b"SELECT Small")
    text = message(7)
    fetches, appends, end = [], [], time.perf_counter() + seconds
    number = 0
    while time.perf_counter() < end or len(fetches) < 20:
        number += 1
        fetches.append(connection.timed(b"FETCH %d (BODY.PEEK[])" % (number % 40 + 1))[0])
        appends.append(connection.timed(b"APPEND Scratch {%d+}" % len(text), text + b"\r\n")[0])
    connection.close()
    return 1000 * percentile(fetches, 0.99), 1000 * percentile(appends, 0.99)


def conversions(target, sizes):
    if not hasattr(target, "ctl"):
        return
    with Wire(target.imap, timeout=300) as wire:
        wire.login("lister")
        if b" CONVERT" not in b"".join(wire.must("CAPABILITY").untagged):
            return
        for name in ("Large", "Media"):
            wire.command(f"DELETE {name}")
            wire.must(f"CREATE {name}")
        width, height = sizes["picture"]
        jpeg = large_jpeg(wire, width, height)
        wire.append("Large", mail(b"image/jpeg", jpeg))
        wire.append("Large", message(1))
        wire.must("SELECT Large")
        print(f"    the JPEG: {width} × {height}, {len(jpeg):,} octets", file=sys.stderr)
        connection = Connection(target.imap, "lister")
        connection.run(b"SELECT Large")
        connection.run(b"CONVERT 2 " + SMALL % (255, 255))  # the worker is warm
        for number in range(5 * sizes["runs"]):
            size = 256 + number * 2 + 100 * target.turn() % 50  # never asked for before
            yield "convert_large", 1000 * connection.timed(b"CONVERT 2 " + SMALL % (size, size))[0]
        connection.run(b"CONVERT 2 " + SMALL % (256, 256))
        for _ in range(20 * sizes["runs"]):
            yield "convert_kept", 1000 * connection.timed(b"CONVERT 2 " + SMALL % (256, 256))[0]
            yield "convert_fetch", 1000 * connection.timed(b"FETCH 3 (BODY.PEEK[])")[0]
        media = sizes["media"]
        for number in range(media):
            kinds = ((b"image/png", lambda: banded_png(320, 240, number)), (b"text/html", lambda: b"<p>Text %d</p>" % number * 50),
                     (b"image/png", lambda: banded_png(640, 480, number)), (b"text/vcard", lambda: b"BEGIN:VCARD\r\nFN:P %d\r\nEND:VCARD\r\n" % number))
            kind, octets = kinds[number % 4]
            wire.append("Media", mail(kind, octets()))
        reader = Connection(target.imap, "reader")
        try:
            reader.run(b"CREATE Scratch")
        except RuntimeError:
            pass
        reader.close()
        fetch, append = latencies(target, sizes["quiet_seconds"])
        yield "convert_idle_fetch", fetch
        yield "convert_idle_append", append
        began = time.perf_counter()

        def ask(first):
            asking = Wire(target.imap, timeout=300)
            asking.login("lister")
            asking.must("SELECT Media")
            for number in range(first, media + 1, 2):
                asking.command("CONVERT %d %s" % (number, '("image/jpeg" ("pix-x" "128" "pix-y" "128")) BINARY[2]' if number % 2 == 1 else "(NIL) BINARY[2]"))
            asking.close()

        threads = [threading.Thread(target=ask, args=(first,)) for first in (1, 2)]
        for thread in threads:
            thread.start()
        loads = []
        while any(thread.is_alive() for thread in threads):
            loads.append(latencies(target, sizes["quiet_seconds"]))
        for thread in threads:
            thread.join()
        yield "convert_media", media / (time.perf_counter() - began)
        yield "convert_load_fetch", max(f for f, _ in loads[:-1] or loads)
        yield "convert_load_append", max(a for _, a in loads[:-1] or loads)
        connection.close()
