"""What all sessions share. Everything in it may be used by several threads at a time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from caiyou.outbox import Outbox
from caiyou_milter.facts import Blacklist, Facts, Usage
from caiyou_milter.settings import MilterSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """``folder`` takes the content of messages too large for memory."""

    settings: MilterSettings
    facts: Facts
    blacklist: Blacklist
    usage: Usage
    outbox: Outbox
    folder: Path
