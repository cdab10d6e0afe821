#!/usr/bin/env python3
"""Draws the picture of the demo: a lake between hills in the evening, as PNG with nothing but zlib. It is the same on each run.

    picture.py FILE [WIDTH HEIGHT]
"""
import math
import struct
import sys
import zlib


def mix(a, b, part):
    return tuple(round(x + (y - x) * part) for x, y in zip(a, b))


def pixel(x, y):
    """The colour at (x, y), both from 0 to 1."""
    shore = 0.58
    hill = shore - 0.16 * abs(math.sin(2.1 * x + 0.4)) - 0.05 * math.sin(9 * x)
    if (x - 0.7) ** 2 * 2.6 + (y - 0.24) ** 2 < 0.006:
        return (255, 236, 170)  # the sun
    if y < hill:
        return mix((38, 62, 122), (250, 170, 110), y / shore)
    if y < shore:
        return mix((28, 60, 52), (60, 92, 64), (y - hill) / max(shore - hill, 0.01))
    wave = 0.5 + 0.5 * math.sin(90 * y * y + 3 * math.sin(6 * x))
    glitter = 1.0 if abs(x - 0.7) < 0.05 * wave else 0.0
    return mix(mix((24, 50, 92), (200, 140, 110), 0.35 * wave * (1.2 - y)), (255, 230, 180), 0.6 * glitter)


def chunk(kind, octets):
    return struct.pack(">I", len(octets)) + kind + octets + struct.pack(">I", zlib.crc32(kind + octets))


def png(width, height):
    colours, rows = {}, []
    for y in range(height):
        row = bytearray([0])
        for x in range(width):
            colour = tuple(part // 20 * 20 for part in pixel(x / width, y / height))  # few colours: a palette
            row.append(colours.setdefault(colour, len(colours)))
        rows.append(bytes(row))
    palette = b"".join(bytes(colour) for colour in colours)
    if len(colours) > 256:
        raise SystemExit("too many colours for a palette")
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"PLTE", palette)
            + chunk(b"IDAT", zlib.compress(b"".join(rows), 9)) + chunk(b"IEND", b""))


if __name__ == "__main__":
    size = [int(part) for part in sys.argv[2:4]] or [240, 150]
    with open(sys.argv[1], "wb") as file:
        file.write(png(*size))
