"""The digest of a mail: what a notification says and what rules look at (N1-N5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from caiyou.mime.header import addresses, date, decode_header, octets_of, one_line
from caiyou.mime.text import first_text, header_and_body, header_fields

BODY_OCTETS = 256 * 1024  # as much of a body as is worth collecting for ``digest``
MAX_TEXT = 1000
SUBJECT_TAGS = ("[短信]", "[SMS]", "[彩信]", "[MMS]")

_WANTED = frozenset(
    b"subject from date message-id content-type content-transfer-encoding "
    b"x-priority x-msmail-priority importance priority".split()
)
_TAG = re.compile(r"[\[［【](短信|SMS|彩信|MMS)[\]］】]", re.IGNORECASE)
# A tag behind one of these was asked for by whoever is answered or forwarded.
_REPLY = re.compile(
    r"(?:^|[\]］】])\s*(?:re|aw|fwd?|回复|回覆|答复|答覆|转发|轉寄|轉發)\s*(?:\[\d+\])?\s*[:：]", re.IGNORECASE
)
_PADDING = re.compile(r"(?:[\u200b\u200c\u034f\u00ad\ufeff]\s*){2,}")  # what newsletters hide their first line with


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What a mail says, decoded. Any text may be empty."""

    subject: str  # one line
    header_from: str  # the display name of the first author, else his address
    header_from_address: str
    sent_at: datetime | None  # aware; None without a Date that makes sense
    message_id: str  # with its angle brackets
    text: str  # the first text, white space tidied, at most MAX_TEXT characters
    urgent: bool  # X-Priority 1-2, Importance: high, Priority: urgent
    subject_tags: tuple[str, ...]  # those of SUBJECT_TAGS that the subject itself carries, not what it answers

    @property
    def asks_sms(self) -> bool:
        """Whether the sender asks for an SMS to the recipients by a subject tag (N1)."""
        return "[短信]" in self.subject_tags or "[SMS]" in self.subject_tags

    @property
    def asks_mms(self) -> bool:
        """The same for an MMS (N2)."""
        return "[彩信]" in self.subject_tags or "[MMS]" in self.subject_tags


def digest(headers: Iterable[tuple[str | bytes, str | bytes]], body: bytes) -> Digest:
    """The digest of a mail from its header fields, in order, and its body or the first ``BODY_OCTETS`` of it.

    Text fields are taken as pymilter hands them over. Never raises for what a mail holds; linear in its size.
    """
    found: dict[bytes, str | bytes] = {}
    for name, value in headers:
        key = octets_of(name).lower()
        if key in _WANTED:
            found.setdefault(key, value)
    text = first_text(
        found.get(b"content-type", b""), octets_of(found.get(b"content-transfer-encoding", b"")), body[:BODY_OCTETS]
    )
    subject = decode_header(found.get(b"subject", b""), text.charset)
    name, address = next(iter(addresses(found.get(b"from", b""), text.charset)), ("", ""))
    return Digest(
        subject=subject,
        header_from=name or address,
        header_from_address=address,
        sent_at=date(found.get(b"date", b"")),
        message_id=_message_id(decode_header(found.get(b"message-id", b""))),
        text=tidy(text.text),
        urgent=_urgent(found),
        subject_tags=_tags(subject),
    )


def digest_message(message: bytes) -> Digest:
    """The digest of a whole message as it is stored or sent."""
    header, body = header_and_body(message)
    return digest(header_fields(header), body)


def tidy(text: str, limit: int = MAX_TEXT) -> str:
    """The first ``limit`` characters of ``text`` in one line, every run of white space one blank."""
    line = " ".join(text[: limit * 8].split())[: limit * 2]
    return one_line(line if line.isprintable() else _PADDING.sub(" ", line))[:limit].rstrip()


def _tags(subject: str) -> tuple[str, ...]:
    reply = _REPLY.search(subject)
    own = subject[: reply.start() + 1] if reply else subject
    return tuple(dict.fromkeys(f"[{tag.upper()}]" for tag in _TAG.findall(own)))


def _message_id(value: str) -> str:
    start, end = value.find("<"), value.find(">")
    return value[start : end + 1] if 0 <= start < end else value


def _urgent(found: dict[bytes, str | bytes]) -> bool:
    words = {name: octets_of(found[name])[:40].strip().lower() for name in found if b"p" in name}
    return (
        words.get(b"x-priority", b"")[:1] in (b"1", b"2")
        or words.get(b"importance", b"").startswith(b"high")
        or words.get(b"priority", b"").startswith(b"urgent")
        or words.get(b"x-msmail-priority", b"").startswith(b"high")
    )
