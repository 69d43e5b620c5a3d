"""``caiyou user``."""

from __future__ import annotations

from gettext import gettext as _
from pathlib import Path
from typing import Any, TypeVar

import click

from caiyou.cli.context import admin
from caiyou.cli.options import Fen, Quota, examples, given, password, password_options
from caiyou.cli.output import done, each, json_option, one

COLUMNS = (("mailbox", 32), ("state", 10), ("quota_bytes", 14), ("mobile", 14), ("name", 0))

_F = TypeVar("_F")

OPTIONS = (
    click.option("--name", help=_("His name, as people read it.")),
    click.option("--mobile", help=_("His mobile; an empty text removes it.")),
    click.option("--quota", "quota_bytes", type=Quota(), help=_("500M, 2G, 0 for no limit, default for his domain's.")),
    click.option("--mail-host", help=_("The storage host of his mailbox.")),
    click.option("--language", help=_("Of what Caiyou tells him: zh_CN, en ...")),
    click.option("--timezone", help=_("Of his quiet hours: Asia/Shanghai ...")),
    click.option("--warn", "warn_percent", type=int, help=_("Percent of the quota above which he is warned.")),
    click.option(
        "--empty-when-full", multiple=True, metavar="FOLDER", help=_("Empty Trash or Sent when new mail does not fit.")
    ),
    click.option("--notify/--no-notify", default=None, help=_("SMS on arrival, by his rules.")),
    click.option("--notify-on-send/--no-notify-on-send", default=None, help=_("SMS to those he writes to.")),
    click.option("--long-sms/--no-long-sms", default=None, help=_("An SMS may take several parts.")),
    click.option("--handset", help=_("His phone, as in 'nokia 6600'; an empty text removes it.")),
    click.option("--sms-month-fen", type=Fen(), help=_("What his short messages may cost in a month, in fen; 0: any.")),
)


def user_options(command: _F) -> _F:
    """What ``add`` and ``set`` have in common."""
    for option in reversed(OPTIONS):
        command = option(command)  # type: ignore[type-var]
    return command


@click.group(help=_("Users: who has a mailbox. A user is named by the mailbox or any address of his own."))
def user() -> None:
    pass


@user.command(
    help=examples(
        _("Add a user. The password is asked for, or read as the options say."),
        "caiyou user add alice@example.test --name 张三 --mobile 13800138000",
        "echo secret | caiyou user add bob@example.test --password-stdin --quota 5G",
    )
)
@click.argument("mailbox")
@password_options
@click.option("--no-password", is_flag=True, help=_("He cannot log in until he gets one."))
@click.option("--address", "addresses", multiple=True, help=_("A further address of his own; may be repeated."))
@user_options
@json_option
def add(
    mailbox: str,
    password_stdin: bool,
    password_file: Path | None,
    no_password: bool,
    addresses: tuple[str, ...],
    as_json: bool,
    **fields: Any,
) -> None:
    if no_password and (password_stdin or password_file):
        raise click.UsageError(_("--no-password excludes --password-stdin and --password-file"))
    secret = None if no_password else password(password_stdin, password_file)
    with admin() as directory:
        directory.users.add(mailbox, password=secret, addresses=addresses, **given(**fields))
        found = directory.users.get(mailbox)
    done(_("user {mailbox} added").format(mailbox=found.mailbox), found, as_json=as_json)


@user.command(
    "set",
    help=examples(
        _("Change a user. 'default' or an empty text takes a value back."),
        "caiyou user set alice@example.test --quota 5G --empty-when-full Trash",
        "caiyou user set alice@example.test --address alice.zhang@example.test",
    ),
)
@click.argument("mailbox")
@user_options
@click.option("--address", "add_addresses", multiple=True, help=_("Add an address of his own; may be repeated."))
@click.option(
    "--no-address", "drop_addresses", multiple=True, help=_("Take an address of his own away; may be repeated.")
)
@json_option
def change(
    mailbox: str, add_addresses: tuple[str, ...], drop_addresses: tuple[str, ...], as_json: bool, **fields: Any
) -> None:
    with admin() as directory:
        directory.users.set(mailbox, add_addresses=add_addresses, drop_addresses=drop_addresses, **given(**fields))
        found = directory.users.get(mailbox)
        unknown = bool(
            found.handset and "handset" in given(**fields) and directory.handsets.find(found.handset) is None
        )
    text = _("user {mailbox} changed").format(mailbox=found.mailbox)
    if unknown:
        text += "; " + _("nobody knows this phone; the default is used for it")
    done(text, found, as_json=as_json)


@user.command(help=_("Suspend a user: he cannot log in, and mail to him is refused until he is resumed."))
@click.argument("mailbox")
@json_option
def suspend(mailbox: str, as_json: bool) -> None:
    with admin() as directory:
        directory.users.suspend(mailbox)
        found = directory.users.get(mailbox)
    done(_("user {mailbox} suspended").format(mailbox=found.mailbox), found, as_json=as_json)


@user.command(help=_("Resume a suspended user."))
@click.argument("mailbox")
@json_option
def resume(mailbox: str, as_json: bool) -> None:
    with admin() as directory:
        directory.users.resume(mailbox)
        found = directory.users.get(mailbox)
    done(_("user {mailbox} resumed").format(mailbox=found.mailbox), found, as_json=as_json)


@user.command(help=_("Show a user."))
@click.argument("mailbox")
@json_option
def show(mailbox: str, as_json: bool) -> None:
    with admin() as directory:
        one(directory.users.get(mailbox), as_json=as_json)


@user.command("list", help=_("List the users, of every domain or of one."))
@click.argument("domain", required=False)
@json_option
def list_(domain: str | None, as_json: bool) -> None:
    with admin() as directory:
        each(directory.users.all(domain), COLUMNS, as_json=as_json)


@user.command(
    help=examples(
        _("Set a user's password."),
        "caiyou user passwd alice@example.test",
        "caiyou user passwd alice@example.test --password-file FILE",
    )
)
@click.argument("mailbox")
@password_options
@json_option
def passwd(mailbox: str, password_stdin: bool, password_file: Path | None, as_json: bool) -> None:
    with admin() as directory:
        found = directory.users.get(mailbox)  # before anyone types a password in vain
        directory.users.set_password(mailbox, password(password_stdin, password_file))
    done(_("password of {mailbox} set").format(mailbox=found.mailbox), {"mailbox": found.mailbox}, as_json=as_json)


@user.command(help=_("Remove a user with his rules and contacts. His mail stays in the mail store."))
@click.argument("mailbox")
@json_option
def remove(mailbox: str, as_json: bool) -> None:
    with admin() as directory:
        found = directory.users.get(mailbox)
        aliases = directory.users.remove(mailbox)
    text = _("user {mailbox} removed").format(mailbox=found.mailbox)
    if aliases:
        text += _(", also from {aliases}").format(aliases=", ".join(aliases))
    done(text, {"mailbox": found.mailbox, "aliases": aliases}, as_json=as_json)
