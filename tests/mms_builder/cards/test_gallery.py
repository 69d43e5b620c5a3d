"""An admin's template folder: taken when it is right, refused with file, line, key and what would be right."""

from pathlib import Path

import pytest
from PIL import Image

from caiyou.errors import NotFound, SettingsError
from mms_builder.draw.fonts import Faces
from mms_builder.draw.paint import paint_slide
from mms_builder.gallery import Gallery, load_gallery, load_pattern
from mms_builder.template import Kind

GOOD = """\
name = { zh_CN = "店庆", en = "Anniversary" }
kind = "greeting"
order = 20
made = "Drawn by our shop's own hand, free to use."
subject = { zh_CN = "{shop}店庆", en = "{shop} anniversary" }

[[fields]]
id = "shop"
label = { zh_CN = "店名", en = "Shop" }
max_characters = 20
required = true
example = { zh_CN = "晨光书店", en = "Morning Books" }

[shapes]
mine = "M0 0 L100 0 L50 100 Z"

[[slides]]
duration_s = 4

[[slides.layers]]
draw = "picture"
file = "back.png"

[[slides.layers]]
draw = "shape"
shape = "mine"
fill = "#ff000080"
box = [10, 10, 30, 30]

[[slides.layers]]
draw = "shape"
shape = "heart"
fill = "#c8161d"
keep = "middle"

[[slides.layers]]
draw = "text"
box = [10, 60, 80, 30]
paragraphs = [
  { text = "{shop}", size = 12, colour = "#112233", align = "centre" },
  { text = { zh_CN = "十周年", en = "Ten years" }, size = 9 },
]
"""


def written(parent: Path, text: str, name: str = "shop") -> Path:
    folder = parent / name
    folder.mkdir(parents=True)
    (folder / "template.toml").write_text(text, encoding="utf-8")
    Image.new("RGB", (40, 30), "#00ff00").save(folder / "back.png")
    return folder


def test_own_template_stands_beside_those_that_come_along(tmp_path: Path, faces: Faces) -> None:
    written(tmp_path, GOOD)
    gallery = load_gallery([tmp_path])
    pattern = gallery.get("shop")
    assert pattern.template.kind is Kind.GREETING
    assert [p.name for p in gallery.of(Kind.GREETING)][-1] == "shop"
    assert len(gallery.of()) == len(load_gallery().of()) + 1
    slide = pattern.template.slides[0]
    (image,) = paint_slide(pattern.template, slide, pattern.folder, {"shop": "书"}, "zh_CN", (120, 160), faces)
    assert image.getpixel((5, 5)) == (0, 255, 0)  # the picture
    assert image.getpixel((30, 20)) == (128, 127, 0)  # half red over it
    assert image.getpixel((60, 80)) == (0xC8, 0x16, 0x1D)  # the heart that comes along


def test_own_template_takes_the_place_of_one_of_its_name(tmp_path: Path) -> None:
    written(tmp_path, GOOD, "birthday")
    assert load_gallery([tmp_path]).get("birthday").template.name.en == "Anniversary"


def test_unknown_template_is_named(gallery: Gallery) -> None:
    with pytest.raises(NotFound, match="no template 'birthdy'; did you mean birthday"):
        gallery.get("birthdy")


