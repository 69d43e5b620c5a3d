"""Where a text may be cut: into what people see as one character, and into lines (after UAX #14 and GB/T 15834).

Lines break between Chinese characters, but no line begins with closing punctuation or ends with opening punctuation;
Latin words break at spaces and after hyphens, and inside only where a word is longer than a line.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

NEVER_FIRST = frozenset("，。、；：！？）》」』】〉〕”’…—～·‰℃％!),.:;?]}%々ーぁぃぅぇぉっゃゅょァィゥェォッャュョ")
NEVER_LAST = frozenset("（《「『【〈〔“‘([{$￥¥#＃")
_HYPHENS = frozenset("-‐–/")
_SOFT = frozenset("@._-/?&=+:,;")  # a long address breaks after one of these rather than anywhere
_ZWJ = "\u200d"
_KEYCAP = "\u20e3"


def clusters(text: str) -> list[str]:
    """The text cut into what is seen as one: a letter with its accents, an emoji sequence, a flag."""
    found: list[str] = []
    for char in text:
        if found and _joins(found[-1], char):
            found[-1] += char
        else:
            found.append(char)
    return found


def _joins(before: str, char: str) -> bool:
    if before in ("\n", " ") or char in ("\n", " "):
        return False
    if before[-1] == _ZWJ or char in (_ZWJ, _KEYCAP):
        return len(before) < 32  # a hostile chain ends
    if is_flag_letter(char):
        return len(before) == 1 and is_flag_letter(before)
    skin_or_tag = 0x1F3FB <= ord(char) <= 0x1F3FF or 0xE0020 <= ord(char) <= 0xE007F
    return (skin_or_tag or unicodedata.category(char) in ("Mn", "Me", "Mc")) and len(before) < 32


def is_flag_letter(char: str) -> bool:
    """Whether it is a regional indicator: two of them are a flag."""
    return 0x1F1E6 <= ord(char[0]) <= 0x1F1FF


def is_wide(cluster: str) -> bool:
    """Whether lines may break on both sides of it, as they do around Chinese characters and emoji."""
    return unicodedata.east_asian_width(cluster[0]) in ("W", "F") or ord(cluster[0]) >= 0x1F000


def may_break(before: str, after: str) -> bool:
    """Whether a new line may begin between two clusters of a text."""
    if after == " " or after[0] in NEVER_FIRST or before[0] in NEVER_LAST:
        return False
    if before == " " or is_wide(before) or is_wide(after):
        return True
    if before[0] in NEVER_FIRST:  # punctuation that a Chinese text uses too: "…他" breaks, "a.b" does not
        return not before[0].isascii()
    return before[0] in _HYPHENS and not after[0].isdigit()


def lines(cut: Sequence[str], widths: Sequence[float], limit: float) -> list[tuple[int, int]]:
    """Greedy lines of clusters no wider than ``limit``, as (from, to) without the spaces at the break.

    A cluster wider than the limit stands alone. "\\n" always ends a line.
    """
    found: list[tuple[int, int]] = []
    start, n = 0, len(cut)
    while start < n:
        end, width = start, 0.0
        while end < n and cut[end] != "\n" and (width + widths[end] <= limit or cut[end] == " "):
            width += widths[end]
            end += 1
        if end < n and cut[end] != "\n":
            end = _break_before(cut, start, max(end, start + 1))
        last = end
        while last > start and cut[last - 1] == " ":
            last -= 1
        found.append((start, last))
        if end < n and cut[end] == "\n":
            start = end + 1
            if start == n:
                found.append((n, n))
            continue
        start = end
        while start < n and cut[start] == " ":
            start += 1
    return found


def _break_before(cut: Sequence[str], start: int, end: int) -> int:
    """The best place for the next line to begin, at or before ``end`` and after ``start``."""
    for at in range(end, start, -1):
        if at < len(cut) and may_break(cut[at - 1], cut[at]):
            return at
    for at in range(end, start + 1, -1):
        if cut[at - 1] in _SOFT and not _only_punctuation(cut[at]):
            return at
    for at in range(end, start + 1, -1):  # anywhere, yet not before closing punctuation if that can be helped
        if cut[at][0] not in NEVER_FIRST and cut[at - 1][0] not in NEVER_LAST:
            return at
    return end


def _only_punctuation(cluster: str) -> bool:
    return cluster[0] in NEVER_FIRST


def balanced(cut: Sequence[str], widths: Sequence[float], limit: float) -> list[tuple[int, int]]:
    """Lines as few as :func:`lines` makes, but of nearly one width: no heading ends in a lonely character."""
    greedy = lines(cut, widths, limit)
    if len(greedy) < 2:
        return greedy
    low, high, best = max(widths), limit, greedy
    while high - low > 1:
        middle = (low + high) / 2
        tried = lines(cut, widths, middle)
        if len(tried) <= len(greedy) and all(_width(widths, line) <= middle for line in tried):
            best, high = tried, middle
        else:
            low = middle
    return best


def _width(widths: Sequence[float], line: tuple[int, int]) -> float:
    return sum(widths[line[0] : line[1]])
