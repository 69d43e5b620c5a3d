"""An operator's questions to a carrier, over Redis and a gateway with a real link."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
import redis

from bench.stack import Stack, wait_for
from caiyou.errors import NotFound
from caiyou.queues import ShortMessage
from mail2sms import asking, live

pytestmark = pytest.mark.live

DAY = date(2026, 11, 23)


@pytest.fixture
def operator(running: Stack) -> Iterator[redis.Redis]:
    """A connection that waits as long as it takes; the gateway has told of its link."""
    wait_for(lambda: running.redis.exists("links"))
    with redis.Redis(port=running.redis_port) as connection:
        yield connection


def _submitted(running: Stack, id: str, text: str = "hello", *, long: bool = False) -> None:
    running.send(ShortMessage(id=id, to="8613800138000", text=text, route="default", long=long))
    wait_for(lambda: any(event["sms_id"] == id for event in running.events("sms.submitted")))


def test_counts_of_a_day(running: Stack, operator: redis.Redis) -> None:
    _submitted(running, "one")
    counts = asking.query(operator, "mobile", DAY)
    assert (counts["mt_tl_msg"], counts["mt_scs"], counts["mt_fl"]) == (1, 1, 0)
    assert not operator.keys("link-a*")


def test_every_part_of_a_message_is_withdrawn(running: Stack, operator: redis.Redis) -> None:
    running.faults(hold_s=60)
    _submitted(running, "long", "彩邮" * 80, long=True)
    assert asking.cancel(operator, "long") == {1: True, 2: True, 3: True}
    wait_for(lambda: running.events("sms.failed"))
    (failed,) = running.events("sms.failed")
    assert (failed["sms_id"], failed["result"]) == ("long", "DELETED")
    assert running.http("GET", "/phones/13800138000/messages") == []


def test_what_a_phone_has_is_not_withdrawn(running: Stack, operator: redis.Redis) -> None:
    running.faults(reports=False)
    _submitted(running, "seen")
    assert asking.cancel(operator, "seen") == {1: False}
    running.faults(report_delay_s=0)
    _submitted(running, "delivered")
    wait_for(lambda: running.events("sms.delivered"))
    with pytest.raises(NotFound, match="nothing of it is with a carrier"):
        asking.cancel(operator, "delivered")


def test_no_such_link_message_or_answer(running: Stack, operator: redis.Redis) -> None:
    with pytest.raises(NotFound, match="no gateway has link other up now"):
        asking.query(operator, "other", DAY)
    with pytest.raises(NotFound, match="no short message unknown is with a gateway"):
        asking.cancel(operator, "unknown")
    running.faults(silent=True)
    with pytest.raises(asking.LinkSilent, match="link mobile: the carrier does not answer"):
        asking.query(operator, "mobile", DAY, wait_s=0.5)
    running.faults()
    assert asking.query(operator, "mobile", DAY)["mt_tl_msg"] == 0


def test_questions_while_there_is_much_to_send(running: Stack, operator: redis.Redis) -> None:
    texts = running.send_many(2000)
    answers = [asking.query(operator, "mobile", DAY)["mt_tl_msg"] for _ in range(5)]
    assert answers == sorted(answers)
    wait_for(lambda: running.waiting() == 0, 30.0)
    assert len(running.submits()) == len(texts)


def test_nonsense_and_floods_do_no_harm(running: Stack, operator: redis.Redis) -> None:
    (now,) = live.read(operator, datetime.now(UTC))
    key = f"link-ask:{now.gateway}"
    late = json.dumps({"id": "late", "link": "mobile", "until": time.time() - 1, "query": ["2026-11-23", ""]})
    wrong: list[dict[str, Any]] = [
        {"link": "nowhere"},
        {"query": ["yesterday", ""]},
        {"query": 7},
        {"cancel": "no ref"},
        {"cancel": None},
        {},
    ]
    asked: dict[str, Any] = {"link": "mobile", "until": time.time() + 30}
    questions = [json.dumps({"id": f"wrong{n}", **asked, **more}) for n, more in enumerate(wrong)]
    for text in ("\udcff", "{}", "[]", "null", "7", late, *questions):
        operator.rpush(key, text.encode("utf-8", "surrogateescape"))
    for number, _ in enumerate(wrong):
        found: Any = operator.blpop([f"link-answer:wrong{number}"], timeout=10)
        assert "error" in json.loads(found[1]), wrong[number]
    assert not operator.exists("link-answer:late")
    assert asking.query(operator, "mobile", DAY)["mt_tl_msg"] == 0
    assert "Traceback" not in running.log("gateway")
