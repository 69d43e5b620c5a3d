"""Where a message ends in what the peer sends: bytes in, pieces of the message out; no I/O."""

from __future__ import annotations

END = b"\r\n.\r\n"
_SHORT = len(END) - 1  # so many octets may be the beginning of the end


class Intake:
    """One message after 354, in wire form. Only CR LF . CR LF ends it (RFC 5321 4.1.1.4)."""

    def __init__(self) -> None:
        self._held = b"\r\n"  # the end of the line DATA, so that a lone dot ends an empty message
        self._foreign = 2

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """The next piece of the message, and what follows the message; None: it goes on."""
        data = self._held + data
        end = data.find(END)
        if end < 0:
            piece, self._held = data[:-_SHORT], data[-_SHORT:]
            rest = None
        else:
            piece, rest = data[: end + 2], data[end + len(END) :]
        if self._foreign:
            cut = min(self._foreign, len(piece))
            self._foreign -= cut
            piece = piece[cut:]
        return piece, rest
