"""A private PostgreSQL on a Unix socket, without durability. Written for PostgreSQL 15."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text

PORT = 5432  # part of the socket's name only


class PostgresServer:
    """Its databases are made and dropped by the tests; its administrator is ``caiyou``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        assert found, "PostgreSQL is not installed: apt-get install postgresql"
        self._programs = found[-1]

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", str(self.folder / "data"), *arguments]
        if os.geteuid() == 0:  # it refuses to run as root
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def create(self) -> None:
        """Make the data folder."""
        self._run("initdb", "-A", "trust", "-U", "caiyou", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")

    def start(self, more: str = "-c shared_buffers=32MB") -> None:
        """``more``: options of the server."""
        options = f"-p {PORT} -k {self.folder} -c listen_addresses= -c fsync=off {more}"
        self._run("pg_ctl", "-w", "-o", options, "-l", str(self.folder / "log"), "start")

    def stop(self) -> None:
        """At once, as a crash does."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://caiyou@/{database}?host={self.folder}&port={PORT}"

    def execute(self, statement: str) -> None:
        """By the administrator, outside a transaction."""
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


@contextmanager
def running(more: str = "-c shared_buffers=32MB") -> Iterator[PostgresServer]:
    """One in a folder of its own, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="caiyou-postgres-"))  # a short path: a socket's name has 107 octets
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        server = PostgresServer(folder)
        server.create()
        server.start(more)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
