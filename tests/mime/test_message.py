from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiyou.mime import BODY_OCTETS, Digest, digest, digest_message

HEADERS = [
    (b"Received", b"from a by b; Mon, 10 Feb 2003 09:48:34 +0800"),
    (b"From", "张三 <zhang@example.test>".encode()),
    (b"SUBJECT", b"=?gb2312?B?u+HS6Q==?=\r\n\t=?gb2312?B?zajWqg==?="),
    (b"Date", b"Mon, 10 Feb 2003 09:48:33 +0800"),
    (b"Message-ID", b" <one@example.test>"),
    (b"Content-Type", b"text/plain; charset=gb2312"),
    (b"From", b"second@example.test"),
]


def test_message_digest() -> None:
    assert digest(HEADERS, "明天\r\n  九点　开会\r\n".encode("gbk")) == Digest(
        subject="会议通知",
        header_from="张三",
        header_from_address="zhang@example.test",
        sent_at=datetime(2003, 2, 10, 9, 48, 33, tzinfo=timezone(timedelta(hours=8))),
        message_id="<one@example.test>",
        text="明天 九点 开会",
        urgent=False,
        subject_tags=(),
    )


def test_message_headers_as_pymilter_hands_them_over() -> None:
    as_text = [(name.decode(), value.decode("ascii", "surrogateescape")) for name, value in HEADERS]
    assert digest(as_text, b"x") == digest(HEADERS, b"x")


def test_message_whole() -> None:
    message = b"\r\n".join(name + b": " + value for name, value in HEADERS) + b"\r\n\r\n" + "明天".encode("gbk")
    assert digest_message(message) == digest(HEADERS, "明天".encode("gbk"))
    assert digest_message(message.replace(b"\r\n", b"\n")) == digest_message(message)


def test_message_empty() -> None:
    nothing = Digest(
        subject="",
        header_from="",
        header_from_address="",
        sent_at=None,
        message_id="",
        text="",
        urgent=False,
        subject_tags=(),
    )
    assert digest([], b"") == digest_message(b"") == digest_message(b"\r\n") == nothing
    assert digest_message(b"\nonly a body").text == "only a body"
    assert digest_message(b"From x@y Mon Aug 22\nnot a field\n: nor this\nSubject: s\n\nb").subject == "s"


def test_message_raw_headers_take_the_charset_of_the_text() -> None:
    subject = "會議 一".encode("big5")
    headers = [
        (b"Subject", subject),
        (b"From", b'"' + subject + b'" <a@b.c>'),
        (b"Content-Type", b"multipart/mixed; boundary=b"),
    ]
    found = digest(headers, b"--b\nContent-Type: text/html; charset=big5\n\n" + "內容".encode("big5"))
    assert (found.subject, found.header_from, found.text) == ("會議 一", "會議 一", "內容")


def test_message_text_is_bounded() -> None:
    found = digest([(b"Subject", b"s")], ("字" * 5000).encode())
    assert found.text == "字" * 1000
    assert digest([], b"word " * 60_000).text == ("word " * 200).rstrip()


def test_message_cut_where_the_milter_stops() -> None:
    headers = [(b"Content-Type", b"multipart/mixed; boundary=b")]
    body = (
        b"--b\nContent-Transfer-Encoding: base64\nContent-Type: text/plain; charset=utf-8\n\n" + b"5Lya6K6u\n" * 40_000
    )
    for cut in range(BODY_OCTETS, BODY_OCTETS - 9, -1):
        assert digest(headers, body[:cut]).text == "会议" * 500
    assert digest(headers, b"--b\nContent-Type: image/png\n\n" + b"x" * BODY_OCTETS + b"\n--b\n\nlate").text == ""


@pytest.mark.parametrize(
    ("name", "value", "urgent"),
    [
        ("X-Priority", "1", True),
        ("X-Priority", "2 (High)", True),
        ("x-priority", " 1 (Highest)", True),
        ("X-Priority", "3", False),
        ("X-Priority", "5 (Lowest)", False),
        ("Importance", "High", True),
        ("Importance", "normal", False),
        ("Priority", "urgent", True),
        ("Priority", "non-urgent", False),
        ("X-MSMail-Priority", "High", True),
        ("Precedence", "bulk", False),
        ("X-Priority", "", False),
    ],
)
def test_message_urgent(name: str, value: str, urgent: bool) -> None:
    assert digest([(name, value)], b"").urgent is urgent


