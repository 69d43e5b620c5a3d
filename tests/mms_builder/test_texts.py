"""Charsets of phones, and cutting between characters."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mms_builder.handset import Picture, Profile
from mms_builder.texts import cleaned, phone_text

CHARSETS = ("us-ascii", "utf-8", "utf-16", "iso-8859-1")


def phone(*charsets: str, octets: int = 30 * 1024) -> Profile:
    return Profile(
        name="p",
        width=128,
        height=96,
        max_octets=30 * 1024,
        pictures=(Picture.JPEG,),
        colours=256,
        animated=False,
        charsets=charsets,
        max_text_octets=octets,
    )


@pytest.mark.parametrize(
    "charsets, text, charset, content",
    [
        (("us-ascii", "utf-8"), "Hello", "us-ascii", b"Hello"),
        (("us-ascii", "utf-8"), "彩信", "utf-8", "彩信".encode()),
        (("us-ascii", "utf-16"), "彩信", "utf-16", b"\xfe\xff\x5f\x69\x4f\xe1"),
        (("us-ascii", "utf-16"), "😀", "utf-16", b"\xfe\xff\xd8\x3d\xde\x00"),
        (("iso-8859-1", "utf-8"), "Grüße", "iso-8859-1", b"Gr\xfc\xdfe"),
        (("iso-8859-1", "utf-8"), "Gru\u0308ße", "iso-8859-1", b"Gr\xfc\xdfe"),
        (("utf-8",), "a\nb\r\nc\rd", "utf-8", b"a\nb\nc\nd"),
        (("utf-8",), "a\0\x07b\x1b[31m\ufeffc", "utf-8", b"ab[31mc"),
        (("utf-8",), "a\ud83dz", "utf-8", "a\ufffdz".encode()),
        (("utf-8",), "", "utf-8", b""),
    ],
)
def test_charset(charsets: tuple[str, ...], text: str, charset: str, content: bytes) -> None:
    made = phone_text(text, phone(*charsets))
    assert (made.charset, made.content, made.cut, made.foreign) == (charset, content, False, False)


def test_characters_that_no_charset_of_the_phone_has() -> None:
    made = phone_text("“Grüße” — Anna", phone("us-ascii", "iso-8859-1"))
    assert (made.charset, made.text, made.foreign) == ("iso-8859-1", '"Grüße" - Anna', False)
    made = phone_text("“彩信”", phone("us-ascii", "iso-8859-1"))
    assert (made.charset, made.text, made.foreign) == ("utf-8", "“彩信”", True)
    assert phone_text("x", phone("gsm-7")).charset == "utf-8"  # one that we cannot write


@pytest.mark.parametrize(
    "charset, text, octets, shown",
    [
        ("utf-8", "彩信贺卡来了", 12, "彩信贺…"),
        ("utf-8", "彩信贺卡来了", 13, "彩信贺…"),
        ("utf-16", "彩信贺卡来了", 8, "彩信…"),
        ("us-ascii", "Happy birthday", 10, "Happy b..."),
        ("us-ascii", "Happy birthday", 9, "Happy..."),
        ("iso-8859-1", "Schöne Grüße", 8, "Schön..."),
        ("utf-8", "hi 👨‍👩‍👧 there you are", 14, "hi…"),  # a family is one character
        ("utf-8", "hi 👍🏽 there you are", 11, "hi…"),
        ("utf-8", "🇨🇳🇩🇪🇫🇷", 19, "🇨🇳🇩🇪…"),
        ("utf-8", "🇨🇳🇩🇪🇫🇷", 18, "🇨🇳…"),
        ("utf-8", "e\u0301\u0323e\u0301\u0323e\u0301\u0323", 11, "ẹ́…"),
        ("utf-16", "😀😀😀", 9, "😀…"),
        ("utf-8", "彩信", 2, ""),
    ],
)
def test_cut(charset: str, text: str, octets: int, shown: str) -> None:
    made = phone_text(text, phone(charset), octets)
    assert made.cut
    assert unicodedata.normalize("NFC", made.text) == unicodedata.normalize("NFC", shown)
    assert len(made.content) <= octets


@given(text=st.text(max_size=80), octets=st.integers(0, 120))
def test_a_cut_that_changes_the_charset(text: str, octets: int) -> None:
    made = phone_text(text, phone("us-ascii", "ucs-2", "utf-8"), octets)
    assert len(made.content) <= octets


@given(text=st.text(max_size=80), charset=st.sampled_from(CHARSETS), octets=st.integers(0, 120))
def test_any_text(text: str, charset: str, octets: int) -> None:
    made = phone_text(text, phone(charset), octets)
    assert len(made.content) <= octets
    assert made.content.decode(made.charset) == made.text  # Python takes the mark off UTF-16 itself
    assert (made.charset == charset) != made.foreign
    if not made.cut and made.charset.startswith("utf"):
        assert made.text == cleaned(text)
    if made.cut and made.text and charset.startswith("utf"):
        assert cleaned(text).startswith(made.text[:-1])
    assert phone_text(text, phone(charset), octets) == made
