"""An ESME that nobody here wrote (Kannel) at the simulated SMSC."""

from __future__ import annotations

import asyncio
import subprocess
import urllib.parse
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bench.stack import free_port
from sandbox.carriers.journal import Journal
from sandbox.carriers.phones import Phones
from sandbox.carriers.smsc import Smsc
from sandbox.carriers.smsc_faults import SmscFaults

NUMBER = "8613800138000"
LONG = "彩邮" * 80
WAIT_S = 20.0

CONFIGURATION = """\
group = core
admin-port = {admin}
admin-password = admin
smsbox-port = {box}
box-allow-ip = 127.0.0.1
log-file = {folder}/bearerbox.log
log-level = 0

{logins}group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {box}
sendsms-port = {http}
global-sender = 10660
log-file = {folder}/smsbox.log

group = sendsms-user
username = test
password = test
max-messages = 10
concatenation = true

group = sms-service
keyword = default
max-messages = 0
concatenation = true
catch-all = true
get-url = "http://127.0.0.1:{callback}/mo?from=%p&to=%P&text=%b&coding=%c"
"""
LOGIN = """\
group = smsc
smsc = smpp
smsc-id = simulated
host = 127.0.0.1
{port}
smsc-username = caiyou
smsc-password = s3cret
system-type = ""
interface-version = 34
msg-id-type = {ids}
enquire-link-interval = 1
reconnect-delay = 1

"""
# One group for each connection (Kannel's user guide, SMPP).
MODES = {
    "transceiver": ["port = {smsc}\ntransceiver-mode = true"],
    "pair": ["port = {smsc}", "receive-port = {smsc}"],
}


class Kannel:
    """bearerbox and smsbox, and what they call back."""

    def __init__(self, smsc: Smsc, http: int, callback: int) -> None:
        self.smsc = smsc
        self.calls: list[dict[str, str]] = []
        self._http = http
        self._callback = callback

    async def called(self, request: web.Request) -> web.Response:
        self.calls.append(dict(urllib.parse.parse_qsl(request.query_string, encoding="latin-1")) | {"at": request.path})
        return web.Response()

    async def send(self, text: str) -> None:
        """By smsbox, as a client does."""
        dlr = f"http://127.0.0.1:{self._callback}/dlr?type=%d&text=%A"
        query = {"username": "test", "password": "test", "to": NUMBER, "text": text, "dlr-mask": "31", "dlr-url": dlr}
        query |= {"charset": "UTF-8", "coding": "0" if text.isascii() else "2"}
        async with aiohttp.ClientSession() as client:
            for _ in range(100):  # smsbox needs a moment after its start
                try:
                    async with client.get(f"http://127.0.0.1:{self._http}/cgi-bin/sendsms", params=query) as answer:
                        assert answer.status == 202, await answer.text()
                        return
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.1)
        raise AssertionError("smsbox does not listen")

    def reports(self) -> list[str]:
        """Kannel's types: 1 delivered, 2 failed, 8 taken by the SMSC, 16 refused by it."""
        return [call["type"] for call in self.calls if call["at"] == "/dlr"]

    def shown(self) -> list[str]:
        return [message.text for message in self.smsc.phones.messages(NUMBER) if not message.sent]


@asynccontextmanager
async def kannel(folder: Path, mode: str, ids: str, **faults: Any) -> AsyncIterator[Kannel]:
    """Everything runs, and Kannel is logged in."""
    admin, box, http, callback = (free_port() for _ in range(4))
    smsc = Smsc({"caiyou": "s3cret"}, Phones(), Journal(folder / "smsc"), 0)
    smsc.set_faults(SmscFaults(**faults))
    port = (await smsc.start("127.0.0.1")).rpartition(":")[2]
    running = asyncio.create_task(smsc.run())
    made = Kannel(smsc, http, callback)
    app = web.Application()
    app.router.add_get("/{what}", made.called)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", callback).start()
    values = {"admin": admin, "box": box, "http": http, "callback": callback, "folder": folder}
    logins = "".join(LOGIN.format(port=line.format(smsc=port), ids=ids) for line in MODES[mode])
    text = CONFIGURATION.format(**values, logins=logins)
    (folder / "kannel.conf").write_text(text)
    boxes = [_start("bearerbox", folder)]
    try:
        await _until(lambda: smsc.counts["logins"] == len(MODES[mode]))
        boxes.append(_start("smsbox", folder))
        yield made
    finally:
        for process in reversed(boxes):
            process.terminate()
        for process in reversed(boxes):
            await asyncio.to_thread(process.wait, 30)
        running.cancel()
        await smsc.stop()
        await runner.cleanup()


def _start(name: str, folder: Path) -> subprocess.Popen[bytes]:
    with (folder / f"{name}.out").open("wb") as out:
        return subprocess.Popen([f"/usr/sbin/{name}", folder / "kannel.conf"], stdout=out, stderr=out, cwd=folder)


async def _until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not what():  # noqa: ASYNC110  what others do is looked at from outside
            await asyncio.sleep(0.02)


# msg-id-type: bit 0 the answer's id is hexadecimal, bit 1 the receipt's (Kannel's user guide, SMPP)
FORMS = [("transceiver", "0x00", "dec", "dec"), ("transceiver", "0x01", "HEX", "dec"), ("pair", "0x02", "dec", "hex")]


@pytest.mark.parametrize(("mode", "ids", "answer", "receipt"), FORMS)
def test_kannel_sends_and_hears_what_became_of_it(
    tmp_path: Path, mode: str, ids: str, answer: str, receipt: str
) -> None:
    async def run() -> None:
        forms: dict[str, Any] = {"id_in_answer": answer, "id_in_receipt": receipt, "receipt_by": "text"}
        async with kannel(tmp_path, mode, ids, **forms) as made:
            await made.send("hello [world]")
            await made.send(LONG)
            await _until(lambda: len(made.shown()) == 2)
            assert sorted(made.shown()) == ["hello [world]", LONG]
            await _until(lambda: made.reports().count("1") == 2)
            made.smsc.set_faults(SmscFaults(**forms, report_stat="UNDELIV"))
            await made.send("gone")
            await _until(lambda: made.reports().count("2") == 1)
            made.smsc.set_faults(SmscFaults(refuse_result=0x0B))
            await made.send("refused")
            await _until(lambda: made.reports().count("16") == 1)
            await _until(lambda: made.smsc.counts["peertested"] > 0)

    asyncio.run(run())


@pytest.mark.parametrize("text", ["hello [world]", "你好"])
def test_kannel_hears_from_handsets(tmp_path: Path, text: str) -> None:
    async def run() -> None:
        async with kannel(tmp_path, "transceiver", "0x00") as made:
            made.smsc.mo(NUMBER, "10660", text)
            await _until(lambda: made.calls)
            assert made.smsc.counts["mos_answered"] == 1
            call = made.calls[0]
            assert (call["from"].removeprefix("+"), call["to"]) == (NUMBER, "10660")
            octets = call["text"].encode("latin-1")
            assert octets.decode("utf-16-be" if call["coding"] == "2" else "utf-8") == text

    asyncio.run(run())
