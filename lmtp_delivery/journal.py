"""What is known of deliveries, in Redis, so that a mail which Postfix offers again is not in the mailbox twice.

One key for each mail and mailbox (``Message.key``); Dovecot's commit and our record of it cannot be one step, so the
intent is written first:

    (none) --begin--> under way by a worker --answer--> done (Dovecot's reply, repeated if Postfix asks again)
                                            --refused--> (none)
                                            --no answer--> unknown
    under way, its worker alive             the new attempt waits: 451
    under way, its worker dead; unknown     the mailbox is searched: found is done, else delivered again

A done key goes when the peer's next command shows that it has our reply, else after ``remember_s``. Events are written
in the same step, before Postfix hears the outcome. While Redis is away mail flows without this: what Postfix has had
for a while, and so may have offered before, counts as unknown; events go to the outbox.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any

from caiyou import log, queues
from caiyou.errors import OutboxDown, Reply
from caiyou.events import FIELD, STREAM, Event
from caiyou.outbox import Outbox
from caiyou.settings import Settings
from lmtp_delivery.redis_link import Command, RedisFailed, RedisLink

logger = logging.getLogger("caiyou.lmtpd")

INTENT_S = 6 * 24 * 3600  # longer than Postfix keeps a mail (maximal_queue_lifetime, 5 days)
BEAT_EVERY_S = 3.0
ALIVE_S = 10  # a worker that did not beat for so long is dead
RETRY_S = 1.0  # while Redis is away it is tried so often; no mail waits for that
CLAIM_S = 60
FRESH_S = 2.0  # Postfix offers a mail at once; one that it has had for longer it may have offered before
OWED_MAX = 50_000  # of an outage of hours the oldest are forgotten


class Standing(Enum):
    """How a delivery stands when it begins."""

    NEW = "new"
    DONE = "done"
    UNDER_WAY = "under way"
    IN_DOUBT = "in doubt"


@dataclass(frozen=True, slots=True)
class Begun:
    """One delivery's standing; Dovecot's reply where it is done; when it began where in doubt (Unix seconds)."""

    standing: Standing = Standing.NEW
    reply: Reply | None = None
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """A mailbox's room as last mirrored by Dovecot; None: not known. ``warned``: its owner knows."""

    used_bytes: int | None = None
    warned: bool = False


class Away(Exception):
    """Redis does not answer."""


def delivery_key(key: str) -> str:
    """The Redis key of one delivery."""
    return f"lmtp/delivery/{key}"


def warned_key(mailbox: str) -> str:
    """Exists while the owner was warned and the mailbox is still over his level."""
    return f"lmtp/warned/{mailbox}"


