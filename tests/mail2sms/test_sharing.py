"""What shares a link: routes of one class, what other links refused, alarms behind it. Real Redis and ISMGs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.stack import Stack, wait_for
from caiyou.queues import ShortMessage, mt_stream

pytestmark = pytest.mark.live


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Stack]:
    """A second carrier; its Redis and gateway are not started."""
    folder = tmp_path / "other"
    folder.mkdir()
    made = Stack(folder)
    made.start_ismg()
    yield made
    made.end()


def _start(stack: Stack, sms: str, ups: int) -> None:
    stack.configure(sms)
    stack.start_redis()
    stack.start_ismg()
    stack.start_gateway()
    wait_for(lambda: len(stack.events("link.up")) == ups)


def _refusing_first(stack: Stack, other: Stack, rate: float, sms: str = "") -> None:
    """Two links of which the first refuses whatever it is given, for reasons of its own."""
    links = stack.link("first") + stack.link("second", port=other.cmpp_port, account="second", rate=rate)
    _start(stack, f'routes = {{default = ["first", "second"]}}\n{sms}\n{links}', 2)
    stack.faults(refuse_result=10)


def _message(id: str, **more: Any) -> ShortMessage:
    return ShortMessage(**{"id": id, "to": "8613800138000", "text": id, "route": "default", **more})


def test_routes_that_share_a_link_take_turns(stack: Stack) -> None:
    _start(stack, f'routes = {{default = ["mobile"], busy = ["mobile"]}}\n{stack.link(rate=100)}', 1)
    for first, second in (("busy", "default"), ("default", "busy")):
        before = len(stack.submits())
        stack.send_many(300, f"{first}-", route=first)
        wait_for(lambda before=before: len(stack.submits()) > before + 20)  # type: ignore[misc]
        stack.send_many(20, f"{second}-late", route=second)
        wait_for(lambda: stack.waiting() + stack.waiting("busy") == 0)
        late = [at for at, s in enumerate(stack.submits()[before:]) if "-late" in s["text"]]
        assert max(late) < 150


def test_what_a_link_refused_keeps_the_pace_of_the_next(stack: Stack, other: Stack) -> None:
    _refusing_first(stack, other, rate=50)
    stack.send_many(200)
    wait_for(lambda: stack.waiting() == 0, 8.0)
    assert len(other.submits()) == 200


def test_what_a_link_refused_does_not_fill_memory(stack: Stack, other: Stack) -> None:
    _refusing_first(stack, other, rate=5, sms="backlog = 50")
    stack.send_many(1500)
    wait_for(lambda: len(other.submits()) > 10)
    pending: Any = stack.redis.xpending(mt_stream("default"), "gw")
    assert pending["pending"] < 500


def test_an_alarm_goes_before_what_another_link_refused(stack: Stack, other: Stack) -> None:
    _refusing_first(stack, other, rate=5)
    for number in range(200):
        stack.send(_message(f"bulk{number}", message_class="bulk"))
    wait_for(lambda: len(other.submits()) > 3)
    began = time.monotonic()
    stack.send(_message("alarm", message_class="alarm"))
    wait_for(lambda: "alarm" in {s["text"] for s in other.submits()}, 5.0)
    assert time.monotonic() - began < 5.0
