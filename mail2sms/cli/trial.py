"""Tries one link from this machine: the link itself, as the gateway runs it, until it is up or says why not.

A trial alone acknowledges nothing that the carrier hands over, so nothing of it is lost. With a short message to send,
a gateway of its own runs for that link and a route that nobody else knows: all is recorded as it always is.
"""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from gettext import gettext as _
from pathlib import Path
from secrets import token_hex
from typing import Any

import redis

from caiyou import log, queues
from caiyou.errors import ServiceDown, SettingsError
from caiyou.msisdn import Msisdn
from caiyou.settings import Settings, secret
from mail2sms import live
from mail2sms.__main__ import LaneSink, gateway_of
from mail2sms.cli.hints import STATES, hint_of
from mail2sms.lane import Lane
from mail2sms.links import Answer, LinkState, Mo, Report
from mail2sms.links.build import link_of
from mail2sms.outgoing import Outgoing, new_id
from mail2sms.settings import SmsSettings
from mail2sms.settings.route import RouteTable

LOG_OUT_S = 3.0
VALID_S = 60.0
REPORT_S = 15.0  # for the report of a short message, of what time is left
SECRETS = ("secret_file", "key_file", "pin_file", "password_file", "listen_secret_file")
_NEXT_TRY = re.compile(r"; next try in [0-9.]+ s$")  # a gateway's; a trial has one
_FINAL = ("delivered", "failed", "expired")

Say = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class Found:
    """What a trial found. ``state``: of LinkState, or "settings" or "name" where it was not even tried."""

    link: str
    up: bool = False
    state: str = ""
    why: str = ""
    hint: str = ""  # in plain words: what to look at
    seconds: float = 0.0
    notes: dict[str, str] = field(default_factory=dict)
    sms_id: str = ""
    sms_state: str = ""

    @property
    def good(self) -> bool:
        """Whether all that was asked for went well."""
        return self.up and (not self.sms_id or self.sms_state in ("submitted", "delivered"))


