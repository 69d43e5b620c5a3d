"""Header values: encoded words (RFC 2047), raw 8-bit text, addresses, parameters (RFC 2231).

A value is octets, or text as pymilter hands it over (non-ASCII octets as lone surrogates). Nothing here raises; all of
it is linear, and only the beginning of a value is looked at.
"""

from __future__ import annotations

import binascii
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_to_bytes

from caiyou.mime.charset import decode

MAX_OCTETS = 8 * 1024
MAX_LIST_OCTETS = 64 * 1024  # of a list of addresses

_WORD_HEAD = re.compile(r"=\?([^\s?*()<>,;:\"]{1,60})(?:\*[^\s?]{0,40})?\?([bBqQ])\?")
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=]+")

_UNQUOTED = r'<([^<>]*)>?|([(),;:])|([^"<(),;:]+|.)'
_TOKEN = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"|' + _UNQUOTED, re.DOTALL)
_TOKEN_NO_QUOTE = re.compile("(\0\0)|" + _UNQUOTED, re.DOTALL)  # after a quote that is never closed
_COMMENT_MARK = re.compile(r"\\.|[()]", re.DOTALL)
_COMMENT = re.compile(r"\([^()]*\)")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PARAMETER = re.compile(r'[;\s]\s*+([^\s=;"]{1,100})\s*+=\s*+("[^"\\]*(?:\\.[^"\\]*)*"?|[^;\s]*)', re.DOTALL)
_SECTION = re.compile(r"([^*]+)\*(?:(\d{1,3})(\*?))?\Z")


def octets_of(value: str | bytes) -> bytes:
    """A header value as it was on the wire."""
    if isinstance(value, bytes):
        return value
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return value.encode("utf-8", "replace")


def one_line(text: str) -> str:
    """``text`` without control characters, every run of white space one blank."""
    line = " ".join(text.split())
    return line if line.isprintable() else " ".join(_UNWANTED.sub("", line).split())


def decode_header(value: str | bytes, hint: str | None = None) -> str:
    """A header value as one line of text. ``hint`` is the charset of the mail's text, for raw 8-bit values."""
    return one_line(_decode_words(_raw(value, hint)))


def _raw(value: str | bytes, hint: str | None, limit: int = MAX_OCTETS) -> str:
    octets = octets_of(value[: limit + 1])
    if len(octets) > limit:
        octets = octets[:limit].rpartition(b"\n")[0] or octets[:limit]
    return decode(octets, hint)


def _decode_words(text: str) -> str:
    """Encoded words decoded. Adjacent ones of one charset are joined first: many senders cut inside a character."""
    if "=?" not in text:
        return text
    out: list[str] = []
    words: list[tuple[str, str, str]] = []
    at = 0
    while head := _WORD_HEAD.search(text, at):
        end = text.find("?=", head.end())
        following = text.find("=?", head.end())
        if end < 0 and following < 0:
            end = len(text)  # cut off
        gap = text[at : head.start()]
        if words and gap.strip():
            out.append(_join(words))
            words = []
        if not words:
            out.append(gap)
        if end < 0 or 0 <= following < end - 1:  # another word begins inside: this is none
            out += [_join(words), head[0]]
            words, at = [], head.end()
            continue
        words.append((head[1], head[2].upper(), text[head.end() : end]))
        at = end + 2
    return "".join([*out, _join(words), text[at:]])


def _join(words: list[tuple[str, str, str]]) -> str:
    out: list[str] = []
    octets, last = b"", ""
    base64 = ""  # kept as text while words follow each other: some senders cut inside a group of four
    for charset, encoding, payload in words:
        if octets or base64:
            if encoding != "B" or charset.lower() != last:
                octets, base64 = octets + from_base64(base64), ""
            if charset.lower() != last:
                out.append(decode(octets, last))
                octets = b""
        last = charset.lower()
        if encoding == "B":
            base64 += payload
        else:
            octets += binascii.a2b_qp(payload.encode("utf-8", "replace"), header=True)
    out.append(decode(octets + from_base64(base64), last))
    return "".join(out)


def from_base64(text: str) -> bytes:
    """Base64 as found: foreign characters are skipped, padding may be missing or stand in the middle."""
    out = []
    for group in _BASE64.findall(_NOT_BASE64.sub("", text)):
        whole = group[:-1] if len(group) % 4 == 1 else group
        out.append(binascii.a2b_base64(whole + "=" * (-len(whole) % 4)))
    return b"".join(out)


