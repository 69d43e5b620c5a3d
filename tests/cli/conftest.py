"""The command as people call it, on a slapd of the tests' own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.slapd import Slapd

COMMAND = Path(sys.executable).parent / "caiyou"

Caiyou = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def server() -> Iterator[Slapd]:
    running = Slapd()
    try:
        running.start()
        yield running
    finally:
        running.close()


@pytest.fixture
def command() -> Path:
    return COMMAND


@pytest.fixture
def settings_file(server: Slapd) -> Path:
    return server.settings_file


@pytest.fixture
def caiyou(settings_file: Path) -> Caiyou:
    """Run it in English (unless ``lang``); standard input is closed unless ``stdin`` is given."""

    def run(*arguments: str, stdin: str | None = None, lang: str = "C.UTF-8") -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG"))}
        return subprocess.run(
            [COMMAND, *arguments],
            env={**environment, "CAIYOU_CONFIG": str(settings_file), "LC_ALL": lang},
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def domain(server: Slapd) -> str:
    """A domain that is there."""
    environment = {**os.environ, "CAIYOU_CONFIG": str(server.settings_file)}
    subprocess.run([COMMAND, "domain", "add", "example.test", "--quota", "1G"], env=environment, check=True)
    return "example.test"
