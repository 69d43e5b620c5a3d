import contextlib
import dataclasses
import io
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from caiyou.errors import InputError, NotFound
from mms_builder.card_json import from_json, to_json
from mms_builder.cards import (
    MAX_MEDIA_OCTETS,
    Card,
    CardSlide,
    WrongField,
    add_slide,
    change_fields,
    change_slide,
    change_subject,
    change_template,
    check_complete,
    copy_card,
    missing,
    move_slide,
    new_card,
    remove_slide,
    render,
    search_text,
    subject_of,
)
from mms_builder.draw.fonts import Faces
from mms_builder.gallery import Gallery, Pattern
from mms_builder.slides import Media

PHOTO = Media(media_type="image/jpeg", content=b"\xff\xd8\xff picture", name="我们.jpg")
VOICE = Media(media_type="audio/amr", content=b"#!AMR\n voice", name="hello.amr")
WHO = {"name": "林晓岚", "title": "市场总监", "company": "晨光", "contact": "手机 13800138000\nhelen@example.cn"}


@pytest.fixture
def business(gallery: Gallery) -> Pattern:
    return gallery.get("classic")


@pytest.fixture
def card(business: Pattern, now: datetime) -> Card:
    return new_card(business, id="c1", now=now, fields=WHO)


def test_new_greeting_has_the_templates_wishes(gallery: Gallery, now: datetime) -> None:
    pattern = gallery.get("birthday")
    for language in ("zh_CN", "en"):
        made = new_card(pattern, id="g", now=now, language=language)
        default = pattern.template.fields[1].default
        assert default
        assert made.fields["message"] == default.of(language)
    assert subject_of(made, pattern) == "Happy Birthday"
    assert [slide.drawn for slide in made.slides] == [0, 1]


def test_business_card_is_a_message_with_a_vcard(card: Card, gallery: Gallery, faces: Faces) -> None:
    show = render(card, 176, 208, gallery, faces)
    assert show.subject == "林晓岚的名片"
    assert [slide.text for slide in show.slides] == ["", WHO["contact"]]
    assert [slide.duration_s for slide in show.slides] == [5, 8]
    for slide in show.slides:
        assert slide.picture
        assert slide.picture.media_type == "image/png"
        assert Image.open(io.BytesIO(slide.picture.content)).size == (176, 208)
    (attached,) = show.attachments
    assert attached.media_type == "text/x-vcard"
    assert render(card, 176, 208, gallery, faces) == show


def test_long_text_goes_on_in_more_slides(business: Pattern, gallery: Gallery, faces: Faces, now: datetime) -> None:
    card = new_card(business, id="c", now=now, fields={"name": "欧" * 30, "contact": "阳" * 100, "motto": "修" * 40})
    for size in ((128, 128), (240, 320)):
        slides = render(card, *size, gallery, faces).slides
        assert len(slides) > 2
        assert [slide.text for slide in slides if slide.text] == ["阳" * 100]  # once
        assert len({slide.picture.content for slide in slides if slide.picture}) == len(slides)


def test_sound_of_a_template_is_heard_once(gallery: Gallery, faces: Faces, now: datetime) -> None:
    card = new_card(gallery.get("birthday"), id="g", now=now)
    sounds = [slide.sound for slide in render(card, 128, 128, gallery, faces).slides]
    assert sounds[0]
    assert sounds[0].media_type == "text/x-imelody"
    assert sounds[0].content.startswith(b"BEGIN:IMELODY\r\n")
    assert not any(sounds[1:])


@pytest.mark.parametrize(
    "asked, drawn", [((16, 16), (64, 64)), ((96, 65), (96, 65)), ((8192, 4096), (1600, 800)), ((2000, 20), (1600, 64))]
)
def test_sizes_out_of_reach(
    asked: tuple[int, int], drawn: tuple[int, int], card: Card, gallery: Gallery, faces: Faces
) -> None:
    picture = render(card, *asked, gallery, faces).slides[0].picture
    assert picture
    assert Image.open(io.BytesIO(picture.content)).size == drawn


def test_fields_are_tidied(card: Card, business: Pattern, now: datetime) -> None:
    made = change_fields(
        card,
        business,
        {"name": "  林\u202e晓\x00岚\n女士 ", "contact": " a \r\n b\u2028c ", "title": "", "motto": "e\u0301"},
        now,
    )
    assert dict(made.fields) == {"name": "林晓岚 女士", "contact": "a\nb\nc", "company": "晨光", "motto": "é"}
    assert card.fields["name"] == "林晓岚"


