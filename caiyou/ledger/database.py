"""The ledger's engine and its migrations. SQLite on one machine, PostgreSQL beyond; both behave the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text

from caiyou.errors import SettingsError
from caiyou.settings import LedgerSettings, secret

_BUSY_S = 30
_UPGRADE_LOCK = 0x6361_6979_6F75  # any number, the same everywhere


def connect(settings: LedgerSettings, *, reads: bool = False) -> Engine:
    """An engine; it connects when first used. Raises SettingsError where the password file cannot be read.

    ``reads``: for one that only reads; it creates no file where there is none.
    """
    url = make_url(settings.url)
    if url.get_backend_name() == "sqlite":
        return _connect_sqlite(url, reads=reads)
    if settings.password_file:
        url = url.set(password=secret(settings.password_file))
    # A server that hangs is as good as one that is down: the writer tries again, a person is told.
    options = "-c statement_timeout=60000 -c timezone=UTC" + (" -c default_transaction_read_only=on" if reads else "")
    waits = {"connect_timeout": 5, "tcp_user_timeout": 30_000, "options": options}
    return create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=waits)


def _connect_sqlite(url: URL, *, reads: bool) -> Engine:
    if reads:
        path = Path(url.database or "").as_uri()
        url = url.set(database=path, query={"mode": "ro", "uri": "true"})
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": _BUSY_S})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # The driver's own BEGIN comes too late for DDL, and takes the write lock too late for two writers.
        connection.isolation_level = None
        if not reads:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def upgrade(engine: Engine) -> None:
    """Bring the tables to this release's form; several may try at once. Raises SQLAlchemyError.

    Raises SettingsError where the tables are of a later release.
    """
    # Imported here: readers start faster without it.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "caiyou.ledger:migrations")
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise SettingsError(f"the ledger's tables are not of this release or an earlier one: {error}") from error
