"""The gateway over SMGP: a real Redis and the simulated SMGW, each a process of its own."""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bench.stack import SECRET_FILE, Stack, free_port, wait_for
from caiyou.queues import ShortMessage

pytestmark = pytest.mark.live

PHONE = "18900000001"
SRC_ID = "10659"
CLIENT_ID = "90123456"


class Telecom:
    """Redis, SMGW and gateway."""

    def __init__(self, stack: Stack, links: int = 1, **link: Any) -> None:
        self.stack = stack
        self.port = free_port()
        names = [f"telecom{number}" for number in range(links)]
        values = {"client_id": CLIENT_ID, "src_id": SRC_ID, **link}
        tables = "".join(stack.link_of("smgp", name, self.port, **values) for name in names)
        routes = ", ".join(f'{"default" if name == names[0] else name} = ["{name}"]' for name in names)
        stack.configure(f"routes = {{{routes}}}\n{tables}")
        stack.start_redis()
        self.start_smgw()
        stack.start_gateway()

    def start_smgw(self) -> None:
        secret = str(self.stack.folder / SECRET_FILE)
        self.stack.start_ismg(
            "--smgw-port", str(self.port), "--smgw-client-id", CLIENT_ID, "--smgw-secret-file", secret
        )

    def up(self, links: int = 1) -> Telecom:
        wait_for(lambda: len(self.stack.events("link.up")) >= links)
        return self

    def send(self, id: str, text: str = "hello", **more: Any) -> None:
        self.stack.send(ShortMessage(**{"id": id, "to": f"86{PHONE}", "text": text, "route": "default", **more}))

    def faults(self, **faults: Any) -> None:
        self.stack.faults("smgw", **faults)

    def submits(self) -> list[dict[str, Any]]:
        return self.stack.submits("smgw")

    def phone(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.stack.http("GET", f"/phones/{PHONE}/messages")
        return found

    def results(self, kind: str) -> dict[str, str]:
        return {event["sms_id"]: event.get("result", "") for event in self.stack.events(kind)}

    def inbox(self) -> list[str]:
        """Texts that wait to be answered."""
        found: list[bytes] = self.stack.redis.lrange(f"mo:inbox:86{PHONE}", 0, -1)  # type: ignore[assignment]
        return [bytes.fromhex(json.loads(entry)["text"]).decode("utf-16-be") for entry in found]

    def mo(self, text: str) -> None:
        self.stack.http("POST", f"/phones/{PHONE}/messages", {"to": SRC_ID, "text": text, "carrier": "smgw"})


@pytest.fixture
def telecom(stack: Stack) -> Telecom:
    return Telecom(stack).up()


def test_messages_short_and_long_and_their_reports(telecom: Telecom) -> None:
    text = "彩邮" * 100
    telecom.send("one", "你好 hello")
    telecom.send("long", text, long=True)
    wait_for(lambda: len(telecom.stack.events("sms.delivered")) == 2)
    assert telecom.results("sms.delivered") == {"one": "DELIVRD", "long": "DELIVRD"}
    assert sorted((m["parts"], m["text"], m["from"]) for m in telecom.phone()) == [
        (1, "你好 hello", SRC_ID),
        (3, text, SRC_ID),
    ]
    assert {s["result"] for s in telecom.submits()} == {0}
    assert telecom.stack.waiting() == 0
    log = telecom.stack.log("gateway")
    assert "你好" not in log
    assert PHONE not in log


@pytest.mark.parametrize("form, pattern", [("absolute", "032+"), ("relative", "000R")])
def test_the_validity_reaches_the_smgw(stack: Stack, form: str, pattern: str) -> None:
    telecom = Telecom(stack, valid_time=form).up()
    telecom.send("a", valid_until=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    wait_for(lambda: stack.events("sms.delivered"))
    (submit,) = telecom.submits()
    assert submit["result"] == 0
    assert submit["valid_time"].endswith(pattern)


@pytest.mark.parametrize(
    "faults",
    [
        {"report_before_answer": True},
        {"report_copies": 3, "report_jitter_s": 0.3},
        {"report_empty_number": True},
        {"report_link": "other"},
        {"report_form": "capture"},
        {"report_form": "digits"},
    ],
    ids=lambda faults: "-".join(map(str, faults.values())),
)
def test_reports_as_carriers_send_them(stack: Stack, faults: dict[str, Any]) -> None:
    telecom = Telecom(stack, links=2).up(2)
    telecom.faults(**faults)
    texts = stack.send_many(30)
    telecom.send("long", "彩" * 200, long=True)
    ids = {f"id-{text}" for text in texts} | {"long"}
    wait_for(lambda: {e["sms_id"] for e in stack.events("sms.delivered")} == ids)
    time.sleep(0.5)  # for what comes too often
    for kind in ("sms.submitted", "sms.delivered"):
        assert Counter(e["sms_id"] for e in stack.events(kind)) == Counter(ids)


@pytest.mark.parametrize(
    "stat, kind, result",
    [("UNDELIV", "failed", "UNDELIV 006"), ("EXPIRED", "expired", "EXPIRED 006"), ("MI:0011", "failed", "MI:0011 006")],
)
def test_bad_reports(telecom: Telecom, stat: str, kind: str, result: str) -> None:
    telecom.faults(report_stat=stat)
    telecom.send("a")
    wait_for(lambda: telecom.stack.events(f"sms.{kind}"))
    assert telecom.results(f"sms.{kind}") == {"a": result}


def test_refused_for_good(telecom: Telecom) -> None:
    telecom.faults(refuse_result=47, refuse_numbers=[PHONE])
    telecom.send("a")
    telecom.send("b", to="8613300000002")
    wait_for(lambda: telecom.stack.events("sms.delivered"))
    assert telecom.results("sms.failed") == {"a": "47 dest term id"}
    assert telecom.results("sms.delivered") == {"b": "DELIVRD"}


def test_a_busy_smgw_slows_down_and_loses_nothing(telecom: Telecom) -> None:
    telecom.faults(max_per_s=100)
    texts = telecom.stack.send_many(250)
    wait_for(lambda: len(telecom.stack.events("sms.delivered")) == len(texts), 40.0)
    submits = telecom.submits()
    assert Counter(s["text"] for s in submits if s["result"] == 0) == Counter(texts)
    assert any(s["result"] == 1 for s in submits)
    assert not telecom.stack.events("sms.failed")
    assert not telecom.stack.events("sms.in_doubt")


def test_a_wrong_secret_does_not_hammer(stack: Stack) -> None:
    (stack.folder / "wrong.secret").write_text("wrong")
    telecom = Telecom(stack, secret="wrong.secret")
    wait_for(lambda: stack.http("GET", "/smgw/status")["counts"].get("logins_refused"))
    time.sleep(1.5)
    counts = stack.http("GET", "/smgw/status")["counts"]
    assert counts["logins_refused"] == counts["connections"] == 1
    assert "status 21; next try in 300 s" in stack.log("gateway")
    assert telecom.submits() == []


def test_unanswered_is_sent_once_more_and_then_given_up(stack: Stack) -> None:
    telecom = Telecom(stack, answer_s=0.3, tries=1).up()
    telecom.faults(drop_answers=1.0, reports=False)
    telecom.send("a")
    wait_for(lambda: stack.events("sms.failed"))
    assert telecom.results("sms.failed") == {"a": "unanswered"}
    assert len(telecom.submits()) == 2


def test_links_cut_again_and_again(telecom: Telecom) -> None:
    telecom.faults(answer_delay_s=0.005, report_delay_s=0.05, disconnect_share=0.02)
    texts = telecom.stack.send_many(300)
    wait_for(lambda: telecom.stack.waiting() == 0, 60.0)
    telecom.faults()
    accepted = Counter(s["text"] for s in telecom.submits())
    doubtful = {e["sms_id"].removeprefix("id-") for e in telecom.stack.events("sms.in_doubt")}
    failed = {e["sms_id"].removeprefix("id-") for e in telecom.stack.events("sms.failed")}
    assert doubtful
    assert set(texts) - set(accepted) <= failed <= doubtful
    assert {text for text, times in accepted.items() if times > 1} <= doubtful
    assert max(accepted.values()) <= 2


def test_the_smgw_killed_in_the_middle(telecom: Telecom) -> None:
    telecom.faults(answer_delay_s=0.02, report_delay_s=0.05)
    texts = telecom.stack.send_many(300)
    wait_for(lambda: len(telecom.submits()) >= 100)
    telecom.stack.kill("ismg")
    telecom.start_smgw()
    wait_for(lambda: telecom.stack.waiting() == 0, 40.0)
    accepted = Counter(s["text"] for s in telecom.submits())
    doubtful = {e["sms_id"].removeprefix("id-") for e in telecom.stack.events("sms.in_doubt")}
    assert set(accepted) == set(texts)
    assert {text for text, times in accepted.items() if times > 1} <= doubtful
    assert max(accepted.values()) <= 2


def test_silence_ends_the_link_and_it_comes_back(stack: Stack) -> None:
    telecom = Telecom(stack, idle_s=0.3, answer_s=0.3, tries=2).up()
    telecom.faults(silent=True)
    wait_for(lambda: stack.events("link.down"))
    assert stack.events("link.down")[0]["result"] == "no answer to 2 ACTIVE_TEST"
    telecom.faults()
    telecom.up(2).send("a")
    wait_for(lambda: stack.events("sms.delivered"))


def test_sigterm_logs_out_in_order(telecom: Telecom) -> None:
    texts = telecom.stack.send_many(50)
    wait_for(lambda: telecom.stack.waiting() == 0)
    assert telecom.stack.stop("gateway") == 0
    status = telecom.stack.http("GET", "/smgw/status")
    assert status["accounts"][0]["links"] == []
    assert Counter(s["text"] for s in telecom.submits()) == Counter(texts)
    assert "terminate=" not in telecom.stack.log("gateway")


@pytest.mark.parametrize(
    "faults",
    [
        {},
        {"mo_part_characters": 5, "mo_udhi": 64},
        {"mo_part_characters": 9, "mo_by": "tlv"},
        {"mo_part_characters": 9, "mo_by": "udh without TP_udhi"},
        {"mo_copies": 3},
    ],
    ids=lambda faults: "-".join(map(str, faults.values())) or "plain",
)
def test_messages_from_handsets(telecom: Telecom, faults: dict[str, Any]) -> None:
    telecom.faults(**faults)
    texts = ["做卡", "彩邮 hello 你好，这是一条很长的短信。" * 8]
    for text in texts:
        telecom.mo(text)
    wait_for(lambda: len(telecom.stack.events("sms.received")) >= 2)
    time.sleep(0.5)  # for what comes too often
    received = telecom.stack.events("sms.received")
    assert sorted(telecom.inbox()) == sorted(texts)
    assert [(e["number"], e["detail"]["to"]) for e in received] == [(f"86{PHONE}", SRC_ID)] * 2
