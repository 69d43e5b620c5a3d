"""What the seam says, as SGIP writes it, and the other way round. Numbers on the wire begin with 86."""

from __future__ import annotations

from mail2sms.content import part_of, text_of
from mail2sms.links import Answer, Mo, MtPart, Outcome, Report, ReportState
from mail2sms.settings.sgip import SgipLinkSettings
from mail2sms.sgip import events, pdu
from mail2sms.sgip.codes import PASSING, ReportFlag, Result, State, words_of
from mail2sms.sgip.sequence import ref_of, time_of

# What is wrong with our account at this SMG, not with the message.
OUR_FAULT = frozenset(
    {
        Result.LOGIN,
        Result.LOGIN_TYPE,
        Result.MESSAGE_ID,
        Result.SEQUENCE,
        Result.ROUTE,
        Result.NO_ROUTE,
        Result.CHARGE_REFUSED,
    }
)
STATES: dict[int, ReportState] = {State.OK: ReportState.DELIVERED, State.WAITING: ReportState.PENDING}


def submit_of(part: MtPart, settings: SgipLinkSettings) -> pdu.Submit:
    """The SUBMIT for a part: to one number, since reports have no key but its sequence number."""
    segment = part.segment
    return pdu.Submit(
        sp_number=part.src or settings.src_id,
        charge_number=settings.charge_number,
        user_numbers=(part.to,),
        corp_id=settings.corp_id,
        service_type=settings.service_type,
        fee_type=settings.fee_type,
        fee_value=settings.fee_value,
        given_value=settings.given_value,
        agent_flag=settings.agent_flag,
        priority=settings.urgent_priority if part.urgent else 0,
        expire_time=time_of(part.valid_until) if part.valid_until else "",
        report_flag=ReportFlag.ALWAYS,
        tp_udhi=int(segment.total > 1),
        message_coding=segment.msg_fmt,
        message_content=segment.udh + segment.body,
    )


def answer_of(event: events.Answered) -> Answer:
    """What the SMG's Result means for a part."""
    if event.result == Result.OK:
        return Answer(outcome=Outcome.ACCEPTED, ref=ref_of(event.sequence_id))
    if event.result in PASSING:
        return Answer(outcome=Outcome.BUSY, result=words_of(event.result))
    elsewhere = event.result in OUR_FAULT
    return Answer(outcome=Outcome.REFUSED, result=words_of(event.result), elsewhere=elsewhere)


def report_of(report: pdu.Report) -> Report:
    """``stat``: ``ok``, ``waiting``, or ``25 out of reach``; the number is empty with some SMGs."""
    state = STATES.get(report.state, ReportState.FAILED)
    return Report(ref=report.submit_sequence.hex(), state=state, stat=stat_of(report), to=report.user_number)


def stat_of(report: pdu.Report) -> str:
    """State and ErrorCode for people."""
    if report.state in (State.OK, State.WAITING):
        return State(report.state).name.lower()
    return words_of(report.error_code) if report.state == State.FAILED else f"state {report.state}"


def mo_of(sequence_id: int, deliver: pdu.Deliver) -> Mo:
    """A message from a handset, or one part of it."""
    part = part_of(deliver.tp_udhi, deliver.message_content)
    return Mo(
        ref=ref_of(sequence_id),
        sender=deliver.user_number,
        to=deliver.sp_number,
        text=text_of(deliver.message_coding, part.body),
        reference=part.reference,
        number=part.number,
        total=part.total,
    )
