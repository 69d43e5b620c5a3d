"""Options that several commands take."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from gettext import gettext as _
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click

_F = TypeVar("_F", bound=Callable[..., Any])
_SIZE = re.compile(r"(\d+)\s*([KMGT]?)(i?B)?", re.IGNORECASE)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_POWERS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}

DEFAULT = "default"  # takes a field back to what holds without it


class Quota(click.ParamType[int | str]):
    """Octets: ``500M``, ``2G``, ``0`` for no limit; None for ``default``."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        if isinstance(value, int):
            return value
        if value == DEFAULT:
            return DEFAULT
        found = _SIZE.fullmatch(value.strip())
        if not found:
            self.fail(
                _("{value!r} is no size; expected something like 500M, 2G or 0 for none").format(value=value),
                param,
                ctx,
            )
        return int(found[1]) << _POWERS[found[2].upper()]


class Fen(click.ParamType[int | str]):
    """An amount of money in fen; None for ``default``."""

    name = "fen"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        if isinstance(value, int) or value == DEFAULT:
            return value  # type: ignore[no-any-return]  # it is one of the two
        if not (value.isascii() and value.isdigit()):
            self.fail(_("{value!r} is no amount; expected fen, like 5000 for 50 yuan").format(value=value), param, ctx)
        return int(value)


def moment(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """A time as a person names it: so long ago, or a date or a time of ``zone``; raises BadParameter."""
    if match := re.fullmatch(r"(\d{1,4})([mhd])", text):
        return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        at = datetime.fromisoformat(text)
        if not 1970 <= at.year < 3000:
            raise ValueError("no time of ours")
    except ValueError:
        raise click.BadParameter(
            _("{text!r}; expected 90m, 3h, 2d, 2025-01-31 or 2025-01-31T08:00").format(text=text[:40])
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=zone)


def span_s(text: str) -> float:
    """A span of time as a person writes it, in seconds: 30s, 90m, 2h, 1d; raises BadParameter."""
    match = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if not match:
        raise click.BadParameter(_("{text!r}; expected something like 30s, 90m, 2h or 1d").format(text=text[:40]))
    return timedelta(**{_UNITS[match[2]]: int(match[1])}).total_seconds()


def examples(text: str, *lines: str) -> str:
    """A help text with command lines below it, which click is not to fold."""
    return "\n".join([text, "", "\b", *lines])


def given(**options: Any) -> dict[str, Any]:
    """The options that were given, "default" and an empty text as None: the field's default."""
    return {
        name: None if value in ("", DEFAULT) else list(value) if isinstance(value, tuple) else value
        for name, value in options.items()
        if value is not None and value != ()
    }


def password_options(command: _F) -> _F:
    """Where the password comes from: never from the command line, which others see."""
    for option in (
        click.option("--password-stdin", is_flag=True, help=_("Read the password from standard input, one line.")),
        click.option(
            "--password-file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help=_("Read it from a file."),
        ),
    ):
        command = option(command)
    return command


def password(from_stdin: bool, from_file: Path | None) -> str:
    """The password, asked for on a terminal where no option says where it is; raises UsageError."""
    if from_stdin and from_file:
        raise click.UsageError(_("--password-stdin and --password-file exclude each other"))
    if from_file:
        with from_file.open(encoding="utf-8", errors="surrogateescape") as file:
            return file.readline().rstrip("\r\n")
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError(_("give the password by --password-stdin or --password-file"))
    return str(click.prompt(_("Password"), hide_input=True, confirmation_prompt=True))
