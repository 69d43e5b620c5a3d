from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiyou.directory.model import Rule, State, Subscriber
from caiyou.errors import InputError
from caiyou.msisdn import Msisdn
from caiyou.queues import Notify
from mail2sms.rules import Decision, Due, Why, matches, merge, on_arrival, on_send, parse_quiet, quiet_end

CHINA = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=CHINA)
OWN = Msisdn("8613800138000")
OTHER = Msisdn("8613900139000")


def _mail(**more: Any) -> Notify:
    values: dict[str, Any] = {
        "queue_id": "4abc",
        "message_id": "<1@x>",
        "direction": "in",
        "mail_from": "boss@corp.example.test",
        "header_from": "李四 经理",
        "sent_at": NOON.isoformat(),
        "subject": "Q3 报表",
        "text": "请查收 invoice 附件",
    }
    return Notify(**{**values, **more})


def _subscriber(**more: Any) -> Subscriber:
    values: dict[str, Any] = {"mailbox": "a@example.test", "domain": "example.test", "mobile": OWN, "notify": True}
    return Subscriber(**{**values, **more})


def _rule(**more: Any) -> Rule:
    return Rule(**{"name": "r", **more})


@pytest.mark.parametrize(
    "sender, fits",
    [
        ("boss@corp.example.test", True),
        ("BOSS@Corp.Example.Test", True),
        ("ss@corp.example.test", False),
        ("corp.example.test", True),
        ("example.test", True),
        ("@example.test", True),
        (".example.test", True),
        ("xample.test", False),
        ("corp", False),
        ("李四", True),
        ("经理", True),
        ("王五", False),
        ("", False),
        (" ", False),
        ("@", False),
    ],
)
def test_sender(sender: str, fits: bool) -> None:
    assert matches(_rule(senders=(sender,)), _mail()) is fits


def test_sender_is_looked_for_in_the_from_header_too() -> None:
    rule = _rule(senders=("boss@corp.example.test",))
    assert matches(rule, _mail(mail_from="bounce+1@lists.test", from_address="Boss@corp.example.test"))
    assert matches(rule, _mail(mail_from="", header_from="boss@corp.example.test"))
    assert not matches(rule, _mail(mail_from="bounce+1@lists.test"))


def test_sender_in_chinese_and_in_punycode_is_one() -> None:
    assert matches(_rule(senders=("例子.测试",)), _mail(mail_from="李四@xn--fsqu00a.xn--0zwm56d"))
    assert matches(_rule(senders=("李四@xn--fsqu00a.xn--0zwm56d",)), _mail(mail_from="李四@例子.测试"))


@pytest.mark.parametrize(
    "keyword, fits",
    [("报表", True), ("INVOICE", True), ("ｉｎｖｏｉｃｅ", True), ("q3", True), ("合同", False), ("  ", True)],
)
def test_keyword_in_subject_or_text(keyword: str, fits: bool) -> None:
    assert matches(_rule(keywords=(keyword,)), _mail()) is fits


def test_any_keyword_is_enough_and_every_condition_is_needed() -> None:
    assert matches(_rule(keywords=("合同", "报表")), _mail())
    assert not matches(_rule(keywords=("报表",), urgent_only=True), _mail())
    assert matches(_rule(keywords=("报表",), urgent_only=True, senders=("李四",)), _mail(urgent=True))
    assert not matches(_rule(keywords=("报表",), senders=("王五",)), _mail())
    assert matches(_rule(), _mail())


@pytest.mark.parametrize(
    "subscriber, rules, why",
    [
        (_subscriber(notify=False), [_rule()], Why.OFF),
        (_subscriber(state=State.SUSPENDED), [_rule()], Why.SUSPENDED),
        (_subscriber(), [], Why.NO_RULE),
        (_subscriber(), [_rule(by="mms")], Why.NO_RULE),
        (_subscriber(), [_rule(keywords=("合同",))], Why.NO_MATCH),
        (_subscriber(mobile=None), [_rule()], Why.NO_NUMBER),
    ],
)
def test_arrival_skipped(subscriber: Subscriber, rules: list[Rule], why: Why) -> None:
    assert on_arrival(subscriber, rules, _mail(), NOON, CHINA) == Decision(skipped=why)


def test_arrival_goes_to_each_number_once() -> None:
    rules = [
        _rule(name="1", daily_cap=3, quiet="11:00-13:00"),
        _rule(name="2", daily_cap=5, quiet="11:00-12:30"),
        _rule(name="3", notify_to=OTHER),
        _rule(name="4", keywords=("合同",), notify_to=Msisdn("8613700137000")),
    ]
    decision = on_arrival(_subscriber(), rules, _mail(), NOON, CHINA)
    assert decision.due == (
        Due(number=OWN, why=Why.ARRIVAL, not_before=NOON + timedelta(minutes=30), daily_cap=5),
        Due(number=OTHER, why=Why.ARRIVAL),
    )


def test_a_rule_without_quiet_hours_or_cap_beats_one_with() -> None:
    rules = [_rule(name="1", daily_cap=3, quiet="11:00-13:00"), _rule(name="2")]
    assert on_arrival(_subscriber(), rules, _mail(), NOON, CHINA).due == (Due(number=OWN, why=Why.ARRIVAL),)