def addresses(value: str | bytes, hint: str | None = None) -> list[tuple[str, str]]:
    """(display name, address) of each mailbox in a From, To or Cc value (RFC 5322 3.4); either may be empty.

    A comment serves as the name where there is no other. The address stays as written.
    """
    text = _raw(value, hint, MAX_LIST_OCTETS)
    found: list[tuple[str, str]] = []
    group = ";" in text
    token, comments = _TOKEN, True
    entry = _Entry()
    at = 0
    while match := token.match(text, at):
        at = match.end()
        quoted, angle, mark, plain = match.groups()
        if quoted is not None:
            entry.quoted(_ESCAPED.sub(r"\1", quoted))
        elif angle is not None:
            entry.address = angle
        elif mark == "(" and (comment := _comment(text, at) if comments else None):
            entry.comment, at = comment
        elif mark in (",", ";"):
            found += entry.close()
            entry = _Entry()
        elif mark == ":" and group:
            entry, group = _Entry(), False  # the name of a group
        elif plain == '"':
            token = _TOKEN_NO_QUOTE
        else:
            comments = comments and mark != "("  # one that is never closed is only a character
            entry.phrase.append(mark or plain)
    return found + entry.close()


def _comment(text: str, at: int) -> tuple[str, int] | None:
    """The comment that opened before ``at``, and where the text goes on; None where it is never closed."""
    depth = 1
    for mark in _COMMENT_MARK.finditer(text, at):
        depth += {"(": 1, ")": -1}.get(mark[0], 0)
        if depth == 0:
            return _ESCAPED.sub(r"\1", text[at : mark.start()]), mark.end()
    return None


class _Entry:
    """One mailbox while it is read."""

    def __init__(self) -> None:
        self.phrase: list[str] = []
        self.comment = ""
        self.address: str | None = None
        self.local = ""  # a quoted string, which may turn out to stand before an @

    def quoted(self, text: str) -> None:
        self.local = f'"{text}"'
        self.phrase.append(text)

    def close(self) -> list[tuple[str, str]]:
        phrase, address = "".join(self.phrase), self.address
        if address is None and "@" in phrase:
            before, _, after = phrase.partition("@")
            domain = (after.split(None, 1) or [""])[0]
            quoted = len(self.local) > 2 and before.endswith(self.local[1:-1]) and " " in self.local
            start = len(before) - len(self.local) + 2 if quoted else _last_word(before)
            address = f"{self.local if quoted else before[start:]}@{domain}"
            phrase = before[:start] + " " + after[len(domain) :].lstrip()
        name = one_line(_decode_words(phrase)) or one_line(_decode_words(self.comment))
        address = one_line(address or "")
        if address.startswith("@"):  # a source route (RFC 5322 4.4)
            address = address.rpartition(":")[2]
        return [(name, address)] if name or address else []


def _last_word(text: str) -> int:
    """Where the last word of ``text`` begins."""
    words = text.rsplit(None, 1)
    return len(text) if not words or text[-1].isspace() else len(text) - len(words[-1])


def parameters(value: str | bytes) -> tuple[str, dict[str, str]]:
    """A Content-Type or Content-Disposition value: the lower-case token and its parameters (RFC 2045, RFC 2231)."""
    text = _raw(value, None)
    head = re.match(r"\s*([^\s;]*)", text)
    token = head[1].lower() if head else ""
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, str]] = {}
    for match in _PARAMETER.finditer(text, head.end() if head else 0):
        name, content = match[1].lower(), match[2]
        if content.startswith('"'):
            content = _ESCAPED.sub(r"\1", content[1:].removesuffix('"'))
        section = _SECTION.match(name)
        if section is None:
            plain.setdefault(name, content)
        else:
            # A piece that is not percent-encoded is made so, then all pieces decode as one.
            encoded = section[2] is None or section[3]
            content = content if encoded else content.replace("%", "%25")
            pieces.setdefault(section[1], {}).setdefault(int(section[2] or 0), content)
            if section[2] is None or (section[2] == "0" and section[3]):
                pieces[section[1]][-1] = ""  # the first piece names the charset
    for name, parts in pieces.items():
        marked = parts.pop(-1, None) is not None
        joined = "".join(parts[i] for i in sorted(parts))
        charset, _, rest = joined.partition("'") if marked and joined.count("'") >= 2 else ("", "", "")
        joined = rest.partition("'")[2] if charset or rest else joined
        plain[name] = decode(unquote_to_bytes(joined), charset)
    return token, {name: one_line(_decode_words(content)) for name, content in plain.items()}


def date(value: str | bytes) -> datetime | None:
    """A Date value as an aware datetime; None for what is no date or lies outside 1970-9998."""
    try:
        at = parsedate_to_datetime(one_line(_COMMENT.sub(" ", octets_of(value[:200]).decode("latin-1"))))
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return at if 1970 <= at.year < 9999 else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
