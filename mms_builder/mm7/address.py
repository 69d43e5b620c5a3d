"""An address of MM7 and MM4: a number, a mailbox or a short code (TS 23.140, addressType)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

MAX_CHARACTERS = 320
LONGEST_SHORT_CODE = 6  # digits; Mbuni draws the line there too
_PLMN = re.compile(r"\A(?:tel:)?([^/]*)/TYPE=(?:PLMN|SHORT)(?:@.*)?\Z", re.IGNORECASE | re.DOTALL)


class Kind(StrEnum):
    """The element's name."""

    NUMBER = "Number"
    MAIL = "RFC2822Address"
    SHORT_CODE = "ShortCode"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """``value`` as the peer writes it, without ``/TYPE=PLMN``. ``display_only``: shown to the others, not sent to."""

    kind: Kind
    value: str
    display_only: bool = False

    def __post_init__(self) -> None:
        if not self.value or len(self.value) > MAX_CHARACTERS or not self.value.isprintable():
            raise ValueError(f"{self.value[:40]!r} is no address")

    @classmethod
    def parse(cls, text: str) -> Address:
        """An address whose kind nobody states, with or without ``/TYPE=PLMN``; raises ValueError."""
        plain = " ".join(text.split())
        if plmn := _PLMN.match(plain):
            plain = plmn[1]
        digits = plain.removeprefix("+")
        if "@" in plain:
            return cls(kind=Kind.MAIL, value=plain)
        short = digits.isdecimal() and len(digits) <= LONGEST_SHORT_CODE
        return cls(kind=Kind.SHORT_CODE if short else Kind.NUMBER, value=plain)

    @property
    def plmn(self) -> str:
        """As MM4 writes it: ``+8613800138000/TYPE=PLMN``; a mailbox as it is."""
        return self.value if self.kind is Kind.MAIL else f"{self.value}/TYPE=PLMN"
