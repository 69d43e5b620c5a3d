"""A private Redis, simulated carrier, gateway and worker on loopback, each a process that a test may kill."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from caiyou.queues import NOTIFY_QUEUE, ShortMessage, mt_stream, to_payload

SP_ID = "901234"
SRC_ID = "10658000"
SECRET_FILE = "ismg.secret"  # noqa: S105  a name
_T = TypeVar("_T")


def free_port() -> int:
    """A port that nobody has."""
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
            raise AssertionError(f"not within {timeout_s} s: {getattr(what, '__name__', what)}: {answer!r}")
        time.sleep(every_s)


class Stack:
    """Processes in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.redis_port, self.cmpp_port, self.http_port, self.smtp_port = (free_port() for _ in range(4))
        self.settings_file = folder / "caiyou.toml"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.redis = redis.Redis(port=self.redis_port, retry=Retry(ConstantBackoff(0.2), 50), socket_timeout=10)
        (folder / SECRET_FILE).write_text("s3cret-of-the-test\n")

    def configure(self, sms: str, *, site: str = "", ldap: str = "") -> None:
        """Write the settings file from what stands in its tables, beside what is the same for all tests."""
        self.settings_file.write_text(
            f'[site]\nspool = "{self.folder}/spool"\n{site}\n'
            f'[redis]\nurl = "redis://127.0.0.1:{self.redis_port}/0"\n'
            f"[ldap]\n{ldap}\n[sms]\n{sms}\n"
        )

    def link(self, name: str = "mobile", *, port: int | None = None, secret: str | None = None, **more: Any) -> str:
        """A CMPP link's table, to the simulated ISMG."""
        return self.link_of(
            "cmpp", name, port or self.cmpp_port, secret=secret, sp_id=SP_ID, **{"src_id": SRC_ID, **more}
        )

    def link_of(self, type: str, name: str, port: int, *, secret: str | None = None, **more: Any) -> str:
        """The table of a link of any type over TCP that has a secret."""
        values = {"host": "127.0.0.1", "port": port, "secret_file": str(self.folder / (secret or SECRET_FILE))}
        values |= {"reconnect_s": 0.1, "reconnect_max_s": 0.5, **more}
        lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items())
        return f'[sms.links.{name}]\ntype = "{type}"\n{lines}\n'

    def start(self, name: str, *command: str, **environment: str) -> None:
        """Start a process; its output goes to NAME.log."""
        environment = {**os.environ, "CAIYOU_CONFIG": str(self.settings_file), **environment}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log, env=environment)

    def start_worker(self, name: str = "worker", queue: str = NOTIFY_QUEUE) -> None:
        """Return at once."""
        self.start(name, sys.executable, "-m", "caiyou.worker", queue)

    def start_redis(self, fsync: str = "always") -> None:
        """Return when it answers."""
        command = f"redis-server --port {self.redis_port} --bind 127.0.0.1 --save '' --appendonly yes".split()
        self.start("redis", *command, "--appendfsync", fsync, "--dir", str(self.folder))
        wait_for(self.redis.ping)

    def start_ismg(self, *more: str) -> None:
        """Return when it answers. ``more``: arguments of ``sandbox.carriers``, for other carriers than the ISMG."""
        self.start(
            "ismg",
            *(sys.executable, "-m", "sandbox.carriers", "--state-dir", str(self.folder / "ismg"), "--sp-id", SP_ID),
            *("--cmpp-port", str(self.cmpp_port), "--http-port", str(self.http_port)),
            *("--secret-file", str(self.folder / SECRET_FILE)),
            *more,
        )
        wait_for(self._ismg_answers)

    def start_gateway(self, name: str = "gateway") -> None:
        """Return at once."""
        self.start(name, sys.executable, "-m", "mail2sms")

    def cpu_s(self) -> dict[str, float]:
        """Processor time that each process has used (proc(5), stat, 14 and 15)."""
        tick_s = 1 / os.sysconf("SC_CLK_TCK")
        found = {}
        for name, process in self.processes.items():
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            found[name] = (int(fields[11]) + int(fields[12])) * tick_s
        return found

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
        """Kill what runs."""
        for name in reversed(list(self.processes)):
            self.kill(name)
        self.redis.close()

    # --- the carrier

    def http(self, method: str, path: str, body: object = None) -> Any:
        """Ask the simulated carrier."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http_port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return json.load(answer)

    def faults(self, carrier: str = "ismg", /, **faults: Any) -> None:
        """Replace a carrier's faults."""
        self.http("PUT", f"/{carrier}/faults", faults)

    def submits(self, carrier: str = "ismg") -> list[dict[str, Any]]:
        """Every SUBMIT that ever reached a carrier."""
        found: list[dict[str, Any]] = []
        while page := self.http("GET", f"/{carrier}/submits?after={len(found)}&limit=5000"):
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
        """Put one on its route."""
        self.redis.xadd(
            mt_stream(message.route, message.message_class), {"m": json.dumps(to_payload(message), ensure_ascii=False)}
        )

    def send_many(self, count: int, prefix: str = "m", route: str = "default") -> list[str]:
        """Messages with texts of their own; their texts."""
        texts = [f"{prefix}{number:05d}" for number in range(count)]
        with self.redis.pipeline() as pipe:
            for text in texts:
                message = ShortMessage(id=f"id-{text}", to="8613800138000", text=text, route=route)
                pipe.xadd(mt_stream(route), {"m": json.dumps(to_payload(message))})
            pipe.execute()
        return texts

    def waiting_messages(self, route: str = "default") -> list[dict[str, Any]]:
        """What stands on the route's stream."""
        return self._records(mt_stream(route), b"m")

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """What happened, of one kind or all."""
        return [event for event in self._records("events", b"e") if kind in (None, event["kind"])]

    def _records(self, stream: str, field: bytes) -> list[dict[str, Any]]:
        entries: Any = self.redis.xrange(stream)
        return [json.loads(fields[field]) for _, fields in entries]

    def waiting(self, route: str = "default") -> int:
        """Messages whose outcome is not recorded."""
        return int(self.redis.xlen(mt_stream(route)))

    def log(self, name: str) -> str:
        """What a process wrote."""
        return (self.folder / f"{name}.log").read_text()
