"""An HTTP link: an account at a provider, asked by ``mail2sms.provider`` over aiohttp.

What an attempt that fails means: nothing was written (no address, refused, no connection in time, TLS): UNSENT. Written
and no whole answer: in doubt. An answer: by the settings. A 5xx other than 503 is in doubt by default, since the
request may have gone through behind the server that says so.

Health. Up means that the address could be reached, and that of the last ``failures`` attempts one at least went well:
so many failures in a row (nothing sent, or in doubt) and the link is DOWN. After a growing pause it sees whether the
address can be reached; if requests had failed, it then lets one message through, and is UP again when that is
answered. Refused credentials: REFUSED, and one message is tried after ``refused_s``, with the secrets read again. A
link that has nothing to do sees every ``idle_s`` whether its address can still be reached.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from caiyou import log
from caiyou.errors import SettingsError
from caiyou.settings import secret
from mail2sms.links import Answer, LinkState, Mo, MtPart, Outcome, Report, Sink
from mail2sms.links.http_client import HttpClient, in_doubt
from mail2sms.links.http_health import Health
from mail2sms.pace import Backoff
from mail2sms.provider import callback as callbacks
from mail2sms.provider.answer import Reading
from mail2sms.provider.callback import Called
from mail2sms.provider.request import Composer, Secrets
from mail2sms.settings.http import HttpLinkSettings

logger = logging.getLogger("mail2sms.links.http")

TOKEN_CHARACTERS = 16  # of a callback's token, at least


class HttpLink:
    """One account at a provider."""

    def __init__(self, name: str, settings: HttpLinkSettings, region: str) -> None:
        self._name = name
        self._settings = settings
        self._region = region
        self._sink: Sink | None = None
        self._client: HttpClient | None = None
        self._secrets: Secrets | None = None
        self._composer: Composer | None = None
        self._requests: set[asyncio.Task[None]] = set()
        self._health = Health(settings.failures)
        self.account = settings.account or name
        self.whole = settings.whole_messages
        self.takes_callbacks = settings.callback is not None
        self.reply = settings.callback.reply if settings.callback is not None else ""
        self.reply_type = settings.callback.reply_type if settings.callback is not None else ""

    # --- called by the gateway

    @property
    def capacity(self) -> int:
        """See ``Link.capacity``. The one message that tries a link out goes alone; others go elsewhere meanwhile."""
        if not self._health.open:
            return 0
        if self._health.on_trial:
            return 0 if self._requests else 1
        return self._settings.window

    @property
    def notes(self) -> Mapping[str, str]:
        """See ``Link.notes``."""
        status = self._client.status if self._client is not None else 0
        return {"last_answer": f"HTTP {status}" if status else "", "failures": str(self._health.failed)}

    def submit(self, tag: int, part: MtPart) -> Answer | None:
        """See ``Link.submit``."""
        composer, client = self._composer, self._client
        if composer is None or client is None or self._sink is None or len(self._requests) >= self.capacity:
            return Answer(outcome=Outcome.UNSENT)
        try:
            request = composer.request(part, datetime.now(UTC))
        except ValueError as error:  # UnicodeError names the charset, and would name the text
            why = f"not in {self._settings.charset}" if isinstance(error, UnicodeError) else str(error)
            return Answer(outcome=Outcome.REFUSED, result=f"cannot be sent: {why}")
        task = asyncio.get_running_loop().create_task(
            self._deliver(self._sink, tag, client.exchange(request, self._hidden(part)))
        )
        self._requests.add(task)
        return None

    async def run(self, sink: Sink, stop_s: float) -> None:
        """See ``Link.run``."""
        self._sink = sink
        backoff = Backoff(self._settings.reconnect_s, self._settings.reconnect_max_s)
        health = self._health
        try:
            while True:
                sink.changed(LinkState.CONNECTING, urlsplit(self._settings.url).netloc)
                client, why = self._prepared()
                refused, pause_s = client is None, 0.0
                if client is not None:
                    why = await client.reach()
                if client is not None and not why:
                    await self._stand(sink, client)
                    why, refused, pause_s = health.why, health.refused, health.pause_s
                    if health.went_well:
                        backoff.reset()
                if refused:
                    pause_s = self._settings.refused_s
                    sink.changed(LinkState.REFUSED, f"{why}; next try in {pause_s:.0f} s")
                else:
                    pause_s = max(pause_s, backoff.pause_s())
                    sink.changed(LinkState.DOWN, why)
                await asyncio.sleep(pause_s)
        finally:
            health.close("stopped")
            await self._finish(stop_s)

    # --- standing

    def _prepared(self) -> tuple[HttpClient | None, str]:
        """Read the secrets, which somebody may have mended; or why that cannot be done."""
        try:
            self._secrets = _secrets_of(self._settings)
            if self._client is None:
                self._client = HttpClient(self._settings)
        except SettingsError as error:
            return None, str(error)
        self._composer = Composer(self._settings, self._secrets, self._region)
        return self._client, ""

    async def _stand(self, sink: Sink, client: HttpClient) -> None:
        """Stay open until it is over; ``_health`` knows why."""
        health = self._health
        health.begin()
        sink.changed(*self._state(client))
        while health.open:
            was_on_trial, used = health.on_trial, health.used
            try:
                async with asyncio.timeout(self._settings.idle_s):
                    await health.changed.wait()
            except TimeoutError:
                if health.used == used and not self._requests:
                    why = await client.reach()
                    if why:
                        health.close(why)
            health.changed.clear()
            if health.open and was_on_trial and not health.on_trial:
                sink.changed(*self._state(client))

    def _state(self, client: HttpClient) -> tuple[LinkState, str]:
        if self._health.on_trial:
            return LinkState.CONNECTING, "one message tries it out"
        return LinkState.UP, client.where

    async def _finish(self, stop_s: float) -> None:
        """Take the answers that are on their way, then close."""
        if self._requests:
            await asyncio.wait(self._requests, timeout=stop_s)
        for task in self._requests:
            task.cancel()
        if self._requests:
            await asyncio.wait(self._requests)
        if self._client is not None:
            await self._client.close()

    # --- one request

    async def _deliver(self, sink: Sink, tag: int, asked: Coroutine[Any, Any, Reading]) -> None:
        """Ask and hand the answer on, once whatever happens."""
        reading = in_doubt("stopped")
        try:
            reading = await asked
        except Exception:
            logger.exception(log.line(None, link=self._name, request="failed"))
            reading = in_doubt("error")
        finally:
            task = asyncio.current_task()
            if task is not None:
                self._requests.discard(task)
            self._health.note(reading)
            sink.answered(tag, reading.answer)

    def _hidden(self, part: MtPart) -> tuple[str, ...]:
        """What no word of the provider may show."""
        known = self._secrets or Secrets()
        secrets = (known.password, known.token, known.key, known.callback_token, known.callback_key)
        return (*secrets, part.to, part.segment.text)

    # --- callbacks

    def called(self, request: Called, now: datetime) -> list[asyncio.Future[None]]:
        """What a provider calls us with goes to the gateway; each future is done when it is recorded.

        Raises Unauthorized, ProtocolError, and SettingsError while the link has not read its secrets.
        """
        if self._sink is None or self._secrets is None:
            raise SettingsError("the link does not run")
        found = callbacks.read(self._settings, self._secrets, request, now)
        if found.unreadable:
            logger.warning(log.line(None, link=self._name, forgave=f"{found.unreadable} entries cannot be read"))
        return [self._handed_on(self._sink, entry) for entry in found.entries]

    def _handed_on(self, sink: Sink, entry: Report | Mo) -> asyncio.Future[None]:
        recorded: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done() -> None:
            if not recorded.done():
                recorded.set_result(None)

        if isinstance(entry, Mo):
            sink.received(entry, done)
        else:
            sink.reported(entry, done)
        return recorded


def _secrets_of(settings: HttpLinkSettings) -> Secrets:
    """Raises SettingsError."""
    callback = settings.callback
    signed = callback.signature if callback is not None else None
    key_file = signed.key_file if signed is not None and signed.key_file is not None else settings.key_file
    return Secrets(
        password=_secret(settings.password_file),
        token=_secret(settings.token_file),
        key=_secret(settings.key_file),
        callback_token=_token(callback.token_file) if callback is not None else "",
        callback_key=_secret(key_file) if signed is not None else "",
    )


def _secret(path: Path | None) -> str:
    text = secret(path) if path is not None else ""
    if not text.isprintable():
        raise SettingsError(f"{path}: a control character stands in the secret")
    return text


def _token(path: Path | None) -> str:
    text = _secret(path)
    if path is not None and (
        len(text) < TOKEN_CHARACTERS or not all(c.isascii() and (c.isalnum() or c in "._~-") for c in text)
    ):
        raise SettingsError(f"{path}: expected {TOKEN_CHARACTERS} or more of A-Z a-z 0-9 . _ ~ -")
    return text
