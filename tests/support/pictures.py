"""Pictures drawn by the tests: PNG by zlib alone, and what stands in the header of a JPEG or PNG."""
import struct
import zlib


def chunk(kind, octets):
    return struct.pack(">I", len(octets)) + kind + octets + struct.pack(">I", zlib.crc32(kind + octets))


def png(width, height, pixel=lambda x, y: (x * 255 // 320 & 255, y * 255 // 240 & 255, 96)):
    """True colour; `pixel(x, y)` gives red, green, blue."""
    rows = b"".join(b"\0" + bytes(part for x in range(width) for part in pixel(x, y)) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 6)) + chunk(b"IEND", b"")


def lying_png(width, height, rows=0):
    """Says that it is that large, and holds `rows` rows of zeros, packed small."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes((3 * width + 1) * rows), 9))
            + chunk(b"IEND", b""))


def dimensions(octets):
    """(width, height) of a JPEG, a PNG or a GIF; None for anything else."""
    if octets.startswith(b"\x89PNG\r\n\x1a\n"):
        return struct.unpack(">II", octets[16:24])
    if octets[:4] == b"GIF8":
        return struct.unpack("<HH", octets[6:10])
    if octets[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 < len(octets) and octets[at] == 0xFF:
        marker, length = octets[at + 1], struct.unpack(">H", octets[at + 2:at + 4])[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", octets[at + 5:at + 9])
            return width, height
        at += 2 + length
    return None
