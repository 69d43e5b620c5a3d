"""The sandbox's HTTP provider: a message out by its route, the report and an answer back by callback."""

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

PHONE = "13700137001"


def _ask(sandbox: RunningSandbox, path: str, body: object = None) -> Any:
    request = urllib.request.Request(
        f"http://{HOST}:{sandbox.layout.ports.phones}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def test_out_and_back(sandbox: RunningSandbox) -> None:
    id = f"provider-{time.time_ns()}"
    message = ShortMessage(id=id, to=f"86{PHONE}", text="由供应商发出", route="provider")
    with queues.connect(sandbox.settings) as redis:
        redis.xadd(mt_stream("provider", message.message_class), {"m": json.dumps(to_payload(message))})
    (shown,) = sandbox.eventually(lambda: sandbox.phone_messages(PHONE))
    assert (shown["text"], shown["carrier"]) == ("由供应商发出", "provider")
    sandbox.eventually(lambda: _ask(sandbox, "/provider/status")["counts"].get("callbacks_200"))
    _ask(sandbox, f"/phones/{PHONE}/messages", {"to": "10658", "text": "收到", "carrier": "provider"})
    sandbox.eventually(lambda: _ask(sandbox, "/provider/status")["counts"].get("callbacks_200", 0) >= 2)
    sandbox.eventually(lambda: _ask(sandbox, "/provider/status")["callbacks_waiting"] == 0)
