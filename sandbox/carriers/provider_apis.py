"""The interfaces of the simulated provider: Kannel's sendsms, JSON with a bearer token, JSON signed by HMAC.

They are written from what such providers document, not from our client: neither shares code with the other.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote, urlencode

from aiohttp import web

USERNAME = "caiyou"
WINDOW_S = 300
NONCES = 100_000
MAX_CHARACTERS = 2000
DLR_SUCCESS, DLR_FAIL = 1, 2  # Kannel's masks


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A message that a client wants sent."""

    to: str
    src: str
    text: str
    udh: bytes = b""
    client_ref: str = ""
    callback: str = ""  # URL for reports, with Kannel's escapes for that interface
    mask: int = DLR_SUCCESS | DLR_FAIL


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A callback to be made."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Denied(Exception):
    """``kind`` is login, busy, number, credit or field."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Api(Protocol):
    """One interface. ``age_s``: callbacks are signed as if so old; ``secret`` may be a wrong one, to order."""

    name: str

    def read(self, request: web.Request, body: bytes, secret: str) -> Wanted:
        """What is wanted; raises Denied."""

    def accepted(self, id: str) -> web.Response:
        """The answer to what is taken."""

    def denied(self, kind: str) -> web.Response:
        """The answer to what is not."""

    def report(self, wanted: Wanted, id: str, stat: str, number: str, secret: str, age_s: float) -> Call | None:
        """The callback of a report."""

    def mo(self, url: str, id: str, number: str, to: str, text: str, secret: str, age_s: float) -> Call:
        """The callback of a message from a handset."""


class Kannel:
    """``GET /cgi-bin/sendsms``; statuses and words of smsbox 1.4.5."""

    name = "kannel"
    DENIED: Mapping[str, tuple[int, str]] = {
        "login": (403, "Authorization failed for sendsms"),
        "busy": (503, "Temporal failure, try again later."),
        "number": (403, "Not routable. Do not try again."),
        "credit": (403, "Not routable. Do not try again."),
        "field": (400, "Field misformed, rejected"),
    }

    def read(self, request: web.Request, body: bytes, secret: str) -> Wanted:
        """See ``Api``."""
        raw = dict(parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True, encoding="latin-1"))
        octets = {name: value.encode("latin-1") for name, value in raw.items()}
        if raw.get("username") != USERNAME or not hmac.compare_digest(octets.get("password", b""), secret.encode()):
            raise Denied("login")
        try:
            # Without a charset smsbox takes UTF-16BE for coding 2 and UTF-8 for the rest.
            default = "UTF-16BE" if raw.get("coding") == "2" else "UTF-8"
            text = octets.get("text", b"").decode(raw.get("charset", default))
            mask = int(raw.get("dlr-mask", "0"))
        except (LookupError, ValueError):
            raise Denied("field") from None
        udh = octets.get("udh", b"")
        if udh and udh[0] != len(udh) - 1:
            raise Denied("field")
        return Wanted(
            to=raw.get("to", ""),
            src=raw.get("from", ""),
            text=text,
            udh=udh,
            callback=raw.get("dlr-url", ""),
            mask=mask,
        )

    def accepted(self, id: str) -> web.Response:
        """See ``Api``: it names no id."""
        return web.Response(status=202, text="0: Accepted for delivery")

    def denied(self, kind: str) -> web.Response:
        """See ``Api``."""
        status, text = self.DENIED[kind]
        return web.Response(status=status, text=text)

    def report(self, wanted: Wanted, id: str, stat: str, number: str, secret: str, age_s: float) -> Call | None:
        """See ``Api``; ``%d`` and ``%A`` of dlr-url are filled in. Who may call is up to the URL."""
        mask = DLR_SUCCESS if stat == "DELIVRD" else DLR_FAIL
        if not wanted.mask & mask:
            return None
        return Call(method="GET", url=wanted.callback.replace("%d", str(mask)).replace("%A", quote(stat)))

    def mo(self, url: str, id: str, number: str, to: str, text: str, secret: str, age_s: float) -> Call:
        """See ``Api``: as a get-url that is set up in smsbox."""
        fields = {"kind": "mo", "id": id, "from": number, "to": to, "text": text, "charset": "UTF-8"}
        return Call(method="GET", url=f"{url.partition('?')[0]}?{urlencode(fields)}")


class BearerJson:
    """``POST /v1/messages``."""

    name = "bearer_json"
    DENIED: Mapping[str, tuple[int, str, str]] = {
        "login": (401, "unauthorized", "the token is not valid"),
        "busy": (429, "busy", "too many requests"),
        "number": (422, "invalid_number", "the number cannot be reached"),
        "credit": (402, "no_credit", "the balance is used up"),
        "field": (400, "invalid_request", "a field is missing or wrong"),
    }

    def read(self, request: web.Request, body: bytes, secret: str) -> Wanted:
        """See ``Api``."""
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {secret}".encode()):
            raise Denied("login")
        return _json_wanted(body)

    def accepted(self, id: str) -> web.Response:
        """See ``Api``."""
        return web.json_response({"id": id, "status": "queued"}, status=201)

    def denied(self, kind: str) -> web.Response:
        """See ``Api``."""
        status, code, message = self.DENIED[kind]
        return web.json_response({"error": {"code": code, "message": message}}, status=status)

    def report(self, wanted: Wanted, id: str, stat: str, number: str, secret: str, age_s: float) -> Call | None:
        """See ``Api``."""
        fields = {"type": "report", "id": id, "status": stat, "to": number}
        return self._call(wanted.callback, fields, secret)

    def mo(self, url: str, id: str, number: str, to: str, text: str, secret: str, age_s: float) -> Call:
        """See ``Api``."""
        return self._call(url, {"type": "message", "id": id, "from": number, "to": to, "text": text}, secret)

    def _call(self, url: str, fields: dict[str, str], secret: str) -> Call:
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        return Call(method="POST", url=url, headers=headers, body=json.dumps(fields).encode())


class Hmac:
    """``POST /api/sms``: every request signed, no nonce twice; the answer's status is always 200."""

    name = "hmac"
    DENIED: Mapping[str, tuple[str, str]] = {
        "login": ("1001", "signature error"),
        "busy": ("1008", "too fast"),
        "number": ("1005", "mobile number error"),
        "credit": ("1010", "insufficient balance"),
        "field": ("1002", "parameter error"),
    }

    def __init__(self) -> None:
        self._seen: OrderedDict[str, None] = OrderedDict()

    def read(self, request: web.Request, body: bytes, secret: str) -> Wanted:
        """See ``Api``."""
        stamp, nonce = request.headers.get("X-Timestamp", ""), request.headers.get("X-Nonce", "")
        digest = hashlib.sha256(body).hexdigest()
        payload = f"{request.method}\n{request.rel_url.raw_path}\n{stamp}\n{nonce}\n{digest}"
        right = hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
        if (
            request.headers.get("X-Key-Id") != USERNAME
            or not hmac.compare_digest(request.headers.get("X-Signature", "").encode(), right.encode())
            or not (stamp.isdigit() and abs(time.time() - int(stamp)) <= WINDOW_S)
            or not nonce
            or nonce in self._seen
        ):
            raise Denied("login")
        self._seen[nonce] = None
        if len(self._seen) > NONCES:
            self._seen.popitem(last=False)
        return _json_wanted(body)

    def accepted(self, id: str) -> web.Response:
        """See ``Api``."""
        return web.json_response({"code": "0", "message": "ok", "data": {"id": id}})

    def denied(self, kind: str) -> web.Response:
        """See ``Api``."""
        code, message = self.DENIED[kind]
        return web.json_response({"code": code, "message": message})

    def report(self, wanted: Wanted, id: str, stat: str, number: str, secret: str, age_s: float) -> Call | None:
        """See ``Api``: reports come as a list."""
        fields = {"reports": [{"type": "report", "id": id, "status": stat, "to": number}]}
        return self._call(wanted.callback, fields, secret, age_s)

    def mo(self, url: str, id: str, number: str, to: str, text: str, secret: str, age_s: float) -> Call:
        """See ``Api``."""
        return self._call(url, {"type": "message", "id": id, "from": number, "to": to, "text": text}, secret, age_s)

    def _call(self, url: str, fields: dict[str, Any], secret: str, age_s: float) -> Call:
        body = json.dumps(fields, ensure_ascii=False).encode()
        stamp = str(int(time.time() - age_s))
        right = hmac.new(secret.encode(), f"{stamp}\n".encode() + body, hashlib.sha256).hexdigest()
        headers = {"X-Timestamp": stamp, "X-Signature": right, "Content-Type": "application/json; charset=utf-8"}
        return Call(method="POST", url=url, headers=headers, body=body)


def _json_wanted(body: bytes) -> Wanted:
    """The fields that both JSON interfaces have; raises Denied."""
    try:
        fields = json.loads(body)
        wanted = Wanted(
            to=fields["to"].removeprefix("+"),
            src=fields.get("from", ""),
            text=fields["text"],
            client_ref=fields.get("reference", ""),
            callback=fields.get("callback_url", ""),
        )
        fits = 0 < len(wanted.text) <= MAX_CHARACTERS
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Denied("field") from None
    if not fits:
        raise Denied("field")
    return wanted
