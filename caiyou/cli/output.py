"""Printing: plain text for people, JSON for programs. Lists are printed as they come; nothing holds them whole."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from gettext import gettext as _
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help=_("For programs."))


def each(values: Iterable[Any], columns: Sequence[tuple[str, int]], *, as_json: bool) -> None:
    """A list of dataclasses: a line each, of ``columns`` (field, width), below a heading on a terminal.

    As JSON one array, an element a line.
    """
    if not as_json:
        for number, value in enumerate(values):
            if number == 0 and sys.stdout.isatty():  # a program that reads lines has no use for it
                click.secho(_row({field: field.upper() for field, _width in columns}, columns), bold=True)
            click.echo(_row(asdict(value), columns))
        return
    opening = "["
    for value in values:
        click.echo(f"{opening}\n{_json(value)}", nl=False)
        opening = ","
    click.echo("[]" if opening == "[" else "\n]")


def one(value: Any, *, as_json: bool) -> None:
    """A dataclass: a line for each field that says something; as JSON one object."""
    if as_json:
        click.echo(_json(value))
        return
    for field, content in asdict(value).items():
        if content not in (None, "", (), []):
            click.echo(f"{field + ':':<18}{_plain(content)}")


def done(text: str, value: Any, *, as_json: bool) -> None:
    """What a change did: a line of text, or as JSON the thing as it is now."""
    click.echo(_json(value) if as_json else _plain(text))


def _row(record: Mapping[str, Any], columns: Sequence[tuple[str, int]]) -> str:
    return "  ".join(_padded(_plain(record[field]), width) for field, width in columns).rstrip()


def _json(value: Any) -> str:
    return json.dumps(value if isinstance(value, dict) else asdict(value), ensure_ascii=False)


def _plain(content: Any) -> str:
    """As people read it; what others wrote into the directory cannot move the cursor."""
    if isinstance(content, bool):
        return _("yes") if content else _("no")
    if isinstance(content, tuple | list):
        return ", ".join(map(_plain, content))
    text = "" if content is None else str(content)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _padded(text: str, width: int) -> str:
    """Filled up to ``width`` columns of a terminal; a Chinese character takes two."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return text + " " * (width - len(text) - wide)
