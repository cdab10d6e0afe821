"""What the tests of real clients share: the server they talk to, programs that must be there, a report of what was verified."""
import argparse
import pathlib
import shutil
import ssl
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from server import Server  # noqa: E402,F401
from wire import Wire  # noqa: E402

USER = "alice@example.net"
PASSWORD = "secret"


class Failed(Exception):
    pass


def check(condition, text, seen=None):
    """Prints what was verified, or ends the test with what was seen instead."""
    if not condition:
        raise Failed(text + ("" if seen is None else f"\n  seen: {seen!r}"))
    print(f"ok    {text}", flush=True)


def need(program, package):
    path = shutil.which(program)
    if not path:
        raise Failed(f"{program} is not installed: apt-get install {package}")
    return path


def run(command, stdin=None, timeout=60, ok=True, **more):
    """A client as a child process. With ok, an exit code other than 0 fails the test with everything it printed."""
    done = subprocess.run([str(word) for word in command], input=stdin, capture_output=True, timeout=timeout, **more)
    if ok and done.returncode != 0:
        raise Failed(f"{command[0]} ended with {done.returncode}\n{done.stdout.decode(errors='replace')[-3000:]}"
                     f"{done.stderr.decode(errors='replace')[-3000:]}")
    return done


def message(number, body="Hello\r\n", subject=None, size=0):
    text = (f"From: Bob <bob@example.net>\r\nTo: Alice <alice@example.net>\r\nSubject: {subject or f'Message {number}'}\r\n"
            f"Date: Mon, 02 Feb 2026 10:{number % 60:02d}:00 +0000\r\nMessage-ID: <m{number}@example.net>\r\n"
            f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n{body}").encode()
    line = b"The quick brown fox jumps over the lazy dog 0123456789.\r\n"
    return text + line * max(-(-(size - len(text)) // len(line)), 0)


def certificate(server, path):
    """The server's own certificate as a PEM file, for clients that trust exactly one certificate."""
    path = pathlib.Path(path)
    path.write_text(ssl.get_server_certificate(server.imaps))
    return path


def state(wire, mailboxes):
    """What a second synchronisation must not change: STATUS and every message's UID, flags and size."""
    out = {}
    for name in mailboxes:
        reply = wire.must(f'STATUS "{name}" (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ UNSEEN)')
        facts = {key: reply.number(key) for key in ("MESSAGES", "UIDNEXT", "UIDVALIDITY", "HIGHESTMODSEQ", "UNSEEN")}
        wire.must(f'EXAMINE "{name}"')
        rows = wire.must("UID FETCH 1:* (UID FLAGS RFC822.SIZE)").untagged
        out[name] = (facts, sorted(rows))
    wire.must("CLOSE")
    return out


def mailboxes(wire):
    """Every selectable mailbox by name."""
    names = []
    for line in wire.must('LIST "" "*"').untagged:
        attributes, _, rest = line.decode().partition(") ")
        if "\\Noselect" not in attributes and "\\NonExistent" not in attributes:
            names.append(rest.split('" ', 1)[1].strip('"'))
    return sorted(names)


def main(test, user=USER):
    """Starts a server with one account and runs test(server, scratch directory)."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--bin", default="build/release/bin", help="directory of cpmstored and cpmctl")
    parser.add_argument("--keep", action="store_true", help="leave the data directory")
    options = parser.parse_args()
    try:
        with Server(options.bin, keep=options.keep) as server:
            server.add_user(user, PASSWORD)
            scratch = server.data / "client"
            scratch.mkdir()
            test(server, scratch)
    except (Failed, AssertionError, subprocess.TimeoutExpired) as error:
        print(f"FAIL  {error}", flush=True)
        sys.exit(1)
    print("passed")
