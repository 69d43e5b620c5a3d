"""What a simulated carrier where SPs log in does wrong, by order: the JSON document behind ``/ismg/faults``.

``PUT`` replaces the whole set (keys left out return to their defaults), ``PATCH`` changes the keys given. A share is
0-1: that part of the SUBMITs, chosen at random.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=3600)]
Count = Annotated[int, Field(ge=0)]
Octet = Annotated[int, Field(ge=0, le=255)]
Copies = Annotated[int, Field(ge=1, le=10)]
Stat = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,7}$")]


class Faults(BaseModel):
    """All off by default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # the link
    accept_connections: bool = True  # false: each new connection is closed at once
    refuse_login: Octet = 0  # Status that every CONNECT gets; 0: the lawful one
    max_links: Annotated[int, Field(ge=1, le=1000)] = 16  # of one account; one more gets Status 5
    silent: bool = False  # nothing is read and nothing written, the connection stands; false: it goes on
    disconnect_after: Count = 0  # the link is cut at its n-th SUBMIT, which is taken and not answered
    disconnect_share: Share = 0.0  # the same at some SUBMITs
    test_every_s: Annotated[float, Field(gt=0, le=3600)] = 180.0  # own ACTIVE_TEST after so much silence (new links)

    # answers to SUBMIT
    answer_delay_s: Seconds = 0.0
    drop_answers: Share = 0.0  # taken and not answered
    refuse_result: Octet = 0  # Result for the SUBMITs that the next two pick; 0: none
    refuse_share: Share = 1.0
    refuse_numbers: list[str] = []  # to one of these numbers; empty: to any
    join_long: bool = False  # of a long message only the part that makes it whole is answered, and reported
    max_per_s: Count = 0  # messages of one account in a second; more get Result 8; 0: no limit

    # reports
    reports: bool = True
    report_delay_s: Seconds = 0.2
    report_jitter_s: Seconds = 0.0  # up to so much more, at random: reports change their order
    report_stat: Stat = "DELIVRD"
    report_stats: dict[str, Stat] = {}  # number: stat, for single phones
    report_link: Literal["any", "same", "other"] = "any"  # of the account's links
    report_before_answer: bool = False  # the answer comes 0.2 s behind the report
    report_copies: Copies = 1
    report_empty_number: bool = False

    # on the way to the phone
    hold_s: Seconds = 0.0  # it comes so much later; until then CANCEL withdraws it, and its validity may end

    # messages from handsets
    mo_part_characters: Annotated[int, Field(ge=0, le=67)] = 0  # cut every MO into parts of so many; 0: as needed
    mo_udhi: Annotated[int, Field(ge=1, le=255)] = 1  # TP_udhi of the parts; a carrier was seen to send 64
    mo_copies: Copies = 1
