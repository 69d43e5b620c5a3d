"""Settings of an SMGP link."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mail2sms.settings.link import CarrierTable


class SmgpLinkSettings(CarrierTable):
    """An SMGP 3.0.3 login at an SMGW. Timers: SMGP 3.0.3, 4.2.1 (C, T, N, W)."""

    type: Literal["smgp"] = "smgp"
    port: int = Field(8890, ge=1, le=65535)
    client_id: str = Field(pattern=r"^[!-~]{1,8}$", description="ClientID of the login")
    login_mode: int = Field(2, ge=0, le=2, description="0 send, 1 receive (nothing goes over it), 2 both on one link")
    msg_src: str = Field("", pattern=r"^[!-~]{0,8}$", description="MsgSrc, the SP's code; empty: not sent")
    service_id: str = Field("", pattern=r"^[!-~]{0,10}$", description="业务代码, agreed with the carrier")
    m_service_id: str = Field("", pattern=r"^[!-~]{0,21}$", description="MServiceID; empty: not sent")
    fee_type: str = Field("00", pattern=r"^[0-9]{2}$", description="收费类型; 00 is free of charge")
    fee_code: str = Field("000000", pattern=r"^[0-9]{1,6}$", description="资费代码, in fen")
    fixed_fee: str = Field("000000", pattern=r"^[0-9]{1,6}$", description="包月费/封顶费, in fen")
    charge_term_id: str = Field("", pattern=r"^[0-9]{0,21}$", description="计费用户号码; empty: the receiver")
    priority: int = Field(1, ge=0, le=3, description="of messages that are not urgent")
    urgent_priority: int = Field(3, ge=0, le=3)
    valid_time: Literal["absolute", "relative"] = Field("absolute", description="how ValidTime is written")
    strict_auth: bool = Field(False, description="refuse an SMGW whose AuthenticatorServer is wrong")

    @property
    def account_name(self) -> str:
        """What MsgIDs are unique in."""
        return self.account or self.client_id
