"""What the seam says as SMGP writes it, and an SMGP link against a scripted SMGW."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mail2sms.links import Answer, LinkState, Mo, MtPart, Outcome, Report, ReportState
from mail2sms.links.smgp import SmgpLink
from mail2sms.links.smgp_pdus import mo_of, report_of, submit_of
from mail2sms.segment import split
from mail2sms.session.frame import HEADER
from mail2sms.settings.smgp import SmgpLinkSettings
from mail2sms.smgp import auth, report
from mail2sms.smgp.codes import Status
from mail2sms.smgp.events import Delivered, Reported
from mail2sms.smgp.frame import decode, encode
from mail2sms.smgp.pdu import ActiveTest, Deliver, DeliverResp, Exit, ExitResp, Login, LoginResp, Submit, SubmitResp
from tests.mail2sms.links.cmpp_peer import Told, part, until

ID = bytes.fromhex("6495c36ac4ea6b00000b")  # a real SMGW's, which is no BCD
SECRET = "shared-secret"
NOW = datetime(2026, 11, 23, 9, 8, 7, tzinfo=UTC)
MO = Deliver(msg_id=ID, src_term_id="18900000001", dest_term_id="1065901", msg_content=b"OK")


def settings_of(port: int = 8890, **more: Any) -> SmgpLinkSettings:
    values: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "client_id": "90123456",
        "src_id": "10659",
        "secret_file": Path("/nonexistent"),
    }
    return SmgpLinkSettings(**(values | more))


# --- parts


def test_a_short_message() -> None:
    (segment,) = split("你好")
    submit = submit_of(MtPart(to="8618900000001", segment=segment), settings_of(), NOW)
    assert submit == Submit(
        msg_format=8, src_term_id="10659", dest_term_ids=("18900000001",), msg_content="你好".encode("utf-16-be")
    )
    assert (submit.need_report, submit.priority, submit.valid_time) == (1, 1, "")


def test_a_long_message_has_its_place_in_header_and_parameters() -> None:
    segments = split("彩邮" * 50, reference=42)
    submits = [submit_of(MtPart(to="8618900000001", segment=segment), settings_of(), NOW) for segment in segments]
    assert [(s.tp_udhi, s.pk_total, s.pk_number) for s in submits] == [(1, 2, 1), (1, 2, 2)]
    assert [s.msg_content[:6].hex() for s in submits] == ["0500032a0201", "0500032a0202"]


def test_what_a_message_may_ask_for() -> None:
    (segment,) = split("hello")
    asked = MtPart(
        to="85291234567", segment=segment, src="1065988", urgent=True, valid_until=NOW + timedelta(hours=2, seconds=1)
    )
    submit = submit_of(asked, settings_of(), NOW)
    assert submit.src_term_id == "1065988"
    assert submit.priority == 3
    assert submit.valid_time == "261123190808032+"  # 11:08:08 UTC on Chinese clocks
    assert submit.dest_term_ids == ("0085291234567",)
    assert submit_of(asked, settings_of(valid_time="relative"), NOW).valid_time == "000000020001000R"


def test_what_the_carrier_agreed_on() -> None:
    (segment,) = split("hello")
    settings = settings_of(
        msg_src="901234",
        service_id="CAIYOU",
        m_service_id="90123401",
        fee_type="01",
        fee_code="10",
        charge_term_id="18900000009",
        priority=0,
    )
    submit = submit_of(MtPart(to="8618900000001", segment=segment), settings, NOW)
    assert (submit.msg_src, submit.service_id, submit.m_service_id) == ("901234", "CAIYOU", "90123401")
    assert (submit.fee_type, submit.fee_code, submit.charge_term_id) == ("01", "10", "18900000009")
    assert submit.priority == 0


# --- reports and messages from handsets


def _report(content: bytes) -> Report:
    deliver = Deliver(msg_id=bytes(10), src_term_id="18900000001", dest_term_id="1065901", is_report=1, msg_content=b"")
    return report_of(Reported(sequence_id=1, deliver=deliver, report=report.decode_report(content)))


@pytest.mark.parametrize(
    "stat, err, state, shown",
    [
        ("DELIVRD", "000", ReportState.DELIVERED, "DELIVRD"),
        ("delivrd", "", ReportState.DELIVERED, "DELIVRD"),
        ("EXPIRED", "001", ReportState.EXPIRED, "EXPIRED 001"),
        ("UNDELIV", "006", ReportState.FAILED, "UNDELIV 006"),
        ("ACCEPTD", "000", ReportState.PENDING, "ACCEPTD"),
        ("MI:0011", "000", ReportState.FAILED, "MI:0011"),
        ("X" * 200, "999", ReportState.FAILED, "X" * 20 + " 999"),
    ],
)
def test_reports(stat: str, err: str, state: ReportState, shown: str) -> None:
    content = b"id:%b sub:001 dlvrd:001 submit date:2611230908 done date:2611230909 stat:%b err:%b text:" % (
        ID,
        stat.encode(),
        err.encode(),
    )
    assert _report(content) == Report(
        ref=ID.hex(),
        state=state,
        stat=shown,
        to="18900000001",
        done_at=datetime(2026, 11, 23, 1, 9, tzinfo=UTC),
    )


def test_a_report_without_its_time() -> None:
    assert _report(b"id:" + ID + b" stat:DELIVRD").done_at is None


def _mo(**more: Any) -> Mo:
    values = {name: getattr(MO, name) for name in MO.__slots__} | more
    return mo_of(Delivered(sequence_id=1, deliver=Deliver(**values)))


def test_a_message_from_a_handset() -> None:
    assert _mo() == Mo(ref=ID.hex(), sender="18900000001", to="1065901", text="OK")
    assert _mo(msg_format=15, msg_content="做卡".encode("gbk")).text == "做卡"
    assert _mo(msg_id=bytes(10)).ref == ""  # which says nothing of repeats


@pytest.mark.parametrize(
    "fields, place",
    [
        ({"tp_udhi": 1, "msg_content": bytes.fromhex("0500032a0302") + b"x"}, (42, 2, 3)),
        ({"tp_udhi": 0x40, "msg_content": bytes.fromhex("060804012a0302") + b"x"}, (298, 2, 3)),
        ({"pk_total": 3, "pk_number": 2, "msg_content": bytes.fromhex("0500032a0302") + b"x"}, (42, 2, 3)),
        (
            {"tp_udhi": 1, "pk_total": 9, "pk_number": 9, "msg_content": bytes.fromhex("0500032a0302") + b"x"},
            (42, 2, 3),
        ),
        ({"pk_total": 3, "pk_number": 2, "msg_content": b"x"}, (0, 2, 3)),
        ({"pk_total": 1, "pk_number": 1, "msg_content": b"x"}, (0, 1, 1)),
        ({"pk_total": 3, "pk_number": 4, "msg_content": b"x"}, (0, 1, 1)),
        ({"pk_total": 3, "msg_content": b"x"}, (0, 1, 1)),
    ],
)
def test_where_a_part_belongs(fields: dict[str, Any], place: tuple[int, int, int]) -> None:
    mo = _mo(**fields)
    assert (mo.reference, mo.number, mo.total) == place
    assert mo.text == "x"


def test_parts_without_header_are_told_apart_by_their_link_id() -> None:
    one, other = (_mo(pk_total=2, pk_number=1, link_id=link_id) for link_id in ("00001", "00002"))
    assert one.reference != other.reference


# --- the link


class Conversation:
    """One connection of the SP, seen from the SMGW."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def read(self) -> tuple[int, Any]:
        async with asyncio.timeout(10):
            head = await self._reader.readexactly(12)
            octets = head + await self._reader.readexactly(HEADER.unpack(head)[0] - 12)
        frame = decode(octets)
        assert frame.forgiven is None
        return frame.sequence_id, frame.pdu

    def send(self, pdu: Any, sequence_id: int) -> None:
        self.writer.write(encode(pdu, sequence_id))

    async def login(self, status: int = 0, proof: bytes | None = None) -> Login:
        sequence_id, login = await self.read()
        assert isinstance(login, Login)
        right = auth.authenticator_server(status, login.authenticator_client, SECRET)
        self.send(LoginResp(status=status, authenticator_server=right if proof is None else proof), sequence_id)
        return login


