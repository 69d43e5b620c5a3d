"""The gateway's figures for Prometheus, at ``/metrics`` of ``sms.metrics_listen``. ``METRICS`` is the whole vocabulary.

Plain HTTP without a password: listen on loopback or on a network that only the monitoring reaches. What the gateway
knows is told even while Redis is away. Counters begin at 0 with the gateway.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import redis
import redis.asyncio
from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from caiyou import log
from caiyou.events import DEAD_STREAM, STREAM
from caiyou.queues import QUEUES
from mail2sms.gateway import Gateway
from mail2sms.lane import Lane
from mail2sms.links import LinkState, Outcome, ReportState

logger = logging.getLogger("mail2sms.metrics")

LOOK_S = 2.0  # Redis has so long to answer
STOP_S = 1.0
_NUMBER = re.compile(r"\s*([+-]?\d{1,9}(?:\.\d{1,6})?)(?![\d.:-])")


class Declared(NamedTuple):
    """One metric: its labels and what it tells. A counter's name ends in _total."""

    labels: tuple[str, ...]
    help: str


METRICS = {
    "caiyou_sms_gateway_sending": Declared((), "1 while this gateway holds its name and may send"),
    "caiyou_sms_link_up": Declared(("link",), "1 while the link is logged in"),
    "caiyou_sms_link_state": Declared(("link", "state"), "1 for the state in which the link is"),
    "caiyou_sms_link_state_since_timestamp_seconds": Declared(("link",), "since when it is in that state"),
    "caiyou_sms_link_window_parts": Declared(("link",), "unanswered parts it may hold; 0 while it is not up"),
    "caiyou_sms_link_in_flight_parts": Declared(("link",), "parts that are handed to it and not answered"),
    "caiyou_sms_link_kept_parts": Declared(("link",), "rest of half-sent long messages that waits for this link"),
    "caiyou_sms_link_pace_per_second": Declared(("link",), "submits a second it may make now; 0: no limit"),
    "caiyou_sms_link_logins_total": Declared(("link", "result"), "logins: tried, and of those up and refused"),
    "caiyou_sms_link_submits_total": Declared(("link",), "parts handed to the link"),
    "caiyou_sms_link_answers_total": Declared(("link", "outcome"), "the carrier's word on parts"),
    "caiyou_sms_link_in_doubt_total": Declared(("link",), "parts that were sent, not answered, and are sent once more"),
    "caiyou_sms_link_reports_total": Declared(("link", "state"), "delivery reports"),
    "caiyou_sms_link_received_total": Declared(("link",), "messages from handsets, or parts of them"),
    "caiyou_sms_link_note": Declared(("link", "note"), "what else the link tells that is a number: a modem's signal"),
    "caiyou_sms_backlog_parts": Declared(("route", "class"), "parts that this gateway has taken and not handed out"),
    "caiyou_sms_journal_stuck": Declared((), "1 while Redis does not take what the gateway records"),
    "caiyou_sms_journal_waiting_steps": Declared((), "steps that are not recorded yet"),
    "caiyou_sms_waiting_messages": Declared(("route", "class"), "short messages without an outcome, of all gateways"),
    "caiyou_sms_waiting_oldest_seconds": Declared(("route", "class"), "age of the oldest of them; 0: there is none"),
    "caiyou_sms_later_messages": Declared((), "short messages held back until their hour"),
    "caiyou_sms_rejected_entries": Declared((), "stream entries that were no short message, set aside (mt-rejected)"),
    "caiyou_events_waiting": Declared((), "events that caiyou-ledgerd has not written yet"),
    "caiyou_events_set_aside": Declared((), "events that SQL refuses (caiyou ledger redeliver)"),
    "caiyou_jobs_waiting": Declared(("queue",), "jobs that no caiyou-worker has taken"),
    "caiyou_redis_up": Declared((), "0: Redis did not answer the gateway, and what stands in it is not told"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """What stands in Redis, for all gateways; times in seconds."""

    waiting: dict[str, int] = field(default_factory=dict)  # by stream
    oldest_s: dict[str, float] = field(default_factory=dict)
    later: int = 0
    rejected: int = 0
    events: int = 0
    set_aside: int = 0
    jobs: dict[str, int] = field(default_factory=dict)


async def look(connection: redis.asyncio.Redis, streams: Iterable[str], now: float) -> Stock:
    """Count what waits, ``now`` in seconds since the epoch. Redis errors pass through."""
    streams = list(streams)
    async with connection.pipeline(transaction=False) as pipe:
        for stream in streams:
            pipe.xlen(stream)
            pipe.xrange(stream, count=1)
        pipe.zcard("mt-later")
        for key in ("mt-rejected", STREAM, DEAD_STREAM):
            pipe.xlen(key)
        for queue in QUEUES:
            pipe.llen(f"rq:queue:{queue}")
        answers: list[Any] = await pipe.execute()
    of_streams, rest = answers[: 2 * len(streams)], answers[2 * len(streams) :]
    return Stock(
        waiting=dict(zip(streams, of_streams[::2], strict=True)),
        oldest_s={name: _age_s(rows, now) for name, rows in zip(streams, of_streams[1::2], strict=True)},
        later=rest[0],
        rejected=rest[1],
        events=rest[2],
        set_aside=rest[3],
        jobs=dict(zip(QUEUES, rest[4:], strict=True)),
    )


class GatewayCollector(Collector):
    """One look at a gateway; ``stock`` None: Redis did not answer."""

    def __init__(self, gateway: Gateway, stock: Stock | None) -> None:
        self._gateway = gateway
        self._stock = stock

    def collect(self) -> Iterator[Metric]:
        """See ``Collector``."""
        found: dict[str, dict[tuple[str, ...], float]] = {name: {} for name in METRICS}
        for name, labels, value in (*self._of_gateway(), *self._of_redis()):
            found[name][labels] = value
        for name, values in found.items():
            declared = METRICS[name]
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            family = kind(name, declared.help, labels=declared.labels)
            for labels, value in values.items():
                family.add_metric(labels, value)
            yield family

    def _of_gateway(self) -> Iterator[tuple[str, tuple[str, ...], float]]:
        gateway = self._gateway
        yield "caiyou_sms_gateway_sending", (), bool(gateway.token and not gateway.stopping)
        yield "caiyou_sms_journal_stuck", (), gateway.journal.stuck
        yield "caiyou_sms_journal_waiting_steps", (), gateway.journal.waiting
        for stream, units in gateway.backlog.items():
            yield "caiyou_sms_backlog_parts", _route_and_class(stream), len(units)
        for lane in gateway.lanes.values():
            for name, labels, value in _of_lane(lane):
                yield f"caiyou_sms_link_{name}", (lane.name, *labels), value

    def _of_redis(self) -> Iterator[tuple[str, tuple[str, ...], float]]:
        stock = self._stock
        yield "caiyou_redis_up", (), stock is not None
        if stock is None:
            return
        for stream, waiting in stock.waiting.items():
            yield "caiyou_sms_waiting_messages", _route_and_class(stream), waiting
            yield "caiyou_sms_waiting_oldest_seconds", _route_and_class(stream), stock.oldest_s[stream]
        yield "caiyou_sms_later_messages", (), stock.later
        yield "caiyou_sms_rejected_entries", (), stock.rejected
        yield "caiyou_events_waiting", (), stock.events
        yield "caiyou_events_set_aside", (), stock.set_aside
        for queue, waiting in stock.jobs.items():
            yield "caiyou_jobs_waiting", (queue,), waiting


class Metrics:
    """The server."""

    def __init__(self, gateway: Gateway, connection: redis.asyncio.Redis) -> None:
        self._gateway = gateway
        self._redis = connection
        self._runner: web.AppRunner | None = None

    async def start(self, listen: str) -> None:
        """Listen on HOST:PORT, or nowhere. A port that is taken is logged: sending goes on without figures."""
        if not listen:
            return
        host, _, port = listen.rpartition(":")
        app = web.Application()
        app.router.add_get("/metrics", self._serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_S)
        await runner.setup()
        self._runner = runner
        try:
            await web.TCPSite(runner, host.strip("[]"), int(port)).start()
        except (OSError, OverflowError) as error:
            logger.error(log.line(None, metrics=listen, why=error))

    async def stop(self) -> None:
        """Close it."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        stock: Stock | None = None
        with suppress(redis.RedisError, OSError, TimeoutError):
            async with asyncio.timeout(LOOK_S):
                stock = await look(self._redis, self._gateway.backlog, time.time())
        registry = CollectorRegistry()
        registry.register(GatewayCollector(self._gateway, stock))
        ProcessCollector(registry=registry)
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})


def _of_lane(lane: Lane) -> Iterator[tuple[str, tuple[str, ...], float]]:
    yield "up", (), lane.up
    for state in LinkState:
        yield "state", (state.value,), state is lane.state
    yield "state_since_timestamp_seconds", (), lane.since.timestamp()
    yield "window_parts", (), lane.link.capacity
    yield "in_flight_parts", (), lane.in_flight
    yield "kept_parts", (), len(lane.kept)
    yield "pace_per_second", (), lane.pace_per_s
    for result, state in (("tried", LinkState.CONNECTING), ("up", LinkState.UP), ("refused", LinkState.REFUSED)):
        yield "logins_total", (result,), lane.logins[state]
    yield "submits_total", (), lane.counts["sent"]
    for outcome in Outcome:
        yield "answers_total", (outcome.value,), lane.counts[outcome.value]
    yield "in_doubt_total", (), lane.counts["in_doubt"]
    for reported in ReportState:
        yield "reports_total", (reported.value,), lane.reports[reported]
    yield "received_total", (), lane.counts["received"]
    yield from (("note", (name,), value) for name, value in _numbers(lane.link.notes))


def _numbers(notes: Mapping[str, str]) -> Iterator[tuple[str, float]]:
    """The notes that begin with a number: ``-79 dBm``."""
    for name, text in notes.items():
        if match := _NUMBER.match(str(text)):
            yield name, float(match[1])


def _route_and_class(stream: str) -> tuple[str, str]:
    """Of ``mt:<route>:<class>``."""
    _, route, message_class = stream.split(":")
    return route, message_class


def _age_s(rows: list[tuple[bytes, Any]], now: float) -> float:
    """How long ago the first entry was put on its stream: that is what its id says, in milliseconds."""
    return max(0.0, now - int(rows[0][0].partition(b"-")[0]) / 1000) if rows else 0.0
