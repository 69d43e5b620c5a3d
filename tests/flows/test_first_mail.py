"""The whole way: in by SMTP at the MX, out by IMAP as it was, and out as an SMS on the simulated phone."""

from __future__ import annotations

import re
import smtplib

import pytest

from sandbox.running import RunningSandbox

pytestmark = pytest.mark.live

ALICE, PHONE = "alice@example.test", "13800138000"
FROM_ALICE_TO_BOB = b"From: alice@example.test\r\nTo: bob@example.test\r\nSubject: out\r\n\r\nfrom alice\r\n"
TRACE = {b"return-path", b"delivered-to", b"received", b"x-caiyou-scan"}


def mail(mail_from: str, rcpt_to: str, subject: str, text: str) -> bytes:
    return (
        f"From: {mail_from}\r\nTo: {rcpt_to}\r\nSubject: {subject}\r\nDate: Mon, 23 Nov 2026 13:00:00 +0800\r\n"
        f"Message-ID: <{abs(hash(subject))}@world.test>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n"
    ).encode()


def arrived(sandbox: RunningSandbox, user: str, sent: bytes) -> bytes:
    """The stored message that ends with what was sent; only trace headers stand before it."""
    stored = sandbox.eventually(lambda: next((m for m in sandbox.mails(user) if m.endswith(sent)), None))
    before = stored.removesuffix(sent)
    names = {name.lower() for name in re.findall(rb"^([!-9;-~]+):", before, re.MULTILINE)}
    assert names <= TRACE, before
    return stored


def told(sandbox: RunningSandbox, number: str, words: str) -> str:
    """The text of the SMS that holds ``words``."""

    def found() -> str:
        return next((m["text"] for m in sandbox.phone_messages(number) if words in m["text"]), "")

    return sandbox.eventually(found)


def test_ascii_mail_arrives_as_sent_and_is_told_by_sms(sandbox: RunningSandbox) -> None:
    sent = mail("wei@world.test", ALICE, "flow ascii", "Hello from outside.\r\n..two dots\r\nlast line")
    sandbox.send("wei@world.test", [ALICE], sent)
    arrived(sandbox, ALICE, sent)
    text = told(sandbox, PHONE, "flow ascii")
    assert "wei@world.test" in text
    assert "Hello from outside." in text


@pytest.mark.parametrize("rcpt_to", ["张三@例子.test", "张三@xn--fsqu00a.test"])
def test_chinese_address_in_both_forms(sandbox: RunningSandbox, rcpt_to: str) -> None:
    subject = f"中文地址 {rcpt_to}"
    sent = mail("李四@例子.test", rcpt_to, subject, "你好，张三。")
    sandbox.send("李四@例子.test", [rcpt_to], sent)
    arrived(sandbox, ALICE, sent)
    assert "你好，张三。" in told(sandbox, PHONE, subject)


def test_one_copy_when_two_addresses_are_one_mailbox(sandbox: RunningSandbox) -> None:
    sent = mail("wei@world.test", ALICE, "flow twice named", "once")
    sandbox.send("wei@world.test", [ALICE, "张三@例子.test"], sent)
    arrived(sandbox, ALICE, sent)
    sandbox.eventually(lambda: not sandbox.queue())
    assert sum(m.endswith(sent) for m in sandbox.mails(ALICE)) == 1


def test_from_a_subscriber_to_another_and_to_the_world(sandbox: RunningSandbox) -> None:
    sandbox.send(ALICE, ["bob@example.test", "friend@world.test"], FROM_ALICE_TO_BOB, user=ALICE)
    sandbox.eventually(lambda: any(m.endswith(b"from alice\r\n") for m in sandbox.mails("bob@example.test")))
    way = (ALICE, ["friend@world.test"])
    (outside,) = sandbox.eventually(lambda: [o for o in sandbox.outside() if (o.mail_from, o.rcpt_tos) == way])
    assert b"\r\nMessage-Id: <" in outside.content  # Postfix adds what the client left out
    assert outside.content.endswith(b"from alice\r\n")


def test_a_subscriber_may_send_as_his_alias_and_as_nobody_else(sandbox: RunningSandbox) -> None:
    sandbox.send("张三@例子.test", ["friend@world.test"], FROM_ALICE_TO_BOB, user=ALICE)
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        sandbox.send("bob@example.test", ["friend@world.test"], FROM_ALICE_TO_BOB, user=ALICE)
    assert refused.value.recipients["friend@world.test"][0] == 553


def test_the_mx_relays_for_nobody(sandbox: RunningSandbox) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        sandbox.send("wei@world.test", ["friend@elsewhere.test"], FROM_ALICE_TO_BOB)
    assert refused.value.recipients["friend@elsewhere.test"][0] == 554


def test_submission_wants_tls_and_a_login(sandbox: RunningSandbox) -> None:
    with smtplib.SMTP("127.0.0.1", sandbox.ports.submission, timeout=30) as session:
        session.ehlo()
        assert not session.has_extn("auth")
        assert session.mail(ALICE)[0] == 530
        session.starttls(context=sandbox.tls())
        session.ehlo()
        assert {"PLAIN", "LOGIN"} <= set(session.esmtp_features["auth"].split())
        session.mail(ALICE)
        assert session.rcpt("friend@world.test")[0] == 554


def test_a_bounce_reaches_a_chinese_sender(sandbox: RunningSandbox) -> None:
    """In Chinese and English, to an address that needs SMTPUTF8, at home and outside."""
    sandbox.send("张三@例子.test", ["refuse@world.test"], FROM_ALICE_TO_BOB, user=ALICE)
    bounce = sandbox.eventually(lambda: next((m for m in sandbox.mails(ALICE) if b"refuse@world.test" in m), None))
    assert "您的邮件未能送达".encode() in bounce
    assert b"550 5.1.1 no such user" in bounce
