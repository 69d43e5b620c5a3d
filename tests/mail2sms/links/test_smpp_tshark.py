"""Software that nobody here wrote reads what an SMPP link says: Wireshark, on the octets of a real one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mail2sms.links import LinkState, MtPart
from mail2sms.segment import Coding, Segment, split
from mail2sms.smpp.frame import MAX_PDU_OCTETS
from tests.mail2sms.links.cmpp_peer import part, until
from tests.mail2sms.links.smpp_peer import NUMBER, SRC_ID, SYSTEM_ID, bench
from tests.mail2sms.links.wireshark import IN, OUT, Pdus, Spoken, Tap, command_of, dissected, ours

VALID = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
LONG = "彩邮" * 80


# (settings, parts): one link each, so that every form of a message is seen.
LINKS: list[tuple[dict[str, Any], list[MtPart]]] = [
    (
        {"system_type": "CP", "address_range": "10660", "service_type": "CMT", "validity": "absolute", "idle_s": 0.3},
        [
            part("hello [world]"),
            part("您有新邮件", valid_until=VALID, urgent=True, src="106600001"),
            *[MtPart(to=NUMBER, segment=segment) for segment in split(LONG, reference=42)],
        ],
    ),
    (
        {"bind": "pair", "src_id": "Caiyou", "long": "sar", "latin": 3},
        [MtPart(to=NUMBER, segment=segment) for segment in split("Latin letters, " * 12, reference=7)],
    ),
    ({"long": "payload", "latin": 8}, [MtPart(to=NUMBER, segment=Segment(text=LONG, coding=Coding.UCS2))]),
]


async def _conversation(folder: Path) -> Spoken:
    """Everything a link can say, to the simulated SMSC."""
    found: Spoken = []
    for number, (settings, parts) in enumerate(LINKS):
        (folder / str(number)).mkdir()
        async with bench(folder / str(number), receipt_by="data_sm" if number else "both", test_every_s=0.2) as made:
            tap = Tap(made.port, MAX_PDU_OCTETS, 16)
            link = made.link(await tap.start(), **settings)
            await until(lambda made=made: made.told.saw(LinkState.UP))  # type: ignore[misc]  # the loop's
            if settings.get("bind") == "pair":
                await until(lambda link=link: link.notes.get("receiver", "").startswith("up"))  # type: ignore[misc]
            for tag, one in enumerate(parts):
                link.submit(tag, one)
            await until(lambda made=made, parts=parts: len(made.told.reports) == len(parts))  # type: ignore[misc]
            made.smsc.mo(NUMBER, "10660", "请把名片发给我")
            await until(lambda made=made: made.told.mos)  # type: ignore[misc]
            if not number:
                await until(lambda tap=tap: tap.saw(OUT, 0x8000_0015))  # type: ignore[misc]
                made.faults(silent=True)  # or its own tests would keep ours away
                await until(lambda tap=tap: tap.saw(OUT, 0x15))  # type: ignore[misc]
                made.faults()
                await until(lambda tap=tap: tap.saw(IN, 0x8000_0015))  # type: ignore[misc]
            await made.stop()
            await tap.stop()
            found += tap.pdus
    return found


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Pdus:
    """Way, octets and tshark's fields of each PDU."""
    folder = tmp_path_factory.mktemp("tshark")
    return dissected(asyncio.run(_conversation(folder)), folder, "smpp", 2775)


def test_every_header(sent: Pdus) -> None:
    for _, pdu, fields in sent:
        assert int(fields["smpp.command_length"]) == len(pdu)
        assert int(fields["smpp.command_id"], 16) == command_of(pdu)
        assert int(fields["smpp.sequence_number"]) == int.from_bytes(pdu[12:16], "big")


def test_everything_we_can_say_was_said(sent: Pdus) -> None:
    commands = {command_of(pdu) for way, pdu, _ in sent if way == OUT}
    responses = {0x8000_0005, 0x8000_0103, 0x8000_0015}
    assert commands == {0x1, 0x2, 0x4, 0x6, 0x9, 0x15} | responses


def test_binds(sent: Pdus) -> None:
    binds = [bind for command in (9, 2, 1) for bind in ours(sent, command)]
    assert len(binds) == 4
    assert {bind["smpp.system_id"] for bind in binds} == {SYSTEM_ID}
    assert {bind["smpp.password"] for bind in binds} == {"s3cret"}
    assert {bind["smpp.interface_version"] for bind in binds} == {str(0x34)}
    assert [bind.get("smpp.system_type", "") for bind in binds] == ["CP", "", "", ""]
    assert [bind.get("smpp.address_range", "") for bind in binds] == ["10660", "", "", ""]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("smpp.service_type", ["CMT"] * 5 + ["(Default)"] * 3),
        ("smpp.source_addr", [SRC_ID, "106600001", *[SRC_ID] * 3, "Caiyou", "Caiyou", SRC_ID]),
        ("smpp.source_addr_ton", ["0x00"] * 5 + ["0x05"] * 2 + ["0x00"]),
        ("smpp.source_addr_npi", ["0x01"] * 5 + ["0x00"] * 2 + ["0x01"]),
        ("smpp.destination_addr", [NUMBER] * 8),
        ("smpp.dest_addr_ton", ["0x01"] * 8),
        ("smpp.dest_addr_npi", ["0x01"] * 8),
        ("smpp.esm.submit.features", ["0x00"] * 2 + ["0x01"] * 3 + ["0x00"] * 3),
        ("smpp.priority_flag", ["0x00", "0x01"] + ["0x00"] * 6),
        ("smpp.regdel.receipt", ["0x01"] * 8),
        ("smpp.data_coding", ["0x00", "0x08", "0x08", "0x08", "0x08", "0x03", "0x03", "0x08"]),
        ("smpp.sm_length", ["15", "10", "140", "140", "58", "134", "46", "0"]),
    ],
)
def test_submits(sent: Pdus, name: str, values: list[str]) -> None:
    assert [fields.get(name) for fields in ours(sent, 4)] == values


def test_validity(sent: Pdus) -> None:
    at = [fields.get("smpp.validity_period") for fields in ours(sent, 4)]
    assert at[1] is not None
    assert at[1].startswith("2026-11-24T04:00") or at[1].startswith("Nov 24, 2026 04:00")
    assert [value for place, value in enumerate(at) if place != 1] == [None] * 7


def test_parts_by_tlv(sent: Pdus) -> None:
    parts = [fields for fields in ours(sent, 4) if "smpp.sar_msg_ref_num" in fields]
    assert [(f["smpp.sar_msg_ref_num"], f["smpp.sar_total_segments"], f["smpp.sar_segment_seqnum"]) for f in parts] == [
        ("7", "2", "1"),
        ("7", "2", "2"),
    ]


def test_a_message_that_goes_whole(sent: Pdus) -> None:
    (whole,) = [fields for fields in ours(sent, 4) if "smpp.message_payload" in fields]
    assert bytes.fromhex(whole["smpp.message_payload"].replace(":", "")).decode("utf-16-be") == LONG


def test_the_simulated_smsc_is_read_too(sent: Pdus) -> None:
    receipts = [f for way, pdu, f in sent if way == IN and command_of(pdu) in (0x5, 0x103) and _is_receipt(f)]
    assert len(receipts) == 8
    assert {f.get("smpp.message_state") for f in receipts[:5]} == {"2"}
    assert all(f["smpp.receipted_message_id"] for f in receipts[:5])


def _is_receipt(fields: dict[str, Any]) -> bool:
    return any("type" in name and value == "0x01" for name, value in fields.items() if name.startswith("smpp.esm"))
