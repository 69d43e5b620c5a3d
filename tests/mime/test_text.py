from __future__ import annotations

import base64
import binascii
import quopri

import pytest

from caiyou.mime import decode_text, first_text, html_to_text

CHINESE = "各位同事：明天上午九点开会，请准时参加。"


def uuencoded(data: bytes) -> bytes:
    lines = [binascii.b2a_uu(data[i : i + 45]) for i in range(0, len(data), 45)]
    return b"begin 644 a.txt\n" + b"".join(lines) + b"`\nend\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (CHINESE.encode("gbk"), "8bit"),
        (CHINESE.encode("gbk"), ""),
        (CHINESE.encode("gbk"), "nonsense"),
        (base64.encodebytes(CHINESE.encode("gbk")), "base64"),
        (base64.encodebytes(CHINESE.encode("gbk")), " BASE64 (really)"),
        (base64.encodebytes(CHINESE.encode("gbk")).rstrip(b"=\n"), b"base64"),
        (b"!" + base64.encodebytes(CHINESE.encode("gbk")).replace(b"\n", b"\xff\r\n\0"), "base64"),
        (quopri.encodestring(CHINESE.encode("gbk")), "quoted-printable"),
        (uuencoded(CHINESE.encode("gbk")), "x-uuencode"),
        (uuencoded(CHINESE.encode("gbk")).partition(b"\n")[2], "uuencode"),
    ],
)
def test_text_transfer_encodings(data: bytes, encoding: str | bytes) -> None:
    assert decode_text(data, "gb2312", encoding) == CHINESE


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("", ""),
        ("no tags at all", "no tags at all"),
        ("<p>a</p><p>b</p>", "a b"),
        ("a<br>b<BR/>c", "a b c"),
        ("<b>你</b>好<i>吗</i>", "你好吗"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "a b c"),
        ("<ul><li>a<li>b</ul>", "a b"),
        ("a&nbsp;&lt;b&gt;&#20013;&amp", "a <b>中&"),
        ("<head><title>t</title></head><body>a", "a"),
        ("a<script>var x = '</b>';</script>b<style>p{}</style>c", "abc"),
        ("a<SCRIPT>x</SCRIPT >b", "ab"),
        ("a<!-- no -->b<!--[if mso]><p>no</p><![endif]-->c", "abc"),
        ("a<script>never closed <p>b</p>", "a"),
        ("a<!-- never closed <p>b</p>", "a"),
        ('a<div style="display:none">no<p style="display: none">no</p></div>b', "a b"),
        ('a<span style="DISPLAY:NONE !important">no</span>b<span hidden>no</span>', "ab"),
        ('<div style="visibility: hidden">no</div>a', "a"),
        ("<p>a<p <b>b", "a b"),
        ("a < b", "a < b"),
        ("<html><body><frameset>", ""),
    ],
)
def test_text_of_html(html: str, words: str) -> None:
    assert " ".join(html_to_text(html).split()) == words


def words(content_type: str, body: str, encoding: str = "") -> str:
    return " ".join(first_text(content_type, encoding, body.encode()).text.split())


MIXED = "multipart/mixed; boundary=b"
ALTERNATIVE = "multipart/alternative; boundary=b"


