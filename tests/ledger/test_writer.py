"""`caiyou-ledgerd` against a real Redis, SQLite and PostgreSQL, each of which goes away and comes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import SQLAlchemyError

from caiyou.events import DEAD_STREAM, STREAM, Event, Kind
from caiyou.ledger import database, writer
from caiyou.ledger.models import EventRow
from caiyou.ledger.writer import GROUP, Writer
from caiyou.settings import Settings
from tests.fix_postgres import PostgresServer
from tests.fix_redis import RedisServer

pytestmark = pytest.mark.live


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "LONGEST_WAIT_S", 0.5)
    monkeypatch.setattr(writer, "FIRST_WAIT_S", 0.1)


@pytest.fixture
def settings(ledger_url: str, server: RedisServer, make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(ledger_url, server.port, batch=50)


@pytest.fixture
def sql(settings: Settings) -> Iterator[Engine]:
    engine = database.connect(settings.ledger)
    yield engine
    engine.dispose()


@contextmanager
def running(settings: Settings, engine: Engine, name: str = "one") -> Iterator[None]:
    """A writer in a thread."""
    stop = threading.Event()
    thread = threading.Thread(target=Writer(settings, engine, name).run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=10)
        assert not thread.is_alive()


def emit(server: RedisServer, numbers: range) -> list[str]:
    """Events straight on the stream; their ids."""
    ids = [f"e{number}" for number in numbers]
    with server.client.pipeline(transaction=False) as pipe:
        for event_id in ids:
            pipe.xadd(STREAM, {"e": Event(kind=Kind.LINK_UP, id=event_id).to_json()})
        pipe.execute()
    return ids


def rows(engine: Engine) -> list[str]:
    try:
        with engine.connect() as connection:
            return sorted(connection.execute(select(EventRow.id)).scalars())
    except SQLAlchemyError:
        return ["no answer"]


def eventually(what: Callable[[], Any], expected: Any, timeout_s: float = 20) -> None:
    end = time.monotonic() + timeout_s
    while (found := what()) != expected:
        assert time.monotonic() < end, f"{str(found)[:500]} is not {str(expected)[:500]}"
        time.sleep(0.05)


def test_events_are_written_and_leave_the_stream(settings: Settings, server: RedisServer, sql: Engine) -> None:
    before = emit(server, range(120))
    with running(settings, sql):
        eventually(lambda: rows(sql), sorted(before))
        later = emit(server, range(120, 130))
        eventually(lambda: rows(sql), sorted(before + later))
        eventually(lambda: server.client.xlen(STREAM), 0)
    pending: Any = server.client.xpending(STREAM, GROUP)
    assert pending["pending"] == 0


def test_what_is_no_event_is_set_aside_and_the_rest_is_written(
    settings: Settings, server: RedisServer, sql: Engine
) -> None:
    good = emit(server, range(3))
    server.client.xadd(STREAM, {"e": "[" * 50_000})
    server.client.xadd(STREAM, {"e": b"\xff\xfe"})
    server.client.xadd(STREAM, {"other": "field"})
    server.client.xadd(STREAM, {"e": '{"kind":"of.tomorrow","at":"2025-01-01T00:00:00+00:00","id":"x"}'})
    good += emit(server, range(3, 6))
    with running(settings, sql):
        eventually(lambda: rows(sql), good)
        eventually(lambda: server.client.xlen(STREAM), 0)
    raw = redis.Redis(port=server.port)
    dead: Any = raw.xrange(DEAD_STREAM)
    raw.close()
    assert [fields[b"e"][:5] for _, fields in dead] == [b"[[[[[", b"\xff\xfe", b"", b'{"kin']
    assert b"of.tomorrow" in dead[3][1][b"why"]


def test_a_row_that_sql_refuses_does_not_hold_up_the_others(
    settings: Settings, server: RedisServer, sql: Engine
) -> None:
    database.upgrade(sql)
    with sql.begin() as connection:
        if connection.dialect.name == "sqlite":
            refuse = (
                "CREATE TRIGGER t BEFORE INSERT ON event WHEN NEW.id = 'e17' BEGIN SELECT RAISE(ABORT, 'no e17'); END"
            )
        else:
            refuse = "ALTER TABLE event ADD CONSTRAINT no_e17 CHECK (id <> 'e17')"
        connection.execute(text(refuse))
    ids = emit(server, range(45))
    with running(settings, sql):
        eventually(lambda: rows(sql), sorted(set(ids) - {"e17"}))
        eventually(lambda: server.client.xlen(STREAM), 0)
    dead: Any = server.client.xrange(DEAD_STREAM)
    assert [Event.from_json(fields["e"]).id for _, fields in dead] == ["e17"]


def test_events_wait_while_sql_has_no_tables_and_come_when_it_has(
    settings: Settings, server: RedisServer, sql: Engine
) -> None:
    """Somebody broke the ledger: that is not the events' fault."""
    database.upgrade(sql)
    with sql.begin() as connection:
        connection.execute(text("ALTER TABLE event RENAME TO elsewhere"))
    ids = emit(server, range(20))
    with running(settings, sql):
        time.sleep(1)
        assert server.client.xlen(STREAM) == 20
        with sql.begin() as connection:
            connection.execute(text("ALTER TABLE elsewhere RENAME TO event"))
        eventually(lambda: rows(sql), sorted(ids))
    assert server.client.xlen(DEAD_STREAM) == 0


