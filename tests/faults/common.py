"""What the fault tests share: where the helpers live, and how a fact is told or a test ends."""
import argparse
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))


class Failed(Exception):
    pass


def check(condition, text, seen=None):
    if not condition:
        raise Failed(text + ("" if seen is None else f"\n  seen: {seen!r}"))
    print(f"ok    {text}", flush=True)


def message(number=1, size=0, subject=None):
    text = (f"From: bob@example.net\r\nTo: alice@example.net\r\nSubject: {subject or f'Message {number}'}\r\n"
            f"Date: Mon, 02 Feb 2026 10:00:00 +0000\r\nMessage-ID: <f{number}@example.net>\r\n\r\n").encode()
    return text + b"0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmn\r\n" * (max(size - len(text), 0) // 62 + 1)


def main(test):
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--bin", default="build/release/bin", help="directory of cpmstored and cpmctl")
    options = parser.parse_args()
    try:
        test(options.bin)
    except (Failed, AssertionError, RuntimeError, TimeoutError) as error:
        print(f"FAIL  {error!s}", flush=True)
        sys.exit(1)
    print("passed")
