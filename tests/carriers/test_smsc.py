"""The simulated SMSC: what it refuses, and what outlives it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from caiyou.errors import InputError
from mail2sms.smpp.codes import Status
from mail2sms.smpp.frame import decode, encode
from mail2sms.smpp.pdu import (
    BindReceiver,
    BindReceiverResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    DeliverSm,
    DeliverSmResp,
    Pdu,
    SubmitSm,
    SubmitSmResp,
)
from sandbox.carriers.journal import Journal
from sandbox.carriers.phones import Phones
from sandbox.carriers.smsc import Smsc
from sandbox.carriers.smsc_faults import SmscFaults

NUMBER = "8613800138000"
BIND = BindTransceiver(system_id="caiyou", password="s3cret")
LAWFUL: dict[str, Any] = {"source_addr": "10660", "destination_addr": NUMBER, "short_message": b"hi"}


class Esme:
    """A plain connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._sequence_id = 0

    async def ask(self, pdu: Pdu) -> tuple[int, Pdu]:
        """Send a request; status and PDU of what comes next."""
        self._sequence_id += 1
        self._writer.write(encode(pdu, self._sequence_id))
        return await self.read()

    async def read(self) -> tuple[int, Pdu]:
        head = await asyncio.wait_for(self._reader.readexactly(4), 10)
        frame = decode(head + await self._reader.readexactly(int.from_bytes(head, "big") - 4))
        if isinstance(frame.pdu, DeliverSm):
            self._writer.write(encode(DeliverSmResp(), frame.sequence_id))
        return frame.status, frame.pdu

    def close(self) -> None:
        self._writer.close()


def _run(folder: Path, script: Any, **faults: Any) -> Smsc:
    """Play against a new SMSC with that folder."""

    async def run() -> Smsc:
        smsc = Smsc({"caiyou": "s3cret"}, Phones(), Journal(folder), 0)
        where = await smsc.start("127.0.0.1")
        smsc.set_faults(SmscFaults(**({"report_delay_s": 0.0} | faults)))
        running = asyncio.create_task(smsc.run())
        esmes: list[Esme] = []

        async def connect() -> Esme:
            esmes.append(Esme(*await asyncio.open_connection("127.0.0.1", int(where.rpartition(":")[2]))))
            return esmes[-1]

        try:
            await script(smsc, connect)
        finally:
            for esme in esmes:
                esme.close()
            running.cancel()
            await smsc.stop()
        return smsc

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("bind", "faults", "status"),
    [
        (BIND, {}, 0),
        (BindTransceiver(system_id="caiyou", password="S3cret"), {}, Status.RINVPASWD),
        (BindTransceiver(system_id="caiyou"), {}, Status.RINVPASWD),
        (BindTransceiver(system_id="nobody", password="s3cret"), {}, Status.RINVSYSID),
        (BIND, {"refuse_login": 0x0D}, Status.RBINDFAIL),
    ],
)
def test_logins(tmp_path: Path, bind: BindTransceiver, faults: dict[str, Any], status: int) -> None:
    async def script(smsc: Smsc, connect: Any) -> None:
        assert (await (await connect()).ask(bind))[0] == status

    _run(tmp_path, script, **faults)


