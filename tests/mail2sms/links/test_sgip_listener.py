"""Our listener, which any machine that reaches the port may try; and peers that break the text, on plain sockets."""

from __future__ import annotations

import asyncio
import logging
import random
from pathlib import Path

import pytest

from mail2sms.links import LinkState, Outcome
from mail2sms.links.sgip import SgipLink
from mail2sms.links.sgip_listener import MOST_UNBOUND
from mail2sms.sgip.frame import encode
from mail2sms.sgip.pdu import (
    Bind,
    BindResp,
    Deliver,
    DeliverResp,
    Pdu,
    Report,
    ReportResp,
    Unbind,
    UnbindResp,
    UserRpt,
    UserRptResp,
)
from tests.mail2sms.links.cmpp_peer import Told, part, until
from tests.mail2sms.links.sgip_peer import PASSWORD, Scene, Talk, play, settings_of

REPORT = Report(submit_sequence=bytes(range(12)), state=0)
DELIVER = Deliver(user_number="8613800138000", sp_number="10655", message_content=b"OK")


def test_report_deliver_and_userrpt_are_answered_when_recorded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(scene: Scene) -> None:
        scene.told.takes = False
        talk = await scene.talk(scene.listen_port)
        assert await talk.bound() == 0
        talk.send(REPORT, 5)
        talk.send(DELIVER, 6)
        await until(lambda: len(scene.told.done) == 2)
        assert await talk.silent(0.1)
        for done, kind, sequence in zip(reversed(scene.told.done), (DeliverResp, ReportResp), (6, 5), strict=True):
            done()
            assert await talk.read(kind) == (sequence, kind(result=0))
        assert scene.told.reports[0].ref == "000102030405060708090a0b"
        assert scene.told.mos[0].ref == f"{6:024x}"
        talk.send(UserRpt(sp_number="10655", user_number="8613800138000", user_condition=1), 7)
        assert await talk.read(UserRptResp) == (7, UserRptResp())
        talk.send(Unbind(), 8)
        assert await talk.read(UnbindResp) == (8, UnbindResp())
        await talk.ended()

    with caplog.at_level(logging.INFO):
        play(script, tmp_path)
    (said,) = [record.getMessage() for record in caplog.records if "suspended" in record.getMessage()]
    assert "86138****8000" in said
    assert "8613800138000" not in caplog.text


