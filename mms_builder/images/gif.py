"""GIF87a and GIF89a: stills, animations, and what a file holds without decoding it (CompuServe, 1990)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from caiyou.errors import InputError
from mms_builder.images import palette

MAX_FRAMES = 1000
_BROKEN = "the GIF picture is cut off or broken"
_SHEET = 12  # frames are looked at to choose a palette for all


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture of an animation: RGB."""

    image: Image.Image
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """What a GIF file says of itself. ``bare``: without comments, foreign blocks and what follows the end."""

    width: int
    height: int
    frames: int
    inside: bool  # no frame goes beyond the screen
    bare: bytes


def structure(content: bytes) -> Structure:
    """Raises InputError when it is cut off, broken, or has more than 1000 frames."""
    try:
        walk = _Walk(content)
        walk.all()
    except IndexError:
        raise InputError(_BROKEN) from None
    if not walk.frames:
        raise InputError("the GIF picture has no frame")
    return Structure(
        width=walk.width,
        height=walk.height,
        frames=walk.frames,
        inside=walk.inside,
        bare=b"".join(walk.kept) + b";",
    )


class _Walk:
    """From block to block. A file that ends between two blocks is whole: many lack the trailer."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.kept: list[bytes] = []
        self.frames = 0
        self.inside = True
        self.width, self.height = self._u16(6), self._u16(8)

    def _u16(self, at: int) -> int:
        return self._content[at] | self._content[at + 1] << 8

    def all(self) -> None:
        at = 13 + _table(self._content[10])
        self._keep(0, at)
        while at < len(self._content) and self._content[at] != 0x3B:
            start = at
            match self._content[at]:
                case 0x2C:
                    at = self._image(at)
                    self._keep(start, at)
                case 0x21:
                    label = self._content[at + 1]
                    at = self._blocks(at + 2)
                    loops = self._content[start + 3 : start + 14] in (b"NETSCAPE2.0", b"ANIMEXTS1.0")
                    if label == 0xF9 or (label == 0xFF and loops):
                        self._keep(start, at)
                case _:
                    raise InputError(_BROKEN)

    def _image(self, at: int) -> int:
        self.frames += 1
        if self.frames > MAX_FRAMES:
            raise InputError(f"the GIF picture has more than {MAX_FRAMES} frames")
        left, top, width, height = (self._u16(at + offset) for offset in (1, 3, 5, 7))
        self.inside &= left + width <= self.width and top + height <= self.height
        return self._blocks(at + 10 + _table(self._content[at + 9]) + 1)

    def _blocks(self, at: int) -> int:
        while length := self._content[at]:
            at += 1 + length
        return at + 1

    def _keep(self, start: int, end: int) -> None:
        if end > len(self._content):
            raise InputError(_BROKEN)
        self.kept.append(self._content[start:end])


def _table(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def encode(image: Image.Image, room: int, colours: int) -> bytes:
    """A still with as many colours as have room; with the fewest when none has. Takes RGB."""
    made = b""
    for step in steps(colours):
        made = _still(palette.paletted(image, step))
        if len(made) <= room or len(made) > 6 * room:
            break
    return made


def steps(colours: int) -> list[int]:
    """Numbers of colours to try, the best first."""
    return [min(colours, 256)] + [step for step in palette.STEPS if step < colours and step < 256]


def _still(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "GIF", optimize=True)
    return out.getvalue()


def animate(frames: Sequence[Frame], colours: int, *, dither: bool, loop: int | None) -> bytes:
    """One palette for all frames; unchanged parts are left out. ``loop``: 0 is for ever, None plays once."""
    every = max(1, len(frames) // _SHEET)
    chosen = palette.chosen([frame.image for frame in frames[::every]], colours)
    images = (palette.applied(frame.image, chosen, dither=dither) for frame in frames)
    out = io.BytesIO()
    first = next(images)
    options = {} if loop is None else {"loop": loop}
    first.save(
        out,
        "GIF",
        save_all=True,
        append_images=images,
        duration=[frame.duration_ms for frame in frames],
        disposal=1,
        optimize=False,
        **options,
    )
    return out.getvalue()
