"""SMPP sessions without I/O: octets in, events out (SMPP 3.4, 2.2 and 4).

Use: ``events = session.receive(data, now)``, act on them, then write ``session.data_to_send()``. Every method may leave
octets to send, ``tick`` too. ``now`` is seconds of one monotonic clock; call ``tick(now)`` at ``session.deadline``.

Client session (ClientSession):

| state     | on                                   | to        | event |
|---|---|---|---|
| NEW       | bind()                               | ASKED     | |
| ASKED     | bind response, status 0              | OPEN      | Bound |
| ASKED     | bind response, other status, generic_nack | CLOSED | LoginRefused, Closed |
| ASKED     | nothing for answer_s                 | CLOSED    | Closed |
| OPEN, ENDING | submit_sm_resp, generic_nack      | same      | SubmitAnswered (WindowFree) |
| OPEN      | a submit unanswered for answer_s     | OPEN      | SubmitUnanswered |
| OPEN, ENDING | deliver_sm, data_sm               | same      | Delivered or Reported; answered by acknowledge() |
| OPEN      | nothing received for idle_s          | OPEN      | enquire_link goes out |
| OPEN      | enquire_link unanswered ``tries`` times | CLOSED | Closed |
| OPEN      | terminate()                          | ENDING    | unbind goes out; answers still come in |
| ENDING    | unbind_resp, or nothing for answer_s | CLOSED    | Closed |
| any but NEW, CLOSED | unbind                     | CLOSED    | Closed (it is answered) |
| any but CLOSED | octets that are no SMPP, connection_lost() | CLOSED | Closed |

Server session (ServerSession):

| state     | on                                   | to        | event |
|---|---|---|---|
| NEW       | a bind                               | ASKED     | BindAsked |
| NEW       | anything else                        | CLOSED    | Closed |
| ASKED     | admit() with the right password      | OPEN      | |
| ASKED     | admit() with another, refuse()       | CLOSED    | Closed |
| OPEN, ENDING | submit_sm                         | same      | Submitted; answered by respond() |
| OPEN      | deliver_sm_resp, data_sm_resp        | OPEN      | DeliverAnswered (WindowFree) |
| OPEN      | a deliver_sm unanswered for answer_s | OPEN      | DeliverUnanswered |

The rest is the client's. enquire_link is answered in every state but NEW and CLOSED; a request that nothing here knows
is answered by generic_nack (ESME_RINVCMDID).
"""

from __future__ import annotations

import hmac
from typing import NamedTuple

from caiyou.errors import ProtocolError
from mail2sms.session.base import Limits, NotOpen, State, WindowFull
from mail2sms.session.server import Server
from mail2sms.smpp import receipt
from mail2sms.smpp.codes import VERSION, Status, name_of
from mail2sms.smpp.events import (
    BindAsked,
    Bound,
    DeliverAnswered,
    Delivered,
    LoginRefused,
    Malformed,
    Reported,
    SubmitAnswered,
    Submitted,
    SubmitUnanswered,
)
from mail2sms.smpp.link import Link, limits
from mail2sms.smpp.login import BINDS, MODES, RESPONSES, Login, Mode
from mail2sms.smpp.pdu import (
    Bind,
    BindReceiver,
    BindReceiverResp,
    BindResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    GenericNack,
    Incoming,
    Pdu,
    SubmitSm,
    SubmitSmResp,
    Unbind,
)

__all__ = [
    "ClientSession",
    "Limits",
    "Login",
    "Mode",
    "NotOpen",
    "ServerSession",
    "State",
    "SubmitAnswer",
    "WindowFull",
]


