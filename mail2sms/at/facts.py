"""What the procedures share: how a modem is to be used, what is known of it, and the one way to ask it something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from mail2sms.at import codes
from mail2sms.at.dialogue import Command, Kind, Reply
from mail2sms.at.events import Event
from mail2sms.pdu.address import Address

MAX_HUNG = 2


class Hung(Exception):
    """The modem did not answer in time; it ends a procedure, and only the session sees it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Instead of a command: wait so long; None: until the PIN is there."""

    seconds: float | None


Steps = Generator[Command | Pause, Reply, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How a modem is used. ``memory``: where it stores, empty: as it stands; ``extra``: more commands at the start."""

    centre: Address | None = None
    memory: str = ""
    extra: tuple[str, ...] = ()
    command_s: float = 10.0
    prompt_s: float = 10.0
    answer_s: float = 90.0
    watch_s: float = 30.0
    search_s: float = 5.0


@dataclass(slots=True)
class Facts:
    """What is known of the modem on this connection."""

    config: Config
    emit: Callable[[Event], None]
    memory: str = ""  # selected for reading
    received_in: str = ""
    reports_stored: bool = False
    phase_2_plus: bool = False  # handed-over messages want an answer
    renew_indications: bool = False
    pin: str | None = None
    sim: str = ""
    registration: int | None = None
    why_not: str = "starting"
    one_memory: bool = False  # the modem knows nothing of several
    hung: Counter[str] = field(default_factory=Counter)
    pending: dict[tuple[str, int], str] = field(default_factory=dict)  # told and not acknowledged: place to PDU
    tries: dict[tuple[str, int], int] = field(default_factory=dict)  # of what could not be read

    @property
    def usable(self) -> bool:
        """SIM open and on the network."""
        return self.sim == "READY" and self.registration in (None, *codes.REGISTERED)


def ask(facts: Facts, text: str, *, timeout_s: float = 0.0, lists: bool = False) -> Generator[Command, Reply, Reply]:
    """One command; raises Hung."""
    if facts.hung[text] >= MAX_HUNG:
        return Reply(kind=Kind.ERROR)
    reply = yield Command(text=text, timeout_s=timeout_s or facts.config.command_s, lists=lists)
    if reply.kind is Kind.SILENT:
        facts.hung[text] += 1
        raise Hung(text.partition("=")[0])
    facts.hung.pop(text, None)
    return reply
