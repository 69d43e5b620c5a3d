"""The simulated SMGW, China Telecom's: SMGP 3.0.3 on a real socket. See ``logins`` for what it does."""

from __future__ import annotations

import random
import re
from datetime import datetime
from typing import Any, ClassVar, Literal, cast

from mail2sms.content import MsgFmt, part_of
from mail2sms.smgp.codes import MsgType, Status
from mail2sms.smgp.events import DeliverAnswered, LoginAsked, Submitted
from mail2sms.smgp.msgid import MsgId
from mail2sms.smgp.pdu import (
    MAX_ASCII_OCTETS,
    MAX_DESTINATIONS,
    MAX_OCTETS,
    NO_MSG_ID,
    Deliver,
    Submit,
    SubmitResp,
)
from mail2sms.smgp.report import Report, encode_report
from mail2sms.smgp.session import Limits, ServerSession
from sandbox.carriers.account import Account, Outgoing, Same
from sandbox.carriers.faults import Faults
from sandbox.carriers.handset import parts_of
from sandbox.carriers.journal import Journal, record_of
from sandbox.carriers.link import SpLink
from sandbox.carriers.logins import CHINA, LoginCarrier
from sandbox.carriers.phones import Phones, number_or_empty

SMGW_ID = 10_001  # area code 010, Beijing, and the first there
HEADER_OCTETS = 6
MAX_PRIORITY = 3

_TIME = re.compile(r"(?:\d{13}\d\d[+-]|\d{12}000R)?", re.ASCII)


class SmgwFaults(Faults):
    """What only an SMGW does wrong. ``refuse_login`` and ``refuse_result`` are values of Status."""

    report_form: Literal["text", "capture", "digits"] = "text"  # as the text, a real SMGW or some gateways write it
    mo_by: Literal["udh", "tlv", "udh without TP_udhi"] = "udh"  # how the parts of a long MO tell their place


