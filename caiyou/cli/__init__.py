"""The command line ``caiyou``. One module a command group; other components add theirs (``caiyou.commands``).

Exit codes: 0 done, 1 refused or not found, 2 wrong usage, 69 a server does not answer, 78 the settings are wrong.
"""

from __future__ import annotations

import sys
from gettext import gettext as _
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import click

from caiyou.cli.group import LazyGroup
from caiyou.cli.language import speak
from caiyou.cli.options import examples

COMMANDS = {
    "alias": "caiyou.cli.alias:alias",
    "blacklist": "caiyou.cli.blacklist:blacklist",
    "config": "caiyou.cli.config:config",
    "contact": "caiyou.cli.contact:contact",
    "domain": "caiyou.cli.domain:domain",
    "ledger": "caiyou.cli.ledger:ledger",
    "reject": "caiyou.cli.reject:reject",
    "rule": "caiyou.cli.rule:rule",
    "trace": "caiyou.cli.trace:trace",
    "user": "caiyou.cli.user:user",
}


def main() -> None:
    """Entry point."""
    speak()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without Chinese gets escapes, not an error
    caiyou = LazyGroup(
        "caiyou",
        commands_by_place=COMMANDS,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        params=[
            click.Option(
                ["--config"],
                type=click.Path(dir_okay=False, path_type=Path),
                expose_value=False,
                callback=_use_file,
                is_eager=True,
                help=_(
                    "Settings file; else $CAIYOU_CONFIG, etc/caiyou.toml of the installation, /etc/caiyou/caiyou.toml."
                ),
            )
        ],
        help=examples(
            _("Administer a Caiyou site: domains, users, aliases, lists, notification rules."),
            "caiyou domain add example.test --quota 2G",
            "caiyou user add alice@example.test --name Alice --mobile 13800138000",
            "caiyou alias add sales@example.test alice@example.test",
            "caiyou rule add alice@example.test --sender boss@example.org --quiet 22:00-07:00",
        ),
    )
    sys.exit(caiyou.run())


def _use_file(context: click.Context, _parameter: click.Parameter, value: Path | None) -> Any:
    if value is not None:
        import os

        os.environ["CAIYOU_CONFIG"] = str(value)
