"""Software that nobody here wrote reads what a CMPP 3.0 link says: Wireshark, on the octets of a real one."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from mail2sms.links import LinkState
from mail2sms.links.cmpp import CmppLink
from mail2sms.segment import split
from sandbox.carriers.faults import Faults
from sandbox.carriers.ismg import Ismg
from sandbox.carriers.journal import Journal
from sandbox.carriers.phones import Phones
from tests.mail2sms.links.cmpp_peer import PHONE, SECRET, SP_ID, Told, part, settings_of, until
from tests.mail2sms.links.wireshark import IN, OUT, Pdus, Spoken, Tap, command_of, dissected, ours

VALID = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
LONG = "彩邮" * 80


async def _conversation(folder: Path) -> Spoken:
    """Everything a link can say, to the simulated ISMG."""
    ismg = Ismg({SP_ID: SECRET}, Phones(), Journal(folder / "ismg"), 0)
    ismg.set_faults(Faults(test_every_s=0.2, report_delay_s=0.01))
    where = await ismg.start("127.0.0.1")
    running = asyncio.create_task(ismg.run())
    tap, told = Tap(int(where.rpartition(":")[2])), Told()
    fees = {"fee_user_type": 3, "fee_terminal_id": "13900139000", "fee_type": "02", "fee_code": "000010"}
    settings = settings_of(await tap.start(), folder, service_id="MAIL", idle_s=0.3, answer_s=0.3, **fees)
    link = CmppLink("tapped", settings)
    task = asyncio.create_task(link.run(told, 5.0))
    await until(lambda: told.saw(LinkState.UP))
    parts = [part("hello"), part("您有新邮件", valid_until=VALID, urgent=True, src="106588780001")]
    parts += [part(segment=segment) for segment in split(LONG, reference=42)]
    for tag, one in enumerate(parts):
        link.submit(tag, one)
    await until(lambda: len(told.answers) == len(told.reports) == len(parts))
    ismg.mo(f"86{PHONE}", "10658878", "请把名片发给我")
    await until(lambda: told.mos)
    await link.query(date(2026, 11, 23))
    await link.cancel(told.answers[0].ref)
    await until(lambda: tap.saw(OUT, 0x8000_0008))
    ismg.set_faults(Faults(silent=True))  # or its own tests would keep ours away
    await until(lambda: tap.saw(OUT, 0x8))
    ismg.set_faults(Faults())
    await until(lambda: tap.saw(IN, 0x8000_0008))
    task.cancel()
    await asyncio.wait([task])
    await tap.stop()
    running.cancel()
    await ismg.stop()
    return tap.pdus


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Pdus:
    """Way, octets and tshark's fields of each PDU."""
    folder = tmp_path_factory.mktemp("tshark")
    return dissected(asyncio.run(_conversation(folder)), folder, "cmpp", 7890)


def test_every_header(sent: Pdus) -> None:
    for _, pdu, fields in sent:
        assert int(fields["cmpp.Total_Length"]) == len(pdu)
        assert int(fields["cmpp.Command_Id"], 16) == command_of(pdu)
        assert int(fields["cmpp.Sequence_Id"]) == int.from_bytes(pdu[8:12], "big")


def test_everything_we_can_say_was_said(sent: Pdus) -> None:
    commands = {command_of(pdu) for way, pdu, _ in sent if way == OUT}
    assert commands == {1, 2, 4, 6, 7, 8, 0x8000_0005, 0x8000_0008}


def test_connect(sent: Pdus) -> None:
    (connect,) = ours(sent, 1)
    assert connect["cmpp.connect.Source_Addr"] == SP_ID
    assert connect["cmpp.Version"] == "03.00"
    assert connect["cmpp.connect.AuthenticatorSource"]


@pytest.mark.parametrize(
    "name, values",
    [
        ("cmpp.submit.Pk_total", ["1", "1", "3", "3", "3"]),
        ("cmpp.submit.Pk_number", ["1", "1", "1", "2", "3"]),
        ("cmpp.submit.Registered_Delivery", ["1"] * 5),
        ("cmpp.submit.Msg_level", ["0", "1", "0", "0", "0"]),
        ("cmpp.Servicd_Id", ["MAIL"] * 5),
        ("cmpp.submit.Fee_UserType", ["3"] * 5),
        ("cmpp.submit.Fee_terminal_Id", ["13900139000"] * 5),
        ("cmpp.TP_udhi", ["0", "0", "1", "1", "1"]),
        ("cmpp.Msg_Fmt", ["0", "8", "8", "8", "8"]),
        ("cmpp.submit.Msg_src", [SP_ID] * 5),
        ("cmpp.submit.FeeType", ["02"] * 5),
        ("cmpp.submit.FeeCode", ["000010"] * 5),
        ("cmpp.submit.Src_Id", ["10658878", "106588780001", *["10658878"] * 3]),
        ("cmpp.submit.DestUsr_tl", ["1"] * 5),
        ("cmpp.Dest_terminal_Id", [PHONE] * 5),
        ("cmpp.submit.Valld_Time", ["", "261124120000032+", "", "", ""]),
        ("cmpp.Msg_Length", ["5", "10", "140", "140", "58"]),
    ],
)
def test_submits(sent: Pdus, name: str, values: list[str]) -> None:
    assert [fields[name] for fields in ours(sent, 4)] == values


@pytest.mark.parametrize("way", [IN, OUT])
def test_delivers_and_their_answers(sent: Pdus, way: str) -> None:
    wanted = 5 if way == IN else 0x8000_0005
    found = [fields for one, pdu, fields in sent if one == way and command_of(pdu) == wanted]
    assert len(found) == 6
    if way == OUT:
        assert {fields["cmpp.deliver_resp.Result"] for fields in found} == {"0"}
        assert len({fields["cmpp.Msg_Id"] for fields in found}) == 6