@pytest.mark.parametrize(
    ("subject", "tags"),
    [
        ("[短信] 会议", ("[短信]",)),
        ("a [sms]", ("[SMS]",)),
        ("Re: [SMS] a", ()),
        ("回复：[短信] a", ()),
        ("[list] Re: [SMS] a", ()),
        ("[SMS] [list] Fwd: a", ("[SMS]",)),
        ("【短信】会议", ("[短信]",)),
        ("[MMS][短信][mms]", ("[MMS]", "[短信]")),
        ("［彩信］会议", ("[彩信]",)),
        ("短信 SMS (MMS)", ()),
    ],
)
def test_message_subject_tags(subject: str, tags: tuple[str, ...]) -> None:
    found = digest([(b"Subject", subject.encode("gb18030"))], b"")
    assert found.subject_tags == tags
    assert found.asks_sms == bool({"[短信]", "[SMS]"} & set(tags))
    assert found.asks_mms == bool({"[彩信]", "[MMS]"} & set(tags))


def test_message_hidden_first_line_of_a_newsletter() -> None:
    page = "<body><div style='display:none'>teaser</div>&zwnj;&nbsp;&zwnj;&nbsp;&#847;&#847; &shy;&shy;<p>News</p>"
    assert digest([(b"Content-Type", b"text/html")], page.encode()).text == "News"


def nested(count: int) -> bytes:
    return b"".join(b"--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n" % (i, i + 1) for i in range(count))


MIXED = b"multipart/mixed; boundary=b"
HOSTILE: dict[str, Callable[[], tuple[list[tuple[bytes, bytes]], bytes]]] = {
    "subject of 209 kB in words": lambda: ([(b"Subject", b"=?utf-8?q?K=C3=BCste?=\r\n " * 8000)], b""),
    "subject of 1 MB in one word": lambda: ([(b"Subject", b"=?utf-8?B?" + b"5Lya" * 262144 + b"?=")], b""),
    "words that never end": lambda: ([(b"Subject", b"=?a?b?" * 40_000), (b"From", b"=?a?q?" * 40_000)], b""),
    "half words": lambda: ([(b"Subject", b"=?" * 100_000), (b"From", b"=?a" * 80_000)], b""),
    "words of other charsets": lambda: ([(b"Subject", b"".join(b"=?x%d?Q?=E4?=" % i for i in range(20_000)))], b""),
    "escapes": lambda: ([(b"Subject", b"\x1b$B" * 80_000)], b"\x1b$B" * 80_000),
    "quotes": lambda: ([(b"From", b'"\\' * 100_000)], b""),
    "comments": lambda: ([(b"From", b"(" * 200_000), (b"Date", b"(" * 200_000)], b""),
    "angles": lambda: ([(b"From", b"<" * 200_000)], b""),
    "authors": lambda: ([(b"From", b"a@b," * 50_000)], b""),
    "at signs": lambda: ([(b"From", b"a@" * 100_000)], b""),
    "date": lambda: ([(b"Date", b"Mon, " * 50_000), (b"Message-ID", b"<" * 200_000)], b""),
    "parameters": lambda: ([(b"Content-Type", b"text/plain" + b'; a="\\"' * 40_000)], b""),
    "parameter sections": lambda: ([(b"Content-Type", b"text/plain" + b"; a*1*=%" * 40_000)], b""),
    "100,000 fields": lambda: ([(b"X-A", b"b")] * 100_000, b""),
    "10,000 nested multiparts": lambda: ([(b"Content-Type", b"multipart/mixed; boundary=b0")], nested(10_000)),
    "100,000 parts": lambda: ([(b"Content-Type", MIXED)], b"--b\n\n" * 100_000),
    "boundary in every line but none": lambda: ([(b"Content-Type", MIXED)], b"--bx\n" * 60_000),
    "boundaries in one line": lambda: ([(b"Content-Type", MIXED)], b"--b" * 100_000),
    "no boundary named": lambda: ([(b"Content-Type", b"multipart/mixed")], b"--x \n" * 60_000),
    "part of headers only": lambda: ([(b"Content-Type", MIXED)], b"--b\n" + b"A: b\n c\n" * 40_000),
    "base64 padding": lambda: ([(b"Content-Transfer-Encoding", b"base64")], b"QQ=" * 100_000),
    "soft breaks": lambda: ([(b"Content-Transfer-Encoding", b"quoted-printable")], b"=\n" * 130_000),
    "uuencode": lambda: ([(b"Content-Transfer-Encoding", b"x-uuencode")], b"\xff\n" * 130_000),
    "uuencoded files": lambda: ([], b"begin 644 a\nM\n" * 20_000),
    "blanks": lambda: ([], b" \t\r\n" * 65_000),
    "zero width": lambda: ([], "\u200b".encode() * 80_000),
    "hz": lambda: ([], b"~{aa" * 60_000),
    "lost escapes": lambda: ([(b"Content-Type", b"text/plain; charset=iso-2022-jp")], b"$Baa" * 60_000),
}
PAGES = (
    b"<div>|<a><div>|<b></i>|<b><p>|<table>|<table><tr><td>|<style|<script>|<!--|<|&|<p |</p>|<meta |<font><p>|<select>"
)
PAGES += b"|<p style='display:none'>|<div hidden>|\xff<br>"


