"""What the simulated HTTP provider does wrong, by order: the JSON document behind ``/provider/faults``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.carriers.faults import Copies, Count, Seconds, Share, Stat


class ProviderFaults(BaseModel):
    """All off by default. A share is that part of the requests, chosen at random."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # the connection
    accept_connections: bool = True  # false: nothing listens
    drop_answers: Share = 0.0  # taken, and the connection is cut instead of an answer
    drop_requests: Share = 0.0  # the same, and not taken

    # answers
    answer_delay_s: Seconds = 0.0
    status: Annotated[int, Field(ge=0, le=599)] = 0  # this status to those that ``share`` picks; 0: none
    taken: bool = False  # they are taken all the same
    retry_after_s: Count = 0  # beside a status or a "busy"
    refuse: Literal["", "login", "busy", "number", "credit"] = ""  # as the interface says it, to those picked
    share: Share = 1.0
    refuse_numbers: list[str] = []  # picks only these; empty: any
    max_per_s: Count = 0  # requests in a second; more are "busy"; 0: no limit
    answer: Literal["", "html", "garbled", "empty", "huge", "drip"] = ""  # taken, and answered so with status 200

    # reports and messages from handsets
    reports: bool = True
    report_delay_s: Seconds = 0.2
    report_jitter_s: Seconds = 0.0
    report_stat: Stat = "DELIVRD"
    report_stats: dict[str, Stat] = {}  # number: stat, for single phones
    report_before_answer: bool = False  # the answer comes 0.2 s behind the report
    report_copies: Copies = 1
    report_empty_number: bool = False
    forge_callbacks: bool = False  # with a wrong token or signature
    callback_age_s: Seconds = 0.0  # signed as if so old
    mo_copies: Copies = 1
