"""The content of one message as Postfix hands it over: kept for the scan and the digest, in memory or in a file."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import IO

INTERNAL = "x-caiyou-"  # headers that only Caiyou itself may write
ASK_HEADER = "x-caiyou-sms"
MAX_INTERNAL = 100  # internal headers in one mail; each costs Postfix a search of the header
MAX_HELD_OCTETS = 64 << 10  # of headers, before they are written


class Message:
    """Headers as they come, then the body in pieces. ``close`` it."""

    def __init__(self, *, memory_bytes: int, folder: Path) -> None:
        self.spool: IO[bytes] = tempfile.SpooledTemporaryFile(  # noqa: SIM115 # ``close`` ends it
            memory_bytes, dir=str(folder)
        )
        self.size_bytes = 0  # of what has been written
        self.message_id = ""
        self.internal: Counter[str] = Counter()  # how often each internal header stands in it, by lower-case name
        self.asks = False  # X-Caiyou-SMS: yes
        self._subject = b""
        self._header: list[bytes] = []
        self._header_octets = 0
        self._in_body = False

    def header(self, name: str, value: bytes) -> None:
        """One header; ``value`` is what follows the colon, folded with LF, blanks included."""
        self._header += (name.encode("ascii", "replace"), b":", value.replace(b"\n", b"\r\n"), b"\r\n")
        self._header_octets += len(name) + len(value)
        if self._header_octets > MAX_HELD_OCTETS:
            self._write_header()
        lower = name.rstrip().lower()
        if lower == "subject":
            self._subject = value
        elif lower == "message-id":
            text = value.decode("utf-8", "replace").strip()[:998]
            self.message_id = text if text.strip("<> ") else ""  # <> names no mail, and many have it
        elif lower.startswith(INTERNAL):
            if self.is_flooded:
                return
            self.internal[lower] += 1
            self.asks = self.asks or (lower == ASK_HEADER and value.strip().lower() == b"yes")

    def body(self, chunk: bytes) -> None:
        """The next piece of the body."""
        if not self._in_body:
            self._in_body = True
            self._header.append(b"\r\n")
            self._write_header()
        self.size_bytes += self.spool.write(chunk)

    def complete(self) -> None:
        """That was all of it."""
        self.body(b"")

    @property
    def is_flooded(self) -> bool:
        """Whether it holds more internal headers than can be taken out."""
        return self.internal.total() > MAX_INTERNAL

    @property
    def may_be_tagged(self) -> bool:
        """Whether the subject, once decoded, can hold a tag at all: decoding costs more than this look."""
        return b"[" in self._subject or b"=?" in self._subject or not self._subject.isascii()

    def head(self, octets: int) -> bytes:
        """The first octets of the message."""
        self.spool.seek(0)
        return self.spool.read(octets)

    def close(self) -> None:
        """Let memory or file go."""
        self.spool.close()

    def _write_header(self) -> None:
        self.size_bytes += self.spool.write(b"".join(self._header))
        self._header.clear()
        self._header_octets = 0
