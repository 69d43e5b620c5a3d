"""Which of several links takes a message: order, health, load, classes; several gateways. Real Redis and ISMGs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bench.stack import Stack, wait_for
from caiyou.queues import CLASSES, ShortMessage

pytestmark = pytest.mark.live


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Stack]:
    """A second carrier; its Redis and gateway are not started."""
    folder = tmp_path / "other"
    folder.mkdir()
    made = Stack(folder)
    made.start_ismg()
    yield made
    made.end()


def _start(stack: Stack, sms: str, ups: int) -> None:
    stack.configure(sms)
    stack.start_redis()
    stack.start_ismg()
    stack.start_gateway()
    wait_for(lambda: len(stack.events("link.up")) == ups)


def _message(id: str, **more: Any) -> ShortMessage:
    return ShortMessage(**{"id": id, "to": "8613800138000", "text": id, "route": "default", **more})


def _links_of(stack: Stack) -> Counter[str]:
    return Counter(event["detail"]["link"] for event in stack.events("sms.submitted"))


def test_the_next_route_takes_over_and_the_first_comes_back(stack: Stack, other: Stack) -> None:
    links = stack.link("first") + stack.link("second", port=other.cmpp_port, account="second")
    routes = '[sms.routes.default]\nlinks = ["first"]\nthen = "spare"\n[sms.routes.spare]\nlinks = ["second"]\n'
    _start(stack, f"{routes}{links}", 2)
    stack.send(_message("a"))
    wait_for(lambda: _links_of(stack)["first"] == 1)
    stack.kill("ismg")
    wait_for(lambda: stack.events("link.down"))
    stack.send_many(50, "b")
    wait_for(lambda: stack.waiting() == 0)
    assert _links_of(stack) == {"first": 1, "second": 50}
    stack.start_ismg()
    wait_for(lambda: len(stack.events("link.up")) == 3)
    stack.send(_message("c"))
    wait_for(lambda: _links_of(stack)["first"] == 2)


def test_links_of_one_account_share_the_load(stack: Stack) -> None:
    links = stack.link("one", window=4) + stack.link("two", window=4) + stack.link("spare", account="x")
    _start(stack, f'routes = {{default = ["one", "two", "spare"]}}\n{links}', 3)
    stack.faults(answer_delay_s=0.02)
    texts = stack.send_many(400)
    wait_for(lambda: stack.waiting() == 0)
    shares = _links_of(stack)
    assert shares.keys() == {"one", "two"}
    assert min(shares.values()) > 120
    assert Counter(s["text"] for s in stack.submits()) == Counter(texts)


def test_what_is_wrong_with_a_link_does_not_fail_a_message(stack: Stack, other: Stack) -> None:
    links = stack.link("first") + stack.link("second", port=other.cmpp_port, account="second")
    _start(stack, f'routes = {{default = ["first", "second"]}}\n{links}', 2)
    stack.faults(refuse_result=10)
    stack.send_many(30)
    stack.send(_message("long", text="彩" * 200, long=True))
    wait_for(lambda: len(stack.events("sms.delivered")) == 31)
    assert _links_of(stack) == {"second": 31}
    other.faults(refuse_result=7)
    stack.send(_message("nobody"))
    wait_for(lambda: stack.events("sms.failed"))
    (failed,) = stack.events("sms.failed")
    assert (failed["sms_id"], failed["result"]) == ("nobody", "7 service")


def test_classes_go_in_their_order(stack: Stack) -> None:
    _start(stack, f'routes = {{default = ["mobile"]}}\nbacklog = 50\n{stack.link(rate=100, window=1)}', 1)
    for number in range(150):
        stack.send(_message(f"bulk{number}", message_class="bulk"))
    wait_for(lambda: len(stack.submits()) > 5)
    for message_class in reversed(CLASSES[:3]):
        for number in range(20):
            stack.send(_message(f"{message_class}{number}", message_class=message_class))
    wait_for(lambda: len(stack.events("sms.submitted")) == 210)
    order = [submit["text"].rstrip("0123456789") for submit in stack.submits()]
    places = {name: [at for at, text in enumerate(order) if text == name] for name in CLASSES}
    assert max(places["alarm"]) < max(places["code"]) < max(places["notification"]) < 110 < max(places["bulk"])


def test_a_gateway_without_links_gives_its_messages_to_another(stack: Stack, other: Stack) -> None:
    """Each host has a link of its own; that of the first goes away with messages in hand."""
    _start(stack, f'routes = {{default = ["mobile"]}}\ngateway = "a"\n{stack.link(window=1)}', 1)
    stack.faults(answer_delay_s=0.2)
    texts = stack.send_many(60)
    wait_for(lambda: len(stack.submits()) >= 3)
    stack.kill("ismg")
    stack.configure(f'routes = {{default = ["mobile"]}}\ngateway = "b"\n{stack.link(port=other.cmpp_port)}')
    stack.start_gateway("second")
    wait_for(lambda: stack.waiting() == 0, 30.0)
    assert {event["sms_id"] for event in stack.events("sms.submitted")} == {f"id-{text}" for text in texts}
    assert len(other.submits()) > 50
    in_doubt = {event["sms_id"] for event in stack.events("sms.in_doubt")}
    twice = [text for text, times in Counter(s["text"] for s in other.submits()).items() if times > 1]
    assert not twice
    assert len(in_doubt) <= 1  # the window
    (flagged,) = [e for e in stack.events("sms.submitted") if e["sms_id"] in in_doubt]
    assert flagged["detail"]["possible_repeat"] == [1]


def test_what_expires_while_no_link_is_up_is_told(stack: Stack) -> None:
    _start(stack, f'routes = {{default = ["mobile"]}}\n{stack.link()}', 1)
    stack.kill("ismg")
    wait_for(lambda: stack.events("link.down"))
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    stack.send(_message("old", valid_until=soon))
    stack.send(_message("young", valid_until=(datetime.now(UTC) + timedelta(hours=1)).isoformat()))
    wait_for(lambda: stack.events("sms.expired"), 25.0)
    assert [event["sms_id"] for event in stack.events("sms.expired")] == ["old"]
    stack.start_ismg()
    wait_for(lambda: [e["sms_id"] for e in stack.events("sms.submitted")] == ["young"])


def test_several_gateways_share_the_work_and_one_dies(stack: Stack) -> None:
    """Three hosts on one account; two of them are killed under load."""
    stack.start_redis()
    stack.start_ismg()
    for name in ("a", "b", "c"):
        stack.configure(f'routes = {{default = ["mobile"]}}\nbacklog = 64\ngateway = "{name}"\n{stack.link()}')
        stack.start_gateway(name)
        wait_for(partial(stack.redis.exists, f"gateway:{name}"))
    wait_for(lambda: len(stack.events("link.up")) == 3)
    stack.faults(answer_delay_s=0.05, report_delay_s=0.3, report_jitter_s=0.5)
    texts = stack.send_many(1500)
    wait_for(lambda: len(stack.submits()) > 300)
    stack.kill("a")
    wait_for(lambda: len(stack.submits()) > 800)
    stack.kill("c")
    ids = {f"id-{text}" for text in texts}
    wait_for(lambda: {e["sms_id"] for e in stack.events("sms.delivered")} == ids, 60.0)
    doubtful = {e["sms_id"].removeprefix("id-") for e in stack.events("sms.in_doubt")}
    taken = Counter(s["text"] for s in stack.submits() if s["result"] == 0)
    assert {text for text, times in taken.items() if times > 1} <= doubtful
    assert max(taken.values()) <= 2
    assert len({s["link"] for s in stack.submits()}) == 3
    flagged = {e["sms_id"] for e in stack.events("sms.submitted") if e["detail"].get("possible_repeat")}
    assert flagged == {f"id-{text}" for text in doubtful}
    assert stack.waiting() == 0
    time.sleep(0.5)
    assert len(stack.events("sms.delivered")) == len(ids)