def test_one_link_too_many(tmp_path: Path) -> None:
    async def script(smsc: Smsc, connect: Any) -> None:
        assert (await (await connect()).ask(BIND))[0] == 0
        assert (await (await connect()).ask(BIND)) == (Status.RALYBND, BindTransceiverResp())

    _run(tmp_path, script, max_links=1)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 0),
        ({"source_addr": "Caiyou", "source_addr_ton": 5}, 0),
        ({"source_addr": "Caiyou"}, Status.RINVSRCADR),
        ({"source_addr": ""}, Status.RINVSRCADR),
        ({"source_addr": "Caiyou Zhongguo", "source_addr_ton": 5}, Status.RINVSRCADR),
        ({"destination_addr": "hello"}, Status.RINVDSTADR),
        ({"destination_addr": "85261234567", "dest_addr_ton": 1}, 0),
        ({"destination_addr": "13800138000", "dest_addr_ton": 2}, 0),
        ({"validity_period": "000001000000000R"}, 0),
        ({"validity_period": "261124040000000+"}, 0),
        ({"validity_period": "tomorrow"}, Status.RINVEXPIRY),
        ({"priority_flag": 4}, Status.RINVPRTFLG),
        ({"data_coding": 99}, Status.RSUBMITFAIL),
        ({"short_message": b"x" * 160}, 0),
        ({"short_message": b"x" * 161}, Status.RINVMSGLEN),
        ({"short_message": bytes(142), "data_coding": 8}, Status.RINVMSGLEN),
        ({"short_message": b"\5\0\3\1\2\1" + bytes(134), "data_coding": 8, "esm_class": 0x40}, 0),
        ({"short_message": b"\5\0\3\1\2\1" + bytes(136), "data_coding": 8, "esm_class": 0x40}, Status.RINVMSGLEN),
        ({"sar_msg_ref_num": 1, "sar_total_segments": 2, "sar_segment_seqnum": 1}, 0),
        ({"sar_total_segments": 2, "sar_segment_seqnum": 1}, Status.RINVOPTPARAMVAL),
        ({"sar_msg_ref_num": 1, "sar_total_segments": 2, "sar_segment_seqnum": 3}, Status.RINVOPTPARAMVAL),
        ({"short_message": b"", "message_payload": b"x" * 1000}, 0),
        ({"message_payload": b"x"}, Status.RINVOPTPARAMVAL),
    ],
)
def test_submits(tmp_path: Path, changes: dict[str, Any], status: int) -> None:
    async def script(smsc: Smsc, connect: Any) -> None:
        esme = await connect()
        await esme.ask(BIND)
        found, answer = await esme.ask(SubmitSm(**(LAWFUL | changes)))
        assert found == status
        assert isinstance(answer, SubmitSmResp)
        assert bool(answer.message_id) is (status == 0)

    _run(tmp_path, script)


def test_directions(tmp_path: Path) -> None:
    async def script(smsc: Smsc, connect: Any) -> None:
        sends, takes = await connect(), await connect()
        await sends.ask(BindTransmitter(system_id="caiyou", password="s3cret"))
        assert (await takes.ask(BindReceiver(system_id="caiyou", password="s3cret")))[1] == BindReceiverResp(
            system_id="smsc", sc_interface_version=0x34
        )
        assert (await takes.ask(SubmitSm(**LAWFUL)))[0] == Status.RINVBNDSTS
        assert (await sends.ask(SubmitSm(**LAWFUL, registered_delivery=1)))[0] == 0
        smsc.mo(NUMBER, "10660", "hello")
        found = {type((await takes.read())[1]) for _ in range(2)}
        assert found == {DeliverSm}

    smsc = _run(tmp_path, script, report_link="same")
    assert smsc.counts["reports"] == smsc.counts["mos"] == 1


def test_no_receipt_unless_asked_for(tmp_path: Path) -> None:
    async def script(smsc: Smsc, connect: Any) -> None:
        esme = await connect()
        await esme.ask(BIND)
        await esme.ask(SubmitSm(**LAWFUL))
        await esme.ask(SubmitSm(**LAWFUL, registered_delivery=1))
        assert isinstance((await esme.read())[1], DeliverSm)

    assert _run(tmp_path, script).counts["reports"] == 1


def test_phones_show_again_what_was_taken_before_a_restart(tmp_path: Path) -> None:
    async def send(smsc: Smsc, connect: Any) -> None:
        esme = await connect()
        await esme.ask(BIND)
        await esme.ask(SubmitSm(**(LAWFUL | {"short_message": b"\x1b<]\x00"})))
        for number in (1, 2):
            more = {"sar_msg_ref_num": 300, "sar_total_segments": 2, "sar_segment_seqnum": number, "data_coding": 8}
            await esme.ask(SubmitSm(**(LAWFUL | more | {"short_message": "彩邮"[number - 1].encode("utf-16-be")})))

    async def look(smsc: Smsc, connect: Any) -> None:
        assert [message.text for message in smsc.phones.messages(NUMBER)] == ["[Ñ@", "彩邮"]

    first = _run(tmp_path, send)
    assert [message.text for message in first.phones.messages(NUMBER)] == ["[Ñ@", "彩邮"]
    _run(tmp_path, look)


def test_what_a_handset_cannot_send(tmp_path: Path) -> None:
    async def script(smsc: Smsc, connect: Any) -> None:
        for to, text in (("Caiyou", "hello"), ("10660", ""), ("10660", "x" * 1001)):
            with pytest.raises(InputError):
                smsc.mo(NUMBER, to, text)

    _run(tmp_path, script)
