"""What a session tells its owner. Frozen; ``sequence_id`` is the request's, on this link only."""

from __future__ import annotations

from dataclasses import dataclass

from mail2sms.cmpp.codes import Version
from mail2sms.cmpp.pdu import Cancel, CancelResp, Connect, Deliver, Query, QueryResp, Report, Submit
from mail2sms.session.events import (
    Closed,
    DeliverUnanswered,
    Forgave,
    LoginRefused,
    Malformed,
    PeerTested,
    SubmitUnanswered,
    WindowFree,
)

__all__ = [
    "AskAnswered",
    "Asked",
    "Closed",
    "Connected",
    "DeliverAnswered",
    "DeliverUnanswered",
    "Delivered",
    "Event",
    "Forgave",
    "LoginAsked",
    "LoginRefused",
    "Malformed",
    "PeerTested",
    "Reported",
    "SubmitAnswered",
    "SubmitUnanswered",
    "Submitted",
    "WindowFree",
]

# --- client (SP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """Logged in. ``layout`` is what both sides now speak; ``authentic`` whether AuthenticatorISMG was right."""

    layout: Version
    peer_version: int
    authentic: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitAnswered:
    """The ISMG answered. ``result`` 0: taken, as ``msg_id``. ``tries`` > 1: it was sent more than once."""

    sequence_id: int
    msg_id: int
    result: int
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AskAnswered:
    """The ISMG answered a QUERY or CANCEL; ``answer`` None: never, though it was sent as often as may be."""

    sequence_id: int
    answer: QueryResp | CancelResp | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A short message from a handset. Record it, then call ``acknowledge``."""

    sequence_id: int
    deliver: Deliver


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A report on a SUBMIT, of any link of the account. Record it, then call ``acknowledge``."""

    sequence_id: int
    deliver: Deliver
    report: Report


# --- server (ISMG)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginAsked:
    """An SP wants in: call ``admit`` or ``refuse``."""

    connect: Connect


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A SUBMIT came: call ``respond`` with a SubmitResp."""

    sequence_id: int
    submit: Submit


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A QUERY or CANCEL came: call ``respond`` with its response."""

    sequence_id: int
    request: Query | Cancel


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverAnswered:
    """The SP answered a DELIVER."""

    sequence_id: int
    msg_id: int
    result: int
    tries: int


Event = (
    PeerTested
    | WindowFree
    | Forgave
    | Malformed
    | Closed
    | Connected
    | LoginRefused
    | SubmitAnswered
    | SubmitUnanswered
    | AskAnswered
    | Delivered
    | Reported
    | LoginAsked
    | Submitted
    | Asked
    | DeliverAnswered
    | DeliverUnanswered
)
