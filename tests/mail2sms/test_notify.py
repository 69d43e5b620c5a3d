"""The notification job against a real slapd and Redis: what stands on the stream afterwards, and who is told."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from bench.slapd import Slapd
from bench.stack import Stack, wait_for
from caiyou.directory.admin import Admin
from caiyou.errors import DirectoryDown, TempFail
from caiyou.queues import Notify
from caiyou.settings import load
from mail2sms.notify import Notifier
from mail2sms.segment import split

pytestmark = pytest.mark.live

_numbers = itertools.count(1)
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # 12:00 in China


class _Sink:
    """An SMTP server that keeps what it gets; ``reply`` refuses."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], EmailMessage]] = []
        self.reply = "250 2.0.0 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.reply.startswith("250"):
            mail = message_from_bytes(envelope.content, policy=policy.default)
            self.mails.append((envelope.mail_from, envelope.rcpt_tos, mail))
        return self.reply


@pytest.fixture
def post(stack: Stack) -> Iterator[_Sink]:
    sink = _Sink()
    controller = Controller(sink, hostname="127.0.0.1", port=stack.smtp_port, enable_SMTPUTF8=True)
    controller.start()
    yield sink
    controller.stop()


@dataclass
class Office:
    """A domain of the test's own, on a slapd, with the job's code."""

    stack: Stack
    admin: Admin
    domain: str
    notifier: Notifier


def _office(stack: Stack) -> Iterator[Office]:
    settings = load(stack.settings_file)
    admin = Admin(settings, "test")
    domain = f"n{next(_numbers)}.test"
    admin.domains.add(domain)
    yield Office(stack=stack, admin=admin, domain=domain, notifier=Notifier(settings))
    admin.close()


def _ldap(slapd: Slapd) -> str:
    return f'uri = ["{slapd.uri}"]\npassword_file = "{slapd.folder}/ldap.secret"\ntimeout_s = 1.0\ncache_s = 0.0'


@pytest.fixture
def office(stack: Stack, slapd: Slapd, post: _Sink) -> Iterator[Office]:
    smtp = f'smtp = "127.0.0.1:{stack.smtp_port}"\nhostname = "mx.example.test"\npostmaster = "postmaster@example.test"'
    stack.configure("notices_per_hour = 3", site=smtp, ldap=_ldap(slapd))
    stack.start_redis()
    yield from _office(stack)


@pytest.fixture
def office_on(running: Stack, slapd: Slapd) -> Iterator[Office]:
    """The directory beside a running gateway."""
    running.configure(f'routes = {{default = ["mobile"]}}\n{running.link()}', ldap=_ldap(slapd))
    yield from _office(running)


def _user(office: Office, name: str, **fields: Any) -> str:
    mailbox = f"{name}@{office.domain}"
    office.admin.users.add(mailbox, password="a-long-password", **fields)
    return mailbox


def _mail(*recipients: str | tuple[str, str], number: int = 1, **more: Any) -> Notify:
    values: dict[str, Any] = {
        "queue_id": f"4abc{number}",
        "message_id": f"<{number}@world.test>",
        "direction": "in",
        "mail_from": "boss@world.test",
        "header_from": "李四",
        "sent_at": "2026-11-23T11:58:00+08:00",
        "subject": "报表",
        "text": "请查收",
        "recipients": [[r, r] if isinstance(r, str) else list(r) for r in recipients],
    }
    return Notify(**{**values, **more})


def _sent(office: Office) -> list[tuple[str, str]]:
    return [(m["to"], m["text"]) for m in office.stack.waiting_messages()]


def _outcomes(office: Office) -> list[tuple[str, str, str | None]]:
    found = [e for e in office.stack.events() if e["kind"].startswith("notify.")]
    return [(e["kind"].removeprefix("notify."), e["result"], e.get("subscriber")) for e in found]


def test_arrival(office: Office) -> None:
    alice = _user(office, "alice", mobile="13800138000", notify=True)
    office.admin.rules.add(alice, name="all")
    office.notifier.notify([_mail(alice)], NOON)
    (message,) = office.stack.waiting_messages()
    assert (message["to"], message["text"]) == ("8613800138000", "李四 11-23 11:58 报表: 请查收")
    assert (message["subscriber"], message["domain"], message["queue_id"]) == (alice, office.domain, "4abc1")
    assert datetime.fromisoformat(message["valid_until"]) == NOON + timedelta(days=1)
    (event,) = office.stack.events("notify.queued")
    assert event["sms_id"] == message["id"]
    assert event["subscriber"] == alice
    assert event["number"] == "8613800138000"
    assert event["detail"]["route"] == "default"


