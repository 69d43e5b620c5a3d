"""``caiyou contact``."""

from __future__ import annotations

from gettext import gettext as _

import click

from caiyou.cli.context import admin
from caiyou.cli.options import examples
from caiyou.cli.output import done, each, json_option

COLUMNS = (("name", 24), ("mobile", 14), ("mail", 0))


@click.group(help=_("A user's address book: where the number for an SMS to a recipient comes from."))
def contact() -> None:
    pass


@contact.command(
    help=examples(
        _("Add a contact."),
        "caiyou contact add alice@example.test --name 李四 --mail 李四@例子.test --mobile 13900139000",
    )
)
@click.argument("user")
@click.option("--name", required=True, help=_("The contact's name."))
@click.option("--mail", multiple=True, help=_("A mail address; may be repeated."))
@click.option("--mobile", default="", help=_("A mobile number."))
@json_option
def add(user: str, name: str, mail: tuple[str, ...], mobile: str, as_json: bool) -> None:
    with admin() as directory:
        found = directory.contacts.add(user, name, mail=mail, mobile=mobile)
    done(_("contact {name} added").format(name=found.name), found, as_json=as_json)


@contact.command("list", help=_("List a user's contacts."))
@click.argument("user")
@json_option
def list_(user: str, as_json: bool) -> None:
    with admin() as directory:
        each(directory.contacts.all(user), COLUMNS, as_json=as_json)


@contact.command(help=_("Remove a contact by its name."))
@click.argument("user")
@click.argument("name")
@json_option
def remove(user: str, name: str, as_json: bool) -> None:
    with admin() as directory:
        directory.contacts.remove(user, name)
    done(_("contact {name} removed").format(name=name), {"name": name}, as_json=as_json)
