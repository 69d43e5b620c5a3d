"""What the seam says, as SMGP writes it, and the other way round. Numbers on the wire are national without +86."""

from __future__ import annotations

from datetime import datetime
from zlib import crc32

from mail2sms.content import Part, part_of, text_of
from mail2sms.links import Mo, MtPart, Report, ReportState
from mail2sms.settings.smgp import SmgpLinkSettings
from mail2sms.smgp import events
from mail2sms.smgp.codes import Status
from mail2sms.smgp.pdu import NO_MSG_ID, Deliver, Submit
from mail2sms.smgp.times import absolute, read_minute, relative

REPORT_STATES = {
    "DELIVRD": ReportState.DELIVERED,
    "EXPIRED": ReportState.EXPIRED,
    "ACCEPTD": ReportState.PENDING,
    "ACCEPTED": ReportState.PENDING,
    "ENROUTE": ReportState.PENDING,
}
CONCATENATION = bytes((5, 0, 3))
LONGEST_STAT = 20  # the text says 7; people are to read it


def submit_of(part: MtPart, settings: SmgpLinkSettings, now: datetime) -> Submit:
    """The SUBMIT for a part. It asks for a report always: without one nobody knows what became of it."""
    segment = part.segment
    is_long = segment.total > 1
    return Submit(
        priority=settings.urgent_priority if part.urgent else settings.priority,
        service_id=settings.service_id,
        fee_type=settings.fee_type,
        fee_code=settings.fee_code,
        fixed_fee=settings.fixed_fee,
        msg_format=segment.msg_fmt,
        valid_time=_valid_time(part.valid_until, settings, now) if part.valid_until else "",
        src_term_id=part.src or settings.src_id,
        charge_term_id=settings.charge_term_id,
        dest_term_ids=(_term_of(part.to),),
        msg_content=segment.udh + segment.body,
        tp_udhi=1 if is_long else None,
        pk_total=segment.total if is_long else None,
        pk_number=segment.number if is_long else None,
        msg_src=settings.msg_src or None,
        m_service_id=settings.m_service_id or None,
    )


def report_of(event: events.Reported) -> Report:
    """``to`` is the DELIVER's SrcTermID: the handset. ``done_at`` is None where it cannot be read."""
    report = event.report
    stat, err = report.stat.upper()[:LONGEST_STAT], report.err[:LONGEST_STAT]
    return Report(
        ref=ref_of(report.msg_id),
        state=REPORT_STATES.get(stat, ReportState.FAILED),
        stat=stat if err in ("", "000") else f"{stat} {err}",
        to=event.deliver.src_term_id,
        done_at=read_minute(report.done_date),
    )


def mo_of(event: events.Delivered) -> Mo:
    """A message from a handset, or one part of it. ``ref`` is empty where the SMGW gave no MsgID."""
    deliver = event.deliver
    part = _part_of(deliver)
    return Mo(
        ref="" if deliver.msg_id == NO_MSG_ID else ref_of(deliver.msg_id),
        sender=deliver.src_term_id,
        to=deliver.dest_term_id,
        text=text_of(deliver.msg_format, part.body),
        reference=part.reference,
        number=part.number,
        total=part.total,
    )


def ref_of(msg_id: bytes) -> str:
    """A MsgID as a ref: 20 hexadecimal digits."""
    return msg_id.hex()


def status_of(code: int) -> str:
    """``75 day quota``."""
    try:
        return f"{code} {Status(code).name.lower().replace('_', ' ')}"
    except ValueError:
        return str(code)


def _part_of(deliver: Deliver) -> Part:
    """By its user data header; by PkTotal and PkNumber where there is none, as some carriers send it.

    A header without TP_udhi is known by what PkTotal says and how it begins.
    """
    content, total, number = deliver.msg_content, deliver.pk_total or 0, deliver.pk_number or 0
    udhi = deliver.tp_udhi or (total > 1 and content.startswith(CONCATENATION) and content[4:5] == bytes((total,)))
    part = part_of(int(udhi), content)
    if part.total > 1 or not 1 <= number <= total:
        return part
    reference = crc32((deliver.link_id or "").encode("latin-1", "replace")) & 0xFFFF
    return Part(reference=reference, total=total, number=number, body=part.body)


def _term_of(number: str) -> str:
    """A number (E.164 without plus) as an SMGW wants it: 11 digits, or 00 and the country code."""
    return number[2:] if number.startswith("86") and len(number) == 13 else f"00{number}"


def _valid_time(until: datetime, settings: SmgpLinkSettings, now: datetime) -> str:
    return relative(until - now) if settings.valid_time == "relative" else absolute(until)
