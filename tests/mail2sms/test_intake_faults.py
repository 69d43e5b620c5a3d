"""Redis under a running gateway: groups and streams that go, others that claim, entries that are odd.

A real Redis and simulated ISMG, the gateway a process of its own.
"""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from socket import gethostname
from typing import Any

import pytest

from bench.stack import Stack, wait_for
from caiyou.queues import ShortMessage, mt_stream, to_payload
from tests.fix_proxy import Proxy, Step, as_it_comes

pytestmark = pytest.mark.live

STREAM = mt_stream("default")
NAME = f"{gethostname()}:gw"


def _message(id: str, **more: Any) -> ShortMessage:
    return ShortMessage(**{"id": id, "to": "8613800138000", "text": id, "route": "default", **more})


def _submitted(stack: Stack) -> set[str]:
    return {event["sms_id"] for event in stack.events("sms.submitted")}


def _is_alive(stack: Stack) -> bool:
    return stack.processes["gateway"].poll() is None


def test_two_gateways_claim_the_same_dead_ones_messages(stack: Stack) -> None:
    """The other is quicker, between two questions of ours."""
    stack.configure(f'routes = {{default = ["mobile"]}}\n{stack.link()}')
    stack.start_redis()
    stack.start_ismg()
    proxy = Proxy(stack.redis_port, as_it_comes)
    settings = stack.settings_file.read_text()
    stack.settings_file.write_text(settings.replace(f":{stack.redis_port}/", f":{proxy.port}/"))
    stack.send(_message("theirs"))
    stack.redis.xgroup_create(STREAM, "gw", id="0")
    stack.redis.xreadgroup("gw", "dead", {STREAM: ">"})
    stack.redis.set("gateway:other", "elsewhere:1:2:x")
    claimed: list[Any] = []

    def claim() -> None:
        page = stack.redis.xpending_range(STREAM, "gw", "-", "+", 9, "dead")
        entries: list[Any] = [row["message_id"] for row in page]
        claimed.extend(stack.redis.xclaim(STREAM, "gw", "other", 0, entries, justid=True))

    proxy.arm(Step(matches=lambda data: b"CONSUMERS" in data and STREAM.encode() in data, before=False, act=claim))
    stack.start_gateway()
    wait_for(lambda: claimed)
    stack.send(_message("ours"))
    wait_for(lambda: _submitted(stack) == {"ours"})
    time.sleep(0.5)
    assert _is_alive(stack)
    proxy.close()


@pytest.mark.parametrize("id", ["stopped", 'a"b', "a b", "a\nb", "\ud800", "x" * 65, "a:b\u2028"])
def test_an_id_that_is_none_is_put_aside(running: Stack, id: str) -> None:
    """``stopped``: its record would have the key of the numbers that said STOP."""
    running.redis.sadd("sms:stopped", "8613900139000")
    running.redis.xadd(STREAM, {"m": json.dumps(to_payload(_message(id)))})
    running.send(_message("good"))
    wait_for(lambda: "good" in _submitted(running))
    wait_for(lambda: running.waiting() == 0)
    assert running.redis.xlen("mt-rejected") == 1


def test_an_odd_id_among_those_of_before(stack: Stack) -> None:
    stack.configure(f'routes = {{default = ["mobile"]}}\n{stack.link()}')
    stack.start_redis()
    stack.start_ismg()
    stack.redis.xgroup_create(STREAM, "gw", id="0", mkstream=True)
    stack.redis.xadd(STREAM, {"m": json.dumps(to_payload(_message("\ud800")))})
    stack.redis.xadd(STREAM, {"m": "[" * 100_000})
    stack.send(_message("good"))
    stack.redis.xreadgroup("gw", NAME, {STREAM: ">"})
    stack.start_gateway()
    wait_for(lambda: _submitted(stack) == {"good"})
    wait_for(lambda: stack.waiting() == 0)


