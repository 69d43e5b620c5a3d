"""What the settings of every link have, whatever it speaks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from caiyou.settings import Table


def _is_host_port(text: str) -> str:
    match = re.fullmatch(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+):(\d{1,5})", text)
    if text and (not match or not 0 < int(match[1]) < 65_536):
        raise ValueError("expected HOST:PORT, like 127.0.0.1:8801")
    return text


HostPort = Annotated[str, AfterValidator(_is_host_port)]  # or empty: nowhere


class LinkTable(Table):
    """Pace and pauses of a link."""

    rate: float = Field(0.0, ge=0, le=100_000, description="submits a second at most; 0: as fast as the window allows")
    reconnect_s: float = Field(1.0, gt=0, le=600, description="first pause before connecting again; doubles")
    reconnect_max_s: float = Field(60.0, gt=0, le=3600)
    refused_s: float = Field(300.0, gt=0, le=86_400, description="pause after a refused login: no hammering")


class CarrierTable(LinkTable):
    """A login over TCP at a carrier. Timers as the carriers' texts name them: C, T, N, W."""

    host: str = Field(pattern=r"^\S+$")
    port: int = Field(ge=1, le=65535)
    secret_file: Path
    src_id: str = Field(pattern=r"^[0-9]{1,21}$", description="the number that handsets see")
    account: str = Field("", description="links whose reports may come on each other share one; default: the login")
    window: int = Field(16, ge=1, le=1024, description="W: submits without an answer")
    idle_s: float = Field(180.0, gt=0, le=3600, description="C: an active test after so long without traffic")
    answer_s: float = Field(60.0, gt=0, le=600, description="T: how long to wait for an answer")
    tries: int = Field(3, ge=1, le=10, description="N: how often an unanswered request is sent")
    connect_s: float = Field(10.0, gt=0, le=120)
