from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert, text

from caiyou.errors import NotFound
from caiyou.ledger.messages import PAGE, Message, Wanted, all_between, message_of, page_of, page_query
from caiyou.ledger.models import ShortMessageRow
from caiyou.ledger.record import LADDER

T0 = datetime(2025, 1, 1, 8, tzinfo=UTC)
NUMBERS = ("8613800138000", "8613900139000", "85291234567")
LINKS = ("ismg", "smg", None)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def row(number: int, choose: random.Random) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(ShortMessageRow.__table__.columns.keys())
    return found | {
        "id": f"{choose.randrange(16**6):06x}{number:04d}",
        "number": choose.choice(NUMBERS),
        "state": choose.choice(LADDER),
        "link": choose.choice(LINKS),
        "created_at": at(choose.randrange(100)),  # several at one time
        "in_doubt": False,
    }


@pytest.fixture
def rows(engine: Engine) -> list[dict[str, Any]]:
    """Three hundred, in no order."""
    choose = random.Random(1)
    made = [row(number, choose) for number in range(300)]
    with engine.begin() as connection:
        connection.execute(insert(ShortMessageRow), made)
    return made


def expected(rows: list[dict[str, Any]], wanted: Wanted) -> list[str]:
    found = [
        row
        for row in rows
        if (not wanted.number or row["number"] == wanted.number)
        and (not wanted.state or row["state"] == wanted.state)
        and (not wanted.link or row["link"] == wanted.link)
        and (wanted.since is None or row["created_at"] >= wanted.since)
        and (wanted.until is None or row["created_at"] < wanted.until)
    ]
    return [row["id"] for row in sorted(found, key=lambda row: (row["created_at"], row["id"]), reverse=True)]


COMBINATIONS = [
    Wanted(number=number, state=state, link=link, since=since, until=until)
    for number, state, link, since, until in itertools.product(
        ("", NUMBERS[0], "8610000000000"),
        ("", "failed"),
        ("", "smg", "none"),
        (None, at(30)),
        (None, at(70)),
    )
]


def test_every_combination_page_by_page(engine: Engine, rows: list[dict[str, Any]]) -> None:
    for wanted in COMBINATIONS:
        found: list[Message] = []
        while page := page_of(engine, wanted, 7, found[-1].id if found else ""):
            assert len(page) <= 7
            found += page
        assert [message.id for message in found] == expected(rows, wanted), wanted


def test_a_page_is_as_long_as_was_asked_for(engine: Engine, rows: list[dict[str, Any]]) -> None:
    assert [len(page_of(engine, Wanted(), limit)) for limit in (1, 20, 1000)] == [1, 20, 300]


def test_after_a_message_that_is_not_there(engine: Engine, rows: list[dict[str, Any]]) -> None:
    with pytest.raises(NotFound):
        page_of(engine, Wanted(), 20, after="nothing")


def test_one_message(engine: Engine, rows: list[dict[str, Any]]) -> None:
    found = message_of(engine, rows[7]["id"])
    assert found is not None
    assert {name: getattr(found, name) for name in found.__slots__} == rows[7]
    assert message_of(engine, "nothing") is None


def test_all_of_a_span_in_order_across_pages(engine: Engine) -> None:
    choose = random.Random(2)
    made = [row(number, choose) for number in range(PAGE * 2 + 10)]  # twenty at a time: pages end within one
    with engine.begin() as connection:
        connection.execute(insert(ShortMessageRow), made)
    found = [message.id for message in all_between(engine, at(10), at(90))]
    assert found == expected(made, Wanted(since=at(10), until=at(90)))[::-1]
    assert list(all_between(engine, at(200), at(300))) == []


FREQUENT = "8613800000001"


@pytest.mark.live
@pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
def test_every_combination_goes_by_an_index(engine: Engine) -> None:
    """At the scale of a test; bench/history.py measures at ten million."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO short_message (id, number, state, link, in_doubt, created_at)"
                " SELECT 'p' || n, CASE WHEN n % 50 = 0 THEN :frequent ELSE '86139' || lpad(n::text, 8, '0') END,"
                " CASE WHEN n % 500 = 0 THEN 'failed' ELSE 'delivered' END,"
                " CASE WHEN n % 2 = 0 THEN 'ismg' WHEN n % 5001 = 0 THEN 'rare' ELSE 'smg' END,"
                " false, timestamptz '2025-01-01 08:00:00Z' + n * interval '1 s' FROM generate_series(1, 50000) AS n"
            ),
            {"frequent": FREQUENT},
        )
        connection.execute(text("ANALYZE short_message"))
    combinations = itertools.product(
        ("", FREQUENT, "8613900000001", "8610000000000"),
        ("", "failed", "delivered", "queued"),
        ("", "smg", "rare", "none"),
        (None, at(10_000)),
        (None, at(40_000)),
        (None, (at(30_000), "p30000")),
    )
    with engine.connect() as connection:
        for number, state, link, since, until, last in combinations:
            wanted = Wanted(number=number, state=state, link=link, since=since, until=until)
            query = page_query(wanted, 20, last).compile(connection, compile_kwargs={"literal_binds": True})
            plan = "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {query}"))
            # Bitmaps would gather all that matches before the first is shown.
            assert "Seq Scan" not in plan, f"{wanted}\n{plan}"
            assert "Bitmap" not in plan, f"{wanted}\n{plan}"
            if not state:  # a rare state's own index may do as well
                best = [name for name, value in (("number", number), ("link", link)) if value] or ["state"]
                assert any(f"ix_short_message_{name}" in plan for name in best), f"{wanted}\n{plan}"
