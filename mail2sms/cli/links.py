"""``caiyou sms links``, ``link test`` and ``route``: the ways to the carriers, and how they stand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from gettext import gettext as _
from typing import Any
from zoneinfo import ZoneInfo

import click

from caiyou.cli.options import examples, span_s
from caiyou.cli.output import json_option
from caiyou.errors import InputError, NotFound
from caiyou.msisdn import Msisdn
from caiyou.queues import CLASSES
from caiyou.settings import current
from mail2sms.cli.hints import STATES, hint_of
from mail2sms.cli.history import iso, zone_option
from mail2sms.cli.servers import store, store_if_there
from mail2sms.lane import STOPPED
from mail2sms.live import LinkNow, read
from mail2sms.routing import Router, Way
from mail2sms.settings import SmsSettings

_COUNTS = {
    "sent": _("sent"),
    "accepted": _("accepted"),
    "refused": _("refused"),
    "busy": _("flow control"),
    "lost": _("unanswered"),
    "in_doubt": _("in doubt"),
    "reports": _("reports"),
    "received": _("received"),
}


@click.command(
    help=_("Every link of every gateway: whether it is up and since when, why not, its pace, counts and last error.")
)
@zone_option
@json_option
def links(zone: ZoneInfo, as_json: bool) -> None:
    with store() as connection:
        found = read(connection, datetime.now(UTC))
    settings = current().table(SmsSettings)
    idle = unheld(settings, found)
    if as_json:
        known = [_as_json(link, zone) for link in found]
        click.echo(json.dumps([*known, *({"link": name, "state": "unheld"} for name in idle)], ensure_ascii=False))
        return
    for link in found:
        click.echo("\n".join(map(_printable, in_words(link, zone))))
        table = settings.links.get(link.link)
        if link.why != STOPPED and (hint := hint_of(link.state, link.why, table.type if table else "")):
            click.echo(f"{'':<13}{hint}")
    for name in idle:
        click.echo(f"{name:<12} " + _("no gateway holds it: none runs, or no route names it"))


def unheld(settings: SmsSettings, found: Sequence[LinkNow]) -> list[str]:
    """Links of the settings that no gateway tells of."""
    return sorted(settings.links.keys() - {link.link for link in found})


def summary(link: LinkNow, zone: ZoneInfo) -> str:
    """One line: how it stands."""
    since = f"{link.since.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    state = STATES.get(link.state, link.state)
    return f"{link.link:<12} " + _("{state} since {since} at {gateway}: {why}").format(
        state=state, since=since, gateway=link.gateway, why=link.why
    )


def in_words(link: LinkNow, zone: ZoneInfo) -> list[str]:
    """Everything that is known of it."""
    limit = _("at most {rate:g}/s").format(rate=link.rate) if link.rate else _("no limit")
    pace = _("window {window}, {in_flight} in flight, {per_s:g}/s (peak {peak:g}/s), {limit}").format(
        window=link.window, in_flight=link.in_flight, per_s=link.per_s, peak=link.peak_per_s, limit=limit
    )
    lines = [pace, ", ".join(f"{words} {link.counts[name]}" for name, words in _COUNTS.items())]
    if link.last_error_at is not None:
        at = f"{link.last_error_at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
        lines.append(_("last error {at}: {what}").format(at=at, what=link.last_error))
    if link.notes:
        lines.append(", ".join(f"{name} {value}" for name, value in link.notes.items()))
    return [summary(link, zone), *(f"{'':<13}{line}" for line in lines)]


def _as_json(link: LinkNow, zone: ZoneInfo) -> dict[str, Any]:
    times = {name: at and iso(at, zone) for name in ("since", "at", "last_error_at") for at in [getattr(link, name)]}
    return asdict(link) | times


def _printable(text: str) -> str:
    """Nothing that a carrier wrote steers the terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


