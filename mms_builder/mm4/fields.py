"""How a message's header fields are declared: a frozen dataclass whose annotations name the fields, once."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from email.header import Header as EncodedWords
from email.utils import format_datetime
from enum import StrEnum
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from caiyou.mime import addresses, date, decode_header
from mms_builder.mm4.codes import RequestStatus, status_of
from mms_builder.mm7 import times
from mms_builder.mm7.address import Address, Kind
from mms_builder.mm7.codes import MMStatus, word_of

_UNFIT = re.compile(r"[\x00-\x1f\x7f]")
_DECLARED: dict[type[Any], dict[str, Field]] = {}  # read once


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a message goes: ``domain`` stands behind numbers, ``quote`` puts ids in double quotes as Mbuni does."""

    from_domain: str
    to_domain: str
    quote: bool = True


@dataclass(frozen=True, slots=True)
class Field:
    """A line of text. ``also`` are other names that peers give it."""

    name: str
    required: bool = False
    also: tuple[str, ...] = ()

    def text(self, value: Any, way: Way) -> str:
        return one_line(str(value))

    def value(self, raw: bytes, forgave: list[str]) -> Any:
        return decode_header(raw)

    def unreadable(self, forgave: list[str]) -> None:
        forgave.append(f"an unreadable {self.name}")


class Id(Field):
    """An id, in double quotes or not."""

    def text(self, value: Any, way: Way) -> str:
        plain = one_line(str(value))
        if '"' in plain or "\\" in plain:
            raise ValueError(f"{self.name} holds a quote or a backslash")
        return f'"{plain}"' if way.quote else plain

    def value(self, raw: bytes, forgave: list[str]) -> str:
        text = decode_header(raw)
        return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] == '"' else text


class Subject(Field):
    """Text of people: encoded words (RFC 2047) from us; from peers raw UTF-8 too, as Mbuni has it."""

    def text(self, value: Any, way: Way) -> str:
        plain = " ".join(str(value).split())
        if plain.isascii() and len(plain) < 60 and "=?" not in plain:
            return one_line(plain)
        words = EncodedWords(_UNFIT.sub("", plain), "utf-8", header_name=self.name)
        return words.encode(linesep="\r\n")


class YesNo(Field):
    def text(self, value: Any, way: Way) -> str:
        return "Yes" if value else "No"

    def value(self, raw: bytes, forgave: list[str]) -> bool | None:
        plain = decode_header(raw).lower()
        if plain not in ("yes", "no", "true", "false", "1", "0"):
            self.unreadable(forgave)
            return None
        return plain in ("yes", "true", "1")


class Number(Field):
    def value(self, raw: bytes, forgave: list[str]) -> int | None:
        plain = decode_header(raw)
        if plain.isascii() and plain.isdigit() and len(plain) < 10:
            return int(plain)
        self.unreadable(forgave)
        return None


class Date(Field):
    """A time as RFC 5322 has it; a duration in seconds."""

    def text(self, value: Any, way: Way) -> str:
        if isinstance(value, timedelta):
            if value < timedelta():
                raise ValueError(f"{self.name} lies in the past")
            return str(round(value.total_seconds()))
        if value.tzinfo is None:
            raise ValueError(f"{self.name} without a zone")
        return format_datetime(value)

    def value(self, raw: bytes, forgave: list[str]) -> datetime | timedelta | None:
        plain = decode_header(raw)
        if plain.isascii() and plain.isdigit() and len(plain) < 10:
            return timedelta(seconds=int(plain))
        found = date(raw) or times.time_of(plain, UTC)
        if found is None:
            self.unreadable(forgave)
        return found


class Moment(Date):
    """A time only."""

    def value(self, raw: bytes, forgave: list[str]) -> datetime | None:
        found = Date.value(self, raw, forgave)
        return found if isinstance(found, datetime) else None


class Request(Field):
    """X-Mms-Request-Status-Code."""

    def value(self, raw: bytes, forgave: list[str]) -> RequestStatus:
        status = status_of(decode_header(raw))
        if status is None:
            self.unreadable(forgave)
        return status or RequestStatus.UNSPECIFIED


@dataclass(frozen=True, slots=True)
class Word(Field):
    """One of ``kind``."""

    kind: type[StrEnum] = MMStatus

    def value(self, raw: bytes, forgave: list[str]) -> StrEnum | None:
        word = word_of(self.kind, decode_header(raw))
        if word is None:
            self.unreadable(forgave)
        return word or word_of(self.kind, "Indeterminate")


class From(Field):
    """An ``Address | None``."""

    def text(self, value: Any, way: Way) -> str:
        return mailbox(value, way.from_domain)

    def value(self, raw: bytes, forgave: list[str]) -> Address | None:
        return next(iter(_places(self, raw, forgave)), None)


class To(Field):
    """A tuple of ``Address``."""

    def text(self, value: Any, way: Way) -> str:
        return ",\r\n ".join(mailbox(address, way.to_domain) for address in value)

    def value(self, raw: bytes, forgave: list[str]) -> tuple[Address, ...]:
        return tuple(_places(self, raw, forgave))


def _places(kind: Field, raw: bytes, forgave: list[str]) -> list[Address]:
    found = []
    for name, address in addresses(raw):
        try:
            found.append(Address.parse(address or name))
        except ValueError:
            kind.unreadable(forgave)
    return found


def mailbox(address: Address, domain: str) -> str:
    """An address as MM4 has it: ``13900139000/TYPE=PLMN@domain``; raises ValueError for what is none."""
    whole = address.value if address.kind is Kind.MAIL else f"{address.plmn}@{domain}"
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]{1,64}@[A-Za-z0-9.\-]{1,253}", whole):
        raise ValueError("an address that mail cannot carry")
    return whole


def one_line(text: str) -> str:
    """``text`` as it may stand in a header; raises ValueError for control characters and what is not ASCII."""
    if _UNFIT.search(text) or not text.isascii():
        raise ValueError(f"{text[:40]!r} does not fit into a header")
    return text


def declared(cls: type[Any]) -> dict[str, Field]:
    """The header fields of a message by attribute, in order."""
    if cls not in _DECLARED:
        hints = get_type_hints(cls, include_extras=True)
        _DECLARED[cls] = {
            one.name: next(kind for kind in get_args(hints[one.name]) if isinstance(kind, Field))
            for one in fields(cls)
            if get_origin(hints[one.name]) is Annotated
        }
    return _DECLARED[cls]
