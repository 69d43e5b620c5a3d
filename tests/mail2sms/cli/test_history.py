"""``caiyou sms list`` and ``show`` on a ledger that is written by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from caiyou.errors import CaiyouError, InputError, NotFound, ServiceDown
from caiyou.events import Event, Kind
from mail2sms.cli import sms
from tests.mail2sms.cli.conftest import Write

T0 = datetime(2025, 1, 31, 16, 30, tzinfo=UTC)  # the next day in Shanghai


def life(number: int, state: Kind = Kind.SMS_DELIVERED, link: str = "ismg", minutes: int = 0) -> list[Event]:
    """The events of a short message."""
    at = T0 + timedelta(minutes=minutes or number)
    id = f"{number:021d}"
    who: Any = {"sms_id": id, "number": f"86138{number % 3:08d}", "domain": "example.test"}
    detail = {"route": "default", "message_class": "bulk", "price_fen": 5}
    return [
        Event(kind=Kind.SMS_QUEUED, at=at, id=f"{id}-q", result="bulk", detail=detail, **who),
        Event(
            kind=Kind.SMS_SUBMITTED,
            at=at + timedelta(seconds=1),
            id=f"{id}-s",
            detail={"link": link, "parts": 1},
            **who,
        ),
        Event(kind=state, at=at + timedelta(seconds=9), id=f"{id}-d", result="=HYPERLINK()", **who),
    ]


@pytest.fixture
def fifty(write: Write) -> None:
    """Fifty short messages; every tenth failed, every seventh over another link."""
    write(
        [
            event
            for number in range(1, 51)
            for event in life(
                number,
                Kind.SMS_FAILED if number % 10 == 0 else Kind.SMS_DELIVERED,
                "smg" if number % 7 == 0 else "ismg",
            )
        ]
    )


def run(*arguments: str) -> Result:
    return CliRunner().invoke(sms, arguments)


def found(*arguments: str) -> list[int]:
    """The messages of a list, by number."""
    done = run("list", *arguments, "--json")
    assert done.exit_code == 0, done.output
    return [int(each["id"]) for each in json.loads(done.stdout)]


@pytest.mark.usefixtures("fifty")
def test_newest_first_page_by_page() -> None:
    first = run("list")
    assert [int(line.split()[1]) for line in first.stdout.splitlines()] == list(range(50, 30, -1))
    assert first.stderr == f"more: --after {31:021d}\n"
    assert found("--after", f"{31:021d}") == list(range(30, 10, -1))
    last = run("list", "--after", f"{11:021d}")
    assert len(last.stdout.splitlines()) == 10
    assert last.stderr == ""
    assert isinstance(run("list", "--after", "nothing").exception, NotFound)


@pytest.mark.usefixtures("fifty")
@pytest.mark.parametrize(
    "options, expected",
    [
        (["--number", "13800000001", "--limit", "3"], [49, 46, 43]),
        (["--state", "failed"], [50, 40, 30, 20, 10]),
        (["--link", "smg"], [49, 42, 35, 28, 21, 14, 7]),
        (["--link", "smg", "--number", "13800000001"], [49, 28, 7]),
        (["--link", "nothing"], []),
        (["--since", "2025-02-01T01:18"], [50, 49, 48]),
        (["--until", "2025-02-01T00:33"], [2, 1]),
        (["--since", "2025-02-01T00:31+08:00", "--until", "2025-01-31T16:33Z", "--number", "13800000002"], [2]),
        (["--since", "1d"], []),
    ],
)
def test_what_is_looked_for(options: list[str], expected: list[int]) -> None:
    assert found(*options) == expected


@pytest.mark.usefixtures("fifty")
def test_times_are_of_the_zone_that_was_asked_for() -> None:
    (here,) = json.loads(run("list", "--limit", "1", "--json").stdout)
    (there,) = json.loads(run("list", "--limit", "1", "--json", "--timezone", "Europe/Berlin").stdout)
    assert (here["queued_at"], there["queued_at"]) == ("2025-02-01T01:20:00+08:00", "2025-01-31T18:20:00+01:00")
    assert run("list", "--timezone", "Nowhere/Land").exit_code == 2


@pytest.mark.usefixtures("fifty")
def test_wrong_words_are_told() -> None:
    assert isinstance(run("list", "--number", "12").exception, InputError)
    for wrong in (["--state", "lost"], ["--since", "yesterday"], ["--limit", "0"], ["--since", "0001-01-01"]):
        assert run("list", *wrong).exit_code == 2


@pytest.mark.usefixtures("fifty")
def test_one_message_without_redis() -> None:
    """Redis is not there in these tests: the ledger alone says what it knows."""
    shown = json.loads(run("show", f"{7:021d}", "--json").stdout)
    assert (shown["state"], shown["link"], shown["parts"], shown["price_fen"]) == ("delivered", "smg", 1, 5)
    assert shown["gateway"] is None
    assert [event["kind"] for event in shown["events"]] == ["sms.queued", "sms.submitted", "sms.delivered"]
    assert shown["events"][0]["at"] == "2025-02-01T00:37:00+08:00"
    text = run("show", f"{7:021d}").stdout
    assert "2025-02-01T00:37:09+08:00  SMS delivered, says the carrier" in text
    assert isinstance(run("show", "nothing").exception, NotFound)


def test_without_a_ledger(write: Write) -> None:
    done = run("list")
    assert isinstance(done.exception, ServiceDown)
    assert str(done.exception) == "the ledger: unable to open database file"


def test_a_state_that_an_earlier_release_wrote_is_shown(write: Write) -> None:
    write([Event(kind=Kind.SMS_IN_DOUBT, at=T0, sms_id="doubt", number="8613800138000")])
    (shown,) = json.loads(run("list", "--json").stdout)
    assert (shown["state"], shown["possible_repeat"]) == ("queued", True)
    assert not isinstance(run("list").exception, CaiyouError)
