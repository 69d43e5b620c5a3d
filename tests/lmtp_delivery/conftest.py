"""A caiyou-lmtpd of the test's own before the sandbox's Dovecot, Redis and slapd, and a peer that speaks LMTP to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sandbox.running import RunningSandbox
from sandbox.servers import daemons

QUEUE_ID = iter(f"4jXtest{number:08d}" for number in range(1, 10**8))


class Peer:
    """A connection to the agent, greeted. Replies are (code, text of all lines)."""

    def __init__(self, path: Path, timeout_s: float = 30.0) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout_s)
        self._file = self._socket.makefile("rb")
        try:
            self._socket.connect(str(path))
            self.greeting = self.reply()[0]
            self.features = self.command("LHLO peer.test")[1].splitlines()[1:] if self.greeting == 220 else []
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def half_close(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def reply(self) -> tuple[int, str]:
        lines: list[str] = []
        while True:
            line = self._file.readline(65_536)
            if not line:
                raise EOFError(f"closed after {lines}")
            lines.append(line.decode().rstrip("\r\n"))
            if lines[-1][3:4] != "-":
                return int(lines[-1][:3]), "\n".join(line[4:] for line in lines)

    def command(self, line: str) -> tuple[int, str]:
        self.send(line.encode() + b"\r\n")
        return self.reply()

    def is_closed(self) -> bool:
        return self._file.read(1) == b""

    def begin(self, rcpt_tos: Sequence[str], mail_from: str = "wei@world.test", queue_id: str = "") -> list[int]:
        """XFORWARD, MAIL and every RCPT in one write, as Postfix does; the codes of the recipients."""
        commands = [f"XFORWARD IDENT={queue_id or next(QUEUE_ID)} SOURCE=REMOTE", f"MAIL FROM:<{mail_from}>"]
        commands += [f"RCPT TO:<{rcpt_to}>" for rcpt_to in rcpt_tos]
        self.send("".join(line + "\r\n" for line in commands).encode())
        assert [self.reply()[0] for _ in range(2)] == [250, 250]
        return [self.reply()[0] for _ in rcpt_tos]

    def data(self, wire: bytes, replies: int) -> list[tuple[int, str]]:
        """Send a message in wire form and its end; that many replies."""
        assert self.command("DATA")[0] == 354
        self.send(wire + b".\r\n")
        return [self.reply() for _ in range(replies)]

    def deliver(
        self, rcpt_tos: Sequence[str], wire: bytes, mail_from: str = "wei@world.test", queue_id: str = ""
    ) -> list[tuple[int, str]]:
        """A whole transaction in which every recipient is taken; a reply for each."""
        codes = self.begin(rcpt_tos, mail_from, queue_id)
        assert codes == [250] * len(rcpt_tos), codes
        return self.data(wire, len(rcpt_tos))


class Lmtpd:
    """One caiyou-lmtpd."""

    def __init__(self, sandbox: RunningSandbox, folder: Path, overrides: dict[str, Any]) -> None:
        self.socket = folder / "lmtp.sock"
        self.log_file = folder / "log"
        self.settings_file = folder / "caiyou.toml"
        table = tomllib.loads(sandbox.settings_file.read_text())
        lmtp = table["lmtp"] | {"listen": f"unix:{self.socket}"} | overrides
        kept = sandbox.settings_file.read_text().split("[lmtp]\n")
        after = kept[1].partition("\n[")
        lines = "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in lmtp.items())
        self.settings_file.write_text(f"{kept[0]}[lmtp]\n{lines}\n[{after[2]}")
        self.process = self._start(sandbox)

    def _start(self, sandbox: RunningSandbox) -> subprocess.Popen[bytes]:
        app = sandbox.layout.app
        with self.log_file.open("ab") as log:
            process = subprocess.Popen(
                [daemons.python(), "-m", "lmtp_delivery"],
                env={
                    "CAIYOU_CONFIG": str(self.settings_file),
                    "PYTHONPATH": f"{app}:{app}/milter",
                    "TMPDIR": str(sandbox.layout.data / "tmp"),
                },
                user="caiyou",
                group="caiyou",
                extra_groups=[],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stderr=log,
            )
        deadline = time.monotonic() + 20
        while not self._answers():
            assert process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)
        return process

    def _answers(self) -> bool:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(2)
            sock.connect(str(self.socket))
            return sock.recv(4) == b"220 "
        return False

    def peer(self, timeout_s: float = 30.0) -> Peer:
        return Peer(self.socket, timeout_s)

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def workers(self) -> list[int]:
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def peak_rss_kb(self) -> int:
        """The largest memory that a worker ever had."""
        lines = [line for pid in self.workers() for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
        return max(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

    def kill(self) -> None:
        """kill -9, parent and workers."""
        for pid in [self.process.pid, *self.workers()]:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.process.terminate()
        return self.process.wait(timeout=40)


StartLmtpd = Callable[..., Lmtpd]


@pytest.fixture
def start_lmtpd(sandbox: RunningSandbox, request: pytest.FixtureRequest) -> Iterator[StartLmtpd]:
    """Start an agent with some settings of its own: ``start_lmtpd(message_bytes=100_000)``."""
    started: list[Lmtpd] = []

    def start(**overrides: Any) -> Lmtpd:
        folder = sandbox.layout.run / f"lmtp-{abs(hash(request.node.name)) % 10**8}-{len(started)}"
        folder.mkdir(mode=0o755)
        os.chown(folder, *_owner(sandbox))
        started.append(Lmtpd(sandbox, folder, overrides))
        return started[-1]

    yield start
    for agent in started:
        if agent.process.poll() is None:
            agent.stop()
        assert "Traceback" not in agent.log(), agent.log()


@pytest.fixture(scope="module")
def lmtpd(sandbox: RunningSandbox, request: pytest.FixtureRequest) -> Iterator[Lmtpd]:
    """An agent with the sandbox's settings, shared by a module's tests."""
    folder = sandbox.layout.run / f"lmtp-{request.module.__name__.rpartition('.')[2]}"
    folder.mkdir(mode=0o755)
    os.chown(folder, *_owner(sandbox))
    agent = Lmtpd(sandbox, folder, {})
    yield agent
    assert agent.stop() == 0
    assert "Traceback" not in agent.log(), agent.log()


def _owner(sandbox: RunningSandbox) -> tuple[int, int]:
    found = (sandbox.layout.data / "spool").stat()
    return found.st_uid, found.st_gid
