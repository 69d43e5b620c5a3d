"""A long message between a link that takes its parts and one that takes its text, each in doubt or down in turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.stack import wait_for
from caiyou.queues import ShortMessage
from tests.mail2sms.links.provider_stack import ProviderStack

pytestmark = pytest.mark.live

TEXT = "彩邮" * 80
COUNT = 20


@pytest.fixture
def both(tmp_path: Path) -> Iterator[ProviderStack]:
    """Route ``web`` prefers the provider, which cuts texts itself; ``parts`` prefers CMPP."""
    stack = ProviderStack(tmp_path)
    stack.configure(
        f'stick_s = 1.0\ncallback_listen = "127.0.0.1:{stack.callback_port}"\n'
        'routes = {default = ["mobile"], web = ["web", "mobile"], parts = ["mobile", "web"]}\n'
        f"{stack.link(account='cmpp')}{stack.web_link('bearer_json', whole_messages=True)}"
    )
    try:
        stack.start_redis()
        stack.start_provider()
        stack.start_gateway()
        wait_for(lambda: len(stack.events("link.up")) == 2)
        yield stack
    finally:
        stack.end()


def _send(stack: ProviderStack, route: str) -> list[str]:
    texts = [f"{route}{number} {TEXT}" for number in range(COUNT)]
    for text in texts:
        stack.send(ShortMessage(id=text.split()[0], to="8613800138000", text=text, route=route, long=True))
    return texts


def _links(stack: ProviderStack) -> Counter[str]:
    return Counter(event["detail"]["link"] for event in stack.events("sms.submitted"))


def _whole_texts(stack: ProviderStack) -> list[str]:
    return sorted(submit["text"] for submit in stack.submits("provider"))


def test_each_gets_its_form(both: ProviderStack) -> None:
    whole, parts = _send(both, "web"), _send(both, "parts")
    wait_for(lambda: len(both.events("sms.delivered")) == 2 * COUNT)
    assert _links(both) == {"web": COUNT, "mobile": COUNT}
    assert _whole_texts(both) == sorted(whole)
    shown = [m["text"] for m in both.http("GET", "/phones/13800138000/messages")]
    assert sorted(shown) == sorted(whole + parts)


def test_unanswered_whole_then_in_parts(both: ProviderStack) -> None:
    both.wrong(drop_answers=1.0)
    _send(both, "web")
    wait_for(lambda: both.waiting("web") == 0)
    assert {e["sms_id"] for e in both.events("sms.submitted")} | {e["sms_id"] for e in both.events("sms.failed")} == {
        f"web{number}" for number in range(COUNT)
    }
    for event in both.events("sms.submitted"):  # all of its parts may be repeats
        if event["detail"]["link"] == "mobile" and "possible_repeat" in event["detail"]:
            assert event["detail"]["possible_repeat"] == [1, 2, 3]
    assert {e["sms_id"] for e in both.events("sms.in_doubt")}


def test_parts_whose_link_stays_away_go_whole(both: ProviderStack) -> None:
    both.http("PUT", "/ismg/faults", {"answer_delay_s": 0.3})
    texts = _send(both, "parts")
    wait_for(lambda: both.http("GET", "/ismg/status")["submits_last"] >= 4)
    both.http("PUT", "/ismg/faults", {"accept_connections": False})
    both.http("POST", "/ismg/disconnect", {})
    wait_for(lambda: both.waiting("parts") == 0, 30.0)
    ids = [e["sms_id"] for e in both.events("sms.submitted")]
    assert sorted(ids) == sorted(text.split()[0] for text in texts)
    assert not both.events("sms.failed")
    assert len(_whole_texts(both)) == _links(both)["web"] > 10
    flagged = {e["sms_id"] for e in both.events("sms.submitted") if "possible_repeat" in e["detail"]}
    assert flagged == {e["sms_id"] for e in both.events("sms.in_doubt")}
