"""clamd over its unix socket: pyclamd's INSTREAM, with the limits that pyclamd leaves out.

pyclamd 0.4 ignores how much ``send`` took, waits without an end, and takes a connection that closes without an answer
or with an odd one for "no virus": the stream below mends all three. clamd serves one INSTREAM a connection.
"""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyclamd

from caiyou_milter.settings import MilterSettings

CHUNK_OCTETS = 64 << 10
MAX_ANSWER_OCTETS = 4096
_ANSWER = re.compile(rb"stream: OK\n|[^\x00-\x1f]+ (FOUND|ERROR)\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What clamd said. ``trouble`` says why there is no answer; then ``signature`` is empty."""

    signature: str = ""
    trouble: str = ""
    too_large: bool = False

    @property
    def clean(self) -> bool:
        """Scanned, nothing found."""
        return not self.signature and not self.trouble


class Scanner(pyclamd.ClamdUnixSocket):  # type: ignore[misc] # untyped
    """One scan at a time; one object a thread."""

    def __init__(self, settings: MilterSettings) -> None:
        # pyclamd's own constructor connects for a test; a scanner is made while clamd is away, too.
        self._settings = settings
        self.clamd_socket: _Stream | None = None

    def scan(self, message: IO[bytes], size_bytes: int) -> Scan:
        """Scan a message from its beginning. Raises nothing that clamd is the cause of."""
        if size_bytes > self._settings.scan_max_bytes:
            return Scan(trouble=f"{size_bytes} bytes, more than scan_max_bytes", too_large=True)
        message.seek(0)
        try:
            found = self.scan_stream(message, CHUNK_OCTETS)
        except pyclamd.BufferTooLongError as error:
            return Scan(trouble=str(error), too_large=True)
        except OSError as error:
            return Scan(trouble=f"{self._settings.clamd_socket}: {error.__cause__ or error.__context__ or error}")
        finally:
            self._close_socket()
        if not found:
            return Scan()
        status, text = next(iter(found.values()))
        return Scan(signature=text or "unnamed") if status == "FOUND" else Scan(trouble=text or "clamd error")

    def _init_socket(self) -> None:
        table = self._settings
        self.clamd_socket = _Stream(table.clamd_socket, table.scan_connect_timeout_s, table.scan_timeout_s)

    def _close_socket(self) -> None:
        if self.clamd_socket is not None:
            self.clamd_socket.close()
            self.clamd_socket = None


class _Stream:
    """The part of a socket that pyclamd uses, with a deadline over the whole scan. Raises OSError."""

    def __init__(self, path: Path, connect_timeout_s: float, timeout_s: float) -> None:
        self._deadline = time.monotonic() + timeout_s
        self._pending = bytearray()
        self._answered = False
        self._broken = False
        self._failure: OSError | None = None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(connect_timeout_s)
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise

    def send(self, data: bytes) -> None:
        """Everything, gathered into large writes."""
        self._pending += data
        if len(self._pending) > CHUNK_OCTETS:
            self._flush()

    def recv(self, size: int) -> bytes:
        """clamd's one line, then nothing. pyclamd tries a failed one five times: it fails the same way."""
        if self._answered:
            return b""
        if self._failure is None:
            try:
                return self._answer()
            except OSError as error:
                self._failure = error
        raise self._failure

    def close(self) -> None:
        """Let the descriptor go."""
        self._socket.close()

    def _answer(self) -> bytes:
        self._flush()
        answer = b""
        while not answer.endswith(b"\n"):
            self._socket.settimeout(self._left_s())
            data = self._socket.recv(MAX_ANSWER_OCTETS)
            if not data:
                raise ConnectionResetError("clamd closed the connection without an answer")
            answer += data
            if len(answer) > MAX_ANSWER_OCTETS:
                break
        if not _ANSWER.fullmatch(answer):
            raise ConnectionAbortedError(f"clamd's answer is not understood: {answer[:80]!r}")
        self._answered = True
        return answer.decode("utf-8", "replace").encode()

    def _flush(self) -> None:
        pending, self._pending = self._pending, bytearray()
        if self._broken or not pending:
            return
        try:
            self._socket.settimeout(self._left_s())
            self._socket.sendall(pending)
        except (BrokenPipeError, ConnectionResetError):
            self._broken = True  # clamd stopped reading; it says why (size limit) in what it sent before

    def _left_s(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no answer within scan_timeout_s")
        return left