class Smgw(LoginCarrier):
    """The SMGW with its accounts, by ClientID."""

    name = "smgw"
    PROTOCOL: ClassVar[str] = "smgp"
    UNKNOWN_SP: ClassVar[int] = Status.AUTH
    TOO_MANY_LINKS: ClassVar[int] = Status.TOO_MANY_LINKS
    FLOW_CONTROL: ClassVar[int] = Status.BUSY

    def __init__(self, secrets: dict[str, str], phones: Phones, journal: Journal, port: int) -> None:
        super().__init__(secrets, phones, journal, port)
        self.faults = SmgwFaults()

    def new_session(self, limits: Limits) -> ServerSession:
        """See ``LoginCarrier``."""
        return ServerSession(limits)

    def speaks(self, session: ServerSession) -> str:
        """See ``LoginCarrier``."""
        return "3.0"

    def _on(self, link: SpLink, event: Any) -> None:
        match event:
            case Submitted():
                self._on_submit(link, event.sequence_id, event.submit)
            case LoginAsked():
                self._on_login(link, event.login.client_id)
            case DeliverAnswered():
                self._on_deliver_answered(link, event.sequence_id, event.status)
            case _:
                self._on_other(link, event)

    # --- SUBMIT

    def _count(self, submit: Submit) -> int:
        return len(submit.dest_term_ids)

    def _result(self, link: SpLink, account: Account, submit: Submit) -> int:
        numbers, faults = submit.dest_term_ids, self.faults
        wrong = wrong_field(submit)
        if wrong:
            return wrong
        if faults.refuse_result and random.random() < faults.refuse_share:  # noqa: S311  # chance, not secrecy
            refused = {number_or_empty(number) for number in faults.refuse_numbers}
            if not refused or refused.intersection(map(number_or_empty, numbers)):
                return faults.refuse_result
        return Status.OK

    def _answer_to(self, submit: Submit, result: int) -> SubmitResp:
        return SubmitResp(msg_id=NO_MSG_ID if result else self._new_msg_id(), status=result)

    def _new_msg_id(self) -> bytes:
        self._msg_sequence += 1
        return bytes(MsgId.made(datetime.now(CHINA), SMGW_ID, self._msg_sequence))

    def _record(self, submit: Submit, answer: SubmitResp) -> dict[str, Any]:
        record = record_of(
            src_id=submit.src_term_id,
            to=submit.dest_term_ids,
            ref=answer.msg_id.hex(),
            result=answer.status,
            msg_fmt=submit.msg_format,
            tp_udhi=submit.tp_udhi or 0,
            content=submit.msg_content,
        )
        return record | {"priority": submit.priority, "valid_time": submit.valid_time}

    # --- DELIVER

    def _reports(self, link: SpLink, submit: Submit, answer: SubmitResp) -> list[tuple[float, Outgoing]]:
        faults = cast("SmgwFaults", self.faults)
        if not submit.need_report:
            return []
        now = datetime.now(CHINA)
        stats = {number_or_empty(number): stat for number, stat in faults.report_stats.items()}
        found = []
        for number in submit.dest_term_ids:
            stat = stats.get(number_or_empty(number), faults.report_stat)
            report = Report(
                msg_id=answer.msg_id,
                submit_date=f"{now:%y%m%d%H%M}",
                done_date=f"{now:%y%m%d%H%M}",
                stat=stat,
                err="000" if stat == "DELIVRD" else "006",
                txt=b"%03d" % len(submit.msg_content) + submit.msg_content[:17],
            )
            deliver = Deliver(
                msg_id=self._new_msg_id(),
                is_report=1,
                recv_time=f"{now:%Y%m%d%H%M%S}",
                src_term_id="" if faults.report_empty_number else number,
                dest_term_id=submit.src_term_id,
                msg_content=_written(report, faults.report_form),
            )
            for _ in range(faults.report_copies):
                jitter_s = random.random() * faults.report_jitter_s  # noqa: S311  # chance, not secrecy
                outgoing = Outgoing(Same(deliver), "report", link, faults.report_link)
                found.append((faults.report_delay_s + jitter_s, outgoing))
        return found

    def _mo_parts(self, number: str, to: str, text: str) -> list[Deliver]:
        faults = cast("SmgwFaults", self.faults)
        parts = parts_of(text, self._reference, faults.mo_part_characters)
        found = []
        for index, (msg_fmt, has_header, content) in enumerate(parts, 1):
            by_header = faults.mo_by != "tlv"
            deliver = Deliver(
                msg_id=self._new_msg_id(),
                msg_format=msg_fmt,
                recv_time=f"{datetime.now(CHINA):%Y%m%d%H%M%S}",
                src_term_id=number,
                dest_term_id=to,
                msg_content=content if by_header or not has_header else content[HEADER_OCTETS:],
                tp_udhi=faults.mo_udhi if has_header and faults.mo_by == "udh" else None,
                link_id=f"{self._reference:020}" if has_header else None,
                pk_total=len(parts) if has_header else None,
                pk_number=index if has_header else None,
            )
            found.append(deliver)
        return found


def wrong_field(submit: Submit) -> int:
    """The Status for the first field that may not be so, or 0."""
    numbers = submit.dest_term_ids
    if submit.msg_type != MsgType.MT:
        return Status.MSG_TYPE
    if submit.priority > MAX_PRIORITY:
        return Status.PRIORITY
    if submit.msg_format not in list(MsgFmt):
        return Status.MSG_FORMAT
    if not _TIME.fullmatch(submit.valid_time):
        return Status.VALID_TIME
    if not submit.src_term_id.isdigit():
        return Status.SRC_TERM_ID
    if not 1 <= len(numbers) <= MAX_DESTINATIONS or not all(map(number_or_empty, numbers)):
        return Status.DEST_TERM_ID
    if len(submit.msg_content) > (MAX_ASCII_OCTETS if submit.msg_format == MsgFmt.ASCII else MAX_OCTETS):
        return Status.MSG_LENGTH
    part = part_of(submit.tp_udhi or 0, submit.msg_content)
    if (submit.pk_total or 1, submit.pk_number or 1) != (part.total, part.number):
        return Status.STRUCTURE
    return Status.OK


def _written(report: Report, form: str) -> bytes:
    if form == "text":
        return encode_report(report)
    dates = f"submit_date:{report.submit_date} done_date:{report.done_date}"
    rest = f"sub:{report.sub} dlvrd:{report.dlvrd} {dates} stat:{report.stat} err:{report.err} txt:"
    written = rest.encode("ascii") + report.txt
    if form == "capture":
        return b"id:" + report.msg_id + written
    return b"id:" + report.msg_id.hex().encode("ascii") + b" " + written
