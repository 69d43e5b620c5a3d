"""A real gateway process, a real Redis, and the simulated modem on a pseudo-terminal with all that it can do wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.stack import wait_for
from tests.mail2sms.links.modem_stack import OWN, PHONE, ModemStack

pytestmark = pytest.mark.live

LONG = "彩邮：您有一封新邮件，来自 alice@example.test，主题是关于季度报告的讨论。" * 5


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[ModemStack]:
    made = ModemStack(tmp_path)
    yield made
    made.end()


def test_latin_chinese_and_long_are_sent_shown_and_reported(stack: ModemStack) -> None:
    stack.begin()
    texts = ["Hello {world} [1] ~2^3|\\", "您有新邮件😀", LONG, "long latin " * 40]
    ids = {stack.say(text) for text in texts}
    wait_for(lambda: stack.ended("sms.delivered") >= ids)
    shown = stack.http("GET", f"/phones/{PHONE}/messages")
    assert [(message["text"], message["from"], message["carrier"]) for message in shown] == [
        (text, OWN, "modem") for text in texts
    ]
    assert {submit["dcs"] for submit in stack.submits()} == {0, 8}
    assert stack.waiting() == 0
    state = wait_for(stack.state)
    assert (state["state"], state["window"]) == ("up", 1)


def test_live_state_shows_signal_operator_and_registration_and_no_number(stack: ModemStack) -> None:
    stack.begin()
    stack.faults(signal=10)
    wait_for(lambda: stack.state().get("notes", {}).get("signal") == "-93 dBm")
    assert (
        stack.state()["notes"].items() >= {"operator": "CHINA MOBILE", "registration": "home", "sim": "ready"}.items()
    )
    said = stack.log("gateway")
    assert PHONE not in said
    assert OWN not in said
    assert "460001234567890" not in said


@pytest.mark.parametrize("form", ["international", "plain", "national", "zero", "same"])
def test_report_with_another_form_of_the_number_is_matched(stack: ModemStack, form: str) -> None:
    stack.begin(country_prefix="86")
    stack.faults(report_number=form)
    sent = stack.say("report me")
    wait_for(lambda: sent in stack.ended("sms.delivered"))
    assert stack.submits()[0]["da"] == "13800138000"


def test_reports_late_twice_missing_and_before_the_answer(stack: ModemStack) -> None:
    stack.begin()
    stack.faults(report_before_answer=True, answer_delay_s=0.4, report_copies=2)
    early = stack.say("early")
    wait_for(lambda: early in stack.ended("sms.delivered"))
    stack.faults(report_sts={PHONE: 0x46})
    expired = stack.say("expired")
    wait_for(lambda: expired in stack.ended("sms.expired"))
    stack.faults(report_sts={PHONE: 0x41})
    failed = stack.say("failed")
    wait_for(lambda: failed in stack.ended("sms.failed"))
    stack.faults(report_missing=1.0)
    lost = stack.say("no report")
    wait_for(lambda: lost in stack.ended("sms.submitted"))
    assert Counter(event["sms_id"] for event in stack.events("sms.delivered")) == {early: 1}


def test_references_wrap_and_each_report_finds_its_message(stack: ModemStack) -> None:
    stack.begin()
    stack.faults(mr="zero", report_delay_s=0.0)
    for number in range(3):  # one after the other, since reference and number are the same
        sent = stack.say(f"wrap {number}")
        wait_for(lambda sent=sent: sent in stack.ended("sms.delivered"))  # type: ignore[misc]
    stack.faults(report_delay_s=0.3)
    ids = {stack.say(f"all {number}", to=f"86138001380{number:02d}") for number in range(3)}
    wait_for(lambda: stack.ended("sms.delivered") >= ids)


@pytest.mark.parametrize(
    "faults",
    [
        {"echo": "always"},
        {"echo": "never"},
        {"unsolicited": 0.7},
        {"garbage": 0.3},
        {"octets_per_s": 2000},
        # phonesim as it is shipped, and more
        {"errors": ["AT", "+CSMS=1", "+CMMS=2", "+CMEE=1"], "empty_is_error": True, "echo": "never"},
        {"errors": ["E0", "+CMEE", "+CSMS", "+CNMI", "+COPS", "+CGMM", "+CSQ", "+CPMS", "+CREG", "+CPIN"]},
        {"errors": ["+CNMI=2", "+CREG?"], "unsolicited": 0.3, "echo": "always"},
        {"silent": ["+CGMM"]},
    ],
    ids=str,
)
def test_oddities_are_survived(stack: ModemStack, faults: dict[str, Any]) -> None:
    stack.begin(up=False)
    stack.faults(**faults)
    stack.http("POST", "/modem/disconnect", {})  # from the very beginning
    ids = {stack.say(f"odd {number} 彩邮", to=f"86138001380{number:02d}") for number in range(3)}
    stack.handset("MO 彩邮")
    wait_for(lambda: stack.ended("sms.submitted") >= ids, 40.0)
    assert {record["text"] for record in stack.submits()} == {f"odd {number} 彩邮" for number in range(3)}
    wait_for(lambda: "MO 彩邮" in stack.texts(), 15.0)
    assert stack.modem()["stored"]["SM"] == 0 or wait_for(lambda: stack.modem()["stored"]["SM"] == 0)


def test_hang_without_a_prompt_is_left_by_escape(stack: ModemStack) -> None:
    stack.begin()
    stack.faults(hang_share=1.0)
    sent = stack.say("stuck")
    wait_for(lambda: "no prompt" in stack.log("gateway") or "no answer to AT+CMGS" in stack.log("gateway"))
    stack.faults()
    wait_for(lambda: sent in stack.ended("sms.delivered"))
    assert len(stack.submits()) == 1
    assert not stack.events("sms.in_doubt")


def test_late_prompt_after_we_gave_up_sends_nothing_twice(stack: ModemStack) -> None:
    stack.begin()
    stack.faults(late_prompt_s=1.0)
    sent = stack.say("late prompt")
    wait_for(lambda: "AT+CMGS" in stack.log("gateway"))
    stack.faults()
    wait_for(lambda: sent in stack.ended("sms.delivered"))
    assert len(stack.submits()) == 1


def test_error_500_is_tried_again_and_slows_down(stack: ModemStack) -> None:
    stack.begin()
    stack.faults(send_error=500)
    texts = [f"again {number}" for number in range(6)]
    ids = {stack.say(text) for text in texts}
    wait_for(lambda: len([record for record in stack.submits() if record["result"] == 500]) >= 2)
    stack.faults(send_error=500, send_error_share=0.2)
    wait_for(lambda: stack.ended("sms.delivered") >= ids, 40.0)
    taken = Counter(record["text"] for record in stack.submits() if not record["result"])
    assert taken == dict.fromkeys(texts, 1)
    assert not stack.events("sms.in_doubt")


def test_error_for_good_ends_the_message(stack: ModemStack) -> None:
    stack.begin()
    stack.faults(send_error=21, send_error_numbers=[PHONE])
    refused, other = stack.say("refused"), stack.say("other", to="8613700137000")
    wait_for(lambda: refused in stack.ended("sms.failed") and other in stack.ended("sms.delivered"))
    (event,) = stack.events("sms.failed")
    assert event["result"] == "CMS 21 short message transfer rejected"


def test_answer_that_never_comes_is_a_doubt(stack: ModemStack) -> None:
    stack.begin(answer_s=1.0)
    stack.faults(drop_answers=1.0)
    sent = stack.say("in doubt")
    wait_for(lambda: stack.events("sms.in_doubt"))
    stack.faults()
    wait_for(lambda: sent in stack.ended("sms.submitted"))
    (event,) = stack.events("sms.submitted")
    assert event["detail"]["possible_repeat"] == [1]


def test_unplugged_and_back_under_another_name(stack: ModemStack) -> None:
    stack.begin()
    first = stack.modem()["terminal"]
    stack.faults(plugged=False)
    wait_for(lambda: stack.events("link.down"))
    sent = stack.say("while away")
    wait_for(lambda: "not plugged in" in str(stack.state()), 15.0)
    with Path("/dev/ptmx").open("rb"):  # takes the name that it had
        stack.faults()
        wait_for(lambda: sent in stack.ended("sms.delivered"))
        assert stack.modem()["terminal"] != first
    for number in range(3):
        stack.http("POST", "/modem/disconnect", {})
        again = stack.say(f"again {number}")
        wait_for(lambda again=again: again in stack.ended("sms.delivered"))  # type: ignore[misc]


def test_unplugged_while_sending_is_a_doubt_and_not_lost(stack: ModemStack) -> None:
    stack.begin()
    stack.faults(answer_delay_s=2.0)
    sent = stack.say("torn")
    wait_for(stack.submits)
    stack.http("POST", "/modem/disconnect", {})
    stack.faults()
    wait_for(lambda: sent in stack.ended("sms.submitted"))
    assert {event["sms_id"] for event in stack.events("sms.in_doubt")} == {sent}


def test_mo_is_recorded_and_then_deleted(stack: ModemStack) -> None:
    stack.begin()
    texts = ["TD {x} €", "退订", "长" * 200, "x" * 400]
    for text in texts:
        stack.handset(text)
    wait_for(lambda: sorted(stack.texts()) == sorted(texts))
    wait_for(lambda: stack.modem()["stored"]["SM"] == 0)
    assert {event["number"] for event in stack.events("sms.received")} == {PHONE}
    stack.faults(mo_reference_bits=16, mo_copies=2)
    stack.handset("sixteen bits " * 20)
    wait_for(lambda: "sixteen bits " * 20 in stack.texts())
    wait_for(lambda: stack.modem()["stored"]["SM"] == 0)
    assert len(stack.texts()) == len(texts) + 1


@pytest.mark.parametrize(
    "errors",
    [
        ["+CNMI=2,1", "+CNMI=1,1"],  # messages are handed over, and confirmed
        ["+CNMI=2,1", "+CNMI=1,1", "+CSMS"],  # handed over without a confirmation
        ["+CNMI=2,1,0,1", "+CNMI=1,1,0,1"],  # reports are stored
        ["+CNMI"],  # nobody tells: polled
    ],
    ids=str,
)
def test_every_way_to_be_told(stack: ModemStack, errors: list[str]) -> None:
    stack.begin(up=False)
    stack.faults(errors=errors)
    stack.http("POST", "/modem/disconnect", {})
    wait_for(lambda: stack.state().get("state") == "up", 20.0)
    wait_for(lambda: stack.modem()["commands"] > 15)
    sent = stack.say("report to me")
    wait_for(lambda: sent in stack.ended("sms.submitted"))
    for text in ("one", "two", "三" * 100):
        stack.handset(text)
    wait_for(lambda: sorted(stack.texts()) == sorted(["one", "two", "三" * 100]))
    if errors != ["+CNMI"]:
        wait_for(lambda: sent in stack.ended("sms.delivered"))
    wait_for(lambda: set(stack.modem()["stored"].values()) == {0})


def test_full_memory_drains_and_nothing_is_lost(stack: ModemStack) -> None:
    stack.begin(up=False)
    stack.faults(storage_size=2)
    texts = [f"full {number}" for number in range(8)]
    for text in texts:
        stack.handset(text)
    wait_for(lambda: sorted(stack.texts()) == texts, 30.0)
    wait_for(lambda: stack.modem()["stored"]["SM"] == 0)


def test_no_network_means_down_and_messages_wait(stack: ModemStack) -> None:
    stack.begin()
    stack.faults(registration=3)
    wait_for(lambda: stack.events("link.down"))
    assert stack.events("link.down")[0]["result"] == "network: denied"
    sent = stack.say("waits")
    stack.faults(registration=5)
    wait_for(lambda: sent in stack.ended("sms.delivered"))


def test_pin_is_entered_once_and_a_wrong_one_never_again(stack: ModemStack, tmp_path: Path) -> None:
    pin = tmp_path / "pin"
    pin.write_text("4321\n")
    stack.configure(f'routes = {{default = ["gsm"]}}\n{stack.modem_link(pin_file=str(pin))}')
    stack.start_redis()
    stack.start_carriers()
    stack.faults(pin="1234")
    stack.start_gateway()
    wait_for(lambda: stack.modem()["pin_left"] == 2)
    wait_for(lambda: stack.log("gateway").count("tried before") >= 2)
    stack.stop("gateway")
    stack.start_gateway()  # a restart does not forget
    wait_for(lambda: stack.log("gateway").count("tried before") >= 4)
    assert stack.modem()["pin_left"] == 2
    sent = stack.say("at last")
    pin.write_text("1234\n")
    wait_for(lambda: sent in stack.ended("sms.delivered"))
    stack.http("POST", "/modem/disconnect", {})  # locked again: the right one may be used as often as it takes
    again = stack.say("again")
    wait_for(lambda: again in stack.ended("sms.delivered"))
    assert "4321" not in stack.log("gateway")
    assert "1234" not in stack.log("gateway")


def test_puk_is_for_people(stack: ModemStack) -> None:
    stack.begin(up=False)
    stack.faults(pin="1234", puk=True)
    stack.http("POST", "/modem/disconnect", {})
    wait_for(lambda: stack.state().get("state") == "refused", 15.0)
    assert "PUK" in stack.state()["why"]


def test_gateway_killed_while_a_message_is_recorded(stack: ModemStack) -> None:
    stack.begin()
    texts = [f"kill {number}" for number in range(6)]
    for text in texts:
        stack.handset(text)
    stack.kill("gateway")
    stack.start_gateway()
    wait_for(lambda: sorted(stack.texts()) == texts, 30.0)
    wait_for(lambda: stack.modem()["stored"]["SM"] == 0)
    assert Counter(stack.texts()) == Counter(texts)
