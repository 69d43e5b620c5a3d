"""What nobody should send: nothing but ProtocolError comes of it, in bounded time; and any PDU survives its octets."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from caiyou.errors import ProtocolError
from mms_builder.mms import (
    INSERT_ADDRESS,
    Address,
    ContentType,
    MessageClass,
    NotificationInd,
    Part,
    Priority,
    RetrieveConf,
    SendReq,
    Version,
    decode,
    encode,
)
from mms_builder.mms.codes import Charset
from mms_builder.mms.push import decode_push, encode_push
from mms_builder.mms.text import decoded, encoded_best
from tests.mms_builder.mms.captures import WHOLE

ASCII = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=60)
NAME = ASCII.filter(lambda text: '"' not in text)  # senders' stray quotation marks are taken off names
# Text that stays itself on one line: no control characters, single blanks.
LINE = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=60)
STAMP = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001  zone given
    lambda at: at.replace(microsecond=0)
)
SPAN = st.integers(0, 1 << 31).map(lambda seconds: timedelta(seconds=seconds))
ADDRESS = st.one_of(
    st.text("0123456789", min_size=3, max_size=15).map(lambda number: Address(value=f"+{number}", kind="PLMN")),
    st.just(Address(value="li@example.test")),
)
MEDIA = st.sampled_from(["text/plain", "image/jpeg", "application/smil", "audio/amr", "x-strange/type"])
PARAMETERS = st.lists(
    st.one_of(
        st.tuples(st.just("charset"), st.sampled_from(["utf-8", "us-ascii", "utf-16", "big5"])),
        st.tuples(st.sampled_from(["name", "start", "x-vendor"]), NAME),
        st.tuples(st.just("type"), MEDIA),
    ),
    max_size=4,
    unique_by=lambda pair: pair[0],
).map(tuple)
PARTS = st.lists(
    st.builds(
        Part,
        content_type=st.builds(ContentType, MEDIA, PARAMETERS),
        data=st.binary(max_size=300),
        content_id=NAME.map(lambda text: text.strip("<>") or "x"),
        content_location=NAME,
        disposition=st.sampled_from(["", "inline", "attachment"]),
    ),
    max_size=4,
).map(tuple)
COMMON: dict[str, Any] = {
    "transaction_id": ASCII,
    "mms_version": st.sampled_from(Version),
    "to": st.lists(ADDRESS, max_size=4).map(tuple),
    "subject": LINE,
    "message_class": st.none() | st.sampled_from(MessageClass),
    "priority": st.none() | st.sampled_from(Priority),
    "delivery_report": st.none() | st.booleans(),
    "content_type": st.sampled_from(
        [ContentType("application/vnd.wap.multipart.mixed"), ContentType("application/vnd.wap.multipart.related")]
    ),
    "parts": PARTS,
}
PDUS = st.one_of(
    st.builds(
        SendReq,
        sender=st.just(INSERT_ADDRESS) | ADDRESS,
        expiry=st.none() | STAMP | SPAN,
        sender_visible=st.none() | st.booleans(),
        **COMMON,
    ),
    st.builds(RetrieveConf, date=st.none() | STAMP, sender=st.none() | ADDRESS, **COMMON),
    st.builds(
        NotificationInd,
        transaction_id=ASCII,
        message_size=st.integers(0, 1 << 40),
        expiry=STAMP | SPAN,
        content_location=ASCII,
        subject=LINE,
    ),
)


@settings(max_examples=300, deadline=None)
@given(PDUS, st.sampled_from([Charset.UTF_8, Charset.UTF_16, Charset.ISO_8859_1]))
def test_round_trip(pdu: SendReq | RetrieveConf | NotificationInd, charset: Charset) -> None:
    if charset is Charset.ISO_8859_1:
        assume(not is_latin_and_utf_8(pdu.subject))
    found = decode(encode(pdu, charset))
    assert found.pdu == pdu


def is_latin_and_utf_8(text: str) -> bool:
    """What a liar's UTF-8 would be taken for, and is."""
    try:
        return not text.isascii() and bool(text.encode("latin-1").decode())
    except UnicodeError:
        return False


