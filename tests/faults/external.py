#!/usr/bin/env python3
"""A database of one's own (database.url): direct and through PgBouncer, two nodes on it, an outage of it, newer and older schemas."""
import hashlib
import os
import subprocess
import time

from common import HERE, check, main, message
from postgres import PgBouncer, Postgres
from processes import wait_for
from server import Node
from wire import Wire

USER = "alice@example.net"
MIGRATIONS = HERE.parent.parent / "migrations"


def tour(node, what):
    node.add_user(USER)
    with Wire(node.imaps, tls=True) as wire:
        wire.login(USER)
        wire.must("CREATE Box/Inner")
        for number in range(1, 11):
            wire.append("Box/Inner", message(number))
        wire.append("Box/Inner", message(11, 3_000_000))
        reply = wire.must("SELECT Box/Inner")
        check(reply.number("EXISTS") == 11, f"{what}: messages stored")
        check(message(11, 3_000_000) in wire.must("FETCH 11 BODY.PEEK[]").untagged[0], f"{what}: 3 MB come back unchanged")
        wire.must("UID STORE 1:3 +FLAGS (\\Deleted)")
        wire.must("EXPUNGE")
        check(wire.must('UID SEARCH SUBJECT "Message 7"').numbers() == [7], f"{what}: search")
        check("COPYUID" in wire.must("UID COPY 4:5 INBOX").text, f"{what}: copy")
    done = node.ctl("db", "check", check=False)
    check(done.returncode == 0, f"{what}: cpmctl db check finds nothing", done.stdout + done.stderr)
    check(not (node.data / "pg").exists(), f"{what}: no embedded database was made")


def idle(node):
    wire = Wire(node.imaps, tls=True, timeout=60)
    wire.login(USER)
    exists = wire.must("SELECT INBOX").number("EXISTS")
    wire.send(b"i IDLE\r\n")
    while not wire.line().startswith(b"+"):
        pass
    return wire, exists


def told(wire):
    line = wire.line()
    while not line.endswith(b"EXISTS"):
        line = wire.line()
    return line


def nodes(binaries, first, second_url):
    """Two servers on one database: what one stores the other one tells."""
    with Node(binaries, second_url) as second:
        waiting, exists = idle(second)
        with Wire(first.imaps, tls=True) as wire:
            wire.login(USER)
            began = time.monotonic()
            wire.append("INBOX", message(20))
            line = told(waiting)
            check(line == b"* %d EXISTS" % (exists + 1), "an APPEND at one node is told in IDLE at the other", line)
            check(time.monotonic() - began < 1.5, f"at once ({(time.monotonic() - began) * 1000:.0f} ms), not by polling")
        waiting.close()


def outage(node, postgres, what):
    waiting, exists = idle(node)
    with Wire(node.imaps, tls=True, timeout=60) as wire:
        wire.login(USER)
        wire.must("SELECT INBOX")
        postgres.stop()
        for command in ("UID STORE 1 +FLAGS (\\Seen)", "STATUS Box (MESSAGES)", "CREATE Other"):
            reply = wire.command(command)
            check(reply.status == "NO" and reply.code == "UNAVAILABLE", f"{what}: {command.split(' (')[0]} answers NO [UNAVAILABLE]", reply)
        with Wire(node.imaps, tls=True, timeout=60) as other:
            reply = other.command(f'LOGIN "{USER}" "not-this"')
            check(reply.code == "UNAVAILABLE", f"{what}: LOGIN answers NO [UNAVAILABLE]", reply)
        postgres.start()
        check(wait_for(lambda: bool(wire.command("UID STORE 1 +FLAGS (\\Seen)")), 60, 0.3), f"{what}: the same session works again")
        check(bool(wire.append("INBOX", message(21))), f"{what}: APPEND works")
        line = told(waiting)
        check(line == b"* %d EXISTS" % (exists + 1), f"{what}: the IDLE session is told", line)
    waiting.close()


def refused(binaries, url):
    """The exit code and the text of a server that must not start."""
    node = Node(binaries, url)
    try:
        process = subprocess.run(node.command(), capture_output=True, text=True, timeout=60)
        return process.returncode, process.stdout + process.stderr
    finally:
        node.__exit__()


