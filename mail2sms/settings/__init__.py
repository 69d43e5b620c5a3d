"""Table ``[sms]``: the routes, the links, and how long a short message may wait.

A link is a login at a carrier; its ``type`` says which protocol it speaks and so which keys it has.
"""

from __future__ import annotations

import socket
from typing import Annotated, Self

from pydantic import Field, model_validator

from caiyou.settings import Table
from mail2sms.settings.cmpp import CmppLinkSettings
from mail2sms.settings.sgip import SgipLinkSettings

NAME = r"^[a-z0-9][a-z0-9_.-]{0,63}$"


# Every link type, told apart by ``type``.
LinkSettings = Annotated[CmppLinkSettings | SgipLinkSettings, Field(discriminator="type")]


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