def survives(octets: bytes) -> None:
    with suppress(ProtocolError):
        decode(octets)
    with suppress(ProtocolError):
        decode_push(octets)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=200))
def test_noise(octets: bytes) -> None:
    survives(octets)
    survives(b"\x8c\x80" + octets)
    survives(b"\x8c\x84\x84\xa3" + octets)
    survives(b"\x8c\x80\x84\x1f" + octets)


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from([*WHOLE.values(), encode_push(WHOLE["notify with subject"])]),
    st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3), st.integers(0, 3)), min_size=1, max_size=4),
)
def test_mutants(octets: bytes, changes: list[tuple[int, bytes, int]]) -> None:
    for at, new, away in changes:
        place = at % len(octets) if octets else 0
        octets = octets[:place] + new + octets[place + away :]
    survives(octets)


@pytest.mark.parametrize("octets", WHOLE.values(), ids=WHOLE.keys())
def test_every_octet_changed(octets: bytes) -> None:
    for at in range(len(octets)):
        for value in (0x00, 0x1F, 0x7F, 0x80, 0xFF, octets[at] ^ 1):
            survives(octets[:at] + bytes((value,)) + octets[at + 1 :])
        survives(octets[:at])


@pytest.mark.parametrize(
    "octets",
    [
        b"\x8c\x80" + b"\x97a\0" * 4990 + b"\x84\xa3\0" + b"\x01\x00\x83" * 900,
        b"\x8c\x80\x84\xa3\0" + (b"\x8f\x7f\x00" + b"\x83" + b"\x8ea\0" * 682) * 400,
        b"\x8c\x80\x84\x1f\xff\xff\x7f" + b"\x81" * 2_097_151,
        b"\x8c\x80\x84\x1f\xff\xff\x7f" + b"\xb3" + b"a\0b\0" * 524_287 + b"\0\0",
        b"\x8c\x80\x96" + b"\xe5" * 3_000_000 + b"\0",
        b"\x8c\x80\x84" + b"a/b;" * 500_000 + b"\0",
        b"\x8c\x80" + b"X" * 3_000_000,
    ],
)
def test_heavy(octets: bytes) -> None:
    began = time.process_time()
    survives(octets)
    assert time.process_time() - began < 2.0


@settings(deadline=None)
@given(
    # Escape sequences of ISO 2022 and HZ and a leading byte order mark mean something else.
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1b~\ufeff"), max_size=100),
    st.permutations(["us-ascii", "iso-8859-1", "utf-16", "iso-10646-ucs-2", "utf-8"]),
)
def test_texts_of_parts(text: str, charsets: list[str]) -> None:
    octets, charset = encoded_best(text, charsets)
    assert charset is not Charset.US_ASCII or text.isascii()
    assert (octets[:2] == b"\xfe\xff") == (charset in (Charset.UTF_16, Charset.UCS_2))
    assume(charset is not Charset.ISO_8859_1 or not any("\x7f" < char < "\xa0" for char in text))
    assume(charset is not Charset.ISO_8859_1 or not is_latin_and_utf_8(text))
    assert decoded(octets, charset) == text


@pytest.mark.parametrize(
    "text, charsets, octets, charset",
    [
        ("Hi", ("us-ascii", "utf-8"), b"Hi", Charset.US_ASCII),
        ("彩", ("us-ascii", "utf-8"), "彩".encode(), Charset.UTF_8),
        ("彩", ("utf-16",), b"\xfe\xff\x5f\x69", Charset.UTF_16),
        ("彩", ("iso-10646-ucs-2",), b"\xfe\xff\x5f\x69", Charset.UCS_2),
        ("😀", ("ucs-2", "utf-16"), b"\xfe\xff\xd8\x3d\xde\x00", Charset.UTF_16),
        ("é", ("us-ascii", "ISO-8859-1"), b"\xe9", Charset.ISO_8859_1),
        ("彩", ("iso-8859-1", "klingon"), "彩".encode(), Charset.UTF_8),
        ("\ud800", ("utf-8",), "\ufffd".encode(), Charset.UTF_8),
    ],
)
def test_best_charset(text: str, charsets: tuple[str, ...], octets: bytes, charset: Charset) -> None:
    assert encoded_best(text, charsets) == (octets, charset)
