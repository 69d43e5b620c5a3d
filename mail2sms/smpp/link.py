"""What both sides of an SMPP link do alike (SMPP 3.4, 2.2, 4.2, 4.3, 4.11): the rest is ``mail2sms.session``'s.

A request that gets no answer is not sent again, unlike CMPP's: no SMSC knows a repeat by its sequence_number, so it
would be a second message. ``tries`` holds for enquire_link alone.
"""

from __future__ import annotations

from typing import Any, ClassVar

from mail2sms.session.base import Limits, Session, State
from mail2sms.smpp.codes import MAX_SEQUENCE, RESPONSE, Command, Status
from mail2sms.smpp.frame import HEADER_OCTETS, MAX_PDU_OCTETS, decode, encode, header_of, knows
from mail2sms.smpp.pdu import (
    AlertNotification,
    DataSmResp,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Outbind,
    Pdu,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)

BIND_RESPONSES = {
    RESPONSE | command for command in (Command.BIND_RECEIVER, Command.BIND_TRANSMITTER, Command.BIND_TRANSCEIVER)
}
_ANSWERS: dict[int, type[SubmitSmResp | DeliverSmResp | DataSmResp]] = {
    Command.SUBMIT_SM: SubmitSmResp,
    Command.DELIVER_SM: DeliverSmResp,
    Command.DATA_SM: DataSmResp,
}


def limits(window: int = 16, answer_s: float = 60.0, tries: int = 3, idle_s: float = 30.0) -> Limits:
    """Limits with SMPP's largest PDU."""
    return Limits(window=window, answer_s=answer_s, tries=tries, idle_s=idle_s, max_pdu_octets=MAX_PDU_OCTETS)


class Link(Session):
    """One side of a link."""

    PROTOCOL: ClassVar[str] = "SMPP"
    HEADER_OCTETS: ClassVar[int] = HEADER_OCTETS
    TEST: ClassVar[str] = "enquire_link"
    END: ClassVar[str] = "unbind"

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._status = 0  # of the PDU at hand
        self._handlers |= {
            EnquireLink: lambda sequence_id, _, __: self._tested(sequence_id, EnquireLinkResp()),
            EnquireLinkResp: lambda sequence_id, _, __: self._test_answered(sequence_id),
            Unbind: lambda sequence_id, _, __: self._ended(sequence_id, UnbindResp()),
            UnbindResp: lambda _, __, ___: self._end_answered(),
            GenericNack: self._on_generic_nack,
            AlertNotification: lambda _, __, ___: self._forgive("alert_notification, which nothing here asked for"),
            Outbind: lambda _, __, ___: self._forgive("outbind on a connection that we made"),
        }

    def _encode(self, pdu: Pdu, sequence_id: int) -> bytes:
        return encode(pdu, sequence_id)

    def _answer(self, pdu: Pdu, sequence_id: int, status: int) -> None:
        """A response, with a status."""
        self._out.append(encode(pdu, sequence_id, status))

    def _decode(self, octets: bytes) -> tuple[int, Pdu, str | None]:
        sequence_id, self._status, pdu, forgiven = decode(octets)
        return sequence_id, pdu, forgiven

    def _header(self, octets: bytes) -> tuple[int, int]:
        return header_of(octets)

    def _test_request(self, sequence_id: int) -> bytes:
        return encode(EnquireLink(), sequence_id)

    def _end_request(self, sequence_id: int) -> bytes:
        return encode(Unbind(), sequence_id)

    def _refuse_unreadable(self, command: int, sequence_id: int, why: str) -> None:
        if command in BIND_RESPONSES or self.state is State.NEW:
            self._close(f"unreadable login: {why}")
        elif command & RESPONSE:
            pass  # what it would have answered waits on, until it is given up
        elif command in _ANSWERS:
            self._answer(_ANSWERS[command](), sequence_id, Status.RINVPARLEN)
        else:
            self._answer(GenericNack(), sequence_id, Status.RINVCMDLEN if knows(command) else Status.RINVCMDID)

    def _on_generic_nack(self, sequence_id: int, _: GenericNack, __: float) -> None:
        if self._test is not None and self._test[0] == sequence_id:
            self._forgive("enquire_link answered by generic_nack")  # it lives
            self._test = None
        elif self.state is State.ENDING and sequence_id not in self._sent:
            self._close("unbind answered by generic_nack", clean=True)
        elif self.state is State.ASKED:
            self._refused(self._status)
        elif sequence_id in self._sent:
            self._events.append(self._nacked(sequence_id, self._status))
            del self._sent[sequence_id]
        else:
            self._forgive(f"generic_nack {self._status:#x} to no open request")

    def _refused(self, status: int) -> None:
        """The login was answered by an error."""
        raise NotImplementedError

    def _nacked(self, sequence_id: int, status: int) -> Any:
        """The event of a request that generic_nack answered."""
        raise NotImplementedError

    def _resend(self, now: float) -> None:
        """Give up what waited too long."""
        while self._sent:
            sequence_id, sent = next(iter(self._sent.items()))
            if sent.due > now:
                return
            del self._sent[sequence_id]
            self._events.append(self._gave_up(sequence_id, sent.tries))

    def _next_sequence_id(self) -> int:
        while True:
            self._sequence_id = self._sequence_id % MAX_SEQUENCE + 1
            if self._sequence_id not in self._sent:
                return self._sequence_id
