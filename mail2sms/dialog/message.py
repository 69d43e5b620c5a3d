"""What goes into a dialogue and what comes out of it. Plain values: whoever answers does no I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

MAX_CARD_CHARACTERS = 2000  # of a draft's values as they are read back, however they got there


class Field(IntEnum):
    """The fields of a card by the digit that names them (I6)."""

    TEMPLATE = 1
    COMPANY = 2
    TITLE = 3
    NAME = 4
    CONTACT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A whole message from a handset."""

    id: str
    number: str  # whose; E.164 without plus where it can be read so
    to: str  # our number
    text: str
    link: str = ""  # by which it came
    missing: int = 0  # parts that never came


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A card that is being made."""

    to: str  # our number that the phone wrote to
    language: str
    link: str = ""  # by which it came last
    values: Mapping[Field, str] = field(default_factory=dict)
    awaiting: Field | None = None  # asked for: the next text without a digit is its value
    reminded: bool = False
    due: float = 0.0  # seconds since the epoch: then comes the reminder, or the end

    @property
    def missing(self) -> tuple[Field, ...]:
        """Fields without a value."""
        return tuple(wanted for wanted in Field if wanted not in self.values)

    def to_json(self) -> str:
        """As Redis keeps it."""
        record = {
            "to": self.to,
            "language": self.language,
            "link": self.link,
            "values": {str(int(key)): value for key, value in self.values.items()},
            "awaiting": self.awaiting,
            "reminded": self.reminded,
            "due": self.due,
        }
        return json.dumps(record, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Draft:
        """The reverse; raises ValueError on what is no draft."""
        record: Any = json.loads(text)
        try:
            values = {Field(int(key)): str(value) for key, value in record["values"].items()}
            awaiting = None if record["awaiting"] is None else Field(record["awaiting"])
            draft = cls(
                to=str(record["to"]),
                language=str(record["language"]),
                link=str(record["link"]),
                values=values,
                awaiting=awaiting,
                reminded=bool(record["reminded"]),
                due=float(record["due"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no draft: {error!r}") from None
        if sum(map(len, values.values())) > MAX_CARD_CHARACTERS:
            raise ValueError("a draft is too long")
        return draft


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a number when a message of it is answered."""

    now: float  # seconds since the epoch
    draft: Draft | None = None
    stopped: bool = False  # no notifications to it


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A text to send back. ``limited``: only now and then, since nobody asked for it."""

    text: str
    limited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What follows from a message, or from time. ``did`` is for the log and never holds what was written."""

    did: str
    replies: tuple[Reply, ...] = ()
    draft: Draft | None = None  # from now on
    stopped: bool | None = None  # from now on; None: as it was
    ordered: Draft | None = None  # a card that is complete and wanted
