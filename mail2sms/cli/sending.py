"""``caiyou sms send``: one short message, to one number or several."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from gettext import gettext as _
from typing import Any, TextIO

import click
import redis

from caiyou.cli.context import admin
from caiyou.cli.options import examples, span_s
from caiyou.cli.output import json_option
from caiyou.errors import InputError, ServiceDown
from caiyou.ledger.messages import message_of
from caiyou.msisdn import Msisdn
from caiyou.queues import CLASSES
from caiyou.settings import current
from mail2sms.cli.servers import ledger, store
from mail2sms.outgoing import Outgoing, Payer, new_id
from mail2sms.settings import SmsSettings

EX_TEMPFAIL = 75  # sysexits.h: still under way when the time was over
MAX_TEXT = 20_000  # characters; more never fits 255 parts
MAX_VALIDITY_S = 7 * 24 * 3600.0
_FINAL = ("delivered", "failed", "expired")
_LOOK_S = 0.3
_LEDGER_S = 3.0  # the outcome is in the ledger by then
_REFUSALS = {
    "stopped": _("the number sent STOP"),
    "spending_cap": _("over what the domain may spend in a month"),
}


@dataclass(slots=True, kw_only=True)
class Sent:
    """One of them. ``state``: queued and on; or why it was not queued: stopped, spending_cap."""

    id: str
    number: Msisdn
    state: str
    stat: str | None = None  # the carrier's word


@click.command(
    help=examples(
        _(
            "Send a short message and print its id. TEXT is - or absent: from standard input.\n\n"
            "Exit code 1 when one was refused or, with --wait, failed; 75 when one is still under way when --timeout is"
            " over."
        ),
        'caiyou sms send 13800138000 "会议改到三点"',
        'caiyou sms send 13800138000 13900139000 "磁盘已满" --class alarm --wait',
        "date | caiyou sms send 13800138000 -",
        'caiyou sms send --file numbers.txt "停机通知" --class bulk --valid 2h',
    )
)
@click.argument("words", metavar="NUMBER... [TEXT]", nargs=-1)
@click.option("--text", help=_("The text, where it would be taken for a number."))
@click.option("--file", type=click.File(encoding="utf-8-sig"), help=_("Numbers, one a line."))
@click.option(
    "--class",
    "message_class",
    type=click.Choice(CLASSES),
    default="notification",
    show_default=True,
    help=_("An earlier class goes first; STOP holds for the last two."),
)
@click.option("--route", default="", help=_("By this route; else the number, the domain and the class decide."))
@click.option("--domain", default="", help=_("The domain that pays."))
@click.option("--src", default="", metavar="DIGITS", help=_("The number that the phone shows; else the link's."))
@click.option("--long/--short", default=True, help=_("Whether it may take more than one SMS."))
@click.option("--valid", metavar="TIME", help=_("Not sent after 30s, 90m, 2h, 1d."))
@click.option("--wait", is_flag=True, help=_("Follow it until it is delivered or has failed."))
@click.option("--timeout", default="2m", show_default=True, metavar="TIME", help=_("How long to wait."))
@json_option
@click.pass_context
def send(
    context: click.Context,
    words: tuple[str, ...],
    text: str | None,
    file: TextIO | None,
    message_class: str,
    route: str,
    domain: str,
    src: str,
    long: bool,
    valid: str | None,
    wait: bool,
    timeout: str,
    as_json: bool,
) -> None:
    settings = current()
    written, said = _split(words, text, file is not None, settings.site.region)
    numbers = _numbers(written, file, settings.site.region)
    validity_s = span_s(valid) if valid else None
    if validity_s is not None and not 0 < validity_s <= MAX_VALIDITY_S:
        raise click.BadParameter(_("--valid: more than 0 and at most 7d"))
    if src and not (src.isascii() and src.isdigit() and len(src) <= 21):
        raise click.BadParameter(_("--src: at most 21 digits"))
    timeout_s = span_s(timeout)
    payer = _payer(domain) if domain else None
    with store() as connection:
        outgoing = Outgoing(connection, settings.table(SmsSettings), settings.site.timezone)
        sent = [Sent(id=new_id(), number=number, state="") for number in numbers]
        for one in sent:
            one.state = outgoing.send(
                one.number,
                said,
                id=one.id,
                message_class=message_class,
                now=datetime.now(UTC),
                payer=payer,
                route=route,
                src=src,
                long=long,
                validity_s=validity_s,
            )
            _tell(one, len(sent) > 1, as_json=as_json)
        queued = [one for one in sent if one.state == "queued"]
        if wait:
            _follow(connection, queued, timeout_s, quiet=as_json)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in sent], ensure_ascii=False))
    context.exit(_exit_code(sent, queued, wait=wait))


def _payer(domain: str) -> Payer:
    """A domain of this site and its cap; raises NotFound, ServiceDown."""
    with admin() as directory:
        found = directory.domains.get(domain)
    return Payer(domain=found.name, domain_month_fen=found.sms_month_fen)


def _split(words: Sequence[str], text: str | None, has_file: bool, region: str) -> tuple[Sequence[str], str]:
    """The numbers and the text of the command line; raises UsageError, InputError."""
    if text is None and (has_file or len(words) > 1) and words:
        *numbers, text = words
        if _is_number(text, region):
            raise click.UsageError(_("{text} is a number, not a text; --text sends it all the same").format(text=text))
    else:
        numbers = list(words)
    if text in (None, "-"):
        if sys.stdin.isatty():
            click.echo(_("the text, and Ctrl-D:"), err=True)
        text = _from_stdin()
    if not text or not text.strip():
        raise InputError(_("the text is empty"))
    if len(text) > MAX_TEXT:
        raise InputError(_("the text does not fit 255 parts"))
    return numbers, text


def _from_stdin() -> str:
    """Raises InputError where it is no UTF-8."""
    octets = sys.stdin.buffer.read(4 * MAX_TEXT + 4)
    if len(octets) > 4 * MAX_TEXT:
        raise InputError(_("the text does not fit 255 parts"))
    try:
        return octets.decode("utf-8").strip("\r\n")
    except UnicodeDecodeError:
        raise InputError(_("the text is not UTF-8")) from None


def _is_number(text: str, region: str) -> bool:
    try:
        Msisdn.parse(text, region)
    except InputError:
        return False
    return True


def _numbers(written: Iterable[str], file: TextIO | None, region: str) -> list[Msisdn]:
    """Each once, in order; all of them are right, or none is used. Raises InputError."""
    found = {Msisdn.parse(number, region): None for number in written}
    try:
        for at, line in enumerate(file or (), 1):
            if line.strip() and not line.startswith("#"):
                try:
                    found[Msisdn.parse(line.strip(), region)] = None
                except InputError as error:
                    raise InputError(_("line {at}: {error}").format(at=at, error=error)) from None
    except UnicodeDecodeError:
        raise InputError(_("the list is not UTF-8")) from None
    if not found:
        raise click.UsageError(_("a number is missing"))
    return list(found)


def _tell(one: Sent, several: bool, *, as_json: bool) -> None:
    if one.state != "queued":
        why = _REFUSALS.get(one.state, one.state)
        click.echo(_("caiyou: not sent to {number}: {why}").format(number=one.number, why=why), err=True)
    elif not as_json:
        click.echo(f"{one.id} {one.number}" if several else one.id)


def _follow(connection: redis.Redis, sent: Sequence[Sent], timeout_s: float, *, quiet: bool) -> None:
    """Until each has its outcome, or the time is over; progress goes to standard error."""
    end = time.monotonic() + timeout_s
    while (open_ := [one for one in sent if one.state not in _FINAL]) and time.monotonic() < end:
        with connection.pipeline(transaction=False) as pipe:
            for one in open_:
                pipe.hget(f"sms:{one.id}", "s")
            states: list[Any] = pipe.execute()
        for one, state in zip(open_, states, strict=True):
            now = state.decode() if state else "queued"
            if now == one.state:
                continue
            one.state = now
            if now in _FINAL:
                one.stat = _stat(one.id)
            if not quiet:
                click.echo(f"{one.id} {one.number} {one.state}" + (f": {one.stat}" if one.stat else ""), err=True)
        time.sleep(_LOOK_S)
    for one in sent:
        if one.state == "queued" and not quiet:  # the others told their state as it changed
            click.echo(f"{one.id} {one.number} {one.state}", err=True)


def _stat(id: str) -> str | None:
    """The carrier's word on an outcome, once the ledger has it."""
    end = time.monotonic() + _LEDGER_S
    with suppress(ServiceDown), ledger() as engine:  # the state is known without it
        while time.monotonic() < end:
            message = message_of(engine, id)
            if message is not None and message.state in _FINAL:
                return message.result
            time.sleep(_LOOK_S)
    return None


def _exit_code(sent: Sequence[Sent], queued: Sequence[Sent], *, wait: bool) -> int:
    if len(queued) < len(sent) or (wait and any(one.state in ("failed", "expired") for one in sent)):
        return 1
    return EX_TEMPFAIL if wait and any(one.state != "delivered" for one in queued) else 0
