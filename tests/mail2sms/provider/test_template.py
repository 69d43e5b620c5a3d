from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2sms.provider import pick, template

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def test_places_and_braces() -> None:
    parsed = template.parse("a{to}{{x}}{src}z")
    assert parsed.text({"to": "1", "src": "2"}) == "a1{x}2z"
    assert parsed.names == {"to", "src"}
    assert template.parse("").lacks({})
    assert template.parse("{to}").lacks({"to": ""})
    assert not template.parse("x").lacks({})
    assert template.parse("{timestamp:number}").number


@pytest.mark.parametrize("text", ["{", "}", "{to", "{TO}", "{to.x}", "{to!r}", "{0}", "{}", "a{to:number}", "{to:x}"])
def test_whatever_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="stands alone"):
        template.parse(text)


def test_unknown_places_are_named() -> None:
    with pytest.raises(ValueError, match=r"\{txt\} is not known here; did you mean \{text\}\? known: "):
        template.check("{txt}", template.REQUEST)


@given(TEXTS)
def test_a_value_does_not_make_places(value: str) -> None:
    assert template.parse("<{to}>").text({"to": value}) == f"<{value}>"


@given(TEXTS)
def test_a_value_stays_one_segment_of_a_url(value: str) -> None:
    url = template.parse("https://h.test/a/{text}/z?q={text}&r=1").url({"text": value}, "utf-8")
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "h.test", "")
    segments = parts.path.split("/")
    assert len(segments) == 4
    assert segments[2] not in (".", "..")
    assert unquote(segments[2], errors="strict") == value
    assert parse_qsl(parts.query, keep_blank_values=True) == [("q", value), ("r", "1")]


@given(TEXTS)
def test_a_value_does_not_begin_another_header(value: str) -> None:
    text = template.header(f"x{value}y")
    assert all(" " <= c <= "~" for c in text)
    assert unquote(text.replace("%25", "%")).isprintable() or "%" in text


def test_octets_stand_as_they_are_in_forms_only() -> None:
    udh = bytes([5, 0, 3, 7, 2, 1])
    parsed = template.parse("{udh}")
    assert parsed.octets({"udh": udh}, "utf-8") == udh
    assert parsed.url({"udh": udh}, "utf-8") == "%05%00%03%07%02%01"
    assert parsed.text({"udh": udh}) == "050003070201"


def test_charsets() -> None:
    assert template.parse("{text}").octets({"text": "你好"}, "gbk") == b"\xc4\xe3\xba\xc3"
    with pytest.raises(UnicodeEncodeError):
        template.parse("{text}").octets({"text": "😀"}, "gbk")


# --- reading


DOCUMENT = {"data": {"messages": [{"id": 7, "ok": True, "price": 0.5, "none": None}], "x-y": "z"}, "code": ""}


@pytest.mark.parametrize(
    "path, word",
    [
        ("data.messages[0].id", "7"),
        ("data.messages[0].ok", "true"),
        ("data.messages[0].price", "0.5"),
        ("data.messages[0].none", ""),
        ("data.messages[1].id", ""),
        ("data.messages.id", ""),
        ("data[0]", ""),
        ("data.x-y", "z"),
        ("data", ""),
        ("code", ""),
        ("", ""),
        ("nothing.at.all", ""),
    ],
)
def test_paths(path: str, word: str) -> None:
    assert pick.word_at(DOCUMENT, path) == word


def test_a_path_from_a_list() -> None:
    assert pick.word_at([{"id": "a"}], "[0].id") == "a"
    assert pick.word_at([{"id": "a"}], "[9999].id") == ""


@pytest.mark.parametrize("path", [".a", "a.", "a..b", "a[x]", "a[", "a[-1]", "a[0]b", "a[99999]"])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(ValueError, match="is not a path"):
        pick.steps(path)


def test_regular_expressions() -> None:
    assert pick.matched("OK 123", r"^OK (\d+)") == "123"
    assert pick.matched("OK 123", r"\d+") == "123"
    assert pick.matched("Sent.", r"^(?:(\d+): |(Sent))") == "Sent"
    assert pick.matched("nothing", r"(\d+)") == ""
    assert pick.matched("x" * 5000 + "1", r"(1)") == ""
    assert pick.matched("b", "(a)?b") == ""
    with pytest.raises(ValueError, match="is not a regular expression"):
        pick.pattern("(")


@pytest.mark.parametrize("octets", [b"", b"{", b"\xff", b"[" * 100_000, b"1" * 5000, b"nul", b"{'a': 1}"])
def test_what_is_no_json(octets: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  whatever it says
        pick.json_of(octets)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_document_can_be_asked(document: object) -> None:
    for path in ("id", "a.b[0]", "[0]", ""):
        assert isinstance(pick.word_at(document, path), str)


def test_half_a_surrogate_pair_is_no_word() -> None:
    assert pick.word_at(pick.json_of(rb'{"id": "a\ud83d"}'), "id") == "a?"
