#!/usr/bin/env python3
"""Measures cpmstore beside Dovecot (Debian's, private prefix and ports), both with durable commits, on the same disk, in one run.

    bench.py --bin build/release/bin --out docs/benchmarks.md [--quick] [--dir /var/tmp] [--only append,select]
"""
import argparse
import atexit
import contextlib
import datetime
import os
import pathlib
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE)]
from dovecot import Dovecot  # noqa: E402
from postgres import binaries as postgres_binaries  # noqa: E402
from processes import alive, descendants, memory, proportional  # noqa: E402
from server import Server  # noqa: E402
from workloads import ROWS, WORKLOADS, fill  # noqa: E402

FULL = {"small": 1000, "middle": 10_000, "big": 100_000, "mailboxes": 1000, "polled": 300, "appends": 1000, "stores": 1000, "runs": 3, "passes": 2,
        "large": 20_000_000, "login_seconds": 2, "idlers": 1000, "watchers": 100, "huge": 1_000_000, "talks": 10_000, "talk": 1_000_000, "talk_first": 100_000,
        "picture": (4000, 3000), "megapixels": 12, "media": 1000, "quiet_seconds": 3}
QUICK = {**FULL, "big": 20_000, "mailboxes": 200, "appends": 300, "stores": 300, "passes": 1, "login_seconds": 1, "idlers": 300, "huge": 100_000, "talks": 1000, "talk": 100_000, "talk_first": 10_000}
SMOKE = {**FULL, "small": 50, "middle": 200, "big": 1000, "mailboxes": 20, "polled": 10, "appends": 40, "stores": 20, "runs": 1, "passes": 1,
         "large": 2_000_000, "login_seconds": 0.5, "idlers": 20, "watchers": 10, "huge": 2000, "talks": 20, "talk": 400, "talk_first": 40, "picture": (400, 300), "megapixels": 0.12, "media": 20, "quiet_seconds": 0.5}
USERS = [f"u{n}" for n in range(8)] + ["reader", "lister", "poller", "talker"] + [f"idle{n}" for n in range(10)]


def all_memory(pids):
    total = 0
    for pid in pids:
        try:
            total += proportional(pid)
        except PermissionError:
            total += memory(pid) - memory(pid, "RssShmem")
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


class Counters:
    """What a workload did in an earlier pass: names are not used twice, flags are set and taken away in turn."""

    turns = 0
    filled_huge = False
    filled_talks = False

    def turn(self):
        self.turns += 1
        return self.turns

    def sign(self, what):
        """`+` and `-` in turn for each flag and mailbox, so that each STORE really changes something."""
        signs = self.__dict__.setdefault("signs", {})
        signs[what] = b"-" if signs.get(what) == b"+" else b"+"
        return signs[what]


def octets_below(directory):
    total = 0
    for path in directory.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            total += path.lstat().st_blocks * 512
    return total


