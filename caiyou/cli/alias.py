"""``caiyou alias``."""

from __future__ import annotations

from gettext import gettext as _

import click

from caiyou.cli.context import admin
from caiyou.cli.options import examples
from caiyou.cli.output import done, each, json_option, one

COLUMNS = (("address", 32), ("state", 10), ("targets", 0), ("member_url", 0))


@click.group(help=_("Aliases: addresses that stand for others, here or elsewhere."))
def alias() -> None:
    pass


@alias.command(
    help=examples(
        _("Add an alias, or further targets to it."),
        "caiyou alias add sales@example.test alice@example.test partner@elsewhere.example",
        "caiyou alias add 张三@例子.test alice@example.test",
        "caiyou alias add all@example.test --members 'ldap:///ou=domains,dc=caiyou??sub?(departmentNumber=7)'",
    )
)
@click.argument("address")
@click.argument("targets", nargs=-1)
@click.option(
    "--members", "member_url", default="", metavar="URL", help=_("LDAP URL that finds the members (RFC 4516).")
)
@json_option
def add(address: str, targets: tuple[str, ...], member_url: str, as_json: bool) -> None:
    with admin() as directory:
        directory.aliases.add(address, targets, member_url=member_url)
        found = directory.aliases.get(address)
    done(_("alias {address} added").format(address=found.address), found, as_json=as_json)


@alias.command(help=_("Show an alias."))
@click.argument("address")
@json_option
def show(address: str, as_json: bool) -> None:
    with admin() as directory:
        one(directory.aliases.get(address), as_json=as_json)


@alias.command("list", help=_("List the aliases, of every domain or of one."))
@click.argument("domain", required=False)
@json_option
def list_(domain: str | None, as_json: bool) -> None:
    with admin() as directory:
        each(directory.aliases.all(domain), COLUMNS, as_json=as_json)


@alias.command(help=_("Remove an alias, or only the targets named."))
@click.argument("address")
@click.argument("targets", nargs=-1)
@json_option
def remove(address: str, targets: tuple[str, ...], as_json: bool) -> None:
    with admin() as directory:
        found = directory.aliases.get(address)
        directory.aliases.remove(address, targets)
    what = {"address": found.address, "targets": list(targets)}
    if targets:
        done(
            _("{targets} removed from alias {address}").format(targets=", ".join(targets), address=found.address),
            what,
            as_json=as_json,
        )
    else:
        done(_("alias {address} removed").format(address=found.address), what, as_json=as_json)