def test_the_group_is_destroyed_under_way(running: Stack) -> None:
    """Its next one reads all entries again: what was sent must not go out a second time as if it were new."""
    running.faults(answer_delay_s=0.3, report_delay_s=0.1)
    texts = running.send_many(60)
    wait_for(lambda: running.http("GET", "/ismg/status")["submits_last"] >= 20, every_s=0.005)
    running.redis.xgroup_destroy(STREAM, "gw")
    wait_for(lambda: running.waiting() == 0)
    ids = {f"id-{text}" for text in texts}
    wait_for(lambda: {e["sms_id"] for e in running.events("sms.delivered")} >= ids)
    accepted = Counter(s["text"] for s in running.submits() if s["result"] == 0)
    doubtful = {e["sms_id"].removeprefix("id-") for e in running.events("sms.in_doubt")}
    assert set(accepted) == set(texts)
    assert {text for text, times in accepted.items() if times > 1} <= doubtful
    assert max(accepted.values()) <= 2
    assert _is_alive(running)


def test_the_group_is_destroyed_and_another_gateway_reads_first(running: Stack) -> None:
    """It finds what the first has under way, without a word in its entry that somebody had it."""
    running.faults(answer_delay_s=0.5)
    texts = running.send_many(60)
    wait_for(lambda: running.http("GET", "/ismg/status")["submits_last"] >= 20, every_s=0.005)
    running.processes["gateway"].send_signal(signal.SIGSTOP)
    running.redis.xgroup_destroy(STREAM, "gw")
    running.configure(f'routes = {{default = ["mobile"]}}\ngateway = "b"\n{running.link()}')
    running.start_gateway("second")
    wait_for(lambda: len({s["link"] for s in running.submits()}) == 2)
    running.processes["gateway"].send_signal(signal.SIGCONT)
    wait_for(lambda: running.waiting() == 0, 30.0)
    accepted = Counter(s["text"] for s in running.submits() if s["result"] == 0)
    doubtful = {e["sms_id"].removeprefix("id-") for e in running.events("sms.in_doubt")}
    assert set(accepted) == set(texts)
    assert {text for text, times in accepted.items() if times > 1} <= doubtful
    assert max(accepted.values()) <= 2


@pytest.mark.parametrize("link_is_up", [True, False])
def test_the_stream_is_deleted(running: Stack, link_is_up: bool) -> None:
    if not link_is_up:
        running.kill("ismg")
        wait_for(lambda: running.events("link.down"))
    running.redis.delete(STREAM)
    running.redis.xadd(STREAM, {"m": json.dumps(to_payload(_message("old", valid_until="2020-01-01T00:00:00Z")))})
    wait_for(lambda: running.events("sms.expired"), 12.0)
    running.redis.delete(STREAM)
    time.sleep(6.0)
    assert _is_alive(running)
    if not link_is_up:
        running.start_ismg()
    running.send(_message("new"))
    wait_for(lambda: _submitted(running) == {"new"})


def test_redis_comes_back_with_an_older_state_while_nothing_is_read(running: Stack) -> None:
    """As after a failover: what was settled is pending for us again, and no read of ours failed to tell us."""
    running.kill("ismg")
    wait_for(lambda: running.events("link.down"))
    time.sleep(2.5)  # the last read has ended
    running.kill("redis")
    time.sleep(1.5)
    running.start_redis()
    running.send(_message("again"))
    running.redis.xreadgroup("gw", NAME, {STREAM: ">"})
    running.start_ismg()
    wait_for(lambda: _submitted(running) == {"again"})


def test_a_stop_holds_for_what_waits(running: Stack) -> None:
    running.kill("ismg")
    wait_for(lambda: running.events("link.down"))
    for name in ("alarm", "code", "notification", "bulk"):
        running.send(_message(name, message_class=name))
    running.redis.sadd("sms:stopped", "8613800138000")
    running.start_ismg()
    wait_for(lambda: _submitted(running) == {"alarm", "code"})
    wait_for(lambda: len(running.events("sms.failed")) == 2)
    assert {(e["sms_id"], e["result"]) for e in running.events("sms.failed")} == {
        ("notification", "stopped"),
        ("bulk", "stopped"),
    }
    assert running.redis.xlen(mt_stream("default", "bulk")) == 0


def test_the_end_of_quiet_hours_does_not_take_hours(running: Stack) -> None:
    running.kill("ismg")
    for number in range(3000):
        running.redis.zadd("mt-later", {json.dumps(to_payload(_message(f"late{number}"))): 1.0})
    running.redis.zadd("mt-later", {"no JSON": 0.5, '{"route":7,"message_class":[]}': 0.6, "[]": 0.7})
    wait_for(lambda: running.waiting() == 3000, 4.0)
    assert running.redis.zcard("mt-later") == 0
    assert running.redis.xlen("mt-rejected") >= 2
