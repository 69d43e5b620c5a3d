"""Filled and stroked outlines on a picture: edges smooth, colours plain or in gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from mms_builder.draw.outline import Outline, Point

Rgba = tuple[int, int, int, int]
_RAMP = 512
_EDGE = 181  # what Pillow's radial gradient is at the middle of each side; the corners are 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Paint:
    """Colours over a box of pixels (left, top, width, height): one, or a gradient along an angle or outwards."""

    colours: tuple[Rgba, ...]
    box: tuple[float, float, float, float]
    angle: float = 90.0
    radial: bool = False


def rgba(text: str) -> Rgba:
    """#rrggbb or #rrggbbaa."""
    red, green, blue, alpha = bytes.fromhex(text[1:].ljust(8, "f"))
    return red, green, blue, alpha


def fill(
    picture: Image.Image, shapes: Sequence[Sequence[Outline]], paint: Paint, *, blur: float = 0, stroke: float = 0
) -> None:
    """Fill shapes, or with ``stroke`` (pixels) draw along them. Coordinates and blur in pixels of the picture.

    Outlines of one shape that lie in each other leave holes; shapes join.
    """
    points = [point for shape in shapes for outline in shape for point in outline.points]
    margin = stroke + 3 * blur + 2
    left = max(0, math.floor(min(x for x, _ in points) - margin))
    top = max(0, math.floor(min(y for _, y in points) - margin))
    right = min(picture.width, math.ceil(max(x for x, _ in points) + margin))
    bottom = min(picture.height, math.ceil(max(y for _, y in points) + margin))
    if right <= left or bottom <= top:
        return
    grown = round(3 * blur) if blur else 0  # what lies outside shines in
    area = (left - grown, top - grown, right + grown, bottom + grown)
    mask = _mask(shapes, area, stroke, 4 if max(picture.size) <= 400 else 3)
    if blur:
        mask = mask.filter(ImageFilter.GaussianBlur(blur))
    if grown:
        mask = mask.crop((grown, grown, grown + right - left, grown + bottom - top))
    lay(picture, (left, top), mask, paint)


def _mask(
    shapes: Sequence[Sequence[Outline]], area: tuple[int, int, int, int], stroke: float, finer: int
) -> Image.Image:
    left, top, right, bottom = area
    size = ((right - left) * finer, (bottom - top) * finer)
    mask = Image.new("L", size)

    def moved(outline: Outline) -> list[Point]:
        return [((x - left) * finer, (y - top) * finer) for x, y in outline.points]

    pen = ImageDraw.Draw(mask)
    for shape in shapes:
        if stroke:
            for outline in shape:
                _stroke(pen, moved(outline), max(1.0, stroke * finer), closed=outline.closed)
        elif len(shape) == 1:
            pen.polygon(moved(shape[0]), fill=255)
        else:
            whole = Image.new("L", size)
            for outline in shape:
                one = Image.new("L", size)
                ImageDraw.Draw(one).polygon(moved(outline), fill=255)
                whole = ImageChops.difference(whole, one)
            mask.paste(255, (0, 0), whole)
    return mask.reduce(finer)


def _stroke(pen: ImageDraw.ImageDraw, points: list[Point], width: float, *, closed: bool) -> None:
    if closed:
        points = [*points, points[0]]
    pen.line(points, fill=255, width=round(width), joint="curve")
    half = width / 2
    for x, y in (points[0], points[-1]):  # round ends
        pen.ellipse((x - half, y - half, x + half, y + half), fill=255)


def lay(picture: Image.Image, at: tuple[int, int], mask: Image.Image, paint: Paint) -> None:
    """Put a paint on the picture through a mask."""
    if len(paint.colours) == 1:
        red, green, blue, alpha = paint.colours[0]
        if alpha < 255:
            mask = mask.point([value * alpha // 255 for value in range(256)])
        picture.paste((red, green, blue), at, mask)
        return
    shades = (_radial if paint.radial else _along)(paint, at, mask.size)
    alpha_of = shades.getchannel("A")
    if alpha_of.getextrema() != (255, 255):
        mask = ImageChops.multiply(mask, alpha_of)
    picture.paste(shades.convert("RGB"), at, mask)


def _between(colours: Sequence[Rgba], t: float) -> Rgba:
    place = min(max(t, 0.0), 1.0) * (len(colours) - 1)
    index = min(int(place), len(colours) - 2)
    part = place - index
    mixed = [round(a + (b - a) * part) for a, b in zip(colours[index], colours[index + 1], strict=True)]
    return mixed[0], mixed[1], mixed[2], mixed[3]


def _along(paint: Paint, at: tuple[int, int], size: tuple[int, int]) -> Image.Image:
    """A gradient along an angle, as wide as the box in that direction."""
    ramp = Image.new("RGBA", (3 * _RAMP, 3))  # a third to each side keeps the last colour
    for x in range(3 * _RAMP):
        ramp.paste(_between(paint.colours, (x - _RAMP) / (_RAMP - 1)), (x, 0, x + 1, 3))
    left, top, width, height = paint.box
    cos, sin = math.cos(math.radians(paint.angle)), math.sin(math.radians(paint.angle))
    length = max(1.0, abs(width * cos) + abs(height * sin))
    scale = _RAMP / length
    begin = (at[0] - left - width / 2) * cos + (at[1] - top - height / 2) * sin + length / 2
    # beyond a third the ramp has nothing: boxes are at most as large as three times the area seen
    factors = (cos * scale, sin * scale, _RAMP + begin * scale, 0, 0, 1)
    return ramp.transform(size, Image.Transform.AFFINE, factors, Image.Resampling.BILINEAR)


def _radial(paint: Paint, at: tuple[int, int], size: tuple[int, int]) -> Image.Image:
    """A gradient from the middle of the box to its edges."""
    left, top, width, height = paint.box
    far = Image.new("L", size, 255)
    disc = Image.radial_gradient("L").resize((max(1, round(width)), max(1, round(height))), Image.Resampling.BICUBIC)
    far.paste(disc, (round(left) - at[0], round(top) - at[1]))
    shades = [_between(paint.colours, value / _EDGE) for value in range(256)]
    bands = [far.point([shade[band] for shade in shades]) for band in range(4)]
    return Image.merge("RGBA", bands)
