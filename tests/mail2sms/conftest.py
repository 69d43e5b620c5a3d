"""A private Redis, carrier and gateway for one test, and a slapd for all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.slapd import Slapd
from bench.stack import Stack, wait_for


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """Nothing runs yet."""
    made = Stack(tmp_path)
    yield made
    made.end()


@pytest.fixture
def running(stack: Stack) -> Stack:
    """Redis, ISMG and gateway with one CMPP 3.0 link, up."""
    stack.configure(f'routes = {{default = ["mobile"]}}\n{stack.link()}')
    stack.start_redis()
    stack.start_ismg()
    stack.start_gateway()
    wait_for(lambda: stack.events("link.up"))
    return stack


@pytest.fixture(scope="session")
def slapd() -> Iterator[Slapd]:
    server = Slapd(timeout_s=1.0, cache_s=0.0)
    try:
        server.start()
        yield server
    finally:
        server.close()
