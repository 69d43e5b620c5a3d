"""What an administrator's command changes for mail and notification, at once and through the real servers."""

from __future__ import annotations

import imaplib
import itertools
import json
import smtplib
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sandbox.running import PASSWORD, RunningSandbox

pytestmark = pytest.mark.live

OUTSIDER, BOB = "wei@world.test", "bob@example.test"
Caiyou = Callable[..., str]
_numbers = itertools.count(1)


@pytest.fixture
def caiyou(sandbox: RunningSandbox) -> Caiyou:
    """Run a command that must succeed; what it prints."""

    def run(*arguments: str, stdin: str = "") -> str:
        done = sandbox.caiyou(*arguments, stdin=stdin)
        assert (done.returncode, done.stderr) == (0, ""), arguments
        return done.stdout

    return run


@pytest.fixture
def user(caiyou: Caiyou) -> str:
    """A new user, with PASSWORD and no mobile."""
    name = f"commanded{next(_numbers)}@example.test"
    caiyou("user", "add", name, "--password-stdin", stdin=f"{PASSWORD}\n")
    return name


def rcpt(sandbox: RunningSandbox, rcpt_to: str, size: int = 0) -> str:
    """What the MX answers to a recipient."""
    with sandbox.smtp() as session:
        session.command_encoding = "utf-8"
        session.mail(OUTSIDER, [f"SIZE={size}", *([] if rcpt_to.isascii() else ["SMTPUTF8"])])
        code, text = session.rcpt(rcpt_to)
        return f"{code} {text.decode()}"


def send(sandbox: RunningSandbox, rcpt_to: str, subject: str, *headers: str, mail_from: str = OUTSIDER) -> str:
    """A mail from outside; its queue id."""
    lines = [f"From: {mail_from}", f"To: {rcpt_to}", f"Subject: {subject}", *headers]
    lines += [f"Message-ID: <{next(_numbers)}.{time.time_ns()}@world.test>", "", "正文", ""]
    return sandbox.send(mail_from, [rcpt_to], "\r\n".join(lines).encode()).queue_id


def has(sandbox: RunningSandbox, mailbox: str, subject: str) -> bool:
    return any(f"\r\nSubject: {subject}\r\n".encode() in mail for mail in sandbox.mails(mailbox))


def logs_in(sandbox: RunningSandbox, mailbox: str, password: str) -> bool:
    """By IMAP and by SMTP alike."""
    answers = set()
    try:
        with sandbox.imap(mailbox, password):
            answers.add(True)
    except imaplib.IMAP4.error:
        answers.add(False)
    with smtplib.SMTP("127.0.0.1", sandbox.ports.submission, timeout=60) as session:
        session.starttls(context=sandbox.tls())
        try:
            session.login(mailbox, password)
            answers.add(True)
        except smtplib.SMTPAuthenticationError:
            answers.add(False)
    (answer,) = answers
    return answer


def events(caiyou: Caiyou, queue_id: str) -> list[dict[str, Any]]:
    (message,) = json.loads(caiyou("trace", queue_id, "--json"))
    return [entry for entry in message["entries"] if "kind" in entry]


# --- Users, domains, aliases


def test_user_suspend_closes_every_door_and_resume_opens_them(
    sandbox: RunningSandbox, caiyou: Caiyou, user: str
) -> None:
    assert rcpt(sandbox, user).startswith("250 ")
    caiyou("user", "suspend", user)
    refused = rcpt(sandbox, user)
    assert refused.startswith("550 5.2.1 ")
    assert "停用" in refused
    sandbox.eventually(lambda: not logs_in(sandbox, user, PASSWORD))  # Dovecot believes its last answer for 2 s
    caiyou("user", "resume", user)
    assert rcpt(sandbox, user).startswith("250 ")
    sandbox.eventually(lambda: logs_in(sandbox, user, PASSWORD))


def test_user_passwd(sandbox: RunningSandbox, caiyou: Caiyou, user: str) -> None:
    caiyou("user", "passwd", user, "--password-stdin", stdin="another word\n")
    assert logs_in(sandbox, user, "another word")
    sandbox.eventually(lambda: not logs_in(sandbox, user, PASSWORD))


