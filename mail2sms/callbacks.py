"""Where HTTP providers call us: ``/callback/<link>`` and ``/callback/<link>/<token>`` on ``sms.callback_listen``.

| answer | when |
|---|---|
| 200 and the link's ``callback.reply`` | everything in it is recorded |
| 400 | it is from the provider, and nothing in it can be read |
| 401 | token or signature are wrong, or it is too old |
| 404 | no such link, or it has no callback |
| 413 | too large |
| 503 | not recorded, or not in time, or too many from one address, or its body did not come: the provider calls again |

503 for whatever shall come again: providers repeat a 5xx, and few repeat 408 or 429 (Kannel's smsbox does not).

Plain HTTP: a proxy in front of it speaks TLS (``callback_proxies`` says whose ``X-Forwarded-For`` is believed).
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from caiyou import log
from caiyou.errors import ProtocolError, SettingsError
from mail2sms.links import Link
from mail2sms.links.http import HttpLink
from mail2sms.provider.callback import Called, Unauthorized
from mail2sms.settings import SmsSettings

logger = logging.getLogger("mail2sms.callbacks")
http_logger = logging.getLogger("mail2sms.callbacks.http")

MAX_BODY_OCTETS = 256 << 10
BODY_S = 10.0  # for the body to come
IDLE_S = 30.0  # for a request to come, the first too
RECORDED_S = 5.0  # for it to be recorded
STOP_S = 2.0
LISTEN_AGAIN_S = 5.0
PEERS = 10_000  # addresses whose rate is known
UNAUTHORIZED_COSTS = 20  # calls: who guesses at tokens is soon shut out
BURST_S = 2.0

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Callbacks:
    """The server; ``links`` by name, ``rate`` is calls a second from one address.

    While ``is_stuck`` nothing can be recorded, and nothing is taken: it would pile up in memory with every repeat.
    """

    def __init__(
        self,
        links: Mapping[str, HttpLink],
        rate: float,
        proxies: Sequence[Network] = (),
        is_stuck: Callable[[], bool] = lambda: False,
    ) -> None:
        self._links = links
        self._is_stuck = is_stuck
        self._proxies = proxies
        self._rates = Rates(rate)
        self._runner: web.AppRunner | None = None
        self._trying: asyncio.Task[None] | None = None

    async def start(self, listen: str) -> None:
        """Listen on HOST:PORT; where that cannot be done, try again until it can: sending goes on meanwhile.

        Gateways of one host may share a port: what one takes all know of.
        """
        app = web.Application(client_max_size=MAX_BODY_OCTETS)
        for path in ("/callback/{link}", "/callback/{link}/{token}"):
            app.router.add_route("*", path, self._handle)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=http_logger,
            keepalive_timeout=IDLE_S,
            shutdown_timeout=STOP_S,
            auto_decompress=False,
        )
        await self._runner.setup()
        if not await self._listens(self._runner, listen):
            self._trying = asyncio.create_task(self._try_on(self._runner, listen), name="callbacks")

    async def _listens(self, runner: web.AppRunner, listen: str) -> bool:
        host, _, port = listen.rpartition(":")
        try:
            await web.TCPSite(runner, host.strip("[]"), int(port), reuse_port=True).start()
        except (OSError, OverflowError) as error:
            logger.error(log.line(None, callbacks=listen, why=error))
            return False
        logger.info(log.line(None, callbacks=listen))
        return True

    async def _try_on(self, runner: web.AppRunner, listen: str) -> None:
        while True:
            await asyncio.sleep(LISTEN_AGAIN_S)
            if await self._listens(runner, listen):
                return

    async def stop(self) -> None:
        """Take no more; what is being recorded is answered."""
        if self._trying is not None:
            self._trying.cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        peer = address_of(request.remote or "", request.headers.get("X-Forwarded-For", ""), self._proxies)
        name = request.match_info["link"]
        if not self._rates.take(peer, 1, time.monotonic()):
            return web.Response(status=503, headers={"Retry-After": "1"}, text="too many\n")
        link = self._links.get(name)
        if link is None:
            self._rates.take(peer, UNAUTHORIZED_COSTS, time.monotonic())
            return web.Response(status=404, text="no such link\n")
        if self._is_stuck():
            logger.warning(log.line(None, link=name, callback="not recorded", why="Redis is away"))
            return web.Response(status=503, headers={"Retry-After": "30"}, text="not recorded\n")
        try:
            called = await _called(request)
            recorded = link.called(called, datetime.now(UTC))
        except Unauthorized as error:
            self._rates.take(peer, UNAUTHORIZED_COSTS, time.monotonic())
            logger.warning(log.line(None, link=name, callback="refused", peer=peer, why=error))
            return web.Response(status=401, text="not authorized\n")
        except ProtocolError as error:
            logger.warning(log.line(None, link=name, callback="malformed", peer=peer, why=error))
            return web.Response(status=400, text=f"{error}\n")
        except SettingsError as error:
            logger.warning(log.line(None, link=name, callback="not taken", why=error))
            return web.Response(status=503, text="not ready\n")
        except TimeoutError:
            return web.Response(status=503, text="too slow\n")
        _, late = await asyncio.wait(recorded, timeout=RECORDED_S)
        if late:
            logger.warning(log.line(None, link=name, callback="not recorded in time", entries=len(late)))
            return web.Response(status=503, headers={"Retry-After": "30"}, text="not recorded\n")
        return web.Response(body=link.reply.encode(), headers={"Content-Type": link.reply_type})


class _NoOctetsOfStrangers(logging.Filter):
    """aiohttp logs what is no HTTP with a traceback that quotes it: a line of ours instead."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See ``logging.Filter``."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            record.exc_info, record.args, record.levelno, record.levelname = None, (), logging.INFO, "INFO"
            record.msg = log.line(None, callback="no HTTP", why=type(error).__name__)
        return True


