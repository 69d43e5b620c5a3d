"""Octets of a modem to lines and prompts. Line ends of any kind, garbage and endless lines are survived."""

from __future__ import annotations

MAX_LINE = 4096  # octets; the longest lawful line is a PDU of 176 octets in hexadecimal digits
ESCAPE = "\x1b"
SUBSTITUTE = "\x1a"  # ^Z ends a PDU
_ENDS = b"\r\n"
_NOISE = bytes(code for code in range(256) if not 0x20 <= code < 0x7F and code not in (9, 0x1A))


class Prompt:
    """The modem waits for a PDU: ``>`` at the beginning of a line."""


PROMPT = Prompt()


class LineReader:
    """Feed it; it gives lines (without ends, never empty) and prompts as they are complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[str | Prompt]:
        """What is complete now. Control characters and octets over 0x7E are dropped: no answer holds any."""
        found: list[str | Prompt] = []
        for octet in data:
            if octet in _ENDS:
                self._end(found)
            elif octet == 0x3E and not self._buffer.strip():
                self._buffer.clear()
                found.append(PROMPT)
            elif len(self._buffer) < MAX_LINE:
                self._buffer.append(octet)
        return found

    def _end(self, found: list[str | Prompt]) -> None:
        line = bytes(self._buffer).translate(None, _NOISE).decode("ascii").strip()
        self._buffer.clear()
        if line:
            found.append(line)
