"""Settings of a CMPP link."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mail2sms.settings.link import CarrierTable


class CmppLinkSettings(CarrierTable):
    """A CMPP login at an ISMG. Timers: CMPP 3.0, 7.1 (C, T, N, W)."""

    type: Literal["cmpp"] = "cmpp"
    port: int = Field(7890, ge=1, le=65535)
    version: Literal["2.0", "3.0"] = "3.0"
    sp_id: str = Field(pattern=r"^[!-~]{1,6}$", description="企业代码, the Source_Addr of the login")
    service_id: str = Field("", pattern=r"^[!-~]{0,10}$", description="业务代码, agreed with the carrier")
    fee_type: str = Field("01", pattern=r"^[0-9]{2}$", description="资费类别; 01 is free of charge")
    fee_code: str = Field("000000", pattern=r"^[0-9]{1,6}$", description="资费代码, in fen")
    strict_auth: bool = Field(False, description="refuse an ISMG whose AuthenticatorISMG is wrong (many real ones are)")

    @property
    def account_name(self) -> str:
        """What msg_ids are unique in."""
        return self.account or self.sp_id
