"""What the gateway says as TPDUs, and TPDUs as what the gateway is told."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha1

from mail2sms.at import events
from mail2sms.links import Mo, MtPart, Report, ReportState
from mail2sms.pdu import status, times, tpdu
from mail2sms.pdu.address import Address, Ton
from mail2sms.pdu.header import concatenation
from mail2sms.pdu.status import Standing
from mail2sms.pdu.text import text_of, user_data
from mail2sms.settings.modem import ModemLinkSettings

MATCHED_DIGITS = 8
SHORT_DIGITS = 6  # a number of so few is a service's, and has no country

REPORT_STATES = {
    Standing.DONE: ReportState.DELIVERED,
    Standing.TRYING: ReportState.PENDING,
    Standing.FAILED: ReportState.FAILED,
    Standing.GIVEN_UP: ReportState.FAILED,
}


def submit_of(part: MtPart, settings: ModemLinkSettings, now: datetime) -> tpdu.Submit:
    """The SUBMIT of a part; raises ValueError where the part does not fit one."""
    dcs, ud = user_data(part.segment)
    return tpdu.Submit(
        status_report=settings.reports,
        da=address_of(part.to, settings),
        dcs=dcs,
        vp=None if part.valid_until is None else times.octet_of(part.valid_until - now),
        ud=ud,
    )


def address_of(number: str, settings: ModemLinkSettings) -> Address:
    """A number in E.164 without plus, as the network wants it dialled."""
    prefix = settings.country_prefix
    if len(number) <= SHORT_DIGITS:
        return Address(text=number, ton=Ton.UNKNOWN)
    if prefix and number.startswith(prefix):
        return Address(text=settings.national_prefix + number[len(prefix) :], ton=Ton.UNKNOWN)
    return Address(text=number, ton=Ton.INTERNATIONAL)


def ref_of(mr: int, number: str) -> str:
    """What a report is matched by."""
    return f"{mr:02x}-{tail_of(number)}"


def tail_of(number: str) -> str:
    return "".join([char for char in number if char.isdigit()])[-MATCHED_DIGITS:]


def report_of(event: events.Reported) -> Report:
    """What the gateway is told of a STATUS-REPORT."""
    report = event.report
    state = REPORT_STATES[status.standing(report.st)]
    return Report(
        ref=ref_of(report.mr, report.ra.text),
        state=ReportState.EXPIRED if report.st == status.EXPIRED else state,
        stat=status.name_of(report.st),
        to=report.ra.written,
    )


def mo_of(event: events.Delivered, to: str) -> Mo:
    """What the gateway is told of a DELIVER. Its octets are its id: the network has none for it."""
    deliver = event.deliver
    part = concatenation(deliver.ud.header)
    return Mo(
        # Without the first octet, whose "more messages wait" differs when the same one is read again.
        ref=_digest(event.tpdu[1:]),
        sender=deliver.oa.written,
        to=to,
        text=text_of(deliver.dcs, deliver.ud),
        reference=part.reference if part else 0,
        number=part.number if part else 1,
        total=part.total if part else 1,
    )


def unreadable(event: events.Unreadable, to: str) -> Mo:
    """A message that is no TPDU is kept as it is: nobody knows from whom."""
    return Mo(ref=_digest(event.text.encode()), sender="", to=to, text=event.text)


def _digest(octets: bytes) -> str:
    return sha1(octets, usedforsecurity=False).hexdigest()[:16]