def schemas(binaries, postgres):
    url = postgres.make_database("newer")
    with Node(binaries, url):
        pass
    known = int(postgres.sql("newer", "select version from schema_version"))
    postgres.sql("newer", "update schema_version set version = version + 1")
    code, text = refused(binaries, url)
    check(code not in (0, None) and "ready" not in text.split("\n")[0], "a newer schema is refused", (code, text))
    check(str(known + 1) in text and "cpmctl db migrate" in text, "with the versions and the command to run", text[-1000:])
    postgres.sql("newer", "update schema_version set version = version - 1; update schema_migration set digest = 'x' where number = 1")
    code, text = refused(binaries, url)
    check(code not in (0, None) and "0001" in text, "a schema made by another text of a migration is refused", (code, text[-1000:]))

    url = postgres.make_database("older")
    first = sorted(MIGRATIONS.glob("*.sql"))[0]
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    postgres.sql("older", first.read_text() + f"\ninsert into schema_migration (number, file, digest) values (1, '{first.name}', "
                 f"decode('{digest}', 'hex')); update schema_version set version = 1;", user="older")
    with Node(binaries, url) as node:
        check(int(postgres.sql("older", "select version from schema_version")) == known, f"an older schema (1) is migrated to {known} at start")
        tour(node, "migrated")
        done = node.ctl("db", "status", "--json")
        check('"current"' in done.stdout, "cpmctl db status says current", done.stdout)

    url = postgres.make_database("twice")
    with Node(binaries, url) as one, Node(binaries, url) as two:
        check(one.imap != two.imap, "two nodes started after each other on an empty database")
    url = postgres.make_database("race")
    started = [Node(binaries, url) for _ in range(3)]
    processes = [subprocess.Popen(node.command(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for node in started]
    lines = [process.stdout.readline() for process in processes]
    for process in processes:
        process.terminate()
    codes = [process.wait(60) for process in processes]
    for node in started:
        node.__exit__()
    check(all(line.startswith("ready ") for line in lines) and codes == [0, 0, 0],
          "three nodes started at once on an empty database: one migrates, all are ready", (lines, codes))


def apart(binaries, postgres, bouncer):
    """Few connections for all, another one for each transaction: nobody sees what the one before was let in to."""
    postgres.make_database("shared")
    node = Node(binaries, bouncer.url("shared"))
    with open(node.data / "cpmstore.toml", "a") as settings:
        settings.write("prepare = false\n")
    with node:
        tour(node, "transaction pooling")
        node.add_user("bob@example.net")
        with Wire(node.imaps, tls=True) as alice, Wire(node.imaps, tls=True) as bob:
            alice.login(USER)
            bob.login("bob@example.net")
            theirs = f'"Other Users/{USER}/INBOX"'
            alice.append("INBOX", message(30))
            inbox = alice.must("STATUS INBOX (MESSAGES)").untagged[0]
            for turn in range(20):
                check(bob.command(f"STATUS {theirs} (MESSAGES)").status == "NO" and alice.must("STATUS INBOX (MESSAGES)").untagged[0] == inbox
                      and b"MESSAGES 0" in bob.must("STATUS INBOX (MESSAGES)").untagged[0],
                      f"transaction pooling: each sees their own mailboxes ({turn})")
            alice.must("SETACL INBOX bob@example.net lr")
            bob.must(f"SELECT {theirs}")
            check(b"Message 30" in b"".join(bob.must("FETCH * BODY.PEEK[]").untagged), "transaction pooling: what is shared is read")
            alice.must("DELETEACL INBOX bob@example.net")
            check(bob.command("FETCH * BODY.PEEK[]").status == "NO", "transaction pooling: … and no longer")


def unreachable(binaries):
    code, text = refused(binaries, "postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=3")
    check(code not in (0, None) and "127.0.0.1" in text, "a database that is not there: the server says so and ends", (code, text[-600:]))


def test(binaries):
    with Postgres() as postgres:
        with Node(binaries, postgres.make_database("direct")) as node:
            tour(node, "direct")
            nodes(binaries, node, f"postgresql://direct@127.0.0.1:{postgres.port}/direct")
            outage(node, postgres, "direct")
        with PgBouncer(postgres) as bouncer:
            postgres.make_database("pooled")
            with Node(binaries, bouncer.url("pooled")) as node:
                tour(node, "pgbouncer")
                nodes(binaries, node, bouncer.url("pooled"))
                outage(node, postgres, "pgbouncer")
        with PgBouncer(postgres, "transaction") as bouncer:
            apart(binaries, postgres, bouncer)
        schemas(binaries, postgres)
    unreachable(binaries)


main(test)
