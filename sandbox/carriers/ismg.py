"""The simulated ISMG, China Mobile's: CMPP 2.0 and 3.0 on a real socket. See ``logins`` for what it does."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar

from mail2sms.cmpp.codes import Result, Status
from mail2sms.cmpp.events import Asked, DeliverAnswered, LoginAsked, Submitted
from mail2sms.cmpp.frame import encode_report
from mail2sms.cmpp.msgid import MsgId, nth
from mail2sms.cmpp.pdu import CancelResp, Deliver, Query, QueryResp, Report, Submit, SubmitResp
from mail2sms.cmpp.session import Limits, ServerSession
from mail2sms.content import part_of
from sandbox.carriers.account import Account, Outgoing
from sandbox.carriers.handset import parts_of
from sandbox.carriers.held import Held, Whole, time_of
from sandbox.carriers.journal import Journal, record_of
from sandbox.carriers.link import SpLink
from sandbox.carriers.logins import CHINA, LoginCarrier
from sandbox.carriers.phones import Phones
from sandbox.carriers.reports import reports_of, result_of

ISMG_ID = 1001  # 001001: Beijing, the first


class Ismg(LoginCarrier):
    """The ISMG with its accounts, by SP_Id."""

    name = "ismg"
    PROTOCOL: ClassVar[str] = "cmpp"
    UNKNOWN_SP: ClassVar[int] = Status.SOURCE
    TOO_MANY_LINKS: ClassVar[int] = Status.OTHER
    FLOW_CONTROL: ClassVar[int] = Result.FLOW_CONTROL

    def __init__(self, secrets: dict[str, str], phones: Phones, journal: Journal, port: int) -> None:
        super().__init__(secrets, phones, journal, port)
        self._clock = 0, 0, ""  # second, the Msg_Id that begins it, YYMMDDHHMM
        self._held = Held()
        self._whole = Whole()
        self._swallows = False  # the SUBMIT at hand is a part that another's answer is for

    def new_session(self, limits: Limits) -> ServerSession:
        """See ``LoginCarrier``."""
        return ServerSession(limits)

    def speaks(self, session: ServerSession) -> str:
        """See ``LoginCarrier``."""
        return f"{session.layout >> 4}.{session.layout & 15}"

    def _on(self, link: SpLink, event: Any) -> None:
        match event:
            case Submitted():
                self._on_submit(link, event.sequence_id, event.submit)
            case LoginAsked():
                self._on_login(link, event.connect.source_addr)
            case DeliverAnswered():
                self._on_deliver_answered(link, event.sequence_id, event.result)
            case Asked():
                self._on_asked(link, event)
            case _:
                self._on_other(link, event)

    def _on_asked(self, link: SpLink, event: Asked) -> None:
        if isinstance(event.request, Query):
            taken = self.results[0]
            answer = QueryResp(
                time=event.request.time,
                query_type=event.request.query_type,
                query_code=event.request.query_code,
                mt_tl_msg=self.counts["submits"],
                mt_tl_usr=self.counts["submits"],
                mt_scs=taken,
                mt_fl=self.counts["submits"] - taken,
                mo_scs=self.counts["mos_answered"],
            )
            link.session.respond(event.sequence_id, answer)
        else:
            done = self._held.cancel(event.request.msg_id)
            self.counts["cancelled"] += done
            link.session.respond(event.sequence_id, CancelResp(success_id=int(not done)))

    # --- SUBMIT

    def _on_submit(self, link: SpLink, sequence_id: int, submit: Submit) -> None:
        self._swallows = self.faults.join_long and not self._completes(submit)
        super()._on_submit(link, sequence_id, submit)

    def _completes(self, submit: Submit) -> bool:
        part = part_of(submit.tp_udhi, submit.msg_content)
        return self._whole.completes((submit.dest_terminal_ids, part.reference, part.total), part.number, part.total)

    def _answer(self, link: SpLink, sequence_id: int, answer: Any, *, is_good: bool) -> None:
        if self._swallows:
            link.unanswered -= 1
        else:
            super()._answer(link, sequence_id, answer, is_good=is_good)

    def _arrive(self, link: SpLink, account: Account, submit: Any, answer: Any, record: dict[str, Any]) -> None:
        if not self.faults.hold_s:
            super()._arrive(link, account, submit, answer, record)
            return
        is_told = self.faults.reports and not self._swallows

        def became(stat: str) -> None:
            for delay_s, outgoing in self._reports_as(link, submit, answer, stat) if is_told else ():
                account.put(outgoing, time.monotonic(), delay_s)

        def arrive() -> None:
            at, valid = datetime.now(UTC), time_of(submit.valid_time)
            if valid is not None and valid <= at:
                became("EXPIRED")
            else:
                self._show(record, at)
                became("")

        self._held.put(answer.msg_id, self.faults.hold_s, arrive, partial(became, "DELETED"))

    def _count(self, submit: Submit) -> int:
        return len(submit.dest_terminal_ids)

    def _result(self, link: SpLink, account: Account, submit: Submit) -> int:
        return result_of(submit, account.sp_id, self.faults)

    def _answer_to(self, submit: Submit, result: int) -> SubmitResp:
        msg_id = 0 if result else self._new_msg_id(len(submit.dest_terminal_ids))
        return SubmitResp(msg_id=msg_id, result=result)

    def _new_msg_id(self, count: int) -> int:
        """An id for ``count`` numbers."""
        second = int(time.time())
        if second != self._clock[0]:
            at = datetime.fromtimestamp(second, CHINA)
            self._clock = second, int(MsgId.made(at, ISMG_ID, 0)), at.strftime("%y%m%d%H%M")
        msg_id = nth(self._clock[1], self._msg_sequence)
        self._msg_sequence += count
        return msg_id

    def _record(self, submit: Submit, answer: SubmitResp) -> dict[str, Any]:
        record = record_of(
            src_id=submit.src_id,
            to=submit.dest_terminal_ids,
            ref=f"{answer.msg_id:016x}",
            result=answer.result,
            msg_fmt=submit.msg_fmt,
            tp_udhi=submit.tp_udhi,
            content=submit.msg_content,
        )
        return record | {"msg_level": submit.msg_level, "valid_time": submit.valid_time}

    # --- DELIVER

    def _reports(self, link: SpLink, submit: Submit, answer: SubmitResp) -> list[tuple[float, Outgoing]]:
        return [] if self._swallows else self._reports_as(link, submit, answer, "")

    def _reports_as(
        self, link: SpLink, submit: Submit, answer: SubmitResp, became: str
    ) -> list[tuple[float, Outgoing]]:
        found: list[tuple[float, Outgoing]] = []
        for delay_s, report in reports_of(submit, answer.msg_id, self.faults, self._clock[2], became):

            def write(session: ServerSession, report: Report = report) -> Deliver:
                return Deliver(
                    msg_id=report.msg_id,
                    dest_id=submit.src_id,
                    service_id=submit.service_id,
                    src_terminal_id=report.dest_terminal_id,
                    registered_delivery=1,
                    msg_content=encode_report(report, session.layout),
                )

            found.append((delay_s, Outgoing(write, "report", link, self.faults.report_link)))
        return found

    def _mo_parts(self, number: str, to: str, text: str) -> list[Deliver]:
        faults = self.faults
        return [
            Deliver(
                msg_id=self._new_msg_id(1),
                dest_id=to,
                tp_udhi=faults.mo_udhi if has_header else 0,
                msg_fmt=msg_fmt,
                src_terminal_id=number,
                msg_content=content,
            )
            for msg_fmt, has_header, content in parts_of(text, self._reference, faults.mo_part_characters)
        ]
