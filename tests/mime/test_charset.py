from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiyou.mime.charset import codec_of, decode

CHINESE = "各位同事：明天上午九点开会，请准时参加。"
TRADITIONAL = "各位同事：明天上午九點開會，請準時參加。"
JAPANESE = "すみません。明日の会議は九時からです。"
KOREAN = "안녕하세요 회의는 내일 아홉시입니다"
RUSSIAN = "Добрый день, встреча завтра"

LABELLED = [
    (CHINESE, "gb2312", "gb2312"),
    ("朱镕基、喆、€", "gb18030", "gb2312"),
    (CHINESE, "gbk", "x-gbk"),
    (CHINESE, "gb18030", "GB18030"),
    (CHINESE, "gbk", "CP936"),
    (CHINESE, "hz", "hz-gb-2312"),
    (TRADITIONAL, "big5", "big5"),
    ("許功蓋、恒生", "cp950", "Big5"),
    ("廣東話：嚟、咗、佢哋", "big5hkscs", "big5-hkscs"),
    (JAPANESE, "iso2022_jp", "iso-2022-jp"),
    ("ﾊﾝｶｸ全角", "iso2022_jp_ext", "ISO-2022-JP-MS"),
    (JAPANESE, "shift_jis", "Shift_JIS"),
    ("①㈱髙﨑", "cp932", "shift_jis"),
    (JAPANESE, "euc_jp", "EUC-JP"),
    (KOREAN, "euc_kr", "ks_c_5601-1987"),
    ("똠방각하", "cp949", "euc-kr"),
    (RUSSIAN, "koi8_r", "koi8-r"),
    (RUSSIAN, "cp1251", "windows-1251"),
    ("naïve café…", "cp1252", "iso-8859-1"),
    ("π ≠ 3", "utf_16", "utf-16"),
    (CHINESE, "utf_16_le", "utf-16"),
    (CHINESE, "utf_16_be", "utf-16"),
    (CHINESE, "utf_16_be", "UTF-16BE"),
    ("Hello 世界", "utf_7", "utf-7"),
    ("plain", "ascii", "utf-16"),
    (CHINESE, "utf_8", " 'utf8' "),
]


@pytest.mark.parametrize(("text", "codec", "label"), LABELLED)
def test_charset_as_declared(text: str, codec: str, label: str) -> None:
    assert decode(text.encode(codec), label) == text


MISLABELLED = [
    (CHINESE, "gbk", None),
    (CHINESE, "gbk", "iso-8859-1"),
    (CHINESE, "gbk", "us-ascii"),
    (CHINESE, "gbk", "utf-8"),
    (CHINESE, "gbk", "fakescii"),
    (CHINESE, "utf_8", "gb2312"),
    (CHINESE, "utf_8", "big5"),
    (CHINESE, "utf_8", "iso-8859-1"),
    (CHINESE, "hz", None),
    (TRADITIONAL, "big5", None),
    (TRADITIONAL, "big5", "gb2312"),
    (TRADITIONAL, "big5", "us-ascii"),
    (TRADITIONAL, "big5", "utf-8"),
    (JAPANESE, "shift_jis", None),
    (JAPANESE, "euc_jp", None),
    (JAPANESE, "euc_jp", "iso-2022-jp"),
    (JAPANESE, "iso2022_jp", None),
    (JAPANESE, "iso2022_jp", "us-ascii"),
    (KOREAN, "euc_kr", None),
    ("naïve café, déjà vu", "cp1252", None),
    ("für Öl", "latin_1", "us-ascii"),
    ("café", "latin_1", "iso-8859-1"),  # its end is the beginning of a UTF-8 character
    ("café", "latin_1", None),
    ("会议", "gbk", None),
    ("會議", "big5", None),
    ("Hello, world", "utf_16_le", None),
    ("目标", "gbk", "gbk"),
    ("拢目", "gbk", "gb2312"),  # both are valid UTF-8, of two octets each
]


@pytest.mark.parametrize(("text", "codec", "label"), MISLABELLED)
def test_charset_in_spite_of_the_label(text: str, codec: str, label: str | None) -> None:
    assert decode(text.encode(codec), label) == text


def test_charset_iso2022jp_without_its_escapes() -> None:
    assert decode(JAPANESE.encode("iso2022_jp").replace(b"\x1b", b""), "iso-2022-jp") == JAPANESE


def test_charset_iso2022jp_nec_row_and_missing_return_to_ascii() -> None:
    assert decode(b"\x1b$B-!-j\x1b(B x", "iso-2022-jp") == "①㈱ x"
    assert decode(b"\x1b$BF|K\\\nnext line", "iso-2022-jp") == "日本\nnext line"
    assert decode(b"\x1b$B", "iso-2022-jp") == ""
    assert decode(b"\x1b$B\x00\x01\xe0\xff-!\x1b(B", None).endswith("①")


def test_charset_half_a_surrogate_pair() -> None:
    assert decode(b"a+2AA-b", "utf-7") == "a\ufffdb"
    assert decode(b"+2D3eAA-", "utf-7") == "😀"


def test_charset_dollar_amounts_are_no_lost_escape() -> None:
    assert decode(b"costs $B100 (B)", "us-ascii") == "costs $B100 (B)"
    assert decode(b"~{not hz", None) == "~{not hz"


@pytest.mark.parametrize("cut", range(1, 4))
def test_charset_cut_inside_a_character(cut: int) -> None:
    """A body that was cut loses the cut character and nothing else."""
    for codec in ("utf_8", "gb18030", "cp950", "euc_jp"):
        text = {"cp950": TRADITIONAL, "euc_jp": JAPANESE}.get(codec, CHINESE) * 9
        data = text.encode(codec)[:-cut]
        for label in (codec.replace("_", "-"), None):
            found = decode(data, label)
            assert text.startswith(found)
            assert len(text) - len(found) <= 2


def test_charset_one_bad_octet_spoils_nothing_else() -> None:
    data = (CHINESE * 5).encode("gbk")
    assert CHINESE in decode(data + b"\xff\xff\n" + data, "gb2312")
    data = (CHINESE * 5).encode()
    assert CHINESE in decode(data + b"\xff\n" + data, "utf-8")
    assert CHINESE in decode(data + b"\xff\n" + data, None)


@pytest.mark.parametrize(
    "label", ["idna", "punycode", "rot13", "base64", "hex", "zlib", "unicode_escape", "../../x", "é"]
)
def test_charset_labels_that_are_none(label: str) -> None:
    assert codec_of(label) is None
    assert decode(b"abc", label) == "abc"


ESCAPED = st.lists(
    st.one_of(
        st.sampled_from([b"\x1b$B", b"\x1b(I", b"\x1b$A", b"\x1b$(C", b"\x1b$(D", b"~{", b"~}", b"\n"]),
        st.binary(max_size=9),
    )
)


@settings(deadline=None)  # the machine may be busy
@given(
    st.one_of(st.binary(max_size=400), ESCAPED.map(b"".join)),
    st.one_of(st.none(), st.sampled_from([label for _, _, label in LABELLED]), st.text()),
)
def test_charset_never_fails(data: bytes, label: str | None) -> None:
    decode(data, label).encode()


@settings(deadline=None)  # the machine may be busy
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_charset_utf8_as_declared_stays(text: str) -> None:
    if "\x1b" not in text and "~{" not in text and not text.startswith("\ufeff"):
        assert decode(text.encode(), "utf-8") == text
