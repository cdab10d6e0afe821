#!/usr/bin/env python3
"""cpm.containment: what may stand in histories, when the operator asks for the rules (MSS-4, MSS-7, MSS-10). Off, everything may stand everywhere."""
import concurrent.futures

from common import check, main
from server import Server
from wire import Wire

USER = "alice@example.net"
CPIM = ("From: <sip:anonymous@anonymous.invalid>\r\nTo: <sip:anonymous@anonymous.invalid>\r\nNS: imdn <urn:ietf:params:imdn>\r\n"
        "imdn.Message-ID: {id}\r\n\r\nContent-Type: text/plain\r\n\r\nhello")


def chat(ident, conversation="gc-1"):
    head = (f"From: tel:+15550101\r\nConversation-ID: {conversation}\r\nContribution-ID: {conversation}\r\nIMDN-Message-ID: {ident}\r\n"
            f"Message-Direction: received\r\nContent-Type: message/cpim\r\n\r\n")
    return (head + CPIM.format(id=ident)).encode()


def session(ident):
    return (f"From: tel:+15550101\r\nConversation-ID: gc-1\r\nContribution-ID: gc-1\r\nIMDN-Message-ID: {ident}\r\nMessage-Direction: sent\r\n"
            f"Content-Type: application/x-cpm-session\r\n\r\n<session><session-type>Group</session-type></session>").encode()


def mail(number):
    return f"Subject: mail {number}\r\n\r\nhi".encode()


def login(server):
    wire = Wire(server.imap)
    wire.login(USER)
    return wire


def refused(reply, what):
    check(reply.status == "NO" and reply.code == "CANNOT", what, reply)


def rules(server):
    wire = login(server)
    for name in ("Default/gc-1/gc-1", "Default/gc-2/gc-2", "Default/tel:+15550101", "mine/gc-1/gc-1"):
        wire.must(f"CREATE {name}")
    put = wire.append
    refused(put("Default", mail(1)), "nothing in the root")
    refused(put("Default/gc-1", session("s0")), "a session info only in a session history")
    refused(put("Default/gc-1", chat("m0")), "a chat message of a group only in a session history")
    check(put("Default/gc-1", mail(2)).status == "OK", "a standalone message in a conversation history")
    check(put("Default/tel:+15550101", chat("m1")).status == "OK", "chat messages of two need no session history")
    check(put("Default/gc-1/gc-1", session("s1")).status == "OK", "a session info")
    refused(put("Default/gc-1/gc-1", session("s2")), "no second one")
    check(put("Default/gc-1/gc-1", chat("m2")).status == "OK", "its messages")
    refused(wire.command("CREATE Default/gc-1/gc-1/below"), "no mailbox below a session history")
    check(put("mine/gc-1/gc-1", session("s3")).status == "OK" and put("mine/gc-1/gc-1", session("s4")).status == "OK", "no rules in user folders")
    wire.must("SELECT Default/gc-1/gc-1")
    refused(wire.command("MOVE 2 mine"), "an object is not moved out")
    check(wire.command("COPY 2 mine").status == "OK", "it may be copied")
    refused(wire.command("COPY 2 Default/gc-2"), "… but not to where it does not belong")
    refused(wire.command("COPY 1:2 Default/gc-1/gc-1"), "no second session info by COPY")
    check(wire.command("MOVE 1:2 Default/gc-1/gc-1").status in ("OK", "NO"), "a move within is answered")
    wire.must("UNSELECT")
    check(wire.command("RENAME Default/gc-1 Default/gc-9").status == "OK", "a whole history moves")
    check(wire.command("NOOP").status == "OK", "the session lives")
    for command in ("RENAME mine/gc-1 Default/gc-9/gc-1/below", "RENAME mine Default/mine", "RENAME Default/gc-9/gc-1 Default/flat", "RENAME INBOX Default/inbox",
                    "RENAME Default/gc-2 Default/gc-9/gc-2", "XCOPYTREE Default/gc-9/gc-1 Default/flat", "XCOPYTREE mine Default/mine"):
        refused(wire.command(command), command)
    check(wire.command("XCOPYTREE Default/gc-9 Default/gc-10").status == "OK", "a whole history is copied")
    check(wire.command("RENAME Default/gc-10 mine/gc-10").status == "OK", "… and leaves the histories")
    wire.must("SELECT Default/gc-9/gc-1")
    text = chat("m9")
    refused(wire.command(b"REPLACE 1 mine {%d+}\r\n" % len(text) + text), "an object does not leave by REPLACE")
    wire.must("UNSELECT")
    wire.must("ENABLE X-CPM-ONCE")
    refused(put("Default/gc-9/gc-1", session("s5")), "the rule holds for repeatable deposits")
    before = wire.must("STATUS Default/gc-9/gc-1 (MESSAGES)").number("MESSAGES")
    again = put("Default/gc-9/gc-1", session("s1"))
    check(again.status == "OK" and again.code.startswith("APPENDUID"), "the one that is there is no second one (MSS-75)", again)
    both = put("Default/gc-9/gc-1", [session("s1"), chat("m10")])
    check(both.status == "OK" and wire.must("STATUS Default/gc-9/gc-1 (MESSAGES)").number("MESSAGES") == before + 1, "beside a new message too", both)


def race(server):
    """Of many that deposit a session info at once one gets in."""
    first = login(server)
    for number in range(5):
        name = f"Default/race{number}/s"
        first.must(f"CREATE {name}")
        wires = [login(server) for _ in range(8)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(lambda pair: pair[1].append(name, session(f"r{pair[0]}")), enumerate(wires)))
        check(sum(reply.status == "OK" for reply in replies) == 1, "exactly one session info", replies)
        for wire in wires:
            wire.close()


def off(server):
    wire = login(server)
    wire.must("CREATE Default/gc-1/gc-1/below")
    for name, text in (("Default", mail(1)), ("Default/gc-1", session("s1")), ("Default/gc-1/gc-1", session("s1")), ("Default/gc-1/gc-1", session("s2"))):
        check(wire.append(name, text).status == "OK", f"without the rules {name} takes everything")


def run(binaries):
    with Server(binaries, sets=["cpm.containment=true"]) as server:
        server.add_user(USER)
        rules(server)
        race(server)
        check(server.ctl("db", "check").returncode == 0, "db check finds nothing")
    with Server(binaries) as server:
        server.add_user(USER)
        off(server)


if __name__ == "__main__":
    main(run)
