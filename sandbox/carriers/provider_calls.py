"""The callbacks of the simulated provider: made when they are due, and again where they are not taken."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections import Counter

import aiohttp
from yarl import URL

from caiyou import log
from sandbox.carriers.provider_apis import Call

logger = logging.getLogger("caiyou.carriers")

AT_A_TIME = 8
MAX_WAITING = 200_000
MAX_ROUNDS = 20
RETRY_S = 1.0
TIMEOUT_S = 10.0
PAUSE_S = 0.02


class Calls:
    """A queue of callbacks."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._later: list[tuple[float, int, Call, int]] = []
        self._order = itertools.count()
        self._running: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """Callbacks that nobody took yet."""
        return len(self._later) + len(self._running)

    def put(self, call: Call, delay_s: float = 0.0, rounds: int = 0) -> None:
        """Make it after so long."""
        if len(self._later) >= MAX_WAITING or rounds >= MAX_ROUNDS:
            self._counts["callbacks_dropped"] += 1
            return
        due = asyncio.get_running_loop().time() + delay_s
        heapq.heappush(self._later, (due, next(self._order), call, rounds))

    def forget(self) -> int:
        """Drop what is not under way; how many."""
        count = len(self._later)
        self._later.clear()
        return count

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
            while True:
                while self._later and self._later[0][0] <= loop.time() and len(self._running) < AT_A_TIME:
                    _, _, call, rounds = heapq.heappop(self._later)
                    task = loop.create_task(self._make(session, call, rounds))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
                await asyncio.sleep(PAUSE_S)

    async def _make(self, session: aiohttp.ClientSession, call: Call, rounds: int) -> None:
        url = URL(call.url, encoded=True)
        try:
            async with session.request(
                call.method, url, headers=call.headers, data=call.body or None, allow_redirects=False
            ) as answer:
                await answer.read()
                status = answer.status
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            status = 0
            logger.info(log.line(None, provider="callback", why=type(error).__name__))
        self._counts[f"callbacks_{status}"] += 1
        if not 200 <= status < 300:
            self.put(call, RETRY_S, rounds + 1)
