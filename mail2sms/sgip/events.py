"""What an SGIP session tells its owner, beside what every session does (``mail2sms.session.events``)."""

from __future__ import annotations

from dataclasses import dataclass

from mail2sms.session import events
from mail2sms.sgip.pdu import Bind, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Logged in; said on the side that sent BIND."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BindAsked:
    """The peer wants in: call ``admit`` or ``refuse``."""

    bind: Bind


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The peer answered a request of ours. ``result``: codes.Result. ``tries`` > 1: it was sent more than once."""

    sequence_id: int
    result: int
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """Sent ``tries`` times, never answered: given up, in doubt. Its place in the window is free again."""

    sequence_id: int
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """The peer sent a message. Record it, then call ``acknowledge``."""

    sequence_id: int
    message: Message


Event = (
    Bound
    | BindAsked
    | Answered
    | Unanswered
    | Requested
    | events.LoginRefused
    | events.WindowFree
    | events.Forgave
    | events.Malformed
    | events.Closed
)
