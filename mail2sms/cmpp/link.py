"""What both sides of a CMPP link say alike (CMPP 3.0.0, 8.4): the rest is ``mail2sms.session``'s."""

from __future__ import annotations

from typing import ClassVar

from mail2sms.cmpp.codes import Command, Result, Version
from mail2sms.cmpp.frame import decode, encode
from mail2sms.cmpp.pdu import ActiveTest, ActiveTestResp, DeliverResp, Pdu, SubmitResp, Terminate, TerminateResp
from mail2sms.session.base import Limits, Session, State
from mail2sms.session.frame import RESPONSE


class Link(Session):
    """One side of a link."""

    PROTOCOL: ClassVar[str] = "CMPP"
    END: ClassVar[str] = "TERMINATE"

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.layout = Version.V30
        self._read_as = Version.V30  # the layout of the PDU at hand
        self._handlers |= {
            ActiveTest: lambda sequence_id, _, __: self._tested(sequence_id, ActiveTestResp()),
            ActiveTestResp: lambda sequence_id, _, __: self._test_answered(sequence_id),
            Terminate: lambda sequence_id, _, __: self._ended(sequence_id, TerminateResp()),
            TerminateResp: lambda _, __, ___: self._end_answered(),
        }

    def _encode(self, pdu: Pdu, sequence_id: int) -> bytes:
        return encode(pdu, sequence_id, self.layout)

    def _decode(self, octets: bytes) -> tuple[int, Pdu, str | None]:
        sequence_id, pdu, self._read_as, forgiven = decode(octets, self.layout)
        return sequence_id, pdu, forgiven

    def _test_request(self, sequence_id: int) -> bytes:
        return self._encode(ActiveTest(), sequence_id)

    def _end_request(self, sequence_id: int) -> bytes:
        return self._encode(Terminate(), sequence_id)

    def _refuse_unreadable(self, command: int, sequence_id: int, why: str) -> None:
        if self.state is State.OPEN and command == Command.DELIVER:
            self._send(DeliverResp(msg_id=0, result=Result.STRUCTURE), sequence_id)
        elif self.state is State.OPEN and command == Command.SUBMIT:
            self._send(SubmitResp(msg_id=0, result=Result.STRUCTURE), sequence_id)
        elif self.state is State.NEW or (self.state is State.ASKED and command == RESPONSE | Command.CONNECT):
            self._close(f"unreadable login: {why}")
