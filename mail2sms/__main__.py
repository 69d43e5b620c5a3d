"""``caiyou-smsgw``: the gateway. It owns the carrier logins; one process per gateway name (``sms.gateway``)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio
import uvloop
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from caiyou import daemon, log, queues
from caiyou.settings import Settings
from mail2sms.asking import Asking
from mail2sms.callbacks import callbacks_of
from mail2sms.gateway import Gateway
from mail2sms.intake import Intake
from mail2sms.journal import Journal
from mail2sms.lane import Lane
from mail2sms.lease import lease_key
from mail2sms.links import Answer, LinkState, Mo, Report
from mail2sms.links.build import link_of
from mail2sms.metrics import Metrics
from mail2sms.settings import SmsSettings

logger = logging.getLogger("mail2sms")

FINISH_S = 5.0  # what is in flight may be answered so long after SIGTERM
LOG_OUT_S = 2.0


class LaneSink:
    """What a link says, with the lane it is."""

    def __init__(self, gateway: Gateway, lane: Lane) -> None:
        self._gateway = gateway
        self._lane = lane
        self.answered: Callable[[int, Answer], None] = gateway.answered

    def changed(self, state: LinkState, why: str) -> None:
        """See ``Sink``."""
        self._gateway.link_changed(self._lane, state, why)

    def reported(self, report: Report, done: Callable[[], None]) -> None:
        """See ``Sink``."""
        self._gateway.reported(self._lane, report, done)

    def received(self, mo: Mo, done: Callable[[], None]) -> None:
        """See ``Sink``."""
        self._gateway.received(self._lane, mo, done)


def lanes_of(settings: SmsSettings, region: str) -> list[Lane]:
    """Every link that a route names, once."""
    used = dict.fromkeys(link for route in settings.routes.values() for link in route.links)
    return [Lane(name, link_of(name, settings.links[name], region), settings.links[name].rate) for name in used]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a gateway is made of; nothing runs yet."""

    connection: redis.asyncio.Redis
    journal: Journal
    gateway: Gateway
    intake: Intake


def gateway_of(settings: Settings, sms: SmsSettings) -> Parts:
    """A gateway by the settings ``sms``."""
    connection = _client(settings)
    fixed = {
        "lease": lease_key(sms.gateway),
        "report_ttl": sms.report_ttl_s,
        "early_ttl": sms.early_report_ttl_s,
    }
    journal = Journal(connection, fixed)
    gateway = Gateway(sms, lanes_of(sms, settings.site.region), journal, settings.site.region)
    return Parts(connection, journal, gateway, Intake(gateway, connection, sms.gateway))


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run until ``stop`` is set, then finish what is in flight."""
    sms = settings.table(SmsSettings)
    if not sms.routes:
        logger.warning(log.line(None, gateway=sms.gateway, why="no routes in [sms]: nothing to send over"))
    parts = gateway_of(settings, sms)
    connection, journal, gateway, intake = parts.connection, parts.journal, parts.gateway, parts.intake
    journal_task = asyncio.create_task(journal.run(), name="journal")
    intake_task = asyncio.create_task(intake.run(), name="intake")
    asking_task = asyncio.create_task(Asking(gateway, connection, sms.gateway).run(), name="asking")
    links = [
        asyncio.create_task(lane.link.run(LaneSink(gateway, lane), LOG_OUT_S), name=f"link {lane.name}")
        for lane in gateway.lanes.values()
    ]
    of_links = {name: lane.link for name, lane in gateway.lanes.items()}
    callbacks = await callbacks_of(sms, of_links, lambda: journal.stuck)
    metrics = Metrics(gateway, connection)
    await metrics.start(sms.metrics_listen)
    stopped = asyncio.create_task(stop.wait(), name="stop")
    working = [journal_task, intake_task, asking_task, *links]
    await asyncio.wait([stopped, *working], return_when=asyncio.FIRST_COMPLETED)
    broken = [task for task in working if task.done()]
    gateway.stopping = True
    await _finish(gateway)
    await callbacks.stop()
    await metrics.stop()
    await _end([intake_task, asking_task, *links])
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(journal.drained(), LOG_OUT_S)
    await intake.end()
    await _end([journal_task, stopped])
    await connection.aclose()
    for task in broken:
        task.result()


async def _finish(gateway: Gateway) -> None:
    """Wait for the answers to what was sent."""
    loop = asyncio.get_running_loop()
    end = loop.time() + FINISH_S
    while gateway.under_way and loop.time() < end:  # noqa: ASYNC110  an event for this alone would cost each answer
        await asyncio.sleep(0.02)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(gateway.journal.drained(), max(0.1, end - loop.time()))


async def _end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def _client(settings: Settings) -> redis.asyncio.Redis:
    """A client without retries of its own: the journal and the intake know what may be repeated."""
    client = queues.connect_async(settings)
    client.set_retry(Retry(NoBackoff(), 0))
    return client


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(settings, stop)


def main() -> int:
    """Run until SIGTERM; 78 when the settings are wrong (EX_CONFIG), 70 on a bug of ours (EX_SOFTWARE, sysexits.h)."""
    daemon.parser(
        "caiyou-smsgw", "Send the waiting short messages over the carriers' links, take in reports and MO."
    ).parse_args()
    settings = daemon.begin("caiyou-smsgw")
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(settings))
    except Exception:
        logger.exception(log.line(None, gateway="failed"))
        return 70
    return 0


if __name__ == "__main__":
    sys.exit(main())
