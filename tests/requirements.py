#!/usr/bin/env python3
"""Which tests show which requirement of OMA CPM: makes docs/requirements.md of docs/requirements.toml and of the tests' names.

    requirements.py               fails when the file is not what would be written, or when a test names an unknown number
    requirements.py --complete    fails too when a number without `later` has no test
    requirements.py --write       writes the file

A test names a number as MSS-61 in a comment of a transcript, in a comment or docstring of a Python test, or in the comment right
above a TEST in C++; or has Mss61 in the name of a TEST. In Python the function around or below it is the test."""
import pathlib
import re
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "requirements.toml"
DOCUMENT = ROOT / "docs" / "requirements.md"
NUMBER = re.compile(r"MSS-(\d+)")
GTEST = re.compile(r"^(?:TEST|TEST_F|TEST_P|TYPED_TEST)\(\s*(\w+)\s*,\s*(\w+)\s*\)")


def requirements():
    """[(section, {number: (text, later or None)})], by section."""
    sections = []
    for section in tomllib.loads(TABLE.read_text(encoding="utf-8"))["section"]:
        rows = {}
        for number, value in section["requirements"].items():
            text, later = (value["text"], value["later"]) if isinstance(value, dict) else (value, section.get("later"))
            rows[int(number)] = (text, later)
        sections.append((section["title"], dict(sorted(rows.items()))))
    return sections


def in_transcript(path):
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("#"):
            for number in NUMBER.findall(line):
                yield int(number), "transcript"


def in_cpp(path):
    """A gtest by its name, or by the comment that ends right above it."""
    comment = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("//"):
            comment += NUMBER.findall(line)
            continue
        if match := GTEST.match(line):
            name = f"{match[1]}.{match[2]}"
            for number in comment + re.findall(r"Mss(\d+)", name):
                yield int(number), name
        comment = []


def in_python(path):
    function, waiting, quoted = None, [], False
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"def (\w+)", line):
            function = match[1]
            yield from ((number, function) for number in waiting)
            waiting = []
        quotes = line.count('"""')
        if quoted or quotes or "#" in line:
            text = line if quoted or quotes else line[line.index("#"):]
            numbers = [int(n) for n in NUMBER.findall(text)]
            if line.startswith("#"):  # above a function
                waiting += numbers
            else:
                yield from ((number, function) for number in numbers)
        if quotes % 2:
            quoted = not quoted
    yield from ((number, None) for number in waiting)


def tests():
    """{number: [name of a test]}: a path below tests/, with the test in it."""
    found = {}
    for path in sorted((ROOT / "tests").rglob("*")):
        relative = path.relative_to(ROOT / "tests").as_posix()
        if path.suffix == ".imap":
            names = ((number, relative) for number, _ in in_transcript(path))
        elif re.search(r"_(db)?test\.cpp$", path.name):
            names = ((number, test) for number, test in in_cpp(path))
        elif path.suffix == ".py" and path.name != "requirements.py" and not relative.startswith("support/"):
            names = ((number, f"{relative}: {test}" if test else relative) for number, test in in_python(path))
        else:
            continue
        for number, name in names:
            if name not in found.setdefault(number, []):
                found[number].append(name)
    return found


def document(sections, found):
    states = {"tested": 0, "later": 0, "missing": 0}
    body = []
    for title, rows in sections:
        body += [f"## {title}", "", "| MSS | requirement | state | tests |", "|---|---|---|---|"]
        for number, (text, later) in rows.items():
            named = found.get(number, [])
            kind = "tested" if named and not later else "later" if later else "missing"
            states[kind] += 1
            state = {"tested": "tested", "later": f"open: {later}" + (", in part" if named else ""), "missing": "**no test**"}[kind]
            body.append(f"| {number} | {text} | {state} | {'<br>'.join(f'`{name}`' for name in named)} |")
        body.append("")
    head = ["# Requirements", "",
            "What OMA CPM asks of a Message Storage Server, numbered MSS-1 to MSS-94, and the tests that name each number. Made by",
            "`tests/requirements.py --write` of [requirements.toml](requirements.toml) and of the names in the tests; a test fails when it",
            "is stale. Names are transcripts below `tests/scripts`, Python tests with their function, and tests of GoogleTest.", "",
            f"{states['tested']} tested, {states['later']} open"
            + (f", {states['missing']} without a test" if states["missing"] else "") + ".", ""]
    return "\n".join(head + body).rstrip("\n") + "\n"


def main():
    sections, found = requirements(), tests()
    known = {number: later for _, rows in sections for number, (_, later) in rows.items()}
    problems = [f"MSS-{number} is not in {TABLE.name}: named by {', '.join(names)}"
                for number, names in sorted(found.items()) if number not in known]
    missing = [f"MSS-{number} has no test, and nothing says that it comes later"
               for number, later in sorted(known.items()) if not later and number not in found]
    if "--complete" in sys.argv[1:]:
        problems += missing
    text = document(sections, found)
    if "--write" in sys.argv[1:]:
        DOCUMENT.write_text(text, encoding="utf-8")
    elif not DOCUMENT.exists() or DOCUMENT.read_text(encoding="utf-8") != text:
        problems.append("docs/requirements.md is stale: run tests/requirements.py --write")
    print("\n".join(problems))
    print(f"{len(known)} requirements, {sum(number in found for number in known)} named by tests, {len(missing)} without, {len(problems)} problems")
    return 1 if problems or len(known) != 94 else 0


if __name__ == "__main__":
    sys.exit(main())
