from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from caiyou_milter.message import MAX_HELD_OCTETS, Message


@pytest.fixture
def message(tmp_path: Path) -> Iterator[Message]:
    message = Message(memory_bytes=1000, folder=tmp_path)
    yield message
    message.close()


def test_headers_and_body_are_put_together_as_they_came(message: Message) -> None:
    message.header("Subject", b"  two blanks\n\tfolded \xe4\xb8\xad\xff")
    message.header("X-Empty", b"")
    message.header("Received ", b"blank before the colon")
    message.body(b"first\r\n")
    message.body(b".\r\nlast \x00\xff\r\n")
    message.complete()
    expected = (
        b"Subject:  two blanks\r\n\tfolded \xe4\xb8\xad\xff\r\nX-Empty:\r\nReceived :blank before the colon\r\n"
        b"\r\nfirst\r\n.\r\nlast \x00\xff\r\n"
    )
    assert message.head(10_000) == expected
    assert message.size_bytes == len(expected)
    assert message.head(8) == b"Subject:"


@pytest.mark.parametrize(
    "headers, expected",
    [([("A", b" 1")], b"A: 1\r\n\r\n"), ([], b"\r\n")],
)
def test_a_message_without_a_body(message: Message, headers: list[tuple[str, bytes]], expected: bytes) -> None:
    for name, value in headers:
        message.header(name, value)
    message.complete()
    assert message.head(100) == expected


def test_many_headers_do_not_stay_in_memory(message: Message, tmp_path: Path) -> None:
    for _ in range(300):
        message.header("X-Long", b"x" * 1000)
        assert len(message._header) <= 4 * (MAX_HELD_OCTETS // 1000 + 2)
    assert message.size_bytes > 200_000
    message.complete()
    assert message.size_bytes == 300 * len(b"X-Long:\r\n") + 300 * 1000 + 2


def test_internal_headers_are_counted_whatever_their_case(message: Message) -> None:
    for name in ("X-Caiyou-SMS", "x-caiyou-sms ", "X-CAIYOU-SCAN", "X-Caiyou-", "X-Caiyo-SMS", "X-Caiyou"):
        message.header(name, b" no")
    assert message.internal == {"x-caiyou-sms": 2, "x-caiyou-scan": 1, "x-caiyou-": 1}
    assert not message.asks


@pytest.mark.parametrize(
    "name, value, asks",
    [
        ("X-Caiyou-SMS", b" yes", True),
        ("x-caiyou-sms", b"\n YES \n ", True),
        ("X-Caiyou-SMS", b" no", False),
        ("X-Caiyou-SMS", b" yes, please", False),
        ("X-Caiyou-MMS", b" yes", False),
    ],
)
def test_the_header_that_asks(message: Message, name: str, value: bytes, asks: bool) -> None:
    message.header(name, value)
    assert message.asks is asks


@pytest.mark.parametrize(
    "value, message_id",
    [
        (b" <1@x.test>", "<1@x.test>"),
        (b"\n <1@x.test> ", "<1@x.test>"),
        (b" 1", "1"),
        (b" <>", ""),
        (b" < >", ""),
        (b"", ""),
    ],
)
def test_a_message_id_that_says_nothing_is_none(message: Message, value: bytes, message_id: str) -> None:
    message.header("Message-Id", value)
    assert message.message_id == message_id


@pytest.mark.parametrize(
    "subject, may",
    [
        (b" hello", False),
        (b" [SMS] hello", True),
        (b" =?gb2312?B?W7bM0MVd?=", True),
        ("［短信］".encode(), True),
        (b" \xb6\xcc", True),
        (b"", False),
    ],
)
def test_which_subjects_are_worth_decoding(message: Message, subject: bytes, may: bool) -> None:
    message.header("sUbject", subject)
    assert message.may_be_tagged is may


def test_a_large_message_goes_to_a_file_that_is_nowhere_to_be_seen(message: Message, tmp_path: Path) -> None:
    message.body(b"x" * 5000)
    message.complete()
    assert message.head(10_000) == b"\r\n" + b"x" * 5000
    assert message.spool._rolled  # type: ignore[attr-defined] # it is in the folder ...
    assert list(tmp_path.iterdir()) == []  # ... without a name: nothing is left behind by kill -9
