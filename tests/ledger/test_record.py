from __future__ import annotations

import itertools
import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, func, select
from sqlalchemy.exc import DataError

from caiyou.events import Event, Kind
from caiyou.ledger.models import EventRow, ShortMessageRow
from caiyou.ledger.record import record

T0 = datetime(2025, 1, 1, 8, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def sms(kind: Kind, seconds: float, sms_id: str = "s1", **more: Any) -> Event:
    return Event(kind=kind, at=at(seconds), sms_id=sms_id, number="8613800138000", **more)


LIFE = [
    sms(
        Kind.NOTIFY_QUEUED,
        0,
        queue_id="Q1",
        message_id="<m>",
        subscriber="a@b",
        domain="b",
        detail={"route": "r", "message_class": "notification", "price_fen": 10},
    ),
    sms(Kind.SMS_IN_DOUBT, 1, detail={"link": "one"}),
    sms(Kind.SMS_SUBMITTED, 2, detail={"link": "two", "parts": 2, "src_id": "10658000"}),
    sms(Kind.SMS_FAILED, 3, result="UNDELIV"),
    sms(Kind.SMS_DELIVERED, 4, result="DELIVRD"),
]


def short_message(engine: Engine, sms_id: str = "s1") -> dict[str, Any]:
    with engine.connect() as connection:
        row = connection.execute(select(*ShortMessageRow.__table__.columns).where(ShortMessageRow.id == sms_id)).one()
    return dict(row._mapping)


def clear(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(delete(EventRow))
        connection.execute(delete(ShortMessageRow))


def test_an_event_is_written_as_it_came_and_once(engine: Engine) -> None:
    event = Event(
        kind=Kind.MAIL_DELIVERED,
        at=at(0.123456),
        queue_id="4Zab12",
        message_id="<张三@例子.test>",
        subscriber="alice@example.test",
        domain="例子.test",
        number="8613800138000",
        sms_id="s9",
        size_bytes=2**62,
        result="250 2.0.0 Saved",
        detail={"rcpt_to": ["张三@例子.test"], "lone": "\ud800", "nul": "\0", "n": 1.5},
    )
    record(engine, [event, event])
    record(engine, [event])
    with engine.connect() as connection:
        (row,) = connection.execute(select(*EventRow.__table__.columns)).all()
    assert Event(**{**row._mapping, "kind": Kind(row.kind)}) == event


def test_the_text_of_a_message_is_not_kept(engine: Engine) -> None:
    record(engine, [Event(kind=Kind.SMS_RECEIVED, number="8613800138000", detail={"to": "8878", "text": "secret"})])
    with engine.connect() as connection:
        assert connection.execute(select(EventRow.detail)).scalar_one() == {"to": "8878"}


def test_nothing_is_written_of_a_batch_that_fails(engine: Engine) -> None:
    good = Event(kind=Kind.LINK_UP)
    bad = Event(kind=Kind.LINK_UP)
    object.__setattr__(bad, "size_bytes", 2**70)  # as no event can
    with pytest.raises((DataError, OverflowError)):
        record(engine, [good, bad])
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(EventRow)).scalar() == 0


def test_the_life_of_a_short_message(engine: Engine) -> None:
    states = []
    for event in LIFE:
        record(engine, [event])
        states.append(short_message(engine)["state"])
    assert states == ["queued", "queued", "submitted", "failed", "delivered"]
    assert short_message(engine) == {
        "id": "s1",
        "number": "8613800138000",
        "src_id": "10658000",
        "message_class": "notification",
        "route": "r",
        "link": "two",
        "state": "delivered",
        "in_doubt": True,
        "parts": 2,
        "price_fen": 10,
        "created_at": at(0),
        "submitted_at": at(2),
        "done_at": at(4),
        "result": "DELIVRD",
        "queue_id": "Q1",
        "message_id": "<m>",
        "subscriber": "a@b",
        "domain": "b",
    }


def test_in_any_order_it_ends_the_same(engine: Engine) -> None:
    record(engine, LIFE)
    expected = short_message(engine)
    for order in random.Random(1).sample(list(itertools.permutations(LIFE)), 20):
        clear(engine)
        for event in order:
            record(engine, [event])
        assert short_message(engine) == expected, [event.kind for event in order]


_KINDS = [
    Kind.NOTIFY_QUEUED,
    Kind.SMS_QUEUED,
    Kind.SMS_SUBMITTED,
    Kind.SMS_IN_DOUBT,
    Kind.SMS_DELIVERED,
    Kind.SMS_FAILED,
    Kind.SMS_EXPIRED,
]
_EVENTS = st.lists(
    st.builds(
        lambda kind, seconds, sms_id, more: sms(kind, seconds, sms_id, result=f"{kind}{seconds}", detail=more),
        st.sampled_from(_KINDS),
        st.integers(0, 5),
        st.sampled_from(["s1", "s2"]),
        st.sampled_from([{}, {"parts": 2}, {"route": "r"}, {"link": "l"}, {"price_fen": 5, "message_class": "code"}]),
    ),
    max_size=8,
    unique_by=lambda event: (event.sms_id, event.kind, event.at),
)


@given(events=_EVENTS, order=st.randoms(use_true_random=False), cuts=st.sets(st.integers(1, 15), max_size=4))
@example(events=LIFE, order=random.Random(0), cuts={1, 2, 3})
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_batches_repeats_and_order_do_not_matter(
    engine: Engine, events: list[Event], order: random.Random, cuts: set[int]
) -> None:
    clear(engine)
    record(engine, events)
    expected = _short_messages(engine)
    clear(engine)
    shuffled = events + events[: len(events) // 2]
    order.shuffle(shuffled)
    borders = [0, *sorted(cut for cut in cuts if cut < len(shuffled)), len(shuffled)]
    for start, end in itertools.pairwise(borders):
        record(engine, shuffled[start:end])
    assert _short_messages(engine) == expected


def _short_messages(engine: Engine) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        rows = connection.execute(select(*ShortMessageRow.__table__.columns).order_by(ShortMessageRow.id)).all()
    return [dict(row._mapping) for row in rows]


def test_without_a_queued_event_its_time_is_that_of_the_earliest(engine: Engine) -> None:
    record(engine, [sms(Kind.SMS_DELIVERED, 9)])
    assert short_message(engine)["created_at"] == at(9)
    record(engine, [sms(Kind.SMS_SUBMITTED, 2)])
    assert short_message(engine)["created_at"] == at(2)


@pytest.mark.parametrize("price", [-1, 10**12, "10", 1.5, None])
def test_a_price_that_is_none_is_not_kept(engine: Engine, price: object) -> None:
    record(engine, [sms(Kind.SMS_QUEUED, 0, detail={"price_fen": price})])
    assert short_message(engine)["price_fen"] is None


def test_states_only_go_up(engine: Engine) -> None:
    record(engine, [sms(Kind.SMS_DELIVERED, 9, result="DELIVRD")])
    record(engine, [sms(Kind.SMS_SUBMITTED, 2), sms(Kind.NOTIFY_QUEUED, 1), sms(Kind.SMS_EXPIRED, 20, result="late")])
    found = short_message(engine)
    assert (found["state"], found["result"], found["done_at"]) == ("delivered", "DELIVRD", at(9))
    assert (found["created_at"], found["submitted_at"]) == (at(1), at(2))


def test_other_events_make_no_short_message(engine: Engine) -> None:
    record(
        engine,
        [
            Event(kind=Kind.SMS_RECEIVED, sms_id="mo", number="8613800138000"),
            Event(kind=Kind.NOTIFY_QUEUED, number="8613800138000"),
            Event(kind=Kind.MAIL_ACCEPTED, queue_id="Q"),
        ],
    )
    assert _short_messages(engine) == []


def test_two_writers_at_once(engine: Engine) -> None:
    troubles: list[Exception] = []

    def work(seed: int) -> None:
        order = random.Random(seed)
        for _ in range(10):
            events = [sms(order.choice(_KINDS), order.randrange(9), f"s{order.randrange(20)}") for _ in range(20)]
            try:
                record(engine, events)
            except Exception as error:  # noqa: BLE001 - told below
                troubles.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(EventRow)).scalar() == 800
