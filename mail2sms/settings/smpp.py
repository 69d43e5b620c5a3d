"""Settings of an SMPP link."""

from __future__ import annotations

import zoneinfo
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from mail2sms.settings.link import CarrierTable


class SmppLinkSettings(CarrierTable):
    """An SMPP 3.4 login at an SMSC or aggregator. What he does not say is as most of them have it."""

    type: Literal["smpp"] = "smpp"
    port: int = Field(2775, ge=1, le=65535)
    system_id: str = Field(pattern=r"^[!-~]{1,15}$", description="name of the login; secret_file holds its password")
    system_type: str = Field("", pattern=r"^[!-~]{0,12}$")
    bind: Literal["transceiver", "pair"] = Field(
        "transceiver", description="one connection for both directions, or a transmitter and a receiver"
    )
    address_range: str = Field("", pattern=r"^[!-~]{0,40}$", description="our numbers, for SMSCs that ask for them")
    src_id: str = Field(
        pattern=r"^([0-9]{1,20}|[ -~]{1,11})$",
        description="what handsets see: a number, or 1-11 characters",
    )
    source_ton: int = Field(
        0, ge=0, le=6, description="type of our number (0 unknown, 1 international); letters have 5"
    )
    source_npi: int = Field(1, ge=0, le=18, description="plan of our number (0 unknown, 1 ISDN); letters have 0")
    dest_ton: int = Field(1, ge=0, le=6, description="type of the handset's number, which is E.164 without +")
    dest_npi: int = Field(1, ge=0, le=18)
    service_type: str = Field("", pattern=r"^[!-~]{0,5}$")
    latin: Literal[0, 1, 3, 8] = Field(
        0, description="data_coding of Latin texts: 0 the SMSC's default alphabet, 1 ASCII, 3 Latin-1, 8 UCS2"
    )
    default_alphabet: Literal["gsm", "ascii", "latin1"] = Field("gsm", description="what data_coding 0 means there")
    long: Literal["udh", "sar", "payload"] = Field(
        "udh", description="long messages: parts with a user data header, with sar_ TLVs; payload: whole, the SMSC cuts"
    )
    message_id: Literal["as_is", "folded", "hex_to_dec", "dec_to_hex"] = Field(
        "as_is",
        description="ids in answer and receipt: the same, but for case and zeros, hexadecimal and decimal, or reverse",
    )
    validity: Literal["relative", "absolute", "none"] = Field("relative", description="how validity_period is written")
    urgent_priority: int = Field(1, ge=0, le=3, description="priority_flag of urgent messages; others have 0")
    timezone: str = Field("UTC", description="the clock of the receipts' dates")
    tls: bool = False
    tls_ca_file: Path | None = Field(None, description="authorities that may vouch for the SMSC; default: the system's")
    idle_s: float = Field(30.0, gt=0, le=3600, description="enquire_link after so long without traffic")
    tries: int = Field(3, ge=1, le=10, description="enquire_links without an answer, then the connection is given up")

    @property
    def account_name(self) -> str:
        """What message ids are unique in."""
        return self.account or f"{self.system_id}@{self.host}"

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is no time zone, like Asia/Shanghai") from None
        return name

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.latin == 8 and self.long != "payload":  # messages are cut for 134 letters a part, UCS2 holds 67
            raise ValueError('latin = 8 needs long = "payload": parts hold more letters than fit in UCS2')
        if self.tls_ca_file is not None and not self.tls:
            raise ValueError("tls_ca_file without tls = true has no effect")
        return self
