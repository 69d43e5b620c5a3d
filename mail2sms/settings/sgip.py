"""Settings of an SGIP link."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mail2sms.settings.link import CarrierTable


class SgipLinkSettings(CarrierTable):
    """An SGIP 1.2 login at an SMG, and our own listener for what it sends."""

    type: Literal["sgip"] = "sgip"
    port: int = Field(8801, ge=1, le=65535)

    @property
    def account_name(self) -> str:
        """What refs are unique in."""
        return self.account or self.host
