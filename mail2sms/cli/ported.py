"""``caiyou sms ported``: the list of numbers that moved to another carrier."""

from __future__ import annotations

from gettext import gettext as _
from typing import TextIO

import click

from caiyou.cli.options import examples
from caiyou.errors import InputError
from caiyou.settings import current
from mail2sms.ported import build
from mail2sms.settings import SmsSettings


@click.command(
    help=examples(
        _(
            "Make the file of numbers that moved to another carrier (sms.ported) from a list of lines NUMBER,CARRIER."
            " It replaces the one before at once; gateways and workers notice."
        ),
        "caiyou sms ported list.csv",
        "zcat list.csv.gz | caiyou sms ported -",
    )
)
@click.argument("list", type=click.File(encoding="utf-8-sig"))
def ported(list: TextIO) -> None:
    settings = current()
    sms = settings.table(SmsSettings)
    if sms.ported is None:
        raise InputError(_("sms.ported is not set: there is no place for the file"))
    try:
        count = build(sms.ported, list, sms.carriers, settings.site.region)
    except UnicodeDecodeError:
        raise InputError(_("the list is not UTF-8")) from None
    except OSError as error:
        raise InputError(f"{sms.ported}: {error.strerror}") from None
    click.echo(_("{count} numbers").format(count=count))
