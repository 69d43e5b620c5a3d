"""What the lines of an answer say (3GPP TS 27.005, 27.007). Lenient: what cannot be read is None or left out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mail2sms.at.codes import REGISTRATION

_CPIN = re.compile(r"\+CPIN: *\"?([A-Z0-9 -]+?)\"?$")
_NUMBERS = re.compile(r"\+[A-Z]+: *(\d+)(?:, *(\d+))?")
_QUOTED = re.compile(r'"([^"]*)"')
_MEMORY = re.compile(r'"([A-Z]{2})", *(\d+), *(\d+)')
_PLACE = re.compile(r'\+(?:CMTI|CDSI): *"?([A-Z]{2})"?, *(\d+)')
_LISTED = re.compile(r'\+CMGL: *(\d+), *(\d+), *(?:"[^"]*"|[^,]*)?, *(\d+)')
_READ = re.compile(r'\+CMGR: *(\d+), *(?:"[^"]*"|[^,]*)?, *(\d+)')
_LENGTH = re.compile(r"(\d+) *$")
RECEIVED = frozenset({0, 1})  # unread, read; 2 and 3 are our own, unsent and sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A stored message: where, of which state (0-3), octets of its TPDU."""

    index: int
    stat: int
    octets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A memory for messages and how full it is."""

    name: str
    used: int
    size: int


def sim_of(lines: Iterable[str]) -> str | None:
    """``READY``, ``SIM PIN``, ``SIM PUK`` and so on."""
    return next((found[1] for line in lines if (found := _CPIN.match(line))), None)


def registration_of(lines: Iterable[str]) -> int | None:
    """State of registration; the last line that has the shape of an answer counts, others are unsolicited."""
    state = None
    for line in lines:
        found = _NUMBERS.match(line)
        if found and found[2] and int(found[2]) in REGISTRATION:
            state = int(found[2])
    return state


def first_number(lines: Iterable[str]) -> int | None:
    """The first number of the first line: the signal of +CSQ, the reference of +CMGS."""
    return next((int(found[1]) for line in lines if (found := _NUMBERS.match(line))), None)


def operator_of(lines: Iterable[str]) -> str | None:
    """The operator's name."""
    return next((found[1].strip() for line in lines if (found := _QUOTED.search(line))), None)


def memories_of(lines: Iterable[str]) -> list[Memory]:
    """Up to three: for reading, for writing, for what is received."""
    return [
        Memory(name=name, used=int(used), size=int(size))
        for line in lines
        for name, used, size in _MEMORY.findall(line)
        if len(used) < 6 and len(size) < 6
    ]


def place_of(line: str) -> tuple[str, int] | None:
    """Memory and index of +CMTI and +CDSI."""
    found = _PLACE.match(line)
    return (found[1], int(found[2])) if found and len(found[2]) < 6 else None


def listed_of(line: str) -> Listed | None:
    """A line of +CMGL."""
    found = _LISTED.match(line)
    if not found or len(found[1]) > 5 or len(found[3]) > 5:
        return None
    return Listed(index=int(found[1]), stat=int(found[2][:2]), octets=int(found[3]))


def read_of(line: str, index: int) -> Listed | None:
    """The line of +CMGR for ``index``."""
    found = _READ.match(line)
    if not found or len(found[2]) > 5:
        return None
    return Listed(index=index, stat=int(found[1][:2]), octets=int(found[2]))


def length_of(line: str) -> int | None:
    """The octets that +CMT or +CDS announces."""
    found = _LENGTH.search(line)
    return int(found[1]) if found and len(found[1]) < 6 else None
