from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import inspect

from caiyou.cli.ledger import ledger
from caiyou.errors import CaiyouError
from caiyou.events import DEAD_STREAM, STREAM
from caiyou.ledger import database
from caiyou.settings import Settings, current
from tests.fix_redis import RedisServer


@pytest.fixture
def settings(
    ledger_url: str, redis_server: RedisServer, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    found = make_settings(ledger_url, redis_server.port)
    monkeypatch.setenv("CAIYOU_CONFIG", str(found.path))
    current.cache_clear()
    yield found
    current.cache_clear()


def test_upgrade_makes_the_tables(settings: Settings) -> None:
    for _ in range(2):
        done = CliRunner().invoke(ledger, ["upgrade"])
        assert (done.exit_code, done.output) == (0, "")
    engine = database.connect(settings.ledger, reads=True)
    assert inspect(engine).has_table("short_message")
    engine.dispose()


def test_upgrade_of_a_ledger_that_is_not_there_is_told(
    settings: Settings, make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    make_settings(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.sqlite3'}")
    current.cache_clear()
    done = CliRunner().invoke(ledger, ["upgrade"])
    assert isinstance(done.exception, CaiyouError)
    assert str(done.exception) == "the ledger: unable to open database file"


def test_the_password_comes_from_its_file(make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("p@ss:wörd/\n")
    settings = make_settings(f'postgresql+psycopg://u@127.0.0.1:1/d"\npassword_file = "{tmp_path / "secret"}')
    engine = database.connect(settings.ledger)
    assert engine.url.password == "p@ss:wörd/"
    assert "wörd" not in engine.url.render_as_string(hide_password=True)
    engine.dispose()


@pytest.mark.live
def test_redeliver_puts_back_what_was_set_aside(settings: Settings, redis_server: RedisServer) -> None:
    redis_server.start()
    assert CliRunner().invoke(ledger, ["redeliver"]).output == "0 events are offered again\n"
    for number in range(1200):
        redis_server.client.xadd(DEAD_STREAM, {"e": f"event {number}", "why": "of tomorrow"})
    assert CliRunner().invoke(ledger, ["redeliver"]).output == "1200 events are offered again\n"
    assert redis_server.client.xlen(DEAD_STREAM) == 0
    entries = redis_server.client.xrange(STREAM)
    assert isinstance(entries, list)
    assert [fields for _, fields in entries] == [{"e": f"event {number}"} for number in range(1200)]


def test_redis_down_is_told(settings: Settings) -> None:
    done = CliRunner().invoke(ledger, ["redeliver"])
    assert isinstance(done.exception, CaiyouError)
    assert "refused" in str(done.exception)
