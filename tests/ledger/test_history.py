from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from caiyou.events import Event, Kind
from caiyou.ledger import history
from caiyou.ledger.history import Ids, events_of, events_of_number
from caiyou.ledger.record import record

T0 = datetime(2025, 1, 1, tzinfo=UTC)


def event(event_id: str, seconds: int, **more: str) -> Event:
    return Event(kind=Kind.MAIL_DELIVERED, id=event_id, at=T0 + timedelta(seconds=seconds), **more)  # type: ignore[arg-type]


def test_events_of_any_of_the_ids_oldest_first(engine: Engine) -> None:
    record(
        engine,
        [
            event("d", 4, sms_id="s1"),
            event("a", 1, queue_id="Q1"),
            event("c", 3, queue_id="Q2", message_id="<m>"),
            event("b", 1, queue_id="Q1", message_id="<m>"),
            event("x", 2, queue_id="Q3", message_id="<other>"),
        ],
    )
    ids = Ids(queue_ids=frozenset({"Q1"}), message_ids=frozenset({"<m>"}), sms_ids=frozenset({"s1"}))
    assert [e.id for e in events_of(engine, ids)] == ["a", "b", "c", "d"]
    assert [e.id for e in events_of(engine, ids, since=T0 + timedelta(seconds=3))] == ["c", "d"]
    assert list(events_of(engine, Ids())) == []


@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_join_without_a_gap_or_a_repeat(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, newest_first: bool
) -> None:
    monkeypatch.setattr(history, "PAGE", 3)
    events = [event(f"e{i:02}", i // 4, queue_id="Q", number="8613800138000") for i in range(20)]  # four at one time
    record(engine, events)
    if newest_first:
        found = [e.id for e in events_of_number(engine, "8613800138000")]
        assert found == [e.id for e in reversed(events)]
    else:
        assert [e.id for e in events_of(engine, Ids(queue_ids=frozenset({"Q"})))] == [e.id for e in events]


def test_a_kind_of_a_later_release_is_passed_over(engine: Engine) -> None:
    record(engine, [event("a", 1, queue_id="Q"), event("b", 2, queue_id="Q")])
    with engine.begin() as connection:
        connection.execute(text("UPDATE event SET kind = 'mail.teleported' WHERE id = 'a'"))
    assert [e.id for e in events_of(engine, Ids(queue_ids=frozenset({"Q"})))] == ["b"]


def test_a_mail_without_a_message_id_is_not_known_by_one() -> None:
    assert Ids.of(event("a", 1, queue_id="Q1", message_id="Q1")) == Ids(queue_ids=frozenset({"Q1"}))


@pytest.mark.parametrize("column", ["queue_id", "message_id", "sms_id", "number"])
def test_lookups_use_an_index(engine: Engine, column: str) -> None:
    record(engine, [event(f"e{i}", i, **{column: f"x{i}"}) for i in range(500)])
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("ANALYZE event"))
        plan = connection.execute(text(f"{explain} SELECT * FROM event WHERE {column} = 'x7' ORDER BY at")).all()  # noqa: S608
    assert f"ix_event_{column}" in str(plan)
