"""The starting set of handset profiles: whole, without circles, in range, each model with its source."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest

from caiyou.directory.admin.fields import checked
from caiyou.directory.handsets import INHERITED, inherited, key
from caiyou.directory.model import Handset, HandsetKind
from caiyou.errors import InputError
from mms_builder.handset import Picture, Profile, Sound
from mms_builder.handsets.resolve import DEFAULT, Handsets, profile
from mms_builder.handsets.starting_set import parsed, shipped

KNOWN = {each.name: each for each in shipped()}
REST = Profile(name="", width=99, height=98, max_octets=9999, pictures=(Picture.GIF,), colours=4, animated=False)


def chain(handset: Handset) -> list[Handset]:
    found = [handset]
    while found[-1].parent:
        assert len(found) < 8, found
        found.append(KNOWN[found[-1].parent])
    return found


def resolved(name: str) -> Profile:
    return profile(inherited(chain(KNOWN[name])), REST)


def test_there_are_enough_models_of_enough_vendors() -> None:
    models = [each for each in shipped() if each.kind is HandsetKind.MODEL]
    vendors = {step.name for each in models for step in chain(each) if step.kind is HandsetKind.VENDOR}
    assert len(models) >= 60
    assert len(vendors) >= 12


def test_parents_come_first_and_the_last_of_every_chain_is_a_class() -> None:
    met = set()
    for each in shipped():
        assert not each.parent or each.parent in met, each.name
        met.add(each.name)
        assert chain(each)[-1].kind is HandsetKind.CLASS
        kinds = [list(HandsetKind).index(step.kind) for step in chain(each)]
        if "android" not in {step.name for step in chain(each)}:  # a series of many vendors
            assert kinds == sorted(kinds, reverse=True), each.name


def test_every_model_has_a_source_of_its_own() -> None:
    without = [each.name for each in shipped() if each.kind is HandsetKind.MODEL and not each.sources]
    assert without == []
    for each in shipped():
        assert all(re.fullmatch(r"https?://[!-~]+", source) for source in each.sources), each.name


def test_every_value_is_one_that_an_admin_could_set() -> None:
    fields = ("kind", *INHERITED, "sources", "note")
    for each in shipped():
        given = {name: value for name in fields if (value := getattr(each, name)) not in (None, "")}
        assert checked(fields, given) == {n: list(v) if isinstance(v, tuple) else v for n, v in given.items()}, (
            each.name
        )
        assert all(media in list(Picture) for media in each.pictures or ())
        assert all(media in list(Sound) for media in each.sounds or ())


@pytest.mark.parametrize("name", KNOWN)
def test_every_profile_is_whole_by_inheritance_alone(name: str) -> None:
    one = inherited(chain(KNOWN[name]))
    said = {field for field in INHERITED if getattr(one, field) is not None}
    if name != "mms":  # above the classes
        assert said == set(INHERITED)
    found = resolved(name)
    assert (found.name, found.mms) == (name, name not in ("nokia 3310", "nokia 6310i", "ericsson t20"))


def test_no_two_profiles_are_written_the_same_way() -> None:
    names = Counter(name for each in shipped() for name in each.names)
    assert [name for name, times in names.items() if times > 1] == []
    assert all(name == key(name) and len(name) > 1 for name in names)


@pytest.mark.parametrize(
    "name, screen, octets, colours, first",
    [
        ("nokia 7650", (176, 208), 102400, 4096, Picture.JPEG),
        ("nokia 6600", (176, 208), 107250, 65536, Picture.JPEG),
        ("nokia 3510i", (96, 65), 46080, 4096, Picture.JPEG),
        ("nokia n95", (240, 320), 307200, 262144, Picture.JPEG),
        ("sonyericsson t68i", (101, 80), 30720, 256, Picture.JPEG),
        ("sonyericsson k750i", (176, 220), 307200, 262144, Picture.JPEG),
        ("motorola e398", (176, 220), 102400, 65536, Picture.JPEG),
        ("siemens s65", (132, 176), 307200, 65536, Picture.JPEG),
        ("samsung i9100", (480, 800), 307200, 65536, Picture.JPEG),
    ],
)
def test_a_model_is_what_its_uaprof_document_says(
    name: str, screen: tuple[int, int], octets: int, colours: int, first: Picture
) -> None:
    found = resolved(name)
    assert ((found.width, found.height), found.max_octets, found.colours, found.pictures[0]) == (
        screen,
        octets,
        colours,
        first,
    )


@pytest.mark.parametrize(
    "name, screen, octets",
    [
        ("oma text", (160, 120), 30 * 1024),
        ("oma image-basic", (160, 120), 30 * 1024),
        ("oma image-rich", (640, 480), 100 * 1024),
        ("oma video-basic", (640, 480), 100 * 1024),
        ("oma video-rich", (640, 480), 300 * 1024),
        ("oma megapixel", (1600, 1200), 300 * 1024),
        ("oma content-rich", (1600, 1200), 600 * 1024),
    ],
)
def test_the_classes_of_the_conformance_document(name: str, screen: tuple[int, int], octets: int) -> None:
    found = resolved(name)
    assert ((found.width, found.height), found.max_octets) == (screen, octets)


def test_what_a_phone_alone_takes_is_not_its_familys() -> None:
    assert resolved("nokia 2610").sounds == (Sound.MIDI,)
    assert resolved("nokia 3220").sounds == (Sound.AMR, Sound.MIDI)
    assert resolved("oma text").sounds == ()
    assert Sound.IMELODY in resolved("sonyericsson t68i").sounds


def test_types_that_are_none_of_ours_are_left_out_and_what_is_open_is_the_rest() -> None:
    found = profile(Handset(name="x", pictures=("image/webp", "image/png"), sounds=()), REST)
    assert (found.pictures, found.sounds, found.width, found.colours) == ((Picture.PNG,), (), 99, 4)


class Nobody:
    """A directory in which nothing is."""

    def __init__(self, found: Handset | None = None) -> None:
        self.found = found
        self.asked: list[str] = []

    def handset(self, written: str) -> Handset | None:
        self.asked.append(written)
        return self.found


def test_a_phone_that_nobody_knows_is_the_class_of_the_settings() -> None:
    assert Handsets(Nobody()).profile("whatever", "").name == DEFAULT
    assert Handsets(Nobody(), "oma image-basic").profile("whatever").max_octets == 30 * 1024
    assert Handsets(Nobody(), "no such class").profile().name == DEFAULT
    asked = Nobody()
    Handsets(asked).profile("", "first", "second")
    assert asked.asked == ["first", "second", DEFAULT]


@pytest.mark.parametrize(
    "wrong", [{"screen": "5x5"}, {"max_octets": 3}, {"pictures": ("image/webp",)}, {"screen": "a"}]
)
def test_what_others_wrote_wrong_into_the_directory_does_no_harm(wrong: dict[str, object]) -> None:
    broken = replace(KNOWN["oma image-rich"], **wrong)  # type: ignore[arg-type]  # wrong on purpose
    assert Handsets(Nobody(broken)).profile("x").name == DEFAULT


@pytest.mark.parametrize(
    "text, wrong",
    [
        ("[model.x", "not TOML"),
        ("[phone.x]", "phone"),
        ("model = 3", "model"),
        ('[model.x]\nscren = "1x1"', "scren"),
        ("[model.x]\ncolours = true", "colours"),
        ("[model.x]\nmms = 1", "mms"),
        ('[model.x]\npictures = "image/jpeg"', "pictures"),
        ("[model.x]\nnames = [1]", "names"),
        ('[model.x]\nparent = "y"', "y"),
        ('[model.x]\nparent = "y"\n[model.y]\nparent = "x"', "inherits"),
        ("[class.x]\n[model.x]", "twice"),
    ],
)
def test_a_file_with_a_mistake_is_refused_by_what_is_wrong(text: str, wrong: str) -> None:
    with pytest.raises(InputError, match=re.escape(wrong)):
        parsed(text, "mine.toml")


def test_a_number_without_its_vendor_names_one_phone_only() -> None:
    found = parsed("[vendor.a]\n[vendor.b]\n[model.'a 100']\n[model.'b 100']\n[model.'b 200']", "mine.toml")
    names = {each.name: each.names for each in found}
    assert names["a 100"] == ("a100",)
    assert names["b 200"] == ("200", "b200")
