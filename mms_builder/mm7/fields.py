"""How a message's fields are declared, and how they become elements and come back.

A message is a frozen dataclass whose annotations name the elements, in the schema's order, once::

    linked_id: Annotated[str, Text("LinkedID")] = ""

A field that is None or empty is not written. ``required`` ones must be there in what we send; in what we read a
missing one is forgiven.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from lxml import etree

from mms_builder.mm7 import soap, times
from mms_builder.mm7.address import Address, Kind
from mms_builder.mm7.codes import NUMBERS, MMStatus, ReadStatus, word_of
from mms_builder.mm7.dialect import Dialect

_TRUE = {"true", "1", "yes", "requested"}
_FALSE = {"false", "0", "no"}
_DECLARED: dict[type[Any], dict[str, Element]] = {}  # read once


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Whose XML it is, and what was forgiven while it was read."""

    dialect: Dialect
    forgave: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Element:
    """``also`` are other names that peers give it, ``only`` the flag of the dialect without which it is not written."""

    name: str
    required: bool = False
    also: tuple[str, ...] = ()
    only: str = ""

    def write(self, parent: etree._Element, value: Any, context: Context) -> None:
        _add(parent, self.name).text = soap.clean(self.text(value, context))

    def text(self, value: Any, context: Context) -> str:
        return str(value)

    def read(self, parent: soap.Node, context: Context) -> Any:
        found = parent.children(self.name, *self.also)
        return None if not found else self.value(soap.text_of(found[0]), context)

    def value(self, text: str, context: Context) -> Any:
        return text

    def unreadable(self, context: Context) -> None:
        """The value is not repeated: it may be a number or a text of people's."""
        context.forgave.append(f"an unreadable {self.name}")


class Text(Element):
    """A ``str`` of one line."""


class Whole(Element):
    """An ``int``; 0 is none."""

    def value(self, text: str, context: Context) -> int | None:
        digits = text.removeprefix("-").removeprefix("+")
        if digits.isascii() and digits.isdigit() and len(digits) < 12:
            return int(text)
        self.unreadable(context)
        return None


class Flag(Element):
    """A ``bool | None``."""

    def text(self, value: Any, context: Context) -> str:
        return "true" if value else "false"

    def value(self, text: str, context: Context) -> bool | None:
        plain = text.lower()
        if plain not in _TRUE | _FALSE:
            self.unreadable(context)
            return None
        return plain in _TRUE


class Time(Element):
    """A ``datetime | None``, aware."""

    def text(self, value: Any, context: Context) -> str:
        return times.written(value, context.dialect.zone)

    def value(self, text: str, context: Context) -> datetime | timedelta | None:
        return self._found(times.time_of(text, context.dialect.zone), context)

    def _found(self, found: datetime | timedelta | None, context: Context) -> datetime | timedelta | None:
        if found is None:
            self.unreadable(context)
        return found


class When(Time):
    """A ``datetime | timedelta | None``: a time, or how long from now."""

    def value(self, text: str, context: Context) -> datetime | timedelta | None:
        return self._found(times.time_of(text, context.dialect.zone) or times.duration_of(text), context)


@dataclass(frozen=True, slots=True)
class Word(Element):
    """One of ``kind`` or None. ``backup`` is where third parties put the word if not here."""

    kind: type[StrEnum] = MMStatus
    backup: str = ""

    def text(self, value: Any, context: Context) -> str:
        if context.dialect.numeric_status and self.kind in (MMStatus, ReadStatus) and value in NUMBERS[self.kind]:
            return str(NUMBERS[self.kind].index(value))
        return str(value)

    def read(self, parent: soap.Node, context: Context) -> StrEnum | None:
        unknown = False
        for found in parent.children(self.name, *self.also, *filter(None, [self.backup])):
            text = soap.text_of(found)
            if word := word_of(self.kind, text):
                return word
            self.unreadable(context)
            unknown = unknown or bool(text)
        return word_of(self.kind, "Indeterminate") if unknown else None


