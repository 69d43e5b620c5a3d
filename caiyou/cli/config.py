"""``caiyou config``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from gettext import gettext as _
from typing import Any

import click

from caiyou.cli.options import examples
from caiyou.cli.output import json_option


@click.command(
    help=examples(
        _("Print the settings in force, defaults filled in; what is printed is a settings file."),
        "caiyou config --changed",
    )
)
@click.option("--changed", is_flag=True, help=_("Only what differs from the defaults."))
@json_option
def config(changed: bool, as_json: bool) -> None:
    from caiyou.settings import current

    values = {
        name: table.model_dump(mode="json", exclude_defaults=changed, exclude_none=True)
        for name, table in current().effective().items()
    }
    if as_json:
        click.echo(json.dumps(values, ensure_ascii=False, indent=2))
        return
    for name, table in values.items():
        if table or not changed:
            click.echo("\n".join(_toml(name, table)))


def _toml(name: str, table: dict[str, Any]) -> Iterator[str]:
    """The lines of a table and those within it."""
    yield f"[{name}]"
    nested = []
    for key, value in table.items():
        if isinstance(value, dict):
            nested.append((f"{name}.{key}", value))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            nested += [(f"[{name}.{key}]", element) for element in value]
        else:
            yield f"{key} = {json.dumps(value, ensure_ascii=False)}"
    yield ""
    for inner, values in nested:
        yield from _toml(inner, values)
