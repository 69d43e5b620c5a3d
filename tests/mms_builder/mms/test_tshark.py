"""tshark's dissectors wsp and mmse read our pushes and PDUs, without a "Malformed"; what they say of captures, we say.

PDUs lie in the capture as WSP pushes over UDP, port 2948, which is where mmse is reached from; link type is raw IP.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from mms_builder.body import parts_of
from mms_builder.mms import Address, NotificationInd, RetrieveConf, SendReq, decode, encode
from mms_builder.mms.push import encode_push
from tests.mms_builder.mms.captures import WHOLE
from tests.mms_builder.mms.test_codec import AT, TABLE
from tests.mms_builder.test_body import SHOW

pytestmark = pytest.mark.live

RAW_IP = 101
FIELDS = (
    "mmse.message_type",
    "mmse.transaction_id",
    "mmse.message_id",
    "mmse.from",
    "mmse.to",
    "mmse.subject",
    "mmse.message_size",
    "mmse.content_location",
    "mmse.status",
    "mmse.response_status",
)


def capture(folder: Path, pdus: Sequence[bytes]) -> Path:
    octets = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, RAW_IP)
    for number, pdu in enumerate(pdus):
        push = encode_push(pdu, number & 0xFF)
        udp = struct.pack(">HHHH", 9200, 2948, 8 + len(push), 0) + push
        addresses = bytes((127, 0, 0, 1, 127, 0, 0, 2))
        packet = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0) + addresses + udp
        octets += struct.pack("<IIII", number, 0, len(packet), len(packet)) + packet
    path = folder / "mms.pcap"
    path.write_bytes(octets)
    return path


def tshark(folder: Path, pdus: Sequence[bytes], *options: str) -> str:
    return subprocess.run(
        ["tshark", "-r", str(capture(folder, pdus)), *options],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="backslashreplace",
        check=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(folder)},
    ).stdout


def dissected(folder: Path, pdus: Sequence[bytes]) -> list[str]:
    frames = tshark(folder, pdus, "-V").split("\nFrame ")
    assert len(frames) == len(pdus)
    return frames


def test_ours(tmp_path: Path) -> None:
    """Each PDU of the table, with the words of its own type."""
    words = {
        "SendReq": ("m-send-req", "From: <insert address>", "To: li@example.test", "Subject: Hi",
                    "X-Mms-Expiry: 172800", "X-Mms-Delivery-Time: Nov 23, 2026 12:00:00", "Priority: High",
                    "Sender-Visibility: Show", "Delivery-Report: Yes", "Read-Report: No", "Charset: UTF-8"),
        "SendConf": ("m-send-conf", "Transient: Network problem", "Response-Text: later", "Message-Id: m@x"),
        "NotificationInd": ("m-notification-ind", "From: +8613800138000/TYPE=PLMN", "Message-Class: Personal",
                            "Message-Size: 30720", "X-Mms-Content-Location: http://mmsc.test/1"),
        "NotifyRespInd": ("m-notifyresp-ind", "Status: Deferred", "Report-Allowed: No"),
        "RetrieveConf": ("m-retrieve-conf", "Retrieve-Status: Ok", "Start: <0>", "Type: application/smil",
                         "Part: 1, content-type: application/smil", 'Content-Id: "<0>"', "Name: a.gif",
                         "Part: 2, content-type: image/gif", "Content-Location: a.gif",
                         "Content-Disposition: attachment; Filename=a.gif"),
        "AcknowledgeInd": ("m-acknowledge-ind", "Report-Allowed: Yes"),
        "DeliveryInd": ("m-delivery-ind", "Message-Id: m1", "Status: Retrieved"),
        "ReadRecInd": ("m-read-rec-ind", "X-Mms-Read-Status: Deleted without being read"),
        "ReadOrigInd": ("m-read-orig-ind", "X-Mms-Read-Status: Read"),
        "ForwardReq": ("m-forward-req", "X-Mms-Content-Location: http://a/1"),
        "ForwardConf": ("m-forward-conf", "Response-Status: Ok"),
    }  # fmt: skip
    for (pdu, _), said in zip(TABLE, dissected(tmp_path, [encode(pdu) for pdu, _ in TABLE]), strict=True):
        assert "Malformed" not in said
        assert "Method: Push (0x06)" in said
        assert "X-Wap-Application-Id: x-wap-application:mms.ua" in said
        for word in words[type(pdu).__name__]:
            assert word in said


def test_long_values(tmp_path: Path) -> None:
    """Lengths beyond what one octet says."""
    pdus = [
        encode(
            NotificationInd(
                transaction_id="t" * size,
                sender=Address(value="a" * size + "@x.test"),
                subject="x" + "彩" * size,
                message_size=1 << 20,
                expiry=timedelta(days=30),
                content_location="http://a/" + "b" * size,
            )
        )
        for size in (1, 8, 9, 10, 26, 31, 130, 400)
    ]
    for said in dissected(tmp_path, pdus):
        assert "Malformed" not in said
        assert "Message-Size: 1048576" in said
        assert "X-Mms-Expiry: 2592000" in said


def test_it_shows_the_quote(tmp_path: Path) -> None:
    """7Fh before the first character of a text with a charset is shown, where WAP-230 8.4.2.1 says it is a mark."""
    pdu = NotificationInd(
        transaction_id="T", subject="彩信", message_size=1, expiry=timedelta(days=1), content_location="http://a"
    )
    (said,) = dissected(tmp_path, [encode(pdu)])
    assert "Subject: \\177" in said


@pytest.mark.parametrize("name", WHOLE)
def test_captures(tmp_path: Path, name: str) -> None:
    """It and we read the same out of what others sent, and out of what we make of it."""
    options = ["-T", "fields", *(option for field in FIELDS for option in ("-e", field))]
    pdu = decode(WHOLE[name]).pdu
    theirs, again = tshark(tmp_path, [WHOLE[name], encode(pdu)], *options).strip("\n").split("\n")
    assert theirs == again
    found = dict(zip(FIELDS, theirs.split("\t"), strict=True))
    assert int(found["mmse.message_type"], 0) == pdu.TYPE
    for attribute in ("transaction_id", "message_id", "subject", "content_location", "message_size"):
        ours = getattr(pdu, attribute, "")
        assert found[f"mmse.{attribute}"] == str(ours)
    if not isinstance(pdu, SendReq) and getattr(pdu, "sender", None) is not None:
        assert found["mmse.from"] == str(getattr(pdu, "sender"))  # noqa: B009  not every PDU has one
    if isinstance(pdu, RetrieveConf):
        assert found["mmse.to"] == ",".join(map(str, pdu.to))


def test_a_whole_message(tmp_path: Path) -> None:
    """Its dissector of SMIL sees the slides, that of WSP every part with its name, id and charset."""
    content_type, parts = parts_of(SHOW, ("us-ascii", "utf-8"), (176, 208))
    pdu = RetrieveConf(transaction_id="T", date=AT, subject="Happy new year", content_type=content_type, parts=parts)
    (said,) = dissected(tmp_path, [encode(pdu)])
    assert "Malformed" not in said
    assert "Start: <slides.smil>" in said
    for number, part in enumerate(parts, 1):
        assert f"part: {number}, content-type: {part.content_type.media_type}" in said.lower()
        assert f'Content-Id: "<{part.content_id}>"' in said
        assert f"Content-Location: {part.content_location}" in said
    assert "Synchronized Multimedia Integration Language" in said
    assert 'dur="7500ms"' in said
    assert said.count("Charset: UTF-8") >= 2
