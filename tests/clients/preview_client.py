#!/usr/bin/env python3
"""A phone that shows a conversation: the recorded conversation of the demo by Python's imaplib, a line of each message by PREVIEW, and each picture as a
small JPEG by CONVERT, without ever downloading the picture itself (MSS-9, MSS-56, MSS-57, MSS-59)."""
import imaplib
import pathlib
import re

from common import HERE, PASSWORD, USER, check, main
from pictures import dimensions
from server import tls_context

CONVERSATION = HERE.parent / "demo" / "conversation" / "conversation.jsonl"
imaplib.Commands.update({"CONVERT": ("SELECTED",), "CONVERSIONS": ("AUTH", "SELECTED")})


def ok(reply, text):
    check(reply[0] == "OK", text, reply)
    return reply[1]


def preview_of(row):
    """The string behind PREVIEW in one row of imaplib's FETCH."""
    if isinstance(row, tuple):
        return row[1].decode()
    match = re.search(rb'PREVIEW "((?:[^"\\]|\\.)*)"', row)
    return re.sub(r"\\(.)", r"\1", match[1].decode()) if match else None


def pictures(structure, path=""):
    """Section numbers of the pictures, from BODYSTRUCTURE's octets by a little parser."""
    parts, at, number = [], 0, 0
    if not structure.startswith("(("):
        match = re.match(r'\("image" "([^"]+)"', structure, re.I)
        return [(path or "1", "image/" + match[1].lower())] if match else []
    at = 1
    while structure[at] == "(":
        depth, end = 0, at
        while True:
            if structure[end] == '"':
                end = structure.index('"', end + 1)
            depth += {"(": 1, ")": -1}.get(structure[end], 0)
            end += 1
            if depth == 0:
                break
        number += 1
        parts += pictures(structure[at:end], f"{path}.{number}" if path else str(number))
        at = end
    return parts


def connect(server):
    host, port = server.imaps
    box = imaplib.IMAP4_SSL(host, port, ssl_context=tls_context(), timeout=60)
    ok(box.login(USER, PASSWORD), "LOGIN")
    return box


def show(server, _):
    server.ctl("service", "add", "recorder", "--role", "deposit", "--for", "*", "--password-stdin", stdin="recorder-secret\n")
    server.ctl("deposit", "--as", "recorder", "--password-stdin", "--for", USER, str(CONVERSATION), stdin="recorder-secret\n")
    box = connect(server)
    words = ok(box.capability(), "CAPABILITY")[0].split()
    check(b"PREVIEW" in words and b"CONVERT" in words, "PREVIEW and CONVERT are offered", words)
    ok(box._simple_command("CONVERSIONS", '"image/png"', '"image/jpeg"'), "CONVERSIONS")
    check(any(b'"pix-x"' in row for row in box.untagged_responses.pop("CONVERSION", [])), "a PNG can become a JPEG of another size")
    shown = {}
    for line in ok(box.list('""', '"Default/*"'), "LIST of the conversations"):
        name = line.decode().split('"/" ')[1].strip('"')
        count = int(ok(box.select(f'"{name}"', readonly=True), f"EXAMINE {name}")[0])
        if count == 0:
            continue
        rows = [row for row in ok(box.fetch("1:*", "(PREVIEW (LAZY))"), "a line of each message") if row != b")"]
        check(len(rows) == count, "each has one", rows)
        lines = [preview_of(row) for row in rows]
        check(all(line is not None and len(line) <= 200 for line in lines), "all are at hand and short", lines)
        for number, row in enumerate(lines, 1):
            print(f"      {name} {number}: {row}")
        for number in range(1, count + 1):
            structure = b"".join(part if isinstance(part, bytes) else part[0] + part[1]
                                 for part in ok(box.fetch(str(number), "(BODYSTRUCTURE)"), "BODYSTRUCTURE")).decode()
            for section, kind in pictures(structure[structure.index("BODYSTRUCTURE ") + 14:]):
                ok(box._simple_command("CONVERT", str(number), '("image/jpeg" ("pix-x" "96" "pix-y" "96"))', f"BINARY[{section}]"),
                   f"{name} {number}: {kind} as a small picture")
                row = box.untagged_responses.pop("CONVERTED")[0]
                size = dimensions(row[1])
                check(size is not None and max(size) == 96, f"a JPEG of {size}", row[0])
                shown[f"{name} {number}"] = len(row[1])
    check(len(shown) >= 2, "the pictures of the conversations were shown", shown)
    print("      " + ", ".join(f"{name}: {octets} octets" for name, octets in shown.items()))
    box.logout()


if __name__ == "__main__":
    main(show)
