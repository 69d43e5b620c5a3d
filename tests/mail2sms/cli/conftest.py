"""A private Redis, carrier, gateway and ledger, and the command as people call it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.slapd import Slapd
from bench.stack import Stack, wait_for
from caiyou.events import Event
from caiyou.ledger import database
from caiyou.ledger.record import record
from caiyou.settings import current

COMMAND = Path(sys.executable).parent / "caiyou"

Caiyou = Callable[..., subprocess.CompletedProcess[str]]


class Site:
    """``stack``, its ledger, and the commands."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def configure(self, sms: str, ldap: Slapd | None = None) -> None:
        ledger = f'[ledger]\nurl = "sqlite:///{self.stack.folder}/ledger.sqlite3"'
        directory = f'uri = ["{ldap.uri}"]\npassword_file = "{ldap.folder}/ldap.secret"' if ldap else ""
        self.stack.configure(sms, site=f'timezone = "Asia/Shanghai"\n{ledger}', ldap=directory)

    def start(self, sms: str = "", **link: Any) -> None:
        """Everything, with one link ``mobile``, up."""
        self.configure(f'gateway = "gw1"\nroutes = {{default = ["mobile"]}}\n{sms}\n{self.stack.link(**link)}')
        self.stack.start_redis()
        self.stack.start_ismg()
        self.stack.start_gateway()
        self.stack.start("ledgerd", sys.executable, "-m", "caiyou.ledger.writer")
        wait_for(lambda: self.caiyou("sms", "list").returncode == 0)  # the tables are there
        wait_for(lambda: self.stack.redis.hget("link:gw1:mobile", "state") == b"up")

    def caiyou(self, *arguments: str, stdin: str = "", lang: str = "C.UTF-8") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *arguments],
            env=self.environment(lang),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def environment(self, lang: str = "C.UTF-8") -> dict[str, str]:
        """Of a command."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG"))}
        return {**kept, "CAIYOU_CONFIG": str(self.stack.settings_file), "LC_ALL": lang}

    def ok(self, *arguments: str, stdin: str = "") -> str:
        """What a command prints that must succeed."""
        done = self.caiyou("sms", *arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *arguments: str, code: int = 1, stdin: str = "") -> str:
        """The one line of a command that must be refused."""
        done = self.caiyou("sms", *arguments, stdin=stdin)
        assert done.returncode == code, done.stdout + done.stderr
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
        if code != 2:
            assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr


@pytest.fixture
def site(stack: Stack) -> Site:
    """Nothing runs yet."""
    return Site(stack)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One for all tests of a module: none stops anything of it."""
    stack = Stack(tmp_path_factory.mktemp("site"))
    try:
        site = Site(stack)
        site.start()
        yield site
    finally:
        stack.end()


@pytest.fixture
def running_site(shared: Site) -> Site:
    """The shared one, its carrier without faults and its phones empty."""
    shared.stack.faults()
    shared.stack.redis.delete("sms:stopped")
    return shared


Write = Callable[[list[Event]], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Makes a ledger, which commands of this process find."""
    path = tmp_path / "caiyou.toml"
    path.write_text(
        f'[redis]\nurl = "redis://127.0.0.1:1/0"\n[ledger]\nurl = "sqlite:///{tmp_path}/ledger.sqlite3"\n'
        f'[site]\nspool = "{tmp_path}"\n'
    )
    monkeypatch.setenv("CAIYOU_CONFIG", str(path))
    current.cache_clear()

    def write(events: list[Event]) -> None:
        engine = database.connect(current().ledger)
        database.upgrade(engine)
        record(engine, events)
        engine.dispose()

    yield write
    current.cache_clear()
