"""What the seam says, as CMPP writes it, and the other way round. Numbers on the wire are national without +86."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

from mail2sms.cmpp import events
from mail2sms.cmpp.codes import Result
from mail2sms.cmpp.pdu import Query, QueryResp, Submit
from mail2sms.content import part_of, text_of
from mail2sms.links import Mo, MtPart, Report, ReportState
from mail2sms.settings.cmpp import CmppLinkSettings

CHINA = timezone(timedelta(hours=8))  # the clock of every ISMG
QUARTERS = "32+"  # the same in quarter hours east of UTC

REPORT_STATES = {
    "DELIVRD": ReportState.DELIVERED,
    "EXPIRED": ReportState.EXPIRED,
    "ACCEPTD": ReportState.PENDING,
    "ACCEPTED": ReportState.PENDING,
    "ENROUTE": ReportState.PENDING,
}


def submit_of(part: MtPart, settings: CmppLinkSettings) -> Submit:
    """The SUBMIT for a part. It asks for a report always: without one nobody knows what became of it."""
    segment = part.segment
    return Submit(
        pk_total=segment.total,
        pk_number=segment.number,
        registered_delivery=1,
        msg_level=settings.urgent_level if part.urgent else 0,
        service_id=settings.service_id,
        fee_user_type=settings.fee_user_type,
        fee_terminal_id=settings.fee_terminal_id,
        fee_terminal_type=settings.fee_terminal_type,
        tp_pid=settings.tp_pid,
        tp_udhi=int(segment.total > 1),
        msg_fmt=segment.msg_fmt,
        msg_src=settings.sp_id,
        fee_type=settings.fee_type,
        fee_code=settings.fee_code,
        valid_time=time_of(part.valid_until) if part.valid_until else "",
        src_id=part.src or settings.src_id,
        dest_terminal_ids=(terminal_of(part.to),),
        msg_content=segment.udh + segment.body,
    )


def query_of(day: date, service_id: str) -> Query:
    """The QUERY for a day's counts; of one service, or of all where ``service_id`` is empty."""
    return Query(time=day.strftime("%Y%m%d"), query_type=int(bool(service_id)), query_code=service_id)


def counts_of(answer: QueryResp) -> dict[str, int]:
    """The eight counts by their names in the text."""
    names = ("mt_tl_msg", "mt_tl_usr", "mt_scs", "mt_wt", "mt_fl", "mo_scs", "mo_wt", "mo_fl")
    return {name: getattr(answer, name) for name in names}


def report_of(event: events.Reported) -> Report:
    """``done_at`` is None where Done_time cannot be read."""
    report = event.report
    stat = report.stat.strip().upper()
    return Report(
        ref=ref_of(report.msg_id),
        state=REPORT_STATES.get(stat, ReportState.FAILED),
        stat=stat or "UNKNOWN",
        to=report.dest_terminal_id,
        done_at=_read_time(report.done_time),
    )


def mo_of(event: events.Delivered) -> Mo:
    """A message from a handset, or one part of it."""
    deliver = event.deliver
    part = part_of(deliver.tp_udhi, deliver.msg_content)
    return Mo(
        ref=ref_of(deliver.msg_id) if deliver.msg_id else "",
        sender=deliver.src_terminal_id,
        to=deliver.dest_id,
        text=text_of(deliver.msg_fmt, part.body),
        reference=part.reference,
        number=part.number,
        total=part.total,
    )


def ref_of(msg_id: int) -> str:
    """A Msg_Id as a ref: 16 hexadecimal digits."""
    return f"{msg_id:016x}"


def terminal_of(number: str) -> str:
    """A number (E.164 without plus) as an ISMG wants it: 11 digits, or 00 and the country code."""
    return number[2:] if number.startswith("86") and len(number) == 13 else f"00{number}"


def time_of(at: datetime) -> str:
    """ValId_Time: YYMMDDhhmmss, tenths, quarter hours from UTC and their sign (SMPP 3.3, as CMPP 3.0 8.4.3.1 says)."""
    return at.astimezone(CHINA).strftime("%y%m%d%H%M%S") + "0" + QUARTERS


def result_of(code: int) -> str:
    """``8 flow control``."""
    try:
        return f"{code} {Result(code).name.lower().replace('_', ' ')}"
    except ValueError:
        return str(code)


def _read_time(text: str) -> datetime | None:
    """YYMMDDHHMM of a report; carriers leave it empty, or zero."""
    try:  # strptime takes ten times as long
        return datetime.fromisoformat(f"20{text[:6]}T{text[6:]}+08:00") if len(text) == 10 else None
    except ValueError:
        return None
