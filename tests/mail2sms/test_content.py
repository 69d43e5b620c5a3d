import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2sms.content import Part, content_of, part_of, text_of


@pytest.mark.parametrize("tp_udhi", [1, 0x40, 255])
@pytest.mark.parametrize(
    "content, part",
    [
        ("0500032a0201 4f4b", Part(reference=0x2A, total=2, number=1, body=b"OK")),
        ("060804012a0302 4f4b", Part(reference=0x012A, total=3, number=2, body=b"OK")),
        ("0b 0504 0b84 23f0 00032a0202 4f4b", Part(reference=0x2A, total=2, number=2, body=b"OK")),  # ports first
        ("06 0504 0b84 23f0 4f4b", Part(body=b"OK")),  # ports only
        ("0500032a0200 4f4b", Part(body=b"OK")),  # part 0 of 2
        ("0500032a0203 4f4b", Part(body=b"OK")),  # part 3 of 2
        ("00 4f4b", Part(body=b"OK")),
    ],
)
def test_header_is_read(tp_udhi: int, content: str, part: Part) -> None:
    assert part_of(tp_udhi, bytes.fromhex(content)) == part


@pytest.mark.parametrize("content", ["09 4f4b", "03 0005 4f4b", "01 00 4f4b", "ff"])
def test_broken_header_counts_as_text(content: str) -> None:
    octets = bytes.fromhex(content)
    assert part_of(1, octets) == Part(body=octets)


def test_without_the_flag_there_is_no_header() -> None:
    assert part_of(0, b"\x05\x00\x03abc") == Part(body=b"\x05\x00\x03abc")


@given(st.integers(0, 255), st.binary(max_size=255))
def test_any_content_is_read(tp_udhi: int, content: bytes) -> None:
    part = part_of(tp_udhi, content)
    assert content.endswith(part.body)
    assert 1 <= part.number <= part.total


@pytest.mark.parametrize(
    "msg_fmt, octets, text",
    [
        (0, b"Hello", "Hello"),
        (8, "彩邮😀".encode("utf-16-be"), "彩邮😀"),
        (15, "彩邮㐀".encode("gb18030"), "彩邮㐀"),
        (4, b"\x00\xff", "00ff"),
        (8, b"\x5f", "\ufffd"),
        (0, b"\xe9", "\ufffd"),
        (15, b"\xff", "\ufffd"),
        (77, b"abc", "abc"),
    ],
)
def test_text_by_format(msg_fmt: int, octets: bytes, text: str) -> None:
    assert text_of(msg_fmt, octets) == text


@given(st.text())
def test_any_text_goes_there_and_back(text: str) -> None:
    sendable = text.encode("utf-16-be", "replace").decode("utf-16-be")
    assert text_of(*content_of(text)) == sendable


@given(st.integers(0, 255), st.binary(max_size=255))
def test_any_octets_become_text(msg_fmt: int, octets: bytes) -> None:
    text_of(msg_fmt, octets).encode("utf-8")
