"""The gateway's record in Redis: what is written before a part is sent, when it is answered, reported, received.

States of a short message (one for all its parts), in ``sms:<id>``:

| state     | on                                          | to        | event |
|---|---|---|---|
| queued    | about to hand a part to a link              | sending   | |
| sending   | every part accepted                         | submitted | SMS_SUBMITTED |
| sending   | a part refused for good, or flow control too often | failed | SMS_FAILED |
| sending   | no answer (link or gateway died)            | sending, again | SMS_IN_DOUBT |
| sending, again | no answer again                        | failed    | SMS_FAILED "unanswered" |
| queued, sending | its validity is over                  | expired   | SMS_EXPIRED |
| queued    | the receiver said STOP (notification, bulk) | failed    | SMS_FAILED "stopped" |
| submitted | report of every part: delivered             | delivered | SMS_DELIVERED |
| sending, submitted | report of a part: failed, expired  | failed, expired | SMS_FAILED, SMS_EXPIRED |

Queued is the absence of the hash. The entry leaves the stream in the same step that records the outcome.

Steps are collected and go to Redis as one script call at a time, so under load many steps share a round trip. While
Redis is away the batch waits and is tried again; the steps are written so that a second time changes nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from enum import IntEnum
from importlib.resources import files
from typing import Any

import redis
import redis.asyncio

from caiyou import log
from caiyou.queues import MO_JOB, MO_QUEUE, is_away, is_cancelled
from mail2sms.pace import Backoff

logger = logging.getLogger("mail2sms.journal")

GROUP = "gw"
BATCH = 256
FEW = 6  # steps that are not worth a round trip of their own yet
GATHER_S = 0.003  # so they wait for company; nobody notices it in an SMS, and under load there are always more
SCRIPT = files("mail2sms").joinpath("journal.lua").read_text(encoding="utf-8")

Done = Callable[[Any], None]


class May(IntEnum):
    """The answers to ``send``."""

    SEND = 1
    LEASE_LOST = 0
    KNOWN = -1  # there is a record of it that its holder has not read
    STOPPED = -2  # the receiver said STOP


class Journal:
    """Writes steps in order. ``fixed`` are the script's constants (lease, report_ttl, early_ttl)."""

    def __init__(self, connection: redis.asyncio.Redis, fixed: dict[str, Any]) -> None:
        self._script = connection.register_script(SCRIPT)
        self._fixed = {**fixed, "group": GROUP, "mo_queue": MO_QUEUE, "mo_job": MO_JOB}
        self._waiting: deque[tuple[list[Any], Done | None]] = deque()
        self._filled = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self.stuck = False  # Redis does not take our steps

    def write(self, op: list[Any], done: Done | None = None) -> None:
        """Add a step (its name in journal.lua, its arguments); ``done`` gets its answer once it is recorded."""
        self._waiting.append((op, done))
        if not self._filled.is_set():
            self._filled.set()
            self._empty.clear()

    @property
    def waiting(self) -> int:
        """Steps that are not recorded yet, those on their way to Redis not counted."""
        return len(self._waiting)

    async def drained(self) -> None:
        """Wait until everything is recorded."""
        await self._empty.wait()

    async def run(self) -> None:
        """Until cancelled."""
        while not is_cancelled():
            await self._filled.wait()
            if len(self._waiting) < FEW:
                await asyncio.sleep(GATHER_S)
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            answers = await self._record([op for op, _ in batch])
            for (op, done), answer in zip(batch, answers, strict=True):
                if done is not None:
                    try:
                        done(answer)
                    except Exception:
                        logger.exception(log.line(None, journal="step's owner failed", step=op[0]))
            if not self._waiting:
                self._filled.clear()
                self._empty.set()

    async def _record(self, ops: list[list[Any]]) -> list[Any]:
        backoff = Backoff(0.05, 1.0)
        while True:
            job = {**self._fixed, "at": datetime.now(UTC).isoformat(), "ops": ops}
            try:
                text = json.dumps(job, ensure_ascii=False).encode("utf-8", "replace")  # carriers send anything
                answers: list[Any] = await self._script(args=[text])
            except (redis.RedisError, OSError) as error:
                if is_away(error):
                    if not self.stuck:
                        logger.warning(log.line(None, redis="away", why=error))
                    self.stuck = True
                    await asyncio.sleep(backoff.pause_s())
                    continue
                if len(ops) > 1:
                    return [(await self._record([op]))[0] for op in ops]
                logger.error(log.line(None, journal="step refused", step=ops[0][0], why=error))
                return [None]
            else:
                if self.stuck:
                    logger.info(log.line(None, redis="back"))
                self.stuck = False
                return answers
