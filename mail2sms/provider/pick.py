"""Where a value stands in what a provider sends: ``data.messages[0].id`` in JSON, a regular expression in a text."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

MATCHED_CHARACTERS = 4096  # as far as a regular expression looks: its cost grows with what it is given
_STEP = re.compile(r"(?:^|\.)([^.\[\]]+)|\[([0-9]{1,4})\]")


@cache
def steps(path: str) -> tuple[str | int, ...]:
    """A path's keys and indices; raises ValueError. The empty path has none: it is the whole."""
    found: list[str | int] = []
    at = 0
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None or path[0] == ".":
            raise ValueError(f"{path!r} is not a path; expected something like data.messages[0].id")
        found.append(step[1] if step[1] else int(step[2]))
        at = step.end()
    return tuple(found)


@cache
def pattern(text: str) -> re.Pattern[str]:
    """A regular expression; raises ValueError."""
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from None


def at(value: Any, path: str) -> Any:
    """What stands there; None where nothing does."""
    for step in steps(path):
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def word_at(value: Any, path: str) -> str:
    """The text, number or truth value that stands there, as text; empty where there is none, or no path."""
    return word(at(value, path)) if path else ""


def word(found: Any) -> str:
    """A value of JSON as text; empty for null, lists and objects. Half a surrogate pair becomes a question mark."""
    if isinstance(found, bool):
        return "true" if found else "false"
    text = str(found) if isinstance(found, str | int | float) else ""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def matched(text: str, expression: str) -> str:
    """The first group that took part in the first match, or the whole match without groups; empty without one."""
    found = pattern(expression).search(text[:MATCHED_CHARACTERS]) if expression else None
    if found is None:
        return ""
    groups = [group for group in found.groups() if group is not None]
    return groups[0] if groups else "" if found.re.groups else found[0]


def json_of(octets: bytes, charset: str = "utf-8") -> Any:
    """A JSON document; raises ValueError on whatever is none."""
    try:
        return json.loads(octets.decode(charset))
    except (UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not JSON: {type(error).__name__}") from None
