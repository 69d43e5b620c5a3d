"""Answers of Redis and who asked for them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from lmtp_delivery.redis_link import Command, RedisFailed, RedisLink
from tests.fix_redis import RedisServer, redis_server

pytestmark = pytest.mark.live
__all__ = ["redis_server"]


def run(server: RedisServer, commands: Sequence[Sequence[Command]]) -> list[Any]:
    """What each of several callers at once gets."""

    async def ask() -> list[Any]:
        link = await RedisLink.open(f"redis://127.0.0.1:{server.port}/0", 2.0)
        try:
            found: list[Any] = await asyncio.gather(*map(link.ask, commands), return_exceptions=True)
            return found
        finally:
            link.close()

    return asyncio.run(ask())


def test_everybody_gets_his_own_answers(redis_server: RedisServer) -> None:
    redis_server.start()
    pairs: list[list[Command]] = [[("SET", f"k{n}", n), ("GET", f"k{n}")] for n in range(100)]
    asked = [pair[: n % 3] for n, pair in enumerate(pairs)]  # some ask for nothing
    assert run(redis_server, asked) == [[b"OK", str(n).encode()][: n % 3] for n in range(100)]


def test_a_refusal_is_told_to_who_asked_and_to_nobody_else(redis_server: RedisServer) -> None:
    redis_server.start()
    first, second, third = run(redis_server, [[("PING",)], [("SET", "k"), ("PING",)], [("ECHO", "x")]])
    assert (first, third) == ([b"PONG"], [b"x"])
    assert isinstance(second, RedisFailed)
