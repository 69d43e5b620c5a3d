"""Parts of a long message gathered until it is whole, for a carrier that takes it in one piece and cuts it himself."""

from __future__ import annotations

from dataclasses import dataclass, field

from mail2sms.links import MtPart

_Key = tuple[str, str, int, int]  # to, src, reference, parts
Tagged = tuple[int, MtPart]  # the gateway's tag


@dataclass(slots=True)
class _Held:
    at: float  # when its last part came
    parts: dict[int, Tagged] = field(default_factory=dict)


class Wholes:
    """What was handed over and is not whole yet. A part waits ``wait_s`` for the next one."""

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._messages: dict[_Key, _Held] = {}
        self._pushed_out: list[Tagged] = []

    @property
    def held(self) -> int:
        """Parts that wait."""
        return len(self._pushed_out) + sum(len(message.parts) for message in self._messages.values())

    def add(self, tag: int, part: MtPart, now: float) -> list[Tagged]:
        """Take a part; all of the message, in order, once it is whole."""
        segment = part.segment
        key = part.to, part.src, segment.reference, segment.total
        message = self._messages.get(key)
        if message is not None and segment.number in message.parts:  # the reference is used again
            self._pushed_out += self._messages.pop(key).parts.values()
            message = None
        if message is None:
            message = self._messages[key] = _Held(now)
        message.at = now
        message.parts[segment.number] = (tag, part)
        if len(message.parts) < segment.total:
            return []
        del self._messages[key]
        return [message.parts[number] for number in sorted(message.parts)]

    def overdue(self, now: float) -> list[Tagged]:
        """Parts whose others do not come: they have to go by themselves."""
        found, self._pushed_out = self._pushed_out, []
        for key, message in list(self._messages.items()):
            if now >= message.at + self._wait_s:
                found += self._messages.pop(key).parts.values()
        return found

    def clear(self) -> list[Tagged]:
        """Everything, when the connection is gone."""
        found = self.overdue(float("inf"))
        self._messages.clear()
        return found
