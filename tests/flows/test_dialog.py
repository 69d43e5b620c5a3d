"""Dialogue by SMS the whole way: phone, carrier, gateway, worker, gateway, carrier, phone (I6, I7)."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from caiyou import queues
from sandbox.ports import HOST
from sandbox.running import RunningSandbox

pytestmark = pytest.mark.live

CARD, NOTICES = "106588878", "10658"
_phones = itertools.count(13770000000)


@pytest.fixture
def phone() -> str:
    """A phone that nobody wrote from."""
    return str(next(_phones))


def write(sandbox: RunningSandbox, phone: str, text: str, to: str = CARD, carrier: str = "ismg") -> None:
    """A phone sends an SMS."""
    request = urllib.request.Request(
        f"http://{HOST}:{sandbox.ports.phones}/phones/{phone}/messages",
        data=json.dumps({"to": to, "text": text, "carrier": carrier}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        assert response.status == 202


def says(sandbox: RunningSandbox, phone: str, text: str, **more: str) -> str:
    """What the answer to it is."""
    before = len(sandbox.phone_messages(phone))
    write(sandbox, phone, text, **more)
    messages = sandbox.phone_messages(phone, wait=before + 1)
    assert len(messages) == before + 1
    assert messages[-1]["from"] == more.get("to", CARD)
    return str(messages[-1]["text"])


def test_a_card_in_steps(sandbox: RunningSandbox, phone: str) -> None:
    assert says(sandbox, phone, "做名片").startswith("做名片：1模板 2公司")
    assert says(sandbox, phone, "１　３") == "已记下。还缺：2公司、3职务、4姓名、5联系方式。如：2 彩邮公司"
    assert says(sandbox, phone, "4 张三") == "已记下。还缺：2公司、3职务、5联系方式。如：2 彩邮公司"
    assert says(sandbox, phone, "2") == "请回复公司。"
    assert says(sandbox, phone, "（北京）彩邮公司").startswith("已记下。还缺：3职务、5联系方式")
    assert says(sandbox, phone, "３：经理；５：１３８００１３８０００").startswith("已齐全")
    assert says(sandbox, phone, "4 李四").startswith("已齐全")
    assert says(sandbox, phone, "OK") == (
        "名片已收齐：\n1 模板: 3\n2 公司: （北京）彩邮公司\n3 职务: 经理\n4 姓名: 李四\n5 联系方式: 13800138000"
    )
    assert says(sandbox, phone, "取消").startswith("没有正在制作的名片")


@pytest.mark.parametrize("carrier", ["ismg", "smgw", "provider", "smg", "smsc"])
def test_a_card_in_one_message_of_several_parts(sandbox: RunningSandbox, phone: str, carrier: str) -> None:
    company = "彩邮科技（集团）有限公司北京分公司😀" * 3
    answer = says(
        sandbox, phone, f"1 3 2 {company} 3 高级经理 4 欧阳张三 5 13800138000, zhang@例子.test OK", carrier=carrier
    )
    assert answer.splitlines()[2] == f"2 公司: {company}"
    assert answer.splitlines()[-1] == "5 联系方式: 13800138000, zhang@例子.test"


def test_by_the_modem(sandbox: RunningSandbox, phone: str) -> None:
    """Its number is that of its SIM; the answer comes from there."""
    assert "TD" in says(sandbox, phone, "你好", to="8613900001111", carrier="modem")


def test_in_english(sandbox: RunningSandbox, phone: str) -> None:
    assert says(sandbox, phone, "new").startswith("New card: 1 template")
    answer = says(sandbox, phone, "1 3 2 Acme Ltd 3 Manager 4 Li Wei 5 li@example.test ok")
    assert answer.splitlines()[2] == "2 company: Acme Ltd"


def test_unknown_text_gets_help_once(sandbox: RunningSandbox, phone: str) -> None:
    assert "做名片" in says(sandbox, phone, "你好")
    write(sandbox, phone, "有人吗")
    assert "做名片" in says(sandbox, phone, "帮助")
    assert len(sandbox.phone_messages(phone)) == 2


def test_stop_and_start(sandbox: RunningSandbox, phone: str) -> None:
    """STOP holds for notifications; START takes it back."""
    user = f"stop{phone}@example.test"
    sandbox.add_user(user, mobile=phone, rule="all")

    def mail(subject: str) -> None:
        sandbox.send("wei@world.test", [user], f"From: wei@world.test\r\nSubject: {subject}\r\n\r\nbody\r\n".encode())

    def skipped() -> bool:
        trace: Any = json.loads(sandbox.caiyou("trace", phone, "--json").stdout or "[]")
        return any(entry.get("result") == "stopped" for message in trace for entry in message["entries"])

    assert "退订" in says(sandbox, phone, "ＴＤ", to=NOTICES)
    mail("while stopped")
    sandbox.eventually(skipped)
    assert "恢复" in says(sandbox, phone, "KT", to=NOTICES)
    mail("again")
    messages = sandbox.phone_messages(phone, wait=3)
    assert "again" in messages[-1]["text"]
    assert not [message for message in messages if "while stopped" in message["text"]]


def test_the_trace_shows_no_text(sandbox: RunningSandbox, phone: str) -> None:
    says(sandbox, phone, "4 秘密")

    def trace() -> str:
        return sandbox.caiyou("trace", phone).stdout

    shown = sandbox.eventually(lambda: trace() if "sms.delivered" in trace() else "")
    assert "sms.received" in shown
    assert "秘密" not in shown
    for name in ("caiyou-smsgw", "caiyou-worker-mo"):
        assert not sandbox.log("秘密", name)
        assert not sandbox.log(phone, name)  # numbers are masked


class Phones:
    """Phones that each correct one card again and again, all at the same time."""

    def __init__(self, sandbox: RunningSandbox, count: int, rounds: int, pause_s: float = 0.0) -> None:
        self.pause_s = pause_s
        self.numbers = [str(next(_phones)) for _ in range(count)]
        self.rounds = rounds
        self._sandbox = sandbox
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in self.numbers]

    def __enter__(self) -> Phones:
        for number in self.numbers:
            write(self._sandbox, number, "1 3 2 彩邮 3 经理 4 起 5 0")
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join()

    def _write(self, number: str) -> None:
        for turn in range(1, self.rounds + 1):
            write(self._sandbox, number, f"5 {turn};4 第{turn}")
            time.sleep(self.pause_s)

    def check(self) -> int:
        """Each message was answered once, in its order; how many replies came twice to a phone, being in doubt."""
        client = queues.connect(self._sandbox.settings)
        try:
            self._sandbox.eventually(lambda: not client.keys("mo:inbox:*"), 60.0)
        finally:
            client.close()
        return sum(self._finish(number) for number in self.numbers)

    def _finish(self, number: str) -> int:
        """Its card is that of its last message; how many replies came twice."""
        self._sandbox.eventually(lambda: self._answers(number) >= self.rounds + 1, 60.0)
        repeats = self._answers(number) - self.rounds - 1
        write(self._sandbox, number, "OK")
        (card,) = self._sandbox.eventually(lambda: self._cards(number), 60.0)
        assert f"4 姓名: 第{self.rounds}\n5 联系方式: {self.rounds}" in card
        return repeats

    def _answers(self, number: str) -> int:
        return sum("已齐全" in message["text"] for message in self._sandbox.phone_messages(number))

    def _cards(self, number: str) -> set[str]:
        return {m["text"] for m in self._sandbox.phone_messages(number) if "名片已收齐" in m["text"]}


def test_order_under_load(sandbox: RunningSandbox) -> None:
    with Phones(sandbox, count=10, rounds=30) as phones:
        pass
    assert phones.check() == 0


@pytest.fixture
def killing(sandbox: RunningSandbox) -> Iterator[None]:
    """No daemon logged a traceback."""
    names = ("caiyou-smsgw", "caiyou-worker-mo")
    before = {name: len(sandbox.log("Traceback", name)) for name in names}
    yield
    assert {name: len(sandbox.log("Traceback", name)) for name in names} == before


@pytest.mark.usefixtures("killing")
def test_kill_of_each_daemon_midway(sandbox: RunningSandbox) -> None:
    chance = random.Random(8878)
    victims = ["caiyou-worker-mo", "caiyou-smsgw", "redis"]
    with Phones(sandbox, count=5, rounds=50, pause_s=0.15) as phones:
        for name in [*victims, *chance.sample(victims, 3)]:
            time.sleep(chance.uniform(0.0, 0.5))
            sandbox.wait_until_up(name, not_pid=sandbox.kill(name))
    print(f"{phones.check()} replies twice, in doubt")
