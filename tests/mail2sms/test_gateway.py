"""The gateway on a real Redis and against the simulated ISMG, both processes of their own."""

from __future__ import annotations

from typing import Any

import pytest

from bench.stack import Stack, wait_for
from caiyou.queues import ShortMessage

pytestmark = pytest.mark.live


def _message(id: str, text: str, **more: Any) -> ShortMessage:
    return ShortMessage(**{"id": id, "to": "8613800138000", "text": text, "route": "default", **more})


def test_a_message_goes_out_and_its_report_comes_back(running: Stack) -> None:
    running.send(_message("one", "你好 hello", queue_id="4abc", message_id="<1@x>", subscriber="alice@example.test"))
    wait_for(lambda: running.events("sms.delivered"))
    submitted, delivered = running.events("sms.submitted"), running.events("sms.delivered")
    assert len(submitted) == len(delivered) == 1
    for event in (*submitted, *delivered):
        assert event["sms_id"] == "one"
        assert event["queue_id"] == "4abc"
        assert event["message_id"] == "<1@x>"
        assert event["number"] == "8613800138000"
        assert event["subscriber"] == "alice@example.test"
    assert delivered[0]["result"] == "DELIVRD"
    assert running.waiting() == 0
    (phone,) = running.http("GET", "/phones/13800138000/messages")
    assert phone["text"] == "你好 hello"
    assert phone["from"] == "10658000"
    assert "你好" not in running.log("gateway")
    assert "13800138000" not in running.log("gateway")
