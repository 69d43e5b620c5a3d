"""The message in wire form: what is found in it, and that it comes out as it went in."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmtp_delivery.message import Message

HEADER = (
    b"X-First: 1\r\nReceived: from x (localhost [127.0.0.1])\r\n"
    b"\tby mx.example.test (Postfix) with ESMTP id 4jXtpW016szCHS0\r\n"
    b"\tfor <u1@example.test>; Mon, 23 Nov 2026 04:52:18 +0000 (UTC)\r\n"
    b"Received: from older by relay with SMTP id OLDER12345; yesterday\r\nMessage-Id:\r\n <one@x>\r\n\r\n"
)


def read(pieces: list[bytes], spool: Path, memory_bytes: int = 1 << 20) -> tuple[Message, bytes]:
    async def run() -> tuple[Message, bytes]:
        message = Message(memory_bytes, spool)
        for piece in pieces:
            await message.add(piece)
        message.finish()
        content = b"".join([piece async for piece in message.pieces()])
        message.close()
        return message, content

    return asyncio.run(run())


def test_postfix_header_gives_queue_id_and_message_id(tmp_path: Path) -> None:
    message, _ = read([HEADER, b"text\r\n"], tmp_path)
    assert message.queue_id == "4jXtpW016szCHS0"
    assert message.message_id == "<one@x>"
    assert b"u1@example.test" in message.received
    assert b"OLDER" not in message.received
    assert message.received_at == datetime(2026, 11, 23, 4, 52, 18, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("date", [b"", b"yesterday", b"Mon, 99 Nov 2026 04:52:18 +0000", b"\xff", b"1" * 5000])
def test_a_time_that_is_none(date: bytes, tmp_path: Path) -> None:
    message, _ = read([HEADER.replace(b"Mon, 23 Nov 2026 04:52:18 +0000 (UTC)", date)], tmp_path)
    assert message.queue_id == "4jXtpW016szCHS0"
    assert message.received_at is None


def test_bounce_header_of_postfix(tmp_path: Path) -> None:
    message, _ = read(
        [b"Received: by mx.example.test (Postfix)\r\n\tid 4jXv9K3L46zCLkH; Mon, 23 Nov\r\n\r\n"], tmp_path
    )
    assert message.queue_id == "4jXv9K3L46zCLkH"


def test_header_words_in_the_body_do_not_count(tmp_path: Path) -> None:
    message, _ = read([b"Subject: x\r\n\r\nReceived: by a id BODY123456;\r\nMessage-ID: <body@x>\r\n"], tmp_path)
    assert (message.queue_id, message.message_id) == (None, None)


@pytest.mark.parametrize("text", [b"", b"\r\n", b"no header end", b"Message-ID: <unclosed\r\n\r\n", b"\xff\x00:\r\n"])
def test_odd_headers_are_no_error(text: bytes, tmp_path: Path) -> None:
    message, content = read([text], tmp_path)
    assert content == text
    assert message.message_id is None


@pytest.mark.parametrize(
    "pieces, bare",
    [
        ([b"a\r\nb\r\n"], False),
        ([b"a\r", b"\nb\r\n"], False),
        ([b"a\r", b"\nb\r", b"\n"], False),
        ([b"a\rb\r\n"], False),
        ([b"a\nb\r\n"], True),
        ([b"a\r\n\n.\r\n"], True),
        ([b"a\r", b"\n\nb\r\n"], True),
        ([b"a", b"\nb\r\n"], True),
        ([b"\n"], True),
    ],
)
def test_bare_line_feed_is_seen_wherever_pieces_end(pieces: list[bytes], bare: bool, tmp_path: Path) -> None:
    assert read(pieces, tmp_path)[0].bare_lf is bare


@settings(max_examples=50, deadline=None)
@given(text=st.binary(max_size=400), cuts=st.lists(st.integers(1, 40), max_size=20))
def test_content_is_kept_whatever_it_is_and_however_cut(
    text: bytes, cuts: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    pieces, start = [], 0
    for cut in cuts:
        pieces.append(text[start : start + cut])
        start += cut
    pieces.append(text[start:])
    message, content = read(pieces, tmp_path_factory.getbasetemp(), memory_bytes=64)
    assert content == text
    assert message.size_bytes == len(text)
    assert message.bare_lf == (b"\n" in text.replace(b"\r\n", b""))


def test_large_message_leaves_memory_and_no_file_name(tmp_path: Path) -> None:
    message, content = read([b"x" * 50_000] * 10, tmp_path, memory_bytes=100_000)
    assert content == b"x" * 500_000
    assert list(tmp_path.iterdir()) == []
    assert message.size_bytes == 500_000


def test_key_tells_mails_apart_that_share_a_queue_id(tmp_path: Path) -> None:
    one, _ = read([HEADER], tmp_path)
    again, _ = read([HEADER, b"more"], tmp_path)
    later, _ = read([HEADER.replace(b"04:52:18", b"04:52:19")], tmp_path)
    assert one.key("Q1", "a@x") == again.key("Q1", "a@x")
    assert len({one.key("Q1", "a@x"), one.key("Q1", "b@x"), one.key("Q2", "a@x"), later.key("Q1", "a@x")}) == 4
