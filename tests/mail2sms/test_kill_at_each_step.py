"""kill -9 at each step that a short message takes, of the gateway and of the ISMG, in one run of 3,000 messages each.

Proxies on both wires, to Redis and to the carrier, kill the program just before or just after a message passes:

| step | wire |
|---|---|
| ``send`` is to be recorded | Redis |
| SUBMIT, SUBMIT_RESP | CMPP |
| ``accepted`` is to be recorded | Redis |
| DELIVER with the report | CMPP |
| ``report`` is to be recorded | Redis |
| DELIVER_RESP | CMPP |

Every message is accepted by the carrier once; twice only where its answer was missing, and then it is flagged.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from bench.stack import Stack, wait_for
from mail2sms.cmpp.codes import Command
from mail2sms.session.frame import RESPONSE
from tests.fix_proxy import Proxy, Step, as_it_comes, by_length

pytestmark = pytest.mark.live

COUNT = 3000
WINDOW = 16
Wire = tuple[str, Callable[[bytes], bool]]


def _redis(op: str) -> Wire:
    return "redis", lambda data: f'["{op}", '.encode() in data


def _cmpp(command: int) -> Wire:
    return "cmpp", lambda pdu: int.from_bytes(pdu[4:8], "big") == command


STEPS: list[Wire] = [
    _redis("send"),
    _cmpp(Command.SUBMIT),
    _cmpp(RESPONSE | Command.SUBMIT),
    _redis("accepted"),
    _cmpp(Command.DELIVER),
    _redis("report"),
    _cmpp(RESPONSE | Command.DELIVER),
]


@pytest.fixture
def wires(stack: Stack) -> Iterator[dict[str, Proxy]]:
    """Redis, ISMG and gateway, with a proxy on each wire."""
    stack.start_redis()
    stack.start_ismg()
    made = {"redis": Proxy(stack.redis_port, as_it_comes), "cmpp": Proxy(stack.cmpp_port, by_length)}
    stack.configure(f'routes = {{default = ["mobile"]}}\nbacklog = 64\n{stack.link(port=made["cmpp"].port)}')
    settings = stack.settings_file.read_text()
    stack.settings_file.write_text(settings.replace(f":{stack.redis_port}/", f":{made['redis'].port}/"))
    stack.start_gateway()
    wait_for(lambda: stack.events("link.up"))
    yield made
    for proxy in made.values():
        proxy.close()


def _kill_at_each_step(stack: Stack, wires: dict[str, Proxy], start: Callable[[], Any], victim: str) -> list[str]:
    """Send the messages in lots, one lot for each step; the texts."""
    texts: list[str] = []
    cuts = [(wire, matches, before) for wire, matches in STEPS for before in (True, False)]
    for number, (wire, matches, before) in enumerate(cuts):
        lot = COUNT // len(cuts) + (number < COUNT % len(cuts))
        killed = threading.Event()

        def kill(killed: threading.Event = killed) -> None:
            stack.kill(victim)
            killed.set()

        texts += stack.send_many(lot, f"{number}-")
        wait_for(partial(_has_room, stack, len(texts) - lot // 2))
        wires[wire].arm(Step(matches=matches, before=before, act=kill))
        assert killed.wait(15), f"step {number} did not come"
        start()
    return texts


def _has_room(stack: Stack, count: int) -> bool:
    """Wait for the middle of the lot, so that the kill has something under way; what a kill delays counts too."""
    return len(stack.events("sms.submitted")) >= count


def _flagged(stack: Stack) -> set[str]:
    return {
        e["sms_id"].removeprefix("id-") for e in stack.events("sms.submitted") if e["detail"].get("possible_repeat")
    }


def _check(stack: Stack, texts: list[str], kills: int) -> None:
    assert Counter(e["sms_id"] for e in stack.events("sms.submitted")) == Counter(f"id-{text}" for text in texts)
    assert not stack.events("sms.failed")
    assert stack.waiting() == 0
    taken = Counter(s["text"] for s in stack.submits() if s["result"] == 0 and not s["repeated"])
    assert set(taken) == set(texts)
    doubtful = {e["sms_id"].removeprefix("id-") for e in stack.events("sms.in_doubt")}
    twice = {text for text, times in taken.items() if times > 1}
    assert max(taken.values()) <= 2
    assert twice <= doubtful == _flagged(stack)
    assert len(doubtful) <= kills * 2 * WINDOW


def test_the_gateway(stack: Stack, wires: dict[str, Proxy]) -> None:
    stack.faults(answer_delay_s=0.01, report_delay_s=0.02)
    texts = _kill_at_each_step(stack, wires, stack.start_gateway, "gateway")
    ids = {f"id-{text}" for text in texts}
    wait_for(lambda: {e["sms_id"] for e in stack.events("sms.delivered")} == ids, 60.0)
    assert Counter(e["sms_id"] for e in stack.events("sms.delivered")) == Counter(ids)
    _check(stack, texts, 2 * len(STEPS))


def test_the_carrier(stack: Stack, wires: dict[str, Proxy]) -> None:
    def start() -> None:
        stack.start_ismg()
        stack.faults(answer_delay_s=0.01, report_delay_s=0.02)

    stack.faults(answer_delay_s=0.01, report_delay_s=0.02)
    texts = _kill_at_each_step(stack, wires, start, "ismg")
    ids = {f"id-{text}" for text in texts}
    wait_for(lambda: {e["sms_id"] for e in stack.events("sms.submitted")} == ids, 60.0)
    _check(stack, texts, 2 * len(STEPS))
    delivered = Counter(e["sms_id"] for e in stack.events("sms.delivered"))
    assert set(delivered) <= ids  # reports that died with the carrier never come
    assert set(delivered.values()) == {1}
