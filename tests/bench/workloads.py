"""What is measured. Each function takes a target (a server) and the sizes and yields (row, value) for each run; ROWS tells the rows.

A target knows imap and imaps, its memory(), and two counters that last over all passes: turn() and sign().
"""
import re
import selectors
import statistics
import threading
import time

from conversions import conversions
from load import TLS, Connection, chat, fleet, message
from sink import Sink

# row → (what it says, unit, whether more is better)
ROWS = {
    "append": ("APPEND 2 KB, one client", "msg/s", True),
    "append8": ("APPEND 2 KB, 8 clients, 8 users", "msg/s", True),
    "append8one": ("APPEND 2 KB, 8 clients, one mailbox", "msg/s", True),
    "multiappend": ("MULTIAPPEND of 100 × 2 KB", "msg/s", True),
    "deposit": ("APPEND of a chat message of 700 octets, 8 depositors, 8 users", "msg/s", True),
    "deposit_limited": ("the same with limits of all four resources and levels of warning (quota)", "msg/s", True),
    "deposit_pushed": ("the same, limited, while a receiver is told of each message (push)", "msg/s", True),
    "deposit100": ("MULTIAPPEND of 100 chat messages", "msg/s", True),
    "append20": ("APPEND of 20 MB", "MB/s", True),
    "fetch20": ("FETCH of 20 MB", "MB/s", True),
    "select_small": ("SELECT of {small:,}, same session", "ms", False),
    "select_middle": ("SELECT of {middle:,}, same session", "ms", False),
    "select_big": ("SELECT of {big:,}, same session", "ms", False),
    "select_new": ("SELECT of {big:,}, new session", "ms", False),
    "flags": ("FETCH 1:* (FLAGS) of {big:,}", "ms", False),
    "envelopes": ("FETCH (ENVELOPE BODYSTRUCTURE) of {middle:,}", "ms", False),
    "bodies": ("FETCH BODY.PEEK[] of {small:,} × 2 KB", "ms", False),
    "changed": ("FETCH CHANGEDSINCE, 100 changes in {big:,}", "ms", False),
    "resync": ("SELECT (QRESYNC), 50 flags and 50 expunges in {big:,}", "ms", False),
    "store": ("STORE, single, one client", "op/s", True),
    "store_bulk": ("STORE on {middle:,}", "ms", False),
    "search_flag": ("SEARCH FLAGGED in {middle:,}", "ms", False),
    "search_header": ("SEARCH SUBJECT in {middle:,}", "ms", False),
    "search_text": ("SEARCH BODY in {middle:,}", "ms", False),
    "search_big_flag": ("SEARCH UNFLAGGED LARGER 1 in {big:,}", "ms", False),
    "search_big_id": ("SEARCH HEADER Message-ID, the whole id, in {big:,}", "ms", False),
    "search_big_header": ("SEARCH SUBJECT in {big:,}", "ms", False),
    "search_big_text": ("SEARCH BODY in {big:,}", "ms", False),
    "sort_subject": ("SORT (SUBJECT) of {middle:,}", "ms", False),
    "sort_date": ("SORT (REVERSE DATE) of {middle:,}", "ms", False),
    "thread": ("THREAD REFERENCES of {middle:,}", "ms", False),
    "copy": ("COPY of {middle:,}", "ms", False),
    "move": ("MOVE of {middle:,}", "ms", False),
    "expunge": ("EXPUNGE of {middle:,}", "ms", False),
    "list_status": ("LIST with STATUS of {mailboxes:,} mailboxes", "ms", False),
    "polling": ("LIST with STATUS of {polled:,} mailboxes, then SELECT of each", "ms", False),
    "login": ("LOGIN and LOGOUT, plain, 8 clients", "per s", True),
    "login_tls": ("LOGIN and LOGOUT, TLS, 8 clients", "per s", True),
    "memory": ("memory of an idle TLS session, of {idlers:,} (PSS)", "KiB", False),
    "picture_small": ("shared picture of a mailbox, for a message, of {small:,}", "octets", False),
    "picture_big": ("shared picture of a mailbox, for a message, of {big:,}", "octets", False),
    "picture_huge": ("shared picture of a mailbox, for a message, of {huge:,}", "octets", False),
    "disk_message": ("disk for a message of 420 octets, of {huge:,}", "octets", False),
    "memory_message": ("memory for a message of a selected mailbox, of {huge:,}", "octets", False),
    "select_huge": ("SELECT of {huge:,}, new session", "ms", False),
    "flag_huge": ("SEARCH FLAGGED in {huge:,}", "ms", False),
    "resync_huge": ("SELECT (QRESYNC), 50 flags and 50 expunges in {huge:,}", "ms", False),
    "talk_first": ("first 50 of {talks:,} conversations with unread counts, of {talk_first:,} messages", "ms", False),
    "talk_page": ("first 50 of {talks:,} conversations with unread counts, of {talk:,} messages", "ms", False),
    "talk_deep": ("50 conversations from the middle of {talks:,}, of {talk:,} messages", "ms", False),
    "talk_unread": ("first 50 conversations with unread messages, of {talk:,} messages", "ms", False),
    "talk_seen": ("STORE +FLAGS \\Seen on 100 messages of a conversation, of {talk:,} messages", "ms", False),
    "notify": ("APPEND to EXISTS, median of {watchers:,} idlers", "ms", False),
    "convert_large": ("CONVERT of a JPEG of {megapixels:.0f} megapixels to 256 pixels, warm", "ms", False),
    "convert_kept": ("the same, kept", "ms", False),
    "convert_fetch": ("… beside it FETCH BODY.PEEK[] of 2 KB", "ms", False),
    "convert_media": ("previews of {media:,} messages with mixed media, two askers", "per s", True),
    "convert_idle_fetch": ("p99 of FETCH BODY.PEEK[] of 2 KB, nothing else to do", "ms", False),
    "convert_load_fetch": ("… while those previews are made", "ms", False),
    "convert_idle_append": ("p99 of APPEND 2 KB, nothing else to do", "ms", False),
    "convert_load_append": ("… while those previews are made", "ms", False),
    "fan_out": ("NOTIFY fan-out: APPEND to the last of {watchers:,} told by STATUS", "ms", False),
}


