"""Settings of a GSM modem."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mail2sms.settings.link import LinkTable

Command = Annotated[str, StringConstraints(pattern=r"^AT[ -~]{1,200}$")]


class ModemLinkSettings(LinkTable):
    """A GSM modem on a serial line or USB, with its SIM. It sends one message at a time."""

    type: Literal["modem"] = "modem"
    device: str = Field(
        pattern=r"^/\S+$",
        description="its file, best one in /dev/serial/by-id, which stays when it is plugged elsewhere; * and ? match",
    )
    baud: int = Field(115_200, ge=300, le=4_000_000)
    flow_control: bool = Field(False, description="RTS/CTS, for modems on a real serial line")
    pin_file: Path | None = Field(
        None, description="file with the SIM's PIN; a PIN that was refused is not tried again"
    )
    state_dir: Path = Field(Path("/var/spool/caiyou"), description="where it is noted that a PIN was refused")
    src_id: str = Field("", pattern=r"^[0-9]{0,21}$", description="the SIM's own number, which messages to it show")
    account: str = Field("", description="what references of messages are unique in; default: the link's name")
    smsc: str = Field(
        "", pattern=r"^(\+?[0-9]{3,20})?$", description="service centre; empty: the one that the SIM knows"
    )
    init: list[Command] = Field([], max_length=20, description="more commands at the start")
    memory: Literal["", "SM", "ME", "MT"] = Field("", description="where it stores what comes in; empty: as it stands")
    country_prefix: str = Field(
        "", pattern=r"^[0-9]{0,4}$", description="numbers that begin so are dialled the national way; empty: none"
    )
    national_prefix: str = Field("", pattern=r"^[0-9]{0,4}$", description="what stands before a national number")
    reports: bool = Field(True, description="ask for delivery reports")
    poll_s: float = Field(30.0, ge=1, le=3600, description="how often signal, network and memory are looked at")
    search_s: float = Field(5.0, ge=0.2, le=600, description="the same while there is no network")
    command_s: float = Field(10.0, ge=0.2, le=120, description="how long to wait for the answer to a command")
    prompt_s: float = Field(10.0, ge=0.2, le=120, description="how long to wait until it takes a message")
    answer_s: float = Field(90.0, ge=1, le=600, description="how long to wait for the network's answer to a message")
    refused_s: float = Field(60.0, gt=0, le=86_400, description="pause after a SIM that cannot be opened")
    reconnect_max_s: float = Field(10.0, gt=0, le=3600)

    @property
    def window(self) -> int:
        """One message at a time."""
        return 1
