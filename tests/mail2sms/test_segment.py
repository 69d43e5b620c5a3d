from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail2sms.segment import Coding, Segment, characters, coding_of, fit, is_latin, split

FAMILY = "👨‍👩‍👧‍👦"  # 7 code points, 11 UTF-16 units
CHINA = "🇨🇳"
MIXED = st.lists(
    st.one_of(
        st.text(max_size=8),
        st.text(alphabet="abc[]€{^\n", max_size=40),
        st.text(alphabet="会议明天上午九点", max_size=40),
        st.sampled_from([FAMILY, CHINA, "👍🏽", "e\u0301", "\u1100\u1161\u11a8", "1️⃣", "\r\n", "क्षि"]),
        st.builds(lambda n: "a" + "\u0301" * n, st.integers(1, 200)),
    ),
    max_size=12,
).map("".join)


@pytest.mark.parametrize(
    ("text", "coding", "parts"),
    [
        ("", Coding.LATIN, 1),
        ("x" * 140, Coding.LATIN, 1),
        ("x" * 141, Coding.LATIN, 2),
        ("x" * 268, Coding.LATIN, 2),
        ("x" * 269, Coding.LATIN, 3),
        ("会" * 70, Coding.UCS2, 1),
        ("会" * 71, Coding.UCS2, 2),
        ("会" * 134, Coding.UCS2, 2),
        ("会" * 135, Coding.UCS2, 3),
        ("x" * 70 + "会", Coding.UCS2, 2),
        ("👍" * 35, Coding.UCS2, 1),
        ("👍" * 36, Coding.UCS2, 2),
        ("[" * 70, Coding.LATIN, 1),
        ("[" * 71, Coding.LATIN, 2),
    ],
)
def test_segment_lengths(text: str, coding: Coding, parts: int) -> None:
    assert coding_of(text) is coding
    assert len(split(text)) == parts
    assert len(split(text, long=False)) == (1 if parts == 1 else 0)


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("A\n~", "410a7e"),
        ("中文😀", "4e2d6587d83dde00"),
    ],
)
def test_segment_octets(text: str, octets: str) -> None:
    (segment,) = split(text)
    assert segment.udh == b""
    assert segment.body.hex() == octets


@pytest.mark.parametrize(
    ("text", "septets"),
    [
        ("@£$¥èéùìòÇ\nØø\rÅå", bytes(range(16)).hex()),
        ("Δ_ΦΓΛΩΠΨΣΘΞ", bytes(range(0x10, 0x1B)).hex()),
        ("ÆæßÉ ", "1c1d1e1f20"),
        ("¡ÄÖÑÜ§¿äöñüà", "405b5c5d5e5f607b7c7d7e7f"),
        ("€[]{}\\^|~\f", "1b651b3c1b3e1b281b291b2f1b141b401b3d1b0a"),
    ],
)
def test_segment_default_alphabet(text: str, septets: str) -> None:
    """3GPP 23.038 6.2.1, both tables."""
    assert Coding.GSM7.encode(text).hex() == septets
    assert Coding.GSM7.units(text) == len(septets) // 2


def test_segment_default_alphabet_lacks() -> None:
    for char in "`中\x1b\t":
        with pytest.raises(ValueError, match="alphabet"):
            split(char, coding=Coding.GSM7)


def test_segment_escape_and_letter_stay_together() -> None:
    first, second = split("x" * 152 + "€" + "y" * 40, coding=Coding.GSM7)
    assert first.text == "x" * 152
    assert second.body.startswith(b"\x1b\x65y")


def test_segment_header() -> None:
    parts = split("会" * 200, reference=0xA7)
    assert [part.udh.hex() for part in parts] == ["050003a70301", "050003a70302", "050003a70303"]
    assert all(len(part.udh + part.body) <= 140 for part in parts)
    assert parts[0].msg_fmt == 8


def test_segment_too_long_for_any_number_of_parts() -> None:
    assert len(split("x" * 134 * 255)) == 255
    assert split("x" * (134 * 255 + 1)) == ()


@pytest.mark.parametrize("wrong", [{"number": 0}, {"number": 2}, {"total": 256}, {"reference": 256}, {"reference": -1}])
def test_segment_refuses(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="not in"):
        Segment(text="x", coding=Coding.LATIN, **wrong)


def test_segment_latin() -> None:
    assert is_latin("Hello, [World] ~ 1 < 2\r\n")
    for text in ("é", "`", "“", "中", "\x1b", "\x00", "\t"):
        assert not is_latin(text)


@pytest.mark.parametrize(
    "whole", [FAMILY, CHINA, "👍🏽", "e\u0301\u0327", "1️⃣", "\u1100\u1161\u11a8", "❤️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "\r\n"]
)
def test_segment_characters_are_not_cut(whole: str) -> None:
    assert list(characters(f"a{whole}b{whole}{whole}")) == ["a", whole, "b", whole, whole]
    first, second = split("会" * 66 + whole + "会" * 20)
    assert first.text == "会" * 66
    assert second.text.startswith(whole)
    assert fit("会" * 10 + whole + "会", 11, Coding.UCS2) == "会" * 10 + "…"


@settings(deadline=None)  # the machine may be busy
@given(MIXED, st.integers(0, 255))
def test_segment_parts_give_the_text_back(text: str, reference: int) -> None:
    parts = split(text, reference=reference)
    assert "".join(part.text for part in parts) == text
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    for part in parts:
        assert len(part.udh + part.body) <= 140
        assert part.coding.units(part.text) <= (part.coding.single if len(parts) == 1 else part.coding.part)
        assert part.body.decode("ascii" if part.coding is Coding.LATIN else "utf-16-be") == part.text
        assert part.text or not text
    ends = set(accumulate(len(part.text) for part in parts))
    start = 0
    for character in characters(text):
        inside = range(start + 1, start + len(character))
        assert parts[0].coding.units(character) > parts[0].coding.part or not ends.intersection(inside)
        start += len(character)


@settings(deadline=None)  # the machine may be busy
@given(MIXED, st.integers(0, 200), st.sampled_from([Coding.UCS2, Coding.GSM7]))
def test_segment_fit(text: str, units: int, coding: Coding) -> None:
    found = fit(text, units, coding)
    assert coding.units(found) <= units
    if found != text:
        ellipsis = "…" if coding is Coding.UCS2 else "..."
        assert coding.units(text) > units
        assert not found or text.startswith(found.removesuffix(ellipsis))
    found.encode("utf-16-be")  # no half of a surrogate pair


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=100))
def test_segment_characters_join_to_the_text(text: str) -> None:
    assert "".join(characters(text)) == text
