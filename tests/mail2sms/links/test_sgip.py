"""An SGIP link against the simulated SMG, over real sockets, both ways."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mail2sms.links import LinkState, Outcome, ReportState
from mail2sms.links.sgip import RESTING, SLAMMED
from mail2sms.segment import split
from mail2sms.sgip.codes import words_of
from tests.mail2sms.links.cmpp_peer import part, until
from tests.mail2sms.links.sgip_peer import NODE, Scene, play

PHONE = "8613800138000"


async def up(scene: Scene) -> None:
    await until(lambda: scene.told.saw(LinkState.UP))


def test_submit_is_answered_shown_and_reported_to_our_listener(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        await up(scene)
        assert (scene.link.account, scene.link.capacity) == (str(NODE), 32)
        assert scene.link.submit(7, part("您有新邮件")) is None
        await until(lambda: scene.told.reports)
        answer, (report,) = scene.told.answers[7], scene.told.reports
        assert answer.outcome is Outcome.ACCEPTED
        assert len(answer.ref) == 24
        assert int(answer.ref[:8], 16) == NODE
        assert (report.ref, report.state, report.stat, report.to) == (answer.ref, ReportState.DELIVERED, "ok", PHONE)
        assert scene.texts() == ["您有新邮件"]
        await until(lambda: scene.smg.counts["reports_answered"] == 1)
        assert scene.link.notes["connection"] == "bound"
        await until(lambda: scene.link.notes["listener"].endswith("1 bound"))

    told = play(script, tmp_path)
    assert [state for state, _ in told.states] == [LinkState.CONNECTING, LinkState.UP]


def test_what_stands_in_the_submit(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        await up(scene)
        scene.link.submit(1, part("hello"))
        until_then = datetime(2026, 11, 23, 1, 8, 7, tzinfo=UTC)
        scene.link.submit(2, part("您好", src="106559", urgent=True, valid_until=until_then))
        await until(lambda: len(scene.told.answers) == 2)
        plain, urgent = scene.smg.journal.after(0, 10)
        same = {"charge_number": "0" * 21, "service_type": "MAIL", "fee_type": 2, "fee_value": "10", "report_flag": 1}
        assert plain.items() >= (same | {"src_id": "10655", "priority": 0, "expire_time": "", "msg_fmt": 0}).items()
        wanted = {"src_id": "106559", "priority": 9, "expire_time": "261123090807032+", "msg_fmt": 8, "to": [PHONE]}
        assert urgent.items() >= (same | wanted).items()

    play(script, tmp_path, service_type="MAIL", fee_type=2, fee_value="10")


def test_long_message_goes_in_parts_and_is_joined_on_the_phone(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        await up(scene)
        text = "彩邮😀" * 40
        for segment in split(text, reference=9):
            scene.link.submit(segment.number, part(segment=segment))
        await until(lambda: scene.texts() == [text])
        await until(lambda: len(scene.told.reports) == 3)
        assert len({report.ref for report in scene.told.reports}) == 3

    play(script, tmp_path)


@pytest.mark.parametrize("text", ["hello, SP", "收到，谢谢" * 40, "彩邮😀" * 60])
def test_message_from_a_handset(tmp_path: Path, text: str) -> None:
    async def script(scene: Scene) -> None:
        scene.faults(mo_udhi=64)  # not only 1
        parts = scene.smg.mo(PHONE, "10655", text)["parts"]
        await until(lambda: len(scene.told.mos) == parts)
        mos = sorted(scene.told.mos, key=lambda mo: mo.number)
        assert "".join(mo.text for mo in mos) == text
        assert {(mo.sender, mo.to, mo.total) for mo in mos} == {(PHONE, "10655", parts)}
        assert [mo.number for mo in mos] == list(range(1, parts + 1))
        assert len({mo.reference for mo in mos}) == 1
        await until(lambda: scene.smg.counts["mos_answered"] == parts)

    play(script, tmp_path)


# --- what SMGs in service do


def test_reports_and_messages_down_the_connection_bound_for_submit(tmp_path: Path) -> None:
    """SMSGate does; there may be no listener at all."""

    async def script(scene: Scene) -> None:
        await up(scene)
        scene.link.submit(1, part())
        await until(lambda: scene.told.reports)
        assert scene.told.reports[0].ref == scene.told.answers[1].ref
        scene.smg.mo(PHONE, "10655", "re")
        await until(lambda: scene.smg.counts["mos_answered"] == 1)
        assert scene.told.mos[0].text == "re"

    play(script, tmp_path, faults={"send_down": "submit"})
    play(script, tmp_path / "..", listen="")


def test_report_before_the_answer_with_an_empty_number(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        await up(scene)
        scene.link.submit(1, part())
        await until(lambda: scene.told.reports)
        assert not scene.told.answers
        await until(lambda: scene.told.answers)
        (report,) = scene.told.reports
        assert (report.ref, report.to) == (scene.told.answers[1].ref, "")

    play(script, tmp_path, faults={"report_before_answer": True, "report_empty_number": True})


def test_repeated_report_with_the_same_sequence_is_told_once(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        await up(scene)
        scene.link.submit(1, part())
        await until(lambda: scene.smg.counts["reports_answered"] == 1)
        scene.link.submit(2, part())
        await until(lambda: scene.smg.counts["reports_answered"] == 2)
        assert scene.smg.counts["reports_repeated"] == 2
        assert [report.ref for report in scene.told.reports] == [scene.told.answers[tag].ref for tag in (1, 2)]

    play(script, tmp_path, faults={"report_same_sequence": True})


def test_same_sequence_with_other_content_is_refused(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        await up(scene)
        scene.link.submit(1, part())
        await until(lambda: scene.smg.counts["reports_answered"] + scene.smg.counts["reports_refused"] == 1)
        await until(lambda: scene.smg.counts["call_forgave"] == 1)
        assert [report.state for report in scene.told.reports] == [ReportState.DELIVERED]

    play(script, tmp_path, faults={"report_other_content": True})


def test_repeats_with_sequences_of_their_own_are_told_each_time(tmp_path: Path) -> None:
    """The gateway's record knows them by their ref."""

    async def script(scene: Scene) -> None:
        await up(scene)
        scene.link.submit(1, part())
        await until(lambda: len(scene.told.reports) == 3)
        assert len({report.ref for report in scene.told.reports}) == 1

    play(script, tmp_path, faults={"report_copies": 3})


