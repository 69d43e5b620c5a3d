"""Settings of what is answered to handsets."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from caiyou.settings import Table

Ending = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,21}$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=20, strip_whitespace=True)]


class MoSettings(Table):
    """Messages from handsets (MO) and their answers (I6, I7)."""

    numbers: dict[Ending, Literal["card", "notices"]] = Field(
        {"8878": "card"},
        description="how one of our numbers ends = what answers there: card makes cards, notices (all others) helps",
    )
    keywords: dict[Literal["stop", "start", "help", "new", "show", "cancel"], list[Word]] = Field(
        {}, description="command = more words for it, beside the built-in Chinese and English ones"
    )
    templates: int = Field(8, ge=1, le=9999, description="cards are made from templates 1 to this")
    remind_s: float = Field(600.0, ge=1, le=86_400, description="silence after which a card begun is reminded of")
    end_s: float = Field(600.0, ge=1, le=86_400, description="more silence, and it is dropped")
    help_every_s: int = Field(600, ge=0, le=86_400, description="one phone gets unasked help that often at most")
    replies_per_day: int = Field(60, ge=0, description="answers to one phone in a day (UTC) at most")
    validity_s: float = Field(3600.0, gt=0, le=86_400, description="an older answer is not sent")
