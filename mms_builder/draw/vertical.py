"""Text in columns from right to left, as Chinese was written: couplets, and the name on an old card."""

from __future__ import annotations

from collections.abc import Sequence

from mms_builder.draw.breaking import NEVER_FIRST, clusters
from mms_builder.draw.fonts import Faces
from mms_builder.draw.textbox import Down, Flow, Line, Paragraph, face_at, tidy

_STEP = 0.93
_PITCH = 1.06  # from character to character, by the size
_CORNER = frozenset("，。、；：")  # they sit in the upper right corner of their cell


def set_columns(paragraphs: Sequence[Paragraph], width: int, height: int, faces: Faces, down: Down = "middle") -> Flow:
    """Each paragraph begins a column; all shrink together until they fit, as in :func:`textbox.set_text`."""
    present = [(p, [c for c in clusters(tidy(p.text).strip()) if c != " "]) for p in paragraphs if tidy(p.text).strip()]
    factor = 1.0
    while True:
        sized = [(p, cut, max(p.least, round(p.size * factor))) for p, cut in present]
        columns = [(p, column, size) for p, cut, size in sized for column in _columns(cut, size, height)]
        used = sum(_pitch(p, size) for p, _, size in columns)
        fits = used <= width and all(_height(column, size) <= height for _, column, size in columns)
        if fits or all(size == p.least for p, _, size in sized):
            break
        factor *= _STEP
    kept, right = [], width - max(0.0, (width - used) / 2)
    for paragraph, column, size in columns:
        right -= _pitch(paragraph, size)
        if right > -0.5:
            kept += _cells(paragraph, column, size, right, height, down, faces)
    return Flow(tuple(kept), width, height, cut=not fits)


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
        x = middle - sum(run.width for run in runs) / 2
        y = top + index * size * _PITCH + (size * 1.1 - up - below) / 2
        if cluster in _CORNER:
            x, y = x + size * 0.5, y - size * 0.5
        found.append(Line(runs, x, max(0.0, y), up, size, paragraph))
    return found