@click.command(
    help=examples(
        _("The route and the links that a short message to NUMBER would take now, and why."),
        "caiyou sms route 13800138000 --domain example.test --class alarm",
    )
)
@click.argument("number")
@click.option("--domain", default="", help=_("Who pays."))
@click.option(
    "--class",
    "message_class",
    type=click.Choice(CLASSES),
    default="notification",
    show_default=True,
    help=_("Its class."),
)
@json_option
def route(number: str, domain: str, message_class: str, as_json: bool) -> None:
    settings = current()
    sms = settings.table(SmsSettings)
    if not sms.routes:
        raise InputError(_("no route is set in [sms.routes]: nothing to send over"))
    to = Msisdn.parse(number, settings.site.region)
    way = Router(sms).way(to, domain=domain, message_class=message_class)
    with store_if_there() as connection:
        found = read(connection, datetime.now(UTC)) if connection else None
        stopped = bool(connection.sismember("sms:stopped", to)) if connection else None
    if as_json:
        up = [name for name in way.links if any(link.up for link in found or () if link.link == name)]
        told = {"number": to, **asdict(way), "up": up if found is not None else None, "stopped": stopped}
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    for line in _way_in_words(to, way, found):
        click.echo(line)
    if stopped:
        click.echo(_("This number sent STOP: notification and bulk are not sent to it."))


def _way_in_words(to: Msisdn, way: Way, found: Sequence[LinkNow] | None) -> list[str]:
    carrier = way.carrier or _("no carrier that is known")
    lines = [
        _("{number}: {carrier}").format(number=to, carrier=carrier),
        _("route {route} ({why}), {fen} fen a part").format(route=way.route, why=way.why, fen=way.price_fen),
    ]
    taken = False
    for place, name in enumerate(way.links, 1):
        held = [link for link in found or () if link.link == name]
        if found is None:
            stands = _("not known: Redis does not answer")
        elif any(link.up for link in held):
            stands = _("up") if taken else _("up: takes it")
            taken = True
        else:
            stands = "; ".join(dict.fromkeys(f"{STATES.get(link.state, link.state)}: {link.why}" for link in held))
            stands = stands or _("no gateway holds it")
        lines.append(f"  {place}. {name}  {stands}")
    if found is not None and not taken:
        lines.append(_("No link is up: it would wait."))
    return list(map(_printable, lines))


def known_link(name: str) -> None:
    """Raises NotFound where the settings have no link of that name."""
    links = current().table(SmsSettings).links
    if name not in links:
        known = ", ".join(links) or _("none")
        raise NotFound(_("link {name} is not in [sms.links] (known: {known})").format(name=name[:64], known=known))


@click.group(help=_("One link."))
def link() -> None: ...


@link.command(
    help=examples(
        _(
            "Try a link's login from this machine, and say in plain words what is wrong.\n\n"
            "Where a gateway holds the link up already it only says so, since a carrier may allow no second login. With"
            " --send one short message goes over it, recorded like every other."
        ),
        "caiyou sms link test ismg",
        "caiyou sms link test ismg --send 13800138000",
    )
)
@click.argument("name")
@click.option("--send", "number", metavar="NUMBER", help=_("Send a short message to this number, too."))
@click.option("--text", default="Caiyou 彩邮", show_default=True, help=_("Its text."))
@click.option("--force", is_flag=True, help=_("Log in although a gateway holds the link up."))
@click.option("--timeout", default="30s", show_default=True, metavar="TIME", help=_("How long it may take."))
@zone_option
@json_option
@click.pass_context
def test(
    context: click.Context,
    name: str,
    number: str | None,
    text: str,
    force: bool,
    timeout: str,
    zone: ZoneInfo,
    as_json: bool,
) -> None:
    from mail2sms.cli.trial import Trial

    settings = current()
    known_link(name)
    timeout_s = span_s(timeout)
    to = Msisdn.parse(number, settings.site.region) if number else None
    with store_if_there() as connection:
        if to is not None and connection is None:
            raise InputError(_("Redis does not answer: without it the short message would not be recorded"))
        held = (
            [link for link in read(connection, datetime.now(UTC)) if link.link == name and link.up]
            if connection
            else []
        )
    if held and not force:
        line = _("{name} is up at {gateway} since {since}: {why}; not tried again without --force").format(
            name=name, gateway=held[0].gateway, since=iso(held[0].since, zone), why=held[0].why
        )
        click.echo(json.dumps({"link": name, "up": True, "held_by": held[0].gateway}) if as_json else line)
        return
    told = (lambda _line: None) if as_json else (lambda line: click.echo(_printable(line)))
    found = Trial(settings, name, told).run(to, text, timeout_s)
    if as_json:
        click.echo(json.dumps(asdict(found), ensure_ascii=False))
    context.exit(0 if found.good else 1)
