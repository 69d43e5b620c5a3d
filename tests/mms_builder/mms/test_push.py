"""The push that announces a message, and the short messages that carry it."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiyou.errors import ProtocolError
from mms_builder.mms import Address, NotificationInd, decode, encode
from mms_builder.mms.push import decode_push, encode_push, joined, user_data

PDU = encode(
    NotificationInd(
        transaction_id="T",
        sender=Address.phone("8613900139000"),
        message_size=30000,
        expiry=timedelta(days=3),
        content_location="http://mms.test/1",
    )
)


def test_as_seen_on_the_wire() -> None:
    assert encode_push(b"\x8c\x82", 0x2A).hex(" ") == "2a 06 03 be af 84 8c 82"
    push = decode_push(encode_push(PDU, 7))
    assert (push.tid, push.application_id, push.body, push.is_mms, push.forgiven) == (7, "4", PDU, True, ())
    with pytest.raises(ValueError, match="256"):
        encode_push(b"", 256)


def test_one_sms() -> None:
    (only,) = user_data(b"x" * 133, 9)
    assert only == bytes.fromhex("06 05 04 0B84 23F0") + b"x" * 133


def test_two_sms() -> None:
    first, second = user_data(b"x" * 134, 9)
    assert first == bytes.fromhex("0B 05 04 0B84 23F0 00 03 09 02 01") + b"x" * 128
    assert second == bytes.fromhex("0B 05 04 0B84 23F0 00 03 09 02 02") + b"x" * 6


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=2000), st.integers(0, 255), st.randoms())
def test_any_length(push: bytes, reference: int, random: Random) -> None:
    parts = list(user_data(push, reference))
    assert all(len(part) <= 140 for part in parts)
    random.shuffle(parts)
    assert joined([*parts, parts[0]]) == push


def test_too_long() -> None:
    assert len(user_data(b"x" * 128 * 255, 0)) == 255
    with pytest.raises(ValueError, match="256 SMS"):
        user_data(b"x" * (128 * 255 + 1), 0)


@pytest.mark.parametrize(
    "parts, error",
    [
        ([], "parts of 0 messages"),
        ([user_data(b"x" * 300, 1)[0]], "1 parts of 3"),
        ([user_data(b"x" * 200, 1)[0], user_data(b"x" * 200, 2)[1]], "parts of 2 messages"),
        ([bytes.fromhex("06 05 04 1F90 23F0 00")], "port 8080"),
        ([b"\0x"], "port -1"),
        ([b"\x06\x05"], "UDH: 6 octets needed"),
        ([b"\x02\x05\x04"], "IE: 4 octets needed"),
        ([b""], "UDHL"),
    ],
)
def test_not_joined(parts: list[bytes], error: str) -> None:
    with pytest.raises(ProtocolError, match=error):
        joined(parts)


def test_sixteen_bit_reference_and_order() -> None:
    """The concatenation before the ports, as some centres do."""
    parts = [bytes.fromhex(f"0C 08 04 0102 02 0{n} 05 04 0B84 23F0") + b"%d" % n for n in (2, 1)]
    assert joined(parts) == b"12"


@pytest.mark.parametrize(
    "octets, application_id, is_mms",
    [
        ("01 06 01 BE", "", True),
        ("01 07 03 BE AF 84", "4", True),  # confirmed
        ("01 06 22 6170706C69636174696F6E2F766E642E7761702E6D6D732D6D65737361676500 AF84", "4", True),
        ("01 06 08 03 BE 81EA AF 84 B4 86", "4", True),  # charset, then a push flag
        ("01 06 04 BE AF 01 04", "4", True),  # the number in its long form
        ("01 06 03 BE AF 82", "2", False),  # x-wap-application:wml.ua
        ("01 06 03 AE AF 84", "4", False),  # text/vnd.wap.si
        ("01 06 02 BE AF", "", True),  # cut headers
    ],
)
def test_pushes_met(octets: str, application_id: str, is_mms: bool) -> None:
    push = decode_push(bytes.fromhex(octets) + PDU)
    assert (push.application_id, push.is_mms, push.body) == (application_id, is_mms, PDU)
    assert decode(push.body).forgiven == ()


def test_named_application() -> None:
    head = b"\xbe\xafx-wap-application:mms.ua\0X-Other\0a\0"
    push = decode_push(b"\x01\x06" + bytes((len(head),)) + head)
    assert push.is_mms
    head = b"\xbeX-Wap-Application-Id\0x-wap-application:mms.ua\0"
    assert decode_push(b"\x01\x06" + bytes((len(head),)) + head).application_id == "x-wap-application:mms.ua"


@pytest.mark.parametrize("octets", ["", "01", "0104", "0106", "010605BE", "010600", "0106FFFFFFFFFFFF"])
def test_no_push(octets: str) -> None:
    with pytest.raises(ProtocolError):
        decode_push(bytes.fromhex(octets))
