"""A template's slide with a card's values in it, as a picture of any size."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageFilter, ImageOps

from mms_builder.draw import textbox
from mms_builder.draw.canvas import Paint, Rgba, fill, lay, rgba
from mms_builder.draw.fonts import Faces
from mms_builder.draw.outline import Outline, Point, outlines
from mms_builder.draw.textbox import Flow, Paragraph
from mms_builder.draw.vertical import set_columns
from mms_builder.template import (
    PLACEHOLDER,
    Language,
    ParagraphOf,
    PictureLayer,
    Scatter,
    ShapeLayer,
    SlideOf,
    Template,
    TextLayer,
)

Area = tuple[float, float, float, float]  # left, top, width, height in pixels

LEAST_PIXELS = 7  # below this no Chinese character can be read
_CANDIDATES = 5  # places tried for each scattered piece; the loneliest is taken


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with the fields' values in it; empty where it names fields and all of them are."""
    names = PLACEHOLDER.findall(text)
    if names and not any(values.get(name, "").strip() for name in names):
        return ""
    return PLACEHOLDER.sub(lambda match: values.get(match[1], "").strip(), text)


def paint_slide(
    template: Template,
    slide: SlideOf,
    folder: Path,
    values: Mapping[str, str],
    language: Language,
    size: tuple[int, int],
    faces: Faces,
) -> list[Image.Image]:
    """The slide in RGB; the same values and size give the same pixels.

    Where a text is too long for its box at a size that can be read, it goes on in a second picture, and so on.
    """
    picture = Image.new("RGB", size, "white")
    orientation = "landscape" if size[0] > 1.1 * size[1] else "portrait"
    layers = [layer for layer in slide.layers if layer.only in (None, orientation)]
    texts = {
        number: set_layer(layer, size, values, language, faces)
        for number, layer in enumerate(layers)
        if isinstance(layer, TextLayer)
    }
    pages = [picture] + [picture.copy() for _ in range(max((len(flows) for flows in texts.values()), default=1) - 1)]
    for page, image in enumerate(pages):
        for number, layer in enumerate(layers):
            match layer:
                case ShapeLayer():
                    _shape(image, layer, template)
                case PictureLayer():
                    _picture(image, layer, folder)
                case TextLayer():
                    flows = texts[number]
                    if len(flows) == 1 or page < len(flows):  # a heading stands on every page
                        _text(image, layer, flows[page % len(flows)], faces)
    return pages


def _area(box: Sequence[float], size: tuple[int, int], keep: str | None = None) -> Area:
    width, height = size
    left, top, wide, high = (box[0] * width / 100, box[1] * height / 100, box[2] * width / 100, box[3] * height / 100)
    if keep is None:
        return left, top, wide, high
    side = min(wide, high)
    across = 0.0 if "left" in keep else 1.0 if "right" in keep else 0.5
    down = 0.0 if "top" in keep else 1.0 if "bottom" in keep else 0.5
    return left + (wide - side) * across, top + (high - side) * down, side, side


def _shape(picture: Image.Image, layer: ShapeLayer, template: Template) -> None:
    short = min(picture.size)
    area = _area(layer.box, picture.size, layer.keep)
    named = layer.fill if isinstance(layer.fill, list) else [layer.fill] if layer.fill else []
    colours = tuple(rgba(colour) for colour in named)
    if colours and _covers(layer):
        paint = Paint(colours=colours, box=area, angle=layer.angle, radial=layer.radial)
        lay(picture, (0, 0), Image.new("L", picture.size, 255), paint)
        return
    blur = layer.blur * short / 100
    if layer.scatter:
        groups = _scattered(layer, template, layer.scatter, area, short, max(1, len(colours)))
        shades: list[tuple[Rgba, ...]] = [(colour,) for colour in colours]
    else:
        groups, shades = [_around(layer, template, area)], [colours] if colours else []
    for shapes, shade in zip(groups, shades, strict=False):
        if shapes:
            fill(picture, shapes, Paint(colours=shade, box=area, angle=layer.angle, radial=layer.radial), blur=blur)
    if layer.stroke:
        stroke = max(0.6, layer.stroke_width * short / 100)
        shapes = [shape for group in groups for shape in group]
        fill(picture, shapes, Paint(colours=(rgba(layer.stroke),), box=area), blur=blur, stroke=stroke)


def _covers(layer: ShapeLayer) -> bool:
    plain = not (layer.turn or layer.blur or layer.radius or layer.keep or layer.scatter)
    return layer.shape == "rectangle" and plain and layer.box == (0, 0, 100, 100)


def _outlines(layer: ShapeLayer, template: Template, area: Area) -> list[Outline]:
    """The layer's shape in pixels."""
    left, top, wide, high = area
    if layer.shape == "rectangle" and layer.radius:
        r = layer.radius / 100 * min(wide, high)
        rx, ry = 100 * r / wide, 100 * r / high
        arc = f"A{rx} {ry} 0 0 1"
        path = (
            f"M{rx} 0 H{100 - rx} {arc} 100 {ry} V{100 - ry} {arc} {100 - rx} 100 H{rx} {arc} 0 {100 - ry} V{ry} "
            f"{arc} {rx} 0 Z"
        )
    elif layer.shape == "rectangle":
        path = "M0 0 H100 V100 H0 Z"
    elif layer.shape == "ellipse":
        path = "M0 50 A50 50 0 0 1 100 50 A50 50 0 0 1 0 50 Z"
    else:
        path = template.shapes[layer.shape] if layer.shape else layer.path or ""
    flip = layer.mirrored

    def placed(point: Point) -> Point:
        x = 100 - point[0] if flip else point[0]
        return left + x * wide / 100, top + point[1] * high / 100

    return [Outline(tuple(placed(p) for p in outline.points), outline.closed) for outline in outlines(path)]


