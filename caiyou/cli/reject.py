"""``caiyou reject``."""

from __future__ import annotations

import json
from gettext import gettext as _

import click

from caiyou.cli.context import admin
from caiyou.cli.options import examples
from caiyou.cli.output import done, json_option


@click.group(help=_("A user's reject list: addresses and domains whose mail to him is refused."))
def reject() -> None:
    pass


@reject.command(
    help=examples(_("Add senders."), "caiyou reject add alice@example.test nag@elsewhere.example spam.example")
)
@click.argument("user")
@click.argument("senders", nargs=-1, required=True)
@json_option
def add(user: str, senders: tuple[str, ...], as_json: bool) -> None:
    with admin() as directory:
        directory.users.reject(user, senders)
    done(
        _("{user} rejects {senders}").format(user=user, senders=", ".join(senders)),
        {"senders": list(senders)},
        as_json=as_json,
    )


@reject.command("list", help=_("List the senders that a user rejects."))
@click.argument("user")
@json_option
def list_(user: str, as_json: bool) -> None:
    with admin() as directory:
        senders = directory.users.get(user).reject
    if as_json:
        click.echo(json.dumps(senders, ensure_ascii=False))
    for sender in () if as_json else senders:
        click.echo(sender)


@reject.command(help=_("Remove senders."))
@click.argument("user")
@click.argument("senders", nargs=-1, required=True)
@json_option
def remove(user: str, senders: tuple[str, ...], as_json: bool) -> None:
    with admin() as directory:
        directory.users.unreject(user, senders)
    text = _("{user} no longer rejects {senders}").format(user=user, senders=", ".join(senders))
    done(text, {"senders": list(senders)}, as_json=as_json)