def test_the_text_is_in_the_subscribers_zone_and_long_if_he_wants(office: Office) -> None:
    far = _user(office, "far", mobile="+14155550123", notify=True, timezone="America/New_York", long_sms=True)
    office.admin.rules.add(far, name="all")
    office.notifier.notify([_mail(far, text="很长的正文。" * 40)], NOON)
    (message,) = office.stack.waiting_messages()
    assert message["to"] == "14155550123"
    assert "11-22 22:58" in message["text"]
    assert message["long"] is True
    assert len(message["text"]) > 200


def test_why_no_message_goes(office: Office) -> None:
    users = {
        why: _user(office, why.replace("_", "-"), mobile="13800138000", notify=True)
        for why in ("no_rule", "no_match", "no_number", "suspended", "off")
    }
    office.admin.rules.add(users["no_match"], name="r", keywords=["合同"])
    for why in ("no_number", "suspended", "off"):
        office.admin.rules.add(users[why], name="r")
    office.admin.users.set(users["no_number"], mobile="")
    office.admin.users.set(users["off"], notify=False)
    office.admin.users.suspend(users["suspended"])
    office.notifier.notify([_mail(*users.values(), f"nobody@{office.domain}")], NOON)
    assert not office.stack.waiting_messages()
    assert sorted(_outcomes(office)) == sorted(
        ("skipped", why, mailbox) for why, mailbox in users.items() if why != "off"
    )


def test_daily_cap_counts_what_was_queued_by_local_day(office: Office) -> None:
    alice = _user(office, "alice", mobile="13800138000", notify=True)
    office.admin.rules.add(alice, name="r", daily_cap=2)
    for number in range(4):
        office.notifier.notify([_mail(alice, number=number)], NOON)
    office.notifier.notify([_mail(alice, number=1)], NOON)  # again: neither counted nor capped
    assert len(office.stack.waiting_messages()) == 2
    assert [what for what, *_ in _outcomes(office)] == ["queued", "queued", "skipped", "skipped"]
    assert _outcomes(office)[-1] == ("skipped", "cap", alice)
    office.notifier.notify([_mail(alice, number=9)], NOON + timedelta(hours=13))  # 01:00, the next day
    assert len(office.stack.waiting_messages()) == 3


def test_quiet_hours_hold_it_until_they_end(running: Stack, office_on: Office) -> None:
    alice = _user(office_on, "alice", mobile="13800138000", notify=True)
    china = datetime.now(UTC) + timedelta(hours=8)
    start, end = china - timedelta(hours=1), china + timedelta(hours=1)
    office_on.admin.rules.add(alice, name="r", quiet=f"{start:%H:%M}-{end:%H:%M}")
    office_on.notifier.notify([_mail(alice)], datetime.now(UTC))
    assert not running.waiting_messages()
    waits: Any = running.redis.zrange("mt-later", 0, -1, withscores=True)
    ((held, due),) = waits
    assert abs(due - (datetime.now(UTC) + timedelta(hours=1)).timestamp()) < 120
    assert running.events("notify.queued")[0]["detail"]["not_before"]
    running.redis.zadd("mt-later", {held: 1.0})  # its hour has come
    wait_for(lambda: running.events("sms.delivered"))
    assert not running.redis.exists("mt-later")


def test_the_job_twice_sends_once(office: Office) -> None:
    alice = _user(office, "alice", mobile="13800138000", notify=True)
    office.admin.rules.add(alice, name="r")
    for _ in range(3):
        office.notifier.notify([_mail(alice)], NOON)
    assert len(office.stack.waiting_messages()) == 1
    assert len(office.stack.events("notify.queued")) == 1
    assert not office.stack.events("notify.skipped")


def test_the_same_message_by_another_way_is_a_duplicate(office: Office) -> None:
    alice = _user(office, "alice", mobile="13800138000", notify=True)
    office.admin.rules.add(alice, name="r")
    office.notifier.notify([_mail(alice)], NOON)
    office.notifier.notify([_mail(alice, queue_id="4other")], NOON)
    assert len(office.stack.waiting_messages()) == 1
    assert _outcomes(office) == [("queued", "arrival", alice), ("skipped", "duplicate", alice)]


