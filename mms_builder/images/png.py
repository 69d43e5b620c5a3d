"""PNG without any chunk that an old phone could stumble over."""

from __future__ import annotations

import io

from PIL import Image

from mms_builder.images import palette
from mms_builder.images.gif import steps


def encode(image: Image.Image, room: int, colours: int) -> bytes:
    """With all colours, or as many as have room; with the fewest when none has. Takes RGB."""
    made = b""
    if colours > 256 and not image.getcolors(256):
        made = _png(image)
        if len(made) <= room:
            return made
    for step in steps(colours):
        made = _png(palette.paletted(image, step))
        if len(made) <= room or len(made) > 6 * room:
            break
    return made


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()
