"""The simulated ISMG over a real socket."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from mail2sms.cmpp.codes import Result, Version
from mail2sms.cmpp.events import (
    AskAnswered,
    Closed,
    Connected,
    Delivered,
    LoginRefused,
    PeerTested,
    Reported,
    SubmitAnswered,
    SubmitUnanswered,
)
from mail2sms.cmpp.msgid import MsgId, nth
from mail2sms.cmpp.pdu import Cancel, CancelResp, Query, QueryResp
from mail2sms.content import part_of
from tests.carriers.conftest import Carrier, Sp

pytestmark = pytest.mark.live
MakeSp = Callable[..., Sp]


def last_texts(carrier: Carrier, number: str, count: int) -> list[str]:
    return [message["text"] for message in carrier.get(f"/phones/{number}/messages")[-count:]]


@pytest.mark.parametrize("version", [Version.V20, Version.V21, Version.V30])
def test_submit_is_answered_shown_and_reported(carrier: Carrier, sp: MakeSp, version: Version) -> None:
    link = sp(version).logged_in()
    text = f"您有新邮件 {version:x}"
    link.submit(text, "13800138000")
    (answer,) = link.wait(SubmitAnswered)
    assert answer.result == 0
    parts = MsgId.unpack(answer.msg_id)
    assert (parts.ismg, 1 <= parts.month <= 12, parts.hour < 24) == (1001, True, True)
    (event,) = link.wait(Reported)
    assert (event.report.msg_id, event.report.stat) == (answer.msg_id, "DELIVRD")
    assert event.report.dest_terminal_id == "13800138000"
    assert event.deliver.dest_id == "10658878"
    assert last_texts(carrier, "13800138000", 1) == [text]


def test_login_is_checked(carrier: Carrier, sp: MakeSp) -> None:
    for version in (Version.V20, Version.V30):
        (refused,) = sp(version, secret="wrong").wait(LoginRefused)
        assert refused.status == 3
    (refused,) = sp(sp_id="999999").wait(LoginRefused)
    assert refused.status == 2
    carrier.faults(max_links=1)
    sp().logged_in()
    (refused,) = sp().wait(LoginRefused)
    assert refused.status == 5


@pytest.mark.parametrize(
    "change, result",
    [
        ({"msg_src": "999999"}, Result.MSG_SRC),
        ({"src_id": "MAIL"}, Result.SRC_ID),
        ({"to": "alice"}, Result.DEST_TERMINAL_ID),
        ({"msg_fmt": 0, "msg_content": b"a" * 159}, Result.OK),
    ],
)
def test_fields_are_checked(sp: MakeSp, carrier: Carrier, change: dict[str, Any], result: int) -> None:
    link = sp().logged_in()
    link.submit("x", change.pop("to", "13800138000"), **change)
    (answer,) = link.wait(SubmitAnswered)
    assert answer.result == result
    assert (answer.msg_id == 0) == (result != Result.OK)


def test_group_gets_ids_in_a_row_and_a_report_each(sp: MakeSp, carrier: Carrier) -> None:
    link = sp().logged_in()
    numbers = [f"1390013{n:04}" for n in range(99)]
    link.submit("群发", *numbers)
    (answer,) = link.wait(SubmitAnswered)
    reports = {event.report.dest_terminal_id: event.report.msg_id for event in link.wait(Reported, 99)}
    assert reports == {number: nth(answer.msg_id, index) for index, number in enumerate(numbers)}
    assert last_texts(carrier, numbers[57], 1) == ["群发"]


def test_long_message_is_joined_on_the_phone(sp: MakeSp, carrier: Carrier) -> None:
    link = sp().logged_in()
    text = "彩邮😀" * 40
    octets = text.encode("utf-16-be")
    cut = [octets[i : i + 134] for i in range(0, len(octets), 134)]  # tears a surrogate pair, as others' software does
    for number in (2, 3, 1):
        link.submit("", msg_content=bytes((5, 0, 3, 9, 3, number)) + cut[number - 1], tp_udhi=1)
    link.wait(SubmitAnswered, 3)
    message = carrier.get("/phones/13800138000/messages")[-1]
    assert (message["text"], message["parts"]) == (text, 3)


def test_reports_come_on_the_other_link_before_the_answer_and_twice(sp: MakeSp, carrier: Carrier) -> None:
    carrier.faults(
        report_link="other", report_before_answer=True, report_copies=2, report_stats={"13800138000": "MK:0001"}
    )
    one, other = sp().logged_in(), sp().logged_in()
    one.submit("hello")
    one.turn()
    reports = other.wait(Reported, 2)
    assert one.all(SubmitAnswered) == []
    (answer,) = one.wait(SubmitAnswered)
    assert {event.report.msg_id for event in reports} == {answer.msg_id}
    assert {event.report.stat for event in reports} == {"MK:0001"}
    assert one.all(Reported) == []


def test_reports_change_their_order(sp: MakeSp, carrier: Carrier) -> None:
    carrier.faults(report_jitter_s=0.5, report_delay_s=0, report_empty_number=True)
    link = sp().logged_in()
    for _ in range(16):
        link.submit("x")
    ids = [answer.msg_id for answer in link.wait(SubmitAnswered, 16)]
    reports = [event.report for event in link.wait(Reported, 16)]
    assert sorted(report.msg_id for report in reports) == sorted(ids)
    assert [report.msg_id for report in reports] != ids
    assert {report.dest_terminal_id for report in reports} == {""}


def test_report_that_is_not_taken_comes_on_the_next_link(sp: MakeSp, carrier: Carrier) -> None:
    first = sp().logged_in()
    first.acknowledges = False
    first.submit("x")
    (answer,) = first.wait(SubmitAnswered)
    first.wait(Reported)
    first.close()
    (again,) = sp().logged_in().wait(Reported)
    assert again.report.msg_id == answer.msg_id


def test_flow_limit_and_refusal(sp: MakeSp, carrier: Carrier) -> None:
    carrier.faults(max_per_s=5)
    link = sp().logged_in()
    for _ in range(14):
        link.submit("x")
    results = [answer.result for answer in link.wait(SubmitAnswered, 14)]
    assert results.count(0) in (5, 10)  # the second may turn meanwhile
    assert set(results) == {0, 8}
    carrier.faults(refuse_result=13, refuse_numbers=["+8613900139000"])
    for number in ("13900139000", "13800138000"):
        link.submit("x", number)
    assert [answer.result for answer in link.wait(SubmitAnswered, 16)[14:]] == [13, 0]


def test_dropped_answer_and_resend_deliver_once(sp: MakeSp, carrier: Carrier) -> None:
    before = carrier.get("/ismg/status")["submits_last"]
    carrier.faults(drop_answers=1.0)
    link = sp().logged_in()
    link.submit("once only", "13700137000")
    link.idle(0.6)
    carrier.faults()
    (answer,) = link.wait(SubmitAnswered)  # to the resend after 1 s
    assert (answer.result, answer.tries) == (0, 2)
    attempts = carrier.get(f"/ismg/submits?after={before}")
    assert [(attempt["text"], attempt["repeated"]) for attempt in attempts] == [
        ("once only", False),
        ("once only", True),
    ]
    assert {attempt["msg_id"] for attempt in attempts} == {f"{answer.msg_id:016x}"}
    assert last_texts(carrier, "13700137000", 9) == ["once only"]


def test_resend_that_overtakes_a_slow_answer_delivers_once(sp: MakeSp, carrier: Carrier) -> None:
    carrier.faults(answer_delay_s=1.5)
    link = sp().logged_in()
    link.submit("slow", "13500135001")
    link.wait(SubmitAnswered)
    link.idle(1.3)
    assert len(link.all(SubmitAnswered)) == 1
    assert last_texts(carrier, "13500135001", 9) == ["slow"]


def test_answer_never_given_is_told_in_doubt(sp: MakeSp, carrier: Carrier) -> None:
    carrier.faults(drop_answers=1.0, reports=False)
    link = sp().logged_in()
    sequence_id = link.submit("x")
    assert link.session.free == 15
    carrier.faults(silent=True)
    (event,) = link.wait(SubmitUnanswered)
    assert event == SubmitUnanswered(sequence_id=sequence_id, tries=2)


def test_slow_answers_and_more_than_the_window(sp: MakeSp, carrier: Carrier) -> None:
    carrier.faults(answer_delay_s=0.5)
    link = sp().logged_in()
    for _ in range(16):
        link.submit("x")
    assert link.session.free == 0
    link.idle(0.2)
    assert link.all(SubmitAnswered) == []
    assert {answer.result for answer in link.wait(SubmitAnswered, 16)} == {0}


def test_cut_at_the_nth_submit_leaves_the_rest_in_doubt(sp: MakeSp, carrier: Carrier) -> None:
    before = carrier.get("/ismg/status")["submits_last"]
    carrier.faults(disconnect_after=3)
    link = sp().logged_in()
    for number in range(5):
        link.submit(f"cut {number}")
    (closed,) = link.wait(Closed)
    assert len(closed.unanswered) + len(link.all(SubmitAnswered)) == 5
    taken = [attempt["text"] for attempt in carrier.get(f"/ismg/submits?after={before}")]
    assert taken == ["cut 0", "cut 1", "cut 2"]


def _cancel(link: Sp, msg_id: int) -> object:
    link.session.ask(Cancel(msg_id=msg_id), time.monotonic())
    before = len(link.all(AskAnswered))
    return link.wait(AskAnswered, before + 1)[-1].answer


def test_cancel_withdraws_what_no_phone_has_yet(sp: MakeSp, carrier: Carrier) -> None:
    carrier.faults(hold_s=30)
    link = sp().logged_in()
    link.submit("never seen", "13500135002")
    (answer,) = link.wait(SubmitAnswered)
    assert _cancel(link, answer.msg_id) == CancelResp(success_id=0)
    (event,) = link.wait(Reported)
    assert (event.report.msg_id, event.report.stat) == (answer.msg_id, "DELETED")
    assert _cancel(link, answer.msg_id) == CancelResp(success_id=1)
    carrier.faults(report_delay_s=0)
    link.submit("seen", "13500135002")
    link.wait(Reported, 2)
    assert _cancel(link, link.all(SubmitAnswered)[1].msg_id) == CancelResp(success_id=1)
    assert last_texts(carrier, "13500135002", 9) == ["seen"]


def test_query_counts(sp: MakeSp, carrier: Carrier) -> None:
    link = sp().logged_in()
    link.submit("x")
    link.wait(SubmitAnswered)
    link.session.ask(Query(time="20261123"), time.monotonic())
    (event,) = link.wait(AskAnswered)
    assert isinstance(event.answer, QueryResp)
    assert (event.answer.time, event.answer.mt_scs > 0) == ("20261123", True)


@pytest.mark.parametrize(
    "valid_time, result, stat",
    [
        ("681231235959032+", 0, "DELIVRD"),
        ("200101000000032+", 0, "EXPIRED"),
        ("20260101", Result.STRUCTURE, ""),
        ("261301000000032+", Result.STRUCTURE, ""),
    ],
)
def test_validity_is_kept(sp: MakeSp, carrier: Carrier, valid_time: str, result: int, stat: str) -> None:
    carrier.faults(hold_s=0.01)
    link = sp().logged_in()
    link.submit("until then", valid_time=valid_time)
    (answer,) = link.wait(SubmitAnswered)
    assert answer.result == result
    if stat:
        assert link.wait(Reported)[0].report.stat == stat


def test_ismg_that_joins_answers_the_part_that_makes_it_whole(sp: MakeSp, carrier: Carrier) -> None:
    carrier.faults(join_long=True)
    link = sp().logged_in()
    ids = {}
    for number in (3, 1, 2):
        content = bytes((5, 0, 3, 77, 3, number)) + f"{number}".encode("utf-16-be")
        ids[number] = link.submit("", "13500135003", msg_content=content, tp_udhi=1)
    (answer,) = link.wait(SubmitAnswered)
    (report,) = link.wait(Reported)
    assert (answer.sequence_id, report.report.msg_id) == (ids[2], answer.msg_id)
    assert last_texts(carrier, "13500135003", 9) == ["123"]


def test_refused_connections_and_logins(sp: MakeSp, carrier: Carrier) -> None:
    carrier.faults(accept_connections=False)
    sp().wait(Closed)
    carrier.faults(refuse_login=4)
    (refused,) = sp().wait(LoginRefused)
    assert refused.status == 4


def test_silence_and_back(sp: MakeSp, carrier: Carrier) -> None:
    link = sp().logged_in()
    carrier.faults(silent=True)
    link.submit("x")
    link.idle(0.3)
    assert link.all(SubmitAnswered) == []
    carrier.faults()
    link.wait(SubmitAnswered)
    assert link.session.state.value == "open"


def test_own_active_test_is_sent_and_ours_answered(sp: MakeSp, carrier: Carrier) -> None:
    carrier.faults(test_every_s=0.2)
    link = sp().logged_in()
    link.wait(PeerTested, 2)


def test_orderly_end_of_all_links(sp: MakeSp, carrier: Carrier) -> None:
    link = sp().logged_in()
    assert carrier.http("POST", "/ismg/disconnect", {"in_order": True}) == (200, {"links": 1})
    assert link.wait(Closed)[0].clean


@pytest.mark.parametrize("version", [Version.V20, Version.V30])
def test_handset_writes_to_the_sp(sp: MakeSp, carrier: Carrier, version: Version) -> None:
    link = sp(version).logged_in()
    carrier.faults(mo_udhi=64, mo_copies=2)
    text = "请把名片发给我😀" * 20
    status, body = carrier.http("POST", "/phones/+8613800138000/messages", {"to": "106588780001", "text": text})
    assert (status, body["parts"]) == (202, 3)
    delivers = [event.deliver for event in link.wait(Delivered, 6)]
    assert {deliver.tp_udhi for deliver in delivers} == {64}
    assert {(deliver.src_terminal_id, deliver.dest_id) for deliver in delivers} == {("8613800138000", "106588780001")}
    parts = {part.number: part.body for part in (part_of(deliver.tp_udhi, deliver.msg_content) for deliver in delivers)}
    assert b"".join(parts[number] for number in (1, 2, 3)).decode("utf-16-be") == text
    assert len({deliver.msg_id for deliver in delivers}) == 3


def test_handset_may_write_while_no_link_is_up(sp: MakeSp, carrier: Carrier) -> None:
    status, body = carrier.http("POST", "/phones/13800138000/messages", {"to": "10658878", "text": "later"})
    assert (status, body["links"]) == (202, 0)
    (event,) = sp().logged_in().wait(Delivered)
    assert event.deliver.msg_content == b"later"


def test_noise_on_the_port_does_no_harm(sp: MakeSp, carrier: Carrier) -> None:
    for noise in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0" * 5000,
        b"\0\0\0\x0c\0\0\0\x09\0\0\0\0",
        b"\0\0\x0f\xff" + b"x" * 100,
    ):
        link = sp()
        link.session.data_to_send()
        link.socket.sendall(noise)
        link.socket.shutdown(1)
        link.socket.recv(1000)
        link.close()
    sp().logged_in()


def test_connected_event_says_the_layout(sp: MakeSp, carrier: Carrier) -> None:
    (connected,) = sp(Version.V20).wait(Connected)
    assert (connected.layout, connected.authentic) == (Version.V20, True)
    (connected,) = sp(Version.V30).wait(Connected)
    assert (connected.layout, connected.authentic) == (Version.V30, True)
    layouts = [link["layout"] for link in carrier.get("/ismg/status")["accounts"][0]["links"]]
    assert sorted(layouts) == ["2.0", "3.0"]
