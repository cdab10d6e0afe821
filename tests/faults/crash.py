#!/usr/bin/env python3
"""Kills the server and PostgreSQL at random while several connections write, and checks the store after each restart.

    crash.py --bin build/release/bin --rounds 12 [--seed S] [--seconds S]

Everything that was acknowledged must be there exactly once; a command without an answer may have happened or not, but not in
part. UIDs are never used again, MODSEQ never shrinks, `cpmctl db check` finds nothing, no postmaster is left over.
"""
import argparse
import os
import pathlib
import random
import signal
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from processes import children, command_line, wait_for, working_in  # noqa: E402
from server import Server  # noqa: E402
from writer import Ledger, SHARED, Writer, verify  # noqa: E402
from wire import Closed, Wire  # noqa: E402

ACCOUNTS = ("ann@example.net", "ben@example.net")
BLOWS = ("server", "server", "postmaster", "postmaster", "backend", "both", "database first", "terminate")


def strike(server, blow, dice):
    """Kills; returns whether the server process must be started again."""
    postmaster = server.postmaster()
    if blow == "postmaster":
        os.kill(postmaster, signal.SIGKILL)
        return False
    if blow == "backend":
        backends = [pid for pid in children(postmaster) if "postgres: " in command_line(pid)]
        os.kill(dice.choice(backends), signal.SIGKILL)
        return False
    if blow == "database first":
        os.kill(postmaster, signal.SIGKILL)
        time.sleep(dice.uniform(0, 0.3))
    server.stop(signal.SIGTERM if blow == "terminate" else signal.SIGKILL)
    if blow == "both":
        try:
            os.kill(postmaster, signal.SIGKILL)
        except ProcessLookupError:
            pass
    return True


def usable(server):
    try:
        with Wire(server.imap, timeout=10) as wire:
            return bool(wire.command(f'LOGIN "{ACCOUNTS[0]}" "secret"')) and bool(wire.command("STATUS INBOX (MESSAGES)"))
    except (Closed, OSError):
        return False


class Run:
    def __init__(self, options):
        self.dice = random.Random(options.seed)
        self.options = options
        self.ledgers = {account: Ledger() for account in ACCOUNTS}
        self.writers = []
        self.acknowledged = 0

    def prepare(self, server):
        for account in ACCOUNTS:
            server.add_user(account)
            with Wire(server.imap) as wire:
                wire.login(account)
                wire.must(f"CREATE {SHARED}")
                for number in range(self.options.writers):
                    wire.must(f"CREATE W{number}/A")
                    wire.must(f"CREATE W{number}/B")
        self.writers = [Writer(n, ACCOUNTS[n % len(ACCOUNTS)], random.Random(self.options.seed * 1000 + n))
                        for n in range(self.options.writers)]

    def round(self, server, number):
        blow = BLOWS[number % len(BLOWS)] if number < len(BLOWS) else self.dice.choice(BLOWS)
        stop = threading.Event()
        threads = [threading.Thread(target=writer.work, args=(server.imaps, stop), daemon=True) for writer in self.writers]
        for thread in threads:
            thread.start()
        time.sleep(self.dice.uniform(0.3, self.options.seconds))
        pid, cluster = server.process.pid, server.data / "pg"
        restart = strike(server, blow, self.dice)
        time.sleep(self.dice.uniform(0, 0.5))
        stop.set()
        for thread in threads:
            thread.join(60)
            if thread.is_alive():
                raise AssertionError("a writer hangs: a command was never answered and the connection never closed")
        if restart:
            if self.dice.random() < 0.5:
                left = wait_for(lambda: not working_in(cluster), 20)
                if not left:
                    raise AssertionError(f"a stray PostgreSQL outlives its server: {working_in(cluster)}")
            server.start()
        if not wait_for(lambda: usable(server), 40, 0.2):
            raise AssertionError("the store is not usable 40 s after the blow")
        if not restart and (server.process.poll() is not None or server.process.pid != pid):
            raise AssertionError("the server did not survive the death of its database")
        done = sum(writer.take_done() for writer in self.writers)
        self.acknowledged += done
        doubts = sum(writer.doubt is not None for writer in self.writers)
        counts = self.check(server, full=number + 1 == self.options.rounds)
        print(f"round {number + 1:3}: {blow:14} {done:5} commands acknowledged, {doubts} in doubt, {counts} messages all accounted for",
              flush=True)

    def check(self, server, full):
        count = 0
        for account in ACCOUNTS:
            with Wire(server.imap, timeout=120) as wire:
                wire.login(account)
                count += verify(wire, [w for w in self.writers if w.account == account], self.ledgers[account], full)
        done = server.ctl("db", "check", *(["--digests"] if full else []), check=False)
        if done.returncode != 0:
            raise AssertionError(f"cpmctl db check:\n{done.stdout}{done.stderr}")
        return count


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--seconds", type=float, default=3.0, help="longest time of writing in one round")
    parser.add_argument("--writers", type=int, default=6)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    run = Run(options)
    server = Server(options.bin, keep=options.keep)
    try:
        with server:
            run.prepare(server)
            for number in range(options.rounds):
                run.round(server, number)
            code = server.stop()
            if code != 0:
                raise AssertionError(f"the server ended with {code} after SIGTERM")
            left = working_in(server.data / "pg")
            if left:
                raise AssertionError(f"left over in the cluster: {left}")
    except (AssertionError, RuntimeError) as error:
        print(f"FAIL  {error}\n(seed {options.seed})", flush=True)
        return 1
    if run.acknowledged < options.rounds:
        print("FAIL  hardly anything was written: the test tests nothing")
        return 1
    print(f"passed: {options.rounds} rounds, {run.acknowledged} commands acknowledged, none lost, none twice")
    return 0


if __name__ == "__main__":
    sys.exit(main())