@pytest.mark.parametrize("build", HOSTILE.values(), ids=HOSTILE.keys())
def test_message_hostile_costs_little(build: Callable[[], tuple[list[tuple[bytes, bytes]], bytes]]) -> None:
    headers, body = build()
    began = time.process_time()
    found = digest(headers, body)
    assert time.process_time() - began < 0.25
    assert len(found.text) <= 1000
    assert len(found.subject) <= 8192


@pytest.mark.parametrize("piece", PAGES.split(b"|"))
def test_message_hostile_page_costs_little(piece: bytes) -> None:
    page = piece * (BODY_OCTETS // len(piece))
    began = time.process_time()
    found = digest([(b"Content-Type", b"text/html")], page)
    assert time.process_time() - began < 0.25
    assert len(found.text) <= 1000


FIELDS = st.sampled_from(
    [b"Subject", b"From", b"Date", b"Message-ID", b"Content-Type", b"Content-Transfer-Encoding", b"X-Priority"]
)
VALUES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [b"multipart/mixed; boundary=b", b"text/html; charset=gb2312", b"base64", b"quoted-printable", MIXED]
    ),
)
LINES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [b"", b"--b", b"--b--", b"Content-Type: text/html", b"Content-Type: multipart/alternative; boundary=b", b"<p>"]
    ),
    st.sampled_from([b"Content-Transfer-Encoding: base64", b"<div hidden>", b"begin 644 x", b"=E4=BD", b"5Lya"]),
)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.tuples(FIELDS, VALUES), max_size=6), st.lists(LINES, max_size=12))
def test_message_never_fails(headers: list[tuple[bytes, bytes]], lines: list[bytes]) -> None:
    found = digest(headers, b"\r\n".join(lines))
    for text in (found.subject, found.header_from, found.header_from_address, found.message_id, found.text):
        text.encode()
        assert text == " ".join(text.split())
    assert found.sent_at is None or found.sent_at.tzinfo is not None


@settings(deadline=None)  # the machine may be busy
@given(st.binary(max_size=500))
def test_message_of_random_octets(message: bytes) -> None:
    digest_message(message)


def test_message_large_random_body_costs_little() -> None:
    body = random.Random(7).randbytes(BODY_OCTETS)
    for kind in (b"text/plain", b"text/html", b"text/plain; charset=gb2312", b"text/html; charset=iso-2022-jp"):
        for encoding in (b"8bit", b"base64", b"quoted-printable", b"x-uuencode"):
            began = time.process_time()
            digest([(b"Content-Type", kind), (b"Content-Transfer-Encoding", encoding)], body)
            assert time.process_time() - began < 0.25