Script = Callable[[asyncio.Queue[Conversation], SmgpLink, Told], Awaitable[None]]


def play(script: Script, folder: Path, stop_s: float = 0.05, **more: Any) -> Told:
    """Run a link against a scripted peer; what the link said."""
    (folder / "secret").write_text(SECRET + "\n")

    async def run() -> Told:
        told, came = Told(), asyncio.Queue[Conversation]()
        writers: list[asyncio.StreamWriter] = []

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            came.put_nowait(Conversation(reader, writer))

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        quick = {"reconnect_s": 0.02, "reconnect_max_s": 0.05, "secret_file": folder / "secret"}
        link = SmgpLink("quirk", settings_of(port, **(quick | more)))
        task = asyncio.create_task(link.run(told, stop_s))
        try:
            await script(came, link, told)
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.wait([task])
            server.close()
            for writer in writers:
                writer.transport.abort()
            await asyncio.sleep(0)
        return told

    return asyncio.run(run())


@pytest.mark.parametrize("proof", [None, bytes(16)], ids=["right proof", "wrong proof"])
def test_a_message_goes_and_its_report_comes(tmp_path: Path, proof: bytes | None) -> None:
    async def script(came: asyncio.Queue[Conversation], link: SmgpLink, told: Told) -> None:
        smgw = await came.get()
        login = await smgw.login(proof=proof)
        assert auth.login_is_proved(login, SECRET)
        await until(lambda: link.capacity == 16)
        assert link.submit(1, part()) is None
        sequence_id, submit = await smgw.read()
        assert submit.msg_content == b"hello"
        smgw.send(SubmitResp(msg_id=ID), sequence_id)
        deliver = Deliver(
            msg_id=bytes(9) + b"\1",
            is_report=1,
            src_term_id="13800138000",
            dest_term_id="10659",
            msg_content=b"id:" + ID + b"sub:001 dlvrd:001 submit_date:1807052207 done_date:1807052207"
            b" stat:DELIVRD err:000 txt:",
        )
        smgw.send(deliver, 9)
        assert await smgw.read() == (9, DeliverResp(msg_id=deliver.msg_id))

    told = play(script, tmp_path)
    assert told.saw(LinkState.UP, "SMGP 3.0")
    assert told.answers == {1: Answer(outcome=Outcome.ACCEPTED, ref=ID.hex())}
    assert [(r.ref, r.state) for r in told.reports] == [(ID.hex(), ReportState.DELIVERED)]


