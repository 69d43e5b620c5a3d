"""How an HTTP link stands, by how its last requests went. See ``mail2sms.links.http`` for the rules."""

from __future__ import annotations

import asyncio

from mail2sms.provider.answer import Reading
from mail2sms.settings.http import Verdict

FAILED = (Verdict.UNSURE, Verdict.DOWN)


class Health:
    """Whether requests may go, by how the last ones went."""

    def __init__(self, most_failures: int) -> None:
        self._most = most_failures
        self.changed = asyncio.Event()
        self.open = self.on_trial = self.refused = self.went_well = False
        self.why = ""
        self.failed = 0  # in a row
        self.used = 0
        self.pause_s = 0.0

    def begin(self) -> None:
        """Open; on trial where the last closing asked for it."""
        self.changed.clear()
        self.open, self.refused, self.went_well = True, False, False
        self.failed, self.pause_s, self.why = 0, 0.0, ""

    def close(self, why: str, *, refused: bool = False, on_trial: bool = False, pause_s: float = 0.0) -> None:
        """Nothing goes any more; what is under way is still answered. ``on_trial``: begin with one message."""
        if self.open:
            self.open, self.why, self.refused, self.on_trial, self.pause_s = False, why, refused, on_trial, pause_s
            self.changed.set()

    def note(self, reading: Reading) -> None:
        """How an attempt went."""
        self.used += 1
        verdict, result = reading.verdict, reading.answer.result
        if verdict is Verdict.LOGIN:
            self.close(result, refused=True, on_trial=True)
        elif verdict in FAILED:
            self.failed += 1
            if self.on_trial or self.failed >= self._most or (verdict is Verdict.DOWN and reading.reached):
                self.close(result, on_trial=self.on_trial or reading.reached)
        else:
            self.failed, self.went_well = 0, True
            if reading.pause_s:
                self.close(f"it asks for a pause of {reading.pause_s:.0f} s", pause_s=reading.pause_s)
            elif self.on_trial:
                self.on_trial = False
                self.changed.set()
