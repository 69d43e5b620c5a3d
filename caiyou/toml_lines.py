"""Where a key stands in a TOML text, so that an error can name the line. ``tomllib`` keeps no positions."""

from __future__ import annotations

import re
from collections.abc import Iterator

_KEY = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]")
_PAIR = re.compile(rf"\s*({_DOTTED})\s*=")
_PART = re.compile(_KEY)

Keys = tuple[str | int, ...]


def line_of(text: str, keys: Keys) -> int | None:
    """The number of the line that writes ``keys``, or else as much of its beginning as is written; from 1.

    Inline tables and arrays over several lines are named by the line where they begin.
    """
    best, found = 0, None
    for number, written in _written(text):
        same = _common(written, keys)
        if same > best:
            best, found = same, number
    return found


def _written(text: str) -> Iterator[tuple[int, Keys]]:
    """Every header and key with its line; an array of tables counts its elements."""
    prefix: Keys = ()
    elements: dict[Keys, int] = {}
    until = ""  # inside a text of several lines: what ends it
    for number, line in enumerate(text.splitlines(), 1):
        if until:
            until = "" if until in line else until
            continue
        if header := _HEADER.match(line):
            prefix = _indexed(_parts(header[2]), elements, adding=header[1] == "[[")
            yield number, prefix
        elif pair := _PAIR.match(line):
            yield number, prefix + _parts(pair[1])
        for mark in ('"""', "'''"):
            if line.count(mark) % 2:
                until = mark


def _parts(dotted: str) -> Keys:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _indexed(parts: Keys, elements: dict[Keys, int], *, adding: bool) -> Keys:
    """A header's keys with the index of the element each array of tables is at."""
    keys: Keys = ()
    for position, part in enumerate(parts, 1):
        keys += (part,)
        if adding and position == len(parts):
            elements[keys] = elements.get(keys, -1) + 1
        if keys in elements:
            keys += (elements[keys],)
    return keys


def _common(one: Keys, other: Keys) -> int:
    """How many leading keys two paths share."""
    same = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        same += 1
    return same
