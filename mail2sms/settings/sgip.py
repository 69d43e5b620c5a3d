"""Settings of an SGIP link."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from mail2sms.settings.link import CarrierTable, HostPort

LOGIN_NAME = r"^[!-~]{1,16}$"


class SgipLinkSettings(CarrierTable):
    """An SGIP 1.2 login at an SMG, and our own listener for what it sends (text, 3.1 and 3.7).

    Without ``listen`` there is only the direction of submit; the link then stays bound, since some SMGs report down it.
    """

    type: Literal["sgip"] = "sgip"
    port: int = Field(8801, ge=1, le=65535)
    node: int = Field(ge=1, le=0xFFFF_FFFF, description="源节点编号 of the SP: 3, area code, corp_id, like 3010099999")
    corp_id: str = Field(pattern=r"^[0-9A-Za-z]{1,5}$", description="企业代码")
    name: str = Field(pattern=LOGIN_NAME, description="name of our login at the SMG; secret_file holds its password")
    listen: HostPort = Field("", description="HOST:PORT where the SMG binds to us; empty: it does not")
    listen_name: str = Field("", description="name of the SMG's login with us")
    listen_secret_file: Path | None = Field(None, description="password of the SMG's login with us")
    listen_most: int = Field(16, ge=1, le=1000, description="connections of the SMG at one time")
    service_type: str = Field("", pattern=r"^[!-~]{0,10}$", description="业务代码, agreed with the carrier")
    charge_number: str = Field(
        "0" * 21, pattern=r"^[0-9]{0,21}$", description="付费号码: 21 zeros the SP pays, empty the receiver"
    )
    fee_type: int = Field(1, ge=0, le=255, description="计费类型: 0 channel, 1 free, 2 each, 3 monthly, 4 by the SP")
    fee_value: str = Field("0", pattern=r"^[0-9]{1,6}$", description="收费值, in fen")
    given_value: str = Field("0", pattern=r"^[0-9]{1,6}$", description="赠送话费, in fen")
    agent_flag: int = Field(0, ge=0, le=1, description="代收费标志: 0 due, 1 received")
    urgent_priority: int = Field(9, ge=0, le=9, description="优先级 of urgent messages; others have 0")
    window: int = Field(32, ge=1, le=32, description="submits without an answer")
    answer_s: float = Field(30.0, gt=0, le=600, description="how long to wait for an answer")
    idle_s: float = Field(
        45.0, gt=0, le=3600, description="we unbind after so long without traffic, and bind when needed; SMGs cut at 60"
    )

    @property
    def account_name(self) -> str:
        """What refs are unique in."""
        return self.account or str(self.node)

    @property
    def listen_at(self) -> tuple[str, int] | None:
        """Host and port of our listener."""
        host, _, port = self.listen.rpartition(":")
        return (host.strip("[]"), int(port)) if self.listen else None

    @model_validator(mode="after")
    def _smg_proves_itself(self) -> Self:
        if self.listen and (not re.match(LOGIN_NAME, self.listen_name) or self.listen_secret_file is None):
            raise ValueError("listen needs listen_name (1-16 characters) and listen_secret_file")
        return self
