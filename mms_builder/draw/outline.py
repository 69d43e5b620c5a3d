"""SVG path data (SVG 1.1, 8.3) flattened into polygons: every command, absolute and relative, in any admin's hand."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass, field

Point = tuple[float, float]

MAX_COMMANDS = 2000
_TOKEN = re.compile(r"([MmLlHhVvCcSsQqTtAaZz])|([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|[\s,]+|(.)")
_TAKES = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7, "Z": 0}
_STEPS = 14  # straight pieces a curve becomes


@dataclass(frozen=True, slots=True)
class Outline:
    """One stroke of a path; ``closed``: it came back to where it began."""

    points: tuple[Point, ...]
    closed: bool


def outlines(path: str) -> tuple[Outline, ...]:
    """The strokes of path data; raises ValueError saying what is wrong."""
    pen = _Pen()
    for command, numbers in _commands(path):
        pen.do(command, numbers)
    pen.lift(closed=False)
    if not pen.done:
        raise ValueError("the path draws nothing; expected something like M 0 0 L 100 0 L 50 100 Z")
    return tuple(pen.done)


def _commands(path: str) -> list[tuple[str, list[float]]]:
    found: list[tuple[str, list[float]]] = []
    for token in _TOKEN.finditer(path):
        letter, number, wrong = token.groups()
        if wrong:
            raise ValueError(f"{wrong!r} is no part of a path; known commands: {' '.join(_TAKES)}")
        if letter:
            found.append((letter, []))
        elif number:
            if not found:
                raise ValueError("a path begins with M")
            if abs(float(number)) > 10_000:
                raise ValueError(f"{number} is too far away; the box of a path is 0-100")
            found[-1][1].append(float(number))
    return _one_by_one(found)


def _one_by_one(found: list[tuple[str, list[float]]]) -> list[tuple[str, list[float]]]:
    """Repeated operands written out as commands of their own."""
    if found and found[0][0] not in "Mm":
        raise ValueError("a path begins with M")
    written: list[tuple[str, list[float]]] = []
    for letter, numbers in found:
        takes = _TAKES[letter.upper()]
        if (len(numbers) % takes if takes else len(numbers)) or (takes and not numbers):
            raise ValueError(f"command {letter} takes {takes} numbers, not {len(numbers)}")
        for start in range(0, max(len(numbers), 1), takes or 1):
            following = {"M": "L", "m": "l"}.get(letter, letter) if start else letter
            written.append((following, numbers[start : start + takes]))
    if len(written) > MAX_COMMANDS:
        raise ValueError(f"a path of {len(written)} commands; {MAX_COMMANDS} at most")
    return written


@dataclass(slots=True)
class _Pen:
    done: list[Outline] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    at: Point = (0.0, 0.0)
    begin: Point = (0.0, 0.0)
    control: Point | None = None  # of the curve before, for S and T
    cubic: bool = False

    def lift(self, *, closed: bool) -> None:
        if len(self.points) > 1:
            self.done.append(Outline(tuple(self.points), closed))
        self.points = []

    def do(self, letter: str, n: list[float]) -> None:
        command = letter.upper()
        x, y = self.at if letter.islower() else (0.0, 0.0)
        control, self.control = self.control, None
        match command:
            case "Z":
                self.lift(closed=True)
                self.at = self.begin
                self.points = [self.at]
            case "M":
                self.lift(closed=False)
                self.at = self.begin = (x + n[0], y + n[1])
                self.points = [self.at]
            case "L":
                self._to((x + n[0], y + n[1]))
            case "H":
                self._to((x + n[0], self.at[1]))
            case "V":
                self._to((self.at[0], y + n[0]))
            case "C" | "S":
                shift = 0 if command == "C" else -2
                first = (x + n[0], y + n[1]) if command == "C" else self._mirrored(control, cubic=True)
                second = (x + n[2 + shift], y + n[3 + shift])
                self._curve([self.at, first, second, (x + n[4 + shift], y + n[5 + shift])])
                self.control, self.cubic = second, True
            case "Q" | "T":
                first = (x + n[0], y + n[1]) if command == "Q" else self._mirrored(control, cubic=False)
                self._curve([self.at, first, (x + n[-2], y + n[-1])])
                self.control, self.cubic = first, False
            case _:
                self._arc(n, (x + n[5], y + n[6]))

    def _to(self, point: Point) -> None:
        self.points.append(point)
        self.at = point

    def _mirrored(self, control: Point | None, *, cubic: bool) -> Point:
        if control is None or self.cubic is not cubic:
            return self.at
        return 2 * self.at[0] - control[0], 2 * self.at[1] - control[1]

    def _curve(self, controls: list[Point]) -> None:
        for step in range(1, _STEPS + 1):
            t = step / _STEPS
            points = controls
            while len(points) > 1:  # de Casteljau
                points = [(a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t) for a, b in itertools.pairwise(points)]
            self._to(points[0])

    def _arc(self, n: list[float], end: Point) -> None:
        """An elliptical arc, by its centre (SVG 1.1, F.6.5)."""
        rx, ry, turn = abs(n[0]), abs(n[1]), math.radians(n[2])
        large, sweep = bool(n[3]), bool(n[4])
        begin = self.at
        if not rx or not ry or begin == end:
            self._to(end)
            return
        cos, sin = math.cos(turn), math.sin(turn)
        dx, dy = (begin[0] - end[0]) / 2, (begin[1] - end[1]) / 2
        x, y = cos * dx + sin * dy, -sin * dx + cos * dy
        grow = max(1.0, math.sqrt((x / rx) ** 2 + (y / ry) ** 2))
        rx, ry = rx * grow, ry * grow
        below = (rx * y) ** 2 + (ry * x) ** 2
        root = math.sqrt(max(0.0, ((rx * ry) ** 2 - below) / below)) * (-1 if large == sweep else 1)
        cx, cy = root * rx * y / ry, -root * ry * x / rx
        first = math.atan2((y - cy) / ry, (x - cx) / rx)
        through = math.atan2((-y - cy) / ry, (-x - cx) / rx) - first
        if sweep and through < 0:
            through += 2 * math.pi
        if not sweep and through > 0:
            through -= 2 * math.pi
        middle = ((begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2)
        steps = max(4, round(abs(through) / (math.pi / 24)))
        for step in range(1, steps + 1):
            angle = first + through * step / steps
            px, py = rx * math.cos(angle) + cx, ry * math.sin(angle) + cy
            self._to((cos * px - sin * py + middle[0], sin * px + cos * py + middle[1]))
        self.at = self.points[-1] = end
