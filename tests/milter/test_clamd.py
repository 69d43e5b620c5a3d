"""The scanner against a clamd that misbehaves; the real one is in flows/test_virus.py."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from caiyou_milter.clamd import Scan, Scanner
from caiyou_milter.settings import MilterSettings

Behaviour = Callable[[socket.socket], None]


def read_stream(peer: socket.socket) -> bytes:
    """What clamd reads: nINSTREAM, chunks, an empty chunk. Returns the content."""
    with peer.makefile("rb") as stream:
        assert stream.readline() == b"nINSTREAM\n"
        content = b""
        while size := int.from_bytes(stream.read(4), "big"):
            content += stream.read(size)
        return content


@pytest.fixture
def serve(settings: MilterSettings) -> Iterator[Callable[[Behaviour], None]]:
    """Answer one connection after the other on clamd's socket."""
    listener = socket.socket(socket.AF_UNIX)
    threads = []

    def start(behave: Behaviour) -> None:
        listener.bind(str(settings.clamd_socket))
        listener.listen()

        def run() -> None:
            with suppress(OSError):
                while True:
                    peer, _ = listener.accept()
                    with peer, suppress(OSError):
                        behave(peer)

        threads.append(threading.Thread(target=run))
        threads[0].start()

    yield start
    listener.shutdown(socket.SHUT_RDWR) if threads else None
    listener.close()
    for thread in threads:
        thread.join(5)


def answer(text: bytes) -> Behaviour:
    def behave(peer: socket.socket) -> None:
        read_stream(peer)
        peer.sendall(text)

    return behave


@pytest.mark.parametrize(
    "said, expected",
    [
        (b"stream: OK\n", Scan()),
        (b"stream: Win.Test.EICAR_HDB-1 FOUND\n", Scan(signature="Win.Test.EICAR_HDB-1")),
        (b"stream: Odd: name with blanks FOUND\n", Scan(signature="Odd: name with blanks")),
        (b"stream: FOUND\n", Scan(signature="unnamed")),
        (b"stream: \xff\xfe FOUND\n", Scan(signature="\ufffd\ufffd")),
        (b"stream: Can't allocate memory ERROR\n", Scan(trouble="Can't allocate memory")),
        (b"INSTREAM size limit exceeded. ERROR\n", Scan(trouble="INSTREAM size limit exceeded. ERROR", too_large=True)),
    ],
)
def test_answers(serve: Callable[[Behaviour], None], settings: MilterSettings, said: bytes, expected: Scan) -> None:
    serve(answer(said))
    scanner = Scanner(settings)
    for _ in range(2):  # the scanner is used again
        assert scanner.scan(io.BytesIO(b"mail"), 4) == expected


@pytest.mark.parametrize(
    "said", [b"\n", b"hello\n", b"OK\n", b"stream: perhaps OK\n", b"PONG\n", b"stream: OK\nOK\n", b"\xff\n"]
)
def test_an_odd_answer_is_not_taken_for_clean(
    serve: Callable[[Behaviour], None], settings: MilterSettings, said: bytes
) -> None:
    serve(answer(said))
    assert "not understood" in Scanner(settings).scan(io.BytesIO(b"mail"), 4).trouble


def test_the_whole_message_is_sent_and_from_its_beginning(
    serve: Callable[[Behaviour], None], settings: MilterSettings
) -> None:
    seen: list[bytes] = []

    def behave(peer: socket.socket) -> None:
        seen.append(read_stream(peer))
        peer.sendall(b"stream: ")
        peer.sendall(b"OK\n")

    serve(behave)
    content = bytes(range(256)) * 4000  # about 1 MB: a socket takes it in several pieces
    message = io.BytesIO(content)
    message.seek(77)
    assert Scanner(settings).scan(message, len(content)).clean
    assert seen == [content]


def hang_up(peer: socket.socket) -> None:
    read_stream(peer)


def hang_up_at_once(peer: socket.socket) -> None:
    peer.recv(10)


def half_an_answer(peer: socket.socket) -> None:
    read_stream(peer)
    peer.sendall(b"stream: OK")


def stay_silent(peer: socket.socket) -> None:
    read_stream(peer)
    time.sleep(2)


def read_nothing(peer: socket.socket) -> None:
    time.sleep(2)


def chatter(peer: socket.socket) -> None:
    read_stream(peer)
    while True:
        peer.sendall(b"x" * 1000)


def drip(peer: socket.socket) -> None:
    read_stream(peer)
    for _ in range(30):
        peer.sendall(b"x")
        time.sleep(0.1)


def refuse_size(peer: socket.socket) -> None:
    peer.recv(1000)
    peer.sendall(b"INSTREAM size limit exceeded. ERROR\n")


@pytest.mark.parametrize("behave", [hang_up, hang_up_at_once, half_an_answer, stay_silent, read_nothing, chatter, drip])
def test_no_clear_answer_is_never_clean(
    serve: Callable[[Behaviour], None], settings: MilterSettings, behave: Behaviour
) -> None:
    serve(behave)
    content = b"x" * 2_000_000
    started_at = time.monotonic()
    scan = Scanner(settings).scan(io.BytesIO(content), len(content))
    assert scan.trouble
    assert not scan.clean
    assert not scan.too_large
    assert time.monotonic() - started_at < settings.scan_timeout_s + 0.7


def test_clamd_stops_reading_and_says_that_it_is_too_much(
    serve: Callable[[Behaviour], None], settings: MilterSettings
) -> None:
    serve(refuse_size)
    content = b"x" * 2_000_000
    assert Scanner(settings).scan(io.BytesIO(content), len(content)).too_large


def test_what_is_longer_than_allowed_is_not_even_sent(settings: MilterSettings) -> None:
    scan = Scanner(settings.model_copy(update={"scan_max_bytes": 10})).scan(io.BytesIO(b"x" * 11), 11)
    assert scan.too_large
    assert scan.trouble


def test_clamd_is_away_and_comes_back(serve: Callable[[Behaviour], None], settings: MilterSettings) -> None:
    scanner = Scanner(settings)
    away = scanner.scan(io.BytesIO(b"mail"), 4)
    assert str(settings.clamd_socket) in away.trouble
    assert not away.too_large
    serve(answer(b"stream: OK\n"))
    assert scanner.scan(io.BytesIO(b"mail"), 4).clean
