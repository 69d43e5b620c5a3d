"""``caiyou rule``."""

from __future__ import annotations

from gettext import gettext as _
from typing import Any

import click

from caiyou.cli.context import admin
from caiyou.cli.options import examples, given
from caiyou.cli.output import done, each, json_option

COLUMNS = (
    ("name", 10),
    ("by", 4),
    ("notify_to", 14),
    ("quiet", 12),
    ("daily_cap", 9),
    ("urgent_only", 11),
    ("senders", 24),
    ("keywords", 0),
)


@click.group(help=_("Notification rules: which arriving mail becomes an SMS."))
def rule() -> None:
    pass


@rule.command(
    help=examples(
        _("Add a rule, which switches notification on. A mail must meet every condition given."),
        "caiyou rule add alice@example.test",
        "caiyou rule add alice@example.test --sender boss@example.org --keyword 合同 --quiet 22:00-07:00",
        "caiyou rule add alice@example.test --name urgent --priority urgent --daily-cap 20 --notify-to 13900139000",
    )
)
@click.argument("user")
@click.option("--name", help=_("Its name; else the first free number."))
@click.option("--notify-to", metavar="NUMBER", help=_("Number that gets the SMS; else his mobile."))
@click.option("--sender", "senders", multiple=True, help=_("Address, domain or part of the name; any of several."))
@click.option("--priority", type=click.Choice(["any", "urgent"]), default="any", help=_("Urgent mail only."))
@click.option("--keyword", "keywords", multiple=True, help=_("Word in subject or text; any of several."))
@click.option(
    "--quiet", metavar="HH:MM-HH:MM", help=_("No SMS in these hours of his time zone; it waits for their end.")
)
@click.option("--daily-cap", type=int, help=_("At most so many a day; 0 for no cap."))
@click.option("--by", type=click.Choice(["sms"]), default="sms", help=_("How he is told."))
@json_option
def add(user: str, priority: str, as_json: bool, **fields: Any) -> None:
    with admin() as directory:
        found = directory.rules.add(user, urgent_only=priority == "urgent", **given(**fields))
    done(_("rule {name} added").format(name=found.name), found, as_json=as_json)


@rule.command("list", help=_("List a user's rules."))
@click.argument("user")
@json_option
def list_(user: str, as_json: bool) -> None:
    with admin() as directory:
        each(directory.rules.all(user), COLUMNS, as_json=as_json)


@rule.command(help=_("Remove a rule by its name."))
@click.argument("user")
@click.argument("name")
@json_option
def remove(user: str, name: str, as_json: bool) -> None:
    with admin() as directory:
        directory.rules.remove(user, name)
    done(_("rule {name} removed").format(name=name), {"name": name}, as_json=as_json)
