"""Where a message ends, however its octets arrive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmtp_delivery.intake import Intake


def take(pieces: list[bytes]) -> tuple[bytes, bytes | None]:
    """The message, and what follows it: None where it does not end."""
    intake, message = Intake(), b""
    for number, data in enumerate(pieces):
        piece, rest = intake.feed(data)
        message += piece
        if rest is not None:
            return message, rest + b"".join(pieces[number + 1 :])
    return message, None


ENDS = [
    (b".\r\n", b"", b""),
    (b"\r\n.\r\n", b"\r\n", b""),
    (b"a\r\n.\r\nQUIT\r\n", b"a\r\n", b"QUIT\r\n"),
    (b"a\r\n..\r\n.\r\n", b"a\r\n..\r\n", b""),
    (b"a\r\n.\r\n.\r\n", b"a\r\n", b".\r\n"),
    (b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n", b""),
    (b"a\r.\r\r\n.\r\r\nb\r\n.\r\n", b"a\r.\r\r\n.\r\r\nb\r\n", b""),
    (b"\r\r\n.\n\r\n.\r\n", b"\r\r\n.\n\r\n", b""),
]


@pytest.mark.parametrize("sent, message, rest", ENDS)
def test_whole_and_octet_by_octet(sent: bytes, message: bytes, rest: bytes) -> None:
    assert take([sent]) == (message, rest)
    assert take([sent[i : i + 1] for i in range(len(sent))]) == (message, rest)


@pytest.mark.parametrize(
    "sent", [b"", b".", b".\r", b".\n", b"a\r\n.\n", b"a\n.\r\n", b"a.\r\n", b"\r\n..\r\n", b"a\r\n.\r"]
)
def test_no_end(sent: bytes) -> None:
    assert take([sent[i : i + 1] for i in range(len(sent))])[1] is None


@given(text=st.lists(st.sampled_from([b"\r\n", b".", b"\r", b"\n", b"a"]), max_size=30), cuts=st.data())
def test_cutting_changes_nothing(text: list[bytes], cuts: st.DataObject) -> None:
    sent = b"".join(text)
    pieces, start = [], 0
    while start < len(sent):
        size = cuts.draw(st.integers(1, 6))
        pieces.append(sent[start : start + size])
        start += size
    message, rest = take(pieces)
    end = (b"\r\n" + sent).find(b"\r\n.\r\n")
    if end < 0:
        assert rest is None
        assert sent.startswith(message)
        assert len(sent) - len(message) <= 4
    else:
        assert (message, rest) == (sent[:end], sent[end + 3 :])
