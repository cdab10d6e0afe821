#!/usr/bin/env python3
"""Push to a real receiver (aiohttp): what it is told, signatures, order, and every way in which it can fail.

    delivery.py --bin build/release/bin

MSS-39, 40, 41, 42, 74, 93: events reach devices and services of the network by webhook and by OMA Push.
"""
import argparse
import re
import statistics
import time
import xml.etree.ElementTree as ET
from email.parser import BytesParser

from common import FAST, MESSAGE, Receiver, Server, Wire, authority, first_seen, metric, signed, uids_of

USER = "a@example.net"
SECRET = "a secret of the test"


def login(server, user=USER):
    wire = Wire(server.imap)
    wire.login(user)
    return wire


def deposit(wire, mailbox="INBOX", count=1, text="hello"):
    for number in range(count):
        reply = wire.append(mailbox, MESSAGE.format(f"{text} {number}").encode())
        assert reply, reply


def fresh(server, name, *options, url=None, secret=True):
    """A user of its own, told of by the receiver."""
    server.add_user(name)
    more = ["--secret", SECRET] if secret else []
    server.ctl("push", "add", name, "--webhook", url, "--events", "MessageNew,MessageExpunge,FlagsChange", *more, *options)
    return Wire(server.imap), name


def tells_what_came(server, receiver):
    """MSS-40, MSS-74: size, sender, time; names of RFC 5423; the signature; the key that repeated requests are known by."""
    server.ctl("push", "add", USER, "--webhook", receiver.url, "--secret", SECRET, "--device", "one")
    with login(server) as wire:
        begun = time.time()
        deposit(wire)
        request = receiver.wait(1)[0]
        validity = wire.must("STATUS INBOX (UIDVALIDITY)").number("UIDVALIDITY")
    took = time.time() - begun
    event = request.json
    own = event["vnd.cpmstore"]
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Cpmstore-Event"] == event["event"] == "MessageNew", event
    assert event["service"] == "imap" and event["user"] == USER and event["uidset"] == "1", event
    assert event["messages"] == 1 and event["uidnext"] == 2, event
    mailbox = f"imap://a%40example.net@cpmstore/INBOX;UIDVALIDITY={validity}"
    assert event["mailboxID"] == mailbox and event["uri"] == mailbox + "/;UID=1", event
    size = len(MESSAGE.format("hello 0"))
    assert event["messageSize"] == size, event
    told = own["objects"][0]
    assert told["from"] == "ben@example.org" and told["date"] == "2026-11-30T10:00:00Z" and told["kind"] == "mail", told
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["timestamp"]), event
    assert signed(request, SECRET), request.headers
    assert request.headers["Idempotency-Key"] == own["id"], own
    print(f"a message is told with its facts, after {took * 1000:.0f} ms")


def tells_soon(server, receiver):
    """Within 100 ms at light load, over loopback."""
    times = []
    with login(server) as wire:
        for number in range(20):
            before = len(receiver.taken())
            begun = time.time()
            deposit(wire, text=f"soon {number}")
            answered = time.time()
            times.append(receiver.wait(before + 1)[-1].at - answered)
            time.sleep(0.05)
            assert begun
    middle = statistics.median(times)
    assert middle < 0.1, times
    print(f"told after {middle * 1000:.1f} ms (median of 20), {max(times) * 1000:.1f} ms at most")


def keeps_order(server, receiver):
    """What fails comes again later, and nothing of its mailbox before it."""
    wire, name = fresh(server, "order@example.net", url=receiver.url + "?order")
    with wire:
        wire.login(name)
        mine = lambda request: request.path.endswith("?order")  # noqa: E731
        receiver.set("status 500")
        deposit(wire, count=5)
        time.sleep(1.5)
        tried = [r for r in receiver.requests() if mine(r)]
        assert tried and all(uids_of(r) == [1] for r in tried), [uids_of(r) for r in tried]
        assert int(tried[-1].headers["Cpmstore-Attempt"]) == len(tried), [r.headers["Cpmstore-Attempt"] for r in tried]
        assert len({r.headers["Idempotency-Key"] for r in tried}) == 1
        receiver.set("ok")
        receiver.wait(5, what=mine)
        assert [uids_of(r)[0] for r in receiver.taken() if mine(r)] == [1, 2, 3, 4, 5]
        wire.must("SELECT INBOX")
        wire.must("UID STORE 2 +FLAGS.SILENT (\\Seen)")
        wire.must("UID STORE 3 +FLAGS.SILENT (\\Deleted)")
        wire.must("EXPUNGE")
        names = [r.json["event"] for r in receiver.wait(8, what=mine)][5:]
    assert names == ["MessageRead", "MessageTrash", "MessageExpunge"], names
    expunged = [r for r in receiver.taken() if mine(r)][-1].json
    assert expunged["uidset"] == "3" and expunged["messages"] == 4, expunged
    print("order of a mailbox is kept while the receiver answers 500")


