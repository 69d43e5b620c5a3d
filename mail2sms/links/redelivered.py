"""Messages from handsets of a protocol that gives them no id: those that come again after a cut keep the ref they had.

A carrier brings again what was not acknowledged. That it was recorded all the same shows by its ref alone; a text that
a handset really sends twice has to have two.
"""

from __future__ import annotations

from collections.abc import Hashable

KEPT_S = 600.0
MOST = 1000


class Redelivered:
    """What is not acknowledged, on this connection and on those before. A message is whatever tells it from others."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[Hashable, str]] = {}  # message and ref, by the request's sequence id
        self._gone: dict[Hashable, tuple[str, float]] = {}  # ref, and when its connection ended, by message

    def __len__(self) -> int:
        return len(self._open) + len(self._gone)

    def came(self, sequence_id: int, message: Hashable, ref: str, now: float) -> str:
        """A message came: its ref, ``ref`` if it is new."""
        kept = self._gone.pop(message, None)
        if kept is not None and now < kept[1] + KEPT_S:
            ref = kept[0]
        self._open[sequence_id] = (message, ref)
        return ref

    def acknowledged(self, sequence_id: int, ref: str) -> None:
        """It was acknowledged, unless its connection was gone by then."""
        found = self._open.get(sequence_id)
        if found is not None and found[1] == ref:
            del self._open[sequence_id]

    def ended(self, now: float) -> None:
        """The connection is gone."""
        self._gone = {message: kept for message, kept in self._gone.items() if now < kept[1] + KEPT_S}
        for message, ref in self._open.values():
            self._gone[message] = (ref, now)
        self._open.clear()
        while len(self._gone) > MOST:
            del self._gone[next(iter(self._gone))]
