"""Addresses: digits or letters with their type (3GPP TS 23.040, 9.1.2.5), and the service centre before a TPDU."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from caiyou.errors import ProtocolError
from caiyou.wire import Reader
from mail2sms.pdu import septets
from mail2sms.segment import Coding

MAX_DIGITS = 20
_DIGITS = "0123456789*#abc"  # semi-octet F fills


class Ton(IntEnum):
    """Type of number."""

    UNKNOWN = 0
    INTERNATIONAL = 1
    NATIONAL = 2
    NETWORK = 3
    SUBSCRIBER = 4
    ALPHANUMERIC = 5
    ABBREVIATED = 6
    RESERVED = 7


ISDN = 1  # numbering plan E.164


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """``text``: digits (``*#abc`` too), or letters of the default alphabet where ``ton`` says so; ``npi`` 0-15."""

    text: str
    ton: Ton = Ton.INTERNATIONAL
    npi: int = ISDN

    @property
    def written(self) -> str:
        """As people write it: a plus before an international number."""
        return f"+{self.text}" if self.ton is Ton.INTERNATIONAL else self.text

    @property
    def type_octet(self) -> int:
        return 0x80 | self.ton << 4 | self.npi


def written(text: str) -> Address:
    """The address of a number as people write it: ``+`` makes it international, else its type is unknown."""
    return Address(text=text.removeprefix("+"), ton=Ton.INTERNATIONAL if text.startswith("+") else Ton.UNKNOWN)


def alphanumeric(text: str) -> Address:
    """A sender of letters, at most 11."""
    return Address(text=text, ton=Ton.ALPHANUMERIC, npi=0)


def encode(address: Address, name: str) -> bytes:
    """Length in semi-octets, type, value; raises ValueError that names the field."""
    if address.ton is Ton.ALPHANUMERIC:
        codes = Coding.GSM7.encode(address.text)
        value, length = septets.pack(codes), (len(codes) * 7 + 3) // 4
    else:
        value, length = _semi_octets(address.text, name), len(address.text)
    if length > MAX_DIGITS:
        raise ValueError(f"{name}: {length} semi-octets, {MAX_DIGITS} fit")
    return bytes((length, address.type_octet)) + value


def decode(reader: Reader, name: str) -> Address:
    """Read one; raises ProtocolError where it is cut."""
    length = reader.uint(1, f"length of {name}")
    ton, npi = _type_of(reader.uint(1, f"type of {name}"))
    octets = reader.octets((length + 1) // 2, name)
    if ton is Ton.ALPHANUMERIC:
        return Address(text=septets.text_of(septets.unpack(octets, length * 4 // 7)), ton=ton, npi=npi)
    return Address(text=_digits(octets)[:length], ton=ton, npi=npi)


def encode_centre(address: Address | None) -> bytes:
    """The service centre before a TPDU, its length in octets (27.005, 3.1); None: the one that the SIM knows."""
    if address is None:
        return b"\0"
    value = bytes((address.type_octet,)) + _semi_octets(address.text, "service centre")
    return bytes((len(value),)) + value


def decode_centre(reader: Reader) -> Address | None:
    """Read it; raises ProtocolError where it is cut."""
    size = reader.uint(1, "length of service centre")
    if not size:
        return None
    if size > 1 + MAX_DIGITS // 2 + 1:
        raise ProtocolError(f"service centre: {size} octets, at most 12 are allowed")
    octets = reader.octets(size, "service centre")
    ton, npi = _type_of(octets[0])
    return Address(text=_digits(octets[1:]), ton=ton, npi=npi)


def _type_of(octet: int) -> tuple[Ton, int]:
    return Ton(octet >> 4 & 7), octet & 15


def _semi_octets(text: str, name: str) -> bytes:
    codes = [_DIGITS.find(char) for char in text]
    if -1 in codes:
        raise ValueError(f"{name}: {len(text)} characters, not all of them digits")  # no number in a log
    if len(codes) % 2:
        codes.append(15)
    return bytes([low | high << 4 for low, high in zip(codes[::2], codes[1::2], strict=True)])


def _digits(octets: bytes) -> str:
    codes = [code for octet in octets for code in (octet & 15, octet >> 4)]
    return "".join([_DIGITS[code] for code in codes if code != 15])
