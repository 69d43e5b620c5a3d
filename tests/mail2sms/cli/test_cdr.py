"""A day's CDR: its rows, its order, what spreadsheets make of it, and docs/cdr.md."""

from __future__ import annotations

import csv
import io
import re
import subprocess
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from caiyou.errors import InputError
from caiyou.events import Event, Kind
from mail2sms.cli import sms
from mail2sms.cli.cdr import COLUMNS, safe, span_of
from tests.mail2sms.cli.conftest import COMMAND, Write
from tests.mail2sms.cli.test_history import T0, life

DOCS = Path(__file__).parents[3] / "docs" / "cdr.md"


def export(*arguments: str) -> list[dict[str, str]]:
    done = subprocess.run([COMMAND, "sms", "cdr", *arguments], capture_output=True, check=True)
    return list(csv.DictReader(io.StringIO(done.stdout.decode("utf-8-sig"), newline="")))


@pytest.fixture
def days(write: Write) -> list[Event]:
    """Three days of Shanghai, 40 messages each; of some not all is known yet."""
    midnight = datetime(2025, 1, 31, tzinfo=ZoneInfo("Asia/Shanghai"))
    events: list[Event] = []
    for day in range(3):
        for number in range(40):
            state = Kind.SMS_FAILED if number % 4 == 0 else Kind.SMS_DELIVERED
            minutes = int((midnight + timedelta(days=day, minutes=36 * number) - T0).total_seconds() // 60)
            known = life(day * 100 + number, state, minutes=minutes or 1)
            events += known[: 1 if number == 5 else 2 if number == 6 else 3]
    events.append(Event(kind=Kind.SMS_IN_DOUBT, at=T0, sms_id=f"{101:021d}"))
    write(events)
    return events


def test_a_day_is_the_sites(days: list[Event]) -> None:
    rows = export("2025-02-01")
    assert [row["id"] for row in rows] == [f"{100 + number:021d}" for number in range(40)]
    assert all(row["queued_at"].startswith("2025-02-01T") and row["queued_at"].endswith("+08:00") for row in rows)
    assert list(rows[0]) == list(COLUMNS)
    assert export("2025-02-05") == []


def test_a_row(days: list[Event]) -> None:
    row = export("2025-02-01")[2]
    assert row == {
        "id": f"{102:021d}",
        "queued_at": "2025-02-01T01:12:00+08:00",
        "submitted_at": "2025-02-01T01:12:01+08:00",
        "finished_at": "2025-02-01T01:12:09+08:00",
        "number": "8613800000000",
        "src": "",
        "domain": "example.test",
        "subscriber": "",
        "class": "bulk",
        "route": "default",
        "link": "ismg",
        "parts": "1",
        "state": "delivered",
        "stat": "'=HYPERLINK()",
        "possible_repeat": "0",
        "price_fen": "5",
    }


def test_what_is_not_known_yet_is_empty(days: list[Event]) -> None:
    queued, submitted = export("2025-02-01")[5:7]
    assert (queued["state"], queued["link"], queued["submitted_at"], queued["finished_at"]) == ("queued", "", "", "")
    assert (submitted["state"], submitted["link"], submitted["finished_at"]) == ("submitted", "ismg", "")


def test_days_together_are_the_events(days: list[Event]) -> None:
    """Figures reconcile: each message once, states and fen as the events add up."""
    rows = [row for day in ("2025-01-31", "2025-02-01", "2025-02-02") for row in export(day)]
    by_kind = Counter(event.kind for event in days)
    states = Counter(row["state"] for row in rows)
    assert len(rows) == len({row["id"] for row in rows}) == by_kind[Kind.SMS_QUEUED] == 120
    assert (states["delivered"], states["failed"]) == (by_kind[Kind.SMS_DELIVERED], by_kind[Kind.SMS_FAILED])
    assert sum(bool(row["submitted_at"]) for row in rows) == by_kind[Kind.SMS_SUBMITTED]
    assert sum(int(row["price_fen"]) for row in rows) == sum(event.detail.get("price_fen", 0) for event in days)
    assert sum(int(row["possible_repeat"]) for row in rows) == by_kind[Kind.SMS_IN_DOUBT] == 1


def test_the_same_again_is_the_same(days: list[Event], tmp_path: Path) -> None:
    path = tmp_path / "sms.csv"
    for _ in range(2):
        assert CliRunner().invoke(sms, ["cdr", "2025-02-01", "-o", str(path), "--bom"]).exit_code == 0
    assert list(tmp_path.glob(".*")) == []
    octets = path.read_bytes()
    assert octets.startswith(b"\xef\xbb\xbfid,queued_at,")
    assert octets.count(b"\r\n") == octets.count(b"\n") == 41
    assert CliRunner().invoke(sms, ["cdr", "2025-02-01", "-o", str(path), "--bom"]).exit_code == 0
    assert path.read_bytes() == octets


def test_a_file_that_cannot_be_written_is_told(days: list[Event], tmp_path: Path) -> None:
    done = CliRunner().invoke(sms, ["cdr", "2025-02-01", "-o", str(tmp_path / "none" / "sms.csv")])
    assert isinstance(done.exception, InputError)
    assert "No such file or directory" in str(done.exception)


@pytest.mark.parametrize("text", ["=1+1", "+86", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "＠x"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert safe(text) == f"'{text}"


def test_other_cells_stay() -> None:
    assert [safe(value) for value in (None, "", 0, "8613800138000", "你好 =1", "a-b")] == [
        "",
        "",
        "0",
        "8613800138000",
        "你好 =1",
        "a-b",
    ]


def test_a_day_may_be_longer_than_another() -> None:
    now = datetime(2025, 3, 30, 23, 30, tzinfo=UTC)
    berlin = ZoneInfo("Europe/Berlin")
    for day, hours in (("2025-03-29", 24), ("2025-03-30", 23), ("2025-10-26", 25)):
        since, until = span_of(day, berlin, now)
        assert until - since == timedelta(hours=hours)
    assert span_of("today", berlin, now)[0] == datetime(2025, 3, 30, 22, tzinfo=UTC)
    assert span_of("yesterday", berlin, now) == span_of("2025-03-30", berlin, now)


@pytest.mark.parametrize("day", ["", "tomorrow", "2025-02-30", "31.1.2025", "0001-01-01", "9999-12-31", "-1"])
def test_what_is_no_day(day: str, write: Write) -> None:
    write([])
    assert CliRunner().invoke(sms, ["cdr", "--", day]).exit_code == 2


def test_the_documentation_describes_each_column() -> None:
    described = re.findall(r"^\| `(\w+)` \| .+ \|$", DOCS.read_text(encoding="utf-8"), re.M)
    assert described == list(COLUMNS)
