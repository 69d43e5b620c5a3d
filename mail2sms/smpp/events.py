"""What an SMPP session tells its owner, beside what any session does. ``sequence_id``: the sequence_number."""

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
from mail2sms.smpp.pdu import Bind, Incoming, SubmitSm
from mail2sms.smpp.receipt import Receipt

__all__ = [
    "BindAsked",
    "Bound",
    "Closed",
    "DeliverAnswered",
    "DeliverUnanswered",
    "Delivered",
    "Event",
    "Forgave",
    "LoginRefused",
    "Malformed",
    "PeerTested",
    "Reported",
    "SubmitAnswered",
    "SubmitUnanswered",
    "Submitted",
    "WindowFree",
]

# --- client (ESME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Logged in. ``system_id`` is the SMSC's; ``version`` its interface_version, None where it does not say."""

    system_id: str
    version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitAnswered:
    """The SMSC answered. ``status`` 0: taken, as ``message_id``. ``nacked``: by generic_nack."""

    sequence_id: int
    message_id: str
    status: int
    nacked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A short message from a handset. Record it, then call ``acknowledge``."""

    sequence_id: int
    message: Incoming


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A receipt, final or not, for a submit of any link of the account. Record it, then call ``acknowledge``."""

    sequence_id: int
    message: Incoming
    receipt: Receipt


# --- server (SMSC)


@dataclass(frozen=True, slots=True, kw_only=True)
class BindAsked:
    """An ESME wants in: call ``admit`` or ``refuse``."""

    bind: Bind


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A submit_sm came: call ``respond``."""

    sequence_id: int
    submit: SubmitSm


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverAnswered:
    """The ESME answered a deliver_sm or data_sm."""

    sequence_id: int
    status: int


Event = (
    PeerTested
    | WindowFree
    | Forgave
    | Malformed
    | Closed
    | Bound
    | LoginRefused
    | SubmitAnswered
    | SubmitUnanswered
    | Delivered
    | Reported
    | BindAsked
    | Submitted
    | DeliverAnswered
    | DeliverUnanswered
)
