"""MIME bodies of multimedia messages: a tree of parts from octets and back (RFC 2045, RFC 2046, RFC 2387).

MM7 sends them over HTTP and MM4 over SMTP. What is read is not copied: the content of a part is a view of the octets
it came in, unless a transfer encoding has to be undone. Depth, number of parts and header size are bounded. Peers'
slips are forgiven and named in ``forgave``.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from caiyou.errors import ProtocolError
from caiyou.mime import decode_header, parameters

MAX_OCTETS = 5 << 20  # of a body: the largest message classes are below 1 MiB, base64 included
MAX_DEPTH = 4  # multipart/related in multipart/related in … : SOAP, content, alternatives, and one more
MAX_PARTS = 250  # of a whole body
MAX_HEADER_OCTETS = 16 << 10  # of one part
BASE64 = "base64"
MAX_DELIMITERS = 1000  # lines of one multipart that begin like its boundary
MAX_LINE_PADDING = 200  # octets of white space behind a boundary

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_LINE_END = re.compile(rb"\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_SNIFFED = re.compile(rb"^(--[^\s][^\r\n]{0,199}?)[ \t]*\r?\nContent-", re.IGNORECASE | re.MULTILINE)
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`{|}~]{1,100}/[A-Za-z0-9!#$%&'*+\-.^_`{|}~]{1,100}")
_UNFIT = re.compile(r'[\x00-\x1f\x7f"\\]')


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part. A multipart has ``parts`` and no content. ``content_id`` is without angle brackets."""

    media_type: str  # in lower case, without parameters
    content: bytes | memoryview = b""
    parts: tuple[Part, ...] = ()
    content_id: str = ""
    location: str = ""  # Content-Location
    name: str = ""  # file name for people
    charset: str = ""
    start: str = ""  # of multipart/related: the content_id of its root; empty: the first part

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self.media_type):
            raise ValueError(f"{self.media_type[:80]!r} is no media type")
        if self.parts and not self.multipart:
            raise ValueError(f"{self.media_type} has no parts")

    @property
    def multipart(self) -> bool:
        return self.media_type.startswith("multipart/")

    @property
    def octets(self) -> int:
        """Size of all contents, headers not counted."""
        return len(self.content) + sum(part.octets for part in self.parts)

    @property
    def root(self) -> Part | None:
        """The part to begin with: of multipart/related the one that ``start`` names, else the first."""
        named = (part for part in self.parts if self.start and same_id(part.content_id, self.start))
        return next(named, self.parts[0] if self.parts else None)

    def leaves(self) -> Iterator[Part]:
        """The parts that are no multipart, in order, at every depth."""
        if not self.multipart:
            yield self
        for part in self.parts:
            yield from part.leaves()


def looks_multipart(octets: bytes) -> bool:
    """Whether a body is a multipart that nobody called one: text, or nothing, and then a boundary and a header."""
    return not octets[:200].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and bool(
        _SNIFFED.search(octets, 0, MAX_HEADER_OCTETS)
    )


def bare_id(text: str) -> str:
    """A Content-ID, ``start`` or ``cid:`` as peers write them, without brackets, quotes and scheme."""
    text = text.strip().strip("\"'").strip()
    if text[:4].lower() == "cid:":
        text = unquote(text[4:])
    return text.strip().removeprefix("<").removesuffix(">").strip()


def same_id(one: str, other: str) -> bool:
    """Whether both name the same part; case counts by the book and is ignored here."""
    return bare_id(one).lower() == bare_id(other).lower()


@dataclass(slots=True)
class _Reading:
    octets: bytes
    parts: int = 0
    forgave: list[str] = field(default_factory=list)


def parse(octets: bytes, content_type: str, *, transfer_encoding: str = "") -> tuple[Part, tuple[str, ...]]:
    """The tree of a body, and what was forgiven; raises ProtocolError for what is too large, deep or no MIME at all."""
    if len(octets) > MAX_OCTETS:
        raise ProtocolError(f"a body of {len(octets)} octets; at most {MAX_OCTETS}")
    reading = _Reading(octets)
    header = {"content-type": content_type.encode("utf-8", "surrogateescape")}
    if transfer_encoding:
        header["content-transfer-encoding"] = transfer_encoding.encode("ascii", "replace")
    part = _part(reading, header, 0, len(octets), 1)
    return part, tuple(dict.fromkeys(reading.forgave))


