"""The starting set of handset profiles, ``handsets.toml`` beside this module, as the directory keeps them."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from gettext import gettext as _
from importlib.resources import files
from pathlib import Path
from typing import Any

from caiyou.directory.handsets import key
from caiyou.directory.model import Handset, HandsetKind
from caiyou.errors import InputError

FILE = "handsets.toml"

_NUMBERS = ("max_octets", "colours", "max_slides", "max_text_octets")
_CHOICES = ("animated", "mms")
_TEXTS = ("parent", "screen", "note")
_LISTS = ("pictures", "sounds", "charsets")
_KNOWN = {
    **dict.fromkeys(_NUMBERS, int),
    **dict.fromkeys(_CHOICES, bool),
    **dict.fromkeys(_TEXTS, str),
    **dict.fromkeys((*_LISTS, "names", "prefixes", "uaprof", "sources"), list),
}


@cache
def shipped() -> tuple[Handset, ...]:
    """The starting set, parents first."""
    return parsed(files(__package__).joinpath(FILE).read_text(encoding="utf-8"), FILE)


def read(path: Path) -> tuple[Handset, ...]:
    """A set in a file of the same form; raises InputError, OSError."""
    try:
        return parsed(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError:
        raise InputError(_("{file}: not UTF-8").format(file=path)) from None


def parsed(text: str, file: str) -> tuple[Handset, ...]:
    """The profiles of a TOML text, parents first; raises InputError naming ``file`` and what is wrong in it."""
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(_("{file}: not TOML: {error}").format(file=file, error=error)) from None
    found: dict[str, tuple[HandsetKind, Mapping[str, Any]]] = {}
    for word, profiles in tables.items():
        if word not in list(HandsetKind) or not isinstance(profiles, dict):
            raise InputError(
                _("{file}: [{table}] is none of {words}").format(file=file, table=word, words=", ".join(HandsetKind))
            )
        for name, table in profiles.items():
            if name in found or not isinstance(table, dict):
                raise InputError(_("{file}: [{kind}.{name}] is wrong or twice").format(file=file, kind=word, name=name))
            for field, value in table.items():
                if not _fits(field, value):
                    raise InputError(
                        _("{file}: [{kind}.{name}] {field} is unknown or wrong").format(
                            file=file, kind=word, name=name, field=field
                        )
                    )
            found[name] = (HandsetKind(word), table)
    names = _names(found)
    return tuple(_handset(name, *found[name], names[name]) for name in _parents_first(found, file))


def _fits(field: str, value: object) -> bool:
    """Whether the setting is known and of its type; ranges are the directory's to check."""
    return type(value) is _KNOWN.get(field) and (
        not isinstance(value, list) or all(isinstance(each, str) for each in value)
    )


def _handset(name: str, kind: HandsetKind, table: Mapping[str, Any], names: frozenset[str]) -> Handset:
    values = {field: table[field] for field in (*_NUMBERS, *_CHOICES, *_TEXTS) if field in table}
    values |= {field: tuple(table[field]) for field in _LISTS if field in table}
    sources = {*table.get("uaprof", ()), *table.get("sources", ())}
    return Handset(name=name, kind=kind, names=tuple(sorted(names)), sources=tuple(sorted(sources)), **values)


def _names(found: Mapping[str, tuple[HandsetKind, Mapping[str, Any]]]) -> dict[str, frozenset[str]]:
    """Every way each profile is written. A model's number without its vendor is one where no other model has it."""
    sure: dict[str, set[str]] = {}
    short: dict[str, str] = {}
    for name, (kind, table) in found.items():
        addresses = (address.partition("://")[2] for address in table.get("uaprof", ()))
        sure[name] = {key(name), *map(key, table.get("names", ())), *map(key, addresses)}
        vendor, _space, model = name.partition(" ")
        if kind is HandsetKind.MODEL and model:
            of_vendor = found.get(vendor, (kind, {}))[1]
            ways = [*map(key, (vendor, *of_vendor.get("names", ()), *of_vendor.get("prefixes", ())))]
            short[name] = key(model)
            models = {short[name], *(_without(key(each), ways) for each in table.get("names", ()))}
            sure[name] |= {way + each for way in ways for each in models if each}
    taken = Counter([*short.values(), *(each for keys in sure.values() for each in keys)])
    return {
        name: frozenset(keys | ({short[name]} if name in short and taken[short[name]] == 1 else set()))
        for name, keys in sure.items()
    }


def _without(name: str, vendors: list[str]) -> str:
    """A model's name without the vendor's before it."""
    said = max((vendor for vendor in vendors if name.startswith(vendor)), key=len, default="")
    return name[len(said) :]


def _parents_first(found: Mapping[str, tuple[HandsetKind, Mapping[str, Any]]], file: str) -> Iterator[str]:
    done: dict[str, None] = {}
    for name in found:
        line: list[str] = []
        each = name
        while each and each not in done:
            if each in line or each not in found:
                raise InputError(
                    _("{file}: {name} inherits from {parent}, which cannot be").format(
                        file=file, name=name, parent=each
                    )
                )
            line.append(each)
            each = str(found[each][1].get("parent", ""))
        done.update(dict.fromkeys(reversed(line)))
    yield from done