class Place(Element):
    """An ``Address | None``."""

    def write(self, parent: etree._Element, value: Any, context: Context) -> None:
        node = _add(parent, self.name)
        if self.name == "SenderAddress" and context.dialect.plain_sender:
            node.text = soap.clean(value.value)
        else:
            _put(node, value)

    def read(self, parent: soap.Node, context: Context) -> Address | None:
        found = [address for node in parent.children(self.name, *self.also) for address in _taken(node, context)]
        return found[0] if found else None


class Places(Element):
    """A tuple of ``Address``: in one element, or in one element each."""

    def write(self, parent: etree._Element, value: Any, context: Context) -> None:
        node = _add(parent, self.name)
        for address in value:
            _put(node, address)

    def read(self, parent: soap.Node, context: Context) -> tuple[Address, ...]:
        return tuple(address for node in parent.children(self.name) for address in _taken(node, context))


@dataclass(frozen=True, slots=True)
class Group(Element):
    """A dataclass of its own. Some peers leave the element around its fields out."""

    holds: type[Any] = object

    def write(self, parent: etree._Element, value: Any, context: Context) -> None:
        node = _add(parent, self.name)
        write_fields(node, value, context)
        if not len(node):
            parent.remove(node)

    def read(self, parent: soap.Node, context: Context) -> Any:
        found = parent.children(self.name)
        if not found and parent.children(*(kind.name for kind in declared(self.holds).values())):
            context.forgave.append(f"no {self.name} around its fields")
            found = [parent.element]
        return self.holds(**read_fields(found[0], self.holds, context)) if found else None


def _add(parent: etree._Element, name: str) -> etree._Element:
    space = soap.namespace(parent)
    return etree.SubElement(parent, f"{{{space}}}{name}" if space else name)


def _put(parent: etree._Element, address: Address) -> None:
    node = _add(parent, address.kind.value)
    node.text = soap.clean(address.value)
    if address.display_only:
        node.set("displayOnly", "true")


def _taken(node: etree._Element, context: Context) -> list[Address]:
    """Addresses in an element: named ones, or else its text."""
    found: list[Address] = []
    inside = soap.Node(node)
    for kind in Kind:
        for child in inside.children(kind.value):
            display_only = soap.attribute(child, "displayOnly").strip().lower() in _TRUE
            found += _address(soap.text_of(child), context, kind, display_only)
    if not found and not len(node) and (text := soap.text_of(node)):
        if not context.dialect.plain_sender:
            context.forgave.append("an address without its kind")
        found = _address(text, context)
    return found


def _address(text: str, context: Context, kind: Kind | None = None, display_only: bool = False) -> list[Address]:
    try:
        parsed = Address.parse(text)
    except ValueError:
        context.forgave.append("an empty or unreadable address")
        return []
    if kind is None or kind is parsed.kind is Kind.MAIL:
        return [parsed]
    if kind is Kind.MAIL and "/type=plmn" not in text.lower():
        return [Address(kind=kind, value=parsed.value, display_only=display_only)]
    return [Address(kind=Kind.NUMBER if kind is Kind.MAIL else kind, value=parsed.value, display_only=display_only)]


def declared(cls: type[Any]) -> dict[str, Element]:
    """The fields of a message by name, in order."""
    if cls in _DECLARED:
        return _DECLARED[cls]
    hints = get_type_hints(cls, include_extras=True)
    found = {}
    for one in fields(cls):
        hint = hints[one.name]
        if get_origin(hint) is Annotated:
            found[one.name] = next(kind for kind in get_args(hint) if isinstance(kind, Element))
    _DECLARED[cls] = found
    return found


def write_fields(parent: etree._Element, message: Any, context: Context) -> None:
    """Add each field's element; raises ValueError for a required one that is missing."""
    for name, kind in declared(type(message)).items():
        value = getattr(message, name)
        if value is None or value == "" or value == () or (isinstance(kind, Whole) and not value):
            if kind.required:
                raise ValueError(f"{type(message).__name__} without {kind.name}")
        elif not kind.only or getattr(context.dialect, kind.only):
            kind.write(parent, value, context)


def read_fields(parent: etree._Element, cls: type[Any], context: Context) -> dict[str, Any]:
    """The fields that are there, by name."""
    found, node = {}, soap.Node(parent)
    for name, kind in declared(cls).items():
        value = kind.read(node, context)
        if value is not None:
            found[name] = value
    return found
