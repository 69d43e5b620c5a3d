"""Mail addresses and domains: SMTPUTF8, IDNA 2008.

The form in the directory and in our records is the U-label form, NFC, lower case: ``张三@例子.test``.
``spellings`` gives every form a table must list, since Postfix looks an address up as the peer wrote it.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import idna

from caiyou.errors import InputError

MAX_LOCAL_OCTETS = 64  # RFC 5321 4.5.3.1.1
MAX_ADDRESS_OCTETS = 254  # RFC 5321 4.5.3.1.3 less the angle brackets
MAX_DOMAIN_OCTETS = 253  # RFC 1035 2.3.4 less the length octets

# Underscores and "--" are no host names, but senders have them.
_ASCII_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_ATOMS = re.compile(r"[^\s\x00-\x20\x7f()<>\[\]:;@\\,\"]+")  # RFC 5322 3.2.3 and RFC 6531 3.3; dots as they come
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def domain_to_unicode(domain: str) -> str:
    """A domain in U-label form, NFC, lower case; raises InputError."""
    text = domain.strip().lower()
    if len(text) > MAX_DOMAIN_OCTETS + 1:
        raise InputError(f"{domain[:40]!r}… is too long for a domain (253 octets)")
    text = text[:-1] if text.endswith(".") else text
    if not text:
        raise InputError("empty domain; expected something like example.test")
    if text.isascii() and "xn--" not in text:
        if all(map(_ASCII_LABEL.fullmatch, text.split("."))) and len(text) <= MAX_DOMAIN_OCTETS:
            return text
        raise InputError(f"{domain!r} is not a domain name; expected something like example.test")
    return _idn_to_unicode(text)


def domain_to_ascii(domain: str) -> str:
    """A domain in A-label form; raises InputError."""
    text = domain_to_unicode(domain)
    return text if text.isascii() else idna.encode(text).decode("ascii")


@lru_cache(maxsize=10_000)
def _idn_to_unicode(text: str) -> str:
    try:
        return unicodedata.normalize("NFC", idna.decode(idna.encode(text, uts46=True, std3_rules=True)))
    except (idna.IDNAError, UnicodeError) as error:
        raise InputError(f"{text!r} is not a domain name: {error}") from None


@dataclass(frozen=True, slots=True)
class Address:
    """One mail address in the directory's form. Build it with ``parse``. ``local`` is without quotes."""

    local: str
    domain: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """``local@domain`` in any spelling, angle brackets or not; raises InputError saying what is wrong.

        What the world writes is taken: quoted local parts, dots anywhere, ``@`` in full width, address literals.
        """
        bare = text.strip()
        if len(bare) > MAX_ADDRESS_OCTETS + 2:
            raise InputError(f"{text[:40]!r}… is too long for an address (254 octets)")
        if bare.startswith("<") and bare.endswith(">"):
            bare = bare[1:-1]
        local, at, domain = (bare if "@" in bare else bare.replace("＠", "@")).rpartition("@")
        if not at or not local:
            raise InputError(f"{text!r} is not an address; expected name@domain")
        if not bare.isascii():
            local = unicodedata.normalize("NFC", local)
        if len(local) > 1 and local[0] == local[-1] == '"':
            local = _unquote(local, text)
        elif not _ATOMS.fullmatch(local):
            raise InputError(f"{text!r} is not an address: the part before the @ holds what cannot stand there")
        if _CONTROL.search(local):
            raise InputError(f"{text!r} is not an address: it holds a control character or is not UTF-8")
        address = cls(unicodedata.normalize("NFC", local.lower()), _literal(domain) or domain_to_unicode(domain))
        if len(local.encode()) > MAX_LOCAL_OCTETS or len(str(address).encode()) > MAX_ADDRESS_OCTETS:
            raise InputError(f"{text[:40]!r}… is too long for an address (64 octets before the @, 254 in all)")
        return address

    def __str__(self) -> str:
        return f"{self._written_local}@{self.domain}"

    @property
    def _written_local(self) -> str:
        if _ATOMS.fullmatch(self.local):
            return self.local
        return '"' + self.local.replace("\\", r"\\").replace('"', r"\"") + '"'

    @property
    def ascii_domain(self) -> str:
        """The address with its domain in A-label form; still not ASCII where the local part is not."""
        if self.domain.isascii():
            return str(self)
        return f"{self._written_local}@{domain_to_ascii(self.domain)}"

    @property
    def is_ascii(self) -> bool:
        """Whether it can be written without SMTPUTF8 (RFC 6531)."""
        return self.local.isascii()

    @property
    def spellings(self) -> list[str]:
        """Every form a lookup table must list, U-label form first."""
        return list(dict.fromkeys([str(self), self.ascii_domain]))


def _unquote(local: str, text: str) -> str:
    """A quoted local part without its quotes (RFC 5321 4.1.2); raises InputError."""
    inner = local[1:-1]
    if not inner or not re.fullmatch(r'(?:[^"\\]|\\.)+', inner):
        raise InputError(f"{text!r} is not an address: its quotes do not pair")
    return re.sub(r"\\(.)", r"\1", inner)


def _literal(domain: str) -> str | None:
    """An address literal ``[192.0.2.1]``, ``[IPv6:2001:db8::1]`` (RFC 5321 4.1.3), or None."""
    if not (domain.startswith("[") and domain.endswith("]")):
        return None
    inner = domain[1:-1]
    try:
        if inner[:5].lower() == "ipv6:":
            return f"[IPv6:{ipaddress.IPv6Address(inner[5:])}]"
        return f"[{ipaddress.IPv4Address(inner)}]"
    except ValueError:
        raise InputError(f"{domain!r} is not an address literal") from None
