"""Phone numbers: E.164, normalised once, masked in logs."""

from __future__ import annotations

import phonenumbers

from caiyou.errors import InputError


class Msisdn(str):
    """A number in E.164 without the plus sign, digits only: ``8613800138000``. Build it with ``parse``."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str, region: str = "CN") -> Msisdn:
        """A number as a person or a carrier writes it (national, +86, 0086, 86); raises InputError.

        ``region`` (ISO 3166) is where a number without + belongs. Only the length and the numbering plan's outline
        are checked, since new ranges open more often than software is updated.
        """
        raw = text.strip()
        digits = "".join(str(int(c)) for c in raw if c.isdigit())
        if raw.startswith(("+", "＋")):
            raw = "+" + digits
        elif digits.startswith("00"):
            raw = "+" + digits[2:]
        elif region == "CN" and len(digits) == 13 and digits.startswith("861"):
            raw = "+" + digits
        try:
            number = phonenumbers.parse(raw, region)
        except phonenumbers.NumberParseException as error:
            raise InputError(f"{text[:40]!r} is not a phone number: {error}") from None
        if not phonenumbers.is_possible_number(number):
            raise InputError(f"{text[:40]!r} is not a phone number: wrong length for +{number.country_code}")
        return cls(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:])

    @property
    def national(self) -> str:
        """Without the country code: ``13800138000``."""
        return phonenumbers.national_significant_number(phonenumbers.parse("+" + self))

    @property
    def masked(self) -> str:
        """For logs: ``86138****8000``."""
        return f"{self[:-8]}****{self[-4:]}" if len(self) > 9 else "****" + self[-2:]
