"""The memories of the simulated modem: messages at indexes from 1, as a SIM keeps them."""

from __future__ import annotations

from dataclasses import dataclass

UNREAD, READ, ALL = 0, 1, 4


@dataclass(slots=True)
class Slot:
    """A stored message; ``stat`` 0 unread, 1 read."""

    tpdu: bytes
    stat: int = UNREAD


class Store:
    """One memory of ``size`` slots."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.slots: dict[int, Slot] = {}

    def put(self, tpdu: bytes) -> int | None:
        """The index it got; None: full."""
        for index in range(1, self.size + 1):
            if index not in self.slots:
                self.slots[index] = Slot(tpdu)
                return index
        return None

    def listed(self, stat: int) -> list[tuple[int, Slot]]:
        """Index and slot of those in that state."""
        return [(index, slot) for index, slot in sorted(self.slots.items()) if stat in (ALL, slot.stat)]

    def delete(self, index: int, flag: int) -> bool:
        """+CMGD: one, or by flag the read ones (1-3) or all (4); false: no such index."""
        if flag == 0:
            return 1 <= index <= self.size and (self.slots.pop(index, None) is not None or True)
        for at, slot in list(self.slots.items()):
            if flag == ALL or slot.stat == READ:
                del self.slots[at]
        return True
