"""The gateway process with an SGIP link, the simulated SMG, Redis: nothing lost, nothing twice without a word of it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from socket import gethostname
from typing import Any

import pytest

from bench.stack import Stack, free_port, wait_for
from caiyou.queues import ShortMessage
from mail2sms.live import link_key

pytestmark = pytest.mark.live
NODE = 3010099999


class Sgip:
    """What a test does with the stack."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.listen_port, self.smg_port = free_port(), free_port()
        for name in ("sp", "smg"):
            (stack.folder / name).write_text(f"{name}-password\n")

    def configure(self, **more: Any) -> None:
        values = {
            "type": "sgip",
            "host": "127.0.0.1",
            "port": self.smg_port,
            "node": NODE,
            "corp_id": "99999",
            "name": "caiyou",
            "secret_file": f"{self.stack.folder}/sp",
            "src_id": "10655",
            "listen": f"127.0.0.1:{self.listen_port}",
            "listen_name": "smg",
            "listen_secret_file": f"{self.stack.folder}/smg",
            "reconnect_s": 0.1,
            "reconnect_max_s": 0.5,
            **more,
        }
        lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items())
        self.stack.configure(f'routes = {{default = ["smg"]}}\n[sms.links.smg]\n{lines}\n')

    def start_smg(self) -> None:
        folder = self.stack.folder
        self.stack.start(
            "smg",
            *(sys.executable, "-m", "sandbox.carriers", "--state-dir", str(folder / "carriers")),
            *("--cmpp-port", "0", "--http-port", str(self.stack.http_port)),
            *("--smg-port", str(self.smg_port), "--smg-secret-file", str(folder / "sp")),
            *("--smg-node", str(NODE), "--smg-sp", f"127.0.0.1:{self.listen_port}"),
            *("--smg-sp-secret-file", str(folder / "smg")),
        )
        wait_for(self._smg_answers)

    def _smg_answers(self) -> bool:
        try:
            self.stack.http("GET", "/smg/status")
        except OSError:
            return False
        return True

    def faults(self, **faults: Any) -> None:
        self.stack.http("PUT", "/smg/faults", faults)

    def submits(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while page := self.stack.http("GET", f"/smg/submits?after={len(found)}&limit=5000"):
            found += page
        return found

    def states(self, state: str) -> set[str]:
        return {event["id"].rpartition("-")[0] for event in self.stack.events(f"sms.{state}")}


def _more_than(sgip: Sgip, count: int) -> Callable[[], bool]:
    return lambda: len(sgip.submits()) > count


def _is_delivered(sgip: Sgip, id: str) -> Callable[[], bool]:
    return lambda: id in sgip.states("delivered")


@pytest.fixture
def sgip(stack: Stack) -> Sgip:
    """Redis, SMG and gateway, the link up."""
    sgip = Sgip(stack)
    sgip.configure()
    stack.start_redis(fsync="no")
    sgip.start_smg()
    stack.start_gateway()
    wait_for(lambda: stack.events("link.up"))
    return sgip


def test_a_thousand_messages_and_every_report(sgip: Sgip) -> None:
    sgip.faults(report_jitter_s=0.5, report_empty_number=True, report_copies=2)
    ids = {f"id-{text}" for text in sgip.stack.send_many(1000)}
    wait_for(lambda: sgip.states("delivered") == ids, 30)
    assert len(sgip.submits()) == 1000
    sequences = [record["sequence"] for record in sgip.submits()]
    assert len(set(sequences)) == 1000
    assert sgip.states("submitted") == ids
    assert not sgip.stack.events("sms.in_doubt")


def test_reports_before_the_answers(sgip: Sgip) -> None:
    sgip.faults(report_before_answer=True, report_delay_s=0.05)
    ids = {f"id-{text}" for text in sgip.stack.send_many(40)}
    wait_for(lambda: sgip.states("delivered") == ids)


def test_gateway_killed_twice_in_the_middle(sgip: Sgip) -> None:
    """No message is lost, none is sent more often than said, no sequence number comes twice."""
    sgip.faults(answer_delay_s=0.05, report_delay_s=0.3)
    texts = sgip.stack.send_many(600)
    for _ in range(2):
        before = len(sgip.submits())
        wait_for(_more_than(sgip, before + 60))
        sgip.stack.kill("gateway")
        sgip.stack.start_gateway()
    ids = {f"id-{text}" for text in texts}
    wait_for(lambda: sgip.states("delivered") | sgip.states("failed") == ids, 60)
    records = sgip.submits()
    assert {record["text"] for record in records} == set(texts)
    assert len({record["sequence"] for record in records}) == len(records)
    doubted = {event["id"].rpartition("-in_doubt")[0] for event in sgip.stack.events("sms.in_doubt")}
    twice = {f"id-{r['text']}" for r in records if sum(o["text"] == r["text"] for o in records) > 1}
    assert twice <= doubted


def test_smg_killed_in_the_middle(sgip: Sgip) -> None:
    sgip.faults(answer_delay_s=0.05)
    texts = sgip.stack.send_many(400)
    wait_for(lambda: len(sgip.submits()) > 100)
    sgip.stack.kill("smg")
    sgip.start_smg()
    ids = {f"id-{text}" for text in texts}
    wait_for(lambda: sgip.states("submitted") | sgip.states("failed") == ids, 60)
    assert {record["text"] for record in sgip.submits()} == set(texts)


def test_resting_link_makes_no_events_and_takes_messages(stack: Stack) -> None:
    sgip = Sgip(stack)
    sgip.configure(idle_s=0.5)
    stack.start_redis(fsync="no")
    sgip.start_smg()
    stack.start_gateway()
    for number in range(3):
        wait_for(lambda: b"resting" in (stack.redis.hget(link_key(f"{gethostname()}:gw", "smg"), "why") or b""))
        stack.send(ShortMessage(id=f"rest-{number}", to="8613800138000", text=f"r{number}", route="default"))
        wait_for(_is_delivered(sgip, f"rest-{number}"))
    assert len(stack.events("link.up")) == 1
    assert not stack.events("link.down")


def test_long_message_from_a_handset_and_a_wrong_password_of_the_smg(sgip: Sgip) -> None:
    sgip.faults(wrong_password=True)
    text = "收到，谢谢。" * 30
    sgip.stack.http("POST", "/phones/13800138000/messages", {"to": "10655", "text": text, "carrier": "smg"})
    wait_for(lambda: "login refused" in sgip.stack.log("gateway"))
    sgip.faults()
    (event,) = wait_for(lambda: sgip.stack.events("sms.received"))
    assert (event["number"], event["detail"]["to"], event["detail"]["parts"]) == ("8613800138000", "10655", 3)
    wait_for(lambda: sgip.stack.http("GET", "/smg/status")["counts"].get("mos_answered") == 3)
    assert "smg-password" not in sgip.stack.log("gateway")
    assert not re.search(r"8613800138000", sgip.stack.log("gateway"))
