"""``caiyou sms list`` and ``show``: what the ledger and Redis know of short messages."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from gettext import gettext as _
from typing import Any
from zoneinfo import ZoneInfo

import click
import redis

from caiyou.cli.options import examples, moment
from caiyou.cli.output import each, json_option, one
from caiyou.cli.trace import phrase
from caiyou.errors import NotFound
from caiyou.events import FIELD, STREAM, Event
from caiyou.ledger.history import Ids, events_of
from caiyou.ledger.messages import Message, Wanted, message_of, page_of
from caiyou.ledger.record import LADDER, NEVER_KEPT, short_messages
from caiyou.msisdn import Msisdn
from caiyou.settings import current
from mail2sms.cli.servers import ledger, store_if_there

COLUMNS = (
    ("queued_at", 25),
    ("id", 21),
    ("number", 13),
    ("state", 9),
    ("message_class", 12),
    ("route", 10),
    ("link", 10),
    ("parts", 5),
    ("stat", 0),
)
_NEWEST_EVENTS = 2000  # of the stream, looked through for what the ledger does not have yet
_MARKS = {
    "??": _("sent again, not answered"),
    "?": _("sent, not answered"),
    "=": _("accepted as {ref}"),
    "+": _("delivered"),
    "!": _("failed: {ref}"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A short message for people and programs. Times are ISO 8601 in the zone that was asked for."""

    id: str
    number: str | None
    state: str
    message_class: str | None
    route: str | None
    link: str | None
    parts: int | None
    stat: str | None
    possible_repeat: bool
    queued_at: str
    submitted_at: str | None
    finished_at: str | None
    src: str | None
    domain: str | None
    subscriber: str | None
    price_fen: int | None
    queue_id: str | None
    message_id: str | None


_ALIKE = (
    *("id", "number", "state", "message_class", "route", "link", "parts", "domain", "subscriber", "price_fen"),
    *("queue_id", "message_id"),
)


def shown(message: Message, zone: ZoneInfo) -> Shown:
    """As it is printed."""
    return Shown(
        **{name: getattr(message, name) for name in _ALIKE},
        stat=message.result,
        src=message.src_id,
        possible_repeat=message.in_doubt,
        queued_at=iso(message.created_at, zone),
        submitted_at=iso(message.submitted_at, zone) if message.submitted_at else None,
        finished_at=iso(message.done_at, zone) if message.done_at else None,
    )


def iso(at: datetime, zone: ZoneInfo) -> str:
    """``2025-01-31T08:00:00+08:00``."""
    return at.astimezone(zone).isoformat(timespec="seconds")


def zone_of(_context: click.Context, _parameter: click.Parameter, name: str | None) -> ZoneInfo:
    """The zone of an option, or the site's."""
    try:
        return ZoneInfo(name or current().site.timezone)
    except (KeyError, ValueError, OSError):
        raise click.BadParameter(
            _("{name!r} is no time zone; expected something like Asia/Shanghai").format(name=name)
        ) from None


zone_option = click.option(
    "--timezone", "zone", metavar="ZONE", callback=zone_of, help=_("Of the times, like Asia/Shanghai; else the site's.")
)


@click.command(
    "list",
    help=examples(
        _("Short messages in the ledger, newest first."),
        "caiyou sms list --number 13800138000",
        "caiyou sms list --state failed --link ismg --since 2025-01-31 --until 2025-02-01",
    ),
)
@click.option("--number", help=_("To this phone number."))
@click.option("--state", type=click.Choice(LADDER), help=_("In this state."))
@click.option("--link", help=_("Accepted over this link."))
@click.option("--since", metavar="TIME", help=_("Queued since: 90m, 3h, 2d, 2025-01-31 or 2025-01-31T08:00."))
@click.option("--until", metavar="TIME", help=_("Queued before."))
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help=_("So many."))
@click.option("--after", metavar="ID", default="", help=_("Those that follow this one: the next page."))
@zone_option
@json_option
def list_(
    number: str | None,
    state: str | None,
    link: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    after: str,
    zone: ZoneInfo,
    as_json: bool,
) -> None:
    now = datetime.now(UTC)
    wanted = Wanted(
        number=Msisdn.parse(number, current().site.region) if number else "",
        state=state or "",
        link=link or "",
        since=moment(since, zone, now) if since else None,
        until=moment(until, zone, now) if until else None,
    )
    try:
        with ledger() as engine:
            page = page_of(engine, wanted, limit, after)
    except NotFound:
        raise NotFound(_("--after: no short message {id}").format(id=after[:64])) from None
    each((shown(message, zone) for message in page), COLUMNS, as_json=as_json)
    if len(page) == limit and not as_json:
        click.echo(_("more: --after {id}").format(id=page[-1].id), err=True)