def test_user_set_quota_and_address(sandbox: RunningSandbox, caiyou: Caiyou, user: str) -> None:
    assert rcpt(sandbox, user, size=2 << 20).startswith("250 ")
    caiyou("user", "set", user, "--quota", "1M", "--address", f"主任{user}")
    assert rcpt(sandbox, user, size=2 << 20).startswith("552 5.2.2 ")
    assert rcpt(sandbox, f"主任{user}", size=2 << 20).startswith("552 5.2.2 ")
    assert rcpt(sandbox, f"主任{user}", size=1000).startswith("250 ")
    caiyou("user", "set", user, "--quota", "default", "--no-address", f"主任{user}")
    assert rcpt(sandbox, user, size=2 << 20).startswith("250 ")
    assert rcpt(sandbox, f"主任{user}").startswith("550 5.1.1 ")


def test_user_remove(sandbox: RunningSandbox, caiyou: Caiyou, user: str) -> None:
    caiyou("alias", "add", f"alias-{user}", user, BOB)
    assert f"alias-{user}" in caiyou("user", "remove", user)
    assert rcpt(sandbox, user).startswith("550 5.1.1 ")
    send(sandbox, f"alias-{user}", "to who is left")
    sandbox.eventually(lambda: has(sandbox, BOB, "to who is left"))


def test_a_domain_from_its_first_mail_to_its_last(sandbox: RunningSandbox, caiyou: Caiyou) -> None:
    caiyou("domain", "add", "命令.test")
    assert rcpt(sandbox, "x@命令.test").startswith("550 5.1.1 ")  # and not "relay access denied"
    caiyou("user", "add", "x@命令.test", "--password-stdin", stdin=f"{PASSWORD}\n")
    send(sandbox, "x@命令.test", "first of the domain")
    mailbox = json.loads(caiyou("user", "show", "x@命令.test", "--json"))["mailbox"]
    assert mailbox.isascii()
    sandbox.eventually(lambda: has(sandbox, mailbox, "first of the domain"))
    caiyou("domain", "set", "命令.test", "--state", "suspended")
    assert rcpt(sandbox, "x@命令.test").startswith("550 5.2.1 ")
    assert "has users" in sandbox.caiyou("domain", "remove", "命令.test").stderr
    caiyou("domain", "remove", "命令.test", "--with-users")
    assert sandbox.caiyou("user", "show", mailbox).returncode == 1


def test_alias_add_and_remove(sandbox: RunningSandbox, caiyou: Caiyou, user: str) -> None:
    name = f"命令组{next(_numbers)}@例子.test"
    assert rcpt(sandbox, name).startswith("550 5.1.1 ")
    caiyou("alias", "add", name, user)
    caiyou("alias", "add", f"outer-{user}", name, BOB)
    send(sandbox, f"outer-{user}", "through two aliases")
    for mailbox in (user, BOB):
        sandbox.eventually(lambda mailbox=mailbox: has(sandbox, mailbox, "through two aliases"))  # type: ignore[misc]
    loop = sandbox.caiyou("alias", "add", name, f"outer-{user}")
    assert (loop.returncode, loop.stdout) == (1, "")
    assert "circle" in loop.stderr
    caiyou("alias", "remove", name)
    assert rcpt(sandbox, name).startswith("550 5.1.1 ")


# --- Who may write to whom


def test_reject_list(sandbox: RunningSandbox, caiyou: Caiyou, user: str) -> None:
    caiyou("reject", "add", user, "world.test")
    assert rcpt(sandbox, user).startswith("550 5.7.1 ")
    assert rcpt(sandbox, BOB).startswith("250 ")
    caiyou("reject", "remove", user, "world.test")
    assert rcpt(sandbox, user).startswith("250 ")


def test_blacklisted_mail_disappears_until_it_is_taken_off(sandbox: RunningSandbox, caiyou: Caiyou, user: str) -> None:
    sender = f"x{next(_numbers)}@pest.test"
    caiyou("blacklist", "add", "pest.test", "--note", "命令")
    queue_id = send(sandbox, user, "never seen", mail_from=sender)
    (discarded,) = sandbox.eventually(lambda: events(caiyou, queue_id))
    assert (discarded["kind"], discarded["result"]) == ("mail.discarded", "pest.test")
    caiyou("blacklist", "remove", "pest.test")

    def arrives() -> bool:
        send(sandbox, user, "seen again", mail_from=sender)
        return has(sandbox, user, "seen again")

    sandbox.eventually(arrives, every_s=2)  # an answer of the blacklist is used for 10 s
    assert not has(sandbox, user, "never seen")


