"""Administrative steps reach the events stream of a real Redis, also those of the time when it was away."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from caiyou.directory.admin.audit import Audit
from caiyou.events import FIELD, STREAM, Event, Kind
from caiyou.settings import Settings, load
from caiyou.spool import read

pytestmark = pytest.mark.live


class Redis:
    """A server that can be started and stopped; it keeps nothing."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._command = [
            "redis-server",
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(folder),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        with redis.Redis(port=self.port) as connection:
            for _ in range(100):
                try:
                    connection.ping()
                    return
                except redis.ConnectionError:
                    time.sleep(0.05)
        raise RuntimeError("redis-server does not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)
            self._process = None

    def results(self) -> list[str | None]:
        with redis.Redis(port=self.port) as connection:
            entries = connection.xrange(STREAM)
            return [Event.from_json(fields[FIELD.encode()]).result for _, fields in entries]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Redis]:
    running = Redis(tmp_path)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def settings(server: Redis, tmp_path: Path) -> Settings:
    (tmp_path / "spool").mkdir()
    path = tmp_path / "caiyou.toml"
    path.write_text(f'[site]\nspool = "{tmp_path}/spool"\n[redis]\nurl = "redis://127.0.0.1:{server.port}/0"\n')
    return load(path)


def step(name: str) -> Event:
    return Event(kind=Kind.ADMIN_CHANGED, result=name)


def test_a_step_is_on_the_stream_at_once(server: Redis, settings: Settings) -> None:
    Audit(settings).record(step("user.add a"))
    assert server.results() == ["user.add a"]
    assert list(settings.site.spool.iterdir()) == []


def test_steps_taken_while_redis_was_away_follow_with_the_next_one(server: Redis, settings: Settings) -> None:
    server.stop()
    for name in ("one", "two"):
        Audit(settings).record(step(name))
    assert len(list(read(settings.site.spool / "admin.sqlite3"))) == 2
    server.start()
    Audit(settings).record(step("three"))
    assert sorted(map(str, server.results())) == ["one", "three", "two"]
    Audit(settings).record(step("four"))
    assert len(server.results()) == 4


def test_a_step_that_cannot_be_recorded_anywhere_stays_done(
    server: Redis, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    server.stop()
    settings.site.spool.rmdir()
    Audit(settings).record(step("user.add lost"))
    assert "user.add lost" in caplog.text
    assert not settings.site.spool.exists()
