"""The fonts and templates that come along, and a real browser."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mms_builder.card_settings import CardSettings
from mms_builder.draw.fonts import Faces
from mms_builder.gallery import Gallery, load_gallery

NOW = datetime(2026, 2, 17, 8, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def gallery() -> Gallery:
    return load_gallery()


@pytest.fixture(scope="session")
def faces() -> Faces:
    return Faces(CardSettings.model_validate({}))


@pytest.fixture
def now() -> datetime:
    return NOW


@dataclass
class Tab:
    """One page in the browser, by the DevTools protocol."""

    socket: aiohttp.ClientWebSocketResponse
    complaints: list[str] = field(default_factory=list)  # of the console, the policy and the scripts
    asked: list[str] = field(default_factory=list)  # every address that the page wanted
    _count: int = 0

    async def call(self, method: str, **params: Any) -> Any:
        self._count += 1
        mine = self._count
        await self.socket.send_json({"id": mine, "method": method, "params": params})
        while True:
            said = await asyncio.wait_for(self.socket.receive_json(), 20)
            if said.get("id") == mine:
                assert "error" not in said, said
                return said["result"]
            self._note(said)

    def _note(self, said: dict[str, Any]) -> None:
        method, params = said.get("method"), said.get("params", {})
        if method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(params["entry"]["text"])
        if method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"])[:500])
        if method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append(json.dumps(params["args"])[:500])
        if method == "Network.requestWillBeSent":
            self.asked.append(params["request"]["url"])

    async def value(self, expression: str) -> Any:
        """What a JavaScript expression gives, promises awaited."""
        given = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in given, given
        return given["result"].get("value")

    async def until(self, expression: str, within_s: float = 10.0) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + within_s
        while not await self.value(expression):
            assert time.monotonic() < end, f"not within {within_s} s: {expression}"
            await asyncio.sleep(0.05)


@dataclass(frozen=True)
class Browser:
    """A running chromium without a window."""

    port: int

    @asynccontextmanager
    async def open(self, path: Path, width: int = 500, height: int = 720) -> AsyncIterator[Tab]:
        """A page of its own showing a file."""
        async with aiohttp.ClientSession() as http:
            async with http.put(f"http://127.0.0.1:{self.port}/json/new?about:blank") as answer:
                target = await answer.json()
            async with http.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=64 * 1024 * 1024) as socket:
                tab = Tab(socket)
                for domain in ("Log", "Runtime", "Network", "Page"):
                    await tab.call(f"{domain}.enable")
                await tab.call(
                    "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
                )
                await tab.call("Page.navigate", url=path.as_uri())
                await tab.until("document.readyState === 'complete' && location.protocol === 'file:'")
                yield tab
            async with http.get(f"http://127.0.0.1:{self.port}/json/close/{target['id']}"):
                pass


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    assert program, "chromium is missing: make test-setup"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        command = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        command += ["--remote-debugging-port=0", f"--user-data-dir={home}", "--no-first-run", "about:blank"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                yield Browser(_port(Path(home) / "DevToolsActivePort", process))
            finally:
                process.terminate()
                process.wait(20)


def _port(file: Path, process: subprocess.Popen[bytes]) -> int:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if file.exists() and (lines := file.read_text().split()):
            return int(lines[0])
        assert process.poll() is None, "chromium ended at once"
        time.sleep(0.05)
    raise AssertionError("chromium opened no port for its tools")
