import quopri

import pytest

from mms_builder.vcard import vcard


def read(content: bytes) -> dict[str, str]:
    """By property, as a phone reads it."""
    found = {}
    for line in content.replace(b"=\r\n", b"").decode("ascii").split("\r\n"):
        key, _, value = line.partition(":")
        if "QUOTED-PRINTABLE" in key:
            value = quopri.decodestring(value).decode("utf-8")
        found[key.partition(";CHARSET")[0]] = value
    return found


def test_chinese_card() -> None:
    fields = {
        "name": "林晓岚",
        "title": "市场总监",
        "company": "上海晨光设计有限公司",
        "contact": "手机：138-0013-8000 电话 021-62345678\n邮箱: helen@example.cn\nwww.example.cn\n南京东路 100 号",
    }
    media = vcard(fields)
    assert (media.media_type, media.name) == ("text/x-vcard", "card.vcf")
    content = media.content
    assert content.startswith(b"BEGIN:VCARD\r\nVERSION:2.1\r\n")
    assert content.endswith(b"\r\nEND:VCARD\r\n")
    assert max(map(len, content.split(b"\r\n"))) < 130
    card = read(content)
    assert card["FN"] == card["N"] == "林晓岚"
    assert (card["ORG"], card["TITLE"]) == ("上海晨光设计有限公司", "市场总监")
    assert card["TEL;CELL"] == "13800138000"
    assert card["TEL;VOICE"] == "02162345678"
    assert card["EMAIL;INTERNET"] == "helen@example.cn"
    assert card["URL"] == "www.example.cn"
    assert card["NOTE"] == "南京东路 100 号"


@pytest.mark.parametrize(
    "contact, key, value",
    [
        ("+86 138 0013 8000", "TEL;CELL", "+8613800138000"),
        ("+44 (20) 7946-0958", "TEL;VOICE", "+442079460958"),
        ("x.y+z@mail.example.org", "EMAIL;INTERNET", "x.y+z@mail.example.org"),
        ("see https://example.org/a?b=1", "URL", "https://example.org/a?b=1"),
    ],
)
def test_what_is_found(contact: str, key: str, value: str) -> None:
    assert read(vcard({"name": "A", "contact": contact}).content)[key] == value


def test_nothing_breaks_out_of_a_property() -> None:
    content = vcard({"name": "A;B\r\nTEL:110", "company": "C\nEND:VCARD", "contact": "EMAIL:x@y.cn\r\nBEGIN:VCARD"})
    lines = content.content.decode("ascii").split("\r\n")
    assert [line for line in lines if line.startswith(("BEGIN", "END", "TEL"))] == ["BEGIN:VCARD", "END:VCARD"]
    assert "N:A\\;B TEL:110" in lines
