"""The simulated HTTP provider of short messages: three interfaces on one socket, as many kinds of settings speak to.

``GET /cgi-bin/sendsms`` (Kannel's), ``POST /v1/messages`` (bearer token), ``POST /api/sms`` (HMAC). One account: user
``caiyou``; one secret is password, token and key, and what its callbacks show. Everything it does wrong is in
``faults``. What is taken stands in the journal before it is answered.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

from aiohttp import web

from caiyou.errors import InputError, NotFound
from mail2sms.content import MsgFmt, part_of
from sandbox.carriers.journal import Journal
from sandbox.carriers.phones import Message, Phones, number_or_empty
from sandbox.carriers.provider_apis import Api, BearerJson, Denied, Hmac, Kannel, Wanted
from sandbox.carriers.provider_calls import Calls
from sandbox.carriers.provider_faults import ProviderFaults

LATE_ANSWER_S = 0.2  # behind the report, when the fault asks for it
REPLAYED = 20_000
DRIP_S = 0.2
HUGE_OCTETS = 4 << 20
FLUSH_S = 0.5


class Provider:
    """The provider; ``port`` 0 is any free one; ``callback`` is where it calls while no client has said so."""

    name = "provider"

    def __init__(self, secret: str, phones: Phones, journal: Journal, port: int, callback: str = "") -> None:
        self.faults = ProviderFaults()
        self.journal = journal
        self.counts: Counter[str] = Counter()
        self.results: Counter[str] = Counter()
        self._secret = secret
        self._phones = phones
        self._host, self._port = "", port
        self._started = time.monotonic()
        self._calls = Calls(self.counts)
        self._apis: dict[str, Api] = {"/cgi-bin/sendsms": Kannel(), "/v1/messages": BearerJson(), "/api/sms": Hmac()}
        self._callbacks: dict[str, tuple[Api, str]] = {}  # service code to where its reports and MO go
        if callback:
            self._callbacks[""] = self._apis["/api/sms"], callback
        self._second = 0, 0
        self._runner: web.ServerRunner | None = None
        self._site: web.TCPSite | None = None
        self._listening: asyncio.Task[None] | None = None
        self._replay()

    # --- see Carrier

    async def start(self, host: str) -> str:
        """See ``Carrier``."""
        self._host = host
        self._runner = web.ServerRunner(web.Server(self._on_request, access_log=None), shutdown_timeout=0.5)  # type: ignore[arg-type]  # a handler takes BaseRequest, ours its child
        await self._runner.setup()
        await self._listen()
        self._port = self._runner.addresses[0][1]
        return f"provider={host}:{self._port}"

    async def run(self) -> None:
        """See ``Carrier``."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._calls.run())
            tasks.create_task(self._keep_journal())

    async def stop(self) -> None:
        """See ``Carrier``."""
        if self._runner is not None:
            await self._runner.cleanup()
        self.journal.close()

    def set_faults(self, faults: ProviderFaults) -> None:
        """See ``Carrier``."""
        before, self.faults = self.faults, faults
        if before.accept_connections != faults.accept_connections:
            self._listening = asyncio.get_running_loop().create_task(self._listen())

    def disconnect(self, *, in_order: bool = False) -> int:
        """See ``Carrier``: HTTP has no other end than the connection's."""
        connections = list(self._runner.server.connections) if self._runner and self._runner.server else []
        for connection in connections:
            if connection.transport is not None:
                connection.transport.abort()
        self.counts["cut"] += len(connections)
        return len(connections)

    def forget(self) -> int:
        """See ``Carrier``."""
        return self._calls.forget()

    def status(self) -> dict[str, Any]:
        """See ``Carrier``."""
        return {
            "uptime_s": round(time.monotonic() - self._started, 3),
            "counts": dict(self.counts),
            "results": dict(self.results),
            "callbacks_waiting": self._calls.waiting,
            "submits_last": len(self.journal),
        }

    def mo(self, number: str, to: str, text: str) -> dict[str, Any]:
        """See ``Carrier``."""
        if not (to.isascii() and to.isdigit() and len(to) <= 21):
            raise InputError("to: the service code is 1-21 digits")
        if not text or len(text) > 1000:
            raise InputError("text: 1-1000 characters are needed")
        found = [code for code in self._callbacks if to.startswith(code)]
        if not found:
            raise NotFound(f"to: no client has used the service code {to} and named a callback")
        api, url = self._callbacks[max(found, key=len)]
        call = api.mo(url, f"mo-{token_hex(8)}", number, to, text, *self._shown())
        for _ in range(self.faults.mo_copies):
            self._calls.put(call)
        self.counts["mos"] += 1
        self._phones.show(
            number, Message(sender=number, to=to, text=text, parts=1, at=_now(), sent=True, carrier=self.name)
        )
        return {"parts": 1, "interface": api.name}

    # --- requests

    async def _on_request(self, request: web.Request) -> web.StreamResponse:
        self.counts["requests"] += 1
        faults, body = self.faults, await request.read()
        api = self._apis.get(request.path)
        if api is None:
            return web.Response(status=404, text="nothing is here\n")
        if random.random() < faults.drop_requests:  # noqa: S311  # chance, not secrecy
            return self._cut(request)
        wanted, result = self._weighed(api, request, body)
        id = token_hex(10)
        status = faults.status if result == "accepted" and self._is_picked(wanted) else 0
        taken = result == "accepted" and (not status or faults.taken)
        self._write(api, wanted, id, "accepted" if taken else f"status {status}" if status else result)
        if taken and wanted is not None:
            self._take(api, wanted, id)
        delay_s = faults.answer_delay_s
        if faults.report_before_answer and taken:
            delay_s = max(delay_s, faults.report_delay_s + faults.report_jitter_s + LATE_ANSWER_S)
        await asyncio.sleep(delay_s)
        if taken and random.random() < faults.drop_answers:  # noqa: S311
            self.counts["answers_dropped"] += 1
            return self._cut(request)
        if status:
            return web.Response(
                status=status, text="<h1>by order</h1>", content_type="text/html", headers=self._again()
            )
        if result != "accepted":
            answer = api.denied(result)
            answer.headers.update(self._again() if result == "busy" else {})
            return answer
        return await self._answer(request, api, id)

    def _weighed(self, api: Api, request: web.Request, body: bytes) -> tuple[Wanted | None, str]:
        """What is wanted, and "accepted" or why not."""
        try:
            wanted = api.read(request, body, self._secret)
        except Denied as denied:
            return None, denied.kind
        second, count = self._second
        self._second = (second, count + 1) if second == int(time.monotonic()) else (int(time.monotonic()), 1)
        if self.faults.max_per_s and self._second[1] > self.faults.max_per_s:
            return wanted, "busy"
        if self.faults.refuse and self._is_picked(wanted):
            return wanted, self.faults.refuse
        return wanted, "accepted" if number_or_empty(wanted.to) else "number"

    def _is_picked(self, wanted: Wanted | None) -> bool:
        numbers = {number_or_empty(number) for number in self.faults.refuse_numbers}
        if wanted is None or (numbers and number_or_empty(wanted.to) not in numbers):
            return False
        return random.random() < self.faults.share  # noqa: S311

    def _again(self) -> dict[str, str]:
        return {"Retry-After": str(self.faults.retry_after_s)} if self.faults.retry_after_s else {}

    async def _answer(self, request: web.Request, api: Api, id: str) -> web.StreamResponse:
        match self.faults.answer:
            case "html":
                return web.Response(text="<html><body>Under maintenance</body></html>", content_type="text/html")
            case "garbled":
                return web.Response(body=b'{"id": "\xff\xfe", "data": [[', content_type="application/json")
            case "empty":
                return web.Response()
            case "huge":
                return web.Response(body=b'{"id": "' + b"1" * HUGE_OCTETS + b'"}', content_type="application/json")
            case "drip":
                return await self._drip(request)
        return api.accepted(id)

    async def _drip(self, request: web.Request) -> web.StreamResponse:
        """An answer that does not come to an end."""
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(b" ")
            await asyncio.sleep(DRIP_S)

    def _cut(self, request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    async def _listen(self) -> None:
        """Listen, or cease to, as the faults want it."""
        if self._site is not None:
            await self._site.stop()
            self._site = None
        if self.faults.accept_connections and self._runner is not None:
            self._site = web.TCPSite(self._runner, self._host, self._port)
            await self._site.start()

    # --- what is taken

    def _take(self, api: Api, wanted: Wanted, id: str) -> None:
        faults = self.faults
        number = number_or_empty(wanted.to)
        self._deliver(number, wanted.src, wanted.udh, wanted.text, _now())
        if not wanted.callback:
            return
        self._callbacks[wanted.src] = api, wanted.callback
        stats = {number_or_empty(one): stat for one, stat in faults.report_stats.items()}
        shown = "" if faults.report_empty_number else number
        call = api.report(wanted, id, stats.get(number, faults.report_stat), shown, *self._shown())
        for _ in range(faults.report_copies):
            if call is not None and faults.reports:
                jitter_s = random.random() * faults.report_jitter_s  # noqa: S311
                self._calls.put(call, faults.report_delay_s + jitter_s)
                self.counts["reports"] += 1

    def _shown(self) -> tuple[str, float]:
        """The secret that callbacks show, and how old their signature is."""
        return ("f" * 32 if self.faults.forge_callbacks else self._secret), self.faults.callback_age_s

    def _write(self, api: Api, wanted: Wanted | None, id: str, result: str) -> None:
        self.results[result] += 1
        part = part_of(1, wanted.udh) if wanted is not None else part_of(0, b"")
        record = {
            "at": _now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "interface": api.name,
            "id": id,
            "result": result,
            "to": [number_or_empty(wanted.to) or wanted.to] if wanted is not None else [],
            "src_id": wanted.src if wanted is not None else "",
            "text": wanted.text if wanted is not None else "",
            "udh": wanted.udh.hex() if wanted is not None else "",
            "client_ref": wanted.client_ref if wanted is not None else "",
            "part": part.number,
            "parts": part.total,
            "reference": part.reference,
        }
        self.journal.add(record)
        self.journal.flush()

    def _deliver(self, number: str, src: str, udh: bytes, text: str, at: datetime) -> None:
        octets = udh + text.encode("utf-16-be", "replace")
        self._phones.take(number, src, int(bool(udh)), MsgFmt.UCS2, octets, at, self.name)

    def _replay(self) -> None:
        """Show again what was taken before this start."""
        for record in self.journal.last(REPLAYED):
            if record["result"] == "accepted":
                at, udh = datetime.fromisoformat(record["at"]), bytes.fromhex(record["udh"])
                self._deliver(record["to"][0], record["src_id"], udh, record["text"], at)

    async def _keep_journal(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            self.journal.flush()


def _now() -> datetime:
    return datetime.now(UTC)