def _part(reading: _Reading, header: dict[str, bytes], start: int, end: int, depth: int) -> Part:
    reading.parts += 1
    if reading.parts > MAX_PARTS:
        raise ProtocolError(f"more than {MAX_PARTS} parts")
    media_type, params = parameters(header.get("content-type", b""))
    if not _TOKEN.fullmatch(media_type):
        if media_type:
            reading.forgave.append("content type")
        media_type = "application/octet-stream" if media_type else "text/plain"
    disposition = parameters(header.get("content-disposition", b""))[1]
    multipart = media_type.startswith("multipart/")
    return Part(
        media_type=media_type,
        content=b"" if multipart else _decoded(reading, header, start, end),
        parts=_parts(reading, params.get("boundary", ""), start, end, depth) if multipart else (),
        content_id=bare_id(_text(header, "content-id")),
        location=_text(header, "content-location"),
        name=params.get("name", "") or disposition.get("filename", ""),
        charset=params.get("charset", ""),
        start=bare_id(params.get("start", "")),
    )


def _text(header: dict[str, bytes], name: str) -> str:
    return decode_header(header.get(name, b""))


def _decoded(reading: _Reading, header: dict[str, bytes], start: int, end: int) -> bytes | memoryview:
    encoding = header.get("content-transfer-encoding", b"").strip().lower()
    if encoding == b"base64":
        try:
            # Foreign characters are skipped; what a cut leaves over of a group of four is not.
            return binascii.a2b_base64(memoryview(reading.octets)[start:end])
        except binascii.Error:
            reading.forgave.append("base64")
            text = re.sub(rb"[^A-Za-z0-9+/]", b"", reading.octets[start:end])
            return binascii.a2b_base64(text[: len(text) // 4 * 4])
    if encoding == b"quoted-printable":
        return binascii.a2b_qp(memoryview(reading.octets)[start:end])
    return memoryview(reading.octets)[start:end]


def _parts(reading: _Reading, boundary: str, start: int, end: int, depth: int) -> tuple[Part, ...]:
    if depth >= MAX_DEPTH:
        raise ProtocolError(f"multiparts more than {MAX_DEPTH} deep")
    spans = _spans(reading, b"--" + boundary.encode("utf-8", "surrogateescape"), start, end) if boundary else []
    if not spans:
        # A boundary that does not occur: the first line that looks like one and has a header behind it is taken.
        sniffed = _SNIFFED.search(reading.octets, start, min(end, start + MAX_HEADER_OCTETS))
        if sniffed is None:
            raise ProtocolError("a multipart without its boundary")
        reading.forgave.append("boundary")
        spans = _spans(reading, sniffed[1], start, end)
    return tuple(_whole(reading, at, until, depth) for at, until in spans)


def _whole(reading: _Reading, start: int, end: int, depth: int) -> Part:
    """The part in a span: header, blank line, body."""
    if bare := _LINE_END.match(reading.octets, start, end):
        return _part(reading, {}, bare.end(), end, depth + 1)
    blank = _BLANK_LINE.search(reading.octets, start, end)
    head_end = blank.start() if blank else end
    head = reading.octets[start : min(head_end, start + MAX_HEADER_OCTETS + 1)]
    return _part(reading, header_of(head), blank.end() if blank else end, end, depth + 1)


def header_of(head: bytes, limit: int = MAX_HEADER_OCTETS) -> dict[str, bytes]:
    """Header fields by lower-case name, the first of each name; raises ProtocolError for a header that is too large."""
    if len(head) > limit:
        raise ProtocolError(f"a header of more than {limit} octets")
    found: dict[str, bytes] = {}
    for line in _FOLD.sub(b" ", head).split(b"\n"):
        name, colon, value = line.partition(b":")
        if colon:
            found.setdefault(name.strip().decode("ascii", "replace").lower(), value.strip())
    return found


def _spans(reading: _Reading, delimiter: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """Where each part begins and ends. What stands before the first delimiter and after the last does not count."""
    octets, spans = reading.octets, []
    begun: int | None = None
    line, after = start, start + len(delimiter)
    found = octets.startswith(delimiter, start, end)
    for _ in range(MAX_DELIMITERS):
        if not found:
            at = octets.find(b"\n" + delimiter, line, end)
            if at < 0:
                break
            line, after = at + 1, at + 1 + len(delimiter)
        found = False
        line_end = octets.find(b"\n", after, min(end, after + MAX_LINE_PADDING))
        rest = octets[after : min(end, after + MAX_LINE_PADDING) if line_end < 0 else line_end]
        closing = rest[:2] == b"--" and not rest[2:].strip()
        if rest.strip() and not closing:  # a longer boundary that begins alike
            continue
        if begun is not None:
            stop = line - 1
            spans.append((begun, max(begun, stop - 1 if octets[stop - 1 : stop] == b"\r" else stop)))
        if closing:
            return spans
        begun = end if line_end < 0 else line_end + 1
        line = max(begun - 1, line)  # the line end before the next delimiter may be this one's
    else:
        raise ProtocolError(f"more than {MAX_DELIMITERS} lines that look like a boundary")
    if begun is not None:
        reading.forgave.append("no closing boundary")
        if begun < end:
            spans.append((begun, end))
    return spans


def write(part: Part, *, transfer_encoding: str = "binary") -> tuple[list[tuple[str, str]], list[bytes | memoryview]]:
    """Header fields and body of a tree, the body in pieces to be joined once; raises ValueError for unfit fields.

    ``transfer_encoding`` base64 is for mail: contents are encoded, names are ASCII (RFC 2231), lines are folded. Any
    other value is only written down.
    """
    pieces: list[bytes | memoryview] = []
    header = _write(part, pieces, transfer_encoding)
    return header, pieces


def new_boundary() -> str:
    """A boundary that no content holds by chance."""
    return "caiyou_" + secrets.token_hex(12)


def header_octets(header: list[tuple[str, str]]) -> bytes:
    """Header fields as they stand before a part's body, with the blank line."""
    return b"".join(f"{name}: {value}\r\n".encode() for name, value in header) + b"\r\n"


def _write(part: Part, pieces: list[bytes | memoryview], transfer_encoding: str) -> list[tuple[str, str]]:
    kind, header = [part.media_type], []
    if part.charset:
        kind.append(f"charset={quoted(part.charset, always=False)}")
    if part.multipart:
        boundary = new_boundary()
        if part.start and (root := part.root):
            kind += [f'start="<{_fit(part.start)}>"', f'type="{root.media_type}"']
        kind.append(f'boundary="{boundary}"')
    elif part.name:
        mail = transfer_encoding == BASE64 and not part.name.isascii()
        kind.append(f"name*=utf-8''{quote(part.name, safe='')}" if mail else f"name={quoted(part.name)}")
    header.append(("Content-Type", (";\r\n " if transfer_encoding == BASE64 else "; ").join(kind)))
    if not part.multipart:
        header.append(("Content-Transfer-Encoding", transfer_encoding))
    if part.content_id:
        header.append(("Content-ID", f"<{_fit(part.content_id)}>"))
    if part.location:
        header.append(("Content-Location", _fit(part.location)))
    if not part.multipart:
        pieces.append(_lines(part.content) if transfer_encoding == BASE64 else part.content)
        return header
    for one in part.parts:
        inner: list[bytes | memoryview] = []
        fields = _write(one, inner, transfer_encoding)
        pieces += [b"--" + boundary.encode() + b"\r\n" + header_octets(fields), *inner, b"\r\n"]
    pieces.append(b"--" + boundary.encode() + b"--\r\n")
    return header


def _lines(content: bytes | memoryview) -> bytes:
    return base64.encodebytes(content).replace(b"\n", b"\r\n")


def quoted(text: str, *, always: bool = True) -> str:
    """A parameter's value; raises ValueError for control characters, quotes and backslashes."""
    plain = re.fullmatch(r"[A-Za-z0-9._+-]+", text)
    return text if plain and not always else f'"{_fit(text)}"'


def _fit(text: str) -> str:
    if _UNFIT.search(text):
        raise ValueError(f"{text[:80]!r} does not fit into a header")
    return text
