"""``caiyou sms cdr``: a day's short messages as CSV; docs/cdr.md tells of each column."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from gettext import gettext as _
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

import click

from caiyou.cli.options import examples
from caiyou.errors import InputError
from caiyou.ledger.messages import Message, all_between
from mail2sms.cli.history import iso, zone_option
from mail2sms.cli.servers import ledger

# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

Value = Callable[[Message, ZoneInfo], Any]

COLUMNS: dict[str, Value] = {
    "id": lambda message, _zone: message.id,
    "queued_at": lambda message, zone: iso(message.created_at, zone),
    "submitted_at": lambda message, zone: message.submitted_at and iso(message.submitted_at, zone),
    "finished_at": lambda message, zone: message.done_at and iso(message.done_at, zone),
    "number": lambda message, _zone: message.number,
    "src": lambda message, _zone: message.src_id,
    "domain": lambda message, _zone: message.domain,
    "subscriber": lambda message, _zone: message.subscriber,
    "class": lambda message, _zone: message.message_class,
    "route": lambda message, _zone: message.route,
    "link": lambda message, _zone: message.link,
    "parts": lambda message, _zone: message.parts,
    "state": lambda message, _zone: message.state,
    "stat": lambda message, _zone: message.result,
    "possible_repeat": lambda message, _zone: int(message.in_doubt),
    "price_fen": lambda message, _zone: message.price_fen,
}


@click.command(
    help=examples(
        _(
            "A day's short messages as CSV, one row each, in the order in which they were queued.\n\n"
            "DAY is 2025-01-31, today or yesterday, in the site's time zone. A message belongs to the day on which it"
            " was queued. docs/cdr.md describes the columns."
        ),
        "caiyou sms cdr yesterday -o /srv/cdr/sms.csv",
        "caiyou sms cdr 2025-01-31 --bom > for-a-spreadsheet.csv",
    )
)
@click.argument("day")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help=_("Into this file, which appears whole or not at all; else to standard output."),
)
@click.option("--bom", is_flag=True, help=_("With a byte order mark, so that a spreadsheet takes it for UTF-8."))
@zone_option
def cdr(day: str, output: Path | None, bom: bool, zone: ZoneInfo) -> None:
    since, until = span_of(day, zone, datetime.now(UTC))
    with ledger() as engine, _opened(output) as file:
        if bom:
            file.write("\ufeff")
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for message in all_between(engine, since, until):
            rows.writerow(row_of(message, zone))


def row_of(message: Message, zone: ZoneInfo) -> list[str]:
    """The cells; nothing that a peer wrote is a formula."""
    return [safe(value(message, zone)) for value in COLUMNS.values()]


def safe(value: Any) -> str:
    """A cell's text; one that a spreadsheet would take for a formula has an apostrophe before it."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def span_of(day: str, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    """From midnight to midnight, however long the day is; raises BadParameter."""
    today = now.astimezone(zone).date()
    words = {"today": today, "yesterday": today - timedelta(days=1)}
    try:
        found = words.get(day) or date.fromisoformat(day)
        if not 1970 <= found.year < 3000:
            raise ValueError("no day of ours")
    except ValueError:
        raise click.BadParameter(_("{day!r}; expected 2025-01-31, today or yesterday").format(day=day[:40])) from None
    since, until = (datetime.combine(each, time(), zone).astimezone(UTC) for each in (found, found + timedelta(days=1)))
    return since, until


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[str]]:
    """Standard output, or a file that takes its place once it is whole."""
    if output is None:
        # csv ends lines itself; a terminal's charset does not matter to who reads the file.
        with open(sys.stdout.fileno(), "w", encoding="utf-8", newline="", closefd=False) as file:
            yield file
        return
    new = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        with new.open("x", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        new.replace(output)
    except OSError as error:
        raise InputError(f"{output}: {error.strerror}") from None
    finally:
        new.unlink(missing_ok=True)
