"""``caiyou-milter`` as it is started: what a wrong setting says, what a stale socket does, how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("m")  # short: a unix socket's path has 107 octets


def write_settings(folder: Path, milter: str, spool: str = "") -> Path:
    secret = folder / "ldap.secret"
    secret.write_text("not asked for here\n")
    path = folder / "caiyou.toml"
    path.write_text(
        f'[site]\nspool = "{spool or folder / "spool"}"\n[ldap]\npassword_file = "{secret}"\n'
        f'[redis]\nurl = "redis://127.0.0.1:1/0"\n[milter]\n{milter}\n'
    )
    return path


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "caiyou_milter", *arguments]


def run(settings_file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CAIYOU_CONFIG": str(settings_file)}
    return subprocess.run(command(*arguments), env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_help_needs_no_settings(folder: Path) -> None:
    done = run(folder / "absent.toml", "--help")
    assert done.returncode == 0
    assert "caiyou-milter" in done.stdout


@pytest.mark.parametrize(
    "milter, spool, says",
    [
        ('sokcet = "/x"', "", "did you mean socket"),
        ('socket_mode = "rw"', "", "milter.socket_mode"),
        ('socket = "/nonexistent/folder/s"', "", "milter.socket cannot be opened"),
        (f'socket = "/tmp/{"x" * 120}"', "", "milter.socket is longer than"),
        ('socket = "{folder}/s"\nsocket_group = "no such group"', "", "milter.socket_group: no group no such group"),
        ('socket = "{folder}/s"', "/proc/nowhere", "site.spool cannot be used"),
        ('socket = "{folder}/caiyou.toml"', "", "milter.socket cannot be opened"),
    ],
)
def test_wrong_settings_are_said_in_one_line(folder: Path, milter: str, spool: str, says: str) -> None:
    done = run(write_settings(folder, milter.replace("{folder}", str(folder)), spool))
    assert done.returncode == 78
    assert says in done.stderr
    assert done.stderr.startswith("caiyou-milter: ")
    assert len(done.stderr.splitlines()) == 1
    assert not (folder / "s").exists()


@pytest.fixture
def path(folder: Path) -> Path:
    return folder / "s"


@pytest.fixture
def daemon(folder: Path, path: Path) -> Iterator[subprocess.Popen[str]]:
    """A running milter; a socket of an earlier one was left."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    settings_file = write_settings(folder, f'socket = "{path}"\nsocket_mode = "0640"')
    with subprocess.Popen(
        command(), env={**os.environ, "CAIYOU_CONFIG": str(settings_file)}, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "status=listening" in process.stderr.readline()
        yield process
        process.kill()


def connected(path: Path) -> socket.socket:
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(5)
    peer.connect(str(path))
    return peer


def test_it_takes_over_from_a_dead_one_and_only_from_a_dead_one(
    daemon: subprocess.Popen[str], folder: Path, path: Path
) -> None:
    assert path.stat().st_mode & 0o777 == 0o640
    second = run(folder / "caiyou.toml")
    assert second.returncode == 78
    assert "another process serves milter.socket" in second.stderr
    connected(path).close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_even_with_a_session_open(
    daemon: subprocess.Popen[str], path: Path, number: signal.Signals
) -> None:
    with connected(path):
        time.sleep(0.5)  # it says that it listens a moment before it waits for signals
        started_at = time.monotonic()
        daemon.send_signal(number)
        assert daemon.wait(10) == 0
        assert time.monotonic() - started_at < 2
    assert not path.exists()


def test_garbage_on_the_socket_does_not_end_it(daemon: subprocess.Popen[str], path: Path) -> None:
    for garbage in (b"\xff" * 100, b"\0\0\0\1O", b"\x7f\xff\xff\xffB", b"GET / HTTP/1.0\r\n\r\n", b"\0\0\0\0"):
        with connected(path) as peer, suppress(ConnectionError):
            peer.sendall(garbage)
            peer.shutdown(socket.SHUT_WR)
            peer.recv(100)
    assert daemon.poll() is None
    connected(path).close()