@pytest.mark.parametrize(
    ("content_type", "body", "found"),
    [
        ("", "plain", "plain"),
        ("text", "plain", "plain"),
        ("nonsense", "plain", "plain"),
        ("text/html", "<p>a", "a"),
        ("text/enriched", "<bold>a</bold> b", "a b"),
        ("image/png", "png", ""),
        ("application/pkcs7-mime", "MII", ""),
        ("message/rfc822", "Subject: x\n\nothers' words", ""),
        (MIXED, "preamble\n--b\n\none\n--b\n\ntwo\n--b--\nepilogue", "one"),
        (MIXED, "--b\r\nContent-Type: text/plain\r\n\r\none\r\n--b--\r\n", "one"),
        (MIXED, "--b\n\n  \n--b\nContent-Type: text/html\n\n<p>two\n--b--", "two"),
        (MIXED, "--b\nContent-Disposition: attachment; filename=a.txt\n\none\n--b\n\ntwo\n--b--", "two"),
        (MIXED, "--b\nContent-Disposition: attachment\n\none\n--b--", ""),
        (MIXED, "--b\nContent-Type: image/png\n\none\n--b\n\ntwo", "two"),
        (MIXED, "--b\nContent-Type: message/rfc822\n\nSubject: x\n\nothers' words\n--b--", ""),
        (MIXED, "--b  \t\n\none\n--b--  \n\n--b\n\nafter the end", "one"),
        (MIXED, "--bb\n\nno\n--b\n\none -- --b\n--bc\n--b", "one -- --b --bc"),
        (MIXED, "--b\nContent-Type: text/plain\n\ntruncat", "truncat"),
        (MIXED, "--b\nContent-Type: text/plain", ""),
        (MIXED, "--b", ""),
        (MIXED, "--b--", ""),
        (MIXED, "", ""),
        (MIXED, "no boundary here", "no boundary here"),
        ("multipart/mixed", "--x\nContent-Type: text/plain\n\none\n--x--", "one"),
        ('multipart/mixed; boundary=""', "--x\n\none\n--x--", "one"),
        ('multipart/mixed; boundary="b "', "--b\n\none\n--b--", "one"),
        (ALTERNATIVE, "--b\n\nplain\n--b\nContent-Type: text/html\n\n<p>html\n--b--", "plain"),
        (ALTERNATIVE, "--b\nContent-Type: text/html\n\n<p>html\n--b\n\nplain\n--b--", "plain"),
        (ALTERNATIVE, "--b\n\n\n--b\nContent-Type: text/html\n\n<p>html\n--b--", "html"),
        (
            MIXED,
            "--b\nContent-Type: multipart/alternative; boundary=bb\n\n"
            "--bb\nContent-Type: multipart/related; boundary=c\n\n"
            "--c\nContent-Type: text/html\n\n<p>html\n--c--\n--bb\n\nplain\n--bb--\n--b\n\nlater\n--b--",
            "plain",
        ),
        (
            "multipart/signed; boundary=b",
            "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\none\n--c--\n"
            "--b\nContent-Type: application/pgp-signature\n\nx\n--b--",
            "one",
        ),
        (
            "multipart/report; boundary=b",
            "--b\n\nnot delivered\n--b\nContent-Type: message/delivery-status\n\nx\n--b--",
            "not delivered",
        ),
        ("multipart/digest; boundary=b", "--b\nContent-Type: message/rfc822\n\nSubject: x\n\ny\n--b--", ""),
        ("text/plain", "see\nbegin 644 a.gif\nM" + "X" * 60 + "\n`\nend\nattached", "see attached"),
        ("text/plain", "begin 644 times\nover", "begin 644 times over"),
    ],
)
def test_text_is_the_first_one(content_type: str, body: str, found: str) -> None:
    assert words(content_type, body) == found


def test_text_charset_of_a_page_from_its_meta_element() -> None:
    page = f'<html><head><meta http-equiv="Content-Type" content="text/html; charset=big5"></head>{"會議"}'.encode(
        "big5"
    )
    assert first_text("text/html", "", page).text.strip() == "會議"


def test_text_tells_the_charset_of_the_first_part() -> None:
    body = b"--b\nContent-Type: text/plain; charset=big5\n\n\n--b\nContent-Type: image/png\n\n\n--b--"
    assert first_text(MIXED, "", body).charset == "big5"


def test_text_deeper_than_anyone_nests_is_not_read() -> None:
    for depth, found in ((15, "deep"), (200, "")):
        body = "".join(f"--b{i}\nContent-Type: multipart/mixed; boundary=b{i + 1}\n\n" for i in range(depth))
        assert words("multipart/mixed; boundary=b0", body + f"--b{depth}\n\ndeep\n") == found