# --- Notification


def outcome(sandbox: RunningSandbox, caiyou: Caiyou, queue_id: str) -> dict[str, Any]:
    """What became of the notification, as `caiyou trace` tells it."""

    def found() -> dict[str, Any] | None:
        return next((e for e in events(caiyou, queue_id) if e["kind"].startswith("notify.")), None)

    return sandbox.eventually(found)


def test_quiet_hours_and_the_end_of_a_rule(sandbox: RunningSandbox, caiyou: Caiyou, user: str) -> None:
    now = datetime.now(ZoneInfo("Asia/Urumqi"))
    around = f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=1):%H:%M}"
    caiyou("user", "set", user, "--mobile", "13400134101", "--timezone", "Asia/Urumqi")
    caiyou("rule", "add", user, "--name", "night", "--quiet", around)
    queued = outcome(sandbox, caiyou, send(sandbox, user, "hush"))
    assert queued["kind"] == "notify.queued"  # for when they end
    assert datetime.fromisoformat(queued["detail"]["not_before"]) > now + timedelta(minutes=50)
    caiyou("rule", "add", user, "--name", "day", "--keyword", "火警")
    send(sandbox, user, "火警 3 号楼")
    (message,) = sandbox.phone_messages("13400134101", wait=1)
    assert "火警 3 号楼: 正文" in message["text"]
    caiyou("rule", "remove", user, "night")
    caiyou("rule", "remove", user, "day")
    queue_id = send(sandbox, user, "火警 again")
    sandbox.eventually(lambda: [e for e in events(caiyou, queue_id) if e["kind"] == "mail.delivered"])
    send(sandbox, "alice@example.test", "after it")
    sandbox.eventually(lambda: [m for m in sandbox.phone_messages("13800138000") if "after it" in m["text"]])
    assert len(sandbox.phone_messages("13400134101")) == 1


def test_daily_cap_and_the_number_of_the_rule(sandbox: RunningSandbox, caiyou: Caiyou, user: str) -> None:
    caiyou("rule", "add", user, "--daily-cap", "2", "--notify-to", "134-0013-4102")
    for number in range(2):
        send(sandbox, user, f"capped {number}")
        sandbox.phone_messages("13400134102", wait=number + 1)
    assert outcome(sandbox, caiyou, send(sandbox, user, "capped 2"))["result"] == "cap"
    assert len(sandbox.phone_messages("13400134102")) == 2


def test_notify_can_be_switched_off_with_the_rules_kept(sandbox: RunningSandbox, caiyou: Caiyou, user: str) -> None:
    caiyou("rule", "add", user, "--notify-to", "13400134103")
    caiyou("user", "set", user, "--no-notify")
    send(sandbox, user, "off")
    sandbox.eventually(lambda: has(sandbox, user, "off"))
    caiyou("user", "set", user, "--notify")
    send(sandbox, user, "on")
    (message,) = sandbox.phone_messages("13400134103", wait=1)
    assert " on: 正文" in message["text"]


def test_the_header_that_asks_and_a_contact_with_a_number(sandbox: RunningSandbox, caiyou: Caiyou, user: str) -> None:
    caiyou("contact", "add", user, "--name", "外人", "--mail", "外人@world.test", "--mobile", "13400134104")
    mail = f"From: {user}\r\nSubject: asked\r\nX-Caiyou-SMS: yes\r\n\r\n到了吗\r\n".encode()
    with smtplib.SMTP("127.0.0.1", sandbox.ports.submission, timeout=60) as session:
        session.starttls(context=sandbox.tls())
        session.login(user, PASSWORD)
        session.sendmail(user, ["外人@world.test"], mail, ["SMTPUTF8", "BODY=8BITMIME"])
    (message,) = sandbox.phone_messages("13400134104", wait=1)
    assert message["text"].startswith(user[:10])
    assert message["text"].endswith("asked: 到了吗")
    outside = sandbox.eventually(lambda: [o for o in sandbox.outside() if o.rcpt_tos == ["外人@world.test"]])
    assert b"X-Caiyou" not in outside[0].content
