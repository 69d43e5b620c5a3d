"""The simulated carrier as a process of its own, and an SP that talks to it over a real socket."""

from __future__ import annotations

import json
import re
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mail2sms.cmpp.codes import Version
from mail2sms.cmpp.events import Connected, Delivered, Event, Reported
from mail2sms.cmpp.pdu import Submit
from mail2sms.cmpp.session import ClientSession, Limits, Login

_E = TypeVar("_E", bound=Event)
SP_ID = "901234"
SECRET = "shared-secret"


class Carrier:
    """The process. ``kill`` and ``start`` again as a test wants."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cmpp_port = self.http_port = 0
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "secret").write_text(SECRET + "\n")

    def start(self, *more: str) -> None:
        command = [sys.executable, "-m", "sandbox.carriers", "--state-dir", str(self.folder / "state")]
        command += ["--cmpp-port", str(self.cmpp_port), "--http-port", str(self.http_port)]
        command += ["--sp-id", SP_ID, "--secret-file", str(self.folder / "secret"), *more]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        ready = re.search(rb"cmpp=[^:]+:(\d+) http=[^:]+:(\d+)", self._process.stdout.readline())
        assert ready is not None
        self.cmpp_port, self.http_port = int(ready[1]), int(ready[2])

    def stop(self, how: int = signal.SIGTERM) -> int:
        assert self._process is not None
        self._process.send_signal(how)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return self._process.wait(20)

    def http(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON of one request."""
        data = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if data is not None else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"http://127.0.0.1:{self.http_port}{path}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, sent, method=method), timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def get(self, path: str) -> Any:
        status, body = self.http("GET", path)
        assert status == 200, body
        return body

    def faults(self, **faults: Any) -> None:
        status, body = self.http("PUT", "/ismg/faults", faults)
        assert status == 200, body


class Sp:
    """One link of an SP, with a plain socket."""

    def __init__(self, port: int, version: Version = Version.V30, secret: str = SECRET, sp_id: str = SP_ID) -> None:
        self.session = ClientSession(
            Login(sp_id=sp_id, secret=secret, version=version), Limits(answer_s=1.0, tries=2, idle_s=60)
        )
        self.events: list[Event] = []
        self.acknowledges = True
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.session.connect(time.monotonic(), datetime.now())  # noqa: DTZ005  local digits

    def logged_in(self) -> Sp:
        self.wait(Connected)
        return self

    def submit(self, text: str, *to: str, src_id: str = "10658878", **more: Any) -> int:
        content = more.pop("msg_content", text.encode("utf-16-be"))
        values: dict[str, Any] = {
            "msg_fmt": 8,
            "msg_src": SP_ID,
            "src_id": src_id,
            "dest_terminal_ids": to or ("13800138000",),
        }
        submit = Submit(**(values | {"msg_content": content} | more))
        return self.session.submit(submit, time.monotonic())

    def turn(self, timeout_s: float = 0.05) -> None:
        """Send, receive and let time pass once."""
        try:
            self.socket.sendall(self.session.data_to_send())
            if select.select([self.socket], [], [], timeout_s)[0]:
                data = self.socket.recv(65536)
                self._act(self.session.receive(data, time.monotonic()) if data else self.session.connection_lost("end"))
            self._act(self.session.tick(time.monotonic()))
            if not self.session.is_closed:
                self.socket.sendall(self.session.data_to_send())
        except ConnectionError as error:
            self._act(self.session.connection_lost(str(error)))

    def _act(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Delivered | Reported) and self.acknowledges:
                self.session.acknowledge(event)
        self.events += events

    def all(self, kind: type[_E]) -> list[_E]:
        return [event for event in self.events if isinstance(event, kind)]

    def wait(self, kind: type[_E], count: int = 1, timeout_s: float = 10.0) -> list[_E]:
        """The events of that kind, at least ``count``."""
        end = time.monotonic() + timeout_s
        while len(self.all(kind)) < count:
            assert time.monotonic() < end, f"{count} {kind.__name__} not in {timeout_s} s: {self.events}"
            if self.session.is_closed:
                assert len(self.all(kind)) >= count, self.events
            self.turn()
        return self.all(kind)

    def idle(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.turn()

    def close(self) -> None:
        self.socket.close()


@pytest.fixture(scope="session")
def shared_carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    carrier = Carrier(tmp_path_factory.mktemp("carrier"))
    carrier.start()
    yield carrier
    assert carrier.stop() == 0


@pytest.fixture
def carrier(shared_carrier: Carrier) -> Carrier:
    """The process, without faults, links and waiting reports."""
    shared_carrier.faults()
    shared_carrier.http("POST", "/ismg/disconnect", {})
    shared_carrier.http("DELETE", "/ismg/delivers", {})
    return shared_carrier


@pytest.fixture
def own_carrier(tmp_path: Path) -> Iterator[Carrier]:
    """A process that the test may kill."""
    carrier = Carrier(tmp_path)
    carrier.start()
    yield carrier
    carrier.stop(signal.SIGKILL)


@pytest.fixture
def sp(carrier: Carrier) -> Iterator[Callable[..., Sp]]:
    """Makes links that are closed at the end."""
    made: list[Sp] = []

    def make(*args: Any, port: int = 0, **kwargs: Any) -> Sp:
        made.append(Sp(port or carrier.cmpp_port, *args, **kwargs))
        return made[-1]

    yield make
    for one in made:
        one.close()