http_logger.addFilter(_NoOctetsOfStrangers())


async def callbacks_of(settings: SmsSettings, links: Mapping[str, Link], is_stuck: Callable[[], bool]) -> Callbacks:
    """The server for those of the links that are HTTP's, listening if the settings say where."""
    callbacks = Callbacks(
        {name: link for name, link in links.items() if isinstance(link, HttpLink) and link.takes_callbacks},
        settings.callback_rate,
        settings.callback_proxies,
        is_stuck,
    )
    if settings.callback_listen:
        await callbacks.start(settings.callback_listen)
    return callbacks


async def _called(request: web.Request) -> Called:
    """The call as the link reads it; raises TimeoutError."""
    async with asyncio.timeout(BODY_S):
        body = await request.read()
    path, _, query = request.raw_path.partition("?")
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers.setdefault(name.lower(), value)
    return Called(
        method=request.method,
        path=path,
        query=query,
        headers=headers,
        body=body,
        token=request.match_info.get("token", ""),
    )


def address_of(peer: str, forwarded: str, proxies: Sequence[Network]) -> str:
    """The address that calls: the last one in X-Forwarded-For that is no proxy of ours, where a proxy says so."""
    for address in [peer, *reversed([part.strip() for part in forwarded.split(",") if part.strip()])]:
        peer = address
        try:
            known = ipaddress.ip_address(address)
        except ValueError:
            break
        if not any(known in network for network in proxies):
            break
    return peer[:64]


class Rates:
    """Calls a second by address; the quietest addresses are forgotten first."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # calls left, and when that was

    def take(self, peer: str, calls: int, now: float) -> bool:
        """Count so many if one more is allowed; whether it is."""
        most = max(1.0, self._rate * BURST_S)
        left, at = self._left.pop(peer, (most, now))
        left = min(most, left + (now - at) * self._rate)
        allowed = left >= 1
        self._left[peer] = (max(left - calls, -most) if allowed else left), now
        if len(self._left) > PEERS:
            self._left.popitem(last=False)
        return allowed