def survives(server, receiver, mode, name):
    """Slow, cut in the middle of the request, gone without an answer: all comes, in order, at least once."""
    wire, user = fresh(server, f"{name}@example.net", url=receiver.url + f"?{name}")
    mine = lambda request: request.path.endswith(f"?{name}")  # noqa: E731
    with wire:
        wire.login(user)
        receiver.set(mode)
        deposit(wire, count=3)
        time.sleep(2.5)
        receiver.set("ok")
        deposit(wire, count=2)
        deadline = time.time() + 20
        while first_seen([r for r in receiver.taken() if mine(r)]) != [1, 2, 3, 4, 5]:
            assert time.time() < deadline, [uids_of(r) for r in receiver.taken() if mine(r)]
            time.sleep(0.05)
    repeated = [r for r in receiver.taken() if mine(r)]
    keys = {}
    for request in repeated:
        keys.setdefault(request.json["uidset"], set()).add(request.headers["Idempotency-Key"])
    assert all(len(one) == 1 for one in keys.values()), keys
    print(f"{name}: all told, in order; {len(repeated) - 5} of them twice, under the same key")


def survives_death(server, receiver):
    wire, user = fresh(server, "killed@example.net", url=receiver.url + "?killed")
    mine = lambda request: request.path.endswith("?killed")  # noqa: E731
    with wire:
        wire.login(user)
        for round in range(3):
            deposit(wire, count=5)
            receiver.kill()
            deposit(wire, count=5)
            time.sleep(0.3)
            receiver.start()
        deadline = time.time() + 30
        while first_seen([r for r in receiver.taken() if mine(r)]) != list(range(1, 31)):
            assert time.time() < deadline, first_seen([r for r in receiver.taken() if mine(r)])
            time.sleep(0.05)
    print("the receiver killed three times: 30 events, none lost, in order")


def dead_letters(server, receiver):
    """What is refused for good is kept, listed and told again by hand; what comes behind it is not held up."""
    wire, user = fresh(server, "dead@example.net", url=receiver.url + "?dead")
    mine = lambda request: request.path.endswith("?dead")  # noqa: E731
    with wire:
        wire.login(user)
        receiver.set("status 410")
        deposit(wire, count=2)
        deadline = time.time() + 15
        while len(letters := __import__("json").loads(server.ctl("push", "dead", "list", user, "--json").stdout)) < 2:
            assert time.time() < deadline, letters
            time.sleep(0.1)
        assert {one["reason"] for one in letters} == {"HTTP 410"} and letters[0]["event"] == "MessageNew", letters
        receiver.set("ok")
        deposit(wire)
        receiver.wait(1, what=lambda r: mine(r) and uids_of(r) == [3])
    done = server.ctl("push", "dead", "replay", user, "--json").stdout
    assert '"events": 2' in done, done
    receiver.wait(3, what=mine)
    assert sorted(uids_of(r)[0] for r in receiver.taken() if mine(r)) == [1, 2, 3]
    assert "no dead letters" in server.ctl("push", "dead", "list", user).stdout
    assert metric(server, "cpmstore_push_dead_total", sink="webhook") >= 2
    print("dead letters are listed and told again")


def digests(server, receiver):
    wire, user = fresh(server, "digest@example.net", "--digest", "2", url=receiver.url + "?digest")
    mine = lambda request: request.path.endswith("?digest")  # noqa: E731
    with wire:
        wire.login(user)
        wire.must("CREATE Other")
        deposit(wire, count=3)
        deposit(wire, "Other", count=2)
        time.sleep(0.5)
        assert not [r for r in receiver.requests() if mine(r)]
        request = receiver.wait(1, what=mine)[0]
    events = request.json["events"]
    assert len(events) == 5 and {e["event"] for e in events} == {"MessageNew"}, events
    assert signed(request, SECRET)
    print("five events in one digest")


