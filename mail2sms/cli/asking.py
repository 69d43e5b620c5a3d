"""``caiyou sms link query`` and ``cancel``: questions to a carrier, by way of the gateway that holds its link."""

from __future__ import annotations

import json
from datetime import datetime
from gettext import gettext as _
from zoneinfo import ZoneInfo

import click

from caiyou.cli.options import examples
from caiyou.cli.output import json_option
from caiyou.settings import current
from mail2sms import asking
from mail2sms.cli.links import known_link
from mail2sms.cli.servers import store

# The names of CMPP 3.0, 8.4.4.2.
_COUNTS = {
    "mt_tl_msg": _("messages taken from us"),
    "mt_tl_usr": _("numbers they went to"),
    "mt_scs": _("of them sent on"),
    "mt_wt": _("waiting"),
    "mt_fl": _("failed"),
    "mo_scs": _("messages from phones, handed to us"),
    "mo_wt": _("of them waiting"),
    "mo_fl": _("failed on the way to us"),
}


@click.command(
    help=examples(
        _("Ask the carrier of a link how much it counts for a day (default today), all in all or for one service."),
        "caiyou sms link query ismg",
        "caiyou sms link query ismg 2026-11-22 --service MAIL",
    )
)
@click.argument("name")
@click.argument("day", required=False, metavar="[DAY]", type=click.DateTime(["%Y-%m-%d", "%Y%m%d"]))
@click.option("--service", default="", metavar="ID", help=_("Of this service alone (业务代码)."))
@json_option
def query(name: str, day: datetime | None, service: str, as_json: bool) -> None:
    known_link(name)
    today = datetime.now(ZoneInfo(current().site.timezone))
    with store(blocks=True) as connection:
        counts = asking.query(connection, name, (day or today).date(), service)
    if as_json:
        click.echo(json.dumps(counts))
        return
    for count, value in counts.items():
        click.echo(f"{value:>10}  {_COUNTS.get(count, count)}")


@click.command(
    help=examples(
        _(
            "Withdraw a short message that the carrier has and no phone yet.\n\n"
            "Exit code 1 when the carrier withdrew not all of its parts: they are with the phone, or it does not do so."
        ),
        "caiyou sms cancel 019a1b2c3d4e5f6071829",
    )
)
@click.argument("id")
@json_option
@click.pass_context
def cancel(context: click.Context, id: str, as_json: bool) -> None:
    with store(blocks=True) as connection:
        parts = asking.cancel(connection, id)
    if as_json:
        click.echo(json.dumps({"id": id, "withdrawn": [part for part, done in parts.items() if done]}))
    else:
        for part, done in parts.items():
            words = _("withdrawn") if done else _("not withdrawn")
            click.echo(words if len(parts) == 1 else _("part {part}: {words}").format(part=part, words=words))
    context.exit(0 if all(parts.values()) else 1)
