"""The gateway on a real Redis and against the simulated ISMG, each a process of its own."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from socket import gethostname
from typing import Any

import pytest

from bench.stack import SRC_ID, Stack, wait_for
from caiyou.queues import ShortMessage, mt_stream
from mail2sms.live import link_key

pytestmark = pytest.mark.live

PHONE = "13800138000"


def _message(id: str, text: str = "hello", **more: Any) -> ShortMessage:
    return ShortMessage(**{"id": id, "to": f"86{PHONE}", "text": text, "route": "default", **more})


def _start(stack: Stack, sms: str) -> None:
    stack.configure(sms)
    stack.start_redis()
    stack.start_ismg()
    stack.start_gateway()


def _one_link(stack: Stack, sms: str = "", **link: Any) -> Stack:
    _start(stack, f'routes = {{default = ["mobile"]}}\n{sms}\n{stack.link(**link)}')
    wait_for(lambda: stack.events("link.up"))
    return stack


def _phone(stack: Stack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stack.http("GET", f"/phones/{PHONE}/messages")
    return found


def _results(stack: Stack, kind: str) -> dict[str, str]:
    return {event["sms_id"]: event.get("result", "") for event in stack.events(kind)}


def _link(stack: Stack, name: str = "mobile") -> dict[str, str]:
    values: Any = stack.redis.hgetall(link_key(f"{gethostname()}:gw", name))
    return {key.decode(): value.decode() for key, value in values.items()}


# --- the plain way


@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_a_message_goes_out_and_its_report_comes_back(stack: Stack, version: str) -> None:
    _one_link(stack, version=version)
    more = {"queue_id": "4abc", "message_id": "<1@x>", "subscriber": "alice@example.test", "domain": "example.test"}
    stack.send(_message("one", "你好 hello", **more))
    wait_for(lambda: stack.events("sms.delivered"))
    submitted, delivered = stack.events("sms.submitted"), stack.events("sms.delivered")
    assert len(submitted) == len(delivered) == 1
    for event in (*submitted, *delivered):
        assert {key: event[key] for key in more} == more
        assert (event["sms_id"], event["number"]) == ("one", f"86{PHONE}")
    assert delivered[0]["result"] == "DELIVRD"
    assert stack.waiting() == 0
    (phone,) = _phone(stack)
    assert (phone["text"], phone["from"]) == ("你好 hello", SRC_ID)
    assert "你好" not in stack.log("gateway")
    assert PHONE not in stack.log("gateway")


def test_a_long_message_is_one_message(running: Stack) -> None:
    text = "彩邮" * 100
    running.send(_message("long", text, long=True))
    running.send(_message("latin", "x" * 300, long=True))
    wait_for(lambda: len(running.events("sms.delivered")) == 2)
    assert len(running.events("sms.submitted")) == 2
    assert sorted((m["parts"], m["text"]) for m in _phone(running)) == [(3, "x" * 300), (3, text)]
    parts = [s for s in running.submits() if s["msg_fmt"] == 8]
    assert [s["part"] for s in parts] == [1, 2, 3]
    assert len({s["reference"] for s in parts}) == 1
    assert all(s["content"].startswith("050003") for s in parts)


def test_what_does_not_fit_fails(running: Stack) -> None:
    running.send(_message("a", "彩" * 71))
    running.send(_message("b", "彩" * 67 * 300, long=True))
    wait_for(lambda: len(running.events("sms.failed")) == 2)
    assert set(_results(running, "sms.failed").values()) == {"the text does not fit"}
    assert running.waiting() == 0
    assert not running.submits()


def test_foreign_numbers_keep_their_country(running: Stack) -> None:
    running.send(_message("far", to="85291234567"))
    wait_for(lambda: running.submits())
    assert running.submits()[0]["to"] == ["85291234567"]


def test_junk_on_the_stream_is_put_aside(running: Stack) -> None:
    stream = mt_stream("default")
    for fields in ({"m": b"\xff\xfe"}, {"m": "{}"}, {"x": "1"}, {"m": '{"id": 1, "to": "x", "text": "", "route": ""}'}):
        running.redis.xadd(stream, fields)  # type: ignore[arg-type]
    running.send(_message("good"))
    wait_for(lambda: running.events("sms.delivered"))
    wait_for(lambda: running.waiting() == 0)
    assert running.redis.xlen("mt-rejected") == 4


def test_an_expired_message_is_not_sent(running: Stack) -> None:
    running.send(_message("old", valid_until=(datetime.now(UTC) - timedelta(seconds=1)).isoformat()))
    running.send(_message("new", valid_until=(datetime.now(UTC) + timedelta(hours=1)).isoformat()))
    wait_for(lambda: running.events("sms.delivered"))
    assert _results(running, "sms.expired") == {"old": "not sent in time"}
    assert len(running.submits()) == 1


def test_live_state(running: Stack) -> None:
    running.send_many(20)
    wait_for(lambda: running.waiting() == 0)
    wait_for(lambda: _link(running).get("accepted") == "20", 10.0)
    state = _link(running)
    assert (state["state"], state["window"], state["in_flight"]) == ("up", "16", "0")
    assert 0 < running.redis.ttl(link_key(f"{gethostname()}:gw", "mobile")) <= 24 * 3600


# --- what the carrier says


def test_refused_for_good(running: Stack) -> None:
    running.faults(refuse_result=13, refuse_numbers=[PHONE])
    running.send(_message("a"))
    running.send(_message("b", to="8613900139000"))
    wait_for(lambda: running.events("sms.delivered"))
    assert _results(running, "sms.failed") == {"a": "13 dest terminal id"}
    assert _results(running, "sms.delivered") == {"b": "DELIVRD"}
    assert len(running.submits()) == 2


def test_flow_control_slows_down_and_loses_nothing(running: Stack) -> None:
    running.faults(max_per_s=100)
    texts = running.send_many(300)
    wait_for(lambda: len(running.events("sms.delivered")) == len(texts), 40.0)
    submits = running.submits()
    assert Counter(s["text"] for s in submits if s["result"] == 0) == Counter(texts)
    busy = sum(s["result"] == 8 for s in submits)
    assert 0 < busy < 150
    assert not running.events("sms.failed")
    assert not running.events("sms.in_doubt")


def test_flow_control_without_end_fails(stack: Stack) -> None:
    _one_link(stack, "flow_tries = 3")
    stack.faults(refuse_result=8)
    stack.send(_message("a"))
    wait_for(lambda: stack.events("sms.failed"))
    assert _results(stack, "sms.failed") == {"a": "flow control: 8 flow control"}
    assert len(stack.submits()) == 4


def test_a_wrong_secret_does_not_hammer(stack: Stack) -> None:
    (stack.folder / "wrong.secret").write_text("wrong")
    _start(stack, f'routes = {{default = ["mobile"]}}\n{stack.link(secret="wrong.secret")}')
    wait_for(lambda: _link(stack).get("state") == "refused")
    time.sleep(2.0)
    counts = stack.http("GET", "/ismg/status")["counts"]
    assert counts["logins_refused"] == counts["connections"] == 1
    assert "next try in 300 s" in _link(stack)["why"]
    assert not stack.events("link.up")


def test_unanswered_is_sent_once_more_and_then_given_up(stack: Stack) -> None:
    _one_link(stack, answer_s=0.3, tries=1)
    stack.faults(drop_answers=1.0, reports=False)
    stack.send(_message("a"))
    wait_for(lambda: stack.events("sms.failed"))
    assert _results(stack, "sms.failed") == {"a": "unanswered"}
    assert len(stack.events("sms.in_doubt")) == 1
    assert len(stack.submits()) == 2


# --- reports


@pytest.mark.parametrize(
    "faults",
    [
        {"report_before_answer": True},
        {"report_copies": 3, "report_jitter_s": 0.3},
        {"report_empty_number": True},
        {"report_link": "other"},
        {"report_delay_s": 0.0, "answer_delay_s": 0.1},
    ],
    ids=lambda faults: next(iter(faults)),
)
def test_reports_as_carriers_send_them(stack: Stack, faults: dict[str, Any]) -> None:
    links = stack.link("one") + stack.link("two")
    _start(stack, f'routes = {{default = ["one"], other = ["two"]}}\n{links}')
    wait_for(lambda: len(stack.events("link.up")) == 2)
    stack.faults(**faults)
    texts = stack.send_many(50)
    stack.send(_message("long", "彩" * 200, long=True))
    ids = {f"id-{text}" for text in texts} | {"long"}
    wait_for(lambda: {e["sms_id"] for e in stack.events("sms.delivered")} == ids)
    time.sleep(0.5)
    for kind in ("sms.submitted", "sms.delivered"):
        assert Counter(e["sms_id"] for e in stack.events(kind)) == Counter(ids)
    assert not stack.redis.keys("early:*")
    assert stack.http("GET", "/ismg/status")["counts"].get("delivers_dropped", 0) == 0


@pytest.mark.parametrize(
    "stat, kind", [("UNDELIV", "failed"), ("REJECTD", "failed"), ("MA:0054", "failed"), ("EXPIRED", "expired")]
)
def test_bad_reports(running: Stack, stat: str, kind: str) -> None:
    running.faults(report_stat=stat)
    running.send(_message("a"))
    running.send(_message("long", "彩" * 200, long=True))
    wait_for(lambda: len(running.events(f"sms.{kind}")) == 2)
    assert set(_results(running, f"sms.{kind}").values()) == {stat}
    assert not running.events("sms.delivered")


def test_an_intermediate_report_changes_nothing(running: Stack) -> None:
    running.faults(report_stat="ACCEPTD")
    running.send(_message("a"))
    wait_for(lambda: running.http("GET", "/ismg/status")["counts"].get("reports_answered"))
    assert [e["kind"] for e in running.events() if e["kind"].startswith("sms.")] == ["sms.submitted"]


# --- links that come and go


def test_failover_and_back(stack: Stack) -> None:
    links = stack.link("first", port=stack.smtp_port) + stack.link("second")
    _start(stack, f'routes = {{default = ["first", "second"]}}\n{links}')
    texts = stack.send_many(30)
    wait_for(lambda: len(stack.events("sms.delivered")) == 30)
    assert {e["detail"]["link"] for e in stack.events("sms.submitted")} == {"second"}
    assert Counter(s["text"] for s in stack.submits()) == Counter(texts)
    wait_for(lambda: "refused" in _link(stack, "first").get("why", ""))
    assert _link(stack, "first")["state"] == "down"


def test_a_link_that_is_back_is_used_again(stack: Stack) -> None:
    links = stack.link("first") + stack.link("second")
    _start(stack, f'routes = {{default = ["first", "second"]}}\n{links}')
    wait_for(lambda: len(stack.events("link.up")) == 2)
    for turn in range(3):
        stack.send_many(100, f"{turn}-")
        stack.http("POST", "/ismg/disconnect", {})
        wait_for(lambda: stack.waiting() == 0)
    wait_for(lambda: len(stack.events("link.up")) == 8)
    stack.send(_message("last"))
    wait_for(lambda: [e for e in stack.events("sms.submitted") if e["sms_id"] == "last"])
    (last,) = [e for e in stack.events("sms.submitted") if e["sms_id"] == "last"]
    assert last["detail"]["link"] == "first"


def test_a_half_sent_long_message_waits_for_its_link_then_starts_over(stack: Stack) -> None:
    """Parts from two links would come from two numbers, and no handset would join them."""
    links = stack.link("first", window=1) + stack.link("second", port=stack.cmpp_port)
    _start(stack, f'routes = {{default = ["first", "second"]}}\nstick_s = 1.0\n{links}')
    wait_for(lambda: len(stack.events("link.up")) == 2)
    stack.faults(answer_delay_s=0.3)
    stack.send(_message("long", "彩" * 300, long=True))
    wait_for(lambda: len(stack.submits()) >= 2)
    stack.faults(accept_connections=False, max_links=1)
    stack.http("POST", "/ismg/disconnect", {})
    time.sleep(2.5)
    stack.faults(max_links=1)
    wait_for(lambda: stack.events("sms.delivered"))
    (submitted,) = stack.events("sms.submitted")
    assert stack.events("sms.in_doubt")
    assert submitted["detail"]["possible_repeat"]
    assert _phone(stack)[-1]["text"] == "彩" * 300


def test_rate(stack: Stack) -> None:
    _one_link(stack, rate=50)
    started = time.monotonic()
    stack.send_many(100)
    wait_for(lambda: stack.waiting() == 0)
    assert 1.7 < time.monotonic() - started < 4.0


# --- gateways that come and go


def test_sigterm_finishes_what_is_in_flight(running: Stack) -> None:
    running.faults(answer_delay_s=0.1)
    texts = running.send_many(400)
    wait_for(lambda: len(running.submits()) > 30)
    started = time.monotonic()
    assert running.stop("gateway") == 0
    assert time.monotonic() - started < 8
    assert running.waiting() > 0
    assert "Traceback" not in running.log("gateway")
    assert not running.redis.keys("gateway:*")
    running.faults()
    running.start_gateway()
    wait_for(lambda: len(running.events("sms.delivered")) == len(texts))
    assert Counter(s["text"] for s in running.submits()) == Counter(texts)
    assert not running.events("sms.in_doubt")


def test_another_gateway_finishes_a_dead_ones_work(stack: Stack) -> None:
    _one_link(stack, 'gateway = "a"')
    stack.faults(answer_delay_s=0.05)
    texts = stack.send_many(300)
    wait_for(lambda: len(stack.submits()) > 60)
    stack.kill("gateway")
    stack.configure(f'routes = {{default = ["mobile"]}}\ngateway = "b"\n{stack.link()}')
    stack.start_gateway()
    ids = {f"id-{text}" for text in texts}
    wait_for(lambda: {e["sms_id"] for e in stack.events("sms.delivered")} == ids)
    accepted = Counter(s["text"] for s in stack.submits())
    doubtful = {e["sms_id"].removeprefix("id-") for e in stack.events("sms.in_doubt")}
    assert {text for text, times in accepted.items() if times > 1} <= doubtful
    assert stack.waiting() == 0


def test_a_second_process_of_the_same_name_waits(running: Stack) -> None:
    running.start_gateway("twin")
    wait_for(lambda: "another process has this name" in running.log("twin"))
    texts = running.send_many(200)
    wait_for(lambda: running.waiting() == 0)
    running.kill("gateway")
    more = running.send_many(200, "n")
    wait_for(lambda: running.waiting() == 0)
    assert Counter(s["text"] for s in running.submits()) == Counter(texts + more)


def test_wrong_settings_are_told_in_one_line(stack: Stack) -> None:
    stack.configure(f'routes = {{default = ["mobil"]}}\n{stack.link()}')
    stack.start_gateway()
    assert stack.processes["gateway"].wait(10) == 78
    assert "toml:9: sms.routes.default: mobil is not in sms.links (known: mobile)" in stack.log("gateway")
    assert "Traceback" not in stack.log("gateway")
