"""The sandbox's GSM modem: a message out by its route, its report, and what a handset writes to the SIM."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

import pytest

from caiyou import queues
from caiyou.queues import ShortMessage, mt_stream, to_payload
from sandbox.ports import HOST
from sandbox.running import RunningSandbox

pytestmark = pytest.mark.live

PHONE = "13600136009"
SIM = "8613900001111"


def _ask(sandbox: RunningSandbox, path: str, body: object = None, method: str | None = None) -> Any:
    request = urllib.request.Request(
        f"http://{HOST}:{sandbox.layout.ports.phones}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def _send(sandbox: RunningSandbox, text: str) -> None:
    message = ShortMessage(id=f"modem-{time.time_ns()}", to=f"86{PHONE}", text=text, route="modem")
    with queues.connect(sandbox.settings) as redis:
        redis.xadd(mt_stream("modem", message.message_class), {"m": json.dumps(to_payload(message))})


def _count(sandbox: RunningSandbox, name: str) -> int:
    return int(_ask(sandbox, "/modem/status")["counts"].get(name, 0))


def test_out_and_back(sandbox: RunningSandbox) -> None:
    _send(sandbox, "由猫发出")
    (shown,) = sandbox.eventually(lambda: sandbox.phone_messages(PHONE))  # nobody else writes to it
    assert (shown["text"], shown["carrier"], shown["from"]) == ("由猫发出", "modem", SIM)
    sandbox.eventually(lambda: _count(sandbox, "reports") >= 1)
    before = _count(sandbox, "delivers")
    _ask(sandbox, f"/phones/{PHONE}/messages", {"to": SIM, "text": "收到", "carrier": "modem"})
    sandbox.eventually(lambda: _count(sandbox, "delivers") > before)
    sandbox.eventually(lambda: not _ask(sandbox, "/modem/status")["links"][0]["stored"]["SM"])


def test_unplugged_and_back(sandbox: RunningSandbox) -> None:
    assert _ask(sandbox, "/modem/disconnect", {}, "POST") == {"links": 1}
    _send(sandbox, "无论如何")
    sandbox.eventually(lambda: "无论如何" in [message["text"] for message in sandbox.phone_messages(PHONE)])