class Ours(Server, Counters):
    def disk(self):
        return octets_below(self.data / "pg" / "base")  # without the write-ahead log, which is bounded

    def memory(self):
        return all_memory([self.process.pid, *descendants(self.process.pid)])

    def metrics(self):
        with urllib.request.urlopen("http://%s:%d/metrics" % self.http, timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        return {name: float(value) for name, value in (line.split(" ") for line in lines if line.startswith("cpmstore_snapshot_"))}


class Theirs(Dovecot, Counters):
    def disk(self):
        return octets_below(self.dir / "home")

    def memory(self):
        return all_memory(pid for pid in self.pids() if alive(pid))


def flushes(directory):
    """What the disk itself does now: 8 KB written and flushed, one after the other, a second."""
    with tempfile.TemporaryFile(dir=directory) as file:
        block = os.urandom(8192)
        os.pwrite(file.fileno(), bytes(64 * 8192), 0)
        os.fsync(file.fileno())
        began = time.perf_counter()
        for number in range(40):
            os.pwrite(file.fileno(), block, number * 8192)
            os.fdatasync(file.fileno())
        return 40 / (time.perf_counter() - began)


def measure(targets, sizes, only, say, directory):
    """For each target row → values of all runs. The targets take turns, so that both see the same moods of the machine. And
    how many flushes a second the disk did before each workload: some disks are fast for a while only."""
    found = [{} for _ in targets]
    moods = []
    for number in range(sizes["passes"]):
        for workload in WORKLOADS:
            if only and workload.__name__ not in only:
                continue
            say(f"pass {number + 1}: {workload.__name__}")
            for target, rows in zip(targets, found):
                os.sync()  # what the other one left for the kernel to write is not to be paid here
                moods.append(flushes(directory))
                for row, value in workload(target, sizes):
                    rows.setdefault(row, []).append(value)
            say(f"  the disk: {moods[-1]:.0f} flushes/s")
    return found, moods


def shown(values):
    """Median and, as a percentage, half the distance between the lowest and the highest."""
    middle = statistics.median(values)
    text = f"{middle:,.0f}" if middle >= 100 else f"{middle:.1f}" if middle >= 10 else f"{middle:.2f}"
    if len(values) > 1 and middle > 0:
        text += f" ±{50 * (max(values) - min(values)) / middle:.0f}%"
    return text


def table(ours, theirs, sizes, other="Dovecot"):
    lines = [f"| work | unit | cpmstore | {other} | times as good |", "|---|---|---:|---:|---:|"]
    for row, (text, unit, more) in ROWS.items():
        if row not in ours:
            continue
        cells = [text.format(**sizes), unit, shown(ours[row])]
        if row in theirs:
            a, b = statistics.median(ours[row]), statistics.median(theirs[row])
            cells += [shown(theirs[row]), f"{a / b if more else b / a:.2f}" if a > 0 and b > 0 else ""]
        else:
            cells += ["", ""]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def machine():
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    total = next(int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith("MemTotal"))
    postgres = subprocess.run([str(postgres_binaries() / "postgres"), "--version"], capture_output=True, text=True).stdout.split()[2]
    return [("processor", cpu), ("cores", os.cpu_count()), ("memory", f"{total / 1048576:.0f} GiB"), ("kernel", platform.release()),
            ("PostgreSQL", postgres)]


PAGE = """# Benchmarks

Written by `./dev bench`. cpmstore and Dovecot run on one machine and one disk and take turns, both with durable commits: cpmstore on
its embedded PostgreSQL with `fsync = on`, Dovecot from Debian with sdbox and `mail_fsync = always`. The client is `tests/bench`, bare
sockets, the same for both. Each figure is the median of its runs; ± is half the distance between the lowest and the highest.
"Times as good" above 1 means that cpmstore is better.

Measured on {date}{quick}.

{facts}

{table}

How to read it:
- A commit costs one flush of the disk. "Flushes" is what the disk did before each workload, without any server: on disks that are fast only
  until a budget is used up it varies, and with it every figure of single changes.
- Dovecot does not flush flag changes to disk (STORE is not synced whatever `mail_fsync` says); cpmstore commits each one.
- Memory is the growth of the proportional set size of all processes, database included, divided by the number of sessions;
  each session is logged in over TLS, has INBOX selected and waits in IDLE. Dovecot's hibernation is off, as Debian ships it.
- LOGIN measures connection, greeting, LOGIN and LOGOUT. Dovecot compares a plain password from its configuration; cpmstore checks
  against stored keys, of which a short-lived cache spares the repetition.
- Dovecot waits half a second before it tells IDLE clients, on purpose.
- Why Dovecot is faster where it is: [decisions/0012](decisions/0012-where-dovecot-is-faster.md).
"""


def write_page(path, moods, text, quick):
    spread = f"{statistics.median(moods):,.0f} a second ({min(moods):,.0f} to {max(moods):,.0f})"
    rows = [*machine(), ("flushes of 8 KB by the disk", spread), ("Dovecot", Dovecot.version())]
    facts = "\n".join(["| machine | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
    path.write_text(PAGE.format(date=datetime.date.today().isoformat(), quick=" with `--quick`" if quick else "", facts=facts, table=text))


@contextlib.contextmanager
def start_ours(options, sizes, say, more=()):
    place = tempfile.mkdtemp(prefix="cpm", dir=options.dir)
    with Ours(options.bin, data=place, sets=["log.level=warn", "push.allow_networks=127.0.0.1", *more]) as server:
        server.keep = False
        say("filling cpmstore")
        for user in USERS:
            server.add_user(user)
        fill(server, sizes)
        yield server


@contextlib.contextmanager
def start_theirs(options, sizes, say):
    place = Theirs.place(options.dir)
    atexit.register(shutil.rmtree, place, ignore_errors=True)  # some 100,000 files
    with Theirs(place, durable=False) as dovecot:
        say("filling Dovecot")
        fill(dovecot, sizes)
    with Theirs(place) as dovecot:
        yield dovecot


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true", help="smaller mailboxes, fewer runs: below three minutes")
    parser.add_argument("--smoke", action="store_true", help="cpmstore alone, tiny: shows only that everything can be measured")
    parser.add_argument("--ours", action="store_true", help="cpmstore alone")
    parser.add_argument("--only", type=lambda text: text.split(","), help="some workloads: " + ",".join(w.__name__ for w in WORKLOADS))
    parser.add_argument("--beside", action="append", metavar="KEY=VALUE",
                        help="not beside Dovecot, but beside cpmstore with this setting: audit.keep=0 shows what the record costs")
    parser.add_argument("--dir", default="/var/tmp", help="where both keep their data")
    options = parser.parse_args()
    sizes = SMOKE if options.smoke else QUICK if options.quick else FULL
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    began = time.monotonic()

    def say(text):
        print(f"[{time.monotonic() - began:5.0f} s] {text}", flush=True)

    with contextlib.ExitStack() as stack:
        targets = [stack.enter_context(start_ours(options, sizes, say))]
        if options.beside:
            targets.append(stack.enter_context(start_ours(options, sizes, say, options.beside)))
        elif not options.smoke and not options.ours:
            targets.append(stack.enter_context(start_theirs(options, sizes, say)))
        os.sync()
        time.sleep(0 if options.smoke else 3)
        (ours, *theirs), moods = measure(targets, sizes, options.only, say, options.dir)
    text = table(ours, theirs[0] if theirs else {}, sizes, " ".join(options.beside) if options.beside else "Dovecot")
    say("done\n")
    print(text)
    missing = [row for row in ROWS if row not in ours]
    if missing and not options.only:
        print(f"not measured: {missing}")
        return 1
    if options.out:
        write_page(options.out, moods, text, options.quick)
    return 0


if __name__ == "__main__":
    sys.exit(main())