def filters(server, receiver):
    """By mailbox and what is below, by event; of a service: for all whom it may act for."""
    server.add_user("f@example.net")
    server.ctl("push", "add", "f@example.net", "--webhook", receiver.url + "?tree", "--mailbox", "Work", "--unsigned", "--device", "t")
    server.ctl("service", "add", "core", "--role", "deposit", "--for", "f@*", "--no-password")
    server.ctl("push", "add", "--service", "core", "--webhook", receiver.url + "?core", "--unsigned")
    with login(server, "f@example.net") as wire, login(server) as other:
        wire.must("CREATE Work/Below")
        wire.must("CREATE Workshop")
        for mailbox in ("INBOX", "Workshop", "Work", "Work/Below"):
            deposit(wire, mailbox)
        deposit(other)
        core = receiver.wait(4, what=lambda r: r.path.endswith("?core"))
        tree = receiver.wait(2, what=lambda r: r.path.endswith("?tree"))
    time.sleep(0.3)
    tree = [r for r in receiver.taken() if r.path.endswith("?tree")]
    paths = sorted(re.sub(r".*/cpmstore/|.*@cpmstore/|;.*", "", r.json["mailboxID"]) for r in tree)
    assert paths == ["Work", "Work/Below"], paths
    core = [r.json["user"] for r in receiver.taken() if r.path.endswith("?core")]
    assert core == ["f@example.net"] * 4, core
    assert "Cpmstore-Signature" not in tree[0].headers
    server.ctl("push", "remove", "--service", "core")
    print("filters by mailbox; a service hears of its users and of nobody else")


def over_imap(server, receiver):
    """A device that the user names by annotations; the policy `notify` silences it, the provider's word counts most."""
    server.add_user("m@example.net")
    root = "/private/vendor/cpmstore/push/Phone"
    mine = lambda request: request.path.endswith("?phone")  # noqa: E731
    with login(server, "m@example.net") as wire:
        wire.must(f'SETMETADATA "" ({root}/webhook "{receiver.url}?phone" {root}/secret "{SECRET}" {root}/events "MessageNew")')
        deposit(wire)
        assert signed(receiver.wait(1, what=mine)[0], SECRET)
        for bad in (f'{root}/webhook "ftp://x/"', f'{root}/events "Nothing"', f'{root}/what "x"', f'{root}/digest "soon"',
                    f'/private/vendor/cpmstore/push/a%20b/webhook "https://h/"', f'{root}/kinds "mails"'):
            reply = wire.command(f'SETMETADATA "" ({bad})')
            assert not reply, (bad, reply)
        wire.must('SETMETADATA "" (/private/vendor/cpmstore/policy/notify "off")')
        deposit(wire)
        time.sleep(0.4)
        assert len([r for r in receiver.taken() if mine(r)]) == 1
        server.ctl("policy", "set", "m@example.net", "notify", "on")
        deposit(wire)
        assert uids_of(receiver.wait(2, what=mine)[1]) == [3]
        shown = server.ctl("push", "list", "m@example.net").stdout
        assert "phone" in shown and "user" in shown, shown
        assert server.ctl("push", "remove", "m@example.net", "--device", "phone", check=False).returncode != 0
        wire.must(f'SETMETADATA "" ({root}/webhook NIL)')
        deposit(wire)
    time.sleep(0.3)
    assert len([r for r in receiver.taken() if mine(r)]) == 2
    print("devices named over IMAP")


def new_devices(server, receiver):
    server.add_user("d@example.net")
    server.ctl("push", "add", "d@example.net", "--webhook", receiver.url + "?device", "--events", "LoginNewDevice", "--unsigned")
    mine = lambda request: request.path.endswith("?device")  # noqa: E731
    for name in ("phone", "phone", "tablet"):
        with Wire(server.imap) as wire:
            wire.must(f'ID ("name" "{name}" "version" "1")')
            wire.login("d@example.net")
    receiver.wait(2, what=mine)
    time.sleep(0.3)
    told = [r.json for r in receiver.taken() if mine(r)]
    assert [t["vnd.cpmstore"]["client"] for t in told] == ["phone/1", "tablet/1"], told
    assert told[0]["event"] == "vnd.cpmstore.LoginNewDevice" and told[0]["clientIP"] == "127.0.0.1", told
    print("a log-in from a new device is told once")


