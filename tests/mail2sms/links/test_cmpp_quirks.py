"""Where real ISMGs break CMPP's text: each way they were seen to do it, and the test that a link stands it.

The peers are scripts on real sockets that write what those ISMGs wrote. QUIRKS is the list; a test sees to it that
nobody takes a test away and leaves its line.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mail2sms.cmpp.codes import Version
from mail2sms.cmpp.frame import encode, encode_report
from mail2sms.cmpp.pdu import (
    ActiveTest,
    ActiveTestResp,
    Connect,
    Deliver,
    DeliverResp,
    Report,
    Submit,
    SubmitResp,
    Terminate,
    TerminateResp,
)
from mail2sms.links import LinkState, Outcome, ReportState
from mail2sms.links.cmpp import CmppLink
from mail2sms.segment import split
from tests.mail2sms.links.cmpp_peer import PHONE, SECRET, SP_ID, V20, V30, Conversation, Peer, Told, part, play, until

HERE = "tests/mail2sms/links/test_cmpp_quirks.py"
SESSION = "tests/mail2sms/cmpp/test_session.py"
AUTH = "tests/mail2sms/cmpp/test_auth.py"
FRAME = "tests/mail2sms/cmpp/test_frame.py"
MSGID = "tests/mail2sms/cmpp/test_msgid.py"
GATEWAY = "tests/mail2sms/test_gateway.py"

# What was seen: (file, test) where it is stood.
QUIRKS: dict[str, tuple[tuple[str, str], ...]] = {
    "AuthenticatorISMG over a 4-octet Status in 2.0": (
        (AUTH, "test_proof_of_the_ismg"),
        (HERE, "test_wrong_proof_of_the_ismg_is_a_warning"),
    ),
    "AuthenticatorISMG is a copy of AuthenticatorSource": ((HERE, "test_wrong_proof_of_the_ismg_is_a_warning"),),
    "AuthenticatorISMG is MD5 of four 0x00 only": ((HERE, "test_wrong_proof_of_the_ismg_is_a_warning"),),
    "AuthenticatorISMG is a text": ((HERE, "test_wrong_proof_of_the_ismg_is_a_warning"),),
    "a wrong AuthenticatorISMG is a refusal only where so configured": (
        (HERE, "test_wrong_proof_of_the_ismg_ends_it_where_that_is_wanted"),
    ),
    "refused login: 30 or 33 octets, Status 3, then close; version 30h on the 2.0 port": (
        (HERE, "test_refused_login_waits_long"),
    ),
    "fifth link over the limit: Status 5": ((HERE, "test_too_many_links_pass_soon"),),
    "answers in the layout of 3.0 to a login that asked for 2.0": (
        (HERE, "test_layout_follows_the_answer"),
        (SESSION, "test_answer_in_30_to_a_login_in_20_sets_the_layout"),
        (FRAME, "test_layout_follows_the_length_not_the_version_asked_for"),
    ),
    "answers ACTIVE_TEST with ACTIVE_TEST": (
        (HERE, "test_active_test_answered_by_active_test"),
        (SESSION, "test_test_answered_by_a_test_keeps_the_link"),
    ),
    "its own ACTIVE_TEST has sequence 0, each 5 s, closed when three are unanswered": (
        (HERE, "test_every_active_test_is_answered_with_its_sequence"),
    ),
    "its own ACTIVE_TEST is sent again with the same sequence": (
        (HERE, "test_every_active_test_is_answered_with_its_sequence"),
    ),
    "ACTIVE_TEST_RESP without its reserved octet": ((FRAME, "test_active_test_resp_may_lack_its_octet"),),
    "an unanswered DELIVER comes again with its sequence, then the link is closed": (
        (HERE, "test_unanswered_deliver_comes_again_and_on_the_next_link"),
    ),
    "reports on any link of the account": ((GATEWAY, "test_reports_as_carriers_send_them"),),
    "reports in any order": ((HERE, "test_reports_in_any_order"),),
    "report before SUBMIT_RESP": (
        (HERE, "test_report_before_the_answer"),
        (GATEWAY, "test_reports_as_carriers_send_them"),
    ),
    "joins long messages itself: only the last part is answered": (
        (HERE, "test_last_part_is_answered_for_all"),
        (HERE, "test_unanswered_parts_are_lost_where_nobody_joins"),
    ),
    "Msg_Id is not in the bit layout": ((HERE, "test_msg_id_may_be_any_number"),),
    "the report's Src_terminal_Id is the fee number, or empty": ((HERE, "test_report_is_known_by_its_msg_id_alone"),),
    "TERMINATE is answered by a plain close": ((HERE, "test_logging_out_from_a_peer_that_just_closes"),),
    "over the limit: Result 8": ((HERE, "test_result_8_is_flow_control"),),
    "TP_udhi is 40h": ((HERE, "test_tp_udhi_is_whatever_is_not_0"),),
    "the hash is over the 6 octets of Source_Addr": (
        (HERE, "test_hash_over_the_padded_sp_id_where_that_is_wanted"),
        (AUTH, "test_proof_over_the_padded_source_differs_for_short_sp_ids_only"),
    ),
    "reports of the other version's length": ((HERE, "test_report_texts"),),
    "stat in small letters, with blanks, empty, or a vendor's": ((HERE, "test_report_texts"),),
    "an unreadable report": ((HERE, "test_report_that_cannot_be_read_is_answered"),),
    "DELIVER with Msg_Id 0": ((HERE, "test_deliver_without_msg_id"),),
    "2.1": ((HERE, "test_version_2_1_is_2_0_by_another_number"),),
    "octets behind the last field": ((FRAME, "test_octets_behind_the_last_field_are_forgiven"),),
    "the same ids after a restart": ((SESSION, "test_same_sequence_with_other_content_is_another_deliver"),),
}


def test_every_quirk_has_its_test() -> None:
    root = Path(__file__).parents[3]
    for quirk, tests in QUIRKS.items():
        for file, name in tests:
            assert f"def {name}(" in (root / file).read_text(encoding="utf-8"), quirk


async def up(peer: Peer, told: Told, layout: Version | None = None) -> Conversation:
    """A link that is logged in."""
    conversation = await peer.next()
    await conversation.login(layout)
    await until(lambda: told.saw(LinkState.UP))
    return conversation


# --- login

PROOFS: dict[str, Callable[[Connect], bytes]] = {
    "over a 4-octet Status": lambda c: _md5(bytes(4) + c.authenticator_source + SECRET.encode()),
    "a copy of ours": lambda c: c.authenticator_source,
    "MD5 of the Status alone": lambda _: _md5(bytes(4)),
    "a text": lambda _: b"mockauth".ljust(16, b"\0"),
}


def _md5(octets: bytes) -> bytes:
    return hashlib.md5(octets, usedforsecurity=False).digest()


async def _answer_login(peer: Peer, layout: Version, proof: Callable[[Connect], bytes]) -> Conversation:
    """Answer a CONNECT with a proof that follows from it."""
    conversation = await peer.next()
    conversation.layout = layout
    sequence_id, connect = await conversation.read(Connect)
    size = 4 if layout is V30 else 1
    body = bytes(size) + proof(connect) + bytes([layout])
    conversation.write((12 + len(body)).to_bytes(4, "big") + (0x80000001).to_bytes(4, "big"))
    conversation.write(sequence_id.to_bytes(4, "big") + body)
    return conversation


@pytest.mark.parametrize("version", ["2.0", "3.0"])
@pytest.mark.parametrize("proof", PROOFS)
def test_wrong_proof_of_the_ismg_is_a_warning(
    tmp_path: Path, proof: str, version: str, caplog: pytest.LogCaptureFixture
) -> None:
    layout = V30 if version == "3.0" else V20

    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await _answer_login(peer, layout, PROOFS[proof])
        await until(lambda: told.saw(LinkState.UP))
        assert link.submit(1, part()) is None
        await conversation.take(5)
        await until(lambda: told.answers)

    play(script, tmp_path, version=version)
    right = proof == "over a 4-octet Status"  # lawful in 3.0, forgiven in 2.0
    assert ("AuthenticatorISMG is wrong" in caplog.text) is not right


def test_wrong_proof_of_the_ismg_ends_it_where_that_is_wanted(tmp_path: Path) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await _answer_login(peer, V30, PROOFS["a text"])
        await conversation.ended()
        await until(lambda: told.saw(LinkState.REFUSED, "AuthenticatorISMG is wrong"))

    told = play(script, tmp_path, strict_auth=True)
    assert not told.saw(LinkState.UP)


@pytest.mark.parametrize("answered", [V20, V30])
@pytest.mark.parametrize("asked", ["2.0", "3.0"])
@pytest.mark.parametrize("status", [1, 2, 3, 4])
def test_refused_login_waits_long(tmp_path: Path, status: int, asked: str, answered: Version) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await peer.next()
        conversation.layout = V30 if asked == "3.0" else V20
        sequence_id, _ = await conversation.read(Connect)
        size = 4 if answered is V30 else 1
        body = status.to_bytes(size, "big") + bytes(16) + b"\x30"
        conversation.write((12 + len(body)).to_bytes(4, "big") + (0x80000001).to_bytes(4, "big"))
        conversation.write(sequence_id.to_bytes(4, "big") + body)
        await conversation.ended()
        await until(lambda: told.saw(LinkState.REFUSED, f"status {status}; next try in 300 s"))
        await asyncio.sleep(0.2)  # four times the longest pause after a lost connection
        assert peer.conversations.empty()

    play(script, tmp_path, version=asked, refused_s=300)


@pytest.mark.parametrize("status", [5, 6, 100])
def test_too_many_links_pass_soon(tmp_path: Path, status: int) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        await (await peer.next()).login(status=status)
        await until(lambda: told.saw(LinkState.DOWN, f"status {status}"))
        await up(peer, told)

    told = play(script, tmp_path, refused_s=300)
    assert not told.saw(LinkState.REFUSED)


def test_layout_follows_the_answer(tmp_path: Path) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await peer.next()
        conversation.layout = V20
        connect = await conversation.login(V30)
        assert connect.version == 0x20
        await until(lambda: told.saw(LinkState.UP, "3.0"))
        link.submit(1, part())
        await conversation.take(5)  # in the layout of 3.0, or it could not be read
        conversation.report(5)
        await conversation.read(DeliverResp)

    play(script, tmp_path, version="2.0")


def test_version_2_1_is_2_0_by_another_number(tmp_path: Path) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await peer.next()
        conversation.layout = V20
        connect = await conversation.login()
        assert connect.version == 0x21
        await until(lambda: told.saw(LinkState.UP, "2.0"))
        link.submit(1, part())
        await conversation.take(5)

    play(script, tmp_path, version="2.1")


@pytest.mark.parametrize("padded", [False, True])
def test_hash_over_the_padded_sp_id_where_that_is_wanted(tmp_path: Path, padded: bool) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        connect = await (await peer.next()).login()
        source = b"9012\0\0" if padded else b"9012"
        said = _md5(source + bytes(9) + SECRET.encode() + b"%010d" % connect.timestamp)
        assert connect.authenticator_source == said

    play(script, tmp_path, sp_id="9012", pad_sp_id=padded)


# --- keeping the link


def test_active_test_answered_by_active_test(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await up(peer, told)
        for _ in range(3):
            sequence_id, _ = await conversation.read(ActiveTest)
            conversation.send(ActiveTest(), sequence_id)
            assert await conversation.read(ActiveTestResp) == (sequence_id, ActiveTestResp())
        assert link.capacity == 16

    told = play(script, tmp_path, idle_s=0.05, answer_s=0.1, tries=2)
    assert not told.saw(LinkState.DOWN)
    assert caplog.text.count("ACTIVE_TEST answered by ACTIVE_TEST") == 1


@pytest.mark.parametrize("sequence_ids", [(0, 0, 0), (9, 9, 9), (7, 8, 9)])
def test_every_active_test_is_answered_with_its_sequence(tmp_path: Path, sequence_ids: tuple[int, ...]) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await up(peer, told)
        for sequence_id in sequence_ids:
            conversation.send(ActiveTest(), sequence_id)
        for sequence_id in sequence_ids:
            assert await conversation.read(ActiveTestResp) == (sequence_id, ActiveTestResp())

    told = play(script, tmp_path)
    assert not told.saw(LinkState.DOWN)


def test_logging_out_from_a_peer_that_just_closes(tmp_path: Path) -> None:
    closed: list[bool] = []

    async def close_on_terminate(conversation: Conversation) -> None:
        await conversation.read(Terminate)
        conversation.close()
        closed.append(True)

    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        peer.tasks.append(asyncio.create_task(close_on_terminate(await up(peer, told))))

    play(script, tmp_path, stop_s=5.0)
    assert closed


def test_peer_that_ends_it_is_answered_and_found_again(tmp_path: Path) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await up(peer, told)
        conversation.send(Terminate(), 8)
        assert await conversation.read(TerminateResp) == (8, TerminateResp())
        await conversation.ended()
        told.states.clear()
        await up(peer, told)

    play(script, tmp_path)


# --- answers


def test_msg_id_may_be_any_number(tmp_path: Path) -> None:
    msg_ids = [20261123000001, 1, 2**64 - 1]

    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await up(peer, told)
        for tag, msg_id in enumerate(msg_ids):
            link.submit(tag, part())
            await conversation.take(msg_id)
            conversation.report(msg_id, tag)
            await conversation.read(DeliverResp)
        await until(lambda: len(told.answers) == 3)

    told = play(script, tmp_path)
    assert [told.answers[tag].ref for tag in range(3)] == [report.ref for report in told.reports]
    assert len({report.ref for report in told.reports}) == 3


def test_result_8_is_flow_control(tmp_path: Path) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await up(peer, told)
        for tag, result in enumerate((8, 13, 100, 0)):
            link.submit(tag, part())
            await conversation.take(5, result)
        await until(lambda: len(told.answers) == 4)

    answers = play(script, tmp_path).answers
    assert [answers[tag].outcome for tag in range(4)] == [
        Outcome.BUSY,
        Outcome.REFUSED,
        Outcome.REFUSED,
        Outcome.ACCEPTED,
    ]
    assert [answers[tag].result for tag in range(3)] == ["8 flow control", "13 dest terminal id", "100"]


async def _long_message(peer: Peer, link: CmppLink, told: Told, answered: tuple[int, ...]) -> list[tuple[int, Submit]]:
    """Send three parts; the peer answers some."""
    conversation = await up(peer, told)
    for segment in split("彩邮" * 80, reference=9):
        assert link.submit(segment.number, part(segment=segment)) is None
    submits = [await conversation.read(Submit) for _ in range(3)]
    for number in answered:
        sequence_id, submit = submits[number - 1]
        assert (submit.pk_total, submit.pk_number, submit.tp_udhi) == (3, number, 1)
        conversation.send(SubmitResp(msg_id=77), sequence_id)
    return submits


def test_last_part_is_answered_for_all(tmp_path: Path) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        await _long_message(peer, link, told, (3,))
        await until(lambda: len(told.answers) == 3)
        assert link.submit(9, part()) is None  # their places in the window are free again

    told = play(script, tmp_path, answers_last_part_only=True, window=3)
    assert {tag: answer.outcome for tag, answer in told.answers.items() if tag < 9} == dict.fromkeys(
        (1, 2, 3), Outcome.ACCEPTED
    )
    assert [told.answers[tag].ref for tag in (1, 2, 3)] == ["", "", f"{77:016x}"]


def test_unanswered_parts_are_lost_where_nobody_joins(tmp_path: Path) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        await _long_message(peer, link, told, (3,))
        await until(lambda: len(told.answers) == 3)

    told = play(script, tmp_path, answer_s=0.05, tries=2)
    assert [told.answers[tag].outcome for tag in (1, 2, 3)] == [Outcome.LOST, Outcome.LOST, Outcome.ACCEPTED]


def test_unanswered_submit_is_lost_when_the_link_is(tmp_path: Path) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await up(peer, told)
        link.submit(1, part())
        await conversation.read(Submit)
        conversation.close()
        await until(lambda: told.answers)

    told = play(script, tmp_path)
    assert told.answers[1].outcome is Outcome.LOST


# --- reports and messages from handsets


def test_report_before_the_answer(tmp_path: Path) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await up(peer, told)
        link.submit(1, part())
        sequence_id, _ = await conversation.read(Submit)
        conversation.report(55)
        await conversation.read(DeliverResp)
        assert not told.answers
        conversation.send(SubmitResp(msg_id=55), sequence_id)
        await until(lambda: told.answers)

    told = play(script, tmp_path)
    assert told.reports[0].ref == told.answers[1].ref


def test_reports_in_any_order(tmp_path: Path) -> None:
    order = [3, 1, 4, 2]

    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await up(peer, told)
        for msg_id in order:
            conversation.report(msg_id, sequence_id=0)
        assert [(await conversation.read(DeliverResp))[1].msg_id for _ in order] == order

    told = play(script, tmp_path)
    assert [int(report.ref, 16) for report in told.reports] == order


@pytest.mark.parametrize("more", [{"src_terminal_id": "10658878"}, {"src_terminal_id": ""}, {"to": ""}, {"msg_id": 9}])
def test_report_is_known_by_its_msg_id_alone(tmp_path: Path, more: dict[str, Any]) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await up(peer, told)
        conversation.report(55, **more)
        await conversation.read(DeliverResp)

    (report,) = play(script, tmp_path).reports
    assert (report.ref, report.state) == (f"{55:016x}", ReportState.DELIVERED)


def _report(stat: str, done_time: str = "2611230344") -> Report:
    return Report(msg_id=55, stat=stat, submit_time="", done_time=done_time, dest_terminal_id=PHONE)


@pytest.mark.parametrize("link_layout", [V20, V30])
@pytest.mark.parametrize("report_layout", [V20, V30])
@pytest.mark.parametrize(
    "stat, told_stat, state",
    [
        ("DELIVRD", "DELIVRD", ReportState.DELIVERED),
        ("delivrd", "DELIVRD", ReportState.DELIVERED),
        ("DELIVRD"[:7].title(), "DELIVRD", ReportState.DELIVERED),
        ("EXPIRED", "EXPIRED", ReportState.EXPIRED),
        ("ACCEPTD", "ACCEPTD", ReportState.PENDING),
        ("UNDELIV", "UNDELIV", ReportState.FAILED),
        ("MK:0012", "MK:0012", ReportState.FAILED),
        (" 001", "001", ReportState.FAILED),
        ("", "UNKNOWN", ReportState.FAILED),
    ],
)
def test_report_texts(
    tmp_path: Path, stat: str, told_stat: str, state: ReportState, report_layout: Version, link_layout: Version
) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await peer.next()
        conversation.layout = link_layout
        await conversation.login()
        conversation.report(55, msg_content=encode_report(_report(stat), report_layout))
        await conversation.read(DeliverResp)

    (report,) = play(script, tmp_path, version="3.0" if link_layout is V30 else "2.0").reports
    assert (report.stat, report.state, report.to) == (told_stat, state, PHONE)
    assert report.done_at is not None
    assert report.done_at.isoformat() == "2026-11-23T03:44:00+08:00"


@pytest.mark.parametrize("done_time", ["", "0000000000", "26112303", "9999999999"])
def test_time_that_cannot_be_read_is_left_out(tmp_path: Path, done_time: str) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await up(peer, told)
        conversation.report(55, msg_content=encode_report(_report("DELIVRD", done_time), V30))
        await conversation.read(DeliverResp)

    (report,) = play(script, tmp_path).reports
    assert (report.state, report.done_at) == (ReportState.DELIVERED, None)


def test_report_that_cannot_be_read_is_answered(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await up(peer, told)
        conversation.report(55, sequence_id=4, msg_content=b"id:55 stat:DELIVRD")
        assert await conversation.read(DeliverResp) == (4, DeliverResp(msg_id=55, result=1))
        conversation.report(56, sequence_id=5)
        await conversation.read(DeliverResp)

    told = play(script, tmp_path)
    assert [int(report.ref, 16) for report in told.reports] == [56]
    assert "malformed" in caplog.text
    assert not told.saw(LinkState.DOWN)


@pytest.mark.parametrize("tp_udhi", [1, 0x40, 255])
def test_tp_udhi_is_whatever_is_not_0(tmp_path: Path, tp_udhi: int) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await up(peer, told)
        for number, text in enumerate("彩邮", 1):
            content = bytes((5, 0, 3, 9, 2, number)) + text.encode("utf-16-be")
            deliver = Deliver(
                msg_id=number,
                dest_id="1065",
                src_terminal_id=PHONE,
                tp_udhi=tp_udhi,
                msg_fmt=8,
                msg_content=content,
            )
            conversation.send(deliver, number)
            await conversation.read(DeliverResp)

    told = play(script, tmp_path)
    assert [(mo.text, mo.reference, mo.number, mo.total) for mo in told.mos] == [("彩", 9, 1, 2), ("邮", 9, 2, 2)]


def test_deliver_without_msg_id(tmp_path: Path) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await up(peer, told)
        deliver = Deliver(msg_id=0, dest_id="1065", src_terminal_id=PHONE, msg_content=b"Y")
        for _ in range(2):
            conversation.send(deliver, 0)
            assert await conversation.read(DeliverResp) == (0, DeliverResp(msg_id=0))

    assert [(mo.ref, mo.text) for mo in play(script, tmp_path).mos] == [("", "Y"), ("", "Y")]  # no repeat is known


def test_unanswered_deliver_comes_again_and_on_the_next_link(tmp_path: Path) -> None:
    deliver = encode(Deliver(msg_id=3, dest_id="1065", src_terminal_id=PHONE, msg_content=b"OK"), 4, V30)

    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        told.takes = False
        conversation = await up(peer, told)
        for _ in range(3):
            conversation.write(deliver)
        conversation.send(ActiveTest(), 9)
        assert await conversation.read(ActiveTestResp) == (9, ActiveTestResp())  # and no answer before it
        assert len(told.mos) == 1
        conversation.close()
        told.states.clear()
        conversation = await up(peer, told)
        told.done[0]()  # too late: its connection is gone
        conversation.write(deliver)
        await until(lambda: len(told.mos) == 2)
        told.done[1]()
        assert await conversation.read(DeliverResp) == (4, DeliverResp(msg_id=3))
        conversation.write(deliver)
        assert await conversation.read(DeliverResp) == (4, DeliverResp(msg_id=3))
        assert len(told.mos) == 2

    play(script, tmp_path)


def test_sp_id_of_the_submit_is_that_of_the_login(tmp_path: Path) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await up(peer, told)
        link.submit(1, part())
        submit = await conversation.take(1)
        assert submit.msg_src == SP_ID

    play(script, tmp_path)
