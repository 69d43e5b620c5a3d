"""Table ``[sms]``: the routes, the links, and how long a short message may wait.

A link is a login at a carrier; its ``type`` says which protocol it speaks and so which keys it has.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from caiyou.settings import Table

NAME = r"^[a-z0-9][a-z0-9_.-]{0,63}$"


class CmppLinkSettings(Table):
    """A CMPP login at an ISMG. Timers: CMPP 3.0, 7.1 (C, T, N, W)."""

    type: Literal["cmpp"] = "cmpp"
    host: str
    port: int = Field(7890, ge=1, le=65535)
    version: Literal["2.0", "3.0"] = "3.0"
    sp_id: str = Field(pattern=r"^[!-~]{1,6}$", description="企业代码, the Source_Addr of the login")
    secret_file: Path
    src_id: str = Field(pattern=r"^[0-9]{1,21}$", description="the number that handsets see")
    service_id: str = Field("", pattern=r"^[!-~]{0,10}$", description="业务代码, agreed with the carrier")
    fee_type: str = Field("01", pattern=r"^[0-9]{2}$", description="资费类别; 01 is free of charge")
    fee_code: str = Field("000000", pattern=r"^[0-9]{1,6}$", description="资费代码, in fen")
    account: str = Field("", description="links whose reports may come on each other share one; default: the sp_id")
    window: int = Field(16, ge=1, le=1024, description="W: submits without an answer")
    rate: float = Field(0.0, ge=0, le=100_000, description="submits a second at most; 0: as fast as the window allows")
    idle_s: float = Field(180.0, gt=0, le=3600, description="C: an active test after so long without traffic")
    answer_s: float = Field(60.0, gt=0, le=600, description="T: how long to wait for an answer")
    tries: int = Field(3, ge=1, le=10, description="N: how often an unanswered request is sent")
    connect_s: float = Field(10.0, gt=0, le=120)
    reconnect_s: float = Field(1.0, gt=0, le=600, description="first pause before connecting again; doubles")
    reconnect_max_s: float = Field(60.0, gt=0, le=3600)
    refused_s: float = Field(300.0, gt=0, le=86_400, description="pause after a refused login: no hammering")
    strict_auth: bool = Field(False, description="refuse an ISMG whose AuthenticatorISMG is wrong (many real ones are)")

    @property
    def account_name(self) -> str:
        """What msg_ids are unique in."""
        return self.account or self.sp_id


LinkSettings = CmppLinkSettings  # a union told apart by ``type`` as soon as there is a second


class SmsSettings(Table):
    """Notifications and the gateway."""

    default_route: str = Field("default", pattern=NAME)
    routes: dict[str, list[str]] = Field({}, description="route = its links in order of preference")
    links: dict[str, LinkSettings] = Field({}, description="link = its login at a carrier")
    gateway: str = Field(
        default_factory=lambda: f"{socket.gethostname()}:gw",
        description="this gateway's name among all: the same after a restart, another on every host",
    )
    validity_s: float = Field(24 * 3600.0, gt=0, le=7 * 24 * 3600, description="an older notification is not sent")
    backlog: int = Field(512, ge=1, le=100_000, description="messages of one route taken from Redis ahead of sending")
    flow_tries: int = Field(30, ge=1, le=1000, description="submits of one part refused for flow control, then failed")
    stick_s: float = Field(120.0, ge=0, description="how long a half-sent long message waits for its own link")
    report_ttl_s: int = Field(72 * 3600, ge=60, description="how long a delivery report may take")
    early_report_ttl_s: int = Field(3600, ge=1, description="how long a report is kept whose message is not known yet")
    mo_parts_s: float = Field(300.0, gt=0, le=86_400, description="how long parts of a long MO wait for the others")
    notices_per_hour: int = Field(6, ge=0, description="mails to one sender that say an SMS could not go (N1); 0: none")

    @model_validator(mode="after")
    def _routes_name_links(self) -> Self:
        for route, links in self.routes.items():
            if not links:
                raise ValueError(f"route {route} has no link")
            if len(set(links)) != len(links):
                raise ValueError(f"route {route} names a link twice")
            for link in links:
                if link not in self.links:
                    known = ", ".join(sorted(self.links)) or "none"
                    raise ValueError(f"route {route} names link {link}, which is not in sms.links (known: {known})")
        if self.routes and self.default_route not in self.routes:
            known = ", ".join(sorted(self.routes))
            raise ValueError(f"default_route {self.default_route} is not in sms.routes (known: {known})")
        return self
