"""`caiyou trace`: the whole way of one message, for a person or (``--json``) for a program."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from caiyou.errors import SettingsError
from caiyou.events import Event, Kind
from caiyou.ledger.history import Ids
from caiyou.ledger.postfix_log import Line
from caiyou.ledger.record import NEVER_KEPT
from caiyou.ledger.trace import Entry, Job, Trace, Tracer
from caiyou.settings import current

_PHRASES = {
    Kind.MAIL_ACCEPTED: "accepted",
    Kind.MAIL_REFUSED: "refused",
    Kind.MAIL_DISCARDED: "discarded by the blacklist",
    Kind.MAIL_DELIVERED: "delivered to mailbox",
    Kind.MAIL_DEFERRED: "not delivered yet to mailbox",
    Kind.MAIL_BOUNCED: "refused by mailbox",
    Kind.QUOTA_WARNED: "warned of the quota: mailbox",
    Kind.QUOTA_EMPTIED: "emptied to make room: mailbox",
    Kind.NOTIFY_QUEUED: "SMS queued for",
    Kind.NOTIFY_SKIPPED: "no SMS for",
    Kind.SMS_SUBMITTED: "SMS accepted by the carrier",
    Kind.SMS_DELIVERED: "SMS delivered, says the carrier",
    Kind.SMS_FAILED: "SMS failed",
    Kind.SMS_EXPIRED: "SMS expired",
    Kind.SMS_IN_DOUBT: "SMS in doubt: sent, not answered",
    Kind.SMS_RECEIVED: "SMS received from",
}
_JOB_PHRASES = {"queued": "waits for a worker", "started": "is being worked on", "failed": "failed"}
_WAITS = {"stream": "  [not in the ledger yet]", "spool": "  [waits for Redis]"}
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@click.command()
@click.argument("key", metavar="QUEUE-ID|MESSAGE-ID|NUMBER")
@click.option("--since", metavar="TIME", help="Only what is newer: 90m, 3h, 2d, 2025-01-31 or 2025-01-31T08:00.")
@click.option("--newest", default=10, show_default=True, type=click.IntRange(1, 1000), help="Messages of a NUMBER.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line and message.")
def trace(key: str, since: str | None, newest: int, as_json: bool) -> None:
    """The whole way of one message: mail, notification and SMS.

    KEY is Postfix's queue id, a Message-ID, the id of an SMS, or a phone number for the newest messages that concern
    it. Reads the ledger, what still waits to be written to it, and Postfix's log.
    """
    try:
        settings = current()
        zone = ZoneInfo(settings.site.timezone)
        tracer = Tracer(settings)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    start = None if since is None else _time(since, zone, datetime.now(UTC))
    found = False
    for message in tracer.find(key, start, newest):
        if found and not as_json:
            click.echo()
        found = True
        if as_json:
            click.echo(json.dumps(_as_json(message, tracer.unread), ensure_ascii=False, default=str))
        else:
            for line in _as_text(message, zone):
                click.echo(_printable(line))
    for source, why in tracer.unread.items():
        click.echo(f"caiyou: {source} cannot be read: {_printable(why)}", err=True)
    if not found:
        raise click.ClickException(f"nothing is known of {_printable(key[:200])}" + (" since then" if since else ""))


def _time(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    if match := re.fullmatch(r"(\d{1,6})([mhd])", text):
        return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r}; expected 90m, 3h, 2d, 2025-01-31 or 2025-01-31T08:00") from None
    return at if at.tzinfo else at.replace(tzinfo=zone)


def _as_text(message: Trace, zone: ZoneInfo) -> list[str]:
    lines = [_head(message.ids)]
    for entry in message.entries:
        at = entry.at.astimezone(zone)
        shown = f"{at:%Y-%m-%d %H:%M:%S}" + (f".{at.microsecond // 1000:03}" if at.microsecond else "    ")
        lines.append(f"  {shown}  {_who(entry):<18} {_what(entry)}")
    if message.cut:
        lines.append("  … and more: narrow it with --since")
    return lines


def _head(ids: Ids) -> str:
    parts = [("mail", ids.queue_ids), ("Message-ID", ids.message_ids), ("SMS", ids.sms_ids)]
    return "; ".join(f"{name} {', '.join(sorted(values))}" for name, values in parts if values) or "SMS from a phone"


def _who(entry: Entry) -> str:
    if isinstance(entry.what, Line):
        return entry.what.service
    if isinstance(entry.what, Job):
        return "worker"
    return entry.what.kind.value


def _what(entry: Entry) -> str:
    what = entry.what
    if isinstance(what, Line):
        return f"{what.queue_id}: {what.text}"
    if isinstance(what, Job):
        return f"{what.id} {_JOB_PHRASES.get(what.status, what.status)}"
    named = [what.subscriber, what.number, what.sms_id]
    if what.size_bytes is not None:
        named.append(f"{what.size_bytes} bytes")
    text = " ".join([_PHRASES.get(what.kind, what.kind.value), *filter(None, named)])
    if what.result:
        text += f": {what.result}"
    detail = ", ".join(
        f"{key}={_plain(value)}" for key, value in what.detail.items() if value not in (None, "", [], {})
    )
    return f"{text} ({detail})" if detail else text


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _printable(text: str) -> str:
    """Nothing a peer wrote steers the terminal or breaks the line."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def _as_json(message: Trace, unread: dict[str, str]) -> dict[str, Any]:
    return {
        "queue_ids": sorted(message.ids.queue_ids),
        "message_ids": sorted(message.ids.message_ids),
        "sms_ids": sorted(message.ids.sms_ids),
        "entries": [_entry_as_json(entry) for entry in message.entries],
        "cut": message.cut,
        "unread": unread,
    }


def _entry_as_json(entry: Entry) -> dict[str, Any]:
    what = entry.what
    if isinstance(what, Event):
        fields = json.loads(what.to_json())
        fields["detail"] = {k: v for k, v in what.detail.items() if k not in NEVER_KEPT}
        return {"source": entry.source, **fields}
    fields = {name: getattr(what, name) for name in what.__slots__}
    return {"source": entry.source, **fields, "at": what.at.isoformat()}
