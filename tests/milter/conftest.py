"""What the milter's plain tests share: real settings, checks and outbox; a directory of values; no server."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from caiyou.directory.model import Domain, Resolution, Subscriber
from caiyou.errors import DirectoryDown
from caiyou.events import Event
from caiyou.outbox import Outbox, waiting_events
from caiyou.settings import Settings
from caiyou_milter.facts import Blacklist
from caiyou_milter.services import Services
from caiyou_milter.session import Session
from caiyou_milter.settings import MilterSettings


@dataclass
class Known:
    """The seams Facts and Usage, answered from values; the real ones are tested live, in flows/."""

    resolutions: dict[str, Resolution] = field(default_factory=dict)
    domains: dict[str, Domain] = field(default_factory=dict)
    subscribers: dict[str, Subscriber] = field(default_factory=dict)
    blacklist: set[str] = field(default_factory=set)
    used: dict[str, int] = field(default_factory=dict)
    down: bool = False
    asked: list[str] = field(default_factory=list)

    def resolve(self, address: str) -> Resolution:
        self._ask(f"resolve {address}")
        known = self.resolutions.get(address)
        return known or Resolution(address=address, domain=self.domains.get(address.rpartition("@")[2]))

    def domain(self, name: str) -> Domain | None:
        self._ask(f"domain {name}")
        return self.domains.get(name)

    def subscriber(self, mailbox_or_address: str) -> Subscriber | None:
        self._ask(f"subscriber {mailbox_or_address}")
        return self.subscribers.get(mailbox_or_address)

    def blacklisted(self, address: str = "", ip: str = "") -> str | None:
        self._ask(f"blacklisted {address}{ip}")
        return next((entry for entry in self.blacklist if entry in (address, ip)), None)

    def used_bytes(self, mailbox: str) -> int | None:
        return self.used.get(mailbox)

    def add(self, *mailboxes: Subscriber) -> None:
        """Mailboxes that receive under their own names, in domains that are known or new."""
        for mailbox in mailboxes:
            domain = self.domains.setdefault(mailbox.domain, Domain(name=mailbox.domain))
            self.subscribers[mailbox.mailbox] = mailbox
            self.resolutions[mailbox.mailbox] = Resolution(
                address=mailbox.mailbox, domain=domain, subscribers=(mailbox,)
            )

    def _ask(self, question: str) -> None:
        self.asked.append(question)
        if self.down:
            raise DirectoryDown("no LDAP server answers")


@dataclass
class Bench:
    """One milter without servers: Redis is away, so that events and jobs are found in the spool file."""

    known: Known
    services: Services

    def session(self, daemon_name: str = "mx", client_ip: str = "192.0.2.1") -> Session:
        session = Session(self.services)
        session.connect(client_ip, daemon_name)
        return session

    @property
    def events(self) -> list[Event]:
        return list(waiting_events(self.services.folder))


@pytest.fixture
def settings(tmp_path: Path) -> MilterSettings:
    return MilterSettings.model_validate(
        {"clamd_socket": tmp_path / "clamd.sock", "scan_connect_timeout_s": 0.5, "scan_timeout_s": 1}
    )


@pytest.fixture
def make_bench(tmp_path: Path, settings: MilterSettings) -> Iterator[Callable[..., Bench]]:
    outboxes = []

    def make(**changes: object) -> Bench:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
        folder = tmp_path / "spool"
        text = f'[site]\nspool = "{folder}"\n[redis]\nurl = "redis://127.0.0.1:{port}/0"\n'
        outbox = Outbox(Settings(tmp_path / "caiyou.toml", text), "milter")
        outboxes.append(outbox)
        known = Known()
        services = Services(
            settings=settings.model_copy(update=changes),
            facts=known,
            blacklist=Blacklist(known, 10),
            usage=known,
            outbox=outbox,
            folder=folder,
        )
        return Bench(known=known, services=services)

    yield make
    for outbox in outboxes:
        outbox.close()


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()
