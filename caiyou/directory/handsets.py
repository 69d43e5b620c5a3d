"""Handset profiles (H4): found by what people and phones write, with what they inherit.

People write "诺基亚6600", "nokia 6600", "N6600"; a browser "Nokia6600/2.0 (5.27.0) SymbianOS/7.0s Series60/2.0 ...";
an MMSC the address of the phone's UAProf document. All of it is cut into names that profiles may have, and the
directory is asked once for all of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ldap.filter import escape_filter_chars

from caiyou.directory import entry
from caiyou.directory.connection import Attributes
from caiyou.directory.model import Handset, HandsetKind

MAX_WRITTEN = 512  # characters of what somebody wrote that are looked at
MAX_KEY = 200
MAX_NAMES = 200  # asked for in one search
MAX_DEPTH = 8  # of inheritance
MAX_JOINED = 3  # words of one name
INHERITED = (
    "screen",
    "max_octets",
    "pictures",
    "colours",
    "animated",
    "sounds",
    "charsets",
    "max_slides",
    "max_text_octets",
    "mms",
)

_BETWEEN_WORDS = re.compile(r"[\s;,()\[\]\"'<>|（）【】，；、。：]+")
_INSIDE_WORDS = re.compile(r"[-_.+/]")
_NO_PHONE = re.compile(r"AppleWebKit/\S*", re.IGNORECASE)  # half of all phones say it, whoever made them
_EXTENSION = re.compile(r"\.(xml|rdf)$", re.IGNORECASE)
_KINDS = list(HandsetKind)

Search = Callable[[str], list[Attributes]]


def key(text: str) -> str:
    """What is compared: letters and digits, folded; wide forms as the narrow ones."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(c for c in folded if c.isalnum())[:MAX_KEY]


def names_in(written: str) -> list[str]:
    """The keys of the names that may stand in a text, the likeliest first, at most ``MAX_NAMES``."""
    written = _NO_PHONE.sub(" ", written[:MAX_WRITTEN]).strip().strip('"')
    _scheme, is_url, rest = written.partition("://")
    if is_url:
        words = [_EXTENSION.sub("", part) for part in reversed(rest.partition("?")[0].split("/")[1:])]
        whole, texts = rest, words
    else:
        words = [word for word in _BETWEEN_WORDS.split(written) if word]
        whole, texts = written, [*_joined(words), *words]
    exact = [key(whole)]
    shorter: list[str] = []
    for text in texts:
        for start in _starts(text):
            parts = [start, *(start[: cut.start()] for cut in reversed(list(_INSIDE_WORDS.finditer(start))))]
            exact += (name for name in map(key, parts) if not name.isdecimal())
            shorter += _beginnings(key(start.partition("/")[0]))
    return [name for name in dict.fromkeys([*exact, *shorter]) if len(name) > 1][:MAX_NAMES]


def _joined(words: Sequence[str]) -> Iterator[str]:
    """Words that stand together as one: "诺基亚 N95 8GB"."""
    for first in range(min(len(words), 12)):
        for last in range(min(first + MAX_JOINED, len(words)), first + 1, -1):
            yield "".join(words[first:last])


def _starts(text: str) -> Iterator[str]:
    """The text, and what is left of it without the first Chinese characters: "我的手机是诺基亚6600"."""
    yield text
    for place, character in enumerate(text[:16]):
        if not "\u3400" <= character <= "\u9fff":
            return
        if place:
            yield text[place:]


def _beginnings(name: str) -> Iterator[str]:
    """Its beginnings, longest first; a number is not cut. "k750i" begins with "k750", "nokia66001" not with a 6600."""
    for length in range(min(len(name), 40) - 1, 1, -1):
        start = name[:length]
        if not (start[-1].isdecimal() and name[length].isdecimal()) and not start.isdecimal():
            yield start


class HandsetWalk:
    """``search`` takes a filter and returns entries below ``ou=handsets``."""

    def __init__(self, search: Search) -> None:
        self._search = search

    def written(self, text: str) -> Handset | None:
        """The profile that a text means: whose name it is, else of those named the narrowest kind, the longest name.

        None where none is named, or where several are named equally well and nothing wider is.
        """
        names = names_in(text)
        ranks: dict[tuple[bool, int, int], dict[str, Handset]] = {}
        for found in self.having(names):
            longest = max((len(name) for name in names if name in found.names), default=0)
            rank = (names[0] in found.names, _KINDS.index(found.kind), longest)
            ranks.setdefault(rank, {})[found.name] = found
        for rank in sorted(ranks, reverse=True):
            if len(ranks[rank]) == 1:
                return next(iter(ranks[rank].values()))
        return None

    def profile(self, name: str) -> Handset | None:
        """A profile by the name of its entry."""
        found = self._search(f"(caiyouHandset={escape_filter_chars(name)})")
        return entry.handset(found[0]) if found else None

    def chain(self, handset: Handset) -> list[Handset]:
        """The profile and those it inherits from, the nearest first; a circle ends where it closes."""
        found = [handset]
        while found[-1].parent and len(found) < MAX_DEPTH:
            parent = self.profile(found[-1].parent)
            if parent is None or parent.name in {each.name for each in found}:
                break
            found.append(parent)
        return found

    def having(self, names: Iterable[str]) -> list[Handset]:
        """The profiles that have one of these names (as ``key`` folds them)."""
        terms = "".join(f"(caiyouHandsetName={escape_filter_chars(name)})" for name in names if name)
        found = self._search(f"(|{terms})") if terms else []
        return [entry.handset(attributes) for attributes in found if "caiyouHandset" in attributes]


def inherited(chain: Sequence[Handset]) -> Handset:
    """The first of a chain; what it leaves open is what the nearest of the others says."""
    rest: dict[str, Any] = {
        field: next((value for each in chain if (value := getattr(each, field)) is not None), None)
        for field in INHERITED
    }
    return replace(chain[0], **rest)
