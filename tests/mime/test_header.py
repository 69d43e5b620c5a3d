from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiyou.mime import addresses, date, decode_header, parameters


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"", ""),
        (b"plain", "plain"),
        (b" Re: =?GB2312?Q?=D7=B0=D3=B2?=  x", "Re: 装硬 x"),
        (b"=?utf-8?B?5Lya6K6u?= =?utf-8?Q?=E9=80=9A=E7=9F=A5?=", "会议通知"),
        (b"=?utf-8?B?5Lya6K6u?=\r\n\t=?gb2312?B?zajWqg==?=", "会议通知"),
        (b"=?utf-8?B?5Lya6K6u?==?utf-8?B?6YCa55+l?=", "会议通知"),
        (b"=?utf-8*zh?Q?=E4=BC=9A?=", "会"),
        (b"=?utf-8?Q?a_b=5F?=", "a b_"),
        (b"=?utf-8?Q?two words?=", "two words"),
        (b"=?utf-8?Q?what?_now?=", "what? now"),
        (b"=?utf-8?q?=E4=BC?= =?utf-8?q?=9A=E8=AE=AE?=", "会议"),  # cut inside a character
        (b"=?utf-8?B?5Lya6?= =?utf-8?B?K6u?=", "会议"),  # cut inside a group of four
        (b"=?utf-8?B?5Lya6K6u?", "会议"),  # the end is lost
        (b"=?utf-8?B?5Lya6K6u", "会议"),
        (b"=?utf-8?B?5Lya!6K6u=?=", "会议"),
        (b"=?utf-8?B?5Lya?= and =?utf-8?B?6K6u?=", "会 and 议"),
        (b"=?NONE?B?VEVTVA=?=", "TEST"),
        (b"=?UTF-16?B?//492Enc?= test", "👉 test"),
        (b"=?iso-2022-jp?B?GyRCJUYlOSVIGyhC?= =?ISO-2022-JP?B?GyRCJUYlOSVIGyhC?=", "テストテスト"),
        (b"=?hz-gb-2312?Q?~{;aRi~}?=", "会议"),
        (b"=?big5?B?t3zEsw==?=", "會議"),
        (b"=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        (b"=?utf-8?Q?abc=?utf-8?Q?d?=", "=?utf-8?Q?abcd"),
        (b"2 =? 3 ?= 4", "2 =? 3 ?= 4"),
        (b"a\x00b\r\n c\x1b[31m", "ab c[31m"),
        ("会议".encode(), "会议"),
        ("会议".encode("gbk"), "会议"),
        ("会议".encode("gbk").decode("ascii", "surrogateescape"), "会议"),
        ("会议", "会议"),
        ("\ud800x", "?x"),
        (b"=?utf-7?Q?+2AA-?=x", "\ufffdx"),  # half a surrogate pair
    ],
)
def test_header_decoded(value: str | bytes, text: str) -> None:
    assert decode_header(value) == text


def test_header_hint_decides_for_raw_text() -> None:
    raw = "會議".encode("big5") + b" \xa4\x40"
    assert decode_header(raw, "big5") == "會議 一"
    assert decode_header(b"ready\x85", "iso-8859-1") == "ready…"
    assert decode_header("Встреча".encode("koi8-r"), "koi8-r") == "Встреча"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"", []),
        (b"a@b.c", [("", "a@b.c")]),
        (b" <a@b.c> ", [("", "a@b.c")]),
        (b"Bob <a@b.c>", [("Bob", "a@b.c")]),
        (b'"Bob, the \\"Great\\"" <a@b.c>', [('Bob, the "Great"', "a@b.c")]),
        (b"MAILER-DAEMON@b.c (Mail Delivery System)", [("Mail Delivery System", "MAILER-DAEMON@b.c")]),
        (b"Jason Lee (=?GB2312?Q?=C0=EE?=) <a@b.c>", [("Jason Lee", "a@b.c")]),
        (b"=?utf-8?B?5byg5LiJ?= <zhang@b.c>", [("张三", "zhang@b.c")]),
        (b'"=?utf-8?B?5byg5LiJ?=" <zhang@b.c>', [("张三", "zhang@b.c")]),
        ('"张三" <张三@例子.test>'.encode(), [("张三", "张三@例子.test")]),
        ('"张三" <z@b.c>'.encode("gbk"), [("张三", "z@b.c")]),
        ('"許功蓋" <z@b.c>'.encode("big5"), [("許功蓋", "z@b.c")]),  # octets 5Ch are no escapes
        (b"a@b.c, Bob <b@b.c>,, c@b.c", [("", "a@b.c"), ("Bob", "b@b.c"), ("", "c@b.c")]),
        (b"team: a@b.c, B <b@b.c>; c@b.c", [("", "a@b.c"), ("B", "b@b.c"), ("", "c@b.c")]),
        (b"undisclosed-recipients:;", []),
        (b"unlisted-recipients:; (no To-header on input)", [("no To-header on input", "")]),
        (b"=?UTF-16?B?//492Enc?= test", [("👉 test", "")]),
        (b"Bob: the man <a@b.c>", [("Bob: the man", "a@b.c")]),
        (b'"john doe"@b.c', [("", '"john doe"@b.c')]),
        (b'"a@b.c" <d@b.c>', [("a@b.c", "d@b.c")]),
        (b"Bob a@b.c", [("Bob", "a@b.c")]),
        (b"<@x.test,@y.test:a@b.c>", [("", "a@b.c")]),
        (b'"Bob <a@b.c>', [("Bob", "a@b.c")]),
        (b"Bob <a@b.c", [("Bob", "a@b.c")]),
        (b"Bob (un (nested) \\) closed <a@b.c> (x", [("Bob (un (nested) \\) closed (x", "a@b.c")]),
        (b"a@b.c (one (two) \\) three)", [("one (two) ) three", "a@b.c")]),
        (b"a@", [("", "a@")]),
        (b"<>", []),
    ],
)
def test_header_addresses(value: bytes, found: list[tuple[str, str]]) -> None:
    assert addresses(value) == found


