"""`caiyou trace`: the whole way of one message, for a person or (``--json``) for a program."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from gettext import gettext as _
from typing import Any
from zoneinfo import ZoneInfo

import click

from caiyou.cli.options import moment
from caiyou.cli.output import json_option
from caiyou.errors import NotFound
from caiyou.events import Event, Kind
from caiyou.ledger.history import Ids
from caiyou.ledger.postfix_log import Line
from caiyou.ledger.record import NEVER_KEPT
from caiyou.ledger.trace import Entry, Job, Trace, Tracer
from caiyou.settings import current

_PHRASES = {
    Kind.MAIL_ACCEPTED: _("accepted"),
    Kind.MAIL_REFUSED: _("refused"),
    Kind.MAIL_DISCARDED: _("discarded by the blacklist"),
    Kind.MAIL_DELIVERED: _("delivered to mailbox"),
    Kind.MAIL_DEFERRED: _("not delivered yet to mailbox"),
    Kind.MAIL_BOUNCED: _("refused by mailbox"),
    Kind.QUOTA_WARNED: _("warned of the quota: mailbox"),
    Kind.QUOTA_EMPTIED: _("emptied to make room: mailbox"),
    Kind.NOTIFY_QUEUED: _("SMS queued for"),
    Kind.NOTIFY_SKIPPED: _("no SMS for"),
    Kind.SMS_QUEUED: _("SMS queued for"),
    Kind.SMS_SUBMITTED: _("SMS accepted by the carrier"),
    Kind.SMS_DELIVERED: _("SMS delivered, says the carrier"),
    Kind.SMS_FAILED: _("SMS failed"),
    Kind.SMS_EXPIRED: _("SMS expired"),
    Kind.SMS_IN_DOUBT: _("SMS in doubt: sent, not answered"),
    Kind.SMS_RECEIVED: _("SMS received from"),
    Kind.SMS_STOPPED: _("no notifications any more for"),
    Kind.SMS_STARTED: _("notifications again for"),
    Kind.CARD_ORDERED: _("card ordered by SMS from"),
}
_JOB_PHRASES = {"queued": _("waits for a worker"), "started": _("is being worked on"), "failed": _("failed")}
_WAITS = {"stream": _("not in the ledger yet"), "spool": _("waits for Redis")}


@click.command(
    help=_(
        "The whole way of one message: mail, notification and SMS, from the ledger, what still waits to be written to"
        " it, and Postfix's log.\n\n"
        "It is named by Postfix's queue id, a Message-ID or the id of an SMS; a phone number names its newest messages."
    )
)
@click.argument("key", metavar="QUEUE-ID|MESSAGE-ID|NUMBER")
@click.option("--since", metavar="TIME", help=_("Only what is newer: 90m, 3h, 2d, 2025-01-31 or 2025-01-31T08:00."))
@click.option("--newest", default=10, show_default=True, type=click.IntRange(1, 1000), help=_("Messages of a NUMBER."))
@json_option
def trace(key: str, since: str | None, newest: int, as_json: bool) -> None:
    settings = current()
    zone = ZoneInfo(settings.site.timezone)
    start = None if since is None else moment(since, zone, datetime.now(UTC))
    with closing(Tracer(settings)) as tracer:
        count = _print(tracer.find(key, start, newest), zone, as_json=as_json)
    for source, why in tracer.unread.items():
        click.echo(_("caiyou: {source} cannot be read: {why}").format(source=source, why=_printable(why)), err=True)
    if not count:
        where = _("nothing is known of {key} since {since}") if since else _("nothing is known of {key}")
        raise NotFound(where.format(key=_printable(key[:200]), since=since))


def _print(messages: Iterable[Trace], zone: ZoneInfo, *, as_json: bool) -> int:
    """As they come; how many there were."""
    count = 0
    for count, message in enumerate(messages, 1):
        if as_json:
            click.echo(",\n" if count > 1 else "[\n", nl=False)
            click.echo(json.dumps(_as_json(message), ensure_ascii=False), nl=False)
        else:
            text = "\n".join(map(_printable, _as_text(message, zone)))
            click.echo(text if count == 1 else f"\n{text}")
    if as_json:
        click.echo("\n]" if count else "[]")
    return count


def _as_text(message: Trace, zone: ZoneInfo) -> list[str]:
    lines = [_head(message.ids)]
    for entry in message.entries:
        at = entry.at.astimezone(zone)
        shown = f"{at:%Y-%m-%d %H:%M:%S}" + (f".{at.microsecond // 1000:03}" if at.microsecond else "    ")
        lines.append(f"  {shown}  {_who(entry):<18} {_what(entry)}")
    if message.cut:
        lines.append("  " + _("… and more: narrow it with --since"))
    return lines


def _head(ids: Ids) -> str:
    parts = [("mail", ids.queue_ids), ("Message-ID", ids.message_ids), ("SMS", ids.sms_ids)]
    return "; ".join(f"{name} {', '.join(sorted(values))}" for name, values in parts if values) or _("SMS from a phone")


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
    return phrase(what)


def phrase(what: Event) -> str:
    """An event in words."""
    named = [what.subscriber, what.number, what.sms_id]
    if what.size_bytes is not None:
        named.append(f"{what.size_bytes} bytes")
    text = " ".join([_PHRASES.get(what.kind, what.kind.value), *filter(None, named)])
    if what.result:
        text += f": {what.result}"
    detail = ", ".join(
        f"{key}={_plain(value)}" for key, value in what.detail.items() if value not in (None, "", [], {})
    )
    return _printable(f"{text} ({detail})" if detail else text)


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _printable(text: str) -> str:
    """Nothing a peer wrote steers the terminal or breaks the line."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def _as_json(message: Trace) -> dict[str, Any]:
    return {
        "queue_ids": sorted(message.ids.queue_ids),
        "message_ids": sorted(message.ids.message_ids),
        "sms_ids": sorted(message.ids.sms_ids),
        "entries": [_entry_as_json(entry) for entry in message.entries],
        "cut": message.cut,
    }


def _entry_as_json(entry: Entry) -> dict[str, Any]:
    what = entry.what
    if isinstance(what, Event):
        fields = json.loads(what.to_json())
        fields["detail"] = {k: v for k, v in what.detail.items() if k not in NEVER_KEPT}
        return {"source": entry.source, **fields}
    fields = {name: getattr(what, name) for name in what.__slots__}
    return {"source": entry.source, **fields, "at": what.at.isoformat()}
