"""``caiyou handset``."""

from __future__ import annotations

from dataclasses import asdict
from gettext import gettext as _
from pathlib import Path
from typing import Any, TypeVar

import click

from caiyou.cli.context import admin
from caiyou.cli.options import DEFAULT, examples, given
from caiyou.cli.output import done, each, json_option, one
from caiyou.directory.handsets import inherited
from caiyou.directory.model import HandsetKind
from mms_builder.handset import Picture, Sound

COLUMNS = (
    ("name", 28),
    ("kind", 8),
    ("parent", 26),
    ("screen", 10),
    ("max_octets", 11),
    ("colours", 10),
    ("mms", 5),
    ("pictures", 0),
)
NOTHING = "none"

_F = TypeVar("_F")


class Words(click.ParamType[tuple[str, ...] | str]):
    """Words with commas between; ``none`` for an empty list, ``default`` for the parent's. ``short`` names for some."""

    name = "list"

    def __init__(self, short: dict[str, str] | None = None) -> None:
        self._short = short

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...] | str:
        if not isinstance(value, str) or value == DEFAULT:
            return value  # type: ignore[no-any-return]  # it is one of the two
        words = [] if value == NOTHING else [word.strip().lower() for word in value.split(",")]
        if self._short is None:
            return tuple(words)
        full = [self._short.get(word, word) for word in words]
        for word in full:
            if word not in self._short.values():
                known = ", ".join(self._short)
                self.fail(_("{value!r} is none of {words}").format(value=word, words=known), param, ctx)
        return tuple(full)


class Whole(click.ParamType[int | str]):
    """A number; ``default`` for the parent's."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        if isinstance(value, int) or value == DEFAULT:
            return value  # type: ignore[no-any-return]  # it is one of the two
        if not (value.isascii() and value.isdigit() and len(value) < 13):
            self.fail(_("{value!r} is no whole number").format(value=value[:40]), param, ctx)
        return int(value)


class Choice(click.ParamType[bool | str]):
    """yes, no; ``default`` for the parent's."""

    name = "yes|no"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool | str:
        if isinstance(value, bool) or value == DEFAULT:
            return value  # type: ignore[no-any-return]  # it is one of the two
        if value not in ("yes", "no"):
            self.fail(_("{value!r} is neither yes nor no").format(value=value[:40]), param, ctx)
        return bool(value == "yes")


PICTURES = {each.name.lower(): str(each) for each in Picture}
SOUNDS = {each.name.lower(): str(each) for each in Sound}

OPTIONS = (
    click.option(
        "--kind", type=click.Choice(list(map(str, HandsetKind))), help=_("What the profile speaks of; else a model.")
    ),
    click.option("--parent", help=_("The profile that says what this one leaves open.")),
    click.option("--screen", metavar="WxH", help=_("The screen for pictures, in pixels, like 176x208.")),
    click.option("--max-octets", type=Whole(), help=_("Octets of a whole message at most.")),
    click.option("--pictures", type=Words(PICTURES), help=_("jpeg, gif, png, wbmp: the best first, with commas.")),
    click.option("--colours", type=Whole(), help=_("How many the screen tells apart.")),
    click.option("--animated", type=Choice(), help=_("Whether a GIF may move.")),
    click.option("--sounds", type=Words(SOUNDS), help=_("amr, imelody, midi: the best first, with commas; or none.")),
    click.option("--charsets", type=Words(), help=_("Character sets of texts, the best first, with commas.")),
    click.option("--max-slides", type=Whole(), help=_("Slides of a message at most.")),
    click.option("--max-text-octets", type=Whole(), help=_("Octets of one text at most.")),
    click.option("--mms", type=Choice(), help=_("Whether it has MMS at all.")),
    click.option("--source", "sources", multiple=True, metavar="URL", help=_("Where the values are from; repeatable.")),
    click.option("--note", help=_("For those who read it.")),
)


def profile_options(command: _F) -> _F:
    """What ``add`` and ``set`` have in common."""
    for option in reversed(OPTIONS):
        command = option(command)  # type: ignore[type-var]
    return command


def _given(**fields: Any) -> dict[str, Any]:
    """The options that were given; an empty list stays one, where ``given`` would leave it out."""
    empty: dict[str, Any] = {name: [] for name, value in fields.items() if value == () and name != "sources"}
    return given(**fields) | empty


