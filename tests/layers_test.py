#!/usr/bin/env python3
"""Reads the #include lines and checks the layers (docs/architecture.md):
base <- schema <- imap <- server, base <- adapt <- imap, base <- schema <- admin, adapt <- admin (`cpmctl adapt test`); imap/mime stands on base alone; admin may use
imap/mime, imap/deliver and imap/cpm to import messages (docs/decisions/0004), and admin/deposit, the depositor's kit, stands on base alone.
Responses with message numbers have one writer. What a worker says is translated."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALLOWED = {
    "base": {"base"},
    "schema": {"base", "schema"},
    "adapt": {"base", "adapt"},
    "imap": {"base", "schema", "adapt", "imap"},
    "server": {"base", "schema", "adapt", "imap", "server"},
    "admin": {"base", "schema", "adapt", "admin"},
}
SPECIAL = {
    "imap/mime": {"base", "imap/mime"},
    "imap/wire": {"base", "imap/wire", "imap/grammar"},
    "imap/cpm": {"base", "schema", "imap/mime", "imap/cpm"},
    "admin/deposit": {"base", "admin/deposit"},
    "imap/deliver": {"base", "schema", "imap/mime", "imap/cpm", "imap/deliver"},
}
ADMIN_EXTRA = ("imap/mime/", "imap/deliver/", "imap/cpm/")
# Responses that name a message by its number: UIDONLY (RFC 9586) must find them in one place.
NUMBERED = re.compile(r'"[^"]* (FETCH \(|UIDFETCH|EXPUNGE\\r)')
NUMBERED_PLACE = "imap/response/responses.cpp"
# What a worker says reaches people as a sentence of the catalogues.
WORKER_TEXT = re.compile(r'Refusal::\w+,\s*"([a-z][^"]*)"|[?:] "([a-z][^"]* [^"]*)"')
CATALOGUE = "imap/response/language_de.cpp"
LIBRARIES = {"pqxx": {"schema"}, "libpq-fe.h": {"schema", "tests"}}


def main():
    bad = []
    count = 0
    for layer, allowed in ALLOWED.items():
        for path in sorted((ROOT / layer).rglob("*")):
            if path.suffix not in (".h", ".cpp"):
                continue
            relative = path.relative_to(ROOT).as_posix()
            rules = next((r for prefix, r in SPECIAL.items() if relative.startswith(prefix + "/")), None)
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if layer == "imap" and relative != NUMBERED_PLACE and NUMBERED.search(line.split("//")[0]):
                    bad.append(f"{relative}:{number}: FETCH and EXPUNGE are written in {NUMBERED_PLACE} only")
                if match := re.match(r'\s*#\s*include\s+<(pqxx|libpq-fe\.h)', line):
                    if layer not in LIBRARIES[match[1]]:
                        bad.append(f"{relative}:{number}: only schema/ may use {match[1]}")
                match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
                if not match:
                    continue
                count += 1
                target = match[1]
                folder = target.split("/")[0]
                if "/" not in target:
                    bad.append(f"{relative}:{number}: include by path from the root: {target}")
                elif layer == "admin" and rules is None and target.startswith(ADMIN_EXTRA):
                    continue
                elif rules is not None and not any(target.startswith(r + "/") for r in rules):
                    bad.append(f"{relative}:{number}: {relative.rsplit('/', 1)[0]} may not include {target}")
                elif rules is None and folder not in allowed:
                    bad.append(f"{relative}:{number}: {layer} may not include {target}")
    said = set()
    for path in sorted((ROOT / "adapt/worker").glob("*.cpp")):
        said |= {a or b for a, b in WORKER_TEXT.findall(path.read_text(encoding="utf-8"))}
    catalogue = (ROOT / CATALOGUE).read_text(encoding="utf-8")
    for text in sorted(said):
        if f'{{"{text[0].upper()}{text[1:]}"' not in catalogue:
            bad.append(f"adapt/worker: \"{text}\" is not in {CATALOGUE}")
    if len(said) < 20:
        bad.append(f"adapt/worker: only {len(said)} texts found")
    print("\n".join(bad))
    print(f"{count} includes read, {len(bad)} against the layers")
    return 1 if bad or count < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
