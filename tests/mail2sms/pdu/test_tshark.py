"""tshark's own dissector of short messages reads ours, without a "Malformed".

The TPDU alone does not say which way it goes, so each is put into the RP-DATA that a mobile network would use
(3GPP TS 24.011, 7.3.1), in a capture of link type USER0 that is read as gsm_a_rp.
"""

from __future__ import annotations

import struct
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from mail2sms.pdu import tpdu
from mail2sms.pdu.address import Address, Ton, alphanumeric, encode_centre, written
from mail2sms.pdu.header import Concatenation, Ports, element
from mail2sms.pdu.layout import UserData
from mail2sms.pdu.text import user_data
from mail2sms.pdu.tpdu import Deliver, StatusReport, Submit, Tpdu
from mail2sms.segment import Coding, split

pytestmark = pytest.mark.live

USER0 = 147
AT = datetime(2026, 11, 23, 12, 34, 56, tzinfo=timezone(timedelta(hours=8)))
CENTRE = encode_centre(written("+8613800100500"))
TEXTS = ("Hello {world} [~|\\] @$_", "彩邮：您有新邮件😀", "long latin " * 40, "长短信" * 60, "€" * 150)


def rp_data(pdu: Tpdu, reference: int) -> bytes:
    octets = tpdu.encode(pdu)
    to_network = isinstance(pdu, Submit)
    ends = b"\0" + CENTRE if to_network else CENTRE + b"\0"
    return bytes((0 if to_network else 1, reference)) + ends + bytes((len(octets),)) + octets


def dissected(folder: Path, pdus: list[Tpdu]) -> list[str]:
    """What tshark says of each."""
    capture = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, USER0)
    for number, pdu in enumerate(pdus):
        octets = rp_data(pdu, number & 0xFF)
        capture += struct.pack("<IIII", number, 0, len(octets), len(octets)) + octets
    path = folder / "sms.pcap"
    path.write_bytes(capture)
    said = subprocess.run(
        ["tshark", "-r", str(path), "-V", "-o", 'uat:user_dlts:"User 0 (DLT=147)","gsm_a_rp","0","","0",""'],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(folder)},
    ).stdout
    frames = said.split("\nFrame ")
    assert len(frames) == len(pdus)
    assert "GSM SMS TPDU" in said
    return frames


def test_submits(tmp_path: Path) -> None:
    pdus: list[Tpdu] = []
    expected: list[str] = []
    for reference, text in enumerate(TEXTS):
        for coding in (Coding.GSM7, Coding.UCS2):
            try:
                parts = split(text, coding=coding, reference=reference * 2 + (coding is Coding.UCS2))
            except ValueError:
                continue
            for segment in parts:
                dcs, ud = user_data(segment)
                pdus.append(Submit(status_report=True, mr=7, da=written("+8613800138000"), dcs=dcs, vp=167, ud=ud))
                expected.append(segment.text)
    assert len(pdus) > 20
    for said, text in zip(dissected(tmp_path, pdus), expected, strict=True):
        assert "Malformed" not in said
        assert "SMS-SUBMIT" in said
        assert "TP-Destination-Address - (8613800138000)" in said
        assert "24 hours" in said or "24 hour" in said
        assert f"SMS text: {text}" in said


def test_delivers_and_reports(tmp_path: Path) -> None:
    port = element(Ports(destination=2948, origin=9200))
    part = element(Concatenation(reference=0x1234, total=2, number=1, bits=16))
    pdus: list[Tpdu] = [
        Deliver(oa=alphanumeric("CaiYou"), scts=AT, ud=UserData(body=b"hi")),
        Deliver(
            oa=Address(text="10086", ton=Ton.UNKNOWN), dcs=8, scts=AT, ud=UserData(body="你好".encode("utf-16-be"))
        ),
        Deliver(oa=written("+8613800138000"), dcs=0xF5, scts=AT, ud=UserData(header=port, body=bytes(30))),
        Deliver(oa=written("+8613800138000"), scts=AT, ud=UserData(header=part, body=b"part one")),
        StatusReport(mr=200, ra=written("+8613800138000"), scts=AT, discharge=AT, st=0x46),
    ]
    letters, digits, push, long, report = dissected(tmp_path, pdus)
    assert "Malformed" not in letters + digits + long + report
    assert "Malformed Packet: GSM SMS" not in push  # what is in it is no WSP
    assert "TP-Originating-Address - (CaiYou)" in letters
    assert "SMS text: 你好" in digits
    assert "Application port addressing scheme" in push
    assert "(2948)" in push
    assert "Message identifier: 4660" in long
    assert "SMS-STATUS REPORT" in report
    assert "TP-MR: 200" in report
    assert "validity period expired" in report.lower()
    for said in (letters, report):
        assert "Year: 26" in said
        assert "Timezone: GMT + 8 hours 0 minutes" in said