@pytest.mark.parametrize(
    "state, error, becomes, stat",
    [
        (0, 0, ReportState.DELIVERED, "ok"),
        (1, 0, ReportState.PENDING, "waiting"),
        (2, 24, ReportState.FAILED, "24 charge refused"),
        (2, 25, ReportState.FAILED, "25 out of reach"),
        (2, 26, ReportState.FAILED, "26 handset memory full"),
        (2, 29, ReportState.FAILED, "29 unknown user"),
        (2, 33, ReportState.FAILED, "33 smsc queue full"),
        (2, 199, ReportState.FAILED, "199"),
        (7, 0, ReportState.FAILED, "state 7"),
    ],
)
def test_what_a_report_says(tmp_path: Path, state: int, error: int, becomes: ReportState, stat: str) -> None:
    async def script(scene: Scene) -> None:
        await up(scene)
        scene.link.submit(1, part())
        await until(lambda: scene.told.reports)
        assert [(report.state, report.stat) for report in scene.told.reports] == [(becomes, stat)]

    play(script, tmp_path, faults={"report_state": state, "report_error": error, "report_delay_s": 0})


@pytest.mark.parametrize(
    "result, outcome, elsewhere",
    [
        (11, Outcome.BUSY, False),
        (88, Outcome.BUSY, False),
        (32, Outcome.BUSY, False),
        (33, Outcome.BUSY, False),
        (5, Outcome.REFUSED, False),
        (6, Outcome.REFUSED, False),
        (9, Outcome.REFUSED, True),
        (24, Outcome.REFUSED, True),
        (200, Outcome.REFUSED, False),
    ],
)
def test_what_a_result_means(tmp_path: Path, result: int, outcome: Outcome, elsewhere: bool) -> None:
    async def script(scene: Scene) -> None:
        await up(scene)
        scene.link.submit(1, part())
        await until(lambda: scene.told.answers)
        answer = scene.told.answers[1]
        assert (answer.outcome, answer.result, answer.elsewhere) == (outcome, words_of(result), elsewhere)
        assert not scene.texts()

    play(script, tmp_path, faults={"refuse_result": result})


