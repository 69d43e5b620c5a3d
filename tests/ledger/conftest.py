from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from caiyou.ledger import database
from caiyou.settings import Settings
from tests.fix_postgres import PostgresServer, postgres
from tests.fix_redis import RedisServer, redis_server

__all__ = ["postgres", "redis_server"]

SQL = ["sqlite", pytest.param("postgresql", marks=pytest.mark.live)]


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.sqlite3'}"


@pytest.fixture(params=SQL)
def ledger_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database: SQLite and PostgreSQL in turn."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = f"ledger_{secrets.token_hex(4)}"
    server.execute(f"CREATE DATABASE {name}")
    yield server.url(name)
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    """Settings of a site with this ledger and, where it has one, this Redis."""

    def make(ledger_url: str, redis_port: int = 1, batch: int = 500) -> Settings:
        path = tmp_path / "caiyou.toml"
        path.write_text(
            f'[site]\nspool = "{tmp_path / "spool"}"\nmail_log = "{tmp_path / "mail.log"}"\n'
            f'[redis]\nurl = "redis://127.0.0.1:{redis_port}/0"\ntimeout_s = 1\n'
            f'[ledger]\nurl = "{ledger_url}"\nbatch = {batch}\n'
        )
        return Settings(path, path.read_text())

    return make


@pytest.fixture
def engine(ledger_url: str, make_settings: Callable[..., Settings]) -> Iterator[Engine]:
    """A ledger with its tables."""
    found = database.connect(make_settings(ledger_url).ledger)
    database.upgrade(found)
    yield found
    found.dispose()


@pytest.fixture
def server(redis_server: RedisServer) -> RedisServer:
    """Redis, running."""
    redis_server.start()
    return redis_server