def _turned(shape: list[Outline], middle: Point, degrees: float) -> list[Outline]:
    if not degrees % 360:
        return shape
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))

    def turned(point: Point) -> Point:
        x, y = point[0] - middle[0], point[1] - middle[1]
        return middle[0] + x * cos - y * sin, middle[1] + x * sin + y * cos

    return [Outline(tuple(turned(p) for p in outline.points), outline.closed) for outline in shape]


def _around(layer: ShapeLayer, template: Template, area: Area) -> list[list[Outline]]:
    shape = _outlines(layer, template, area)
    middle = (area[0] + area[2] / 2, area[1] + area[3] / 2)
    return [_turned(shape, middle, layer.turn + 360 * n / layer.around) for n in range(layer.around)]


def _scattered(
    layer: ShapeLayer, template: Template, scatter: Scatter, area: Area, short: int, colours: int
) -> list[list[list[Outline]]]:
    """The scattered copies by colour. Places are relative: they stay where they are whatever the screen."""
    chance = random.Random(scatter.seed)  # noqa: S311  the same picture every time, no secret
    by_colour: list[list[list[Outline]]] = [[] for _ in range(colours)]
    taken: list[Point] = []
    for number in range(scatter.count):
        tried = [(chance.random(), chance.random()) for _ in range(_CANDIDATES)]
        spot = max(tried, key=_loneliness(taken[-80:]))
        taken.append(spot)
        side = chance.uniform(*scatter.size) * short / 100
        at = (area[0] + spot[0] * area[2] - side / 2, area[1] + spot[1] * area[3] - side / 2)
        shapes = _around(layer, template, (*at, side, side))
        degrees = chance.uniform(*scatter.turn)
        middle = (at[0] + side / 2, at[1] + side / 2)
        by_colour[number % colours] += [_turned(shape, middle, degrees) for shape in shapes]
    return by_colour


def _loneliness(taken: Sequence[Point]) -> Callable[[Point], float]:
    def of(spot: Point) -> float:
        return min(((spot[0] - x) ** 2 + (spot[1] - y) ** 2 for x, y in taken), default=0.0)

    return of


def _picture(picture: Image.Image, layer: PictureLayer, folder: Path) -> None:
    left, top, wide, high = _area(layer.box, picture.size)
    size = (max(1, round(wide)), max(1, round(high)))
    with Image.open(folder / layer.file) as opened:
        shown = opened.convert("RGBA")
    match layer.fit:
        case "cover":
            shown = ImageOps.fit(shown, size, Image.Resampling.LANCZOS)
        case "contain":
            shown = ImageOps.contain(shown, size, Image.Resampling.LANCZOS)
        case "stretch":
            shown = shown.resize(size, Image.Resampling.LANCZOS)
    at = (round(left + (wide - shown.width) / 2), round(top + (high - shown.height) / 2))
    picture.paste(shown.convert("RGB"), at, shown.getchannel("A"))


def text_area(layer: TextLayer, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The box of a text layer, whole pixels inside it."""
    left, top, wide, high = _area(layer.box, size)
    x, y = math.ceil(left), math.ceil(top)
    return x, y, max(1, math.floor(left + wide) - x), max(1, math.floor(top + high) - y)


def set_layer(
    layer: TextLayer, size: tuple[int, int], values: Mapping[str, str], language: Language, faces: Faces
) -> list[Flow]:
    """A text layer's paragraphs with values in them, set into its box and further ones where one is not enough."""
    _, _, wide, high = text_area(layer, size)
    present = [_paragraph(p, filled(p.written(language), values), min(size)) for p in layer.paragraphs]
    if layer.vertical:
        return set_columns(present, wide, high, faces, layer.down)
    return textbox.set_text(present, wide, high, faces, layer.down)


def _paragraph(made: ParagraphOf, text: str, short: int) -> Paragraph:
    least = max(LEAST_PIXELS, round(made.least * short / 100))
    return Paragraph(
        text=text,
        face=made.face,
        size=max(least, round(made.size * short / 100)),
        least=least,
        colour=rgba(made.colour),
        bold=made.bold,
        align=made.align,
        gap=made.gap,
        spacing=made.spacing,
    )


def _text(picture: Image.Image, layer: TextLayer, flow: Flow, faces: Faces) -> None:
    left, top, _, _ = text_area(layer, picture.size)
    if layer.shadow:
        short = min(picture.size)
        ink = textbox.draw(flow, faces, ink=rgba(layer.shadow))
        whole = Image.new("RGBA", picture.size, (*rgba(layer.shadow)[:3], 0))
        whole.paste(ink, (left + max(1, round(short * 0.006)), top + max(1, round(short * 0.008))))
        whole = whole.filter(ImageFilter.GaussianBlur(short * 0.008))
        picture.paste(whole.convert("RGB"), (0, 0), whole.getchannel("A"))
    drawn = textbox.draw(flow, faces)
    picture.paste(drawn.convert("RGB"), (left, top), drawn.getchannel("A"))
