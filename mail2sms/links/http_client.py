"""The aiohttp client of an HTTP link: one request at a time becomes one ``Reading``, whatever the network does."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from caiyou.errors import SettingsError
from mail2sms.links import Answer, Outcome
from mail2sms.provider import answer as answers
from mail2sms.provider.answer import Reading
from mail2sms.provider.request import Request
from mail2sms.settings.http import HttpLinkSettings, Verdict


class HttpClient:
    """Connections to one provider. Raises SettingsError where the CA file cannot be read."""

    def __init__(self, settings: HttpLinkSettings) -> None:
        self._settings = settings
        url = urlsplit(settings.url)
        self._host = url.hostname or ""
        self._port = url.port or (443 if url.scheme == "https" else 80)
        self._tls = _tls_context(settings.ca_file) if url.scheme == "https" else None
        self.where = f"{url.scheme}://{self._host}:{self._port}"
        self.status = 0  # of the last answer
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(_connected)
        trace.on_connection_reuseconn.append(_connected)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=settings.window, ssl=self._tls or True, keepalive_timeout=settings.keep_alive_s
            ),
            timeout=aiohttp.ClientTimeout(total=settings.answer_s, connect=settings.connect_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "caiyou", "Accept-Encoding": "identity"},
            auto_decompress=False,
            trace_configs=[trace],
            middlewares=(_once,),
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def reach(self) -> str:
        """Connect, and close again; why it cannot be done. Nothing is asked: what does no harm is not known."""
        try:
            async with asyncio.timeout(self._settings.connect_s):
                _, writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
        except TimeoutError:
            return f"{self.where}: no answer in {self._settings.connect_s:.0f} s"
        except (OSError, UnicodeError) as error:  # UnicodeError: a host's name that is none
            return f"{self.where}: {error}"
        writer.transport.abort()
        return ""

    async def exchange(self, request: Request, hide: tuple[str, ...]) -> Reading:
        """One request; every failure of the network is an answer too. ``hide``: see ``answer.read``."""
        mark = _Mark()
        try:
            async with self._session.request(
                request.method,
                URL(request.url, encoded=True),
                data=request.body,
                headers=request.headers,
                allow_redirects=False,
                trace_request_ctx=mark,
            ) as response:
                body = await _read(response.content)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            return _unanswered(error, mark, self.where)
        self.status = response.status
        if len(body) > answers.MAX_OCTETS:
            return in_doubt(f"HTTP {response.status} and more than {answers.MAX_OCTETS} octets")
        reading = answers.read(self._settings.answer, response.status, body, request.id, hide)
        if reading.verdict is not Verdict.BUSY:
            return reading
        pause_s = answers.pause_s(response.headers.get("Retry-After"), datetime.now(UTC))
        return Reading(answer=reading.answer, verdict=reading.verdict, pause_s=pause_s)


async def _read(content: aiohttp.StreamReader) -> bytes:
    """All of it, or a little more than is allowed."""
    body = b""
    while len(body) <= answers.MAX_OCTETS and not content.at_eof():
        body += await content.read(answers.MAX_OCTETS + 1 - len(body))
    return body


def in_doubt(why: str) -> Reading:
    """It may have been taken or not."""
    return Reading(answer=Answer(outcome=Outcome.LOST, result=why), verdict=Verdict.UNSURE)


class _Mark:
    """Whether a request had a connection, that is whether anything of it can have been written."""

    __slots__ = ("connected",)

    def __init__(self) -> None:
        self.connected = False


class _Cut(aiohttp.ClientError):
    """The connection ended before the answer."""


async def _connected(_session: aiohttp.ClientSession, context: Any, _params: Any) -> None:
    context.trace_request_ctx.connected = True


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """No second try behind our back: aiohttp repeats a GET or PUT whose connection breaks, and a message is sent twice.

    It knows the errors after which it repeats by their class (aiohttp 3.14, ``ClientSession._request``).
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Cut("the connection ended before the answer") from error


def _unanswered(error: Exception, mark: _Mark, where: str) -> Reading:
    """What an error means; its own words may hold the URL, and that a password."""
    if not mark.connected:
        if isinstance(error, ValueError) and not isinstance(error, OSError):  # what is asked is no HTTP request
            refused = Answer(outcome=Outcome.REFUSED, result=f"cannot be sent: {type(error).__name__}")
            return Reading(answer=refused, verdict=Verdict.REFUSED, reached=False)
        why: object = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else type(error).__name__
        why = "no connection in time" if isinstance(error, TimeoutError) else why
        unsent = Answer(outcome=Outcome.UNSENT, result=f"{where}: {why}")
        return Reading(answer=unsent, verdict=Verdict.DOWN, reached=False)
    if isinstance(error, TimeoutError):
        return in_doubt("no answer in time")
    return in_doubt(str(error) if isinstance(error, _Cut) else f"no HTTP answer: {type(error).__name__}")


def _tls_context(file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=file)
    except OSError as error:  # SSLError too
        raise SettingsError(f"{file}: no certificate can be read: {error.strerror or error}") from None
