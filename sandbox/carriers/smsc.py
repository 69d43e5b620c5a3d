"""The simulated SMSC, an aggregator's: SMPP 3.4 on a real socket. See ``logins`` for what it does.

Its default alphabet (data_coding 0) is that of GSM, an octet a character.
"""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime
from typing import Any, ClassVar, cast

from mail2sms.content import MsgFmt, part_of
from mail2sms.segment import Coding, is_latin
from mail2sms.smpp import text
from mail2sms.smpp.codes import UDHI, Status, Ton
from mail2sms.smpp.events import BindAsked, DeliverAnswered, Submitted
from mail2sms.smpp.link import limits
from mail2sms.smpp.pdu import DataSm, DeliverSm, SubmitSm
from mail2sms.smpp.session import Limits, Mode, ServerSession, SubmitAnswer
from sandbox.carriers.account import Account, Outgoing, Same
from sandbox.carriers.handset import parts_of
from sandbox.carriers.journal import Journal, record_of
from sandbox.carriers.link import SpLink
from sandbox.carriers.logins import LoginCarrier
from sandbox.carriers.phones import Phones, number_or_empty
from sandbox.carriers.smsc_faults import IdForm, SmscFaults
from sandbox.carriers.smsc_receipts import receipts_of

HEADER_OCTETS = 6
MOST_OCTETS = {0: 160, 1: 160, 3: 140, 8: 140}  # of one short message, by data_coding; with a header 140 minus 6

_TIME = re.compile(r"(?:\d{12}\d\d\d[+-]|\d{12}000R)?", re.ASCII)


class SmscSession(ServerSession):
    """A server session that delivers to receivers only."""

    @property
    def free(self) -> int:
        """See ``Session``."""
        return 0 if self.mode is Mode.TRANSMITTER else super().free


class Smsc(LoginCarrier):
    """The SMSC with its accounts, by system_id."""

    name = "smsc"
    PROTOCOL: ClassVar[str] = "smpp"
    UNKNOWN_SP: ClassVar[int] = Status.RINVSYSID
    TOO_MANY_LINKS: ClassVar[int] = Status.RALYBND
    FLOW_CONTROL: ClassVar[int] = Status.RTHROTTLED

    def __init__(self, secrets: dict[str, str], phones: Phones, journal: Journal, port: int) -> None:
        super().__init__(secrets, phones, journal, port)
        self.faults = SmscFaults()

    @property
    def _wrongs(self) -> SmscFaults:
        return cast("SmscFaults", self.faults)

    def new_session(self, limit: Limits) -> SmscSession:
        """See ``LoginCarrier``."""
        return SmscSession(limits(idle_s=limit.idle_s))

    def speaks(self, session: SmscSession) -> str:
        """See ``LoginCarrier``."""
        return "3.4"

    def _on(self, link: SpLink, event: Any) -> None:
        match event:
            case Submitted():
                self._on_submit(link, event.sequence_id, event.submit)
            case BindAsked():
                self._on_login(link, event.bind.system_id)
            case DeliverAnswered():
                self._on_deliver_answered(link, event.sequence_id, event.status)
            case _:
                self._on_other(link, event)

    # --- submit_sm

    def _result(self, link: SpLink, account: Account, submit: SubmitSm) -> int:
        faults = self.faults
        if link.session.mode is Mode.RECEIVER:
            return Status.RINVBNDSTS
        wrong = _wrong_field(submit)
        if wrong:
            return wrong
        if faults.refuse_result and random.random() < faults.refuse_share:  # noqa: S311  # chance, not secrecy
            refused = {number_or_empty(number) for number in faults.refuse_numbers}
            if not refused or _number(submit) in refused:
                return faults.refuse_result
        return Status.ROK

    def _answer_to(self, submit: SubmitSm, result: int) -> SubmitAnswer:
        if result:
            return SubmitAnswer(status=result, nacked=random.random() < self._wrongs.nack_share)  # noqa: S311
        self._msg_sequence += 1
        return SubmitAnswer(message_id=written(self._msg_sequence, self._wrongs.id_in_answer))

    def _record(self, submit: SubmitSm, answer: SubmitAnswer) -> dict[str, Any]:
        record = record_of(
            src_id=submit.source_addr,
            to=(f"+{number}" if (number := _number(submit)) else submit.destination_addr,),
            ref=answer.message_id,
            result=answer.status,
            msg_fmt=MsgFmt.BINARY,
            tp_udhi=submit.esm_class & UDHI,
            content=submit.content,
        )
        part = part_of(submit.esm_class & UDHI, submit.content)
        by_sar = submit.sar_total_segments is not None
        return record | {
            "text": text.text_of(submit.data_coding, part.body, text.Default.GSM),
            "reference": submit.sar_msg_ref_num if by_sar else part.reference,
            "part": submit.sar_segment_seqnum if by_sar else part.number,
            "parts": submit.sar_total_segments if by_sar else part.total,
            "data_coding": submit.data_coding,
            "by": "payload" if submit.message_payload is not None else "sar" if by_sar else "short_message",
            "source_addr_ton": submit.source_addr_ton,
            "priority_flag": submit.priority_flag,
            "validity_period": submit.validity_period,
            "registered_delivery": submit.registered_delivery,
        }

    def _show(self, record: dict[str, Any], at: datetime) -> None:
        header = bytes((5, 0, 3, record["reference"] & 0xFF, record["parts"], record["part"]))
        is_part = record["parts"] > 1
        content = (header if is_part else b"") + record["text"].encode("utf-16-be", "replace")
        for number in record["to"]:
            self.phones.take(number, record["src_id"], int(is_part), MsgFmt.UCS2, content, at, self.name)

    # --- deliver_sm

    def _reports(self, link: SpLink, submit: SubmitSm, answer: SubmitAnswer) -> list[tuple[float, Outgoing]]:
        faults = self._wrongs
        if not submit.registered_delivery & 3:
            return []
        stats = {number_or_empty(number): stat for number, stat in faults.report_stats.items()}
        stat = stats.get(_number(submit), faults.report_stat)
        sequence = self._msg_sequence
        found = []
        where = "any" if link.session.mode is Mode.TRANSMITTER else faults.report_link
        for delay_s, message in receipts_of(
            submit, written(sequence, faults.id_in_receipt), answer.message_id, stat, faults, datetime.now(UTC)
        ):
            for _ in range(faults.report_copies):
                jitter_s = random.random() * faults.report_jitter_s  # noqa: S311  # chance, not secrecy
                found.append(
                    (faults.report_delay_s + delay_s + jitter_s, Outgoing(Same(message), "report", link, where))
                )
        return found

    def _mo_parts(self, number: str, to: str, text: str) -> list[DeliverSm | DataSm]:
        faults = self._wrongs
        parts = [(8, False, text.encode("utf-16-be"))]
        if faults.mo_by != "payload":
            parts = parts_of(text, self._reference, faults.mo_part_characters)  # type: ignore[assignment]  # IntEnum
        found: list[DeliverSm | DataSm] = []
        for index, (msg_fmt, has_header, content) in enumerate(parts, 1):
            header, body = (content[:HEADER_OCTETS], content[HEADER_OCTETS:]) if has_header else (b"", content)
            data_coding, body = _coded(msg_fmt, body)
            by_sar = has_header and faults.mo_by == "sar"
            octets = body if by_sar else header + body
            in_payload = faults.mo_by in ("payload", "data_sm")
            values: dict[str, Any] = {
                "source_addr_ton": Ton.INTERNATIONAL,
                "source_addr_npi": 1,
                "source_addr": number,
                "destination_addr": to,
                "esm_class": UDHI if has_header and not by_sar else 0,
                "data_coding": data_coding,
            }
            if by_sar:
                values |= {
                    "sar_msg_ref_num": self._reference,
                    "sar_total_segments": len(parts),
                    "sar_segment_seqnum": index,
                }
            values["message_payload" if in_payload else "short_message"] = octets
            found.append(DataSm(**values) if faults.mo_by == "data_sm" else DeliverSm(**values))
        return found


