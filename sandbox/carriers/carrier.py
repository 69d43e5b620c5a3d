"""What every simulated carrier offers, so that the page and the tests treat them alike."""

from __future__ import annotations

from typing import Any, Protocol

from pydantic import BaseModel

from sandbox.carriers.journal import Journal


class Carrier(Protocol):
    """One simulated carrier; its ``name`` is the first part of its paths (``/ismg/faults``)."""

    name: str
    journal: Journal

    async def start(self, host: str) -> str:
        """Listen on that address; where, for people: ``cmpp=127.0.0.1:7890``. Raises OSError."""

    async def run(self) -> None:
        """Do what is due, until cancelled."""

    async def stop(self) -> None:
        """End every link in order and close."""

    @property
    def faults(self) -> BaseModel:
        """What it does wrong now."""

    def set_faults(self, faults: Any) -> None:
        """Do these wrong from now on; ``faults`` is of the class of ``faults``."""

    def status(self) -> dict[str, Any]:
        """Links, counts, results."""

    def disconnect(self, *, in_order: bool = False) -> int:
        """Cut every link, or end it as the protocol does; how many there were."""

    def forget(self) -> int:
        """Forget reports and MO that wait; how many."""

    def mo(self, number: str, to: str, text: str) -> dict[str, Any]:
        """A handset sends a message. Raises InputError, NotFound."""
