"""What the simulated modem does wrong, by order: the JSON document behind ``/modem/faults``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.carriers.faults import Copies, Count, Octet, Seconds, Share

Pin = Annotated[str, Field(pattern=r"^([0-9]{4,8})?$")]


class ModemFaults(BaseModel):
    """All off by default. A share is 0-1: that part, chosen at random."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # the device
    plugged: bool = True  # false: its file is gone until it is true again
    replug_s: Seconds = 0.3  # after ``disconnect`` it comes back so late
    octets_per_s: Count = 0  # how fast it writes; 0: as fast as it can
    garbage: Share = 0.0  # lines with noise before them
    dead: bool = False  # it answers nothing at all

    # the dialogue
    echo: Literal["", "always", "never"] = ""  # whatever ATE says
    errors: list[str] = []  # commands that begin so (``+CSMS=1``) are ERROR; ``AT``: the bare one, as phonesim
    silent: list[str] = []  # commands that begin so get no answer
    empty_is_error: bool = False  # +CMGL of an empty memory is +CMS ERROR: 321, as phonesim
    unsolicited: Share = 0.0  # answers with lines in between that nobody asked for
    hang_share: Share = 0.0  # +CMGS without a prompt, and deaf until ESC
    late_prompt_s: Seconds = 0.0

    # SIM and network
    sim: bool = True
    pin: Pin = ""  # what the SIM wants; a new one locks it with three attempts left
    puk: bool = False  # it is locked for good
    registration: Annotated[int, Field(ge=0, le=10)] = 1
    signal: Annotated[int, Field(ge=0, le=255)] = 20
    storage_size: Annotated[int, Field(ge=0, le=255)] = 20

    # answers to a message
    answer_delay_s: Seconds = 0.0
    drop_answers: Share = 0.0  # taken and not answered
    send_error: Count = 0  # +CMS ERROR for the messages that the next two pick; 0: none
    send_error_share: Share = 1.0
    send_error_numbers: list[str] = []  # to one of these; empty: to any

    # reports
    reports: bool = True
    report_delay_s: Seconds = 0.2
    report_jitter_s: Seconds = 0.0
    report_missing: Share = 0.0
    report_st: Octet = 0
    report_sts: dict[str, Octet] = {}  # number: status, for single phones
    report_number: Literal["same", "international", "plain", "national", "zero"] = "same"
    report_before_answer: bool = False
    report_copies: Copies = 1
    mr: Literal["own", "zero"] = "own"  # zero: each reference is 0

    # messages from handsets
    mo_part_characters: Annotated[int, Field(ge=0, le=67)] = 0
    mo_reference_bits: Literal[8, 16] = 8
    mo_copies: Copies = 1