class ClientSession(Link):
    """The ESME's side of one connection."""

    def __init__(self, login: Login, limit: Limits | None = None) -> None:
        super().__init__(limit or limits())
        self._login = login
        self._waiting: set[tuple[int, Incoming]] = set()  # what came and is not acknowledged yet
        self._handlers |= {
            BindTransceiverResp: self._on_bind_resp,
            BindTransmitterResp: self._on_bind_resp,
            BindReceiverResp: self._on_bind_resp,
            SubmitSmResp: self._on_submit_resp,
            DeliverSm: self._on_incoming,
            DataSm: self._on_incoming,
        }

    def bind(self, now: float) -> None:
        """Log in. Raises ValueError on what a bind cannot hold; NotOpen a second time."""
        if self.state is not State.NEW:
            raise NotOpen(f"the session is {self.state.value}")
        login = self._login
        bind = BINDS[login.mode](
            system_id=login.system_id,
            password=login.password,
            system_type=login.system_type,
            address_range=login.address_range,
        )
        self._send(bind, self._next_sequence_id())
        self.state = State.ASKED
        self._heard_at, self._ends_at = now, now + self.limits.answer_s

    def submit(self, submit: SubmitSm, now: float) -> int:
        """Send a submit_sm; its sequence_number. Raises ValueError (names the field), WindowFull, NotOpen."""
        submit.check()
        return self._request(submit, now)

    def acknowledge(self, event: Delivered | Reported, status: int = Status.ROK) -> None:
        """Answer a deliver_sm or data_sm, once it is recorded. Does nothing when the session is closed."""
        self._waiting.discard((event.sequence_id, event.message))
        if self.state in (State.OPEN, State.ENDING):
            self._answer(_resp_of(event.message), event.sequence_id, status)

    def _on_bind_resp(self, _: int, answer: BindResp, __: float) -> None:
        if self.state is not State.ASKED:
            self._forgive(f"{type(answer).__name__} to no bind")
            return
        if self._status != Status.ROK:
            self._refused(self._status)
            return
        if type(answer) is not RESPONSES[BINDS[self._login.mode]]:
            self._forgive(f"{type(answer).__name__} to a bind as {self._login.mode}")
        self.state, self._ends_at = State.OPEN, None
        self._events.append(Bound(system_id=answer.system_id, version=answer.sc_interface_version))

    def _refused(self, status: int) -> None:
        why = name_of(status)
        self._events.append(LoginRefused(status=status, why=why))
        self._close(f"login refused: {why}")

    def _on_submit_resp(self, sequence_id: int, answer: SubmitSmResp, _: float) -> None:
        if self._answered(sequence_id, "submit_sm_resp") is not None:
            self._events.append(
                SubmitAnswered(sequence_id=sequence_id, message_id=answer.message_id, status=self._status)
            )

    def _nacked(self, sequence_id: int, status: int) -> SubmitAnswered:
        # A nack is a refusal, whatever its status says.
        return SubmitAnswered(sequence_id=sequence_id, message_id="", status=status or Status.RUNKNOWNERR, nacked=True)

    def _on_incoming(self, sequence_id: int, message: Incoming, _: float) -> None:
        if (sequence_id, message) in self._waiting:  # sent again before we could answer
            return
        if not receipt.is_receipt(message):
            self._waiting.add((sequence_id, message))
            self._events.append(Delivered(sequence_id=sequence_id, message=message))
            return
        try:
            read = receipt.read(message)
        except ProtocolError as error:
            self._events.append(Malformed(command=message.COMMAND, sequence_id=sequence_id, why=str(error)))
            self._answer(_resp_of(message), sequence_id, Status.ROK)  # an error would bring it back for ever
            return
        self._waiting.add((sequence_id, message))
        self._events.append(Reported(sequence_id=sequence_id, message=message, receipt=read))

    def _may_come(self, pdu: Pdu) -> bool:
        if self.state is not State.ASKED or not isinstance(pdu, DeliverSm | DataSm | SubmitSmResp):
            return True
        self._forgive(f"{type(pdu).__name__} before the bind's answer")
        return False

    def _gave_up(self, sequence_id: int, tries: int) -> SubmitUnanswered:
        return SubmitUnanswered(sequence_id=sequence_id, tries=tries)


class SubmitAnswer(NamedTuple):
    """An SMSC's answer to a submit_sm; ``nacked``: generic_nack in place of submit_sm_resp."""

    message_id: str = ""
    status: int = Status.ROK
    nacked: bool = False


class ServerSession(Server[Bind], Link):
    """The SMSC's side of one connection."""

    LOGIN = (BindTransceiver, BindTransmitter, BindReceiver)

    def __init__(self, limit: Limits | None = None, system_id: str = "smsc") -> None:
        super().__init__(limit or limits())
        self._system_id = system_id  # ours
        self._handlers |= {
            BindTransceiver: self._on_bind,
            BindTransmitter: self._on_bind,
            BindReceiver: self._on_bind,
            SubmitSm: self._on_submit,
            DeliverSmResp: self._on_deliver_resp,
            DataSmResp: self._on_deliver_resp,
        }

    @property
    def mode(self) -> Mode | None:
        """What the login is for; None before it."""
        return None if self._login is None else MODES[type(self._login[1])]

    def admit(self, password: str, now: float) -> int:
        """Check the password and answer the login; the status that was answered."""
        sequence_id, bind = self._asked()
        if not hmac.compare_digest(bind.password.encode("latin-1"), password.encode()):
            return self.refuse(Status.RINVPASWD)
        self._send(RESPONSES[type(bind)](system_id=self._system_id, sc_interface_version=VERSION), sequence_id)
        self._opened(now)
        return Status.ROK

    def refuse(self, status: int) -> int:
        """Refuse the login and close."""
        sequence_id, bind = self._asked()
        self._answer(RESPONSES[type(bind)](), sequence_id, status)
        self._close(f"login refused: {name_of(status)}")
        return status

    def respond(self, sequence_id: int, answer: SubmitAnswer) -> None:
        """Answer a submit_sm. Does nothing when the session is closed."""
        if self.state in (State.OPEN, State.ENDING):
            pdu = GenericNack() if answer.nacked else SubmitSmResp(message_id=answer.message_id)
            self._answer(pdu, sequence_id, answer.status)

    def _may_come(self, pdu: Pdu) -> bool:
        if self.state is State.ASKED and isinstance(pdu, EnquireLink | Unbind):
            return True
        return super()._may_come(pdu)

    def _on_bind(self, sequence_id: int, bind: Bind, _: float) -> None:
        if not self._asks(sequence_id, bind, BindAsked(bind=bind)):
            self._answer(RESPONSES[type(bind)](), sequence_id, Status.RALYBND)

    def _on_submit(self, sequence_id: int, submit: SubmitSm, _: float) -> None:
        self._events.append(Submitted(sequence_id=sequence_id, submit=submit))

    def _on_deliver_resp(self, sequence_id: int, answer: DeliverSmResp | DataSmResp, _: float) -> None:
        if self._answered(sequence_id, type(answer).__name__) is not None:
            self._events.append(DeliverAnswered(sequence_id=sequence_id, status=self._status))

    def _nacked(self, sequence_id: int, status: int) -> DeliverAnswered:
        return DeliverAnswered(sequence_id=sequence_id, status=status or Status.RUNKNOWNERR)

    def _refused(self, status: int) -> None:
        self._forgive(f"generic_nack {status:#x} before the login")


def _resp_of(message: Incoming) -> DeliverSmResp | DataSmResp:
    return DataSmResp() if isinstance(message, DataSm) else DeliverSmResp()
