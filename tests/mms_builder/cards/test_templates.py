"""Every template that comes along, at the screens there were: in time, whole, and no letter outside its box."""

import dataclasses
import itertools
import time
from pathlib import Path

import pytest
from PIL import ImageChops

from mms_builder.card_settings import CardSettings
from mms_builder.draw import textbox
from mms_builder.draw.fonts import Faces
from mms_builder.draw.paint import paint_slide, set_layer
from mms_builder.draw.textbox import Flow
from mms_builder.gallery import BUILT_IN, Gallery, Pattern
from mms_builder.template import Kind, Language, TextLayer

NAMES = sorted(path.parent.name for path in BUILT_IN.glob("*/template.toml"))
SIZES = [(128, 128), (128, 160), (160, 120), (176, 208), (240, 320), (320, 240), (480, 640), (640, 480)]
MARGIN = 20


def longest(pattern: Pattern, letters: str) -> dict[str, str]:
    """Every field as long as it may be, in as many lines as it may have."""
    values = {}
    for field in pattern.template.fields:
        text = "".join(itertools.islice(itertools.cycle(letters), field.max_characters))
        for line in range(1, field.max_lines):
            at = line * len(text) // field.max_lines
            text = text[:at] + "\n" + text[at + 1 :]
        assert len(text) == field.max_characters
        values[field.id] = text
    return values


def example(pattern: Pattern, language: Language) -> dict[str, str]:
    return {field.id: field.example.of(language) for field in pattern.template.fields}


def flows(pattern: Pattern, values: dict[str, str], language: Language, faces: Faces) -> list[tuple[str, Flow]]:
    return [
        (f"slide {number} at {width}x{height}, page {page}", flow)
        for number, slide in enumerate(pattern.template.slides)
        for layer in slide.layers
        if isinstance(layer, TextLayer)
        for width, height in SIZES
        if layer.only in (None, "landscape" if width > 1.1 * height else "portrait")
        for page, flow in enumerate(set_layer(layer, (width, height), values, language, faces))
    ]


def ink(flow: Flow, faces: Faces) -> tuple[int, int, int, int] | None:
    """Where there is ink, in the box's pixels, measured on a page that is larger than the box."""
    moved = [dataclasses.replace(line, left=line.left + MARGIN, top=line.top + MARGIN) for line in flow.lines]
    page = Flow(tuple(moved), flow.width + 2 * MARGIN, flow.height + 2 * MARGIN)
    found = textbox.draw(page, faces).getchannel("A").point([0] * 40 + [255] * 216).getbbox()
    return found and (found[0] - MARGIN, found[1] - MARGIN, found[2] - MARGIN, found[3] - MARGIN)


def assert_inside(where: str, flow: Flow, faces: Faces) -> None:
    box = ink(flow, faces)
    if box is not None:
        left, top, right, bottom = box
        assert min(left, top) >= 0, (where, box)
        assert right <= flow.width, (where, box, flow.width)
        assert bottom <= flow.height, (where, box, flow.height)


def test_there_are_enough(gallery: Gallery) -> None:
    assert len(gallery.of(Kind.BUSINESS)) >= 8  # the short-code dialogue offers 8
    assert len(gallery.of(Kind.GREETING)) >= 6
    assert [p.template.order for p in gallery.of(Kind.BUSINESS)] == list(range(1, len(gallery.of(Kind.BUSINESS)) + 1))


@pytest.mark.parametrize("name", NAMES)
def test_business_templates_take_what_the_dialogue_asks(name: str, gallery: Gallery) -> None:
    template = gallery.get(name).template
    if template.kind is Kind.BUSINESS:
        limits = {field.id: field.max_characters for field in template.fields}
        most = {"company": 60, "title": 30, "name": 30, "contact": 100}
        assert {key: limits[key] for key in most} == most
        assert {f.id for f in template.fields if f.required} <= most.keys()


@pytest.mark.parametrize("name", NAMES)
def test_draws_every_size_in_time(name: str, gallery: Gallery, faces: Faces) -> None:
    pattern = gallery.get(name)
    for language in ("zh_CN", "en"):
        for size in SIZES:
            for slide in pattern.template.slides:
                begin = time.process_time()
                values = example(pattern, language)
                (image,) = paint_slide(pattern.template, slide, pattern.folder, values, language, size, faces)
                assert time.process_time() - begin < 2.5
                assert (image.mode, image.size) == ("RGB", size)
                assert len(image.getcolors(1 << 20) or range(1 << 20)) > 40


@pytest.mark.parametrize("name", NAMES)
def test_examples_stand_in_their_boxes(name: str, gallery: Gallery, faces: Faces) -> None:
    pattern = gallery.get(name)
    for language in ("zh_CN", "en"):
        for where, flow in flows(pattern, example(pattern, language), language, faces):
            assert not flow.cut, where
            assert flow.lines, where
            assert_inside(where, flow, faces)


@pytest.mark.parametrize("letters", ["永东国酬", "Wm", "新年快乐，Happy New Year！", "👨‍👩‍👧龘g，"])
@pytest.mark.parametrize("name", NAMES)
def test_longest_fields_fit(name: str, letters: str, gallery: Gallery, faces: Faces) -> None:
    """On one page or several, but every letter is there, inside its box, at a size that can be read."""
    pattern = gallery.get(name)
    for where, flow in flows(pattern, longest(pattern, letters), "zh_CN", faces):
        assert not flow.cut, (where, [line.size for line in flow.lines])
        assert_inside(where, flow, faces)


@pytest.mark.parametrize("name", NAMES)
def test_empty_optional_fields_leave_no_gap(name: str, gallery: Gallery, faces: Faces) -> None:
    pattern = gallery.get(name)
    every = example(pattern, "zh_CN")
    needed = {field.id: every[field.id] for field in pattern.template.fields if field.required}
    for where, flow in flows(pattern, needed, "zh_CN", faces):
        assert not flow.cut, where
        texts = ["".join(run.text for run in line.runs) for line in flow.lines]
        assert all(text.strip() for text in texts), (where, texts)
        assert "{" not in "".join(texts)
    for where, flow in flows(pattern, {}, "zh_CN", faces):
        assert_inside(where, flow, faces)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_picture_every_time(name: str, gallery: Gallery) -> None:
    pattern = gallery.get(name)
    for slide in pattern.template.slides:
        one, other = (
            paint_slide(
                pattern.template,
                slide,
                pattern.folder,
                example(pattern, "en"),
                "en",
                (176, 208),
                Faces(CardSettings.model_validate({})),
            )[0]
            for _ in range(2)
        )
        assert ImageChops.difference(one, other).getbbox() is None


@pytest.mark.parametrize("name", NAMES)
def test_values_are_seen(name: str, gallery: Gallery, faces: Faces) -> None:
    """Each field changes some slide: none is asked for in vain."""
    pattern = gallery.get(name)
    values = example(pattern, "zh_CN")

    def drawn(given: dict[str, str]) -> list[bytes]:
        return [
            image.tobytes()
            for slide in pattern.template.slides
            for image in paint_slide(pattern.template, slide, pattern.folder, given, "zh_CN", (240, 320), faces)
        ]

    before = drawn(values)
    for field in pattern.template.fields:
        assert drawn({**values, field.id: "龙"}) != before, field.id


def test_each_says_how_it_was_made() -> None:
    for folder in Path(BUILT_IN).iterdir():
        if folder.is_dir():
            kinds = {path.suffix for path in folder.iterdir()}
            assert kinds <= {".toml", ".imy"}, f"{folder}: no foreign art"
