"""History of short messages: how long `caiyou sms list` looks for a page, in a PostgreSQL with ten million of them.

Every combination of number, state, link and time, each where it is hard: a number with one message in a hundred, a
state and a link that are rare, a link that is not used any more, what never meets, a page in the middle of all. The
first call of each counts too. Then a day's CDR, and what the writer of events does on tables of that size.

    python -m bench.history [ROWS]      10,000,000 rows: about 5 GB in the temporary folder, some minutes
"""

from __future__ import annotations

import itertools
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.schema import CreateIndex, DropIndex

from bench.postgres import running
from caiyou.events import Event, Kind
from caiyou.ledger import database
from caiyou.ledger.messages import Wanted, all_between, page_of
from caiyou.ledger.models import ShortMessageRow
from caiyou.ledger.record import record

END = datetime(2025, 12, 31, tzinfo=UTC)
DAYS = 365
FREQUENT, FORMER, ORDINARY, UNKNOWN = "8613800000001", "8613800000002", "8613900000077", "8613999999999"
LIMIT_S = 0.3
REPEATS = 3
EVENTS = 30_000

# 1 in 100 to the frequent number, as many to the former one in the first half; one link in use in the first tenth only;
# a hundred messages over a rare link and fifty in a rare state, wherever they fall.
FILL = """
INSERT INTO short_message (id, number, src_id, message_class, route, link, state, in_doubt, parts, price_fen,
  created_at, submitted_at, done_at, result, queue_id, message_id, subscriber, domain)
SELECT lpad(to_hex(extract(epoch FROM at)::bigint * 1000), 11, '0') || substr(md5(n::text), 1, 10),
  CASE WHEN n % 100 = 0 THEN '8613800000001' WHEN n % 100 = 50 AND n < :rows / 2 THEN '8613800000002'
       ELSE '86139' || lpad((n * bigint '7919' % (:rows / 10))::text, 8, '0') END,
  '10658000', CASE WHEN n % 20 = 0 THEN 'code' ELSE 'notification' END, 'default',
  CASE WHEN n % (:rows / 100) = 7 THEN 'rare' WHEN n < :rows / 10 AND n % 2 = 1 THEN 'retired'
       WHEN n % 10 < 6 THEN 'ismg' WHEN n % 10 < 9 THEN 'smg' ELSE 'smgw' END,
  CASE WHEN n % (:rows / 50) = 3 THEN 'queued' WHEN n % 100 < 94 THEN 'delivered' WHEN n % 100 < 98 THEN 'failed'
       WHEN n % 100 < 99 THEN 'expired' ELSE 'submitted' END,
  n % 1000 = 0, 1 + (n % 10) / 9, 5, at, at + interval '1 s', at + interval '9 s', 'DELIVRD',
  '4Z' || to_hex(n), '<' || n || '.abcdef@mail.example.test>', 'u' || n % 5000 || '@example.test', 'example.test'
FROM (SELECT n, CAST(:start AS timestamptz) + n * CAST(:step AS interval) AS at FROM generate_series(1, :rows) AS n)
  AS numbered
"""


def fill(engine: Engine, rows: int) -> None:
    """The table first, its indexes then."""
    indexes = sorted(ShortMessageRow.__table__.indexes, key=lambda index: str(index.name))  # type: ignore[attr-defined]
    values = {"rows": rows, "start": END - timedelta(days=DAYS), "step": f"{DAYS * 86400 / rows:.6f} s"}
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
        for index in indexes:
            connection.execute(DropIndex(index))
        connection.execute(text(FILL), values)
        for index in indexes:
            connection.execute(CreateIndex(index))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE short_message"))


def combinations() -> Iterator[Wanted]:
    """Everything that can be asked for together."""
    old = END - timedelta(days=300)
    for number, state, link, span in itertools.product(
        ("", FREQUENT, FORMER, ORDINARY, UNKNOWN),
        ("", "delivered", "failed", "queued"),
        ("", "ismg", "retired", "rare", "unknown"),
        ((None, None), (old, old + timedelta(hours=1)), (END - timedelta(days=30), None), (None, old)),
    ):
        yield Wanted(number=number, state=state, link=link, since=span[0], until=span[1])