@pytest.mark.parametrize(
    "status, outcome, result, elsewhere",
    [
        (Status.BUSY, Outcome.BUSY, "1 busy", False),
        (Status.DAY_QUOTA, Outcome.REFUSED, "75 day quota", True),
        (Status.FORBIDDEN_HOURS, Outcome.REFUSED, "74 forbidden hours", True),
        (Status.SRC_TERM_ID, Outcome.REFUSED, "46 src term id", True),
        (Status.DEST_TERM_ID, Outcome.REFUSED, "47 dest term id", False),
        (200, Outcome.REFUSED, "200", False),
    ],
)
def test_what_a_status_means(tmp_path: Path, status: int, outcome: Outcome, result: str, elsewhere: bool) -> None:
    async def script(came: asyncio.Queue[Conversation], link: SmgpLink, told: Told) -> None:
        smgw = await came.get()
        await smgw.login()
        await until(lambda: link.capacity)
        link.submit(7, part())
        sequence_id, _ = await smgw.read()
        smgw.send(SubmitResp(msg_id=bytes(10), status=status), sequence_id)
        await until(lambda: told.answers)

    told = play(script, tmp_path)
    assert told.answers == {7: Answer(outcome=outcome, result=result, elsewhere=elsewhere)}


@pytest.mark.parametrize("status", [Status.IP_ADDRESS, Status.AUTH, Status.VERSION_TOO_HIGH, 3])
def test_wrong_credentials_do_not_hammer(tmp_path: Path, status: int) -> None:
    """3 is what SMSGate answers to a wrong password."""

    async def script(came: asyncio.Queue[Conversation], link: SmgpLink, told: Told) -> None:
        await (await came.get()).login(status)
        await until(lambda: told.saw(LinkState.REFUSED, f"status {status}; next try in 300 s"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(came.get(), 0.5)

    play(script, tmp_path)


@pytest.mark.parametrize("status", [Status.BUSY, Status.TOO_MANY_LINKS])
def test_a_full_smgw_is_tried_again_soon(tmp_path: Path, status: int) -> None:
    async def script(came: asyncio.Queue[Conversation], link: SmgpLink, told: Told) -> None:
        await (await came.get()).login(status)
        await (await came.get()).login()
        await until(lambda: link.capacity)

    told = play(script, tmp_path)
    assert told.saw(LinkState.DOWN, f"status {status}")


def test_a_login_that_only_receives_takes_nothing_to_send(tmp_path: Path) -> None:
    async def script(came: asyncio.Queue[Conversation], link: SmgpLink, told: Told) -> None:
        smgw = await came.get()
        assert (await smgw.login()).login_mode == 1
        await until(lambda: told.saw(LinkState.UP))
        assert link.capacity == 0
        assert link.submit(1, part()) == Answer(outcome=Outcome.UNSENT)
        smgw.send(MO, 3)
        assert await smgw.read() == (3, DeliverResp(msg_id=ID))

    told = play(script, tmp_path, login_mode=1)
    assert [mo.text for mo in told.mos] == ["OK"]


def test_a_strict_link_refuses_a_smgw_without_proof(tmp_path: Path) -> None:
    async def script(came: asyncio.Queue[Conversation], link: SmgpLink, told: Told) -> None:
        await (await came.get()).login(proof=bytes(16))
        await until(lambda: told.saw(LinkState.REFUSED, "AuthenticatorServer is wrong"))

    play(script, tmp_path, strict_auth=True)


def test_a_secret_that_is_missing_is_told_and_looked_for_again(tmp_path: Path) -> None:
    async def script(came: asyncio.Queue[Conversation], link: SmgpLink, told: Told) -> None:
        await until(lambda: told.saw(LinkState.REFUSED, "No such file"))
        (tmp_path / "late").write_text(SECRET)
        await (await came.get()).login()
        await until(lambda: link.capacity)

    play(script, tmp_path, secret_file=tmp_path / "late", refused_s=0.1)


def test_a_cut_leaves_what_was_sent_in_doubt_and_comes_back(tmp_path: Path) -> None:
    async def script(came: asyncio.Queue[Conversation], link: SmgpLink, told: Told) -> None:
        smgw = await came.get()
        await smgw.login()
        await until(lambda: link.capacity)
        for tag in range(16):
            assert link.submit(tag, part()) is None
        assert link.submit(99, part()) == Answer(outcome=Outcome.UNSENT)
        for _ in range(16):
            await smgw.read()
        smgw.writer.transport.abort()
        await until(lambda: len(told.answers) == 16)
        assert link.submit(100, part()) == Answer(outcome=Outcome.UNSENT)
        await (await came.get()).login()
        await until(lambda: link.capacity == 16)

    told = play(script, tmp_path)
    assert {answer.outcome for answer in told.answers.values()} == {Outcome.LOST}


def test_noise_costs_a_reconnect_and_no_message(tmp_path: Path) -> None:
    async def script(came: asyncio.Queue[Conversation], link: SmgpLink, told: Told) -> None:
        for number, noise in enumerate((b"GET / HTTP/1.0\r\n\r\n", bytes(12), b"\xff" * 5000)):
            smgw = await came.get()
            await smgw.login()
            await until(lambda: link.capacity)
            link.submit(number, part())
            await smgw.read()
            smgw.writer.write(noise)
            await until(lambda: len(told.answers) > number)  # noqa: B023  it is over before the next
        smgw = await came.get()
        await smgw.login()

    told = play(script, tmp_path)
    assert [answer.outcome for answer in told.answers.values()] == [Outcome.LOST] * 3


def test_mangled_octets_never_cost_more_than_a_reconnect(tmp_path: Path) -> None:
    """What a SMGW says, with octets changed, left out and put in: every part is answered once, the link comes back."""
    chance = random.Random(303)
    deliver = Deliver(
        msg_id=bytes(9) + b"\1",
        is_report=1,
        src_term_id="18900000001",
        dest_term_id="10659",
        msg_content=report.encode_report(report.Report(msg_id=ID, stat="DELIVRD", err="000")),
    )
    said: list[Any] = [
        SubmitResp(msg_id=ID),
        deliver,
        MO,
        ActiveTest(),
        SubmitResp(msg_id=ID, status=1),
        DeliverResp(msg_id=ID),
    ]
    good = b"".join(encode(pdu, number) for number, pdu in enumerate(said, 2))
    rounds, parts = 60, 4

    async def script(came: asyncio.Queue[Conversation], link: SmgpLink, told: Told) -> None:
        for number in range(rounds):
            smgw = await came.get()
            await smgw.login()
            await until(lambda: link.capacity)
            for tag in range(parts):
                assert link.submit(number * parts + tag, part()) is None
            octets = bytearray(good)
            for _ in range(chance.randint(1, 10)):
                at = chance.randrange(len(octets))
                octets[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
            smgw.writer.write(bytes(octets))
            smgw.writer.close()
            await until(lambda: len(told.answers) == (number + 1) * parts)  # noqa: B023  it is over before the next

    told = play(script, tmp_path)
    assert set(told.answers) == set(range(rounds * parts))
    outcomes = {answer.outcome for answer in told.answers.values()}
    assert outcomes >= {Outcome.ACCEPTED, Outcome.LOST}


def test_it_logs_out_in_order(tmp_path: Path) -> None:
    seen: list[Any] = []

    async def script(came: asyncio.Queue[Conversation], link: SmgpLink, told: Told) -> None:
        smgw = await came.get()
        await smgw.login()
        await until(lambda: link.capacity)

        async def part_ways() -> None:
            sequence_id, pdu = await smgw.read()
            seen.append(pdu)
            smgw.send(ExitResp(), sequence_id)

        seen.append(asyncio.create_task(part_ways()))
        await asyncio.sleep(0)

    play(script, tmp_path, stop_s=5.0)
    assert seen[1:] == [Exit()]


def test_it_tests_a_silent_smgw(tmp_path: Path) -> None:
    async def script(came: asyncio.Queue[Conversation], link: SmgpLink, told: Told) -> None:
        smgw = await came.get()
        await smgw.login()
        assert [type((await smgw.read())[1]) for _ in range(2)] == [ActiveTest, ActiveTest]
        await until(lambda: told.saw(LinkState.DOWN, "no answer to 2 ACTIVE_TEST"))

    play(script, tmp_path, idle_s=0.1, answer_s=0.1, tries=2)