@pytest.mark.parametrize(
    "fields, name, wrong, said",
    [
        ({"nmae": "x"}, "nmae", "unknown", "no field 'nmae'; known: name, title"),
        ({"name": "x" * 31}, "name", "too long", "姓名: 31 characters; 30 at most"),
        ({"name": "x" * 10_000_000}, "name", "too long", "30 at most"),
        ({"contact": "a\nb\nc\nd\ne\nf"}, "contact", "too many lines", "联系方式: 6 lines; 5 at most"),
    ],
)
def test_wrong_fields(
    fields: dict[str, str], name: str, wrong: str, said: str, card: Card, business: Pattern, now: datetime
) -> None:
    with pytest.raises(WrongField) as refused:
        change_fields(card, business, fields, now)
    assert (refused.value.name, refused.value.wrong) == (name, wrong)
    assert said in str(refused.value)


def test_what_is_missing(business: Pattern, now: datetime) -> None:
    card = new_card(business, id="c", now=now, fields={"title": "经理"})
    assert [field.id for field in missing(card, business)] == ["name", "contact"]
    with pytest.raises(WrongField, match="must be filled in: 姓名, 联系方式"):
        check_complete(card, business)
    check_complete(change_fields(card, business, {"name": "a", "contact": "b"}, now), business)


def test_slides_are_added_moved_changed_and_removed(card: Card, gallery: Gallery, faces: Faces, now: datetime) -> None:
    later = now + timedelta(minutes=5)
    own = CardSlide(picture=PHOTO, text="我们", sound=VOICE, duration_s=3, text_first=True)
    made = add_slide(card, own, later, at=0)
    assert [slide.drawn for slide in made.slides] == [None, 0, 1]
    made = move_slide(made, 0, 2, later)
    assert [slide.drawn for slide in made.slides] == [0, 1, None]
    made = change_slide(made, 0, CardSlide(drawn=0, sound=VOICE, duration_s=9), later)
    made = remove_slide(made, 1, later)
    show = render(made, 128, 160, gallery, faces)
    assert [(s.duration_s, s.text, bool(s.sound)) for s in show.slides] == [(9, "", True), (3, "我们", True)]
    assert show.slides[1].picture == PHOTO
    assert show.slides[1].text_first
    assert (made.created_at, made.changed_at) == (now, later)
    assert len(card.slides) == 2  # the first one is as it was