@pytest.mark.parametrize(
    "old, new, expected",
    [
        ('kind = "greeting"', 'kind = "party"', ["template.toml:2: kind:", "'business' or 'greeting'", "party"]),
        ('kind = "greeting"\n', "", ["kind: must be set"]),
        ("order = 20", "orders = 20", ["template.toml:3: orders: unknown key; did you mean order?", "known: "]),
        ("order = 20", "order = 0", [":3: order:", "greater than or equal to 1", "given: 0"]),
        (', en = "Anniversary" }', " }", [":1: name.en: must be set"]),
        ("max_characters = 20", "max_characters = 5000", ["fields.1.max_characters", "500"]),
        ("max_characters = 20", "max_characters = 2", ["fields.1.example", "max_characters"]),
        ('id = "shop"', 'id = "Shop!"', ["fields.1.id", "pattern"]),
        ('fill = "#ff000080"', 'fill = "red"', ["slides.1.layers.2.fill", "a colour like #cc3300", "'red'"]),
        ('fill = "#ff000080"\n', "", ["slides.1.layers.2", "fill or stroke must be set"]),
        ('shape = "mine"', 'shape = "yours"', ["slides.1.layers.2.shape: no shape 'yours'", "rectangle", "mine"]),
        ('shape = "heart"', 'path = "L 1 1"', ["slides.1.layers.3.path", "begins with M"]),
        ('shape = "heart"', 'path = "M 1 1 X 2"', ["slides.1.layers.3.path", "'X' is no part of a path"]),
        ("L50 100 Z", "L50", ["shapes.mine: command L takes 2 numbers, not 1"]),
        ('draw = "picture"', 'draw = "painting"', ["slides.1.layers.1.draw", "known: shape, picture, text"]),
        ('draw = "picture"\n', "", ["slides.1.layers.1", "draw must be set", "known: shape, picture, text"]),
        ('file = "back.png"', 'file = "front.png"', ["slides.1.layers.1.file: front.png: no such file"]),
        ('file = "back.png"', 'file = "../x.png"', ["slides.1.layers.1.file"]),
        ("box = [10, 60, 80, 30]", "box = [10, 60, 80]", ["slides.1.layers.4.box"]),
        ("box = [10, 60, 80, 30]", "box = [10, 60, 0, 30]", ["slides.1.layers.4.box", "greater than 0"]),
        ('"{shop}", size = 12', '"{shap}", size = 12', ["paragraphs.1.text: no field 'shap'; known: shop"]),
        ("size = 12,", "size = 5,", ["paragraphs.1.least", "more than size 5"]),
        ("size = 12,", "sise = 12,", ["paragraphs.1.sise: unknown key; did you mean size?"]),
        ('align = "centre"', 'align = "center"', ["paragraphs.1.align", "'centre'"]),
        ("{shop}店庆", "{name}店庆", ["subject.zh_CN: no field 'name'; known: shop"]),
        ("duration_s = 4", 'duration_s = 4\nsound = "back.png"', ["slides.1.sound: back.png: expected one of .imy"]),
        ("duration_s = 4", "duration_s = 0", ["slides.1.duration_s", "0.5"]),
        ("[shapes]", "[shapes", ["not TOML"]),
    ],
)
def test_broken_template_is_refused(old: str, new: str, expected: list[str], tmp_path: Path) -> None:
    assert old in GOOD
    folder = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(SettingsError) as refused:
        load_gallery([tmp_path])
    said = str(refused.value)
    assert said.startswith(str(folder / "template.toml"))
    for part in expected:
        assert part in said


def test_every_wrong_template_is_named_at_once(tmp_path: Path) -> None:
    written(tmp_path, GOOD.replace("order = 20", "order = -1"), "one")
    written(tmp_path, GOOD.replace("order = 20", "order = -2"), "two")
    with pytest.raises(SettingsError) as refused:
        load_gallery([tmp_path])
    assert "one/template.toml:3" in str(refused.value)
    assert "two/template.toml:3" in str(refused.value)


def test_files_that_are_not_what_they_say(tmp_path: Path) -> None:
    folder = written(tmp_path, GOOD)
    picture = folder / "back.png"
    picture.write_bytes(picture.read_bytes()[:60])
    with pytest.raises(SettingsError, match=r"back\.png: not a whole picture; expected PNG"):
        load_pattern(folder)
    picture.write_bytes(b"x" * 3_000_000)
    with pytest.raises(SettingsError, match="larger than"):
        load_pattern(folder)
    Image.new("1", (4000, 4000)).save(picture)
    with pytest.raises(SettingsError, match="4000x4000 pixels; 4000000 at most"):
        load_pattern(folder)


def test_folders_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such folder; expected one with a folder for each template"):
        load_gallery([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingsError, match=r"empty/template\.toml: no such file"):
        load_gallery([tmp_path])