@click.command(help=_("Everything that is known of one short message."))
@click.argument("id")
@zone_option
@json_option
def show(id: str, zone: ZoneInfo, as_json: bool) -> None:
    with store_if_there() as connection:
        waiting = _waiting(connection, id) if connection else []
        record = _record(connection, id) if connection else {}
    with ledger() as engine:
        message = message_of(engine, id)
        events = {event.id: event for event in (*waiting, *events_of(engine, Ids(sms_ids=frozenset([id]))))}
    in_order = sorted(events.values(), key=lambda event: event.at)
    if message is None:
        message = _from(in_order, id)
    if message is None and not record:
        raise NotFound(_("no short message {id}").format(id=id[:64]))
    as_shown = shown(message, zone) if message else None
    if as_json:
        click.echo(json.dumps(_as_json(as_shown, record, in_order, zone), ensure_ascii=False))
        return
    if as_shown is not None:
        one(as_shown, as_json=False)
    for line in _live(record):
        click.echo(line)
    for event in in_order:
        click.echo(f"{iso(event.at, zone)}  {phrase(event)}")


def _from(events: list[Event], id: str) -> Message | None:
    """What the ledger will say, from events that it does not have yet."""
    so_far = short_messages(events).get(id)
    return Message(**so_far.row()) if so_far else None


def _waiting(connection: redis.Redis, id: str) -> list[Event]:
    """Its events that `caiyou-ledgerd` has not written yet."""
    found = []
    entries: Any = connection.xrevrange(STREAM, count=_NEWEST_EVENTS)
    for _entry, fields in entries:
        with suppress(ValueError):
            event = Event.from_json(fields.get(FIELD.encode(), b""))
            if event.sms_id == id:
                found.append(event)
    return found


def _record(connection: redis.Redis, id: str) -> dict[str, str]:
    """The gateway's record, while it is kept: see mail2sms/journal.lua."""
    fields: Any = connection.hgetall(f"sms:{id}")
    return {key.decode(): value.decode("utf-8", "replace") for key, value in fields.items()}


def _live(record: dict[str, str]) -> list[str]:
    if not record:
        return []
    lines = [
        _("with the gateway: {state}, last over {link}").format(state=record.get("s", ""), link=record.get("l", ""))
    ]
    for number in range(1, int(record.get("n", "1")) + 1):
        mark = record.get(f"p{number}", "")
        words = next((words for sign, words in _MARKS.items() if mark.startswith(sign)), _("not sent"))
        ref = mark[1:] or _("without an id")
        lines.append("  " + _("part {number}: {what}").format(number=number, what=words.format(ref=ref)))
    return lines


def _as_json(shown: Shown | None, record: dict[str, str], events: list[Event], zone: ZoneInfo) -> dict[str, Any]:
    kept = [replace(event, detail={k: v for k, v in event.detail.items() if k not in NEVER_KEPT}) for event in events]
    return {
        **(asdict(shown) if shown else {}),
        "gateway": {
            "state": record.get("s"),
            "link": record.get("l"),
            "parts": [record.get(f"p{number}", "") for number in range(1, int(record.get("n", "1")) + 1)],
        }
        if record
        else None,
        "events": [json.loads(event.to_json()) | {"at": iso(event.at, zone)} for event in kept],
    }
