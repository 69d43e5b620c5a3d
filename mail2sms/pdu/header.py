"""The user data header: information elements (3GPP TS 23.040, 9.2.3.24). Reading is lenient: it never raises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from caiyou.errors import ProtocolError
from caiyou.wire import Reader


class Iei(IntEnum):
    """Kinds of information elements that we read."""

    CONCATENATED_8 = 0x00  # reference of one octet
    PORTS_8 = 0x04
    PORTS_16 = 0x05
    CONCATENATED_16 = 0x08  # reference of two octets


@dataclass(frozen=True, slots=True, kw_only=True)
class Concatenation:
    """Part ``number`` of ``total``; ``reference`` joins them, ``bits`` (8 or 16) is its size."""

    reference: int
    total: int
    number: int
    bits: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Application ports: 2948 (0B84h) receives WAP push."""

    destination: int
    origin: int


def elements(header: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and value of each element, up to the first that is cut."""
    reader = Reader(header)
    try:
        while reader.left:
            kind = reader.uint(1, "IEI")
            yield kind, reader.octets(reader.uint(1, "IEDL"), "IED")
    except ProtocolError:
        return


def concatenation(header: bytes) -> Concatenation | None:
    """Which part this is; None for a message of its own, or where the element makes no sense (it must be ignored)."""
    found = None
    for kind, value in elements(header):
        if (kind, len(value)) in ((Iei.CONCATENATED_8, 3), (Iei.CONCATENATED_16, 4)) and 1 <= value[-1] <= value[-2]:
            reference = int.from_bytes(value[:-2], "big")
            found = Concatenation(
                reference=reference, total=value[-2], number=value[-1], bits=8 if kind == Iei.CONCATENATED_8 else 16
            )  # the last one counts (9.2.3.24)
    return found


def ports(header: bytes) -> Ports | None:
    """Where the message goes within the phone; None: to its user."""
    found = None
    for kind, value in elements(header):
        if (kind, len(value)) in ((Iei.PORTS_8, 2), (Iei.PORTS_16, 4)):
            half = len(value) // 2
            found = Ports(
                destination=int.from_bytes(value[:half], "big"),
                origin=int.from_bytes(value[half:], "big"),
            )
    return found


def element(part: Concatenation | Ports) -> bytes:
    """The octets of an element; ports are always written with 16 bits. Raises ValueError on what does not fit."""
    try:
        if isinstance(part, Ports):
            return bytes((Iei.PORTS_16, 4)) + part.destination.to_bytes(2, "big") + part.origin.to_bytes(2, "big")
        kind, size = (Iei.CONCATENATED_8, 1) if part.bits == 8 else (Iei.CONCATENATED_16, 2)
        return bytes((kind, size + 2)) + part.reference.to_bytes(size, "big") + bytes((part.total, part.number))
    except OverflowError:
        raise ValueError(f"{part} does not fit") from None