def fill(target, sizes):
    """The mailboxes that are read: Small, Middle, Big, and many empty ones."""
    connection = Connection(target.imap, "reader")
    for name, count in (("Small", sizes["small"]), ("Middle", sizes["middle"]), ("Big", sizes["big"])):
        connection.run(b"CREATE " + name.encode())
        size = 300 if name == "Big" else 2048
        for first in range(0, count, 500):
            connection.append(name, [message(n, size) for n in range(first, min(first + 500, count))])
    connection.close()
    connection = Connection(target.imap, "lister")
    for number in range(sizes["mailboxes"]):
        connection.run(b"CREATE M%d" % number)
    connection.close()
    connection = Connection(target.imap, "poller")
    for number in range(sizes["polled"]):
        connection.run(b"CREATE M%d" % number)
        connection.append(f"M{number}", [message(n, 600) for n in range(10)])
    connection.close()


def appends(target, sizes):
    texts = [message(n) for n in range(50)]
    heads = [b"APPEND INBOX {%d+}" % len(text) for text in texts]
    bodies = [text + b"\r\n" for text in texts]
    batch = [message(n) for n in range(100)]

    def send(connection, _, number):
        connection.start(heads[number % 50], bodies[number % 50])

    one = [Connection(target.imap, "u0")]
    eight = [Connection(target.imap, f"u{n}") for n in range(8)]
    same = [Connection(target.imap, "u1") for _ in range(8)]
    for _ in range(sizes["runs"]):
        yield "append", sizes["appends"] / fleet(one, sizes["appends"], send)
        yield "append8", 2 * sizes["appends"] / fleet(eight, 2 * sizes["appends"], send)
        yield "append8one", 2 * sizes["appends"] / fleet(same, 2 * sizes["appends"], send)
        rounds = max(sizes["appends"] // 100, 2)
        began = time.perf_counter()
        for _ in range(rounds):
            one[0].append("INBOX", batch)
        yield "multiappend", rounds * 100 / (time.perf_counter() - began)
    for connection in one + eight + same:
        connection.close()


def deposits(target, sizes):
    """As a Participating Function records: chat messages of the second generation, each user's into the party's mailbox."""
    numbers = iter(range(target.turn() * 10_000_000, 1 << 60))
    eight = [Connection(target.imap, f"u{n}") for n in range(8)]
    for connection in eight:
        connection.run(b"CREATE Default/tel:+15550101")

    def send(connection, _, __):
        text = chat(next(numbers), 101)
        connection.start(b"APPEND Default/tel:+15550101 {%d+}" % len(text), text + b"\r\n")

    for _ in range(sizes["runs"]):
        yield "deposit", 2 * sizes["appends"] / fleet(eight, 2 * sizes["appends"], send)
        rounds = max(sizes["appends"] // 100, 2)
        batches = [[chat(next(numbers), 101) for _ in range(100)] for _ in range(rounds)]
        began = time.perf_counter()
        for batch in batches:
            eight[0].append("Default/tel:+15550101", batch)
        yield "deposit100", rounds * 100 / (time.perf_counter() - began)
    if hasattr(target, "ctl"):
        for number in range(8):
            target.ctl("quota", "set", f"u{number}", "--storage", "100G", "--messages", "100000000", "--mailboxes", "1000", "--annotations", "100M")
        for _ in range(sizes["runs"]):
            yield "deposit_limited", 2 * sizes["appends"] / fleet(eight, 2 * sizes["appends"], send)
        with Sink() as sink:
            for number in range(8):
                target.ctl("push", "add", f"u{number}", "--webhook", sink.url, "--events", "all")
            for _ in range(sizes["runs"]):
                count = 2 * sizes["appends"]
                before = sink.taken()
                rate = count / fleet(eight, count, send)
                sink.wait(before + count)  # all are told: nothing runs behind the measured time unseen
                yield "deposit_pushed", rate
            for number in range(8):
                target.ctl("push", "remove", f"u{number}")
    for connection in eight:
        connection.close()


def talks(target, sizes):
    """The list of conversations, while the account grows tenfold. Nothing of Dovecot's compares. It is filled at the first pass."""
    if not hasattr(target, "metrics"):
        return
    connection = Connection(target.imap, "talker")

    def grow(first, last):
        for number in range(sizes["talks"]):
            party = b"Default/tel:+1555%07d" % number
            if first == 0:
                connection.run(b"CREATE " + party)
            connection.append(party.decode(), [chat(number * 1000 + n, number) for n in range(first, last)])

    def page(row, command):
        connection.run(command)
        for _ in range(sizes["runs"]):
            took, octets = connection.timed(command)
            assert octets > 100, (row, octets)
            yield row, 1000 * took

    each = sizes["talk"] // sizes["talks"]
    if not target.filled_talks:
        target.filled_talks = True
        grow(0, max(each // 10, 1))
        yield from page("talk_first", b"XCONVERSATIONS (COUNT 50)")
        grow(max(each // 10, 1), each)
    yield from page("talk_page", b"XCONVERSATIONS (COUNT 50)")
    yield from page("talk_unread", b"XCONVERSATIONS (COUNT 50 UNREAD)")
    cursor = b""
    for _ in range(sizes["talks"] // 2 // 1000):
        connection.run(b"XCONVERSATIONS (COUNT 1000" + cursor + b")")
        cursor = b" AFTER " + re.search(rb"XCURSOR (\S+)\]", connection.tagged()).group(1)
    yield from page("talk_deep", b"XCONVERSATIONS (COUNT 50" + cursor + b")")
    connection.run(b"SELECT Default/tel:+1555%07d" % (sizes["talks"] // 2))
    for _ in range(sizes["runs"]):
        sign = target.sign("talk")
        yield "talk_seen", 1000 * connection.timed(b"STORE 1:* " + sign + b"FLAGS.SILENT (\\Seen)")[0]
    connection.close()


def large(target, sizes):
    connection = Connection(target.imap, "u2")
    name = b"Large%d" % target.turn()
    connection.run(b"CREATE " + name)
    text = message(1, sizes["large"])
    for _ in range(sizes["runs"]):
        took, _ = connection.timed(b"APPEND %s {%d+}" % (name, len(text)), text + b"\r\n")
        yield "append20", len(text) / took / 1e6
    connection.run(b"SELECT " + name)
    for number in range(sizes["runs"]):
        took, count = connection.timed(b"FETCH %d BODY.PEEK[]" % (number + 1))
        assert count > len(text)
        yield "fetch20", len(text) / took / 1e6
    connection.close()


def selects(target, sizes):
    connection = Connection(target.imap, "reader")
    for row, name in (("select_small", b"Small"), ("select_middle", b"Middle"), ("select_big", b"Big")):
        connection.run(b"SELECT " + name)
        for _ in range(sizes["runs"]):
            times = []
            for _ in range(5):
                connection.run(b"SELECT INBOX")
                times.append(connection.timed(b"SELECT " + name)[0])
            yield row, 1000 * statistics.median(times)
    connection.close()
    for _ in range(sizes["runs"]):
        connection = Connection(target.imap, "reader")
        yield "select_new", 1000 * connection.timed(b"SELECT Big")[0]
        connection.close()


def fetches(target, sizes):
    connection = Connection(target.imap, "reader")
    for row, name, command, count, least in (
            ("flags", b"Big", b"FETCH 1:* (FLAGS)", sizes["big"], 20),
            ("envelopes", b"Middle", b"FETCH 1:* (ENVELOPE BODYSTRUCTURE)", sizes["middle"], 200),
            ("bodies", b"Small", b"FETCH 1:* BODY.PEEK[]", sizes["small"], 1900)):
        connection.run(b"SELECT " + name)
        connection.run(command)
        for _ in range(sizes["runs"]):
            took, octets = connection.timed(command)
            assert octets > count * least, (row, octets)
            yield row, 1000 * took
    connection.run(b"SELECT Big (CONDSTORE)")
    for _ in range(sizes["runs"]):
        connection.run(b"STATUS Big (HIGHESTMODSEQ)")
        modseq = int(connection.tail.split(b"HIGHESTMODSEQ ")[1].split(b")")[0])
        some = b",".join(b"%d" % n for n in range(1, sizes["big"] + 1, sizes["big"] // 100))
        connection.run(b"STORE %s %sFLAGS.SILENT (\\Answered)" % (some, target.sign("changed")))
        took, octets = connection.timed(b"FETCH 1:* (FLAGS) (CHANGEDSINCE %d)" % modseq)
        assert 0 < octets < 100 * 120, octets
        yield "changed", 1000 * took
    connection.close()


def resync(target, mailbox):
    """A device comes back: connected already, one SELECT tells it what happened. Milliseconds."""
    writer = Connection(target.imap, "reader")
    writer.run(b"SELECT %s (CONDSTORE)" % mailbox)
    writer.run(b"STATUS %s (UIDVALIDITY HIGHESTMODSEQ MESSAGES)" % mailbox)
    known = {name: int(re.search(name + rb" (\d+)", writer.tail)[1]) for name in (b"UIDVALIDITY", b"HIGHESTMODSEQ", b"MESSAGES")}
    step = known[b"MESSAGES"] // 50
    some = b",".join(b"%d" % (1 + n * step) for n in range(50))
    writer.run(b"STORE %s +FLAGS.SILENT (\\Answered)" % some)  # one of the two changes them
    writer.run(b"STORE %s -FLAGS.SILENT (\\Answered)" % some)
    writer.run(b"STORE %s +FLAGS.SILENT (\\Deleted)" % b",".join(b"%d" % (2 + n * step) for n in range(50)))
    writer.run(b"EXPUNGE")
    writer.close()
    device = Connection(target.imap, "reader")
    device.run(b"ENABLE QRESYNC")
    took, octets = device.timed(b"SELECT %s (QRESYNC (%d %d))" % (mailbox, known[b"UIDVALIDITY"], known[b"HIGHESTMODSEQ"]))
    assert octets > 50 * 20, octets
    device.close()
    return 1000 * took


def resyncs(target, sizes):
    for _ in range(sizes["runs"]):
        yield "resync", resync(target, b"Big")


def searches(target, sizes):
    """In a large mailbox of small messages."""
    connection = Connection(target.imap, "reader")
    connection.run(b"SELECT Big")
    number = sizes["big"] // 2
    for row, command, least in (("search_big_flag", b"SEARCH UNFLAGGED LARGER 1", sizes["big"]),
                                ("search_big_id", b"SEARCH HEADER Message-ID <%d.bench@example.org>" % number, 10),
                                ("search_big_header", b"SEARCH SUBJECT needle", sizes["big"] // 100),
                                ("search_big_text", b"SEARCH BODY needle", sizes["big"] // 100)):
        connection.run(command)
        for _ in range(sizes["runs"]):
            took, octets = connection.timed(command)
            assert octets > least, (row, octets)
            yield row, 1000 * took
    connection.close()


def huge(target, sizes):
    """A mailbox beyond the usual. It is filled at the first pass."""
    connection = Connection(target.imap, "reader")
    if not target.filled_huge:
        target.filled_huge = True
        connection.run(b"CREATE Huge")
        before = target.disk()
        for first in range(0, sizes["huge"], 500):
            connection.append("Huge", [message(n, 300) for n in range(first, min(first + 500, sizes["huge"]))])
        yield "disk_message", (target.disk() - before) / sizes["huge"]
        connection.close()
        before = target.memory()
        connection = Connection(target.imap, "reader")
        connection.run(b"SELECT Huge")
        connection.run(b"FETCH 1:* (FLAGS)")
        time.sleep(1)
        yield "memory_message", (target.memory() - before) / sizes["huge"] * 1024
    for _ in range(sizes["runs"]):
        new = Connection(target.imap, "reader")
        yield "select_huge", 1000 * new.timed(b"SELECT Huge")[0]
        yield "flag_huge", 1000 * new.timed(b"SEARCH FLAGGED")[0]
        new.close()
        yield "resync_huge", resync(target, b"Huge")
    connection.close()


def pictures(target, sizes):
    """What the sessions of a mailbox share, as cpmstore counts it itself; Dovecot has nothing that compares."""
    if not hasattr(target, "metrics"):
        return
    for row, mailbox in (("picture_small", b"Small"), ("picture_big", b"Big"), ("picture_huge", b"Huge")):
        target.stop()  # the next process keeps pictures of this mailbox alone
        target.start()
        connection = Connection(target.imap, "reader")
        connection.run(b"SELECT " + mailbox)
        metrics = target.metrics()
        yield row, metrics["cpmstore_snapshot_bytes"] / metrics["cpmstore_snapshot_messages"]
        connection.close()


def stores(target, sizes):
    connection = Connection(target.imap, "reader")
    connection.run(b"SELECT Middle")
    for _ in range(sizes["runs"]):
        sign = target.sign("stores")
        began = time.perf_counter()
        for number in range(sizes["stores"]):
            connection.run(b"STORE %d %sFLAGS (\\Seen)" % (number + 1, sign))
        yield "store", sizes["stores"] / (time.perf_counter() - began)
        yield "store_bulk", 1000 * connection.timed(b"STORE 1:* %sFLAGS.SILENT (\\Draft)" % sign)[0]
    connection.run(b"STORE 10,20,30 +FLAGS.SILENT (\\Flagged)")
    for row, command in (("search_flag", b"SEARCH FLAGGED"), ("search_header", b"SEARCH SUBJECT needle"), ("search_text", b"SEARCH BODY needle")):
        connection.run(command)
        for _ in range(sizes["runs"]):
            took, octets = connection.timed(command)
            assert octets > (20 if row == "search_flag" else sizes["middle"] // 100 * 2), octets
            yield row, 1000 * took
    connection.close()


def sorts(target, sizes):
    connection = Connection(target.imap, "reader")
    connection.run(b"SELECT Middle")
    for row, command in (("sort_subject", b"SORT (SUBJECT) UTF-8 ALL"), ("sort_date", b"SORT (REVERSE DATE) UTF-8 ALL"),
                         ("thread", b"THREAD REFERENCES UTF-8 ALL")):
        connection.run(command)
        for _ in range(sizes["runs"]):
            took, octets = connection.timed(command)
            assert octets > sizes["middle"] * 3, octets
            yield row, 1000 * took
    connection.close()


def moves(target, sizes):
    connection = Connection(target.imap, "reader")
    for _ in range(sizes["runs"]):
        number = target.turn()
        there, further = b"There%d" % number, b"Further%d" % number
        connection.run(b"CREATE " + there)
        connection.run(b"CREATE " + further)
        connection.run(b"SELECT Middle")
        yield "copy", 1000 * connection.timed(b"COPY 1:* " + there)[0]
        connection.run(b"SELECT " + there)
        yield "move", 1000 * connection.timed(b"MOVE 1:* " + further)[0]
        connection.run(b"SELECT " + further)
        connection.run(b"STORE 1:* +FLAGS.SILENT (\\Deleted)")
        yield "expunge", 1000 * connection.timed(b"EXPUNGE")[0]
    connection.close()


def listing(target, sizes):
    connection = Connection(target.imap, "lister")
    command = b'LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY UNSEEN))'
    connection.run(command)
    for _ in range(sizes["runs"]):
        took, octets = connection.timed(command)
        assert octets > sizes["mailboxes"] * 40
        yield "list_status", 1000 * took
    connection.close()
    connection = Connection(target.imap, "poller")
    for _ in range(sizes["runs"]):
        began = time.perf_counter()
        connection.run(command)
        for number in range(sizes["polled"]):
            connection.run(b"SELECT M%d" % number)
        yield "polling", 1000 * (time.perf_counter() - began)
    connection.close()


def logins(target, sizes):
    for row, tls in (("login", None), ("login_tls", TLS)):
        for _ in range(sizes["runs"]):
            counts, failures, stop = [0] * 8, [], time.perf_counter() + sizes["login_seconds"]

            def loop(index):
                try:
                    while time.perf_counter() < stop:
                        connection = Connection(target.imaps if tls else target.imap, f"u{index}", tls)
                        connection.run(b"LOGOUT")
                        connection.close()
                        counts[index] += 1
                except Exception as error:
                    failures.append(error)

            threads = [threading.Thread(target=loop, args=(index,)) for index in range(8)]
            began = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert not failures, failures
            yield row, sum(counts) / (time.perf_counter() - began)


def start_idle(connection):
    connection.run(b"SELECT INBOX")
    connection.start(b"IDLE")
    connection.socket.recv(4096)


def idlers(target, sizes):
    """Memory: the growth of all processes' proportional set sizes, the database's included."""
    first = Connection(target.imaps, "idle0", TLS)
    start_idle(first)
    time.sleep(1)
    before = target.memory()
    held = []
    for number in range(sizes["idlers"]):
        held.append(Connection(target.imaps, f"idle{number % 10}", TLS))
        start_idle(held[-1])
    time.sleep(2)
    yield "memory", (target.memory() - before) / sizes["idlers"]
    for connection in [first, *held]:
        connection.close()


def notify(target, sizes):
    watchers = [Connection(target.imap, "idle1") for _ in range(sizes["watchers"])]
    for connection in watchers:
        start_idle(connection)
    writer = Connection(target.imap, "idle1")
    selector = selectors.DefaultSelector()
    for connection in watchers:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    text = message(1)
    for _ in range(sizes["runs"]):
        time.sleep(0.7)
        began = time.perf_counter()
        writer.start(b"APPEND INBOX {%d+}" % len(text), text + b"\r\n")
        delays, waiting = [], set(watchers)
        while waiting and time.perf_counter() - began < 30:
            for key, _ in selector.select(1):
                if b"EXISTS" in key.data.socket.recv(65536) and key.data in waiting:
                    delays.append(time.perf_counter() - began)
                    waiting.discard(key.data)
        while not writer.receive():
            pass
        assert not waiting, f"{len(waiting)} idlers were told nothing in 30 s"
        yield "notify", 1000 * statistics.median(delays)
    for connection in [writer, *watchers]:
        connection.close()


def fan_out(target, sizes):
    """Sessions that watch all personal mailboxes by NOTIFY and have none selected; until the last one is told."""
    watchers = [Connection(target.imap, "idle2") for _ in range(sizes["watchers"])]
    try:
        for connection in watchers:
            connection.run(b"NOTIFY SET (personal (MessageNew MessageExpunge))")
    except RuntimeError:
        return  # a Dovecot without NOTIFY
    writer = Connection(target.imap, "idle2")
    selector = selectors.DefaultSelector()
    for connection in watchers:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    text = message(1)
    for _ in range(sizes["runs"]):
        time.sleep(0.7)
        began = time.perf_counter()
        writer.start(b"APPEND INBOX {%d+}" % len(text), text + b"\r\n")
        waiting = set(watchers)
        while waiting and time.perf_counter() - began < 30:
            for key, _ in selector.select(1):
                if b"* STATUS" in key.data.socket.recv(65536):
                    waiting.discard(key.data)
        took = time.perf_counter() - began
        while not writer.receive():
            pass
        assert not waiting, f"{len(waiting)} watchers were told nothing in 30 s"
        yield "fan_out", 1000 * took
    for connection in [writer, *watchers]:
        connection.close()


WORKLOADS = (
    appends, deposits, large, selects, fetches, stores, sorts, moves, listing, logins, notify, fan_out, idlers, resyncs, searches, huge, pictures,
    talks, conversions,
)
