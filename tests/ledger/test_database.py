from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, select, text
from sqlalchemy.exc import OperationalError

from caiyou.errors import SettingsError
from caiyou.ledger import database
from caiyou.ledger.models import Base, ShortMessageRow
from caiyou.settings import Settings


def test_migrations_lead_to_what_the_models_say(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        inspector = inspect(connection)
        for table in Base.metadata.tables.values():
            written = {index["name"] for index in inspector.get_indexes(table.name)}
            assert written == {index.name for index in table.indexes}


def test_upgrading_again_changes_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO event (id, at, kind, detail) VALUES ('1', '2025-01-01', 'link.up', '{}')"))
    database.upgrade(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM event")).scalar() == 1


def test_a_ledger_of_the_first_release_is_brought_up(engine: Engine) -> None:
    """What had no time gets that of its first event."""
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", "caiyou.ledger:migrations")
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        Base.metadata.drop_all(connection)
        connection.execute(text("DELETE FROM alembic_version"))
        command.upgrade(config, "0001")
        connection.execute(
            text(
                "INSERT INTO event (id, at, kind, sms_id, detail) VALUES"
                " ('1', '2025-01-01 08:00:00.000000', 'sms.submitted', 'a', '{}'),"
                " ('2', '2025-01-01 07:00:00.000000', 'sms.in_doubt', 'a', '{}')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO short_message (id, state, in_doubt, created_at, submitted_at) VALUES"
                " ('a', 'submitted', true, NULL, NULL), ('b', 'submitted', false, NULL, '2025-01-02 08:00:00.000000'),"
                " ('c', 'queued', false, '2025-01-03 08:00:00.000000', NULL), ('d', 'queued', false, NULL, NULL)"
            )
        )
    database.upgrade(engine)
    with engine.connect() as connection:
        rows = {row.id: row.created_at for row in connection.execute(select(*ShortMessageRow.__table__.c))}
    days = {id: at.isoformat() for id, at in rows.items() if id != "d"}
    assert days == {
        "a": "2025-01-01T07:00:00+00:00",
        "b": "2025-01-02T08:00:00+00:00",
        "c": "2025-01-03T08:00:00+00:00",
    }
    assert abs(rows["d"] - datetime.now(UTC)) < timedelta(minutes=5)


def test_several_may_upgrade_at_once(ledger_url: str, make_settings: Callable[..., Settings]) -> None:
    engines = [database.connect(make_settings(ledger_url).ledger) for _ in range(4)]
    troubles: list[Exception] = []

    def work(engine: Engine) -> None:
        try:
            database.upgrade(engine)
        except Exception as error:  # noqa: BLE001 - told below
            troubles.append(error)

    threads = [threading.Thread(target=work, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    assert inspect(engines[0]).has_table("event")
    for engine in engines:
        engine.dispose()


def test_tables_of_a_later_release_are_refused(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SettingsError, match="9999"):
        database.upgrade(engine)


def test_a_reader_creates_nothing(
    tmp_path_factory: pytest.TempPathFactory, make_settings: Callable[..., Settings]
) -> None:
    path = tmp_path_factory.mktemp("ledger") / "none.sqlite3"
    engine = database.connect(make_settings(f"sqlite:///{path}").ledger, reads=True)
    with pytest.raises(OperationalError, match="unable to open"):
        engine.connect()
    assert not path.exists()
    engine.dispose()


def test_a_reader_cannot_write(engine: Engine, ledger_url: str, make_settings: Callable[..., Settings]) -> None:
    reader = database.connect(make_settings(ledger_url).ledger, reads=True)
    with reader.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM event")).scalar() == 0
        with pytest.raises(Exception, match=r"read.?only"):
            connection.execute(text("DELETE FROM event"))
    reader.dispose()
