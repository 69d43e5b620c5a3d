"""A part as the HTTP request that its provider wants."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote_from_bytes, urlsplit

import phonenumbers

from mail2sms.content import whole
from mail2sms.links import MtPart
from mail2sms.provider import template
from mail2sms.provider.sign import signature, sorted_fields
from mail2sms.provider.template import Template, Value
from mail2sms.segment import Coding
from mail2sms.settings.http import HttpLinkSettings

CODINGS = {Coding.UCS2: "2"}  # Kannel's numbers, which others took over


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What the secret files hold; never shown."""

    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    callback_token: str = field(default="", repr=False)
    callback_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Ready to be written. ``id`` is our own of this attempt."""

    id: str
    method: str
    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)


class Composer:
    """Writes requests by a description; ``region`` (ISO 3166) is where national numbers belong."""

    def __init__(self, settings: HttpLinkSettings, known: Secrets, region: str) -> None:
        self._settings = settings
        self._key = known.key
        self._country = str(phonenumbers.country_code_for_region(region))
        self._url = template.parse(settings.url)
        self._fields: dict[str, Any] = {name: _parsed(value) for name, value in settings.fields.items()}
        self._headers = {name: template.parse(value) for name, value in settings.headers.items()}
        self._signed = template.parse(settings.signature.payload) if settings.signature is not None else None
        self._signs_fields = any("signature" in _names(value) for value in self._fields.values()) or (
            "signature" in self._url.names
        )
        self._fixed: dict[str, Value] = {
            "username": settings.username,
            "password": known.password,
            "token": known.token,
            "basic": base64.b64encode(f"{settings.username}:{known.password}".encode()).decode("ascii"),
            "callback_url": callback_url(settings, known),
        }

    def request(self, part: MtPart, now: datetime) -> Request:
        """The request; raises ValueError where the part cannot be written so."""
        settings = self._settings
        # The same for the same part, so that a provider who looks at it recognises one that is sent again.
        id = sha256(part.id.encode("utf-8", "replace")).hexdigest()[:24] if part.id else secrets.token_hex(12)
        values = {**self._fixed, **_times(now), **self._message(part, id, now), "nonce": secrets.token_hex(16)}
        if self._signed is not None and self._signs_fields:
            bound = {"method": settings.method, "path": self._path(values), "sorted_fields": self._sorted(values)}
            values["signature"] = self._signature({**values, **bound})
        url, body, content_type = self._written(values)
        if self._signed is not None and not self._signs_fields:
            values["signature"] = self._signature(values | self._bound(values, url, body))
        headers = {"Content-Type": content_type} if body is not None else {}
        for name, text in self._headers.items():
            if not text.lacks(values):
                headers[name] = template.header(text.text(values))
        return Request(id=id, method=settings.method, url=url, headers=headers, body=body)

    def _message(self, part: MtPart, id: str, now: datetime) -> dict[str, Value]:
        segment = part.segment
        until = part.valid_until
        left_s = (until - now).total_seconds() if until is not None else 0.0
        return {
            "to": self._number(part.to),
            "src": part.src or self._settings.src_id,
            "text": whole(segment.text),
            "id": id,
            "coding": CODINGS.get(segment.coding, "0"),
            "udh": segment.udh,
            "udh_hex": segment.udh.hex(),
            "reference": str(segment.reference) if segment.total > 1 else "",
            "part": str(segment.number),
            "parts": str(segment.total),
            "valid_until": _iso(until) if until is not None else "",
            "valid_minutes": str(max(1, math.ceil(left_s / 60))) if until is not None else "",
            "urgent": "1" if part.urgent else "",
        }

    def _number(self, number: str) -> str:
        if self._settings.number == "e164":
            return number
        if self._settings.number == "plus":
            return f"+{number}"
        return number[len(self._country) :] if number.startswith(self._country) else f"00{number}"

    def _written(self, values: dict[str, Value]) -> tuple[str, bytes | None, str]:
        """URL, body and its type."""
        settings, charset = self._settings, self._settings.charset
        url = self._url.url(values, charset)
        if settings.body == "json":
            tree = {name: _filled(one, values) for name, one in self._fields.items() if not _lacks(one, values)}
            text = json.dumps(tree, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
            return url, text.encode("utf-8"), "application/json"
        pairs = "&".join(
            f"{_quoted(name.encode(charset))}={_quoted(one.octets(values, charset))}"
            for name, one in self._fields.items()
            if not one.lacks(values)
        )
        if settings.body == "form":
            return url, pairs.encode("ascii"), f"application/x-www-form-urlencoded; charset={charset.upper()}"
        joint = "&" if "?" in url else "?"
        return (f"{url}{joint}{pairs}" if pairs else url), None, ""

    # --- what is signed

    def _signature(self, values: dict[str, Value]) -> str:
        how = self._settings.signature
        assert how is not None  # noqa: S101  for the type checker, as the next
        assert self._signed is not None  # noqa: S101
        payload = self._signed.octets({**values, "key": self._key}, "utf-8")
        return signature(how.algorithm, how.encoding, self._key, payload)

    def _bound(self, values: dict[str, Value], url: str, body: bytes | None) -> dict[str, Value]:
        parts = urlsplit(url)
        return {
            "method": self._settings.method,
            "path": parts.path or "/",
            "query": parts.query,
            "body": body or b"",
            "body_sha256": hashlib.sha256(body or b"").hexdigest(),
            "sorted_fields": self._sorted(values),
        }

    def _path(self, values: dict[str, Value]) -> str:
        return urlsplit(self._url.url({**values, "signature": ""}, self._settings.charset)).path or "/"

    def _sorted(self, values: dict[str, Value]) -> str:
        """Texts and numbers only: lists and tables have no form that everybody agrees on."""
        return sorted_fields(
            (name, str(_filled(one, values)))
            for name, one in self._fields.items()
            if not isinstance(one, dict | list) and "signature" not in _names(one) and not _lacks(one, values)
        )


def callback_url(settings: HttpLinkSettings, known: Secrets) -> str:
    """What the provider is told to call, the token in it where the path carries it; empty where there is nothing."""
    callback = settings.callback
    if callback is None or not callback.url:
        return ""
    in_path = known.callback_token if not callback.token_header else ""
    return callback.url.rstrip("/") + (f"/{in_path}" if in_path else "")


def _quoted(octets: bytes) -> str:
    return quote_from_bytes(octets, safe="")


def _parsed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _parsed(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_parsed(one) for one in value]
    return template.parse(value) if isinstance(value, str) else value


def _names(value: Any) -> frozenset[str]:
    if isinstance(value, Template):
        return value.names
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return frozenset().union(*(_names(one) for one in inner))


def _lacks(value: Any, values: dict[str, Value]) -> bool:
    return isinstance(value, Template) and value.lacks(values)


def _filled(value: Any, values: dict[str, Value]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(one, values) for name, one in value.items() if not _lacks(one, values)}
    if isinstance(value, list):
        return [_filled(one, values) for one in value if not _lacks(one, values)]
    if not isinstance(value, Template):
        return value
    text = value.text(values)
    return int(text) if value.number else text


def _times(now: datetime) -> dict[str, Value]:
    seconds = now.timestamp()
    return {
        "timestamp": str(int(seconds)),
        "timestamp_ms": str(int(seconds * 1000)),
        "timestamp_iso": _iso(now),
        "timestamp_local": now.astimezone().strftime("%Y%m%d%H%M%S"),
    }


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
