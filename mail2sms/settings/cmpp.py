"""Settings of a CMPP link."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from mail2sms.settings.link import CarrierTable


class CmppLinkSettings(CarrierTable):
    """A CMPP login at an ISMG. Timers: CMPP 3.0, 7.1 (C, T, N, W)."""

    type: Literal["cmpp"] = "cmpp"
    port: int = Field(7890, ge=1, le=65535)
    version: Literal["2.0", "2.1", "3.0"] = "3.0"
    sp_id: str = Field(pattern=r"^[!-~]{1,6}$", description="企业代码, the Source_Addr of the login")
    service_id: str = Field("", pattern=r"^[!-~]{0,10}$", description="业务代码, agreed with the carrier")
    fee_user_type: int = Field(
        2, ge=0, le=3, description="计费用户类型: 0 the receiver pays, 1 the sender, 2 the SP, 3 fee_terminal_id"
    )
    fee_terminal_id: str = Field("", pattern=r"^[0-9]{0,21}$", description="被计费用户的号码, for fee_user_type 3")
    fee_terminal_type: int = Field(0, ge=0, le=1, description="3.0: 0 fee_terminal_id is a number, 1 a pseudonym")
    fee_type: str = Field("01", pattern=r"^[0-9]{2}$", description="资费类别; 01 is free of charge")
    fee_code: str = Field("000000", pattern=r"^[0-9]{1,6}$", description="资费代码, in fen")
    urgent_level: int = Field(1, ge=0, le=9, description="信息级别 of urgent messages; others have 0")
    tp_pid: int = Field(0, ge=0, le=255, description="GSM TP-PID of every message")
    pad_sp_id: bool = Field(False, description="hash sp_id padded to 6 octets; differs only where it is shorter")
    answers_last_part_only: bool = Field(
        False, description="the ISMG joins long messages and answers the part that makes one whole for all of it"
    )
    strict_auth: bool = Field(False, description="refuse an ISMG whose AuthenticatorISMG is wrong (many real ones are)")

    @model_validator(mode="after")
    def _who_pays_is_named(self) -> Self:
        if self.fee_user_type == 3 and not self.fee_terminal_id:
            raise ValueError("fee_user_type 3 needs fee_terminal_id")
        return self

    @property
    def account_name(self) -> str:
        """What msg_ids are unique in."""
        return self.account or self.sp_id
