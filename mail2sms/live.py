"""Live state of links in Redis: each gateway publishes its own, whoever wants to know reads all.

``link:<gateway>:<link>`` is a hash of text values (``notes`` as JSON); the sorted set ``links`` names the hashes by the
time they were last written. A gateway that died leaves its hashes for a day, and they say since when it is silent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import redis
import redis.asyncio

from mail2sms.lane import COUNTS, STOPPED, Lane

INDEX = "links"
SILENT_S = 15.0  # without a word: its gateway is dead, or Redis was away
KEPT_S = 24 * 3600


def link_key(gateway: str, link: str) -> str:
    """The hash of one link of one gateway."""
    return f"link:{gateway}:{link}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkNow:
    """A link as its gateway last told of it. ``state``: of LinkState, or "silent": the gateway does not tell any more.

    ``counts`` are since the gateway's start: COUNTS of ``mail2sms.lane``. Times are aware.
    """

    link: str
    gateway: str
    state: str
    why: str
    since: datetime
    at: datetime  # when it was told
    window: int  # unanswered parts it may hold; 0 while it is not up
    in_flight: int
    rate: float  # submits a second it may make now; 0: no limit
    per_s: float  # that it makes
    peak_per_s: float
    last_error: str
    last_error_at: datetime | None
    counts: dict[str, int] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def up(self) -> bool:
        return self.state == "up"


async def publish(connection: redis.asyncio.Redis, gateway: str, lanes: Iterable[Lane], *, first: bool) -> None:
    """Write each lane's figures; ``first``: and forget links that this gateway does not have any more."""
    now = datetime.now(UTC)
    keys = {link_key(gateway, lane.name): lane for lane in lanes}
    index: Any = await connection.zrange(INDEX, 0, -1) if first else []
    known = [key.decode() for key in index]
    gone = [key for key in known if key.rpartition(":")[0] == link_key(gateway, "")[:-1] and key not in keys]
    async with connection.pipeline(transaction=False) as pipe:
        for key in gone:
            pipe.delete(key)
            pipe.zrem(INDEX, key)
        for key, lane in keys.items():
            lane.measure()
            figures = lane.figures()
            notes = json.dumps(figures.pop("notes"), ensure_ascii=False).encode("utf-8", "replace")
            written = {name: str(value).encode("utf-8", "replace") for name, value in figures.items()}
            told: dict[Any, Any] = {"link": lane.name, "gateway": gateway, "at": now.isoformat(), "notes": notes}
            pipe.hset(key, mapping=written | told)
            pipe.expire(key, KEPT_S)
        if keys:
            pipe.zadd(INDEX, dict.fromkeys(keys, now.timestamp()))
        pipe.zremrangebyscore(INDEX, "-inf", now.timestamp() - KEPT_S)
        await pipe.execute()


def read(connection: redis.Redis, now: datetime) -> list[LinkNow]:
    """Every link of every gateway, by name; ``now`` is aware. Redis errors pass through."""
    keys: Any = connection.zrange(INDEX, 0, -1)
    with connection.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.hgetall(key)
        hashes = pipe.execute() if keys else []
    found = [_link_now({k.decode(): v.decode() for k, v in fields.items()}, now) for fields in hashes if fields]
    return sorted(found, key=lambda link: (link.link, link.gateway))


def _link_now(fields: Mapping[str, str], now: datetime) -> LinkNow:
    at = datetime.fromisoformat(fields["at"])
    silent = (now - at).total_seconds() > SILENT_S and fields["why"] != STOPPED
    return LinkNow(
        link=fields["link"],
        gateway=fields["gateway"],
        state="silent" if silent else fields["state"],
        why=f"no word from its gateway; was {fields['state']}" if silent else fields["why"],
        since=at if silent else datetime.fromisoformat(fields["since"]),
        at=at,
        window=int(fields["window"]),
        in_flight=int(fields["in_flight"]),
        rate=float(fields["rate"]),
        per_s=float(fields["per_s"]),
        peak_per_s=float(fields["peak_per_s"]),
        last_error=fields["last_error"],
        last_error_at=datetime.fromisoformat(fields["last_error_at"]) if fields["last_error_at"] else None,
        counts={name: int(fields[name]) for name in COUNTS},
        notes=json.loads(fields["notes"]),
    )
