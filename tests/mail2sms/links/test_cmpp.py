"""A CMPP link on a real socket: an operator's questions, and what its settings change."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

import pytest

from mail2sms.cmpp.pdu import Cancel, CancelResp, Query, QueryResp, Submit, SubmitResp
from mail2sms.links import LinkState, Outcome
from mail2sms.links.cmpp import CmppLink
from mail2sms.segment import split
from mail2sms.session.base import NotOpen
from tests.mail2sms.links.cmpp_peer import V20, Peer, Told, part, play, until

DAY = date(2026, 11, 23)


@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_query_and_cancel(tmp_path: Path, version: str) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await peer.next()
        if version == "2.0":
            conversation.layout = V20
        await conversation.login()
        await until(lambda: told.saw(LinkState.UP))
        query = asyncio.create_task(link.query(DAY, "MAIL"))
        cancel = asyncio.create_task(link.cancel("00000000000000ff"))
        sequence_id, asked = await conversation.read(Query)
        assert asked == Query(time="20261123", query_type=1, query_code="MAIL")
        cancel_id, withdrawn = await conversation.read(Cancel)
        assert withdrawn == Cancel(msg_id=255)
        conversation.send(CancelResp(success_id=1), cancel_id)
        conversation.send(QueryResp(time="20261123", mt_scs=7), sequence_id)
        assert (await query)["mt_scs"] == 7
        assert await cancel is False
        assert link.capacity == 16
        again = asyncio.create_task(link.cancel("ff"))
        sequence_id, _ = await conversation.read(Cancel)
        conversation.send(CancelResp(success_id=0), sequence_id)
        assert await again is True

    play(script, tmp_path, version=version)


def test_question_finds_room_in_a_full_window(tmp_path: Path) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await peer.next()
        await conversation.login()
        await until(lambda: told.saw(LinkState.UP))
        for tag in range(3):
            assert link.submit(tag, part()) is None
        answer = link.submit(3, part())
        assert answer is not None
        assert answer.outcome is Outcome.UNSENT
        query = asyncio.create_task(link.query(DAY))
        submits = [await conversation.read(Submit) for _ in range(3)]
        await until(lambda: link.capacity == 2)  # a gateway will not fill it again
        conversation.send(SubmitResp(msg_id=1), submits[0][0])
        sequence_id, _ = await conversation.read(Query)
        assert link.capacity == 3
        conversation.send(QueryResp(time="20261123"), sequence_id)
        await query

    play(script, tmp_path, window=3)


def test_question_without_an_answer(tmp_path: Path) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        with pytest.raises(NotOpen):
            await link.query(DAY)
        conversation = await peer.next()
        await conversation.login()
        await until(lambda: told.saw(LinkState.UP))
        query = asyncio.create_task(link.query(DAY))
        for _ in range(2):
            await conversation.read(Query)
        with pytest.raises(TimeoutError):
            await query
        cut = asyncio.create_task(link.cancel("1"))
        await conversation.read(Cancel)
        conversation.close()
        with pytest.raises(TimeoutError):
            await cut
        with pytest.raises(ValueError, match="invalid literal"):
            await link.cancel("no ref")

    play(script, tmp_path, answer_s=0.05, tries=2)


def test_parts_in_another_order_and_flow_control_where_the_ismg_joins(tmp_path: Path) -> None:
    async def script(peer: Peer, link: CmppLink, told: Told) -> None:
        conversation = await peer.next()
        await conversation.login()
        await until(lambda: told.saw(LinkState.UP))
        one, two, three = split("彩邮" * 80, reference=9)
        for segment in (two, three):
            link.submit(segment.number, part(segment=segment))
        second, _ = await conversation.read(Submit)
        third, _ = await conversation.read(Submit)
        conversation.send(SubmitResp(msg_id=0, result=8), third)
        await until(lambda: told.answers)
        assert (list(told.answers), told.answers[3].outcome) == ([3], Outcome.BUSY)
        link.submit(4, part(segment=three))
        link.submit(5, part(segment=one))
        await conversation.read(Submit)
        first, _ = await conversation.read(Submit)
        conversation.send(SubmitResp(msg_id=77), first)
        await until(lambda: len(told.answers) == 4)
        assert {tag: answer.ref for tag, answer in told.answers.items() if tag != 3} == {2: "", 4: "", 5: f"{77:016x}"}
        conversation.send(SubmitResp(msg_id=78), second)  # after all: nothing comes of it
        link.submit(6, part())
        await conversation.take(79)
        await until(lambda: 6 in told.answers)

    play(script, tmp_path, answers_last_part_only=True)
