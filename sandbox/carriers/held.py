"""Messages that the simulated ISMG has taken and no phone has yet: what CANCEL withdraws and a validity ends."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

_TIME = re.compile(r"(\d{12})\d(\d\d)([+-])", re.ASCII)  # SMPP 3.3: YYMMDDhhmmss, tenths, quarter hours, their sign


class Held:
    """By Msg_Id."""

    def __init__(self) -> None:
        self._messages: dict[int, tuple[asyncio.TimerHandle, Callable[[], None]]] = {}

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, msg_id: int, wait_s: float, arrive: Callable[[], None], withdrawn: Callable[[], None]) -> None:
        """Call ``arrive`` after ``wait_s``, or ``withdrawn`` when it is cancelled before."""

        def due() -> None:
            del self._messages[msg_id]
            arrive()

        self._messages[msg_id] = asyncio.get_running_loop().call_later(wait_s, due), withdrawn

    def cancel(self, msg_id: int) -> bool:
        """Withdraw a message; whether it was still here."""
        found = self._messages.pop(msg_id, None)
        if found is None:
            return False
        timer, withdrawn = found
        timer.cancel()
        withdrawn()
        return True


def time_of(text: str) -> datetime | None:
    """A ValId_Time; None where it is none."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    zone = timezone(timedelta(minutes=15 * int(f"{found[3]}{found[2]}")))
    try:
        return datetime.strptime(found[1], "%y%m%d%H%M%S").replace(tzinfo=zone)
    except ValueError:
        return None


class Whole:
    """Which parts of long messages have come, for an ISMG that joins them and answers once."""

    def __init__(self) -> None:
        self._parts: dict[tuple[object, ...], set[int]] = {}

    def completes(self, key: tuple[object, ...], number: int, total: int) -> bool:
        """Note part ``number`` of ``total``; whether all are here now."""
        parts = self._parts.setdefault(key, set())
        parts.add(number)
        if len(parts) < total:
            return False
        del self._parts[key]
        return True
