"""What the simulated ISMG decides on a SUBMIT: its Result, and the reports that follow."""

from __future__ import annotations

import random

from mail2sms.cmpp.codes import Result
from mail2sms.cmpp.msgid import nth
from mail2sms.cmpp.pdu import MAX_ASCII_OCTETS, MAX_DESTINATIONS, MAX_OCTETS, Report, Submit
from mail2sms.content import MsgFmt
from sandbox.carriers.faults import Faults
from sandbox.carriers.held import time_of
from sandbox.carriers.phones import number_or_empty


def result_of(submit: Submit, sp_id: str, faults: Faults) -> int:
    """The Result of a SUBMIT of that SP, by its fields and the faults; flow control aside."""
    numbers = submit.dest_terminal_ids
    if submit.msg_src != sp_id:
        return Result.MSG_SRC
    if not submit.src_id.isdigit():
        return Result.SRC_ID
    if not 1 <= len(numbers) <= MAX_DESTINATIONS or not all(map(number_or_empty, numbers)):
        return Result.DEST_TERMINAL_ID
    if len(submit.msg_content) > (MAX_ASCII_OCTETS if submit.msg_fmt == MsgFmt.ASCII else MAX_OCTETS):
        return Result.TOO_LONG
    if submit.valid_time and time_of(submit.valid_time) is None:
        return Result.STRUCTURE
    if faults.refuse_result and random.random() < faults.refuse_share:  # noqa: S311  # chance, not secrecy
        refused = {number_or_empty(number) for number in faults.refuse_numbers}
        if not refused or refused.intersection(map(number_or_empty, numbers)):
            return faults.refuse_result
    return Result.OK


def reports_of(submit: Submit, msg_id: int, faults: Faults, stamp: str, became: str = "") -> list[tuple[float, Report]]:
    """Seconds from now and report, for each number and each copy; ``stamp`` is YYMMDDHHMM.

    ``became``: the stat of a message that no phone got, whatever the faults say.
    """
    if not submit.registered_delivery or not faults.reports:
        return []
    stats = {number_or_empty(number): stat for number, stat in faults.report_stats.items()}
    found = []
    for index, number in enumerate(submit.dest_terminal_ids):
        report = Report(
            msg_id=nth(msg_id, index),
            stat=became or stats.get(number_or_empty(number), faults.report_stat),
            submit_time=stamp,
            done_time=stamp,
            dest_terminal_id="" if faults.report_empty_number else number,
            smsc_sequence=msg_id & 0xFFFF_FFFF,
        )
        for _ in range(faults.report_copies):
            jitter_s = random.random() * faults.report_jitter_s  # noqa: S311
            found.append((faults.report_delay_s + jitter_s, report))
    return found
