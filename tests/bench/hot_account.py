#!/usr/bin/env python3
"""Deposits of one account (MSS-38, docs/decisions/0045): how many per second, into one mailbox and into eight, beside eight accounts, with and
without going together; and the flushes per second of the disk. `--commit-delay` (microseconds) imitates a slow disk in PostgreSQL.

    hot_account.py --bin build/release/bin [--seconds 4] [--clients 8] [--commit-delay 5000]
"""
import argparse
import os
import pathlib
import signal
import socket
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from server import Server  # noqa: E402

MESSAGE = ("From: bob@example.net\r\nTo: alice@example.net\r\nSubject: Of two kilobytes\r\n\r\n" + ("x" * 76 + "\r\n") * 25).encode()


def flushes_per_second(directory, seconds=1.0):
    with tempfile.NamedTemporaryFile(dir=directory) as file:
        end, count = time.time() + seconds, 0
        while time.time() < end:
            os.pwrite(file.fileno(), b"x" * 8192, 0)
            os.fdatasync(file.fileno())
            count += 1
        return count / seconds


def client(address, user, mailbox, start, end, counts, index):
    connection = socket.create_connection(address)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    file = connection.makefile("rb")
    file.readline()
    connection.sendall(f"l LOGIN {user} secret\r\n".encode())
    while not file.readline().startswith(b"l OK"):
        pass
    command = f"a APPEND {mailbox} {{{len(MESSAGE)}+}}\r\n".encode() + MESSAGE + b"\r\n"
    start.wait()
    while time.time() < end[0]:
        connection.sendall(command)
        line = file.readline()
        while not line.startswith(b"a "):
            line = file.readline()
        if not line.startswith(b"a OK"):
            raise RuntimeError(line.decode())
        counts[index] += 1
    connection.close()


def measure(server, places, seconds):
    counts, end, start = [0] * len(places), [0.0], threading.Barrier(len(places) + 1)
    threads = [threading.Thread(target=client, args=(server.imap, user, mailbox, start, end, counts, i), daemon=True)
               for i, (user, mailbox) in enumerate(places)]
    for thread in threads:
        thread.start()
    end[0] = time.time() + 3600
    start.wait()
    begin = time.time()
    end[0] = begin + seconds
    for thread in threads:
        thread.join()
    return sum(counts) / (time.time() - begin)


def run(options):
    rates = {}
    for together in (1, 64):
        with Server(options.bin, sets=[f"database.deposits_together={together}"]) as server:
            for n in range(options.clients):
                server.add_user(f"u{n}@example.net")
            one = "u0@example.net"
            for n in range(options.clients):
                server.ctl("mailbox", "copy", one, "INBOX", f"m{n}")
            server.ctl("quota", "set", one, "--storage", "100G", "--messages", "100000000")
            if options.commit_delay:
                with open(server.data / "pg" / "postgresql.auto.conf", "a") as config:
                    config.write(f"commit_delay = {options.commit_delay}\ncommit_siblings = 0\n")
                os.kill(server.postmaster(), signal.SIGHUP)
                time.sleep(0.5)
            if together == 1:
                print(f"flushes of the disk: {flushes_per_second(server.data):.0f} per s")
            cases = {"one mailbox": [(one, "INBOX")] * options.clients,
                     "eight mailboxes": [(one, f"m{n}") for n in range(options.clients)],
                     "eight accounts": [(f"u{n}@example.net", "INBOX") for n in range(options.clients)]}
            for name, places in cases.items():
                measure(server, places, 0.5)
                rates[name, together] = measure(server, places, options.seconds)
    best = max(rates["eight accounts", 1], rates["eight accounts", 64])
    for name in ("one mailbox", "eight mailboxes", "eight accounts"):
        alone, shared = rates[name, 1], rates[name, 64]
        print(f"{name:16} {alone:6.0f} msg/s each by itself, {shared:6.0f} together: {shared / best:4.0%} of eight accounts")
    return rates


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--commit-delay", type=int, default=0)
    run(parser.parse_args())


if __name__ == "__main__":
    main()