@click.group(
    help=examples(
        _(
            "Handset profiles: what each phone can show in a multimedia message. A model inherits from its series,"
            " vendor and class."
        ),
        "caiyou handset load",
        "caiyou handset show 诺基亚6600",
        "caiyou handset add 'nokia 6670' --parent 'nokia series-60' --max-octets 107250",
    )
)
def handset() -> None: ...


@handset.command("list", help=_("List the profiles as they stand there; nothing inherited."))
@click.option("--kind", type=click.Choice(list(map(str, HandsetKind))), help=_("Only these."))
@json_option
def list_(kind: str | None, as_json: bool) -> None:
    with admin() as directory:
        each((found for found in directory.handsets.all() if kind in (None, found.kind)), COLUMNS, as_json=as_json)


@handset.command(
    help=examples(
        _("Show what a phone can show, by its name, its User-Agent or the address of its UAProf document."),
        "caiyou handset show N95",
        "caiyou handset show 'Nokia6600/2.0 (5.27.0) SymbianOS/7.0s'",
        "caiyou handset show http://nds1.nds.nokia.com/uaprof/N6600r100.xml",
    )
)
@click.argument("handset")
@click.option("--own", is_flag=True, help=_("Only what the profile itself says."))
@json_option
def show(handset: str, own: bool, as_json: bool) -> None:
    with admin() as directory:
        chain = directory.handsets.chain(handset)
    found = chain[0] if own else inherited(chain)
    if as_json:
        one({**asdict(found), "inherits": [above.name for above in chain[1:]]}, as_json=True)
        return
    one(found, as_json=False)
    if len(chain) > 1:
        click.echo(f"{'inherits:':<18}{' > '.join(above.name for above in chain[1:])}")


@handset.command(
    help=examples(
        _("Add a profile. What is not given is its parent's."),
        "caiyou handset add 'nokia 6670' --parent 'nokia series-60' --name 诺基亚6670",
        "caiyou handset add 'oldphone 1' --parent nokia --mms no",
    )
)
@click.argument("handset")
@click.option("--name", "names", multiple=True, help=_("Another way to write it; may be repeated."))
@profile_options
@json_option
def add(handset: str, names: tuple[str, ...], as_json: bool, **fields: Any) -> None:
    with admin() as directory:
        found = directory.handsets.add(handset, names=names, **_given(**fields))
    done(_("handset {name} added").format(name=found.name), found, as_json=as_json)


@handset.command(
    "set",
    help=examples(
        _("Change a profile. 'default' leaves a value to the parent."),
        "caiyou handset set 'nokia 6600' --max-octets 102400 --sounds amr",
        "caiyou handset set 'nokia 6600' --max-octets default",
    ),
)
@click.argument("handset")
@click.option("--name", "add_names", multiple=True, help=_("Add another way to write it; may be repeated."))
@click.option("--no-name", "drop_names", multiple=True, help=_("Take a way to write it away; may be repeated."))
@profile_options
@json_option
def change(handset: str, add_names: tuple[str, ...], drop_names: tuple[str, ...], as_json: bool, **fields: Any) -> None:
    with admin() as directory:
        found = directory.handsets.set(handset, add_names=add_names, drop_names=drop_names, **_given(**fields))
    done(_("handset {name} changed").format(name=found.name), found, as_json=as_json)


@handset.command(help=_("Remove a profile. Loading the starting set does not bring it back."))
@click.argument("handset")
@json_option
def remove(handset: str, as_json: bool) -> None:
    with admin() as directory:
        found = directory.handsets.remove(handset)
    done(_("handset {name} removed").format(name=found.name), {"name": found.name}, as_json=as_json)


@handset.command(
    help=examples(
        _("Bring in the starting set, or a file of the same form. What somebody edited, added or removed stays so."),
        "caiyou handset load",
        "caiyou handset load our-phones.toml",
    )
)
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def load(file: Path | None, as_json: bool) -> None:
    from mms_builder.handsets import starting_set

    profiles = starting_set.read(file) if file else starting_set.shipped()
    with admin() as directory:
        result = directory.handsets.load(profiles)
    text = _("{added} added, {updated} brought up to date, {kept} kept as somebody left them, {unchanged} unchanged")
    done(text.format(**asdict(result)), result, as_json=as_json)
