"""What a message says reaches the carrier in CMPP's fields, and odd ISMGs lose nothing of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bench.stack import Stack, wait_for
from caiyou.queues import ShortMessage
from mail2sms.links.cmpp_pdus import time_of

pytestmark = pytest.mark.live

PHONE = "8613800138000"


def test_validity_urgency_and_number_reach_the_carrier(running: Stack) -> None:
    valid = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    for id, kind in (("code", "code"), ("bulk", "bulk")):
        running.send(
            ShortMessage(
                id=id, to=PHONE, text=id, route="default", message_class=kind, src="106580001",
                valid_until=valid.isoformat(),
            )
        )  # fmt: skip
    wait_for(lambda: len(running.events("sms.delivered")) == 2)
    submits = {submit["text"]: submit for submit in running.submits()}
    assert {text: submit["msg_level"] for text, submit in submits.items()} == {"code": 1, "bulk": 0}
    for submit in submits.values():
        assert (submit["src_id"], submit["valid_time"]) == ("106580001", time_of(valid))


def test_carrier_ends_a_message_whose_validity_is_over(running: Stack) -> None:
    running.faults(hold_s=1.5)
    valid = datetime.now(UTC) + timedelta(seconds=1)
    running.send(ShortMessage(id="late", to=PHONE, text="late", route="default", valid_until=valid.isoformat()))
    wait_for(lambda: running.events("sms.expired"))
    (expired,) = running.events("sms.expired")
    assert (expired["sms_id"], expired["result"]) == ("late", "EXPIRED")
    assert len(running.submits()) == 1
    assert running.http("GET", f"/phones/{PHONE}/messages") == []


def test_ismg_that_joins_long_messages(stack: Stack) -> None:
    stack.configure(f'routes = {{default = ["mobile"]}}\n{stack.link(answers_last_part_only=True, answer_s=2.0)}')
    stack.start_redis()
    stack.start_ismg()
    stack.faults(join_long=True)
    stack.start_gateway()
    wait_for(lambda: stack.events("link.up"))
    texts = [f"{number}: " + "彩邮" * 100 for number in range(20)]
    for number, text in enumerate(texts):
        stack.send(ShortMessage(id=f"long{number}", to=PHONE, text=text, route="default", long=True))
    wait_for(lambda: len(stack.events("sms.submitted")) == len(texts))
    assert not stack.events("sms.in_doubt")
    assert len(stack.submits()) == 4 * len(texts)
    wait_for(lambda: len(stack.events("sms.delivered")) == len(texts))
    wait_for(lambda: len(stack.http("GET", f"/phones/{PHONE}/messages")) == len(texts))
    assert sorted(m["text"] for m in stack.http("GET", f"/phones/{PHONE}/messages")) == sorted(texts)
