"""``caiyou blacklist``."""

from __future__ import annotations

from gettext import gettext as _

import click

from caiyou.cli.context import admin
from caiyou.cli.options import examples
from caiyou.cli.output import done, each, json_option

COLUMNS = (("value", 40), ("note", 0))


@click.group(help=_("The system blacklist: mail from there is accepted and discarded, counted and logged."))
def blacklist() -> None:
    pass


@blacklist.command(
    help=examples(
        _("Add an address, a domain with its subdomains, or a network."),
        "caiyou blacklist add spam.example --note 'casino mail'",
        "caiyou blacklist add someone@elsewhere.example",
        "caiyou blacklist add 192.0.2.0/24",
    )
)
@click.argument("value")
@click.option("--note", default="", help=_("Why."))
@json_option
def add(value: str, note: str, as_json: bool) -> None:
    with admin() as directory:
        found = directory.blacklist.add(value, note=note)
    done(_("{value} blacklisted").format(value=found.value), found, as_json=as_json)


@blacklist.command("list", help=_("List the blacklist."))
@json_option
def list_(as_json: bool) -> None:
    with admin() as directory:
        each(directory.blacklist.all(), COLUMNS, as_json=as_json)


@blacklist.command(help=_("Remove an entry."))
@click.argument("value")
@json_option
def remove(value: str, as_json: bool) -> None:
    with admin() as directory:
        directory.blacklist.remove(value)
    done(_("{value} no longer blacklisted").format(value=value), {"value": value}, as_json=as_json)
