"""Text in columns from right to left, as Chinese was written: couplets, and the name on an old card."""

from __future__ import annotations

from collections.abc import Sequence

from mms_builder.draw.breaking import NEVER_FIRST, clusters
from mms_builder.draw.fonts import Faces
from mms_builder.draw.textbox import Down, Flow, Line, Paragraph, face_at, tidy

_STEP = 0.93
_PITCH = 1.06  # from character to character, by the size
_CORNER = frozenset("，。、；：")  # they sit in the upper right corner of their cell


def set_columns(
    paragraphs: Sequence[Paragraph], width: int, height: int, faces: Faces, down: Down = "middle"
) -> list[Flow]:
    """Each paragraph begins a column; all shrink together and go on in further boxes, as with textbox.set_text."""
    tidied = [(p, clusters("".join(tidy(p.text).split(" ")).strip())) for p in paragraphs]
    present = [(p, cut) for p, cut in tidied if cut]
    pages = _boxes(present, 0.0, width, height)
    wanted, factor = len(pages), 1.0
    while any(_size(p, factor) > p.least for p, _ in present):
        tried = _boxes(present, factor, width, height)
        if len(tried) <= wanted:
            pages = tried
            break
        factor *= _STEP
    return [_flow(page, width, height, down, faces) for page in pages] or [Flow((), width, height)]


_Column = tuple[Paragraph, list[str], int]


def _size(paragraph: Paragraph, factor: float) -> int:
    return max(paragraph.least, round(paragraph.size * factor))


def _boxes(
    present: Sequence[tuple[Paragraph, list[str]]], factor: float, width: int, height: int
) -> list[list[_Column]]:
    """Columns by box."""
    pages: list[list[_Column]] = []
    used = 0.0
    for paragraph, cut in present:
        size = _size(paragraph, factor)
        for column in _columns(cut, size, height):
            if not pages or used + _pitch(paragraph, size) > width:
                pages.append([])
                used = 0.0
            pages[-1].append((paragraph, column, size))
            used += _pitch(paragraph, size)
    return pages


def _flow(page: Sequence[_Column], width: int, height: int, down: Down, faces: Faces) -> Flow:
    used = sum(_pitch(p, size) for p, _, size in page)
    kept: list[Line] = []
    right = width - (width - used) / 2
    for paragraph, column, size in page:
        right -= _pitch(paragraph, size)
        kept += _cells(paragraph, column, size, right, height, down, faces)
    cut = used > width or any(_height(column, size) > height for _, column, size in page)
    return Flow(tuple(kept), width, height, cut)


def _pitch(paragraph: Paragraph, size: int) -> float:
    return size * max(1.1, paragraph.spacing)


def _height(column: Sequence[str], size: int) -> float:
    return (len(column) - 1) * size * _PITCH + size * 1.1


def _columns(cut: Sequence[str], size: int, height: int) -> list[list[str]]:
    most = max(1, int((height - size * 1.1) / (size * _PITCH)) + 1)
    found: list[list[str]] = [[]]
    for cluster in cut:
        if cluster == "\n":
            found.append([])
        elif len(found[-1]) >= most:
            # closing punctuation takes the character before it along
            along = found[-1].pop() if cluster[0] in NEVER_FIRST and len(found[-1]) > 1 else None
            found.append([along, cluster] if along else [cluster])
        else:
            found[-1].append(cluster)
    return [column for column in found if column]


def _cells(
    paragraph: Paragraph, column: Sequence[str], size: int, left: float, height: int, down: Down, faces: Faces
) -> list[Line]:
    spare = max(0.0, height - _height(column, size))
    top = {"top": 0.0, "middle": spare / 2, "bottom": spare}[down]
    face = face_at(paragraph, size)
    up, below = faces.metrics(face, size)
    middle = left + _pitch(paragraph, size) / 2
    found = []
    for index, cluster in enumerate(column):
        runs = tuple(faces.runs([cluster], face, size))
        wide = sum(run.width for run in runs)
        x = middle - wide / 2
        y = top + index * size * _PITCH + (size * 1.1 - up - below) / 2
        if cluster in _CORNER:
            x, y = x + size * 0.5, y - size * 0.5
        found.append(Line(runs, x, max(0.0, y), up, up + below, wide, size, paragraph))
    return found
