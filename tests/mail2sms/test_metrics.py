"""The gateway's figures, and that docs/metrics.md tells of just those."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bench.stack import Stack, free_port, wait_for
from mail2sms.metrics import METRICS, Stock, _age_s, _numbers

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(port: int) -> Samples:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        assert answer.headers.get_content_type() == "text/plain"
        text = answer.read().decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


@pytest.fixture
def port() -> int:
    return free_port()


def _start(stack: Stack, port: int, more: str = "") -> None:
    stack.configure(
        f'metrics_listen = "127.0.0.1:{port}"\nroutes = {{default = ["mobile"], dark = ["gone"]}}\n{more}\n'
        f"{stack.link()}{stack.link('gone', port=free_port(), rate=50)}"
    )
    stack.start_redis()
    stack.start_ismg()
    stack.start_gateway()
    wait_for(lambda: stack.events("link.up"))


@pytest.mark.live
def test_what_is_served_is_what_is_declared(stack: Stack, port: int) -> None:
    _start(stack, port)
    samples = scrape(port)
    served = {name for name, _ in samples if not name.startswith("process_")}
    assert served == set(METRICS) - {"caiyou_sms_link_note"}  # a CMPP link has no note that is a number
    for name, labels in samples:
        if name in METRICS:
            assert {label for label, _ in labels} == set(METRICS[name].labels), name
    assert value(samples, "process_resident_memory_bytes") > 0


@pytest.mark.live
def test_traffic_is_counted(stack: Stack, port: int) -> None:
    _start(stack, port)
    stack.faults(refuse_result=13, refuse_numbers=["13900139000"])
    stack.send_many(100)
    wait_for(lambda: len(stack.events("sms.delivered")) == 100)
    stack.send_many(3, prefix="d", route="dark")
    samples = scrape(port)
    mobile = {"link": "mobile"}
    assert value(samples, "caiyou_sms_gateway_sending") == 1
    assert value(samples, "caiyou_sms_link_up", **mobile) == 1
    assert value(samples, "caiyou_sms_link_up", link="gone") == 0
    assert value(samples, "caiyou_sms_link_state", state="up", **mobile) == 1
    assert value(samples, "caiyou_sms_link_state", state="down", **mobile) == 0
    assert value(samples, "caiyou_sms_link_window_parts", **mobile) == 16
    assert value(samples, "caiyou_sms_link_in_flight_parts", **mobile) == 0
    assert value(samples, "caiyou_sms_link_pace_per_second", link="gone") == 50
    assert value(samples, "caiyou_sms_link_submits_total", **mobile) == 100
    assert value(samples, "caiyou_sms_link_answers_total", outcome="accepted", **mobile) == 100
    assert value(samples, "caiyou_sms_link_answers_total", outcome="lost", **mobile) == 0
    assert value(samples, "caiyou_sms_link_reports_total", state="delivered", **mobile) == 100
    assert value(samples, "caiyou_sms_link_logins_total", result="up", **mobile) == 1
    assert value(samples, "caiyou_sms_link_logins_total", result="tried", link="gone") > 1
    assert 0 < time.time() - value(samples, "caiyou_sms_link_state_since_timestamp_seconds", **mobile) < 60
    dark = {"route": "dark", "class": "notification"}
    assert value(samples, "caiyou_sms_waiting_messages", **dark) == 3
    wait_for(lambda: value(scrape(port), "caiyou_sms_waiting_oldest_seconds", **dark) > 1)
    assert value(samples, "caiyou_sms_waiting_oldest_seconds", route="default", **{"class": "alarm"}) == 0
    assert value(samples, "caiyou_events_waiting") == stack.redis.xlen("events")


@pytest.mark.live
def test_while_redis_is_away_the_rest_is_told(stack: Stack, port: int) -> None:
    _start(stack, port)
    stack.kill("redis")
    wait_for(lambda: value(scrape(port), "caiyou_sms_journal_stuck") == 1)
    samples = scrape(port)
    assert value(samples, "caiyou_redis_up") == 0
    assert value(samples, "caiyou_sms_link_up", link="mobile") == 1
    assert not [name for name, _ in samples if name == "caiyou_sms_waiting_messages"]


@pytest.mark.live
def test_a_port_that_is_taken_stops_no_short_message(stack: Stack) -> None:
    _start(stack, stack.redis_port)  # Redis has it
    stack.send_many(1)
    wait_for(lambda: stack.events("sms.delivered"))
    assert "address already in use" in stack.log("gateway").lower()


@pytest.mark.live
def test_off_unless_asked_for(running: Stack) -> None:
    listening = Path(f"/proc/{running.processes['gateway'].pid}/net/tcp").read_text()
    with pytest.raises(urllib.error.URLError):
        scrape(free_port())
    owned = {entry.resolve().name for entry in Path(f"/proc/{running.processes['gateway'].pid}/fd").iterdir()}
    inodes = {line.split()[9] for line in listening.splitlines()[1:] if line.split()[3] == "0A"}
    assert not {f"socket:[{inode}]" for inode in inodes} & owned


def test_notes_that_are_numbers() -> None:
    notes = {"signal": "-79 dBm", "bars": "17", "version": "3.4.1", "at": "2025-01-01", "operator": "中国移动"}
    assert dict(_numbers(notes)) == {"signal": -79.0, "bars": 17.0}


def test_the_age_of_the_oldest() -> None:
    assert _age_s([(b"1700000000000-5", {})], 1700000060.5) == 60.5
    assert _age_s([(b"1700000000000-5", {})], 1600000000.0) == 0.0  # clocks of two hosts
    assert _age_s([], 5.0) == 0.0
    assert Stock().waiting == {}


def test_the_documentation_tells_of_each() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \| (.*) \|$", DOCS.read_text(encoding="utf-8"), re.M)
    written = {name: (kind, labels, text) for name, kind, labels, text in rows}
    assert written == {
        name: (
            "counter" if name.endswith("_total") else "gauge",
            ", ".join(f"`{label}`" for label in declared.labels),
            declared.help,
        )
        for name, declared in METRICS.items()
    }


def test_the_alerts_speak_of_metrics_that_there_are() -> None:
    alerts = re.findall(r"expr: (.*)", DOCS.read_text(encoding="utf-8"))
    assert len(alerts) >= 8
    for expression in alerts:
        named = set(re.findall(r"caiyou_\w+", expression))
        assert named <= set(METRICS), expression
        assert named or "up{" in expression
