"""Parts of long messages for a carrier that joins them itself and answers only the one that makes a message whole."""

from __future__ import annotations

from mail2sms.links import MtPart

MOST = 1024  # messages; beyond, the oldest are left to their time-out

_Key = tuple[str, int, int]  # number, reference, parts


class Joining:
    """Which requests one answer speaks for."""

    def __init__(self) -> None:
        self._messages: dict[_Key, dict[int, int]] = {}  # part number to sequence id
        self._keys: dict[int, _Key] = {}  # of sequence ids

    def sent(self, sequence_id: int, part: MtPart) -> None:
        """A part goes out."""
        segment = part.segment
        if segment.total == 1:
            return
        key = part.to, segment.reference, segment.total
        parts = self._messages.setdefault(key, {})
        if segment.number in parts:  # sent again, or the reference is used again
            self._keys.pop(parts[segment.number], None)
        parts[segment.number] = sequence_id
        self._keys[sequence_id] = key
        if len(self._messages) > MOST:
            self._drop(next(iter(self._messages)))

    def answered(self, sequence_id: int) -> list[int]:
        """An answer came: the other requests that it answers, none while a part of the message is still to be sent."""
        key = self._keys.get(sequence_id)
        if key is None or len(self._messages[key]) < key[2]:
            return []
        return [other for other in self._drop(key) if other != sequence_id]

    def clear(self) -> None:
        """The connection is gone."""
        self._messages.clear()
        self._keys.clear()

    def _drop(self, key: _Key) -> list[int]:
        sequence_ids = list(self._messages.pop(key).values())
        for sequence_id in sequence_ids:
            self._keys.pop(sequence_id, None)
        return sequence_ids