def test_report_on_what_smgs_pass_to_each_other_is_only_acknowledged(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        talk = await scene.talk(scene.listen_port)
        await talk.bound()
        talk.send(Report(submit_sequence=bytes(12), report_type=1, state=0), 5)
        assert await talk.read(ReportResp) == (5, ReportResp())
        assert not scene.told.reports

    play(script, tmp_path)


@pytest.mark.parametrize(
    "name, password, login_type, result",
    [
        ("smg", "wrong", 2, 1),
        ("other", "smg-password", 2, 1),
        ("smg", "", 2, 1),
        ("smg\xe9", "smg-password", 2, 1),
        ("smg", "smg-password", 1, 4),
        ("smg", "smg-password", 11, 4),
    ],
)
def test_login_is_checked(tmp_path: Path, name: str, password: str, login_type: int, result: int) -> None:
    async def script(scene: Scene) -> None:
        talk = await scene.talk(scene.listen_port)
        bind = Bind(login_type=login_type, login_name="n" * 16, login_password=password)
        octets = encode(bind, 1).replace(b"n" * 16, name.encode("latin-1").ljust(16, b"\0"))
        talk.write(octets + encode(DELIVER, 2))
        assert await talk.read(BindResp) == (1, BindResp(result=result))
        await talk.ended()
        assert not scene.told.mos

    play(script, tmp_path)


def test_too_many_links_and_no_password_to_compare_with(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        first, second = await scene.talk(scene.listen_port), await scene.talk(scene.listen_port)
        assert await first.bound() == 0
        assert await second.bound() == 3
        first.close()
        await until(lambda: scene.link.notes["listener"].endswith(" 0 bound"))
        (scene.folder / "smg").unlink()
        assert await (await scene.talk(scene.listen_port)).bound() == 11
        (scene.folder / "smg").write_text("changed\n")
        assert await (await scene.talk(scene.listen_port)).bound(password="changed") == 0

    play(script, tmp_path, listen_most=1)


def test_second_bind_on_the_same_connection(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        talk = await scene.talk(scene.listen_port)
        assert [await talk.bound(), await talk.bound()] == [0, 2]
        talk.send(REPORT, 5)
        await talk.read(ReportResp)

    play(script, tmp_path)


def test_nobody_keeps_the_smg_out_by_sitting_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def script(scene: Scene) -> None:
        sitting = [await scene.talk(scene.listen_port) for _ in range(3 * MOST_UNBOUND)]
        await asyncio.gather(*(talk.ended() for talk in sitting[: 2 * MOST_UNBOUND]))
        assert await (await scene.talk(scene.listen_port)).bound() == 0

    play(script, tmp_path)
    assert caplog.text.count("too many connections") == 1  # and not once for each


def test_hammering_with_wrong_passwords_does_not_fill_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def script(scene: Scene) -> None:
        for _ in range(20):
            assert await (await scene.talk(scene.listen_port)).bound(password="guess") == 1

    play(script, tmp_path)
    assert caplog.text.count("login refused") == 1
    assert "guess" not in caplog.text


@pytest.mark.parametrize("junk", [b"GET / HTTP/1.0\r\n\r\n", bytes(64), b"\x16\x03\x01" * 20, encode(DELIVER, 1)])
def test_junk_before_the_login_is_closed(tmp_path: Path, junk: bytes) -> None:
    async def script(scene: Scene) -> None:
        talk = await scene.talk(scene.listen_port)
        talk.write(junk)
        await talk.ended()
        assert not scene.told.mos

    play(script, tmp_path)


def test_junk_after_the_login_costs_that_connection_and_nothing_else(tmp_path: Path) -> None:
    """Captures with octets changed, hundreds of connections: what comes after them is taken as ever."""
    chance = random.Random(20261123)
    pdus: tuple[Pdu, ...] = (REPORT, DELIVER, REPORT, Unbind())
    captured = b"".join(encode(pdu, n) for n, pdu in enumerate(pdus, 100))

    async def script(scene: Scene) -> None:
        await until(lambda: scene.told.saw(LinkState.UP))
        for _ in range(150):
            talk = await scene.talk(scene.listen_port)
            assert await talk.bound() == 0
            octets = bytearray(captured)
            for _ in range(chance.randint(1, 8)):
                octets[chance.randrange(len(octets))] = chance.randrange(256)
            talk.write(bytes(octets))
            talk.close()
        talk = await scene.talk(scene.listen_port)
        assert await talk.bound() == 0
        talk.send(DELIVER, 5000)
        assert await talk.read(DeliverResp) == (5000, DeliverResp())
        scene.link.submit(1, part())
        await until(lambda: scene.told.answers)
        assert scene.told.answers[1].outcome is Outcome.ACCEPTED

    play(script, tmp_path, listen_most=1000)


def test_repeat_on_the_next_connection_is_answered_and_told_once(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        scene.told.takes = False
        first = await scene.talk(scene.listen_port)
        await first.bound()
        first.send(DELIVER, 5)
        await until(lambda: scene.told.done)
        first.abort()
        await until(lambda: scene.link.notes["listener"].endswith(" 0 bound"))
        scene.told.done[0]()  # recorded, though nobody hears it any more
        second = await scene.talk(scene.listen_port)
        await second.bound()
        second.send(DELIVER, 5)
        assert await second.read(DeliverResp) == (5, DeliverResp())
        assert len(scene.told.mos) == 1

    play(script, tmp_path)


def test_wrong_password_of_the_smg_is_made_good_without_loss(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        await until(lambda: scene.told.saw(LinkState.UP))
        scene.link.submit(1, part())
        await until(lambda: scene.smg.counts["call_loginrefused"] >= 2)
        assert not scene.told.reports
        scene.faults()
        await until(lambda: scene.told.reports)

    play(script, tmp_path, faults={"wrong_password": True})


def test_address_that_is_taken_is_tried_again_and_submits_go_on(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        await until(lambda: scene.told.saw(LinkState.UP))
        assert "in use" in scene.link.notes["listener"]
        scene.link.submit(1, part())
        await until(lambda: scene.told.answers)
        assert scene.told.answers[1].outcome is Outcome.ACCEPTED

    async def run() -> None:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            await asyncio.to_thread(play, script, tmp_path, listen=f"127.0.0.1:{port}")
        finally:
            server.close()

    asyncio.run(run())


# --- an SMG on a plain socket


def test_smg_without_reserves_that_cuts_octets_into_crumbs(tmp_path: Path) -> None:
    """Responses of one octet; every octet in a packet of its own."""
    (tmp_path / "sp").write_text(PASSWORD + "\n")

    async def run() -> Told:
        told = Told()
        talks: asyncio.Queue[Talk] = asyncio.Queue()
        server = await asyncio.start_server(lambda r, w: talks.put_nowait(Talk(r, w)), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        link = SgipLink("crumbs", settings_of(tmp_path, port, 0, listen="", listen_secret_file=None))
        running = asyncio.create_task(link.run(told, 0.05))
        talk = await talks.get()
        sequence, bind = await talk.read(Bind)
        assert bind == Bind(login_type=1, login_name="caiyou", login_password=PASSWORD)
        await crumble(talk, short(BindResp(result=0), sequence))
        await until(lambda: told.saw(LinkState.UP))
        link.submit(1, part())
        sequence, _ = await talk.take()
        await until(lambda: told.answers)
        await crumble(talk, short(Report(submit_sequence=sequence.to_bytes(12, "big"), state=0), 9))
        await talk.read(ReportResp)
        assert told.reports[0].ref == told.answers[1].ref
        running.cancel()
        await asyncio.wait([running])
        talk.close()
        server.close()
        await asyncio.sleep(0)
        return told

    def short(pdu: BindResp | Report, sequence: int) -> bytes:
        octets = encode(pdu, sequence)[:-8]
        return len(octets).to_bytes(4, "big") + octets[4:]

    async def crumble(talk: Talk, octets: bytes) -> None:
        for at in range(len(octets)):
            talk.write(octets[at : at + 1])
            await asyncio.sleep(0)

    asyncio.run(run())


def test_second_bind_that_an_smg_ignores(tmp_path: Path) -> None:
    """SMSGate gives no answer to it; so we never send one on the same connection."""

    async def script(scene: Scene) -> None:
        talk = await scene.talk(scene.smg_port)
        assert await talk.bound("caiyou", PASSWORD, 1) == 0
        talk.send(Bind(login_type=1, login_name="caiyou", login_password=PASSWORD), 2)
        assert await talk.silent(0.3)
        scene.faults()
        talk.send(Bind(login_type=1, login_name="caiyou", login_password=PASSWORD), 3)
        assert await talk.read(BindResp) == (3, BindResp(result=2))

    play(script, tmp_path, faults={"ignore_second_bind": True})


@pytest.mark.parametrize(
    "name, password, login_type, result", [("caiyou", "x", 1, 1), ("x", PASSWORD, 1, 1), ("caiyou", PASSWORD, 2, 4)]
)
def test_simulated_smg_checks_the_login(tmp_path: Path, name: str, password: str, login_type: int, result: int) -> None:
    async def script(scene: Scene) -> None:
        talk = await scene.talk(scene.smg_port)
        assert await talk.bound(name, password, login_type) == result
        await talk.ended()

    play(script, tmp_path)


def test_simulated_smg_takes_so_many_links(tmp_path: Path) -> None:
    async def script(scene: Scene) -> None:
        await until(lambda: scene.told.saw(LinkState.UP))
        assert await (await scene.talk(scene.smg_port)).bound("caiyou", PASSWORD, 1) == 3

    play(script, tmp_path, faults={"max_links": 1})
