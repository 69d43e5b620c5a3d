"""What the seam says, as SMPP writes it, and the other way round. Numbers on the wire are E.164 without plus."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from mail2sms.content import part_of
from mail2sms.links import Answer, Mo, MtPart, Outcome, Report, ReportState
from mail2sms.settings.smpp import SmppLinkSettings
from mail2sms.smpp import events, msgid, receipt, text, validity
from mail2sms.smpp.codes import UDHI, Status, Ton, name_of
from mail2sms.smpp.pdu import Incoming, SubmitSm
from mail2sms.smpp.receipt import Fate

MAX_SHORT_OCTETS = 254  # that short_message holds
# One message of a handset, by data_coding; what is longer goes in message_payload, for the SMSC to cut.
MAX_SINGLE_OCTETS = {
    text.DataCoding.DEFAULT: 160,
    text.DataCoding.ASCII: 160,
    text.DataCoding.LATIN1: 140,
    text.DataCoding.UCS2: 140,
}

# Temporary, says Kannel too (gw/smsc/smsc_smpp.c): the same part may go a moment later.
BUSY = {Status.RTHROTTLED, Status.RMSGQFUL, Status.RSYSERR, Status.RX_T_APPN}
# This account, or what this link's settings make of a message: another link may take it.
ELSEWHERE = {
    Status.RINVCMDLEN,
    Status.RINVCMDID,
    Status.RINVPRTFLG,
    Status.RINVREGDLVFLG,
    Status.RINVSRCADR,
    Status.RINVSERTYP,
    Status.RINVESMCLASS,
    Status.RINVSRCTON,
    Status.RINVSRCNPI,
    Status.RINVDSTTON,
    Status.RINVDSTNPI,
    Status.RINVSYSTYP,
    Status.RINVEXPIRY,
    Status.RINVOPTPARSTREAM,
    Status.ROPTPARNOTALLWD,
    Status.RINVPARLEN,
    Status.RMISSINGOPTPARAM,
    Status.RINVOPTPARAMVAL,
}
_STATES = {
    Fate.DELIVERED: ReportState.DELIVERED,
    Fate.FAILED: ReportState.FAILED,
    Fate.EXPIRED: ReportState.EXPIRED,
    Fate.PENDING: ReportState.PENDING,
}


def submit_of(part: MtPart, settings: SmppLinkSettings, now: datetime) -> SubmitSm:
    """The submit_sm for a part, or for a whole text. It asks for a receipt always: nothing else tells its fate."""
    segment = part.segment
    is_part = segment.total > 1
    by_sar = is_part and settings.long == "sar"
    default = text.Default(settings.default_alphabet)
    data_coding, body = text.coded(segment, text.DataCoding(settings.latin), default)
    content = body if by_sar else segment.udh + body
    in_payload = len(content) > (MAX_SHORT_OCTETS if is_part else MAX_SINGLE_OCTETS[data_coding])
    source = part.src or settings.src_id
    is_number = source.isdigit()
    return SubmitSm(
        service_type=settings.service_type,
        source_addr_ton=settings.source_ton if is_number else Ton.ALPHANUMERIC,
        source_addr_npi=settings.source_npi if is_number else 0,
        source_addr=source,
        dest_addr_ton=settings.dest_ton,
        dest_addr_npi=settings.dest_npi,
        destination_addr=part.to,
        esm_class=UDHI if is_part and not by_sar else 0,
        priority_flag=settings.urgent_priority if part.urgent else 0,
        validity_period=_validity(part.valid_until, settings, now),
        registered_delivery=1,
        data_coding=data_coding,
        short_message=b"" if in_payload else content,
        sar_msg_ref_num=segment.reference if by_sar else None,
        sar_total_segments=segment.total if by_sar else None,
        sar_segment_seqnum=segment.number if by_sar else None,
        message_payload=content if in_payload else None,
    )


def _validity(until: datetime | None, settings: SmppLinkSettings, now: datetime) -> str:
    if until is None or settings.validity == "none":
        return ""
    return validity.absolute(until) if settings.validity == "absolute" else validity.relative(until, now)


def answer_of(event: events.SubmitAnswered, settings: SmppLinkSettings) -> Answer:
    """What the SMSC's answer means."""
    if event.status == Status.ROK:
        return Answer(outcome=Outcome.ACCEPTED, ref=msgid.answered(event.message_id, _form(settings)))
    result = f"{name_of(event.status)}{', by generic_nack' if event.nacked else ''}"
    if event.status == Status.RINVBNDSTS:  # it does not know our login any more
        return Answer(outcome=Outcome.UNSENT, result=result)
    outcome = Outcome.BUSY if event.status in BUSY else Outcome.REFUSED
    return Answer(outcome=outcome, result=result, elsewhere=event.status in ELSEWHERE)


def report_of(event: events.Reported, settings: SmppLinkSettings) -> Report:
    """``stat`` with the error behind it, where there is one; ``done_at`` is None where it cannot be read."""
    found = event.receipt
    has_err = found.err and found.fate is not Fate.DELIVERED
    return Report(
        ref=msgid.reported(found.text_id, found.tlv_id, _form(settings)),
        state=_STATES[found.fate],
        stat=f"{found.stat} {found.err}" if has_err else found.stat,
        to=event.message.source_addr,
        done_at=receipt.done_at(found.done_at, ZoneInfo(settings.timezone)),
    )


def mo_of(message: Incoming, settings: SmppLinkSettings, ref: str) -> Mo:
    """A message from a handset, or one part of it: by its user data header, or by its sar_ TLVs."""
    part = part_of(message.esm_class & UDHI, message.content)
    reference, number, total = part.reference, part.number, part.total
    if total == 1 and message.sar_total_segments is not None:
        found = message.sar_msg_ref_num or 0, message.sar_segment_seqnum or 0, message.sar_total_segments
        if 1 <= found[1] <= found[2] <= 255:
            reference, number, total = found
    return Mo(
        ref=ref,
        sender=_sender(message),
        to=message.destination_addr,
        text=text.text_of(message.data_coding, part.body, text.Default(settings.default_alphabet)),
        reference=reference,
        number=number,
        total=total,
    )


def _sender(message: Incoming) -> str:
    """The number that type 1 says to be international may lack its plus, which tells it from a national one."""
    number = message.source_addr
    is_international = message.source_addr_ton == Ton.INTERNATIONAL and number.isascii() and number.isdigit()
    return f"+{number}" if is_international and not number.startswith("0") else number


def _form(settings: SmppLinkSettings) -> msgid.IdForm:
    return msgid.IdForm(settings.message_id)
