"""What the simulated SMG makes of a SUBMIT: its Result, its journal record, the reports that follow."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime
from typing import Any

from mail2sms.content import MsgFmt, part_of, text_of
from mail2sms.sgip.codes import ReportFlag, Result, State
from mail2sms.sgip.pdu import MAX_ASCII_OCTETS, MAX_OCTETS, MAX_USERS, Report, Submit
from mail2sms.sgip.sequence import OCTETS, parts_of, ref_of
from sandbox.carriers.phones import number_or_empty
from sandbox.carriers.smg_faults import SmgFaults

_TIME = re.compile(r"|\d{12}\d\d\d[+-]", re.ASCII)  # empty, or yymmddhhmmsstnnp


def result_of(submit: Submit, sequence_id: int, node: int, corp_id: str, faults: SmgFaults) -> int:
    """The Result of a SUBMIT, by its fields and the faults; flow control aside."""
    numbers = submit.user_numbers
    if parts_of(sequence_id)[0] != node:
        return Result.SEQUENCE
    if submit.corp_id != corp_id or not submit.sp_number.isdigit() or not 1 <= len(numbers) <= MAX_USERS:
        return Result.PARAMETER
    if not _TIME.fullmatch(submit.expire_time) or not _TIME.fullmatch(submit.schedule_time) or submit.priority > 9:
        return Result.PARAMETER
    if not all(number.startswith("86") and number_or_empty(number) == number for number in numbers):
        return Result.NUMBER
    if len(submit.message_content) > (MAX_ASCII_OCTETS if submit.message_coding == MsgFmt.ASCII else MAX_OCTETS):
        return Result.LENGTH
    if faults.refuse_result and random.random() < faults.refuse_share:  # noqa: S311  # chance, not secrecy
        refused = {number_or_empty(number) for number in faults.refuse_numbers}
        if not refused or refused.intersection(numbers):
            return faults.refuse_result
    return Result.OK


def reports_of(submit: Submit, sequence_id: int, faults: SmgFaults) -> list[tuple[float, Report]]:
    """Seconds from now and report, for each number and each copy."""
    errors = {number_or_empty(number): error for number, error in faults.report_errors.items()}
    found = []
    for number in submit.user_numbers:
        state, error = faults.report_state, faults.report_error
        if number in errors:
            state, error = State.FAILED, errors[number]
        wanted = submit.report_flag == ReportFlag.ALWAYS or (
            submit.report_flag == ReportFlag.ON_ERROR and state == State.FAILED
        )
        if not wanted or not faults.reports:
            continue
        report = Report(
            submit_sequence=sequence_id.to_bytes(OCTETS, "big"),
            user_number="" if faults.report_empty_number else number,
            state=state,
            error_code=error,
        )
        for _ in range(faults.report_copies):
            jitter_s = random.random() * faults.report_jitter_s  # noqa: S311
            found.append((faults.report_delay_s + jitter_s, report))
    return found


def record_of(submit: Submit, sequence_id: int, result: int) -> dict[str, Any]:
    """What the journal says of a SUBMIT and its answer; ``content`` is MessageContent in hexadecimal digits."""
    part = part_of(submit.tp_udhi, submit.message_content)
    return {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "src_id": submit.sp_number,
        "to": [number_or_empty(number) or number for number in submit.user_numbers],
        "sequence": ref_of(sequence_id),
        "result": result,
        "text": text_of(submit.message_coding, part.body),
        "part": part.number,
        "parts": part.total,
        "reference": part.reference,
        "msg_fmt": submit.message_coding,
        "tp_udhi": submit.tp_udhi,
        "content": submit.message_content.hex(),
        "charge_number": submit.charge_number,
        "service_type": submit.service_type,
        "fee_type": submit.fee_type,
        "fee_value": submit.fee_value,
        "priority": submit.priority,
        "expire_time": submit.expire_time,
        "report_flag": submit.report_flag,
    }
