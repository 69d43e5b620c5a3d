"""Addresses: a phone number, a mail address or a network address (OMA-MMS-ENC 1.2, 8)."""

from __future__ import annotations

from dataclasses import dataclass

PLMN = "PLMN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """``+8613800138000/TYPE=PLMN`` has value +8613800138000 and kind PLMN; a mail address has no kind.

    Kinds are PLMN, IPv4, IPv6 and the operator's own. What carriers put in place of an address (a name, a short
    number) is a value without a kind.
    """

    value: str
    kind: str = ""

    @classmethod
    def parse(cls, text: str) -> Address:
        """An address as it is on the wire; never raises."""
        text = text.strip()
        at = text.upper().rfind("/TYPE=")
        if at < 0:
            return cls(value=text)
        kind = text[at + 6 :].strip()
        return cls(value=text[:at], kind=PLMN if kind.upper() == PLMN else kind)

    @classmethod
    def phone(cls, number: str) -> Address:
        """A phone number in E.164 without its plus sign (``caiyou.msisdn.Msisdn``), or a short number."""
        return cls(value=f"+{number}" if number.isdecimal() and len(number) > 7 else number, kind=PLMN)

    def __str__(self) -> str:
        return f"{self.value}/TYPE={self.kind}" if self.kind else self.value
