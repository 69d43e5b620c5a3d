"""A CMPP link: the client session of ``mail2sms.cmpp`` on a TCP connection."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import Any

from mail2sms.cmpp import events
from mail2sms.cmpp.codes import Result, Status, Version
from mail2sms.cmpp.pdu import Cancel, CancelResp, Query, QueryResp
from mail2sms.cmpp.session import ClientSession, Login, NotOpen
from mail2sms.links import Answer, MtPart, Outcome
from mail2sms.links.cmpp_pdus import counts_of, mo_of, query_of, ref_of, report_of, result_of, submit_of
from mail2sms.links.joining import Joining
from mail2sms.links.stream import StreamLink
from mail2sms.settings.cmpp import CmppLinkSettings

# What is wrong with the account or its settings here, not with the message.
OF_THE_ACCOUNT = (
    Result.FEE_CODE,
    Result.SERVICE,
    Result.FEE_NUMBER_ELSEWHERE,
    Result.SRC_ID,
    Result.MSG_SRC,
    Result.FEE_TERMINAL_ID,
)
VERSIONS = {"2.0": Version.V20, "2.1": Version.V21, "3.0": Version.V30}
ROOM_S = 0.005  # between looks whether the window has room for a question


class CmppLink(StreamLink[ClientSession]):
    """One login at an ISMG."""

    def __init__(self, name: str, settings: CmppLinkSettings) -> None:
        super().__init__(name, settings, settings.account_name)
        self._settings = settings
        self._asked: dict[int, asyncio.Future[QueryResp | CancelResp | None]] = {}  # by sequence id
        self._joining = Joining() if settings.answers_last_part_only else None

    # --- for an operator

    async def query(self, day: date, service_id: str = "") -> dict[str, int]:
        """The ISMG's counts of a day, of one service or all; see ``QueryResp``. Raises NotOpen, TimeoutError."""
        answer = await self._ask(query_of(day, service_id))
        assert isinstance(answer, QueryResp)  # noqa: S101  the session matches them
        return counts_of(answer)

    async def cancel(self, ref: str) -> bool:
        """Withdraw an accepted part; whether the ISMG did. Raises NotOpen, TimeoutError, ValueError (no ref)."""
        answer = await self._ask(Cancel(msg_id=int(ref, 16)))
        assert isinstance(answer, CancelResp)  # noqa: S101
        return answer.success_id == Result.OK

    async def _ask(self, request: Query | Cancel) -> QueryResp | CancelResp:
        wire = self._wire
        if wire is None:
            raise NotOpen("the link is not up")
        window = self.capacity
        self.capacity = max(min(1, window), window - 1)  # so that a gateway with much to send leaves room for this
        try:
            while not wire.session.free:
                if self._wire is not wire:
                    raise NotOpen("the link is not up any more")
                await asyncio.sleep(ROOM_S)
            sequence_id = wire.session.ask(request, wire.now())
        finally:
            if self.capacity:
                self.capacity = self._settings.window
        answered: asyncio.Future[QueryResp | CancelResp | None] = asyncio.get_running_loop().create_future()
        self._asked[sequence_id] = answered
        wire.flush_soon()
        try:
            answer = await answered
        finally:
            self._asked.pop(sequence_id, None)
        if answer is None:
            raise TimeoutError("the ISMG does not answer")
        return answer

    # --- the protocol's part

    def _log_in(self, password: str, now: float) -> ClientSession:
        settings = self._settings
        login = Login(
            sp_id=settings.sp_id,
            secret=password,
            version=VERSIONS[settings.version],
            require_proof=settings.strict_auth,
            pad_sp_id=settings.pad_sp_id,
        )
        session = ClientSession(login, self._limits())
        session.connect(now, datetime.now())  # noqa: DTZ005  the text wants the local clock's digits
        return session

    def _send(self, session: ClientSession, part: MtPart, now: float) -> int:
        sequence_id = session.submit(submit_of(part, self._settings), now)
        if self._joining is not None:
            self._joining.sent(sequence_id, part)
        return sequence_id

    def _on(self, event: Any) -> None:
        match event:
            case events.SubmitAnswered():
                self._submit_answered(event)
            case events.Reported():
                self._sink.reported(report_of(event), self._done(event))
            case events.Delivered():
                self._sink.received(mo_of(event), self._done(event))
            case events.Connected():
                self._up(f"CMPP {event.layout >> 4}.{event.layout & 15}")
            case events.AskAnswered():
                self._ask_answered(event.sequence_id, event.answer)
            case events.Closed():
                for sequence_id in list(self._asked):
                    self._ask_answered(sequence_id, None)
                if self._joining is not None:
                    self._joining.clear()
                super()._on(event)
            case _:
                super()._on(event)

    def _submit_answered(self, event: events.SubmitAnswered) -> None:
        answer = _answer(event)
        if self._joining is not None and self._wire is not None and answer.outcome is not Outcome.BUSY:
            for other in self._joining.answered(event.sequence_id):
                self._wire.session.forgo(other)
                self._answer(other, Answer(outcome=answer.outcome, result=answer.result))
        self._answer(event.sequence_id, answer)

    def _ask_answered(self, sequence_id: int, answer: QueryResp | CancelResp | None) -> None:
        asked = self._asked.get(sequence_id)
        if asked is not None and not asked.done():
            asked.set_result(answer)

    def _is_lasting(self, status: int) -> bool:
        # Too many links and the like pass; what is wrong with the credentials does not.
        return status < Status.OTHER


def _answer(event: events.SubmitAnswered) -> Answer:
    if event.result == Result.OK:
        return Answer(outcome=Outcome.ACCEPTED, ref=ref_of(event.msg_id))
    outcome = Outcome.BUSY if event.result == Result.FLOW_CONTROL else Outcome.REFUSED
    return Answer(outcome=outcome, result=result_of(event.result), elsewhere=event.result in OF_THE_ACCOUNT)
