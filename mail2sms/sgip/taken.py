"""Requests that a peer sends again until they are answered (SGIP 1.2, 3.7.2.4.3), on this connection or the next."""

from __future__ import annotations

from enum import Enum, auto

from mail2sms.sgip.pdu import Message

REMEMBERED = 2048


class Seen(Enum):
    """What is known of a request."""

    NEW = auto()
    WAITS = auto()  # it came before on this connection, its answer is still to come
    ANSWERED = auto()  # the same was answered already
    OTHER = auto()  # the same sequence number with other content


class Taken:
    """The last ``REMEMBERED`` requests of a peer, shared by its connections."""

    def __init__(self) -> None:
        self._requests: dict[int, tuple[Message, int | None, object]] = {}

    def __len__(self) -> int:
        return len(self._requests)

    def take(self, sequence_id: int, message: Message, connection: object) -> Seen:
        """Note a request that came on ``connection``."""
        before = self._requests.get(sequence_id)
        if before is not None:
            if before[0] != message:
                return Seen.OTHER
            if before[1] is not None:
                return Seen.ANSWERED
            if before[2] is connection:
                return Seen.WAITS
        self._requests[sequence_id] = (message, None, connection)
        if len(self._requests) > REMEMBERED:
            del self._requests[next(iter(self._requests))]
        return Seen.NEW

    def answered(self, sequence_id: int, message: Message, result: int) -> None:
        """Note what it was answered with, unless it is forgotten already."""
        before = self._requests.get(sequence_id)
        if before is not None and before[0] == message:
            self._requests[sequence_id] = (message, result, None)

    def result(self, sequence_id: int) -> int:
        """What an ANSWERED one was answered with."""
        return self._requests[sequence_id][1] or 0
