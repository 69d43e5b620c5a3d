"""Cutting a stream into PDUs whose first four octets are their length, and the header of 12 octets.

CMPP and SMGP have that header: length, command, sequence id, of 4 octets each; SMPP's and SGIP's are longer.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from caiyou.errors import ProtocolError

HEADER_OCTETS = 12
MAX_PDU_OCTETS = 4096  # the largest lawful one, CMPP's SUBMIT to 99 numbers with 140 octets, has 3,471
RESPONSE = 0x8000_0000  # a response's command is the request's with this bit
HEADER = struct.Struct(">III")

_LENGTH = struct.Struct(">I")


def header_of(octets: bytes) -> tuple[int, int]:
    """Command and sequence id of a whole PDU."""
    _, command, sequence_id = HEADER.unpack_from(octets)
    return command, sequence_id


class Splitter:
    """Cuts a stream into whole PDUs of ``header_octets`` or more; keeps at most one PDU and the last octets fed."""

    __slots__ = ("_kept", "_max", "_min")

    def __init__(self, max_pdu_octets: int = MAX_PDU_OCTETS, header_octets: int = HEADER_OCTETS) -> None:
        self._kept = b""
        self._max = max_pdu_octets
        self._min = header_octets

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The PDUs that ``data`` completes; raises ProtocolError on an impossible length: the stream is lost."""
        data = self._kept + data if self._kept else data
        pos, end = 0, len(data)
        self._kept = b""
        while end - pos >= 4:
            (total,) = _LENGTH.unpack_from(data, pos)
            if not self._min <= total <= self._max:
                raise ProtocolError(f"Total_Length {total} is not in {self._min}-{self._max}")
            if pos + total > end:
                break
            yield data[pos : pos + total]
            pos += total
        self._kept = data[pos:]