def everything_else(server, receiver):
    """MSS-39, MSS-41, MSS-42: quota, mailboxes, rights, and a deferred message that expired; a service hears of them too."""
    server.add_user("q@example.net")
    server.add_user("r@example.net")
    server.ctl("service", "add", "net", "--role", "deposit", "--for", "q@*", "--no-password")
    server.ctl("push", "add", "--service", "net", "--webhook", receiver.url + "?net", "--unsigned", "--events", "all")
    server.ctl("push", "add", "q@example.net", "--webhook", receiver.url + "?q", "--unsigned", "--events", "QuotaWarning,QuotaExceed,QuotaWithin")

    def names(path):
        return [r.json["event"].replace("vnd.cpmstore.", "") for r in receiver.taken() if r.path.endswith(path)]

    with login(server, "q@example.net") as wire:
        wire.must("CREATE Plans")
        wire.must("RENAME Plans Done")
        wire.must("SETACL Done r@example.net lrs")
        assert wire.append("Done", MESSAGE.format("late").encode(), "$Expired")
        wire.must("DELETE Done")
        server.ctl("quota", "set", "q@example.net", "--messages", "10")
        for _ in range(10):
            deposit(wire)
        assert not wire.append("INBOX", MESSAGE.format("too much").encode())
        wire.must("SELECT INBOX")
        wire.must("STORE 1:8 +FLAGS.SILENT (\\Deleted)")
        wire.must("EXPUNGE")
    wanted = {"MailboxCreate", "MailboxRename", "MailboxDelete", "AclChange", "ExpiredDeferredStored", "MessageNew", "MessageExpunge",
              "MessageTrash", "QuotaWarning", "QuotaExceed", "QuotaWithin", "LoginNewDevice"}
    deadline = time.time() + 15
    while not wanted <= set(names("?net")) or "QuotaWithin" not in names("?q"):
        assert time.time() < deadline, (wanted - set(names("?net")), names("?q"))
        time.sleep(0.05)
    told = {r.json["event"]: r.json for r in receiver.taken() if r.path.endswith("?net")}
    assert told["MailboxRename"]["oldMailboxID"].startswith("imap://q%40example.net@cpmstore/Plans"), told["MailboxRename"]
    assert told["MailboxRename"]["mailboxID"].startswith("imap://q%40example.net@cpmstore/Done"), told["MailboxRename"]
    assert told["QuotaExceed"]["maxMessages"] == 10, told["QuotaExceed"]
    rights = told["vnd.cpmstore.AclChange"]
    assert rights["vnd.cpmstore"]["identifier"] == "r@example.net" and rights["vnd.cpmstore"]["rights"] == "lrs", rights
    late = told["vnd.cpmstore.ExpiredDeferredStored"]
    assert late["uidset"] == "1" and late["vnd.cpmstore"]["objects"][0]["uid"] == 1, late
    quota = names("?q")
    assert quota.index("QuotaWarning") < quota.index("QuotaExceed") < quota.index("QuotaWithin"), quota
    server.ctl("push", "remove", "--service", "net")
    print("quota, mailboxes, rights, expired deferred messages")


PAP = {"pap": (set(), {"push-message"}), "push-message": ({"push-id"}, {"address", "quality-of-service"}),
       "address": ({"address-value"}, set()), "quality-of-service": (set(), set())}


