"""What a provider calls us with: checked, then read as delivery reports and messages from handsets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from caiyou.errors import ProtocolError
from mail2sms.content import MsgFmt, part_of, text_of, whole
from mail2sms.links import Mo, Report, ReportState
from mail2sms.provider import pick, template
from mail2sms.provider.request import Secrets
from mail2sms.provider.sign import Encoding, same, signature, sorted_fields
from mail2sms.settings.http import HttpLinkSettings
from mail2sms.settings.http_callback import HttpCallback, HttpCallbackSignature, HttpMo, HttpReport

MAX_FIELDS = 200
MAX_ENTRIES = 1000  # of one callback
MAX_WORD = 200  # characters of an id or a status
MAX_STAT = 40  # of what people are shown


class Unauthorized(Exception):
    """It does not come from the provider, or too late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """One call. ``path`` and ``query`` as they were sent; header names in lower case; ``token`` ends the path."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """What was in it, and how many entries could not be read."""

    entries: list[Report | Mo]
    unreadable: int


def read(settings: HttpLinkSettings, known: Secrets, called: Called, now: datetime) -> Found:
    """Check and read; raises Unauthorized, and ProtocolError where there is nothing to be read."""
    how = settings.callback
    if how is None:
        raise Unauthorized("the link has no callback")
    if how.token_file is not None:
        _check_token(how, known.callback_token, called)
    content = _Content.of(called, how.charset)
    if how.signature is not None:
        _check_signature(how.signature, settings.username, known.callback_key, called, content, now)
    found = Found([], 0)
    for entry in _entries(how, content):
        read_entry = _entry(how, entry, settings.src_id)
        if read_entry is not None:
            found.entries.append(read_entry)
        else:
            found = Found(found.entries, found.unreadable + 1)
    if not found.entries:
        raise ProtocolError("neither a report nor a message in it")
    return found


# --- the check


def _check_token(how: HttpCallback, right: str, called: Called) -> None:
    given = called.token
    if how.token_header:
        given = called.headers.get(how.token_header.lower(), "").removeprefix("Bearer ").strip()
    if not right or not same(given, right):
        raise Unauthorized("the token is wrong")


def _check_signature(
    how: HttpCallbackSignature, username: str, key: str, called: Called, content: _Content, now: datetime
) -> None:
    payload = template.parse(how.payload)
    if content.from_query and not payload.names & {"query", "sorted_fields"}:
        raise Unauthorized("what is in the query is not signed")
    if not content.from_query and not payload.names & {"body", "body_sha256"} and not content.is_flat:
        raise Unauthorized("a list or a table in it is not signed")
    time = content.word(how.timestamp_at)
    values: dict[str, template.Value] = {
        "method": called.method,
        "path": called.path,
        "query": called.query,
        "body": called.body,
        "body_sha256": hashlib.sha256(called.body).hexdigest(),
        "sorted_fields": content.sorted_fields(how.at),
        "timestamp": time,
        "username": username,
        "key": key,
    }
    right = signature(how.algorithm, how.encoding, key, payload.octets(values, "utf-8"))
    given = content.word(how.at).removeprefix(how.algorithm.value.removeprefix("hmac-") + "=")
    if how.encoding is not Encoding.BASE64:
        given, right = given.lower(), right.lower()
    if not key or not same(given, right):
        raise Unauthorized("the signature is wrong")
    at = _time_of(time)
    if at is None or abs((now - at).total_seconds()) > how.window_s:
        raise Unauthorized("its time is too far from ours")


def _time_of(text: str) -> datetime | None:
    try:
        if text.isascii() and text.isdigit() and len(text) <= 13:
            return datetime.fromtimestamp(int(text) / (1000 if len(text) > 11 else 1), UTC)
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return at if at.tzinfo is not None else None


# --- what is in it


@dataclass(frozen=True, slots=True)
class _Content:
    """The fields of a call: a JSON document, or the names and octets of a form or a query, never both."""

    document: Any
    charset: str
    headers: Mapping[str, str]
    from_query: bool

    @classmethod
    def of(cls, called: Called, charset: str) -> _Content:
        """Raises ProtocolError."""
        if not called.body:
            return cls(_form(called.query), charset, called.headers, from_query=True)
        if "json" in called.headers.get("content-type", "").lower() or called.body.lstrip()[:1] in (b"{", b"["):
            try:
                return cls(pick.json_of(called.body), "", called.headers, from_query=False)
            except ValueError as error:
                raise ProtocolError(str(error)) from None
        return cls(_form(called.body.decode("latin-1")), charset, called.headers, from_query=False)

    @property
    def is_flat(self) -> bool:
        """Whether ``sorted_fields`` holds all of it."""
        return isinstance(self.document, dict) and not any(isinstance(v, dict | list) for v in self.document.values())

    def word(self, path: str) -> str:
        """The text at a path, or of a header; empty where there is none."""
        if path.startswith("header:"):
            return self.headers.get(path.removeprefix("header:").lower(), "")
        return self._decoded(self._at(path), self.charset) if path else ""

    def at(self, entry: Any) -> _Content:
        """The same with only one entry of a list."""
        return _Content(entry, self.charset, self.headers, self.from_query)

    def has(self, path: str) -> bool:
        """Whether something stands there, be it empty."""
        return isinstance(self._at(path), str | bytes | int | float)

    def text(self, path: str, charset: str) -> str:
        """A text whose charset the callback names; half a surrogate pair stays, the rest may be in the next part."""
        value = self._at(path)
        if isinstance(value, bytes) and charset.upper() == "UTF-16BE":
            return text_of(MsgFmt.UCS2, value)
        return value if isinstance(value, str) else self._decoded(value, charset or self.charset)

    def udh(self, path: str) -> bytes:
        """A user data header: its octets, which begin with how many follow, or hexadecimal digits."""
        value = self._at(path) if path else None
        if isinstance(value, bytes) and value and value[0] == len(value) - 1:
            return value
        try:
            return bytes.fromhex(self.word(path))
        except ValueError:
            return b""

    def sorted_fields(self, but: str) -> str:
        """See ``template.BOUND``."""
        document = self.document if isinstance(self.document, dict) else {}
        fields = ((name, self._decoded(value, self.charset)) for name, value in document.items() if name != but)
        return sorted_fields(fields)

    def _at(self, path: str) -> Any:
        """A name that holds a dot is a name first."""
        named = self.document.get(path) if isinstance(self.document, dict) else None
        return pick.at(self.document, path) if named is None else named

    def _decoded(self, value: Any, charset: str) -> str:
        if not isinstance(value, bytes):
            return pick.word(value)
        try:
            return value.decode(charset, "replace")
        except (LookupError, UnicodeError):
            return value.decode("utf-8", "replace")


def _form(text: str) -> dict[str, bytes]:
    """Names and octets. The first of a name counts, so that one put behind the signed ones changes nothing."""
    found: dict[str, bytes] = {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, encoding="latin-1", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise ProtocolError(f"more than {MAX_FIELDS} fields") from None
    for name, value in pairs:
        found.setdefault(name, value.encode("latin-1", "replace"))
    return found


def _entries(how: HttpCallback, content: _Content) -> Iterator[_Content]:
    """Each single report or message of a call."""
    lists = {described.list for described in (how.report, how.mo) if described is not None}
    for path in sorted(lists, reverse=True):
        found = pick.at(content.document, path)
        if isinstance(found, list):
            if len(found) > MAX_ENTRIES:
                raise ProtocolError(f"more than {MAX_ENTRIES} entries")
            for entry in found:
                yield content.at(entry)
            return
    yield content


def _entry(how: HttpCallback, entry: _Content, src_id: str) -> Report | Mo | None:
    """None where it is neither."""
    report = _report(how.report, entry) if how.report is not None else None
    if report is not None or how.mo is None:
        return report
    return _mo(how.mo, entry, src_id)


def _is(when: Mapping[str, str], entry: _Content) -> bool:
    return all(entry.word(path) == word for path, word in when.items())


def _report(how: HttpReport, entry: _Content) -> Report | None:
    ref, status = entry.word(how.id)[:MAX_WORD], entry.word(how.status)[:MAX_WORD]
    if not _is(how.when, entry) or not ref or not status:
        return None
    states = {word.upper(): state for word, state in how.states.items()}
    state = states.get(status.strip().upper(), how.other)
    stat = " ".join(entry.word(how.stat).split())[:MAX_STAT]
    return Report(
        ref=ref,
        state=ReportState(state),
        stat=stat or (f"{status} {state}" if status.isdigit() else status[:MAX_STAT]),
        to=entry.word(how.to)[:MAX_WORD],
    )


def _mo(how: HttpMo, entry: _Content, src_id: str) -> Mo | None:
    sender = entry.word(how.sender)[:MAX_WORD]
    if not _is(how.when, entry) or not sender or not entry.has(how.text):
        return None
    part = part_of(1, entry.udh(how.udh))
    text = entry.text(how.text, entry.word(how.text_charset))
    return Mo(
        ref=entry.word(how.id)[:MAX_WORD],
        sender=sender,
        to=entry.word(how.to)[:MAX_WORD] or src_id,
        text=text if part.total > 1 else whole(text),
        reference=part.reference,
        number=part.number,
        total=part.total,
    )
