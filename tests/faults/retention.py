#!/usr/bin/env python3
"""Retention at work (MSS-73): two nodes on one database remove what is too old, once each, and sessions of both hear of it."""
import base64
import time
import urllib.request

from common import check, main, message
from postgres import Postgres
from server import Node
from wire import Wire

USER = "alice@example.net"
SERVICE = "rcs-core"
POLICY = "/shared/vendor/cpmstore/policy"


def swept(node):
    """What /metrics of a node says it removed: (by age, by \\Deleted)."""
    text = urllib.request.urlopen(f"http://{node.http[0]}:{node.http[1]}/metrics").read().decode()
    found = {line.split('reason="')[1].split('"')[0]: float(line.split()[-1])
             for line in text.splitlines() if line.startswith("cpmstore_swept_messages_total{")}
    return found["age"], found["deleted"]


def expunges(wire, wanted):
    """Waits until `wanted` EXPUNGEs came to a session in IDLE."""
    lines = []
    deadline = time.time() + 20
    while sum(line.endswith(b" EXPUNGE") for line in lines) < wanted:
        if time.time() > deadline:
            check(False, "EXPUNGE comes in time", lines)
        lines.append(wire.line())
    return lines


def selected(node, mailbox, idle):
    wire = Wire(node.imap, timeout=30)
    wire.login(USER)
    wire.must(f"SELECT {mailbox}")
    if idle:
        wire.send(b"i IDLE\r\n")
        while not wire.line().startswith(b"+"):
            pass
    return wire


def ages(first, second):
    """MSS-73: of a mailbox with a retention of seconds."""
    with Wire(first.imap) as wire:
        wire.login(USER)
        wire.must("CREATE Archive")
        wire.append("Archive", [message(n) for n in range(1, 41)])
        wire.append("Archive", message(41), "\\Flagged")
        for number in range(5):
            wire.append("INBOX", message(number))
    waiting, polling = selected(second, "Archive", True), selected(first, "Archive", False)
    began = time.time()
    first.ctl("policy", "set", USER, "retention.folders", "3s")
    lines = expunges(waiting, 40)
    check(time.time() - began > 1.5, "not before its time")
    check(not any(b"41" in line for line in lines if line.endswith(b" EXPUNGE")), "the flagged one is not among them", lines)
    lines = polling.must("NOOP").untagged
    check(sum(line.endswith(b" EXPUNGE") for line in lines) == 40, "a session of the other node hears of them too", lines)
    check(polling.must("UID SEARCH ALL").numbers() == [41], "the flagged one is left")
    reply = polling.must("STATUS INBOX (MESSAGES)")
    check(reply.number("MESSAGES") == 5, "INBOX is of another kind")
    total = [sum(pair) for pair in zip(swept(first), swept(second))]
    check(total == [40, 0], "each message was removed by one node", total)
    waiting.close()
    return polling


def grace(first, second, wire):
    """MSS-50: a message with \\Deleted stays for its grace, then it goes, flagged or not."""
    wire.must("UID STORE 41 +FLAGS.SILENT (\\Deleted)")
    began = time.time()
    first.ctl("policy", "set", "--provider", "retention.deleted", "3s")
    waiting = selected(second, "Archive", True)
    expunges(waiting, 1)
    check(time.time() - began > 2.5, "not before its grace is over")
    waiting.close()
    total = [sum(pair) for pair in zip(swept(first), swept(second))]
    check(total == [40, 1], "counted under its reason", total)
    first.ctl("policy", "unset", "--provider", "retention.deleted")


def conversations(first, second):
    """MSS-73: what goes from a conversation history is counted off its conversation (db check looks at the end)."""
    chat = (b"From: tel:+33600000002\r\nTo: tel:+33600000001\r\nConversation-ID: c1\r\nContribution-ID: c1\r\n"
            b"IMDN-Message-ID: m%d\r\nMessage-Direction: received\r\nContent-Type: text/plain\r\n\r\nHi")
    with Wire(first.imap) as wire:
        wire.login(USER)
        wire.must("CREATE Default/tel:+33600000002")
        wire.append("Default/tel:+33600000002", [chat % n for n in range(1, 21)])
        first.ctl("policy", "set", USER, "retention.conversations", "2s")
        deadline = time.time() + 30
        while wire.must("STATUS Default/tel:+33600000002 (MESSAGES)").number("MESSAGES"):
            if time.time() > deadline:
                check(False, "a conversation history is swept")
            time.sleep(0.2)
        wire.append("Default/tel:+33600000002", chat % 21)
    check(sum(sum(swept(node)) for node in (first, second)) == 61, "a conversation history is swept, once")


def deposit(node):
    """MSS-68, MSS-91: a service with the role deposit reads what is in force, and changes nothing of it."""
    node.ctl("service", "add", SERVICE, "--role", "deposit", "--for", "*@example.net", "--password-stdin", stdin="secret\n")
    with Wire(node.imap) as user, Wire(node.imap) as service:
        user.login(USER)
        user.must('SETMETADATA "" (/private/vendor/cpmstore/policy/store.sessions "off")')
        token = base64.b64encode(f"{USER}\0{SERVICE}\0secret".encode()).decode()
        service.must(f"AUTHENTICATE PLAIN {token}")
        reply = service.must(f'GETMETADATA "" ({POLICY}/store.sessions {POLICY}/store.messages)')
        check(b'store.sessions "off"' in reply.untagged[0] and b'store.messages "on"' in reply.untagged[0],
              "a depositing service reads the user's storage policy", reply.untagged)
        reply = service.command('SETMETADATA "" (/private/vendor/cpmstore/policy/store.sessions "on")')
        check(reply.status == "NO", "and cannot change it", reply)


def test(binaries):
    with Postgres() as postgres:
        url = postgres.make_database("retention")
        with Node(binaries, url, sets=["sweep.interval=1", "sweep.batch=7"]) as first:
            first.add_user(USER)
            with Node(binaries, url, sets=["sweep.interval=1", "sweep.batch=7"]) as second:
                wire = ages(first, second)
                grace(first, second, wire)
                wire.close()
                deposit(second)
                conversations(first, second)
            done = first.ctl("db", "check", check=False)
            check(done.returncode == 0, "cpmctl db check finds nothing", done.stdout + done.stderr)


main(test)
