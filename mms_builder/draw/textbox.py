"""Paragraphs set into a box: they shrink together, each down to its own least size, until all of them fit."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageDraw

from mms_builder.draw.breaking import balanced, clusters
from mms_builder.draw.fonts import FEATURES, Faces, Run, code_box

Across = Literal["left", "centre", "right"]
Down = Literal["top", "middle", "bottom"]
_STEP = 0.93  # of the size, from one try to the next
_LEAST_BRUSH = 11  # pixels
_BOLD = 0.028  # of the size: how much wider a bold stroke is


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """Text of one look. Sizes in pixels, ``least`` being what it may shrink to; gap and spacing by the size."""

    text: str
    face: str = "sans"
    size: int
    least: int
    colour: tuple[int, int, int, int]
    bold: bool = False
    align: Across = "left"
    gap: float = 0.0  # above it
    spacing: float = 1.25  # from line to line


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it will be drawn; ``top`` and ``left`` in the box, ``base`` from the line's top."""

    runs: tuple[Run, ...]
    left: float
    top: float
    base: int
    size: int
    paragraph: Paragraph


@dataclass(frozen=True, slots=True)
class Flow:
    """Paragraphs set into a box; ``cut``: even at the least sizes they did not fit, and end in "…"."""

    lines: tuple[Line, ...]
    width: int
    height: int
    cut: bool = False


def tidy(text: str) -> str:
    """Text that can be drawn: NFC, one kind of line end, no control or invisible characters but joiners of emoji."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\t", " ")
    kept = [c for c in text if c in "\n\u200d" or unicodedata.category(c) not in ("Cc", "Cf", "Cs") or _is_tag(c)]
    return unicodedata.normalize("NFC", "".join(kept))


def _is_tag(char: str) -> bool:
    return 0xE0020 <= ord(char) <= 0xE007F


def set_text(
    paragraphs: Sequence[Paragraph], width: int, height: int, faces: Faces, down: Down = "top", *, grows: bool = False
) -> Flow:
    """The paragraphs in a box of these pixels; empty ones leave no gap. ``grows``: as high as it needs to be."""
    present = [(p, clusters(tidy(p.text).strip())) for p in paragraphs if tidy(p.text).strip()]
    factor = 1.0
    while True:
        set_lines, used, fits = _set(present, width, factor, faces)
        at_least = all(_size(p, factor) == p.least for p, _ in present)
        if ((used <= height or grows) and fits) or at_least:
            break
        factor *= _STEP
    if grows:
        return Flow(tuple(set_lines), width, max(height, round(used + 0.5)))
    if used > height or not fits:
        kept, used = _until_full(set_lines, width, height, faces)
        return Flow(tuple(_moved(kept, height - used, down)), width, height, cut=True)
    return Flow(tuple(_moved(set_lines, height - used, down)), width, height)


def _size(paragraph: Paragraph, factor: float) -> int:
    return max(paragraph.least, round(paragraph.size * factor))


def face_at(paragraph: Paragraph, size: int) -> str:
    """Brush strokes are too fine to be read when they are small."""
    return paragraph.face if size >= _LEAST_BRUSH else "sans"


def _set(
    present: list[tuple[Paragraph, list[str]]], width: int, factor: float, faces: Faces
) -> tuple[list[Line], float, bool]:
    """Lines at one factor, how high they are, and whether each is narrow enough."""
    found: list[Line] = []
    top, fits = 0.0, True
    for number, (paragraph, cut) in enumerate(present):
        size = _size(paragraph, factor)
        room = width - (2 * _stroke(paragraph, size) if paragraph.bold else 0)
        face = face_at(paragraph, size)
        up, below = faces.metrics(face, size)
        widths = faces.widths(cut, face, size)
        top += paragraph.gap * size if number else 0
        for index, (start, end) in enumerate(balanced(cut, widths, room)):
            runs = tuple(faces.runs(cut[start:end], face, size))
            length = sum(run.width for run in runs)
            fits = fits and length <= room + 0.5
            if index:
                top += max(0.0, size * paragraph.spacing - up - below)
            found.append(Line(runs, _left(length, width, paragraph.align), top, up, size, paragraph))
            top += up + below
    return found, top, fits


def _left(length: float, width: int, align: Across) -> float:
    spare = max(0.0, width - length)
    return {"left": 0.0, "centre": spare / 2, "right": spare}[align]


def _stroke(paragraph: Paragraph, size: int) -> float:
    return size * _BOLD if paragraph.bold else 0.0


def _moved(placed: list[Line], spare: float, down: Down) -> list[Line]:
    by = {"top": 0.0, "middle": spare / 2, "bottom": spare}[down]
    return [Line(n.runs, n.left, n.top + max(0.0, by), n.base, n.size, n.paragraph) for n in placed]


def _until_full(placed: list[Line], width: int, height: int, faces: Faces) -> tuple[list[Line], float]:
    """The lines that fit, the last of them ending in "…"; at least one, be it cut."""
    kept = [
        line for line in placed if line.top + faces.metrics(face_at(line.paragraph, line.size), line.size)[0] <= height
    ] or [*placed[:1]]
    last = kept[-1]
    cut = [cluster for run in last.runs for cluster in clusters(run.text)]
    face = face_at(last.paragraph, last.size)
    while cut and sum(faces.widths([*cut, "…"], face, last.size)) > width:
        cut.pop()
    runs = tuple(faces.runs([*cut, "…"], face, last.size))
    left = _left(sum(run.width for run in runs), width, last.paragraph.align)
    kept[-1] = Line(runs, left, last.top, last.base, last.size, last.paragraph)
    up, below = faces.metrics(face, last.size)
    return kept, last.top + up + below


def draw(flow: Flow, faces: Faces, *, ink: tuple[int, int, int, int] | None = None) -> Image.Image:
    """The text on nothing: an RGBA picture of the box; ``ink`` in one colour for all (a shadow)."""
    picture = Image.new("RGBA", (flow.width, flow.height))
    mask = Image.new("L", picture.size)
    for colour in dict.fromkeys(line.paragraph.colour for line in flow.lines):
        mask.paste(0, (0, 0, *mask.size))
        pen = ImageDraw.Draw(mask)
        for line in flow.lines:
            if line.paragraph.colour == colour:
                _draw_line(line, pen, mask, picture, faces, ink is None)
        shown = ink or colour
        alpha = mask.point([value * shown[3] // 255 for value in range(256)])
        layer = Image.new("RGBA", picture.size, (*shown[:3], 0))
        layer.putalpha(alpha)
        picture.alpha_composite(layer)
    return picture


def _draw_line(
    line: Line, pen: ImageDraw.ImageDraw, mask: Image.Image, picture: Image.Image, faces: Faces, coloured: bool
) -> None:
    x, base = line.left, round(line.top) + line.base
    for run in line.runs:
        if run.font is not None:
            stroke = _stroke(line.paragraph, line.size)
            at = (round(x + stroke), base)
            pen.text(at, run.text, fill=255, font=run.font, anchor="ls", stroke_width=stroke, features=FEATURES)
        else:
            corner = (round(x + (run.width - line.size) / 2), round(base - 0.86 * line.size))
            emoji = faces.emoji(run.text, line.size)
            if emoji is None:
                mask.paste(255, (round(x), corner[1]), code_box(run.text, line.size, faces.plain))
            elif coloured:
                picture.alpha_composite(emoji, _inside(corner))
            else:
                mask.paste(255, corner, emoji.getchannel("A"))
        x += run.width


def _inside(at: tuple[int, int]) -> tuple[int, int]:
    return max(0, at[0]), max(0, at[1])
