"""Notifications the whole way: SMTP, milter, job, gateway, carrier, phone; and the mail that says there is none."""

from __future__ import annotations

import itertools
import time
from email import message_from_bytes, policy

import pytest

from sandbox.running import RunningSandbox

pytestmark = pytest.mark.live

BOB, BOBS_PHONE = "bob@example.test", "13900139000"
CAROL = "carol@example.test"
_numbers = itertools.count(1)


def mail(mail_from: str, subject: str, *headers: str) -> bytes:
    lines = [f"From: {mail_from}", "To: somebody@example.test", f"Subject: {subject}", *headers]
    lines += [f"Message-ID: <notify.{next(_numbers)}.{time.time_ns()}@example.test>", "MIME-Version: 1.0"]
    lines += ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "", "正文在此。", ""]
    return "\r\n".join(lines).encode()


def texts(sandbox: RunningSandbox, number: str, words: str) -> list[str]:
    return [m["text"] for m in sandbox.phone_messages(number) if words in m["text"]]


def settle(sandbox: RunningSandbox) -> None:
    """Mail, job and message sent before have gone their way."""
    sandbox.eventually(lambda: not sandbox.queue())
    time.sleep(1.5)


def test_the_sender_asks_by_subject_tag(sandbox: RunningSandbox) -> None:
    sandbox.admin.contacts.add(CAROL, "client", mail=["client@world.test"], mobile="13600136000")
    sent = mail(CAROL, "[SMS] asked by tag")
    sandbox.send(CAROL, [BOB, "client@world.test"], sent, user=CAROL)
    (to_bob,) = sandbox.eventually(lambda: texts(sandbox, BOBS_PHONE, "asked by tag"))
    (to_client,) = sandbox.eventually(lambda: texts(sandbox, "13600136000", "asked by tag"))
    assert "正文在此" in to_bob
    assert "正文在此" in to_client


def test_without_the_wish_nothing_goes(sandbox: RunningSandbox) -> None:
    sandbox.send(CAROL, [BOB], mail(CAROL, "nobody asked"), user=CAROL)
    sandbox.wait_for_mail(BOB)
    settle(sandbox)
    assert not texts(sandbox, BOBS_PHONE, "nobody asked")


def test_from_outside_a_tag_means_nothing(sandbox: RunningSandbox) -> None:
    sandbox.send("wei@world.test", [BOB], mail("wei@world.test", "[SMS] from outside"))
    settle(sandbox)
    assert not texts(sandbox, BOBS_PHONE, "from outside")


def test_a_standing_choice_and_an_arrival_rule_are_one_message(sandbox: RunningSandbox) -> None:
    sandbox.add_user("dora@example.test", notify_on_send=True)
    sandbox.add_user("emil@example.test", mobile="13500135000", rule="everything")
    sandbox.send(
        "dora@example.test", ["emil@example.test"], mail("dora@example.test", "both want"), user="dora@example.test"
    )
    sandbox.eventually(lambda: texts(sandbox, "13500135000", "both want"))
    settle(sandbox)
    assert len(texts(sandbox, "13500135000", "both want")) == 1


def test_no_number_is_told_by_mail_once(sandbox: RunningSandbox) -> None:
    sandbox.add_user("fritz@example.test")
    sandbox.add_user("gina@example.test")
    sandbox.send(
        "fritz@example.test",
        ["gina@example.test"],
        mail("fritz@example.test", "[短信] 没有号码"),
        user="fritz@example.test",
    )

    def notices() -> list[bytes]:
        return [m for m in sandbox.mails("fritz@example.test") if b"Auto-Submitted" in m]

    sandbox.eventually(notices)
    settle(sandbox)
    (raw,) = notices()
    notice = message_from_bytes(raw, policy=policy.default)
    assert notice["Return-Path"] == "<>"
    assert "短信未发出" in notice["Subject"]
    body = notice.get_body()
    assert body is not None
    assert "gina@example.test" in body.get_content()


def test_a_rule_with_conditions(sandbox: RunningSandbox) -> None:
    sandbox.add_user("hans@example.test", mobile="13400134000")
    sandbox.admin.rules.add("hans@example.test", senders=["boss.world.test"], keywords=["合同"], urgent_only=True)
    for sender, subject, *headers in (
        ("chef@boss.world.test", "合同 A", "X-Priority: 1"),
        ("chef@boss.world.test", "合同 B"),
        ("chef@boss.world.test", "别的 C", "Importance: high"),
        ("x@other.world.test", "合同 D", "X-Priority: 1"),
    ):
        sandbox.send(sender, ["hans@example.test"], mail(sender, subject, *headers))
    sandbox.eventually(lambda: texts(sandbox, "13400134000", "合同 A"))
    settle(sandbox)
    assert len(sandbox.phone_messages("13400134000")) == 1
