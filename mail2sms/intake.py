"""What the gateway takes from Redis: new messages, its own after a restart, those of a gateway that died.

Each stream is read by the consumer group ``gw``; the consumer's name is the gateway's, the same after a restart.
What a consumer took stays in its pending list until its outcome is recorded, so the pending list is the truth about who
has a message, and memory is brought in line with it: at the start, when the lease was lost, after a failed read.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from datetime import UTC, datetime
from typing import Any

import redis
import redis.asyncio

from caiyou import log
from caiyou.holder import is_dead
from caiyou.queues import is_away, is_cancelled
from mail2sms import live
from mail2sms.gateway import Gateway
from mail2sms.journal import GROUP
from mail2sms.lease import LEASE_S, Lease, lease_key
from mail2sms.pace import Backoff
from mail2sms.sending import Sending, is_id, read_entry

logger = logging.getLogger("mail2sms.intake")

READ = 128
GATHER_S = 0.01  # after a read that gave little, so that the next gives more
BLOCK_MS = 2000
PAGE = 500
PUBLISH_EVERY_S = 2.0
CLAIM_EVERY_S = 5.0
MIN_IDLE_MS = 2000  # of an entry that is claimed, so that two gateways do not claim it from each other


class Intake:
    """Reads streams for a gateway; ``name`` is the gateway's. Reads block for BLOCK_MS, under redis-py's time-out."""

    def __init__(self, gateway: Gateway, connection: redis.asyncio.Redis, name: str) -> None:
        self._gateway = gateway
        self._redis = connection
        self._name = name
        self._lease = Lease(connection, name)
        self._published = False

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep(), name="lease")
            tasks.create_task(self._tick(), name="tick")
            for stream in self._gateway.backlog:
                tasks.create_task(self._read(stream), name=f"read {stream}")

    async def end(self) -> None:
        """Give the lease up, last of all."""
        token, self._gateway.token = self._gateway.token, ""
        try:
            if token:
                for lane in self._gateway.lanes.values():
                    lane.stopped()
                await self.publish()
            await self._lease.give_up(token)
        except (redis.RedisError, OSError) as error:
            if not is_away(error):
                raise
            logger.warning(log.line(None, lease="runs out", why=error))

    # --- tasks

    async def _keep(self) -> None:
        """The lease, the agreement of memory with the pending lists, the messages of dead gateways."""
        backoff = Backoff(0.1, 2.0)
        kept_at = claimed_at = 0.0
        held_by_other = False
        while not is_cancelled():
            try:
                if not self._gateway.token:
                    token = await self._lease.take()
                    if not token:
                        if not held_by_other:
                            logger.error(log.line(None, gateway=self._name, why="another process has this name"))
                        held_by_other = True
                        await asyncio.sleep(1.0)
                        continue
                    held_by_other = False
                    await self._agree()
                    self._gateway.token = token
                    kept_at = time.monotonic()
                    logger.info(log.line(None, gateway=self._name, state="sending"))
                    self._gateway.pump()
                elif time.monotonic() - kept_at > LEASE_S / 4:
                    if not await self._lease.keep(self._gateway.token):
                        self._gateway.token = ""
                        continue
                    kept_at = time.monotonic()
                if self._gateway.unsure:
                    await self._agree()
                    self._gateway.pump()
                if time.monotonic() - claimed_at > CLAIM_EVERY_S:
                    claimed_at = time.monotonic()
                    await self._claim()
                    await self._expire()
                backoff.reset()
                await asyncio.sleep(0.25)
            except (redis.RedisError, OSError) as error:
                if not is_away(error):
                    raise
                # It may come back with an older state (failover), and others, whose leases ran out as ours did, are to
                # have theirs back before anybody claims what they had.
                self._gateway.unsure = True
                claimed_at = time.monotonic()
                logger.debug(log.line(None, redis="away", why=error))
                await asyncio.sleep(backoff.pause_s())

    async def _read(self, stream: str) -> None:
        backoff = Backoff(0.1, 2.0)
        while not is_cancelled():
            wanted = self._gateway.wants(stream)
            if wanted < min(READ, self._gateway.settings.backlog):
                await asyncio.sleep(0.01 if wanted else 0.1)
                continue
            try:
                answer = await self._redis.xreadgroup(GROUP, self._name, {stream: ">"}, count=READ, block=BLOCK_MS)
            except redis.ResponseError as error:
                if _has_no_group(error):
                    await self._make_group(stream)
                elif is_away(error):
                    self._gateway.unsure = True
                    await asyncio.sleep(backoff.pause_s())
                else:
                    raise
                continue
            except (redis.RedisError, OSError) as error:
                if not is_away(error):
                    raise
                self._gateway.unsure = True  # the answer may have been on its way
                logger.debug(log.line(None, redis="away", why=error))
                await asyncio.sleep(backoff.pause_s())
                continue
            backoff.reset()
            entries = _entries(answer)
            try:
                await self._adopt(stream, entries)
            except (redis.RedisError, OSError) as error:
                if not is_away(error):
                    raise
                self._gateway.unsure = True
            if len(entries) < READ // 4:
                await asyncio.sleep(GATHER_S)

    async def _adopt(self, stream: str, entries: list[tuple[str, dict[bytes, bytes]]]) -> None:
        """Take new entries; of those that a gateway gave back, the records say how far they got."""
        for entry, fields in entries:
            if b"r" not in fields:
                self._take(stream, entry, fields, {})
        given_back = [entry for entry, fields in entries if b"r" in fields]
        if given_back:
            await self._take_pending(stream, given_back)
        self._gateway.pump()

    async def _expire(self) -> None:
        """While no link of a stream is up, nobody reads it: what is at its end is taken, to be told so."""
        for stream in self._gateway.backlog:
            if self._gateway.can_send(stream) or not self._gateway.token:
                continue
            oldest: Any = await self._redis.xrange(stream, "-", "+", 1)
            if oldest and _is_over(oldest[0][1]):
                try:
                    answer = await self._redis.xreadgroup(GROUP, self._name, {stream: ">"}, count=READ)
                except redis.ResponseError as error:
                    if not _has_no_group(error):
                        raise
                    await self._make_group(stream)
                else:
                    await self._adopt(stream, _entries(answer))

    async def _tick(self) -> None:
        published_at = 0.0
        while not is_cancelled():
            await asyncio.sleep(1.0)
            self._gateway.tick()
            if self._gateway.journal.stuck:
                self._gateway.unsure = True  # see _keep
            else:
                self._write_tick()
            if time.monotonic() - published_at > PUBLISH_EVERY_S:
                published_at = time.monotonic()
                try:
                    if self._gateway.token:  # else the name, and so the figures, may be another process's
                        await self.publish()
                except (redis.RedisError, OSError) as error:
                    if not is_away(error):
                        raise
                    logger.debug(log.line(None, redis="away", why=error))

    def _write_tick(self, due: Any = None) -> None:
        """What time brings, a page at a time: at the end of quiet hours there may be many."""
        if due is None or (due >= PAGE and not self._gateway.stopping):
            self._gateway.journal.write(["tick", time.time(), PAGE], lambda due: self._write_tick(due or 0))

    async def publish(self) -> None:
        """Write each lane's figures."""
        await live.publish(self._redis, self._name, self._gateway.lanes.values(), first=not self._published)
        self._published = True

    # --- agreeing with the pending lists

    async def _agree(self) -> None:
        self._gateway.unsure = False
        for stream in self._gateway.backlog:
            await self._agree_on(stream)

    async def _agree_on(self, stream: str) -> None:
        """Take what is pending for us and not in memory; forget what is in memory and not pending for us."""
        before = {key for key in self._gateway.held if key[0] == stream}
        pending: set[str] = set()
        start = "-"
        while True:
            try:
                page = await self._redis.xpending_range(stream, GROUP, start, "+", PAGE, self._name)
            except redis.ResponseError as error:
                if not _has_no_group(error):
                    raise
                await self._make_group(stream)
                break
            entries = [_text(row["message_id"]) for row in page]
            pending.update(entries)
            held = self._gateway.held  # by now; reading goes on meanwhile
            new = [entry for entry in entries if (stream, entry) not in before and (stream, entry) not in held]
            await self._take_pending(stream, new)
            if len(page) < PAGE:
                break
            start = "(" + entries[-1]
        for key in before:
            if key[1] not in pending:
                self._gateway.forget(key)

    async def _take_pending(self, stream: str, entries: list[str]) -> None:
        """Entries that are ours but new to memory: with their marks they show how far they got."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for entry in entries:
                pipe.xrange(stream, entry, entry)
            found = await pipe.execute() if entries else []
        rows = [(entry, answer[0][1] if answer else None) for entry, answer in zip(entries, found, strict=True)]
        async with self._redis.pipeline(transaction=False) as pipe:
            for _, fields in rows:
                pipe.hgetall(f"sms:{_id_in(fields)}")
            records = await pipe.execute() if rows else []
        for (entry, fields), record in zip(rows, records, strict=True):
            self._take(stream, entry, fields, {k.decode(): v.decode() for k, v in record.items()})
        if entries:
            logger.info(log.line(None, stream=stream, taken_over=len(entries)))

    async def _claim(self) -> None:
        """Take over what gateways took whose lease is gone."""
        for stream in self._gateway.backlog:
            if not self._gateway.wants(stream):
                continue
            try:
                consumers = await self._redis.xinfo_consumers(stream, GROUP)
            except redis.ResponseError as error:
                if not _has_no_group(error):
                    raise
                await self._make_group(stream)
                continue
            for consumer in consumers:
                name = _text(consumer["name"])
                if name == self._name or not consumer["pending"] or await self._lives(name):
                    continue
                page = await self._redis.xpending_range(stream, GROUP, "-", "+", PAGE, name)
                entries: list[Any] = [row["message_id"] for row in page]
                if not entries:  # another gateway was quicker
                    continue
                claimed = await self._redis.xclaim(stream, GROUP, self._name, MIN_IDLE_MS, entries, justid=True)
                logger.warning(log.line(None, stream=stream, claimed=len(claimed), dead=name))
                await self._take_pending(stream, [_text(entry) for entry in claimed])
                self._gateway.pump()

    async def _lives(self, gateway: str) -> bool:
        token = await self._redis.get(lease_key(gateway))
        return token is not None and not is_dead(_text(token))

    async def _make_group(self, stream: str) -> None:
        try:
            await self._redis.xgroup_create(stream, GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    # --- one entry

    def _take(self, stream: str, entry: str, fields: dict[bytes, bytes] | None, record: dict[str, str]) -> None:
        """Adopt an entry; ``record`` is its sms hash, empty when nothing of it was ever sent."""
        gateway = self._gateway
        if (stream, entry) in gateway.held:
            return
        if fields is None or record.get("s", "sending") != "sending":
            gateway.journal.write(["drop", stream, entry])
            return
        try:
            sending = read_entry(stream, entry, fields)
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            logger.error(log.line(None, stream=stream, entry=entry, rejected=type(error).__name__, why=error))
            gateway.journal.write(["junk", stream, entry, str(error)[:200]])
            return
        if not sending.parts:
            gateway.hold(sending)
            gateway.fail(sending, "the text does not fit")
            return
        if record:
            _remember(gateway, sending, record)
        if not sending.over:
            gateway.adopt(sending)


def _remember(gateway: Gateway, sending: Sending, record: dict[str, str]) -> None:
    """What was sent before this process had the message: accepted parts stay, unanswered ones are in doubt."""
    link = record.get("l", "")
    sending.before = record.get("g", "")
    sending.whole = record.get("n") == "1" and len(sending.parts) > 1
    for number in range(1, sending.total + 1):
        mark = record.get(f"p{number}", "")
        if mark.startswith(("=", "+", "!")):
            sending.accepted.add(number)
        elif mark == "?":
            gateway.doubt(sending, number, link, "no answer before the gateway ended")
        elif mark == "??":
            gateway.hold(sending)
            gateway.fail(sending, "unanswered")
            return
    if sending.accepted:
        sending.lane = gateway.lanes.get(link)


def _is_over(fields: dict[bytes, bytes]) -> bool:
    """Whether the validity of an entry is over."""
    try:
        valid_until = json.loads(fields[b"m"])["valid_until"]
        return valid_until is not None and datetime.fromisoformat(valid_until) <= datetime.now(UTC)
    except (KeyError, TypeError, ValueError, RecursionError):
        return True  # no short message: it is put aside when it is read


def _entries(answer: Any) -> list[tuple[str, dict[bytes, bytes]]]:
    """(entry, fields) of an XREADGROUP answer on one stream."""
    streams = answer.items() if isinstance(answer, dict) else answer or []
    found: list[tuple[str, dict[bytes, bytes]]] = []
    for _, rows in streams:
        if rows and isinstance(rows[0], list):  # RESP3 wraps the rows once more
            rows = rows[0]
        found += [(entry.decode(), fields) for entry, fields in rows]
    return found


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _id_in(fields: dict[bytes, bytes] | None) -> str:
    try:
        id = str(json.loads((fields or {}).get(b"m", b"{}"))["id"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return id if is_id(id) else ""


def _has_no_group(error: redis.ResponseError) -> bool:
    """Whether a stream, or its group, is not there."""
    return "NOGROUP" in str(error) or "no such key" in str(error)
