"""Paragraphs set into a box: they shrink together, each down to its own least size, until all of them fit."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from PIL import Image, ImageDraw

from mms_builder.draw.breaking import balanced, clusters, lines
from mms_builder.draw.fonts import FEATURES, Faces, Run, code_box

Across = Literal["left", "centre", "right"]
Down = Literal["top", "middle", "bottom"]
_STEP = 0.93  # of the size, from one try to the next
_OVERHANG = 0.03  # of the size: what letters reach beyond their width
_TIGHT = 1.15  # the least spacing: what shrinks comes closer together too
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
    balanced: bool = True  # lines of nearly one width, no lonely last character; else each as long as it can be


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it will be drawn; ``top`` and ``left`` in the box, ``base`` from the line's top."""

    runs: tuple[Run, ...]
    left: float
    top: float
    base: int
    height: int
    length: float
    size: int
    paragraph: Paragraph


@dataclass(frozen=True, slots=True)
class Flow:
    """What stands in a box; ``cut``: it is too small for a single line of the least size."""

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


def set_text(paragraphs: Sequence[Paragraph], width: int, height: int, faces: Faces, down: Down = "top") -> list[Flow]:
    """The paragraphs in a box of these pixels, as large as may be; empty ones leave no gap.

    What does not fit even at the least sizes goes on in a second box of the same size, and so on: one Flow each.
    """
    present = _present(paragraphs)
    pages, fits = _pages(_set(present, width, 0.0, faces), width, height)
    wanted, factor = len(pages), 1.0
    while any(_size(p, factor) > p.least for p, _ in present):
        tried, fit = _pages(_set(present, width, factor, faces), width, height)
        if fit and len(tried) <= wanted:
            pages, fits = tried, fit
            break
        factor *= _STEP
    return [_placed(page, width, height, down, cut=not fits) for page in pages] or [Flow((), width, height)]


def set_column(paragraphs: Sequence[Paragraph], width: int, faces: Faces) -> Flow:
    """The paragraphs at their full sizes in a box as high as they need."""
    found = _set(_present(paragraphs), width, 1.0, faces)
    return Flow(tuple(found), width, max((math.ceil(line.top + line.height) for line in found), default=0))


def _present(paragraphs: Sequence[Paragraph]) -> list[tuple[Paragraph, list[str]]]:
    tidied = [(paragraph, tidy(paragraph.text).strip()) for paragraph in paragraphs]
    return [(paragraph, clusters(text)) for paragraph, text in tidied if text]


def _pages(found: Sequence[Line], width: int, height: int) -> tuple[list[list[Line]], bool]:
    """Lines by box, and whether each line fits into one."""
    pages: list[list[Line]] = []
    for line in found:
        if not pages or line.top + line.height - pages[-1][0].top > height:
            pages.append([])
        pages[-1].append(line)
    fits = all(line.height <= height and line.left + line.length <= width for line in found)
    return pages, fits


def _placed(page: Sequence[Line], width: int, height: int, down: Down, *, cut: bool) -> Flow:
    used = page[-1].top + page[-1].height - page[0].top
    by = {"top": 0.0, "middle": 0.5, "bottom": 1.0}[down] * max(0.0, height - used) - page[0].top
    return Flow(tuple(replace(line, top=line.top + by) for line in page), width, height, cut)


def _size(paragraph: Paragraph, factor: float) -> int:
    return max(paragraph.least, round(paragraph.size * factor))


def face_at(paragraph: Paragraph, size: int) -> str:
    """Brush strokes are too fine to be read when they are small."""
    return paragraph.face if size >= _LEAST_BRUSH else "sans"


def _set(present: Sequence[tuple[Paragraph, list[str]]], width: int, factor: float, faces: Faces) -> list[Line]:
    """Lines at one factor, one below the other without end."""
    found: list[Line] = []
    top = 0.0
    for number, (paragraph, cut) in enumerate(present):
        size = _size(paragraph, factor)
        face = face_at(paragraph, size)
        edge = math.ceil(_stroke(paragraph, size) + _OVERHANG * size)
        room = width - 2 * edge
        stroke = math.ceil(_stroke(paragraph, size))
        up, below = (side + stroke for side in faces.metrics(face, size))
        widths = faces.widths(cut, face, size)
        spacing = min(paragraph.spacing, _TIGHT + (paragraph.spacing - _TIGHT) * factor)
        top += paragraph.gap * size * (0.4 + 0.6 * factor) if number else 0
        for index, (start, end) in enumerate((balanced if paragraph.balanced else lines)(cut, widths, room)):
            runs = tuple(faces.runs(cut[start:end], face, size))
            length = sum(run.width for run in runs)
            if index:
                top += max(0.0, size * spacing - up - below)
            found.append(
                Line(runs, edge + _left(length, room, paragraph.align), top, up, up + below, length, size, paragraph)
            )
            top += up + below
    return found


def _left(length: float, width: float, align: Across) -> float:
    spare = max(0.0, width - length)
    return {"left": 0.0, "centre": spare / 2, "right": spare}[align]


def _stroke(paragraph: Paragraph, size: int) -> float:
    return size * _BOLD if paragraph.bold else 0.0


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
    x, base = line.left, math.floor(line.top) + line.base
    for run in line.runs:
        if run.font is not None:
            stroke = _stroke(line.paragraph, line.size)
            at = (round(x), base)
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