def test_on_send_to_a_contact_and_to_a_recipients_own_entry(office: Office, post: _Sink) -> None:
    bob = _user(office, "bob", mobile="13900139000", long_sms=False)
    carol = _user(office, "carol", mobile="13700137000")
    office.admin.contacts.add(bob, "客户", mail=["client@world.test"], mobile="13600136000")
    mail = _mail(carol, ("client@world.test", ""), direction="out", sender=bob, asked=True, mail_from=bob)
    office.notifier.notify([mail], NOON)
    assert sorted(to for to, _ in _sent(office)) == ["8613600136000", "8613700137000"]
    assert {m["subscriber"] for m in office.stack.waiting_messages()} == {bob}
    assert [result for _, result, _ in _outcomes(office)] == ["asked", "asked"]
    assert not post.mails


def test_arrival_and_send_give_one_message_to_one_number(office: Office) -> None:
    bob = _user(office, "bob", mobile="13900139000")
    alice = _user(office, "alice", mobile="13800138000", notify=True)
    office.admin.rules.add(alice, name="r")
    office.admin.rules.add(alice, name="second phone", notify_to="13500135000")
    office.notifier.notify([_mail(alice, direction="out", sender=bob, asked=True)], NOON)
    office.notifier.notify([_mail(alice, queue_id="4mx")], NOON)  # the same mail again at the MX
    assert sorted(to for to, _ in _sent(office)) == ["8613500135000", "8613800138000"]


def test_nobody_asked(office: Office, post: _Sink) -> None:
    bob = _user(office, "bob", mobile="13900139000")
    carol = _user(office, "carol", mobile="13700137000")
    office.notifier.notify([_mail(carol, direction="out", sender=bob)], NOON)
    office.notifier.notify([_mail(carol, number=2, direction="in", asked=True)], NOON)  # nobody logged in
    assert not office.stack.waiting_messages()
    assert not post.mails


def test_without_a_number_the_sender_is_told_once(office: Office, post: _Sink) -> None:
    bob = _user(office, "bob", mobile="13900139000")
    carol = _user(office, "carol")
    mail = _mail(carol, ("x@world.test", ""), direction="out", sender=bob, asked=True, subject="你好")
    for _ in range(2):
        office.notifier.notify([mail], NOON)
    assert not office.stack.waiting_messages()
    ((mail_from, rcpt_tos, notice),) = post.mails
    assert mail_from in ("", "<>")
    assert rcpt_tos == [bob]
    assert notice["Auto-Submitted"] == "auto-replied"
    assert notice["In-Reply-To"] == "<1@world.test>"
    assert notice["From"] == "postmaster@example.test"
    assert "短信未发出" in notice["Subject"]
    assert "No SMS" in notice["Subject"]
    text = notice.get_content()
    for part in (carol, "x@world.test", "你好", "手机号码", "mobile"):
        assert part in text
    assert {why for _, why, _ in _outcomes(office)} == {"no_number"}


def test_a_standing_choice_tells_once_a_day_and_notices_have_a_limit(office: Office, post: _Sink) -> None:
    bob = _user(office, "bob", notify_on_send=True)
    carol = _user(office, "carol")
    for number in range(3):
        office.notifier.notify([_mail(carol, number=number, direction="out", sender=bob)], NOON)
    assert len(post.mails) == 1
    for number in range(10, 20):
        office.notifier.notify([_mail(carol, number=number, direction="out", sender=bob, asked=True)], NOON)
    assert len(post.mails) == 3  # notices_per_hour


def test_a_notice_waits_for_smtp_and_is_dropped_when_refused_for_good(office: Office, post: _Sink) -> None:
    bob = _user(office, "bob")
    carol = _user(office, "carol", mobile="13700137000")
    mail = _mail(carol, ("x@world.test", ""), direction="out", sender=bob, asked=True)
    post.reply = "451 4.3.0 later"
    with pytest.raises(TempFail):
        office.notifier.notify([mail], NOON)
    assert len(office.stack.waiting_messages()) == 1
    post.reply = "250 OK"
    office.notifier.notify([mail], NOON)
    assert len(post.mails) == 1
    assert len(office.stack.waiting_messages()) == 1
    post.reply = "550 5.7.1 never"
    office.notifier.notify([_mail(("y@world.test", ""), number=2, direction="out", sender=bob, asked=True)], NOON)
    assert len(post.mails) == 1


