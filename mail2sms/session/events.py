"""What any session tells its owner. Frozen; ``sequence_id`` is the request's, on this connection only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerTested:
    """The peer sent a test; it is answered already."""

    sequence_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFree:
    """The window was full and is not any more: ``free`` requests may be sent."""

    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgave:
    """The peer broke the text and it was taken all the same; log it. Each ``what`` comes once per connection."""

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """A PDU could not be read; a request is answered with an error, the session stays. ``command`` as received."""

    command: int
    sequence_id: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRefused:
    """The login failed; Closed follows. ``status``: the protocol's, or 0 when we refused the peer's proof."""

    status: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitUnanswered:
    """Sent ``tries`` times, never answered: given up, in doubt. Its place in the window is free again."""

    sequence_id: int
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverUnanswered:
    """The same of a request that a carrier sent."""

    sequence_id: int
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The session is over: send what ``data_to_send`` gives, then close the socket.

    ``clean``: by a log-out of either side. ``unanswered``: our requests that were sent and got no answer; whether the
    peer has them is not known.
    """

    why: str
    clean: bool = False
    unanswered: tuple[int, ...] = ()
