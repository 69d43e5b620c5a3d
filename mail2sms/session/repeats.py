"""Requests that a peer sends again until they are answered: known by what they say, answered as before."""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum, auto

REMEMBERED = 1024


class Seen(Enum):
    """What is known of a request."""

    NEW = auto()
    WAITS = auto()  # it came before, its answer is still to come
    ANSWERED = auto()  # it came before and was answered


class Repeats:
    """The last ``REMEMBERED`` requests, with the results they were answered with."""

    __slots__ = ("_results",)

    def __init__(self) -> None:
        self._results: dict[Hashable, int | None] = {}

    def __len__(self) -> int:
        return len(self._results)

    def take(self, key: Hashable) -> Seen:
        """Note a request that came."""
        known = len(self._results)
        result = self._results.setdefault(key, None)
        if len(self._results) == known:
            return Seen.WAITS if result is None else Seen.ANSWERED
        if known >= REMEMBERED:
            del self._results[next(iter(self._results))]
        return Seen.NEW

    def answered(self, key: Hashable, result: int) -> None:
        """Note what it was answered with, unless it is forgotten already."""
        if key in self._results:
            self._results[key] = result

    def result(self, key: Hashable) -> int:
        """What an ANSWERED one was answered with."""
        return self._results[key] or 0