def test_on_send_takes_the_contact_then_the_recipients_own_entry() -> None:
    subscriber = _subscriber(notify=False)
    assert on_send(OTHER, subscriber, [], NOON, CHINA).due == (Due(number=OTHER, why=Why.ASKED),)
    assert on_send(None, subscriber, [], NOON, CHINA).due == (Due(number=OWN, why=Why.ASKED),)
    assert on_send(None, None, [], NOON, CHINA).skipped is Why.NO_NUMBER
    assert on_send(None, _subscriber(mobile=None), [], NOON, CHINA).skipped is Why.NO_NUMBER
    assert on_send(None, _subscriber(state=State.SUSPENDED), [], NOON, CHINA).skipped is Why.SUSPENDED


def test_on_send_keeps_the_recipients_quiet_hours_but_not_his_cap() -> None:
    rules = [_rule(quiet="11:00-13:00", daily_cap=1, keywords=("合同",))]
    (due,) = on_send(None, _subscriber(), rules, NOON, CHINA).due
    assert due.not_before == NOON + timedelta(hours=1)
    assert due.daily_cap == 0


def test_merge_gives_one_message_to_one_number() -> None:
    arrival = Decision(due=(Due(number=OWN, why=Why.ARRIVAL, daily_cap=3), Due(number=OTHER, why=Why.ARRIVAL)))
    sending = Decision(due=(Due(number=OWN, why=Why.ASKED),))
    assert merge(arrival, sending).due == (Due(number=OWN, why=Why.ASKED), Due(number=OTHER, why=Why.ARRIVAL))
    nothing = Decision(skipped=Why.OFF)
    assert merge(nothing, Decision(skipped=Why.NO_NUMBER)) == Decision(skipped=Why.NO_NUMBER)
    assert merge(arrival, Decision(skipped=Why.NO_NUMBER)).skipped is None


@pytest.mark.parametrize(
    "quiet, at, end",
    [
        ("22:00-07:00", "21:59", None),
        ("22:00-07:00", "22:00", "2026-11-24T07:00"),
        ("22:00-07:00", "23:59", "2026-11-24T07:00"),
        ("22:00-07:00", "00:00", "2026-11-23T07:00"),
        ("22:00-07:00", "06:59", "2026-11-23T07:00"),
        ("22:00-07:00", "07:00", None),
        ("12:00-14:00", "13:00", "2026-11-23T14:00"),
        ("12:00-14:00", "14:00", None),
        ("22:00-24:00", "23:00", "2026-11-24T00:00"),
        ("00:00-06:00", "00:00", "2026-11-23T06:00"),
        ("２２：００－０７：００", "23:00", "2026-11-24T07:00"),
        ("9:00-9:00", "09:00", None),
        ("", "09:00", None),
        ("nonsense", "09:00", None),
        ("25:00-26:00", "09:00", None),
    ],
)
def test_quiet_hours(quiet: str, at: str, end: str | None) -> None:
    now = datetime.fromisoformat(f"2026-11-23T{at}").replace(tzinfo=CHINA)
    found = quiet_end(quiet, now, CHINA)
    assert found == (datetime.fromisoformat(end).replace(tzinfo=CHINA) if end else None)


def test_quiet_hours_are_the_subscribers_own() -> None:
    now = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)  # 23:00 in China, 10:00 in New York
    assert quiet_end("22:00-07:00", now, CHINA) == datetime(2026, 11, 23, 23, 0, tzinfo=UTC)
    assert quiet_end("22:00-07:00", now, ZoneInfo("America/New_York")) is None


@pytest.mark.parametrize("quiet", ["22-7", "22:00", "22:00-07:60", "24:01-05:00", "ab:cd-ef:gh", "22:00-07:00-08:00"])
def test_quiet_hours_refused(quiet: str) -> None:
    with pytest.raises(InputError):
        parse_quiet(quiet)


_clocks = st.times().map(lambda t: t.replace(second=0, microsecond=0))


@given(start=_clocks, end=_clocks, now=st.datetimes(timezones=st.sampled_from([CHINA, ZoneInfo("Europe/Berlin"), UTC])))
def test_quiet_end_is_the_end_and_it_is_quiet_until_then(start: time, end: time, now: datetime) -> None:
    quiet = f"{start:%H:%M}-{end:%H:%M}"
    zone = now.tzinfo
    assert zone is not None
    found = quiet_end(quiet, now, zone)
    clock = now.time()
    inside = start <= clock < end if start < end else start != end and (clock >= start or clock < end)
    assert (found is not None) == inside
    if found is not None:
        assert found.astimezone(zone).time().replace(tzinfo=None) == end
        assert timedelta(0) < found.replace(tzinfo=None) - now.replace(tzinfo=None) <= timedelta(days=1)


@given(st.text(), st.text(), st.text())
def test_no_text_breaks_a_rule(sender: str, keyword: str, subject: str) -> None:
    rule = _rule(senders=(sender,), keywords=(keyword,))
    assert matches(rule, _mail(subject=subject, header_from=sender or "x")) in (True, False)


@given(st.text(min_size=1).filter(lambda text: text.strip()), st.text(), st.text())
def test_a_keyword_that_is_there_is_found(keyword: str, before: str, after: str) -> None:
    assert matches(_rule(keywords=(keyword,)), _mail(subject=f"{before} {keyword} {after}"))
