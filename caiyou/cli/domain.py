"""``caiyou domain``."""

from __future__ import annotations

from gettext import gettext as _
from typing import Any

import click

from caiyou.cli.context import admin
from caiyou.cli.options import Fen, Quota, examples, given
from caiyou.cli.output import done, each, json_option, one

COLUMNS = (("name", 30), ("state", 10), ("quota_bytes", 14), ("when_scan_down", 0))

quota_option = click.option(
    "--quota", "quota_bytes", type=Quota(), help=_("Default of its mailboxes: 500M, 2G, 0 for no limit.")
)
scan_option = click.option(
    "--when-scan-down",
    type=click.Choice(["hold", "pass", "default"]),
    help=_("Mail while no virus scanner answers: hold (the sender tries again) or pass unscanned."),
)

month_option = click.option(
    "--sms-month-fen", type=Fen(), help=_("What its short messages may cost in a month, in fen; 0 for no cap.")
)


@click.group(help=_("Mail domains of this site."))
def domain() -> None:
    pass


@domain.command(
    help=examples(_("Add a domain."), "caiyou domain add example.test --quota 2G", "caiyou domain add 例子.test")
)
@click.argument("name")
@quota_option
@scan_option
@month_option
@json_option
def add(name: str, as_json: bool, **fields: Any) -> None:
    with admin() as directory:
        directory.domains.add(name, **given(**fields))
        found = directory.domains.get(name)
    done(_("domain {name} added").format(name=found.name), found, as_json=as_json)


@domain.command(
    "set",
    help=examples(
        _("Change a domain. 'default' takes a value back."),
        "caiyou domain set example.test --quota 5G",
        "caiyou domain set example.test --state suspended",
    ),
)
@click.argument("name")
@quota_option
@scan_option
@month_option
@click.option(
    "--state", type=click.Choice(["active", "suspended", "closed"]), help=_("Mail to it is refused unless active.")
)
@json_option
def change(name: str, as_json: bool, **fields: Any) -> None:
    with admin() as directory:
        directory.domains.set(name, **given(**fields))
        found = directory.domains.get(name)
    done(_("domain {name} changed").format(name=found.name), found, as_json=as_json)


@domain.command(help=_("Show a domain."))
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    with admin() as directory:
        one(directory.domains.get(name), as_json=as_json)


@domain.command("list", help=_("List the domains."))
@json_option
def list_(as_json: bool) -> None:
    with admin() as directory:
        each(directory.domains.all(), COLUMNS, as_json=as_json)


@domain.command(help=_("Remove a domain. Refused while it has users or aliases, unless they are to go with it."))
@click.argument("name")
@click.option(
    "--with-users", is_flag=True, help=_("Remove its users and aliases too. Their mail stays in the mail store.")
)
@json_option
def remove(name: str, with_users: bool, as_json: bool) -> None:
    with admin() as directory:
        found = directory.domains.get(name)
        directory.domains.remove(name, with_users=with_users)
    done(_("domain {name} removed").format(name=found.name), {"name": found.name}, as_json=as_json)
