"""A TCP proxy that does something at a chosen octet of a dialogue: what a test needs to kill a program at that step."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

Splitter = Callable[[bytes], tuple[list[bytes], bytes]]  # octets to whole messages and a rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """When a message that ``matches`` passes: ``act``, before it is passed on (which it then is not) or after."""

    matches: Callable[[bytes], bool]
    before: bool
    act: Callable[[], None]


class Proxy:
    """Listens on ``port`` of 127.0.0.1 and passes everything on to ``target``; close it at the end."""

    def __init__(self, target: int, split: Splitter) -> None:
        self._target = target
        self._split = split
        self._lock = threading.Lock()
        self._step: Step | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, step: Step | None) -> None:
        """Wait for this step now, once."""
        with self._lock:
            self._step = step

    def close(self) -> None:
        """Close every connection."""
        self._listener.close()
        for one in list(self._open):
            _close(one)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    client.close()
                    continue
                self._open += [client, server]
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        rest = b""
        with suppress(OSError):
            while data := source.recv(1 << 16):
                messages, rest = self._split(rest + data)
                if not all(self._pass(message, sink) for message in messages):
                    break
        _close(source)
        _close(sink)

    def _pass(self, message: bytes, sink: socket.socket) -> bool:
        """Pass a message on; False where the step took it."""
        with self._lock:
            step = self._step
            if step is None or not step.matches(message):
                step = None
            else:
                self._step = None
        if step is None or not step.before:
            sink.sendall(message)
        if step is not None:
            step.act()
        return step is None or not step.before


def as_it_comes(data: bytes) -> tuple[list[bytes], bytes]:
    """No framing: what was read is one message."""
    return [data], b""


def by_length(data: bytes) -> tuple[list[bytes], bytes]:
    """Messages that begin with their length in four octets (CMPP, SGIP, SMGP, SMPP)."""
    return list(_by_length(data)), data[_whole(data) :]


def _by_length(data: bytes) -> Iterator[bytes]:
    at, end = 0, _whole(data)
    while at < end:
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at : at + size]
        at += size


def _whole(data: bytes) -> int:
    """Where the last whole message ends."""
    at = 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size < 4 or at + size > len(data):
            break
        at += size
    return at


def _close(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
