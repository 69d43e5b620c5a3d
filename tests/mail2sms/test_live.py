"""Live state of links: what the gateways publish and what is read of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from bench.stack import Stack, free_port, wait_for
from mail2sms import live
from mail2sms.lane import COUNTS
from mail2sms.live import LinkNow

pytestmark = pytest.mark.live


def read(stack: Stack, later_s: float = 0.0) -> dict[tuple[str, str], LinkNow]:
    found = live.read(stack.redis, datetime.now(UTC) + timedelta(seconds=later_s))
    return {(link.gateway, link.link): link for link in found}


def test_each_gateway_tells_of_its_own_logins(stack: Stack) -> None:
    """Two hosts hold logins of the same links; one link is refused, one has nobody at the other end."""
    (stack.folder / "wrong.secret").write_text("wrong")
    links = stack.link("good") + stack.link("bad", secret="wrong.secret") + stack.link("gone", port=free_port())
    stack.start_redis()
    stack.start_ismg()
    for gateway in ("one", "two"):
        stack.configure(f'gateway = "{gateway}"\nroutes = {{default = ["good", "bad", "gone"]}}\n{links}')
        stack.start_gateway(gateway)
        wait_for(lambda: stack.redis.exists(*(live.link_key(gateway, name) for name in ("good", "bad", "gone"))) == 3)  # noqa: B023  called here
    states = [("good", "up"), ("bad", "refused"), ("gone", "down")]
    wait_for(lambda: states == [(name, read(stack)["one", name].state) for name, _ in states])
    wait_for(lambda: states == [(name, read(stack)["two", name].state) for name, _ in states])
    found = read(stack)
    assert set(found) == {(gateway, link) for gateway in ("one", "two") for link in ("good", "bad", "gone")}
    good, bad, gone = (found["one", name] for name in ("good", "bad", "gone"))
    assert (good.window, good.in_flight, good.last_error, good.last_error_at) == (16, 0, "", None)
    assert set(good.counts) == set(COUNTS)
    assert bad.last_error_at is not None
    assert bad.last_error == bad.why
    assert (bad.window, gone.window) == (0, 0)
    assert "refused" in gone.last_error


def test_figures_of_traffic(running: Stack) -> None:
    running.faults(refuse_result=13, refuse_numbers=["13900139000"])
    running.send_many(200)
    wait_for(lambda: len(running.events("sms.delivered")) == 200)
    (link,) = wait_for(lambda: [each for each in read(running).values() if each.counts["reports"] == 200])
    assert (link.counts["sent"], link.counts["accepted"], link.counts["lost"]) == (200, 200, 0)
    assert link.peak_per_s > 0
    assert link.last_error == ""


def test_the_last_error_stays_with_its_time(running: Stack) -> None:
    running.faults(refuse_result=13)
    running.send_many(1)
    (link,) = wait_for(lambda: [each for each in read(running).values() if each.counts["refused"] == 1])
    assert (link.state, link.last_error) == ("up", "refused: 13 dest terminal id")
    assert link.last_error_at is not None
    assert abs((datetime.now(UTC) - link.last_error_at).total_seconds()) < 60


def test_a_gateway_that_dies_is_silent_and_one_that_stops_says_so(running: Stack) -> None:
    wait_for(lambda: [each for each in read(running).values() if each.up])
    (now,) = read(running).values()
    (later,) = read(running, later_s=60).values()
    assert (now.state, later.state, later.window) == ("up", "silent", 16)
    assert later.why == "no word from its gateway; was up"
    assert later.since == now.at
    running.stop("gateway")
    (stopped,) = read(running, later_s=3600).values()
    assert (stopped.state, stopped.why, stopped.last_error) == ("down", "stopped", "")


def test_a_link_that_is_not_in_the_settings_any_more_is_forgotten(running: Stack) -> None:
    wait_for(lambda: read(running))
    running.stop("gateway")
    running.configure(f'routes = {{default = ["other"]}}\n{running.link("other")}')
    running.start_gateway()
    wait_for(lambda: [link for _, link in read(running)] == ["other"])


def test_what_carriers_write_is_cut_and_kept_as_text(running: Stack) -> None:
    wait_for(lambda: read(running))
    key = next(running.redis.scan_iter("link:*"))
    running.stop("gateway")
    running.redis.hset(key, mapping={"notes": json.dumps({"signal": "17", "operator": "中国移动"})})
    (link,) = read(running).values()
    assert link.notes == {"signal": "17", "operator": "中国移动"}
