"""Texts with named places: ``{to}`` stands for a value, ``{{`` and ``}}`` for braces. Nothing is executed.

A value never gets out of its place: whoever fills a template escapes for where the result goes.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote_from_bytes

Value = str | bytes  # octets stand as they are in a form or a query, and in hexadecimal digits elsewhere

MESSAGE = {
    "to": "the receiver's number, written as `number` says",
    "src": "our number: the message's, else `src_id`",
    "text": "the text",
    "id": "our own id of this part, 24 hexadecimal digits",
    "coding": "0: the text is Latin, 2: it needs UCS2",
    "udh": "user data header of a part of a long message, as octets",
    "udh_hex": "the same in hexadecimal digits",
    "reference": "joins the parts of a long message, 0-255",
    "part": "number of this part, from 1",
    "parts": "how many parts there are",
    "valid_until": "until when the message makes sense: 2026-11-23T08:00:00Z",
    "valid_minutes": "the same in minutes from now",
    "urgent": "1 for urgent messages",
}
ACCOUNT = {
    "username": "`username`",
    "password": "what `password_file` holds",
    "token": "what `token_file` holds",
    "basic": "username:password in Base64, for `Authorization: Basic`",
    "callback_url": "`callback.url`, with the callback's token where the path carries it",
    "timestamp": "seconds since 1970",
    "timestamp_ms": "milliseconds since 1970",
    "timestamp_iso": "2026-11-23T08:00:00Z",
    "timestamp_local": "20261123160000, by this host's clock",
    "nonce": "32 hexadecimal digits at random",
}
SIGNATURE = {"signature": "what the table `signature` makes"}
REQUEST = MESSAGE | ACCOUNT | SIGNATURE
BOUND = {
    "method": "GET, POST",
    "path": "path of the URL",
    "query": "query of the URL, as sent",
    "body": "the body's octets",
    "body_sha256": "SHA-256 of the body in hexadecimal digits",
    "sorted_fields": "name=value of every field but the signature, sorted by name, joined by &, not escaped",
}
SIGNED = MESSAGE | ACCOUNT | BOUND | {"key": "what `key_file` holds, for a plain digest"}
SIGNED_CALLBACK = BOUND | {
    "timestamp": "what stands at `timestamp_at`",
    "key": SIGNED["key"],
    "username": ACCOUNT["username"],
}

_TOKEN = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*)(:number)?\}|[{}]")


@dataclass(frozen=True, slots=True)
class Template:
    """``pieces`` is text before a place and the place's name; the last name is empty."""

    pieces: tuple[tuple[str, str], ...]
    number: bool = False  # ``{timestamp:number}`` alone: a number in JSON

    @property
    def names(self) -> frozenset[str]:
        """The places."""
        return frozenset(name for _, name in self.pieces if name)

    def lacks(self, values: Mapping[str, Value]) -> bool:
        """Whether it has nothing to say: it is empty, or one of its places is."""
        return not self.pieces or any(name and not values.get(name) for _, name in self.pieces)

    def text(self, values: Mapping[str, Value]) -> str:
        """Filled in; octets in hexadecimal digits."""
        return "".join(before + _text(values.get(name, "")) for before, name in self.pieces)

    def octets(self, values: Mapping[str, Value], charset: str) -> bytes:
        """Filled in; raises UnicodeEncodeError where the charset lacks a character."""
        return b"".join(before.encode(charset) + _octets(values.get(name, ""), charset) for before, name in self.pieces)

    def url(self, values: Mapping[str, Value], charset: str) -> str:
        """Filled in, every value percent-encoded whole: no ``/``, ``?``, ``&``, ``#`` or ``..`` of it has a meaning."""
        return "".join(before + _segment(_octets(values.get(name, ""), charset)) for before, name in self.pieces)


@cache
def parse(text: str) -> Template:
    """A template; raises ValueError where a brace stands alone or ``:number`` is not all there is."""
    pieces: list[tuple[str, str]] = []
    before, at, number = "", 0, False
    for found in _TOKEN.finditer(text):
        before += text[at : found.start()]
        at = found.end()
        if found[0] in ("{{", "}}"):
            before += found[0][0]
        elif found[1]:
            pieces.append((before, found[1]))
            before = ""
            number = number or bool(found[2])
        else:
            raise ValueError(
                f"{found[0]!r} at {found.start() + 1} stands alone; a place is {{name}}, a brace is doubled"
            )
    before += text[at:]
    if before:
        pieces.append((before, ""))
    if number and (len(pieces) != 1 or pieces[0][0]):
        raise ValueError("a place with :number stands alone")
    return Template(tuple(pieces), number)


def check(text: str, known: Collection[str]) -> Template:
    """``parse``, and every place is one of ``known``; raises ValueError that names what would be right."""
    template = parse(text)
    for name in sorted(template.names):
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {{{near[0]}}}? " if near else ""
            raise ValueError(f"{{{name}}} is not known here; {hint}known: {', '.join(sorted(known))}")
    return template


def header(text: str) -> str:
    """Fit for a header's value: whatever is not printable ASCII is percent-encoded, so no line can begin in it."""
    return "".join(c if " " <= c <= "~" else quote_from_bytes(c.encode("utf-8", "replace")) for c in text).strip()


def _text(value: Value) -> str:
    return value.hex() if isinstance(value, bytes) else value


def _octets(value: Value, charset: str) -> bytes:
    return value if isinstance(value, bytes) else value.encode(charset)


def _segment(octets: bytes) -> str:
    return "%2E" * len(octets) if octets in (b".", b"..") else quote_from_bytes(octets, safe="")