class Trial:
    """One try of the link ``name``; ``say`` gets a line for each step."""

    def __init__(self, settings: Settings, name: str, say: Say) -> None:
        self._settings = settings
        self._sms = settings.table(SmsSettings)
        self._table = self._sms.links[name]
        self._found = Found(link=name)
        self._say = say
        self._begun = time.monotonic()
        self._stands = asyncio.Event()

    def run(self, to: Msisdn | None, text: str, timeout_s: float) -> Found:
        """Within ``timeout_s``, and then the time to log out; raises ServiceDown where Redis goes away meanwhile."""
        log.setup("WARNING")  # what the link forgives the carrier
        self._begun = time.monotonic()
        if self._secrets_are_there() and asyncio.run(self._resolves()):
            try:
                asyncio.run(self._with_message(to, text, timeout_s) if to else self._alone(timeout_s))
            except redis.RedisError as error:
                raise ServiceDown(_("Redis: {error}").format(error=error)) from None
        if self._found.hint:
            self._say(self._found.hint)
        return self._found

    # --- before it

    def _secrets_are_there(self) -> bool:
        for name in SECRETS:
            path: Any = getattr(self._table, name, None)
            if not isinstance(path, Path):
                continue
            try:
                secret(path)
            except SettingsError as error:
                return self._ended(
                    "settings",
                    str(error),
                    _("Write one line into the file that {name} names, readable by the gateway's user.").format(
                        name=name
                    ),
                )
            self._say(_("{name}: can be read by this user").format(name=name))
        return True

    async def _resolves(self) -> bool:
        host = getattr(self._table, "host", "")
        if not host:
            return True
        try:
            async with asyncio.timeout(10.0):
                found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError, TimeoutError) as error:
            why = f"{host}: {getattr(error, 'strerror', None) or error or _('no answer from DNS')}"
            return self._ended(
                "name",
                why,
                _("The name of the carrier's host cannot be found: is it spelt right, and does this machine have DNS?"),
            )
        self._say(
            _("{host}: {addresses}").format(
                host=host, addresses=", ".join(dict.fromkeys(str(each[4][0]) for each in found))
            )
        )
        return True

    # --- the login

    async def _alone(self, timeout_s: float) -> None:
        link = link_of(self._found.link, self._table, self._settings.site.region)
        task = asyncio.create_task(link.run(_Watch(self._changed), LOG_OUT_S))
        try:
            await self._login(task, timeout_s)
            self._found.notes = dict(link.notes)
        finally:
            await _cancelled(task)
        if self._found.up:
            self._say(_("logged out"))
        if self._found.up and self._table.type == "http":
            self._found.hint = _("A provider is asked only when there is something to send: try with --send.")

    async def _login(self, task: asyncio.Task[None], timeout_s: float) -> bool:
        """Wait until the link is up or says why it is not."""
        stands = asyncio.create_task(self._stands.wait())
        await asyncio.wait([stands, task], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        stands.cancel()
        if task.done():
            task.result()
        if not self._stands.is_set():
            why = _("nothing within {seconds:g} s; {state}").format(seconds=timeout_s, state=self._found.why)
            self._ended(
                "connecting",
                why,
                _("The carrier takes the connection and does not answer: is it the right port and protocol?"),
            )
        return self._found.up

    def _changed(self, state: LinkState, why: str) -> None:
        if self._stands.is_set():
            return
        why = _NEXT_TRY.sub("", why)
        self._say(f"{STATES[state.value]}: {why}")
        self._found.state, self._found.why = state.value, why
        if state is LinkState.CONNECTING:
            return
        self._ended(state.value, why, hint_of(state, why, self._table.type))
        self._found.up = state is LinkState.UP
        self._stands.set()

    def _ended(self, state: str, why: str, hint: str) -> bool:
        found = self._found
        if found.why != why:
            self._say(why)
        found.state, found.why, found.hint = state, why, hint
        found.seconds = round(time.monotonic() - self._begun, 3)
        return False

    # --- with a message

    async def _with_message(self, to: Msisdn, text: str, timeout_s: float) -> None:
        end = time.monotonic() + timeout_s
        route = f"trial.{token_hex(6)}"
        sms = self._sms.model_copy(
            update={
                "routes": {route: RouteTable.model_validate({"links": [self._found.link]})},
                "choices": [],
                "default_route": route,
            }
            | {"gateway": f"{self._sms.gateway}:{route}", "metrics_listen": "", "callback_listen": ""}
        )
        running = gateway_of(self._settings, sms)
        (lane,) = running.gateway.lanes.values()
        tasks = [asyncio.create_task(running.journal.run()), asyncio.create_task(running.intake.run())]
        login = asyncio.create_task(lane.link.run(_LaneWatch(running.gateway, lane, self._changed), LOG_OUT_S))
        try:
            if await self._login(login, timeout_s):
                self._found.notes = dict(lane.link.notes)
                with queues.connect(self._settings) as connection:
                    await self._send(Outgoing(connection, sms, self._settings.site.timezone), connection, to, text, end)
        finally:
            for sending in list(running.gateway.held.values()):  # nobody else reads this route
                running.gateway.fail(sending, "unanswered")
            running.gateway.stopping = True
            await _cancelled(login)
            with suppress(TimeoutError):
                await asyncio.wait_for(running.journal.drained(), LOG_OUT_S)
            await _cancelled(*tasks)
            await running.intake.end()
            await self._forget(running.connection, sms.gateway, route)

    async def _send(self, outgoing: Outgoing, connection: redis.Redis, to: Msisdn, text: str, end: float) -> None:
        found = self._found
        found.sms_id = new_id()
        now = datetime.now(UTC)
        became = outgoing.send(to, text, id=found.sms_id, message_class="alarm", now=now, validity_s=VALID_S)
        if became != "queued":
            found.sms_state = became
            return
        report_end = min(end, time.monotonic() + REPORT_S)
        while time.monotonic() < report_end and found.sms_state not in _FINAL:
            state: Any = connection.hget(f"sms:{found.sms_id}", "s")
            now_state = (state or b"queued").decode()
            if now_state != found.sms_state:
                found.sms_state = now_state
                self._say(_("short message {id}: {state}").format(id=found.sms_id, state=now_state))
            await asyncio.sleep(0.1)
        if found.sms_state == "submitted":
            self._say(_("No report yet; the gateway takes it in when it comes."))

    async def _forget(self, connection: Any, gateway: str, route: str) -> None:
        """Leave nothing of the trial's own in Redis."""
        key = live.link_key(gateway, self._found.link)
        await connection.delete(key, *(queues.mt_stream(route, each) for each in queues.CLASSES))
        await connection.zrem(live.INDEX, key)
        await connection.aclose()


class _Watch:
    """A sink that only looks: what the carrier hands over stays with the carrier."""

    def __init__(self, changed: Callable[[LinkState, str], None]) -> None:
        self.changed = changed

    def answered(self, tag: int, answer: Answer) -> None:
        """See ``Sink``: nothing was sent."""

    def reported(self, report: Report, done: Callable[[], None]) -> None:
        """See ``Sink``: not acknowledged."""

    def received(self, mo: Mo, done: Callable[[], None]) -> None:
        """See ``Sink``: not acknowledged."""


class _LaneWatch(LaneSink):
    """The gateway's own sink, and somebody looks."""

    def __init__(self, gateway: Any, lane: Lane, changed: Callable[[LinkState, str], None]) -> None:
        super().__init__(gateway, lane)
        self._also = changed

    def changed(self, state: LinkState, why: str) -> None:
        """See ``Sink``."""
        super().changed(state, why)
        self._also(state, why)


async def _cancelled(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
