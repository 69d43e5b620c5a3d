"""What a session tells its owner. Frozen; ``sequence_id`` is the request's, on this link only."""

from __future__ import annotations

from dataclasses import dataclass

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
from mail2sms.smgp.pdu import Deliver, Login, Submit
from mail2sms.smgp.report import Report

__all__ = [
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
    """Logged in. ``authentic``: whether AuthenticatorServer was right."""

    peer_version: int
    authentic: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitAnswered:
    """The SMGW answered. ``status`` 0: taken, as ``msg_id``. ``tries`` > 1: it was sent more than once."""

    sequence_id: int
    msg_id: bytes
    status: int
    tries: int


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


# --- server (SMGW)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginAsked:
    """An SP wants in: call ``admit`` or ``refuse``."""

    login: Login


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A SUBMIT came: call ``respond`` with a SubmitResp."""

    sequence_id: int
    submit: Submit


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverAnswered:
    """The SP answered a DELIVER."""

    sequence_id: int
    msg_id: bytes
    status: int
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
    | Delivered
    | Reported
    | LoginAsked
    | Submitted
    | DeliverAnswered
    | DeliverUnanswered
)
