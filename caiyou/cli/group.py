"""The top of the command tree: commands loaded when they are called, errors as one clear line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from gettext import gettext as _
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click

from caiyou.errors import CaiyouError, DirectoryDown, ServiceDown, SettingsError

EX_UNAVAILABLE, EX_CONFIG = 69, 78  # sysexits.h


class LazyGroup(click.Group):
    """``commands_by_place``: name to "module:attribute"; the entry points ``caiyou.commands`` join them."""

    def __init__(self, name: str, *, commands_by_place: dict[str, str], **settings: Any) -> None:
        super().__init__(name, **settings)
        self._places = {point.name: point.value for point in _plugins()} | commands_by_place

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._places:
            return None
        module, _colon, attribute = self._places[cmd_name].partition(":")
        try:
            command: click.Command = getattr(import_module(module), attribute)
        except ImportError as error:
            if ctx.resilient_parsing or not ctx.args:  # one broken component does not take the help of the others away
                return None
            raise click.ClickException(
                _("{name} cannot be loaded: {error}").format(name=cmd_name, error=error)
            ) from None
        return command

    def run(self, arguments: Sequence[str] | None = None) -> int:
        """Run a command line; its exit code."""
        try:
            ended: Any = self.main(arguments, prog_name="caiyou", standalone_mode=False)  # what it gave to ``exit``
            sys.stdout.flush()
        except click.exceptions.Exit as stop:
            return stop.exit_code
        except click.ClickException as error:
            error.show()
            return error.exit_code
        except click.Abort:
            click.echo(_("Aborted."), err=True)
            return 1
        except SettingsError as error:
            return _told(error, EX_CONFIG)
        except (DirectoryDown, ServiceDown) as error:
            return _told(error, EX_UNAVAILABLE)
        except CaiyouError as error:
            return _told(error, 1)
        except BrokenPipeError:  # `| head` has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        return ended if isinstance(ended, int) else 0


def _told(error: CaiyouError, code: int) -> int:
    click.echo(f"caiyou: {error}", err=True)
    return code


def _plugins() -> Sequence[EntryPoint]:
    return list(entry_points(group="caiyou.commands"))
