"""``caiyou-lmtpd``: the parent binds the socket and keeps worker processes on it; each serves with its own event loop.

SIGTERM or SIGINT drains: no new connections, deliveries under way end, then all stop. A worker that dies is replaced; a
worker whose parent died drains by itself. Exit status: 0 stopped, 77 started as root, 78 wrong settings or socket.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop

from caiyou import log
from caiyou.errors import SettingsError
from caiyou.settings import Settings, current
from lmtp_delivery.agent import Agent
from lmtp_delivery.server import Session
from lmtp_delivery.settings import Endpoint, LmtpSettings

logger = logging.getLogger("caiyou.lmtpd")

EX_NOPERM, EX_CONFIG = 77, 78  # sysexits.h
BACKLOG = 512
BIND_TRIES_S = 5.0  # workers of a parent that was killed let go of a TCP port within moments
RESPAWN_S = 1.0
MODE = 0o666  # who may deliver is a matter of the folder


def main() -> int:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="caiyou-lmtpd",
        description="LMTP agent between Postfix and Dovecot. Settings: tables [lmtp], [site], [ldap], [redis] of "
        "$CAIYOU_CONFIG or /etc/caiyou/caiyou.toml; `caiyou config` shows them.",
    )
    parser.parse_args()
    log.setup()
    if os.geteuid() == 0:
        print("caiyou-lmtpd: not as root: start it as the user caiyou", file=sys.stderr)
        return EX_NOPERM
    try:
        settings = current()
        settings.effective()
        listener = _bind(Endpoint.parse(settings.table(LmtpSettings).listen))
    except SettingsError as error:
        print(f"caiyou-lmtpd: {error}", file=sys.stderr)
        return EX_CONFIG
    return Parent(settings, listener).run()


class Parent:
    """Starts the workers, replaces the dead, passes SIGTERM on."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings = settings
        self._listener = listener
        self._lifeline, self._hold = os.pipe()  # workers read it: its end is the parent's end
        self._started: dict[int, float] = {}  # pid to time.monotonic()
        self._stopping = False
        self._inode = _inode(Path(listener.getsockname())) if listener.family == socket.AF_UNIX else None

    def run(self) -> int:
        """Until told to stop and every worker has ended."""
        table = self._settings.table(LmtpSettings)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        logger.info(log.line(None, listening=table.listen, processes=table.processes))
        for _ in range(table.processes):
            self._spawn()
        while self._started:
            pid, status = os.wait()
            started = self._started.pop(pid, None)
            if started is None or self._stopping:
                continue
            logger.error(log.line(None, worker=pid, died=os.waitstatus_to_exitcode(status)))
            if time.monotonic() - started < RESPAWN_S:
                time.sleep(RESPAWN_S)
            if not self._stopping:
                self._spawn()
        path = Path(Endpoint.parse(table.listen).path)
        if self._inode is not None and _inode(path) == self._inode:  # not the socket of a successor that is up already
            path.unlink(missing_ok=True)
        logger.info(log.line(None, stopped=table.listen))
        return 0

    def _spawn(self) -> None:
        # A signal between fork and the worker's own handlers would run the parent's.
        with _blocked(signal.SIGTERM, signal.SIGINT):
            pid = os.fork()
            if pid == 0:
                os.close(self._hold)
                for number in (signal.SIGTERM, signal.SIGINT):
                    signal.signal(number, signal.SIG_DFL)
                status = 1
                try:
                    status = uvloop.run(_work(self._settings, self._listener, self._lifeline))
                finally:
                    sys.stderr.flush()
                    os._exit(status)
            self._started[pid] = time.monotonic()

    def _stop(self, *_: object) -> None:
        self._stopping = True
        for pid in self._started:
            os.kill(pid, signal.SIGTERM)


async def _work(settings: Settings, listener: socket.socket, lifeline: int) -> int:
    """One worker."""
    table = settings.table(LmtpSettings)
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))
    loop.add_reader(lifeline, stop.set)
    agent = Agent(settings)
    await agent.start()
    sessions: set[Session] = set()

    def session() -> Session:
        return Session(agent, table, settings.site.hostname, sessions)

    if listener.family == socket.AF_UNIX:
        server: asyncio.Server = await loop.create_unix_server(session, sock=listener)
    else:
        server = await loop.create_server(session, sock=listener)
    await stop.wait()
    loop.remove_reader(lifeline)
    server.close()
    for open_session in list(sessions):
        open_session.drain()
    deadline = loop.time() + table.drain_s
    while sessions and loop.time() < deadline:  # noqa: ASYNC110 - only while it ends
        await asyncio.sleep(0.05)
    await agent.close()
    return 0


def _bind(endpoint: Endpoint) -> socket.socket:
    """The listening socket; raises SettingsError."""
    deadline = time.monotonic() + BIND_TRIES_S
    while True:
        try:
            return _bind_once(endpoint)
        except OSError as error:
            if time.monotonic() > deadline or endpoint.path:
                raise SettingsError(f"lmtp.listen: {endpoint}: {error.strerror or error}") from None
            time.sleep(0.2)


def _bind_once(endpoint: Endpoint) -> socket.socket:
    if endpoint.path:
        listener = socket.socket(socket.AF_UNIX)
        Path(endpoint.path).unlink(missing_ok=True)
        listener.bind(endpoint.path)
        Path(endpoint.path).chmod(MODE)
    else:
        info = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(info[0])
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(info[4])
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def _blocked(*signals: signal.Signals) -> Iterator[None]:
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)


if __name__ == "__main__":
    sys.exit(main())