def measure(engine: Engine, rows: int) -> None:
    """Each page, first and repeated."""
    with engine.connect() as connection:
        middle = connection.execute(
            select(ShortMessageRow.id)
            .where(ShortMessageRow.state == "delivered", ShortMessageRow.created_at > END - timedelta(days=DAYS / 2))
            .order_by(ShortMessageRow.created_at)
            .limit(1)
        ).scalar_one()
    took: list[tuple[float, str]] = []
    for wanted, after in itertools.product(combinations(), ("", middle)):
        for _ in range(1 + REPEATS):
            begun = time.perf_counter()
            found = len(page_of(engine, wanted, 20, after))
            seconds = time.perf_counter() - begun
            took.append((seconds, f"{_words(wanted, after)}: {found} found"))
    seconds_only = [seconds for seconds, _ in took]
    print(
        f"a page of 20 in {rows:,} rows, {len(took)} queries: p50 {statistics.median(seconds_only) * 1000:.1f} ms,"
        f" p99 {statistics.quantiles(seconds_only, n=100)[98] * 1000:.1f} ms, max {max(seconds_only) * 1000:.1f} ms"
        f" (limit {LIMIT_S * 1000:.0f} ms: {'kept' if max(seconds_only) < LIMIT_S else 'BROKEN'})"
    )
    for seconds, words in sorted(took, reverse=True)[:5]:
        print(f"  {seconds * 1000:7.1f} ms  {words}")


def _words(wanted: Wanted, after: str) -> str:
    parts = [
        f"{name} {value}" for name in ("number", "state", "link", "since", "until") if (value := getattr(wanted, name))
    ]
    return ", ".join([*parts, "from the middle"] if after else parts) or "all"


def export(engine: Engine) -> None:
    """A day's CDR, without the formatting."""
    day = END - timedelta(days=100)
    begun = time.perf_counter()
    count = sum(1 for _ in all_between(engine, day, day + timedelta(days=1)))
    seconds = time.perf_counter() - begun
    print(f"a day's CDR: {count:,} rows, {count / seconds:,.0f}/s")


def write(engine: Engine) -> None:
    """Three events a message, in batches as caiyou-ledgerd has them."""
    timed: list[Event] = []
    for number in range(EVENTS // 3):
        at, id = END + timedelta(milliseconds=5 * number), f"{number:021d}"
        who = {
            "sms_id": id,
            "number": f"86139{number % 5000:08d}",
            "queue_id": f"4Y{number:x}",
            "domain": "example.test",
        }
        detail = {"route": "default", "message_class": "notification", "price_fen": 5}
        timed += [
            Event(kind=Kind.NOTIFY_QUEUED, at=at, detail=detail, **who),  # type: ignore[arg-type]
            Event(kind=Kind.SMS_SUBMITTED, at=at + timedelta(seconds=0.3), detail={"link": "ismg", "parts": 1}, **who),  # type: ignore[arg-type]
            Event(kind=Kind.SMS_DELIVERED, at=at + timedelta(seconds=6), result="DELIVRD", **who),  # type: ignore[arg-type]
        ]
    timed.sort(key=lambda event: event.at)
    begun = time.perf_counter()
    for start in range(0, len(timed), 500):
        record(engine, timed[start : start + 500])
    print(f"the writer then: {len(timed) / (time.perf_counter() - begun):,.0f} events/s")


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    with running("-c shared_buffers=512MB -c max_wal_size=8GB") as server:
        engine = create_engine(server.url("postgres"))
        database.upgrade(engine)
        begun = time.perf_counter()
        fill(engine, rows)
        with engine.connect() as connection:
            size = connection.execute(text("SELECT pg_total_relation_size('short_message')")).scalar_one()
        print(f"{rows:,} rows, {size / 2**30:.1f} GiB with indexes, filled in {time.perf_counter() - begun:.0f} s")
        measure(engine, rows)
        export(engine)
        write(engine)
        engine.dispose()


if __name__ == "__main__":
    main()
