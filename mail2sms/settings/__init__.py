"""Table ``[sms]``: the routes, the links, and how long a short message may wait.

A link is a login at a carrier; its ``type`` says which protocol it speaks and so which keys it has.
"""

from __future__ import annotations

import socket
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, IPvAnyNetwork, StringConstraints, field_validator, model_validator

from caiyou.settings import Table, WrongAt
from mail2sms.settings.cmpp import CmppLinkSettings
from mail2sms.settings.http import HttpLinkSettings
from mail2sms.settings.link import HostPort
from mail2sms.settings.mo import MoSettings
from mail2sms.settings.modem import ModemLinkSettings
from mail2sms.settings.route import NAME, ChoiceTable, Prefix, Route, mainland
from mail2sms.settings.sgip import SgipLinkSettings
from mail2sms.settings.smgp import SmgpLinkSettings
from mail2sms.settings.smpp import SmppLinkSettings

# Every link type, told apart by ``type``.
LinkSettings = Annotated[
    CmppLinkSettings | HttpLinkSettings | ModemLinkSettings | SgipLinkSettings | SmgpLinkSettings | SmppLinkSettings,
    Field(discriminator="type"),
]


class SmsSettings(Table):
    """Notifications and the gateway."""

    default_route: str = Field("default", pattern=NAME, description="of what no choice leads elsewhere")
    routes: dict[Annotated[str, StringConstraints(pattern=NAME)], Route] = Field(
        {}, description="route = its links in order of preference, or a table"
    )
    choices: list[ChoiceTable] = Field([], description="which messages take which route; the first that holds decides")
    carriers: dict[str, list[Prefix]] = Field(
        default_factory=mainland, description="carrier = its number ranges, E.164 without +; the longest prefix decides"
    )
    ported: Path | None = Field(None, description="file of numbers that moved, made by `caiyou sms ported`")
    subscriber_month_fen: int = Field(0, ge=0, description="what a subscriber's SMS may cost in a month; 0: no cap")
    domain_month_fen: int = Field(0, ge=0, description="what a domain's SMS may cost in a month; 0: no cap")
    links: dict[Annotated[str, StringConstraints(pattern=NAME)], LinkSettings] = Field(
        {}, description="link = its login at a carrier"
    )
    gateway: str = Field(
        "",
        validate_default=True,
        description="this gateway's name: the same after a restart, another on every host; empty: HOSTNAME:gw",
    )
    validity_s: float = Field(24 * 3600.0, gt=0, le=7 * 24 * 3600, description="an older notification is not sent")
    backlog: int = Field(512, ge=1, le=100_000, description="messages of one route taken from Redis ahead of sending")
    flow_tries: int = Field(30, ge=1, le=1000, description="submits of one part refused for flow control, then failed")
    stick_s: float = Field(120.0, ge=0, description="how long a half-sent long message waits for its own link")
    report_ttl_s: int = Field(72 * 3600, ge=60, description="how long a delivery report may take")
    early_report_ttl_s: int = Field(3600, ge=1, description="how long a report is kept whose message is not known yet")
    callback_listen: HostPort = Field(
        "",
        description="HOST:PORT where HTTP providers call us back, at /callback/LINK; empty: nowhere",
    )
    metrics_listen: HostPort = Field(
        "",
        description="HOST:PORT where Prometheus finds /metrics, without a password; empty: nowhere",
    )
    callback_rate: float = Field(500.0, gt=0, le=1e6, description="callbacks a second from one address")
    callback_proxies: list[IPvAnyNetwork] = Field([], description="networks whose X-Forwarded-For is believed")
    mo_parts_s: float = Field(300.0, gt=0, le=86_400, description="how long parts of a long MO wait for the others")
    mo: MoSettings = Field(default_factory=lambda: MoSettings.model_validate({}))
    notices_per_hour: int = Field(6, ge=0, description="mails to one sender that say an SMS could not go (N1); 0: none")

    @field_validator("gateway")
    @classmethod
    def _has_a_name(cls, name: str) -> str:
        return name or f"{socket.gethostname()}:gw"

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        for route, table in self.routes.items():
            for link in table.links:
                _is_in(self.links, link, "sms.links", ("routes", route))
            if table.then:
                _is_in(self.routes, table.then, "sms.routes", ("routes", route, "then"))
        for route in self.routes:
            self._no_circle(route)
        if self.routes:
            _is_in(self.routes, self.default_route, "sms.routes", ("default_route",))
        for place, choice in enumerate(self.choices):
            _is_in(self.routes, choice.route, "sms.routes", ("choices", place, "route"))
            if choice.carrier:
                _is_in(self.carriers, choice.carrier, "sms.carriers", ("choices", place, "carrier"))
        return self

    def _no_circle(self, first: str) -> None:
        passed = [first]
        while then := self.routes[passed[-1]].then:
            if then in passed:
                raise WrongAt(("routes", passed[-1], "then"), f"leads in a circle: {' → '.join([*passed, then])}")
            passed.append(then)


def _is_in(known: Collection[str], name: str, where: str, loc: tuple[str | int, ...]) -> None:
    if name not in known:
        raise WrongAt(loc, f"{name} is not in {where} (known: {', '.join(sorted(known)) or 'none'})")