def test_over_speed(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        await up(scene)
        for tag in range(12):
            scene.link.submit(tag, part())
        await until(lambda: len(scene.told.answers) == 12)
        outcomes = [answer.outcome for answer in scene.told.answers.values()]
        assert outcomes.count(Outcome.ACCEPTED) in (5, 10)  # the second may turn meanwhile
        assert set(outcomes) == {Outcome.ACCEPTED, Outcome.BUSY}

    play(script, tmp_path, faults={"max_per_s": 5})


def test_a_number_without_86_is_refused_there(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        await up(scene)
        scene.link.submit(1, part(to="4915112345678"))
        await until(lambda: scene.told.answers)
        assert scene.told.answers[1].result == "6 number"

    play(script, tmp_path)


# --- answers that do not come


def test_lost_answer_is_asked_for_with_the_same_sequence_and_delivered_once(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        await up(scene)
        scene.link.submit(1, part("once"))
        await until(lambda: scene.smg.counts["answers_dropped"] == 1)
        await until(lambda: scene.told.answers)
        assert scene.told.answers[1].outcome is Outcome.ACCEPTED
        assert scene.texts() == ["once"]
        assert len(scene.smg.journal) == 1

    play(script, tmp_path, faults={"drop_answers": 1.0}, answer_s=0.2)


def test_cut_between_submit_and_answer_is_in_doubt(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        await up(scene)
        scene.link.submit(0, part())
        await until(lambda: scene.told.answers)
        for tag in (1, 2):
            scene.link.submit(tag, part())
        await until(lambda: len(scene.told.answers) == 3)
        outcomes = [answer.outcome for answer in scene.told.answers.values()]
        assert outcomes == [Outcome.ACCEPTED, Outcome.LOST, Outcome.LOST]
        await until(lambda: scene.told.saw(LinkState.DOWN))
        scene.faults()
        await until(lambda: scene.told.states[-1][0] is LinkState.UP)

    play(script, tmp_path, faults={"disconnect_after": 2})


def test_silent_smg_is_found_out(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        await up(scene)
        scene.faults(silent=True)
        scene.link.submit(1, part())
        await until(lambda: scene.told.answers)
        assert scene.told.answers[1].outcome is Outcome.LOST
        scene.link.submit(2, part())
        await until(lambda: 2 in scene.told.answers)
        await until(lambda: scene.told.saw(LinkState.DOWN))
        scene.faults()
        scene.smg.disconnect()
        await until(lambda: scene.told.states[-1][0] is LinkState.UP)

    play(script, tmp_path, answer_s=0.1, tries=2, idle_s=0.15)


# --- login


def test_wrong_password_is_refused_and_not_hammered(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        await up(scene)
        (scene.folder / "sp").write_text("wrong\n")
        scene.smg.disconnect()
        scene.link.submit(1, part())
        await until(lambda: scene.told.saw(LinkState.REFUSED))
        assert scene.told.states[-1] == (LinkState.REFUSED, "1 login; next try in 0 s")
        assert scene.link.capacity == 0
        (scene.folder / "sp").write_text("sp-password\n")
        await until(lambda: scene.told.states[-1][0] is LinkState.UP)

    play(script, tmp_path, refused_s=0.2)


@pytest.mark.parametrize(
    "result, state",
    [(3, LinkState.DOWN), (11, LinkState.DOWN), (4, LinkState.REFUSED), (34, LinkState.REFUSED)],
)
def test_refusals_that_pass_and_others(tmp_path: Path, result: int, state: LinkState) -> None:
    async def script(scene: Scene) -> None:
        await until(lambda: len(scene.told.states) > 1)
        assert scene.told.states[1][0] is state
        assert words_of(result) in scene.told.states[1][1]

    play(script, tmp_path, faults={"refuse_login": result})


def test_welcome_to_a_wrong_password_and_then_a_closed_connection(tmp_path: Path) -> None:
    """go_sgip's mock server: the link is never up, and the second time it counts as refused."""

    async def script(scene: Scene) -> None:
        scene.smg.sp = type(scene.smg.sp)(name="caiyou", password="other", node=NODE, corp_id="99999")
        await until(lambda: scene.told.saw(LinkState.REFUSED))
        states = [(state, why) for state, why in scene.told.states if state is not LinkState.CONNECTING]
        assert [state for state, _ in states] == [LinkState.DOWN, LinkState.REFUSED]
        assert all(SLAMMED in why for _, why in states)
        assert scene.link.submit(1, part()) is not None
        assert scene.smg.counts["logins_refused"] == 2

    play(script, tmp_path, faults={"welcome_then_close": True})


def test_missing_password_file(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        await until(lambda: scene.told.saw(LinkState.REFUSED))
        assert "nowhere" in scene.told.states[-1][1]

    play(script, tmp_path, secret_file=tmp_path / "nowhere")


# --- rest


def ups_and_downs(scene: Scene) -> list[Any]:
    return [state for state, _ in scene.told.states if state is not LinkState.CONNECTING]


def test_idle_link_unbinds_stays_up_and_binds_when_needed(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        await up(scene)
        await until(lambda: scene.told.states[-1] == (LinkState.UP, RESTING))
        assert scene.link.capacity == 32
        assert scene.link.notes["connection"] == "resting"
        assert not scene.smg.links
        await asyncio.sleep(0.4)  # it rests: nothing binds
        assert scene.smg.counts["connections"] == 1
        for tag in range(32):
            assert scene.link.submit(tag, part(f"m{tag}")) is None
        answer = scene.link.submit(99, part())
        assert answer is not None
        assert answer.outcome is Outcome.UNSENT
        await until(lambda: len(scene.told.answers) == 32)
        assert {answer.outcome for answer in scene.told.answers.values()} == {Outcome.ACCEPTED}
        assert scene.texts() == [f"m{tag}" for tag in range(32)]
        assert scene.smg.counts["connections"] == 2
        assert set(ups_and_downs(scene)) == {LinkState.UP}

    play(script, tmp_path, idle_s=0.3)


def test_smg_cuts_the_idle_connection(tmp_path: Path) -> None:
    """Before and after it carried something: no word of it, and what comes next is sent."""

    async def script(scene: Scene) -> None:
        await up(scene)
        await until(lambda: scene.told.states[-1] == (LinkState.UP, RESTING))
        scene.link.submit(1, part("one"))
        await until(lambda: scene.told.answers)
        await until(lambda: scene.smg.counts["connections"] == 3)  # cut, and the one quiet bind after an answer
        await until(lambda: scene.told.states[-1] == (LinkState.UP, RESTING))
        scene.link.submit(2, part("two"))
        await until(lambda: len(scene.told.answers) == 2)
        assert scene.texts() == ["one", "two"]
        assert set(ups_and_downs(scene)) == {LinkState.UP}

    play(script, tmp_path, faults={"cut_idle_s": 0.5})


def test_smg_unbinds_the_idle_connection(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        await up(scene)
        scene.smg.disconnect(in_order=True)
        await until(lambda: scene.told.states[-1] == (LinkState.UP, RESTING))
        scene.link.submit(1, part("one"))
        await until(lambda: scene.told.answers)
        assert scene.told.answers[1].outcome is Outcome.ACCEPTED

    play(script, tmp_path)


def test_smg_is_gone_when_it_is_needed(tmp_path: Path) -> None:
    """Parts that waited for the bind are handed back unsent, never in doubt."""

    async def script(scene: Scene) -> None:
        await up(scene)
        await until(lambda: scene.told.states[-1] == (LinkState.UP, RESTING))
        scene.faults(refuse_login=11)
        assert scene.link.submit(1, part()) is None
        assert scene.link.submit(2, part()) is None
        await until(lambda: len(scene.told.answers) == 2)
        assert {answer.outcome for answer in scene.told.answers.values()} == {Outcome.UNSENT}
        await until(lambda: scene.told.states[-1][0] in (LinkState.DOWN, LinkState.CONNECTING))
        assert scene.link.capacity == 0
        scene.faults()
        await until(lambda: scene.told.states[-1][0] is LinkState.UP)
        assert scene.link.capacity == 32

    play(script, tmp_path, idle_s=0.3)


def test_smg_that_dies_after_it_served_is_found_out_at_once(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        await up(scene)
        scene.link.submit(1, part())
        await until(lambda: scene.told.answers)
        scene.faults(accept_connections=False)
        scene.smg.disconnect()
        await until(lambda: scene.told.saw(LinkState.DOWN))
        assert scene.link.capacity == 0

    play(script, tmp_path)


def test_stopped_while_it_rests_and_while_parts_wait(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        await up(scene)
        await until(lambda: scene.told.states[-1] == (LinkState.UP, RESTING))
        scene.faults(silent=True)
        scene.link.submit(1, part())
        await until(lambda: scene.smg.counts["connections"] == 2)

    told = play(script, tmp_path, idle_s=0.2)
    assert told.answers[1].outcome is Outcome.UNSENT


def test_stopped_in_order(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        await up(scene)
        scene.link.submit(1, part())

    told = play(script, tmp_path)
    assert told.answers[1].outcome is Outcome.ACCEPTED  # its answer was on its way