def written(sequence: int, form: IdForm) -> str:
    """A message id."""
    number = 0xA000_0000 + sequence  # large enough to tell hexadecimal from decimal
    return {"dec": str(number), "hex": f"{number:x}", "HEX": f"{number:X}", "padded": f"{number:016X}"}[form]


def _coded(msg_fmt: int, body: bytes) -> tuple[int, bytes]:
    if msg_fmt == MsgFmt.UCS2:
        return 8, body
    letters = body.decode("ascii")
    return (0, Coding.GSM7.encode(letters)) if is_latin(letters) else (1, body)


def _number(submit: SubmitSm) -> str:
    """The handset's number, E.164 without plus; empty where it is none."""
    plus = "+" if submit.dest_addr_ton == Ton.INTERNATIONAL else ""
    return number_or_empty(plus + submit.destination_addr.removeprefix("+"))


def _wrong_field(submit: SubmitSm) -> int:
    """The Status for the first field that may not be so, or 0."""
    source = submit.source_addr
    if submit.source_addr_ton == Ton.ALPHANUMERIC:
        if not 1 <= len(source) <= 11:
            return Status.RINVSRCADR
    elif not source.isdigit():
        return Status.RINVSRCADR
    if not _number(submit):
        return Status.RINVDSTADR
    if not _TIME.fullmatch(submit.validity_period):
        return Status.RINVEXPIRY
    if submit.priority_flag > 3:
        return Status.RINVPRTFLG
    if submit.data_coding not in MOST_OCTETS:
        return Status.RSUBMITFAIL
    if submit.message_payload is not None:
        return Status.RINVOPTPARAMVAL if submit.short_message else Status.ROK
    most = MOST_OCTETS[submit.data_coding]
    if submit.esm_class & UDHI or submit.sar_total_segments is not None:
        most = most * 134 // 140 + (HEADER_OCTETS if submit.esm_class & UDHI else 0)
    if len(submit.short_message) > most:
        return Status.RINVMSGLEN
    if submit.sar_total_segments is not None and not (
        submit.sar_msg_ref_num is not None and 1 <= (submit.sar_segment_seqnum or 0) <= submit.sar_total_segments
    ):
        return Status.RINVOPTPARAMVAL
    return Status.ROK