def pap(server, receiver):
    """OMA Push: multipart/related of a control document, checked against the elements of the DTD, and an e-mail notification."""
    server.add_user("tel:+15550100", "secret", "--alias", "p@example.net")
    server.ctl("push", "add", "p@example.net", "--pap", receiver.url + "?pap", "--device", "phone", "--events", "MessageNew")
    mine = lambda request: request.path.endswith("?pap")  # noqa: E731
    receiver.set("pap 3000")
    with login(server, "p@example.net") as wire:
        deposit(wire)
        receiver.wait(1, what=mine)
        receiver.set("pap 1001")
        request = receiver.wait(2, what=mine)[1]
        mail = BytesParser().parsebytes(b"Content-Type: " + request.headers["Content-Type"].encode() + b"\r\n\r\n" + request.body)
        assert mail.get_content_type() == "multipart/related" and mail.get_param("type") == "application/xml"
        control, content = mail.get_payload()
        assert control.get_content_type() == "application/xml" and content.get_content_type() == "application/vnd.wap.emn+xml"
        text = control.get_payload(decode=True).decode()
        assert '<!DOCTYPE pap PUBLIC "-//WAPFORUM//DTD PAP 2.0//EN" "http://www.wapforum.org/DTD/pap_2.0.dtd"' in text, text
        root = ET.fromstring(text)
        for element in root.iter():
            needs, may = PAP[element.tag]
            assert needs <= set(element.attrib), text
            assert {child.tag for child in element} <= may, text
        message = root.find("push-message")
        assert [child.tag for child in message] == ["address", "quality-of-service"], text
        assert message.find("address").get("address-value") == "WAPPUSH=+15550100/TYPE=PLMN@127.0.0.1", text
        emn = ET.fromstring(content.get_payload(decode=True))
        assert emn.tag == "emn" and emn.get("mailbox").startswith("imap://tel%3A+15550100@cpmstore/INBOX"), emn.attrib
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*Z", emn.get("timestamp"))
        ids = {ET.fromstring(BytesParser().parsebytes(b"Content-Type: " + r.headers["Content-Type"].encode() + b"\r\n\r\n" + r.body)
                             .get_payload()[0].get_payload(decode=True)).find("push-message").get("push-id")
               for r in receiver.taken() if mine(r)}
        assert len(ids) == 1, ids  # the gateway knows the repeated one
        receiver.set("pap 2003")
        deposit(wire)
        deadline = time.time() + 10
        while "PAP 2003 said" not in server.ctl("push", "dead", "list", "p@example.net").stdout:
            assert time.time() < deadline
            time.sleep(0.1)
    print("OMA Push: documents as the DTD has them; 1001 taken, 3000 again, 2003 never")


def harmless(server, receiver):
    """A receiver that hangs: deposits are as fast as before, and others are told. Never more requests at a time than allowed."""
    others = [f"h{n}@example.net" for n in range(12)]
    for name in others:
        server.add_user(name)
        server.ctl("push", "add", name, "--webhook", receiver.url + "?hang", "--unsigned")
    wires = [login(server, name) for name in others]

    def rate(seconds=1.5):
        count, until = 0, time.time() + seconds
        while time.time() < until:
            deposit(wires[count % len(wires)])
            count += 1
        return count / seconds

    well = rate()
    receiver.set("slow 1.9")
    ill = rate()
    receiver.kill()
    gone = rate()
    receiver.start()
    receiver.set("ok")
    for wire in wires:
        wire.close()
    assert min(ill, gone) > well * 0.5, (well, ill, gone)
    most = max(r.running for r in receiver.requests() if r.path.endswith("?hang"))
    assert most <= 8, most
    print(f"deposits a second: {well:.0f} while the receiver is well, {ill:.0f} while it hangs, {gone:.0f} while it is gone; "
          f"{most} requests at a time at most")


def secure(binaries):
    """TLS is checked, the name too."""
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        ca, certificate, key = authority(folder)
        __import__("os").chmod(folder, 0o755)
        with Receiver(certificate, key) as receiver:
            for sets, url, wanted in (([f"push.ca={ca}"], receiver.url, None), ([f"push.ca={ca}"], receiver.url.replace("localhost", "127.0.0.1"), "TLS"),
                                      ([], receiver.url, "TLS")):
                with Server(binaries, [*FAST, "push.allow_networks=127.0.0.0/8,::1", *sets]) as server:
                    server.add_user(USER)
                    server.ctl("push", "add", USER, "--webhook", url)
                    done = server.ctl("push", "test", USER, check=False)
                    assert (done.returncode == 0) == (wanted is None), (url, done.stdout, done.stderr)
                    assert wanted is None or wanted in done.stderr + done.stdout, done.stderr
    print("https: a certificate of an unknown authority or for another name is not taken")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--only")
    options = parser.parse_args()
    steps = [tells_what_came, tells_soon, keeps_order, lambda s, r: survives(s, r, "slow 5", "slow"), lambda s, r: survives(s, r, "cut", "cut"),
             lambda s, r: survives(s, r, "drop", "drop"), lambda s, r: survives(s, r, "large", "large"), survives_death, dead_letters, digests, filters, over_imap, new_devices, everything_else, pap,
             harmless]
    with Receiver() as receiver, Server(options.bin, FAST) as server:
        server.add_user(USER)
        for step in steps:
            if options.only and options.only not in step.__name__:
                continue
            receiver.set("ok")
            step(server, receiver)
        log = server.log.read_text(errors="replace")
        assert "a queue was left" not in log and "task of push ended" not in log, log[-2000:]
    if not options.only:
        secure(options.bin)


if __name__ == "__main__":
    main()
