from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiyou.events import MAX_OCTETS, Event, Kind

_TEXT = st.none() | st.text(min_size=1, max_size=80)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
EVENTS = st.builds(
    Event,
    kind=st.sampled_from(Kind),
    at=st.datetimes(timezones=st.just(UTC)),
    id=st.text(min_size=1, max_size=200),
    queue_id=_TEXT,
    message_id=_TEXT,
    subscriber=_TEXT,
    domain=_TEXT,
    number=_TEXT,
    sms_id=_TEXT,
    size_bytes=st.none() | st.integers(0, 2**63 - 1),
    result=_TEXT,
    detail=st.dictionaries(st.text(max_size=8), _JSON, max_size=4),
)


@given(EVENTS)
def test_json_gives_the_same_event_back(event: Event) -> None:
    text = event.to_json()
    assert "\n" not in text
    assert Event.from_json(text) == event
    assert Event.from_json(text.encode("utf-8")) == event


def test_absent_fields_are_left_out() -> None:
    event = Event(kind=Kind.LINK_UP, id="i", at=datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert json.loads(event.to_json()) == {"kind": "link.up", "at": "2025-01-02T03:04:05+00:00", "id": "i"}


def test_ids_are_unique_and_in_the_order_of_time() -> None:
    ids = [Event(kind=Kind.LINK_UP).id for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert [i.split("-")[0] for i in ids] == sorted(i.split("-")[0] for i in ids)


def test_what_peers_chose_is_made_fit() -> None:
    event = Event(kind=Kind.MAIL_ACCEPTED, message_id="<" + "x" * 5000 + "@y>", result="a\0b\r\n\ud800c\x1b[2J")
    assert event.message_id is not None
    assert len(event.message_id) == 512
    assert event.result == "a\ufffdb\ufffd\ufffd\ufffdc\ufffd[2J"
    lone = Event(kind=Kind.MAIL_ACCEPTED, detail={"mail_from": "\udce4@example.test"})
    assert Event.from_json(lone.to_json().encode("utf-8")).detail == lone.detail


def test_a_long_id_stays_unique() -> None:
    one, two = (Event(kind=Kind.LINK_UP, id="x" * 500 + end) for end in "12")
    assert len(one.id) == len(two.id) == 64
    assert one.id != two.id
    assert one.id == Event(kind=Kind.LINK_UP, id="x" * 500 + "1").id


def test_a_detail_that_is_too_long_is_dropped_and_says_so() -> None:
    event = Event(kind=Kind.MAIL_ACCEPTED, queue_id="4Zab12", detail={"rcpt_to": ["张" * 100] * 1000})
    text = event.to_json()
    assert len(text.encode()) <= MAX_OCTETS
    back = Event.from_json(text)
    assert back.queue_id == "4Zab12"
    assert back.detail == {"dropped_octets": pytest.approx(303_000, rel=0.02)}


def test_a_naive_time_and_an_impossible_size_are_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        Event(kind=Kind.LINK_UP, at=datetime(2025, 1, 1))  # noqa: DTZ001
    for size_bytes in (-1, 2**63):
        with pytest.raises(ValueError, match="range"):
            Event(kind=Kind.LINK_UP, size_bytes=size_bytes)


def test_another_offset_is_the_same_moment() -> None:
    at = datetime(2025, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))
    assert Event.from_json(Event(kind=Kind.LINK_UP, at=at).to_json()).at == datetime(2025, 1, 1, tzinfo=UTC)


_GOOD = {"kind": "link.up", "at": "2025-01-02T03:04:05+00:00", "id": "i"}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b'"x"',
        b"{",
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b"1" * 30_000,
        b" " * (MAX_OCTETS + 1),
        *(
            json.dumps(record)
            for record in [
                {k: v for k, v in _GOOD.items() if k != "id"},
                {k: v for k, v in _GOOD.items() if k != "kind"},
                {k: v for k, v in _GOOD.items() if k != "at"},
                {**_GOOD, "kind": "link.sideways"},
                {**_GOOD, "kind": 1},
                {**_GOOD, "at": "2025-01-02T03:04:05"},
                {**_GOOD, "at": "yesterday"},
                {**_GOOD, "at": 1},
                {**_GOOD, "id": 1},
                {**_GOOD, "size_bytes": "1"},
                {**_GOOD, "size_bytes": True},
                {**_GOOD, "size_bytes": 1.5},
                {**_GOOD, "size_bytes": 2**70},
                {**_GOOD, "detail": []},
                {**_GOOD, "detail": {"x": float("nan")}},
                {**_GOOD, "queue_id": None},
                {**_GOOD, "colour": "red"},
            ]
        ),
    ],
)
def test_what_is_no_event_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is for the log alone
        Event.from_json(text)


@given(st.binary(max_size=200))
def test_any_octets_are_an_event_or_a_value_error(octets: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        Event.from_json(octets)