@pytest.mark.parametrize(
    ("value", "token", "found"),
    [
        (b"", "", {}),
        (b"text/plain", "text/plain", {}),
        (b"Text/Plain; Charset=GB2312", "text/plain", {"charset": "GB2312"}),
        (b'text/plain;charset="gb2312";name="a;b\\"c.txt"', "text/plain", {"charset": "gb2312", "name": 'a;b"c.txt'}),
        (b"multipart/mixed; boundary=----=_Part.1_2", "multipart/mixed", {"boundary": "----=_Part.1_2"}),
        (b'multipart/mixed;\r\n\tboundary="a b"', "multipart/mixed", {"boundary": "a b"}),
        (b"text/plain charset = utf-8", "text/plain", {"charset": "utf-8"}),
        (b'attachment; filename="=?utf-8?B?5Lya6K6u?=.txt"', "attachment", {"filename": "会议.txt"}),
        (b"attachment; filename*=utf-8''%E4%BC%9A%E8%AE%AE.txt", "attachment", {"filename": "会议.txt"}),
        (b"attachment; filename*=gb2312'zh'%BB%E1%D2%E9.txt", "attachment", {"filename": "会议.txt"}),
        (
            b"attachment; filename*0*=utf-8''%E4%BC%9A; filename*1=\"100%.\"; filename*2*=%E8%AE%AE",
            "attachment",
            {"filename": "会100%.议"},
        ),
        (b'attachment; filename*1="b.txt"; filename*0="a"', "attachment", {"filename": "ab.txt"}),
        (b"attachment; filename*0*=utf-8''%E4%BC; filename*1*=%9A", "attachment", {"filename": "会"}),
        (b"attachment; filename=a; filename*=utf-8''b", "attachment", {"filename": "b"}),
        (b'text/plain; charset="never closed', "text/plain", {"charset": "never closed"}),
        (b"text/plain; charset=a; charset=b", "text/plain", {"charset": "a"}),
        (b"; ;;=; =x; a==b", "", {"a": "=b"}),
    ],
)
def test_header_parameters(value: bytes, token: str, found: dict[str, str]) -> None:
    assert parameters(value) == (token, found)


@pytest.mark.parametrize(
    ("value", "at"),
    [
        (b"Mon, 10 Feb 2003 09:48:33 +0800", datetime(2003, 2, 10, 9, 48, 33, tzinfo=timezone(timedelta(hours=8)))),
        (b"Wed, 20 Sep 1995 00:19:00 (EDT) -0400", datetime(1995, 9, 20, 4, 19, tzinfo=UTC)),
        (b"Thu, 16 Jun 2016 00:41:19 (UTC)", datetime(2016, 6, 16, 0, 41, 19, tzinfo=UTC)),
        (b"10 Feb 2003 09:48 -0000", datetime(2003, 2, 10, 9, 48, tzinfo=UTC)),
        (b"", None),
        (b"yesterday", None),
        (b"Mon, 31 Feb 2003 09:48:33 +0800", None),
        (b"Mon, 10 Feb 0001 09:48:33 +0800", datetime(2001, 2, 10, 1, 48, 33, tzinfo=UTC)),
        (b"Mon, 10 Feb 9999 09:48:33 +0800", None),
        (b"Mon, 10 Feb 2003 09:48:33 +99999999999999", None),
        (b"Mon, 10 Feb 2003 99:99:99 +0800", None),
        ("星期一".encode("gbk"), None),
    ],
)
def test_header_date(value: bytes, at: datetime | None) -> None:
    assert date(value) == at
    assert at is None or (date(value) or at).tzinfo is not None


PIECES = rb"""=?|?=|?B?|?q?|=?gb2312?B?|utf-8|iso-2022-jp|~{|"|\\|(|)|<|>|,|;|:|@|=|*0*=|''|%| |a"""
HOSTILE = st.lists(
    st.sampled_from([*PIECES.split(b"|"), b"\x1b$B", b"\r\n ", b"\0", b"\xe4\xbc", b"\xff"]), max_size=40
)


@settings(deadline=None)  # the machine may be busy
@given(
    st.one_of(st.binary(max_size=200), HOSTILE.map(b"".join)),
    st.one_of(st.none(), st.sampled_from(["big5", "utf-8", "nonsense"])),
)
def test_header_never_fails(value: bytes, hint: str | None) -> None:
    line = decode_header(value, hint)
    line.encode()
    assert line == " ".join(line.split())
    for name, address in addresses(value, hint):
        assert name or address
        (name + address).encode()
    token, found = parameters(value)
    assert token == token.lower()
    assert all(isinstance(content, str) for content in found.values())
    date(value)


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=200))
def test_header_never_fails_on_text(value: str) -> None:
    decode_header(value)
    addresses(value)
    decode_header(value.encode("utf-8", "replace").decode("ascii", "surrogateescape"))
