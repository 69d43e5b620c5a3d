"""Texts by data_coding, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2sms.segment import GSM_BASIC, GSM_EXTENSION, Coding, Segment, is_latin
from mail2sms.smpp.text import DataCoding, Default, coded, text_of


@pytest.mark.parametrize(
    ("data_coding", "hexadecimal", "text"),
    [
        (0, "00 01 02 40 1b65 1b28 41 20 5f 7f", "@£$¡€{A §à"),
        (0, "1b", ""),
        (0, "1b41", "A"),  # not in the extension table: as in the basic one
        (0, "80 41", "\ufffdA"),
        (0, "1b1b", "\ufffd"),
        (1, "40 7b", "@{"),
        (1, "e9", "\ufffd"),
        (1, "410a0d09", "A\n\r\t"),
        (1, "05201b3c611b3e201b65", "é [a] €"),  # GSM that calls itself IA5, seen of npm's smpp
        (3, "40 e9 a4", "@é¤"),
        (2, "00ff", "00ff"),
        (4, "00ff", "00ff"),
        (5, "93fa967b", "日本"),
        (6, "bf", "П"),
        (7, "e0", "א"),
        (8, "5f69 90ae", "彩邮"),
        (8, "5f69 90", "彩\ufffd"),
        (8, "d83d de00", "😀"),
        (8, "d83d", "\ud83d"),  # its other half may begin the next part
        (10, "1b2442467c", "日"),
        (14, "c7d1", "한"),
        (15, "b2ca", "彩"),
        (0x10, "00", "@"),  # class 0, default alphabet
        (0x14, "00ff", "00ff"),
        (0x18, "5f69", "彩"),  # class 0, UCS2
        (0x19, "5f69", "彩"),
        (0x1C, "00", "@"),
        (0xC0, "00", "@"),
        (0xD8, "00", "@"),
        (0xE8, "5f69", "彩"),
        (0xF0, "00", "@"),
        (0xF1, "00", "@"),
        (0xF5, "00ff", "00ff"),
        (9, "41", "A"),
        (0x80, "41", "A"),
    ],
)
def test_reading(data_coding: int, hexadecimal: str, text: str) -> None:
    assert text_of(data_coding, bytes.fromhex(hexadecimal), Default.GSM) == text


@pytest.mark.parametrize(("default", "text"), [(Default.GSM, "@é"), (Default.ASCII, "@é"), (Default.LATIN1, "\0\x05")])
def test_what_zero_means_is_agreed(default: Default, text: str) -> None:
    assert text_of(0, b"\0\5", default) == text
    assert text_of(0xF0, b"\0\5", default) == text
    assert text_of(3, b"\0\xe9", default) == "\0é"


@pytest.mark.parametrize(
    ("latin", "default", "wanted"),
    [
        (DataCoding.DEFAULT, Default.GSM, "00 02 1b3c 61 1b3e"),
        (DataCoding.DEFAULT, Default.ASCII, "40 24 5b 61 5d"),
        (DataCoding.DEFAULT, Default.LATIN1, "40 24 5b 61 5d"),
        (DataCoding.ASCII, Default.GSM, "40 24 5b 61 5d"),
        (DataCoding.LATIN1, Default.GSM, "40 24 5b 61 5d"),
        (DataCoding.UCS2, Default.GSM, "0040 0024 005b 0061 005d"),
    ],
)
def test_writing_latin(latin: DataCoding, default: Default, wanted: str) -> None:
    assert coded(Segment(text="@$[a]", coding=Coding.LATIN), latin, default) == (latin, bytes.fromhex(wanted))


def test_writing_the_rest() -> None:
    for latin in DataCoding:
        assert coded(Segment(text="彩😀", coding=Coding.UCS2), latin, Default.GSM) == (8, "彩😀".encode("utf-16-be"))


@given(st.text(st.sampled_from([c for c in GSM_BASIC if c != "\x1b"] + list(GSM_EXTENSION))))
def test_gsm_round_trip(text: str) -> None:
    assert text_of(0, Coding.GSM7.encode(text), Default.GSM) == text


@given(st.text().filter(is_latin), st.sampled_from(DataCoding), st.sampled_from(Default))
def test_latin_round_trip(text: str, latin: DataCoding, default: Default) -> None:
    data_coding, octets = coded(Segment(text=text, coding=Coding.LATIN), latin, default)
    assert text_of(data_coding, octets, default) == text


@given(st.binary(), st.integers(0, 255), st.sampled_from(Default))
def test_any_octets(octets: bytes, data_coding: int, default: Default) -> None:
    assert isinstance(text_of(data_coding, octets, default), str)