class Journal:
    """This worker's way to Redis: one connection for all sessions. ``start`` it, ``close`` it."""

    def __init__(self, settings: Settings, remember_s: int) -> None:
        self._timeout_s = settings.redis.timeout_s
        self._quota_prefix = settings.redis.quota_prefix
        self._remember_s = remember_s
        self._outbox = Outbox(settings, "lmtp")
        self._url = settings.redis.url
        self._link: RedisLink | None = None
        self._lost = asyncio.Event()
        self._worker = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._owed: dict[str | bytes | int, Command] = {}  # by Redis key: how deliveries ended while Redis was away
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, and begin to serve."""
        await self._keep_once()
        self._keeping = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Stop; what the outbox holds stays for the next start."""
        if self._keeping is not None:
            self._keeping.cancel()
        if self._link is not None:
            self._link.close()
        await asyncio.to_thread(self._outbox.close)

    async def begin(
        self,
        keys: Sequence[str],
        mailboxes: Sequence[str],
        known_to_peer: Sequence[str] = (),
        received_at: Callable[[], float | None] = lambda: None,
    ) -> tuple[list[Begun], list[Usage]]:
        """Note the intent for each key, look up each mailbox's room, drop the keys the peer has shown to know of.

        ``received_at``: since when the peer has had the mail (Unix seconds).
        """
        intent = f"i {self._worker} {time.time():.0f}"
        commands: list[Command] = [("SET", delivery_key(k), intent, "NX", "GET", "EX", INTENT_S) for k in keys]
        commands += [("MGET", queues.quota_key(self._quota_prefix, m), warned_key(m)) for m in mailboxes]
        if known_to_peer:
            commands.append(("UNLINK", *map(delivery_key, known_to_peer)))
        if not commands:
            return [], []
        try:
            answers = await self._ask(commands)
            begun = [await self._standing(key, answer) for key, answer in zip(keys, answers, strict=False)]
        except Away:
            since = received_at()
            fresh = since is None or time.time() - since < FRESH_S
            standing = Begun() if fresh else Begun(Standing.IN_DOUBT, since=since or 0.0)
            return [standing] * len(keys), [Usage()] * len(mailboxes)
        return begun, [_usage(answer) for answer in answers[len(keys) : len(keys) + len(mailboxes)]]

    async def finish(self, outcomes: Sequence[tuple[str | None, Reply | None, float]], events: Sequence[Event]) -> None:
        """Note how deliveries ended (key, reply, since when in doubt or 0); record the events, safe when it returns."""
        commands: list[Command] = []
        for key, reply, doubt_since in outcomes:
            if key is None:
                continue
            if doubt_since:
                commands.append(("SET", delivery_key(key), f"u {doubt_since:.0f}", "EX", INTENT_S))
            elif reply is not None and reply.code == 250:
                commands.append(("SET", delivery_key(key), f"d {reply}", "EX", self._remember_s))
            else:
                commands.append(("DEL", delivery_key(key)))
        added: list[Command] = [("XADD", STREAM, "*", FIELD, event.to_json()) for event in events]
        try:
            await self._ask([*added, *commands])
        except Away:
            self._owed.update((command[1], command) for command in commands)
            while len(self._owed) > OWED_MAX:
                del self._owed[next(iter(self._owed))]
            for event in events:
                await self._spool(event)

    async def claim_warning(self, mailbox: str) -> bool:
        """Whether it is ours to warn the owner; lapses after a minute unless ``warned``."""
        try:
            return (await self._ask([("SET", warned_key(mailbox), "claimed", "NX", "EX", CLAIM_S)]))[0] is not None
        except Away:
            return False

    async def set_warned(self, mailbox: str, warned: bool) -> None:
        """The owner was warned, or his mailbox is below the level again."""
        key = warned_key(mailbox)
        try:
            await self._ask([("SET", key, "1") if warned else ("DEL", key)])
        except Away:
            logger.info(log.line(None, mailbox=mailbox, warned=warned, why="Redis is away"))

    async def _standing(self, key: str, answer: Any) -> Begun:
        if answer is None:
            return Begun()
        kind, _, rest = answer.decode("utf-8").partition(" ")
        if kind == "d":
            code, enhanced, text = rest.split(" ", 2)
            return Begun(Standing.DONE, Reply(int(code), enhanced, text))
        worker, _, since = rest.rpartition(" ")
        if kind == "i":
            alive, *_ = await self._ask([("EXISTS", _beat_key(worker))])
            if alive:
                return Begun(Standing.UNDER_WAY)
        # Ours from now on, with the first attempt's time: that is from when the mailbox is searched.
        await self._ask([("SET", delivery_key(key), f"i {self._worker} {since}", "EX", INTENT_S)])
        return Begun(Standing.IN_DOUBT, since=float(since))

    async def _spool(self, event: Event) -> None:
        try:
            await asyncio.to_thread(self._outbox.event, event)
        except OutboxDown as error:
            # The mail is in the mailbox, or refused: to say otherwise would double it. The log is all that is left.
            logger.error("%s, event=%s", log.line(event.queue_id, outbox="down", why=error), event.to_json())

    async def _ask(self, commands: Sequence[Command]) -> list[Any]:
        """The answers, in order; raises Away, at once while Redis is known to be."""
        if self._link is None or self._link.failed:
            raise Away
        try:
            return await self._link.ask(commands)
        except RedisFailed as error:
            if not self._lost.is_set():
                self._lost.set()
                logger.warning(log.line(None, redis="away", why=error))
            raise Away from None

    async def _keep(self) -> None:
        """Keep the connection and the sign of life."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_EVERY_S):
                    await self._lost.wait()
            if not await self._keep_once():
                await asyncio.sleep(RETRY_S)

    async def _keep_once(self) -> bool:
        link, owed = self._link, dict(self._owed)
        try:
            if link is None or link.failed:
                link = await RedisLink.open(self._url, self._timeout_s)
            await link.ask([("SET", _beat_key(self._worker), "1", "EX", ALIVE_S), *owed.values()])
        except RedisFailed as error:
            if not self._lost.is_set():
                logger.warning(log.line(None, redis="away", why=error))
            self._lost.set()
            if link is not None:
                link.close()
            return False
        for key, command in owed.items():
            if self._owed.get(key) is command:
                del self._owed[key]
        if link is not self._link:
            logger.info(log.line(None, redis="up"))
        self._link = link
        self._lost.clear()
        return True


def _beat_key(worker: str) -> str:
    return f"lmtp/worker/{worker}"


def _usage(answer: Any) -> Usage:
    used, warned = answer
    return Usage(int(used) if used is not None and used.lstrip(b"-").isdigit() else None, warned is not None)
