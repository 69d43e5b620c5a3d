"""``caiyou sms``: short messages, the ways they take, and the links.

One module a group of commands: ``history`` list and show · ``cdr`` · ``links`` links, link and route · ``test`` tries a
link · ``sending`` send · ``ported`` · ``asking`` cancel, link query.
"""

from __future__ import annotations

from gettext import gettext as _

import click

from caiyou.cli.options import examples
from mail2sms.cli.asking import cancel, query
from mail2sms.cli.cdr import cdr
from mail2sms.cli.history import list_, show
from mail2sms.cli.links import link, links, route
from mail2sms.cli.ported import ported
from mail2sms.cli.sending import send


@click.group(
    help=examples(
        _("Short messages: send them, find them, see the links to the carriers."),
        'caiyou sms send 13800138000 "会议改到三点" --wait',
        "caiyou sms list --number 13800138000 --since 2d",
        "caiyou sms links",
    )
)
def sms() -> None: ...


for command in (send, list_, show, cancel, links, link, route, cdr, ported):
    sms.add_command(command)
link.add_command(query)
