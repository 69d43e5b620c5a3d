"""What the simulated SMG does wrong, by order: the JSON document behind ``/smg/faults``; see ``faults``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.carriers.faults import Copies, Count, Octet, Seconds, Share


class SmgFaults(BaseModel):
    """All off by default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # the SP's connections
    accept_connections: bool = True  # false: each new connection is closed at once
    refuse_login: Octet = 0  # Result that every BIND gets; 0: the lawful one
    welcome_then_close: bool = False  # a wrong password gets Result 0, and then the connection is closed
    ignore_second_bind: bool = False  # else it gets Result 2
    max_links: Annotated[int, Field(ge=1, le=1000)] = 16  # one more gets Result 3
    silent: bool = False  # nothing is read and nothing written, the connection stands; false: it goes on
    cut_idle_s: Annotated[float, Field(gt=0, le=3600)] = 60.0  # idle connections (new ones) are cut after so long
    disconnect_after: Count = 0  # the connection is cut at its n-th SUBMIT, which is taken and not answered
    disconnect_share: Share = 0.0  # the same at some SUBMITs

    # answers to SUBMIT
    answer_delay_s: Seconds = 0.0
    drop_answers: Share = 0.0  # taken and not answered
    refuse_result: Octet = 0  # Result for the SUBMITs that the next two pick; 0: none
    refuse_share: Share = 1.0
    refuse_numbers: list[str] = []  # to one of these numbers; empty: to any
    max_per_s: Count = 0  # messages in a second; more get ``over_result``; 0: no limit
    over_result: Octet = 88  # SMSGate's over-speed; the text's busy is 11

    # reports
    reports: bool = True
    report_delay_s: Seconds = 0.2
    report_jitter_s: Seconds = 0.0  # up to so much more, at random: reports change their order
    report_state: Octet = 0
    report_error: Octet = 0
    report_errors: dict[str, Octet] = {}  # number: ErrorCode of a REPORT with State 2, for single phones
    report_before_answer: bool = False  # the answer comes 0.2 s behind the report
    report_copies: Copies = 1  # each with a sequence number of its own
    report_same_sequence: bool = False  # the same REPORT once more with the same sequence number
    report_other_content: bool = False  # another REPORT with the same sequence number
    report_empty_number: bool = False

    # where reports and messages from handsets go
    send_down: Literal["listener", "submit"] = "listener"  # submit: down the very connection the SP bound for SUBMIT
    wrong_password: bool = False  # our own at the SP's listener

    # messages from handsets
    mo_part_characters: Annotated[int, Field(ge=0, le=67)] = 0  # cut every MO into parts of so many; 0: as needed
    mo_udhi: Annotated[int, Field(ge=1, le=255)] = 1  # TP_udhi of the parts
    mo_copies: Copies = 1
