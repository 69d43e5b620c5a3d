"""Mail addresses and domains: SMTPUTF8, IDNA 2008.

The form in the directory and in our records is the U-label form, NFC, lower case: ``张三@例子.test``.
``spellings`` gives every form a table must list, since Postfix looks an address up as the peer wrote it.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import idna

from caiyou.errors import InputError

MAX_LOCAL_OCTETS = 64  # RFC 5321 4.5.3.1.1
MAX_ADDRESS_OCTETS = 254  # RFC 5321 4.5.3.1.3 less the angle brackets


def domain_to_unicode(domain: str) -> str:
    """A domain in U-label form, NFC, lower case; raises InputError."""
    text = unicodedata.normalize("NFC", domain.strip().rstrip(".").lower())
    if not text:
        raise InputError("empty domain; expected something like example.test")
    try:
        if text.isascii() and "xn--" not in text:
            idna.encode(text, std3_rules=True)
            return text
        return idna.decode(idna.encode(text, uts46=True, std3_rules=True))
    except (idna.IDNAError, UnicodeError) as error:
        raise InputError(f"{domain!r} is not a domain name: {error}") from None


def domain_to_ascii(domain: str) -> str:
    """A domain in A-label form; raises InputError."""
    text = domain_to_unicode(domain)
    return text if text.isascii() else idna.encode(text).decode("ascii")


@dataclass(frozen=True, slots=True)
class Address:
    """One mail address in the directory's form. Build it with ``parse``."""

    local: str
    domain: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """``local@domain`` in any spelling; raises InputError saying what is wrong."""
        bare = unicodedata.normalize("NFC", text.strip())
        if bare.startswith("<") and bare.endswith(">"):
            bare = bare[1:-1]
        local, at, domain = bare.rpartition("@")
        if not at or not local:
            raise InputError(f"{text!r} is not an address; expected name@domain")
        if len(local) > 1 and local[0] == local[-1] == '"':
            local = _unquote(local)
        bad = next((c for c in local if ord(c) < 33 or ord(c) == 127 or c in '<>()[],;:\\"@'), None)
        if bad is not None:
            raise InputError(f"{text!r} is not an address: {bad!r} cannot stand before the @")
        if len(local.encode()) > MAX_LOCAL_OCTETS or len(bare.encode()) > MAX_ADDRESS_OCTETS:
            raise InputError(f"{text[:80]!r} is too long for an address (64 octets before the @, 254 in all)")
        return cls(local.lower(), domain_to_unicode(domain))

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def ascii_domain(self) -> str:
        """The address with its domain in A-label form; still not ASCII where the local part is not."""
        return f"{self.local}@{domain_to_ascii(self.domain)}"

    @property
    def is_ascii(self) -> bool:
        """Whether it can be written without SMTPUTF8 (RFC 6531)."""
        return self.local.isascii()

    @property
    def spellings(self) -> list[str]:
        """Every form a lookup table must list, U-label form first."""
        return list(dict.fromkeys([str(self), self.ascii_domain]))


def _unquote(local: str) -> str:
    """A quoted local part without its quotes (RFC 5321 4.1.2)."""
    out, escaped = [], False
    for char in local[1:-1]:
        if char == "\\" and not escaped:
            escaped = True
            continue
        out.append(char)
        escaped = False
    return "".join(out)
