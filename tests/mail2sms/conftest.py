"""A private Redis, simulated carrier and gateway for one test, each a process that the test may kill."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from caiyou.queues import ShortMessage, mt_stream, to_payload

SP_ID = "901234"
SRC_ID = "10658000"
_T = TypeVar("_T")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(what: Callable[[], _T], timeout_s: float = 20.0, *, every_s: float = 0.05) -> _T:
    """The first true answer of ``what``; fails when there is none in time."""
    end = time.monotonic() + timeout_s
    while True:
        answer = what()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout_s} s: {what.__name__}: {answer!r}")
        time.sleep(every_s)


class Site:
    """Processes in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.redis_port, self.cmpp_port, self.http_port = free_port(), free_port(), free_port()
        self.settings_file = folder / "caiyou.toml"
        self.sms: dict[str, Any] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.redis = redis.Redis(port=self.redis_port, retry=Retry(ConstantBackoff(0.2), 50), socket_timeout=10)
        (folder / "ismg.secret").write_text("s3cret-of-the-test\n")

    def configure(self, sms: str, site: str = "") -> None:
        """Write the settings file; ``sms`` is what stands under [sms], without the link's address."""
        self.settings_file.write_text(
            f'[site]\nspool = "{self.folder}/spool"\n{site}\n'
            f'[redis]\nurl = "redis://127.0.0.1:{self.redis_port}/0"\n'
            f"[sms]\n{sms}\n"
        )

    def link(self, name: str = "mobile", *, port: int | None = None, secret: str = "ismg.secret", **more: Any) -> str:
        """A CMPP link's table, to the simulated ISMG."""
        values = {"reconnect_s": 0.1, "reconnect_max_s": 0.5, **more}
        lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items())
        return (
            f'[sms.links.{name}]\ntype = "cmpp"\nhost = "127.0.0.1"\nport = {port or self.cmpp_port}\n'
            f'sp_id = "{SP_ID}"\nsrc_id = "{SRC_ID}"\nsecret_file = "{self.folder / secret}"\n{lines}\n'
        )

    def start(self, name: str, *command: str, **environment: str) -> None:
        environment = {**os.environ, "CAIYOU_CONFIG": str(self.settings_file), **environment}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log, env=environment)  # noqa: S603

    def start_redis(self, fsync: str = "always") -> None:
        command = f"redis-server --port {self.redis_port} --bind 127.0.0.1 --save '' --appendonly yes".split()
        self.start("redis", *command, "--appendfsync", fsync, "--dir", str(self.folder))
        wait_for(self.redis.ping)

    def start_ismg(self) -> None:
        self.start(
            "ismg",
            *(sys.executable, "-m", "sandbox.carriers", "--state-dir", str(self.folder / "ismg"), "--sp-id", SP_ID),
            *("--cmpp-port", str(self.cmpp_port), "--http-port", str(self.http_port)),
            *("--secret-file", str(self.folder / "ismg.secret")),
        )
        wait_for(self._ismg_answers)

    def start_gateway(self, name: str = "gateway") -> None:
        self.start(name, sys.executable, "-m", "mail2sms")

    def kill(self, name: str) -> None:
        """kill -9."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    def stop(self, name: str, timeout_s: float = 15.0) -> int:
        """SIGTERM and wait."""
        process = self.processes.pop(name)
        process.terminate()
        return process.wait(timeout_s)

    def end(self) -> None:
        for name in reversed(list(self.processes)):
            self.kill(name)
        self.redis.close()

    # --- the carrier

    def http(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(  # noqa: S310
            f"http://127.0.0.1:{self.http_port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return json.load(answer)

    def faults(self, **faults: Any) -> None:
        self.http("PUT", "/ismg/faults", faults)

    def submits(self) -> list[dict[str, Any]]:
        """Every SUBMIT that ever reached the ISMG."""
        found: list[dict[str, Any]] = []
        while page := self.http("GET", f"/ismg/submits?after={len(found)}&limit=5000"):
            found += page
        return found

    def _ismg_answers(self) -> bool:
        try:
            self.http("GET", "/ismg/status")
        except OSError:
            return False
        return True

    # --- Redis

    def send(self, message: ShortMessage) -> None:
        self.redis.xadd(mt_stream(message.route), {"m": json.dumps(to_payload(message), ensure_ascii=False)})

    def send_many(self, count: int, prefix: str = "m", route: str = "default") -> list[str]:
        """Messages with texts of their own; their texts."""
        texts = [f"{prefix}{number:05d}" for number in range(count)]
        with self.redis.pipeline() as pipe:
            for text in texts:
                message = ShortMessage(id=f"id-{text}", to="8613800138000", text=text, route=route)
                pipe.xadd(mt_stream(route), {"m": json.dumps(to_payload(message))})
            pipe.execute()
        return texts

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        found = [json.loads(fields[b"e"]) for _, fields in self.redis.xrange("events")]
        return [event for event in found if kind in (None, event["kind"])]

    def waiting(self, route: str = "default") -> int:
        """Messages whose outcome is not recorded."""
        return int(self.redis.xlen(mt_stream(route)))

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.end()


@pytest.fixture
def running(site: Site) -> Site:
    """Redis, ISMG and gateway with one CMPP 3.0 link, up."""
    site.configure(f'routes = {{default = ["mobile"]}}\n{site.link()}')
    site.start_redis()
    site.start_ismg()
    site.start_gateway()
    wait_for(lambda: site.events("link.up"))
    return site


@pytest.fixture(name="wait_for")
def _wait_for() -> Callable[..., Any]:
    return wait_for
