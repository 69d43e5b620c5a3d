"""One message in wire form (dot-stuffed, without the final dot), in memory or, where it is large, in an unnamed file.

It is never decoded or rewritten: what arrived goes to Dovecot byte for byte. Lines end in CR LF only: Dovecot takes a
bare LF for a line end too, so ``LF . LF`` inside a message would end it there and the rest would be commands.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import tempfile
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO

PIECE = 1 << 18
HEAD = 1 << 16

_RECEIVED = re.compile(rb"\r\nreceived:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*", re.IGNORECASE)
_QUEUE_ID = re.compile(rb"\sid\s([0-9A-Za-z]{6,40})[\s;]")
_MESSAGE_ID = re.compile(rb"\r\nmessage-id:\s*(<[^<>\r\n]{1,990}>)", re.IGNORECASE)


class Message:
    """Built with ``add`` and ``finish``, read with ``pieces``; ``close`` drops the file."""

    def __init__(self, memory_bytes: int, spool: Path) -> None:
        self.size_bytes = 0
        self.bare_lf = False
        self.received = b""  # the topmost Received header: Postfix's own
        self.queue_id: str | None = None  # from that header
        self.message_id: str | None = None
        self._memory_bytes = memory_bytes
        self._spool = spool
        self._pieces: list[bytes] = []
        self._held_bytes = 0
        self._file: IO[bytes] | None = None
        self._ends_in_cr = False
        self._head = b""

    async def add(self, piece: bytes) -> None:
        """The next bytes; raises OSError when the file cannot be written."""
        lone = piece.count(b"\n") - piece.count(b"\r\n")
        if lone and not (lone == 1 and self._ends_in_cr and piece.startswith(b"\n")):
            self.bare_lf = True
        self._ends_in_cr = piece.endswith(b"\r")
        if len(self._head) < HEAD:
            self._head += piece[: HEAD - len(self._head)]
        self.size_bytes += len(piece)
        self._pieces.append(piece)
        self._held_bytes += len(piece)
        if self._held_bytes > self._memory_bytes:
            await asyncio.to_thread(self._flush)

    def finish(self) -> None:
        """All is there: look at the header."""
        end = self._head.find(b"\r\n\r\n")
        head = b"\r\n" + (self._head if end < 0 else self._head[: end + 2])
        self._head = b""
        if received := _RECEIVED.search(head):
            self.received = received[0]
            if queue_id := _QUEUE_ID.search(received[0]):
                self.queue_id = queue_id[1].decode("ascii")
        if message_id := _MESSAGE_ID.search(head):
            self.message_id = message_id[1].decode("utf-8", "backslashreplace")

    @property
    def received_at(self) -> float | None:
        """When Postfix took it, by that header (Unix seconds); None where it does not say."""
        try:
            return parsedate_to_datetime(self.received.rpartition(b";")[2].decode("ascii")).timestamp()
        except (ValueError, TypeError, OverflowError):
            return None

    def key(self, queue_id: str, mailbox: str) -> str:
        """What names this mail's delivery to this mailbox whenever Postfix tries it.

        Postfix may use a queue id again; the Received header it wrote holds the time too.
        """
        digest = hashlib.blake2b(self.received, digest_size=16)
        digest.update(f"\0{queue_id}\0{mailbox}".encode())
        return digest.hexdigest()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The wire form, several readers at a time."""
        if self._file is None:
            for piece in self._pieces:
                yield piece
            return
        descriptor, offset = self._file.fileno(), 0
        while piece := await asyncio.to_thread(os.pread, descriptor, PIECE, offset):
            offset += len(piece)
            yield piece
        for piece in self._pieces:
            yield piece

    def drop(self) -> None:
        """Forget the content, keep the figures: it will not be delivered."""
        self._pieces.clear()
        self._held_bytes = 0
        self.close()

    def close(self) -> None:
        """Drop the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _flush(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._spool, buffering=0)  # noqa: SIM115 - closed by close
        for piece in self._pieces:
            view = memoryview(piece)
            while view:
                view = view[self._file.write(view) or 0 :]
        self._pieces.clear()
        self._held_bytes = 0
