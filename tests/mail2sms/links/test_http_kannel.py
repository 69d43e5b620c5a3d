"""Kannel as Debian has it: our HTTP link, its smsbox and bearerbox, and fakesmsc as the network at the far end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.stack import SRC_ID, wait_for
from tests.fix_kannel import USERNAME, Kannel, kannel_at
from tests.mail2sms.links.provider_stack import PHONE, ProviderStack

__all__ = ["kannel_at"]
pytestmark = pytest.mark.live

TOKEN = "token-of-the-callbacks"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[ProviderStack]:
    made = ProviderStack(tmp_path)
    (tmp_path / "callback.token").write_text(TOKEN + "\n")
    yield made
    made.end()


@pytest.fixture
def kannel(stack: ProviderStack, kannel_at: Callable[[str], Kannel]) -> Kannel:
    """Not started; settings for it are written, Redis runs."""
    made = kannel_at(f"{stack.callback_url}/{TOKEN}")
    _configure(stack, made)
    stack.start_redis()
    return made


def _configure(stack: ProviderStack, kannel: Kannel, sms: str = "", **link: Any) -> None:
    values: dict[str, Any] = {
        "url": kannel.url,
        "username": USERNAME,
        "password_file": str(kannel.folder / "kannel.secret"),
        "callback.token_file": str(stack.folder / "callback.token"),
        **link,
    }
    listen = f'callback_listen = "127.0.0.1:{stack.callback_port}"'
    stack.configure(f'routes = {{default = ["web"]}}\n{listen}\n{sms}\n{stack.web_link("kannel", **values)}')


def _up(stack: ProviderStack) -> None:
    stack.start_gateway()
    wait_for(lambda: stack.events("link.up"))


def test_messages_reach_the_far_end_and_their_reports_come_back(stack: ProviderStack, kannel: Kannel) -> None:
    kannel.start()
    _up(stack)
    texts = {"latin": "Hello @ [{world}] & 100% + ~", "chinese": "您有新邮件：会议 😀", "blank": "a  b"}
    for id, text in texts.items():
        stack.message(id, text)
    wait_for(lambda: len(stack.events("sms.delivered")) == len(texts))
    assert {text for _, _, _, text in kannel.got()} == set(texts.values())
    assert {(sender, receiver) for sender, receiver, _, _ in kannel.got()} == {(SRC_ID, f"86{PHONE}")}
    assert set(stack.results("sms.delivered").values()) == {"1 delivered"}
    assert not stack.events("sms.in_doubt")


def test_a_long_message_in_parts(stack: ProviderStack, kannel: Kannel) -> None:
    kannel.start()
    _up(stack)
    text = "彩邮" * 100
    stack.message("long", text, long=True)
    wait_for(lambda: stack.events("sms.delivered"))
    got = sorted(kannel.got(), key=lambda one: one[2])
    headers = [udh for _, _, udh, _ in got]
    assert [udh[:3] + udh[4:] for udh in headers] == [bytes([5, 0, 3, 3, number]) for number in (1, 2, 3)]
    assert len({udh[3] for udh in headers}) == 1
    # Behind a header fakesmsc writes octets and no longer says which alphabet they are in.
    assert "".join(one.encode("latin-1").decode("utf-16-be") for _, _, _, one in got) == text


def test_a_long_message_that_kannel_cuts(stack: ProviderStack, kannel: Kannel) -> None:
    _configure(stack, kannel, whole_messages=True)
    kannel.start()
    _up(stack)
    text = "彩邮" * 100
    stack.message("long", text, long=True)
    wait_for(lambda: stack.events("sms.delivered"))
    wait_for(lambda: len(kannel.got()) == 3)
    parts = {udh[-1]: one.encode("latin-1").decode("utf-16-be") for _, _, udh, one in kannel.got()}
    assert "".join(parts[number] for number in sorted(parts)) == text


@pytest.mark.parametrize(
    "content, text", [("text TD+1%20", "TD+1%20"), ("ucs2 %4F%60%59%7D%D8%3D%DE%00", "你好😀"), ("text a&b=c", "a&b=c")]
)
def test_messages_from_handsets(stack: ProviderStack, kannel: Kannel, content: str, text: str) -> None:
    kannel.start(smsc=False)
    _up(stack)
    kannel.start_smsc(f"86{PHONE} {SRC_ID} {content}")
    wait_for(lambda: stack.events("sms.received"))
    assert stack.received() == [text]
    assert stack.events("sms.received")[0]["detail"]["to"] == SRC_ID
    assert not kannel.got()  # nothing is sent back


def test_a_wrong_password(stack: ProviderStack, kannel: Kannel) -> None:
    """smsbox says 403 to that and to what it cannot route: the words tell which it is."""
    (stack.folder / "wrong").write_text("wrong-password\n")
    _configure(stack, kannel, password_file=str(stack.folder / "wrong"), refused_s=60.0)
    kannel.start()
    _up(stack)
    stack.message("a")
    wait_for(lambda: "state=refused" in stack.log("gateway"))
    assert "HTTP 403 Authorization failed" in stack.log("gateway")
    assert stack.waiting() == 1
    assert not stack.events("sms.failed")


def test_the_gateway_is_away_while_kannel_reports(stack: ProviderStack, kannel: Kannel) -> None:
    """smsbox calls again, as its http-request-retry says."""
    kannel.start(smsc=False)
    _up(stack)
    stack.message("a")
    wait_for(lambda: stack.events("sms.submitted"))
    stack.stop("gateway")
    kannel.start_smsc()
    wait_for(lambda: kannel.got())
    wait_for(lambda: "Couldn't fetch" in kannel.log("smsbox"))
    stack.start_gateway()
    wait_for(lambda: stack.events("sms.delivered"))
    assert stack.results("sms.delivered") == {"a": "1 delivered"}


def test_kannel_calls_again_after_503(stack: ProviderStack, kannel: Kannel) -> None:
    """Redis is away, so nothing can be recorded, and that is what smsbox hears."""
    kannel.start(smsc=False)
    _up(stack)
    stack.message("a")
    wait_for(lambda: stack.events("sms.submitted"))
    stack.kill("redis")
    kannel.start_smsc()
    wait_for(lambda: 'callback="not recorded' in stack.log("gateway"))
    stack.start_redis()
    wait_for(lambda: stack.events("sms.delivered"))
    assert len(stack.events("sms.delivered")) == 1


def test_kannel_is_away_and_comes_back(stack: ProviderStack, kannel: Kannel) -> None:
    stack.start_gateway()
    texts = stack.send_many(20)
    wait_for(lambda: "Connect" in stack.log("gateway") or "refused" in stack.log("gateway").lower() or stack.waiting())
    assert stack.waiting() == 20
    kannel.start()
    wait_for(lambda: len(stack.events("sms.delivered")) == 20)
    assert sorted(text for _, _, _, text in kannel.got()) == sorted(texts)
    assert not stack.events("sms.in_doubt")