def test_slides_that_are_not_there(card: Card, gallery: Gallery, faces: Faces, now: datetime) -> None:
    with pytest.raises(InputError, match="there is no slide 3; the card has 2"):
        remove_slide(card, 2, now)
    with pytest.raises(InputError, match="there is no slide 6"):
        move_slide(card, 0, 5, now)
    with pytest.raises(InputError, match="there is no slide 0"):
        move_slide(card, -1, 0, now)
    with pytest.raises(InputError, match="there is no slide 5"):
        add_slide(card, CardSlide(text="x"), now, at=4)
    last = remove_slide(card, 0, now)
    with pytest.raises(InputError, match="1 to 20 slides, not 0"):
        remove_slide(last, 0, now)
    gone = add_slide(card, CardSlide(drawn=7), now)
    with pytest.raises(InputError, match="template classic has 2 slides now; remove slide 3"):
        render(gone, 128, 128, gallery, faces)
    with pytest.raises(NotFound):
        render(dataclasses.replace(card, template="gone"), 128, 128, gallery, faces)


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({}, "an empty slide"),
        ({"text": " \u200b\n"}, "an empty slide"),
        ({"drawn": 0, "picture": PHOTO}, "either the template's drawing or a picture"),
        ({"drawn": -1}, "count from 0"),
        ({"text": "x" * 1001}, "1001 characters; 1000 at most"),
        ({"text": "x", "duration_s": 0.1}, "0.5 to 60 seconds"),
        ({"text": "x", "duration_s": float("nan")}, "0.5 to 60 seconds"),
        ({"picture": VOICE}, "audio/amr is no kind of picture"),
        ({"sound": PHOTO}, "image/jpeg is no kind of sound"),
        ({"picture": Media(media_type="image/svg+xml", content=b"<svg/>")}, "no kind of picture"),
        ({"picture": Media(media_type="image/png", content=b"")}, "a picture of 0 octets"),
        ({"picture": Media(media_type="image/png", content=bytes(MAX_MEDIA_OCTETS + 1))}, "are taken"),
        ({"picture": Media(media_type="image/png", content=b"x", name="a\r\nb")}, "control characters"),
    ],
)
def test_wrong_slides(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        CardSlide(**wrong)


def test_too_much_for_one_card(card: Card, now: datetime) -> None:
    big = [Media(media_type="image/png", content=bytes(4 * 1024 * 1024), name=str(n)) for n in range(3)]
    made = add_slide(add_slide(card, CardSlide(picture=big[0]), now), CardSlide(picture=big[1]), now)
    with pytest.raises(InputError, match="a card holds"):
        add_slide(made, CardSlide(picture=big[2]), now)
    for _ in range(16):
        made = add_slide(made, CardSlide(text="x"), now)
    with pytest.raises(InputError, match="1 to 20 slides, not 21"):
        add_slide(made, CardSlide(text="x"), now)


def test_subject(card: Card, business: Pattern, now: datetime) -> None:
    assert subject_of(change_subject(card, " 新\r\n名片 ", now), business) == "新 名片"
    assert subject_of(change_subject(card, "", now), business) == "林晓岚的名片"
    with pytest.raises(InputError, match="41 characters; 40 at most"):
        change_subject(card, "x" * 41, now)


def test_copy_and_another_template(card: Card, gallery: Gallery, now: datetime) -> None:
    later = now + timedelta(days=1)
    made = add_slide(copy_card(card, "c2", later), CardSlide(text="附页"), later)
    assert (made.id, made.created_at, made.fields) == ("c2", later, card.fields)
    other = change_template(made, gallery.get("ink"), later)
    assert (other.template, other.fields) == ("ink", card.fields)
    assert [slide.drawn for slide in other.slides] == [0, 1, None]
    greeting = change_template(made, gallery.get("moon"), later)
    assert greeting.fields.keys() == {"message"}


def test_search_text(card: Card, now: datetime) -> None:
    text = search_text(add_slide(card, CardSlide(text="附页 spring"), now))
    for word in ("林晓岚", "晨光", "13800138000", "helen@example.cn", "spring"):
        assert word in text


def test_json_there_and_back(card: Card, gallery: Gallery, faces: Faces, now: datetime) -> None:
    made = add_slide(card, CardSlide(picture=PHOTO, sound=VOICE, text="x", duration_s=2.5, text_first=True), now)
    made = add_slide(made, CardSlide(drawn=1, sound=VOICE), now)
    text = json.dumps(to_json(made), ensure_ascii=False)
    assert from_json(json.loads(text)) == made
    assert len(to_json(made)["media"]) == 2  # each once
    assert render(from_json(json.loads(text)), 128, 128, gallery, faces) == render(made, 128, 128, gallery, faces)


@pytest.mark.parametrize(
    "change, said",
    [
        ({"caiyou_card": 2}, "caiyou_card: Input should be 1"),
        ({"id": "../x"}, "id: "),
        ({"slides": []}, "slides: "),
        ({"slides": [{"drawn": 0}] * 21}, "slides: "),
        ({"slides": [{"picture": "0" * 32}]}, "its picture or sound 000"),
        ({"slides": [{"drawn": "x"}]}, "slides.0.drawn: "),
        ({"slides": [{"nonsense": 1}]}, "slides.0.nonsense: "),
        ({"slides": [{}]}, "an empty slide"),
        ({"media": {"0" * 32: {"type": "image/png", "base64": "!!"}}}, "is not base64"),
        ({"created_at": "2026-01-01T00:00:00"}, "created_at: "),
        ({"fields": {"name": 5}}, "fields.name: "),
        ({"fields": ["name"]}, "fields: "),
        ({"language": "fr"}, "language: "),
    ],
)
def test_json_of_others(change: dict[str, Any], said: str, card: Card) -> None:
    with pytest.raises(InputError, match=r"this card cannot be read|an empty slide") as refused:
        from_json({**to_json(card), **change})
    assert said in str(refused.value)


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
_VALUES = st.recursive(
    _SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=8), v, max_size=3), max_leaves=8
)


@given(key=st.sampled_from(["caiyou_card", "id", "fields", "slides", "media", "changed_at", "x"]), value=_VALUES)
def test_json_of_anybody_is_a_card_or_an_input_error(key: str, value: object) -> None:
    whole = {
        "caiyou_card": 1,
        "id": "a",
        "template": "ink",
        "fields": {"name": "x"},
        "slides": [{"drawn": 0}],
        "created_at": "2026-01-01T00:00:00Z",
        "changed_at": "2026-01-01T00:00:00Z",
    }
    from_json(whole)
    for given_ in (value, {**whole, key: value}):
        with contextlib.suppress(InputError):
            assert from_json(json.loads(json.dumps(given_))).id


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.dictionaries(st.sampled_from(["to", "message", "from"]), st.text(max_size=60), max_size=3))
def test_any_text_is_drawn_or_refused(values: dict[str, str], gallery: Gallery, faces: Faces, now: datetime) -> None:
    try:
        card = new_card(gallery.get("moon"), id="x", now=now, fields=values)
    except WrongField:
        return
    assert render(card, 128, 128, gallery, faces).slides
