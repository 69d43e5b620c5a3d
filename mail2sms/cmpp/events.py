"""What a session tells its owner. Frozen; ``sequence_id`` is the request's, on this link only."""

from __future__ import annotations

from dataclasses import dataclass

from mail2sms.cmpp.codes import Version
from mail2sms.cmpp.pdu import Cancel, CancelResp, Connect, Deliver, Query, QueryResp, Report, Submit

# --- both sides


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerTested:
    """The peer sent ACTIVE_TEST; it is answered already."""

    sequence_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFree:
    """The window was full and is not any more: ``free`` requests may be sent."""

    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgave:
    """The peer broke the text and it was taken all the same; log it. Each ``what`` comes once per link."""

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """A PDU could not be read; a request is answered with Result 1, the link stays. ``command`` as received."""

    command: int
    sequence_id: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The session is over: send what ``data_to_send`` gives, then close the socket.

    ``clean``: by TERMINATE of either side. ``unanswered``: our requests (SUBMIT or DELIVER, QUERY, CANCEL) that were
    sent and got no answer; whether the peer has them is not known.
    """

    why: str
    clean: bool = False
    unanswered: tuple[int, ...] = ()


# --- client (SP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """Logged in. ``layout`` is what both sides now speak; ``authentic`` whether AuthenticatorISMG was right."""

    layout: Version
    peer_version: int
    authentic: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRefused:
    """The login failed; Closed follows. ``status``: codes.Status, or 0 when we refused the peer's proof."""

    status: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitAnswered:
    """The ISMG answered. ``result`` 0: taken, as ``msg_id``. ``tries`` > 1: it was sent more than once."""

    sequence_id: int
    msg_id: int
    result: int
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitUnanswered:
    """Sent ``tries`` times, never answered: given up, in doubt. Its place in the window is free again."""

    sequence_id: int
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverUnanswered:
    """Sent ``tries`` times, never answered: given up."""

    sequence_id: int
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
