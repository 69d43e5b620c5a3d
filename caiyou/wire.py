"""A cursor over octets: big-endian integers, fixed octet strings padded right with 0x00.

Used by the sans-I/O codecs. Reading past the end raises ProtocolError that names the field, the octets it needs and
the octets present; writing a value that does not fit raises ValueError that names the field.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from caiyou.errors import ProtocolError


class Reader:
    """Reads ``data`` from ``pos`` up to ``end``; ``name`` is the field's name for the error."""

    __slots__ = ("data", "end", "pos")

    def __init__(self, data: bytes, pos: int = 0, end: int | None = None) -> None:
        self.data = data
        self.pos = pos
        self.end = len(data) if end is None else end
        if not 0 <= pos <= self.end <= len(data):
            raise ValueError(f"cursor {pos}-{self.end} does not lie in {len(data)} octets")

    @property
    def left(self) -> int:
        """Octets not read yet."""
        return self.end - self.pos

    def uint(self, size: int, name: str) -> int:
        """An unsigned integer of ``size`` octets."""
        return int.from_bytes(self.octets(size, name), "big")

    def octets(self, size: int, name: str) -> bytes:
        """Exactly ``size`` octets."""
        start, stop = self.pos, self.pos + size
        if size < 0 or stop > self.end:
            raise ProtocolError(f"{name}: {size} octets needed, {self.end - start} present")
        self.pos = stop
        return self.data[start:stop]

    def octet_string(self, size: int, name: str) -> str:
        """A fixed string up to its first 0x00; octets over 0x7F read as Latin-1, so that nothing is lost."""
        return text_of(self.octets(size, name))

    def rest(self) -> bytes:
        """All that is left."""
        return self.octets(self.left, "rest")

    @contextmanager
    def restrict_to(self, size: int, name: str) -> Iterator[None]:
        """Within the block only the next ``size`` octets exist; after it the cursor stands behind them."""
        if size < 0 or size > self.left:
            raise ProtocolError(f"{name}: {size} octets needed, {self.left} present")
        outer, self.end = self.end, self.pos + size
        inner = self.end
        try:
            yield
            self.pos = inner
        finally:
            self.end = outer

    def done(self, name: str) -> None:
        """Refuse what is left over."""
        if self.left:
            raise ProtocolError(f"{name}: {self.left} octets too many")


class Writer:
    """Collects octets; ``bytes(writer)`` gives them."""

    __slots__ = ("_octets",)

    def __init__(self) -> None:
        self._octets = bytearray()

    def __bytes__(self) -> bytes:
        return bytes(self._octets)

    def __len__(self) -> int:
        return len(self._octets)

    def uint(self, value: int, size: int, name: str) -> None:
        """An unsigned integer of ``size`` octets."""
        if not 0 <= value < 1 << 8 * size:
            raise ValueError(f"{name}: {value} does not fit {size} octets")
        self._octets += value.to_bytes(size, "big")

    def octets(self, value: bytes) -> None:
        """Octets as they are."""
        self._octets += value

    def octet_string(self, value: str, size: int, name: str) -> None:
        """ASCII, padded right with 0x00 to ``size`` octets."""
        self._octets += octets_of(value, size, name).ljust(size, b"\0")


def text_of(octets: bytes) -> str:
    """A fixed octet string up to its first 0x00, as Latin-1."""
    end = octets.find(0)
    if not end:
        return ""
    return (octets if end < 0 else octets[:end]).decode("latin-1")


def octets_of(value: str, size: int, name: str) -> bytes:
    """The octets of an ASCII string of at most ``size``, without padding; raises ValueError."""
    if not value.isascii() or len(value) > size or "\0" in value:
        raise ValueError(f"{name}: {value!r} is not ASCII of at most {size} octets without 0x00")
    return value.encode("ascii")
