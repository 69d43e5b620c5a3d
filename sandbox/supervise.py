"""supervisord (PyPI supervisor): it starts the processes, keeps them running, and answers on a unix socket for root."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import xmlrpc.client
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from caiyou.errors import CaiyouError
from sandbox import files
from sandbox.layout import Layout
from sandbox.process import Process
from sandbox.servers import daemons

TAIL_OCTETS = 4096
STOP_S = 60.0
# Programs that overwrite or clean their environment.
WIPERS = {
    Path(path)
    for path in (
        "/usr/bin/redis-check-rdb",
        "/usr/bin/redis-server",
        "/usr/sbin/dovecot",
        "/usr/lib/postfix/sbin/master",
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One process as supervisord sees it. ``why`` is its last log line when it is not up."""

    name: str
    up: bool
    state: str
    pid: int
    since_s: int
    why: str


def is_running(layout: Layout) -> bool:
    """Whether this sandbox's supervisord answers."""
    try:
        with _rpc(layout) as rpc:
            rpc.getState()
    except (OSError, xmlrpc.client.Error):
        return False
    return True


def apply(layout: Layout, processes: list[Process]) -> list[str]:
    """Make supervisord know these processes; returns the names of those stopped because they changed or went away."""
    conf = files.write(layout.etc / "supervisord.conf", _conf(layout, processes), mode=0o600)
    if not is_running(layout):
        _launch(layout, conf)
        return []
    with _rpc(layout) as rpc:
        added, changed, removed = rpc.reloadConfig()[0]
        for name in [*changed, *removed]:
            rpc.stopProcessGroup(name)
            rpc.removeProcessGroup(name)
        for name in [*added, *changed]:
            rpc.addProcessGroup(name)
    return [*changed, *removed]


def start(layout: Layout, name: str) -> None:
    """Start a process that is not running; returns at once. Raises CaiyouError on an unknown name."""
    try:
        with _rpc(layout) as rpc:
            rpc.startProcess(name, False)
    except xmlrpc.client.Fault as fault:
        if "ALREADY_STARTED" not in fault.faultString:
            raise CaiyouError(f"{name}: {fault.faultString}") from None


def stop(layout: Layout, name: str) -> None:
    """Stop a process and keep it stopped until ``start``. Raises CaiyouError on an unknown name."""
    try:
        with _rpc(layout) as rpc:
            rpc.stopProcess(name)
    except xmlrpc.client.Fault as fault:
        if "NOT_RUNNING" not in fault.faultString:
            raise CaiyouError(f"{name}: {fault.faultString}") from None


def states(layout: Layout) -> list[State]:
    """Every process in the order of start; none when the sandbox is stopped."""
    try:
        with _rpc(layout) as rpc:
            order = {config["name"]: config["group_prio"] for config in rpc.getAllConfigInfo()}
            infos = rpc.getAllProcessInfo()
    except OSError:
        return []
    return [_state(layout, info) for info in sorted(infos, key=lambda info: order.get(info["name"], 0))]


def shut_down(layout: Layout) -> bool:
    """Stop all processes and supervisord; True when there was something to stop. Raises CaiyouError when some stay."""
    asked = is_running(layout)
    if asked:
        with _rpc(layout) as rpc:
            rpc.shutdown()
    patience = time.monotonic() + (STOP_S if asked else 0)
    killed = False
    while pids := _own_pids(layout):
        if time.monotonic() > patience + 10:
            raise CaiyouError(f"these processes do not end: {', '.join(map(str, pids))}")
        if time.monotonic() > patience:  # they hang, or were left behind by a supervisord that was killed
            killed = True
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    return asked or killed


@contextmanager
def _rpc(layout: Layout) -> Iterator[Any]:
    transport = SupervisorTransport(serverurl=f"unix://{layout.run}/supervisor.sock")
    try:
        yield xmlrpc.client.ServerProxy("http://sandbox", transport=transport).supervisor
    finally:
        transport.close()


def _launch(layout: Layout, conf: Path) -> None:
    clean = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "CAIYOU_SANDBOX_OWN": str(layout.folder)}
    done = subprocess.run(
        [daemons.python(), "-m", "supervisor.supervisord", "-c", conf],
        env=clean,
        cwd=layout.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    deadline = time.monotonic() + 10
    while done.returncode == 0 and time.monotonic() < deadline:
        if is_running(layout):
            return
        time.sleep(0.02)
    words = (done.stderr or done.stdout).strip().splitlines()
    raise CaiyouError(f"supervisord does not start: {words[-1] if words else layout.log / 'supervisord.log'}")


def _own_pids(layout: Layout) -> list[int]:
    """This sandbox's processes: its mark is in their environment, or they wipe it and work in its folder."""
    mark = f"CAIYOU_SANDBOX_OWN={layout.folder}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            marked = mark in (path / "environ").read_bytes().split(b"\0")
            if marked or (
                (path / "exe").readlink() in WIPERS and (path / "cwd").readlink().is_relative_to(layout.folder)
            ):
                found.append(int(path.name))
    return found


def _state(layout: Layout, info: dict[str, Any]) -> State:
    up = info["statename"] == "RUNNING"
    # Postfix says what is wrong in its own log only.
    log = layout.mail_log if info["name"] == "postfix" else Path(info["stdout_logfile"])
    why = "" if up else (_last_line(log) or info["spawnerr"])
    since = max(0, info["now"] - info["start"]) if up else 0
    return State(name=info["name"], up=up, state=info["statename"], pid=info["pid"], since_s=since, why=why)


def _last_line(path: Path) -> str:
    with suppress(OSError), path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_OCTETS))
        lines = file.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1].strip() if lines else ""
    return ""


def _conf(layout: Layout, processes: Iterable[Process]) -> str:
    parts = [
        f"""\
[supervisord]
logfile = {layout.log}/supervisord.log
logfile_maxbytes = 10MB
logfile_backups = 1
loglevel = info
pidfile = {layout.run}/supervisord.pid
childlogdir = {layout.log}
directory = {layout.folder}
nodaemon = false
user = root
umask = 022

[unix_http_server]
file = {layout.run}/supervisor.sock
chmod = 0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
    ]
    parts += [_program(layout, order, process) for order, process in enumerate(processes)]
    return "\n".join(parts)


def _program(layout: Layout, order: int, process: Process) -> str:
    marks = {"CAIYOU_SANDBOX_OWN": str(layout.folder), "CAIYOU_SANDBOX_DIGEST": files.digest(*process.watched)}
    environment = ",".join(f'{name}="{value}"' for name, value in {**marks, **process.environment}.items())
    return f"""\
[program:{process.name}]
command = {" ".join(map(_quoted, process.command))}
priority = {process.stage * 100 + order}
user = {process.user}
umask = {process.umask}
directory = {layout.folder}
environment = {environment}
autostart = false
autorestart = true
startsecs = 1
startretries = 20
stopsignal = {process.stop_signal}
stopwaitsecs = 20
killasgroup = true
redirect_stderr = true
stdout_logfile = {layout.log}/{process.name}.log
stdout_logfile_maxbytes = 20MB
stdout_logfile_backups = 1
"""


def _quoted(word: str) -> str:
    """For supervisord: shlex on the way in, and % doubled."""
    word = word.replace("%", "%%")
    return (
        word if word and all(c.isalnum() or c in "/._-=:@%" for c in word) else "'" + word.replace("'", "'\"'\"'") + "'"
    )
