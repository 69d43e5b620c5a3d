"""Phone numbers: E.164, normalised once, masked in logs."""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import ValidationResult

from caiyou.errors import InputError

MAX_WRITTEN = 40  # characters of a number as a person writes it
_CN_MOBILE = re.compile("1[3-9]")
_PUNCTUATION = frozenset(" \u00a0\u3000\t-‐‑‒–—－.．·()（）/")


class Msisdn(str):
    """A number in E.164 without the plus sign, digits only: ``8613800138000``. Build it with ``parse``."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str, region: str = "CN") -> Msisdn:
        """A number as a person or a carrier writes it (national, +86, 0086, 86, tel:); raises InputError.

        ``region`` (ISO 3166) is where a number without + belongs. Only the length and the numbering plan's outline
        are checked, since new ranges open more often than software is updated. Letters, extensions and two numbers in
        one text are refused: an SMS to a guess reaches a stranger.
        """
        raw = text.strip()
        plain = (raw[4:] if raw[:4].lower() == "tel:" else raw).lstrip(" (（")
        plus = plain[:1] in ("+", "＋")
        plain = plain[1:] if plus else plain
        if len(raw) > MAX_WRITTEN or not all(c.isdecimal() or c in _PUNCTUATION for c in plain):
            raise _no_number(text)
        digits = "".join(str(int(c)) for c in plain if c.isdecimal())
        if not plus and digits.startswith("00"):
            plus, digits = True, digits[2:]
        if not plus and region == "CN" and len(digits) == 13 and digits.startswith("861"):
            plus = True
        try:
            number = phonenumbers.parse("+" + digits if plus else digits, region)
        except phonenumbers.NumberParseException:
            raise _no_number(text) from None
        if not _length_fits(number):
            raise _no_number(text, f": wrong length for +{number.country_code}")
        return cls(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:])

    @property
    def national(self) -> str:
        """Without the country code: ``13800138000``."""
        return phonenumbers.national_significant_number(phonenumbers.parse("+" + self))

    @property
    def masked(self) -> str:
        """For logs: ``86138****8000``."""
        return f"{self[:-8]}****{self[-4:]}" if len(self) > 9 else "****" + self[-2:]


def _no_number(text: str, why: str = "") -> InputError:
    shown = text[:MAX_WRITTEN]
    return InputError(f"{shown!r} is not a phone number{why}; expected something like 13800138000 or +85291234567")


def _length_fits(number: phonenumbers.PhoneNumber) -> bool:
    """Whether the length is one the country has; China's outline in the metadata is too wide (7-12) to see a slip."""
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return False
    national = phonenumbers.national_significant_number(number)
    if number.country_code == 86:
        return len(national) == 11 if _CN_MOBILE.match(national) else 9 <= len(national) <= 11
    return True