def test_redis_goes_and_comes(settings: Settings, server: RedisServer, sql: Engine) -> None:
    ids = emit(server, range(10))
    with running(settings, sql):
        eventually(lambda: rows(sql), sorted(ids))
        server.stop()
        time.sleep(0.5)
        server.start()
        ids += emit(server, range(10, 20))
        eventually(lambda: rows(sql), sorted(ids))
        server.signal(signal.SIGSTOP)
        time.sleep(2)
        server.signal(signal.SIGCONT)
        ids += emit(server, range(20, 30))
        eventually(lambda: rows(sql), sorted(ids))
        server.client.flushall()  # the group is gone too
        ids += emit(server, range(30, 40))
        eventually(lambda: rows(sql), sorted(ids))


def test_a_writer_takes_over_what_a_dead_one_left(
    settings: Settings, server: RedisServer, sql: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LEFT_AFTER_S", 0.5)
    monkeypatch.setattr(writer, "LOOK_EVERY_S", 0.2)
    ids = emit(server, range(30))
    server.client.xgroup_create(STREAM, GROUP, id="0")
    server.client.xreadgroup(GROUP, "dead", {STREAM: ">"}, count=20)
    with running(settings, sql, "alive"):
        eventually(lambda: rows(sql), sorted(ids))
        eventually(lambda: server.client.xlen(STREAM), 0)


def test_two_writers_share_the_work(settings: Settings, server: RedisServer, sql: Engine) -> None:
    with running(settings, sql, "one"), running(settings, sql, "two"):
        ids = emit(server, range(1000))
        eventually(lambda: rows(sql), sorted(ids))
        eventually(lambda: server.client.xlen(STREAM), 0)


def test_postgresql_goes_and_comes(
    postgres: PostgresServer, server: RedisServer, make_settings: Callable[..., Settings]
) -> None:
    postgres.execute("CREATE DATABASE goes")
    settings = make_settings(postgres.url("goes"), server.port, batch=50)
    engine = database.connect(settings.ledger)
    try:
        with running(settings, engine):
            ids = emit(server, range(10))
            eventually(lambda: rows(engine), sorted(ids))
            postgres.stop()
            try:
                ids += emit(server, range(10, 500))
                time.sleep(1.5)
                assert server.client.xlen(STREAM) == 490  # nothing is cut while nobody reads
            finally:
                postgres.start()
            eventually(lambda: rows(engine), sorted(ids))
            eventually(lambda: server.client.xlen(STREAM), 0)
    finally:
        engine.dispose()
        postgres.execute("DROP DATABASE goes WITH (FORCE)")


def start(settings: Settings, **environment: str) -> subprocess.Popen[str]:
    command = [str(Path(sys.executable).with_name("caiyou-ledgerd"))]
    variables = {**os.environ, "CAIYOU_CONFIG": str(settings.path), **environment}
    return subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True)


def test_kill_9_under_load_leaves_one_row_an_event(settings: Settings, server: RedisServer, sql: Engine) -> None:
    ids: list[str] = []
    for run in range(5):
        ids += emit(server, range(len(ids), len(ids) + 400))
        left = server.client.xlen(STREAM)
        process = start(settings)
        end = time.monotonic() + 30
        while server.client.xlen(STREAM) >= left:  # it is at work
            assert time.monotonic() < end
        for _ in range(run):
            ids += emit(server, range(len(ids), len(ids) + 100))
            time.sleep(0.03)
        process.kill()
        process.communicate()
    process = start(settings)
    eventually(lambda: server.client.xlen(STREAM), 0)
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == 0
    assert rows(sql) == sorted(ids)
    assert server.client.xlen(DEAD_STREAM) == 0


def test_sigterm_ends_it_even_while_it_waits(settings: Settings, server: RedisServer) -> None:
    server.stop()
    process = start(settings)
    assert process.stderr is not None
    while "ledger=waits" not in process.stderr.readline():
        assert process.poll() is None
    started = time.monotonic()
    process.terminate()
    _, told = process.communicate(timeout=20)
    assert process.returncode == 0
    assert time.monotonic() - started < 10  # less than its longest wait
    assert "ledger=stopped" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("wrong", ["[ledger]\nbatch = 0\n", "[ledger]\nurl = 'x'\n", "[nonsense]\n"])
def test_wrong_settings_are_told_in_one_line(wrong: str, sqlite_settings: Settings) -> None:
    sqlite_settings.path.write_text(wrong)
    process = start(sqlite_settings)
    _, told = process.communicate(timeout=20)
    assert process.returncode == 78
    assert told.startswith(f"caiyou-ledgerd: {sqlite_settings.path}:")
    assert told.count("\n") == 1


@pytest.fixture
def sqlite_settings(sqlite_url: str, make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(sqlite_url)
