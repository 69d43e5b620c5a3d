"""The live feed of the page: server-sent events, in batches, so that thousands of messages a second do no harm."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from itertools import islice
from typing import Any

from aiohttp import web

from sandbox.carriers.phones import Message, Phones

BATCH_S = 0.3
KEPT = 300  # messages of one batch; older ones are left out
SHOWN_PHONES = 24
SHOWN_MESSAGES = 30
PING_S = 15.0


class Live:
    """Feeds every open page."""

    def __init__(self, phones: Phones) -> None:
        self._phones = phones
        self._feeds: dict[int, deque[dict[str, Any]]] = {}  # by the identity of the request
        self._ended = asyncio.Event()
        phones.watchers.append(self._watch)

    def end(self) -> None:
        """Close every feed."""
        self._ended.set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Feed one page until it goes away."""
        headers = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        feed: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._feeds[id(request)] = feed
        try:
            await response.write(_event("phones", self._snapshot()))
            await self._follow(response, feed)
        except ConnectionError:
            pass  # the page was closed
        finally:
            del self._feeds[id(request)]
        return response

    async def _follow(self, response: web.StreamResponse, feed: deque[dict[str, Any]]) -> None:
        quiet_s = 0.0
        while not self._ended.is_set():
            await asyncio.sleep(BATCH_S)
            if feed:
                batch = list(feed)
                feed.clear()
                await response.write(_event("messages", batch))
                quiet_s = 0.0
            elif (quiet_s := quiet_s + BATCH_S) >= PING_S:
                await response.write(b": still here\n\n")
                quiet_s = 0.0

    def _watch(self, number: str, message: Message) -> None:
        if self._feeds:
            shown = _shown(number, message)
            for feed in self._feeds.values():
                feed.append(shown)

    def _snapshot(self) -> list[dict[str, Any]]:
        found = []
        for number, phone in islice(self._phones, SHOWN_PHONES):
            last = list(islice(reversed(phone.messages), SHOWN_MESSAGES))
            found.append({"number": number, "messages": [_shown(number, message) for message in reversed(last)]})
        return found


def _shown(number: str, message: Message) -> dict[str, Any]:
    return message.to_json() | {"phone": number, "sent": message.sent}


def _event(name: str, value: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n".encode()
