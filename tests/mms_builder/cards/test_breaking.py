import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mms_builder.draw.breaking import NEVER_FIRST, NEVER_LAST, balanced, clusters, lines, may_break


def broken(text: str, limit: int) -> list[str]:
    cut = clusters(text)
    widths = [2.0 if ord(c[0]) > 0x2E80 else 0.0 if c == "\n" else 1.0 for c in cut]
    return ["".join(cut[start:end]) for start, end in lines(cut, widths, limit)]


@pytest.mark.parametrize(
    "text, seen",
    [
        ("abc", ["a", "b", "c"]),
        ("e\u0301a", ["e\u0301", "a"]),
        ("👨\u200d👩\u200d👧!", ["👨\u200d👩\u200d👧", "!"]),
        ("👍🏽👍", ["👍🏽", "👍"]),
        ("👨\u200d\n春", ["👨\u200d", "\n", "春"]),
        ("🇨🇳🇬🇧", ["🇨🇳", "🇬🇧"]),
        ("1\ufe0f\u20e3", ["1\ufe0f\u20e3"]),
        ("❤\ufe0f春", ["❤\ufe0f", "春"]),
    ],
)
def test_clusters(text: str, seen: list[str]) -> None:
    assert clusters(text) == seen


@pytest.mark.parametrize(
    "text, limit, seen",
    [
        ("上海晨光设计", 8, ["上海晨光", "设计"]),
        ("祝你快乐，万事如意", 8, ["祝你快", "乐，万事", "如意"]),  # no line begins with a comma
        ("他说（你好）吧", 6, ["他说", "（你", "好）吧"]),  # nor ends with an opening bracket
        ("hello world again", 11, ["hello world", "again"]),
        ("hello  world", 7, ["hello", "world"]),
        ("well-known", 6, ["well-", "known"]),
        ("someone@example.org", 10, ["someone@", "example.", "org"]),
        ("abcdefghijkl", 5, ["abcde", "fghij", "kl"]),
        ("中文English混排", 8, ["中文", "English", "混排"]),
        ("a\n\nb", 5, ["a", "", "b"]),
        ("13800138000", 20, ["13800138000"]),
        ("2026-02-17", 6, ["2026-", "02-17"]),
    ],
)
def test_lines(text: str, limit: int, seen: list[str]) -> None:
    assert broken(text, limit) == seen


def test_balanced_lines_leave_no_lonely_character() -> None:
    cut = list("上海晨光设计有限公司")
    spans = balanced(cut, [2.0] * len(cut), 18)
    assert ["".join(cut[a:b]) for a, b in spans] == ["上海晨光设", "计有限公司"]


@given(st.text(alphabet="春江花月夜，。（）“”…ab c-@.\n😀", max_size=80), st.integers(min_value=2, max_value=30))
def test_no_character_is_lost_and_no_line_is_too_wide(text: str, limit: int) -> None:
    cut = clusters(text)
    widths = [2.0 if may_break(c, "中") and not c.isascii() else 0.0 if c == "\n" else 1.0 for c in cut]
    for wrap in (lines, balanced):
        spans = wrap(cut, widths, limit)
        kept = "".join("".join(cut[start:end]) for start, end in spans)
        assert kept.replace(" ", "") == text.replace("\n", "").replace(" ", "")
        for start, end in spans:
            assert sum(widths[start:end]) <= limit or end - start == 1


@given(st.text(alphabet="春江，。（）", min_size=8, max_size=60))
def test_a_line_begins_with_a_comma_only_where_nothing_else_could_be_done(text: str) -> None:
    rows = broken(text, 20)
    for row, following in itertools.pairwise(rows):
        if following[0] in NEVER_FIRST or row[-1] in NEVER_LAST:
            assert not any(may_break(a, b) for a, b in itertools.pairwise(row))
