#!/usr/bin/env python3
"""Two nodes on one database are killed while several connections change the same mailboxes; after each round the record must
say exactly what happened: no change without its row, no row without its change (issue 5; MSS-42, MSS-43).

Every change of a mailbox takes one MODSEQ, so that each MODSEQ from 2 on must have exactly one row, or those of deposits that went
together (decision 0045); the UIDs that rows gave are exactly those that were given, and those that rows took away exactly those that are gone. Then the chain must hold.

    audit.py --bin build/release/bin
"""
import contextlib
import os
import pathlib
import random
import signal
import sys
import threading
import time

from common import check, main, message

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from postgres import Postgres  # noqa: E402
from processes import wait_for  # noqa: E402
from server import Node  # noqa: E402
from wire import Closed, Wire  # noqa: E402

USER = "alice@example.net"
BOXES = ("INBOX", "Default", "Other")


def work(address, dice, stop, done):
    while not stop.is_set():
        try:
            with Wire(address, timeout=20) as wire:
                wire.login(USER)
                box = dice.choice(BOXES)
                wire.must(f"SELECT {box}")
                for _ in range(20):
                    if stop.is_set():
                        return
                    what = dice.random()
                    uid = dice.randint(1, 400)
                    if what < 0.4:
                        reply = wire.append(dice.choice(BOXES), message(dice.randint(1, 10 ** 9)))
                    elif what < 0.6:
                        reply = wire.command(f"UID STORE {uid}:{uid + 5} +FLAGS ({dice.choice(['Seen', 'Deleted', 'Flagged'])!s})".replace("(", "(\\"))
                    elif what < 0.7:
                        reply = wire.command(f"UID STORE {uid}:{uid + 3} FLAGS (word{dice.randint(1, 3)})")
                    elif what < 0.8:
                        reply = wire.command(f"UID COPY {uid}:{uid + 2} {dice.choice(BOXES)}")
                    elif what < 0.9:
                        reply = wire.command(f"UID MOVE {uid}:{uid + 2} {dice.choice(BOXES)}")
                    else:
                        reply = wire.command("EXPUNGE")
                    done[0] += bool(reply)
        except (Closed, OSError, AssertionError, TimeoutError):
            time.sleep(0.05)


# Each finds what is wrong; in terms of the rows of the record and of the mailboxes.
CHECKS = {
    "each MODSEQ of a mailbox has one row": """
        select b.mailbox_id, g.modseq, count(a.*) from mailbox b
               cross join lateral generate_series(2, b.highestmodseq) as g(modseq)
               left join audit a on a.account_id = b.account_id and a.mailbox_id = b.mailbox_id and a.modseq = g.modseq
                                    and not (a.command = 14 and a.detail ->> 'to_id' = b.mailbox_id::text)
         where b.epoch = 0 group by 1, 2 having count(a.*) <> 1 and (count(a.*) = 0 or bool_or(a.command <> 10))""",
    "no row has a MODSEQ that was never taken": """
        select a.mailbox_id, a.modseq from audit a join mailbox b using (account_id, mailbox_id) where a.modseq > b.highestmodseq""",
    "rows gave the UIDs that were given": """
        with given as (select a.mailbox_id, unnest(range_agg(int4range(split_part(r, ':', 1)::int,
                              coalesce(nullif(split_part(r, ':', 2), ''), split_part(r, ':', 1))::int, '[]'))) as uids
                         from audit a cross join lateral regexp_split_to_table(a.uids, ',') r
                        where a.command in (10, 11, 12) group by 1)
        select b.mailbox_id, b.uidnext, g.uids from mailbox b left join given g on g.mailbox_id = b.mailbox_id
         where b.uidnext > 1 and g.uids is distinct from int4range(1, b.uidnext)""",
    "rows took the UIDs that are gone": """
        with taken as (select a.mailbox_id, range_agg(int4range(split_part(r, ':', 1)::int,
                              coalesce(nullif(split_part(r, ':', 2), ''), split_part(r, ':', 1))::int, '[]')) as uids
                         from audit a cross join lateral regexp_split_to_table(a.uids, ',') r
                        where a.command in (14, 15) group by 1),
        living as (select m.mailbox_id, range_agg(int4range(m.uid, m.uid, '[]')) as uids from message m group by 1)
        select b.mailbox_id from mailbox b left join taken t using (mailbox_id) left join living l using (mailbox_id)
         where b.uidnext > 1 and coalesce(t.uids, '{}') + coalesce(l.uids, '{}') <> int4multirange(int4range(1, b.uidnext))
            or coalesce(t.uids, '{}') && coalesce(l.uids, '{}')""",
    "octets of the rows are those of the mailboxes": """
        select sum(case when a.command in (10, 11, 12) then a.octets else -a.octets end) from audit a where a.command in (10, 11, 12, 14, 15)
        having sum(case when a.command in (10, 11, 12) then a.octets else -a.octets end) <> (select sum(bytes) from mailbox)""",
    "everybody who acted is known": """
        select a.session_id from audit a left join audit_session s using (account_id, session_id) where s.session_id is null""",
}


def test(binaries):
    dice = random.Random(5)
    done = [0]
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(Postgres())
        url = postgres.make_database("audit")
        nodes = [stack.enter_context(Node(binaries, url, ["audit.seal=1"])) for _ in range(2)]
        nodes[0].add_user(USER)
        with Wire(nodes[0].imap) as wire:
            wire.login(USER)
            wire.must("CREATE Other")
        for number in range(6):
            stop = threading.Event()
            threads = [threading.Thread(target=work, args=(nodes[n % 2].imap, random.Random(number * 10 + n), stop, done), daemon=True)
                       for n in range(6)]
            for thread in threads:
                thread.start()
            time.sleep(dice.uniform(1.0, 2.5))
            victim = nodes[number % 2]
            if number % 3 == 2:
                postgres.stop("immediate")
            else:
                victim.stop(signal.SIGKILL)
            time.sleep(0.3)
            stop.set()
            for thread in threads:
                thread.join(60)
            if number % 3 == 2:
                postgres.start()
            else:
                victim.start()
            for node in nodes:
                check(wait_for(lambda node=node: usable(node), 40, 0.2), f"round {number + 1}: a node is usable again")
            for text, sql in CHECKS.items():
                wrong = postgres.sql("audit", sql)
                check(not wrong, f"round {number + 1}: {text}", wrong)
        check(done[0] > 200, f"{done[0]} commands were acknowledged")
        check(wait_for(lambda: '"not_yet_sealed": 0' in nodes[0].ctl("audit", "verify", USER, "--json", check=False).stdout, 30, 0.5),
              "everything is sealed")
        nodes[1].ctl("audit", "verify", USER)
        check(True, "the chain holds")
        found = nodes[0].ctl("db", "check", check=False)
        check(found.returncode == 0, "cpmctl db check finds nothing", found.stdout + found.stderr)
        postgres.sql("audit", "update audit set octets = octets + 1 where at = (select max(at) from audit where command = 15)")
        broken = nodes[0].ctl("audit", "verify", USER, check=False)
        check(broken.returncode == 1 and "changed" in broken.stdout, "a row that was changed is found", broken.stdout)


def usable(node):
    try:
        with Wire(node.imap, timeout=10) as wire:
            return bool(wire.command(f'LOGIN "{USER}" "secret"')) and bool(wire.command("STATUS INBOX (MESSAGES)"))
    except (Closed, OSError):
        return False


main(test)