def test_ldap_away(office: Office, slapd: Slapd) -> None:
    alice = _user(office, "alice", mobile="13800138000", notify=True)
    office.admin.rules.add(alice, name="r")
    slapd.freeze()
    try:
        with pytest.raises(DirectoryDown):
            office.notifier.notify([_mail(alice)], NOON)
    finally:
        slapd.thaw()
    assert not office.stack.waiting_messages()
    time.sleep(1.1)  # so long a server that was silent is left alone
    office.notifier.notify([_mail(alice)], NOON)
    assert len(office.stack.waiting_messages()) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"subject": "\udcff\x00\x1b[2J" * 50, "header_from": "\ud800" * 30},
        {"message_id": "\udcff not an id\r\nBcc: x@world.test", "subject": "a\nb"},
        {"subject": "", "text": "", "header_from": ""},
        {"text": "👨‍👩‍👧‍👦" * 200, "subject": "🎉" * 300},
    ],
)
def test_hostile_mail(office: Office, post: _Sink, more: dict[str, Any]) -> None:
    bob = _user(office, "bob", mobile="13900139000", notify=True)
    office.admin.rules.add(bob, name="r")
    recipients = (bob, ("x@world.test", ""))
    office.notifier.notify([_mail(*recipients, direction="out", sender=bob, asked=True, **more)], NOON)
    (message,) = office.stack.waiting_messages()
    assert len(split(message["text"], long=False)) == 1
    ((_, rcpt_tos, notice),) = post.mails
    assert rcpt_tos == [bob]
    assert notice["Bcc"] is None


def test_many_mails_at_once_are_as_many_alone(office: Office) -> None:
    """Two searches and one script for all; each mail by the rules of its own recipients."""
    alice = _user(office, "alice", mobile="13800138000", notify=True)
    bob = _user(office, "bob", mobile="13900139000", notify=True, long_sms=True)
    carol = _user(office, "carol", mobile="13700137000")
    office.admin.rules.add(alice, name="all", daily_cap=2)
    office.admin.rules.add(bob, name="urgent", urgent_only=True)
    office.admin.rules.add(bob, name="boss", senders=["boss@world.test"])
    office.admin.contacts.add(bob, "Carol", mail=[carol], mobile="13700137000")
    mails = [
        _mail(alice, number=1),
        _mail(alice, bob, ("far@world.test", ""), number=2),
        _mail(bob, carol, number=3, mail_from="x@world.test"),
        _mail(alice, number=4),
        _mail(carol, number=5, direction="out", sender=bob, asked=True),
        _mail(carol, (f"nobody@{office.domain}", f"nobody@{office.domain}"), number=6),
    ]
    office.notifier.notify(mails, NOON)
    found = {(m["queue_id"], m["to"]) for m in office.stack.waiting_messages()}
    assert found == {
        ("4abc1", "8613800138000"),
        ("4abc2", "8613800138000"),
        ("4abc2", "8613900139000"),
        ("4abc5", "8613700137000"),
    }
    skipped = {(e["queue_id"], e["result"]) for e in office.stack.events("notify.skipped")}
    assert ("4abc4", "cap") in skipped
    office.notifier.notify(mails, NOON)
    assert len(office.stack.waiting_messages()) == 4


def test_a_months_cap_holds_for_notifications(stack: Stack, slapd: Slapd) -> None:
    stack.configure(
        f'[sms.routes.default]\nlinks = ["mobile"]\nprice_fen = 5\n{stack.link()}',
        ldap=_ldap(slapd),
    )
    stack.start_redis()
    for office in _office(stack):
        alice = _user(office, "alice", mobile="13800138000", notify=True, sms_month_fen=10)
        bob = _user(office, "bob", mobile="13900139000", notify=True)
        office.admin.domains.set(office.domain, sms_month_fen=20)
        for mailbox in (alice, bob):
            office.admin.rules.add(mailbox, name="all")
        for number in range(4):
            office.notifier.notify([_mail(alice, number=number)], NOON)
        assert [m["to"] for m in stack.waiting_messages()] == ["8613800138000"] * 2
        for number in range(4, 8):
            office.notifier.notify([_mail(bob, number=number)], NOON)
        assert [m["to"] for m in stack.waiting_messages()].count("8613900139000") == 2  # the domain's cap
        assert [e["result"] for e in stack.events("notify.skipped")] == ["spending_cap"] * 4
