"""``caiyou sandbox``: a private instance of the whole system in one folder on loopback."""

from __future__ import annotations

import json
import sys
import time

import click

from sandbox import first_mail, lifecycle, show, site, supervise
from sandbox.layout import Layout


@click.group()
def sandbox() -> None:
    """The whole system in one folder on loopback ports, for trying out and for tests.

    $CAIYOU_PORT_BASE moves the ports (default 10000), $CAIYOU_SANDBOX the folder (default /var/lib/caiyou-sandbox).
    """


@sandbox.command()
@click.option("--site/--no-site", "with_site", default=True, help="Create the example site.")
@click.option("--mail", is_flag=True, help="Send a first mail through and tell what becomes of it.")
def start(with_site: bool, mail: bool) -> None:
    """Start what is not running; restart what has changed."""
    layout = Layout.from_environment()
    begun = time.monotonic()
    _, down = lifecycle.start(layout, _say)
    if with_site and "slapd" not in down:
        site.create(layout)
    if down:
        _say(f"not up: {', '.join(down)}; logs: {layout.log}")
    else:
        _say(f"all up in {time.monotonic() - begun:.1f} s; folder {layout.folder}")
    layout.serve_command_line()
    told = True
    if mail and not down:
        told = first_mail.send_and_tell(layout, click.echo)
        click.echo(show.summary(layout))
    sys.exit(1 if down or not told else 0)


@sandbox.command()
def stop() -> None:
    """Stop every process; mail and settings stay."""
    layout = Layout.from_environment()
    stopped = lifecycle.stop(layout)
    _say(f"stopped ({layout.folder})" if stopped else f"was not running ({layout.folder}){_another(layout)}")


@sandbox.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(as_json: bool) -> None:
    """Each process and each link, up or down, and why. Exit code 3 when any is down (LSB: program is not running)."""
    layout = Layout.from_environment()
    states = supervise.states(layout)
    if as_json:
        click.echo(json.dumps([show.process_json(state) for state in states], ensure_ascii=False))
    elif not states:
        _say(f"is not running ({layout.folder}){_another(layout)}")
    else:
        click.echo("\n".join([*map(show.status_line, states), *show.link_lines(layout)]))
    sys.exit(0 if states and all(state.up for state in states) else 3)


@sandbox.command(name="show")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def show_(as_json: bool) -> None:
    """Folder, ports, processes and the example accounts."""
    layout = Layout.from_environment()
    if not layout.settings_file.exists():
        _say(f"there is none yet ({layout.folder}){_another(layout)}")
    click.echo(json.dumps(show.as_json(layout), ensure_ascii=False, indent=2) if as_json else show.summary(layout))


@sandbox.command()
def reset() -> None:
    """Stop, and delete the folder with all mail and settings in it."""
    layout = Layout.from_environment()
    lifecycle.forget(layout)
    _say(f"deleted {layout.folder}")


def _another(layout: Layout) -> str:
    """A hint for whoever started one elsewhere and asks for the default one."""
    other = Layout.of_command_line()
    if other is None or other == layout:
        return ""
    return f"; PORT_BASE={other.ports.base} SANDBOX={other.folder} is the one that this checkout started last"


def _say(text: str) -> None:
    click.echo(f"sandbox: {text}", err=True)
