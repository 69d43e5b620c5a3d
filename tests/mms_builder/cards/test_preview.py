import base64
import hashlib
import html
import io
import random
import re
import wave
from collections.abc import Callable

import pytest
from PIL import Image

from caiyou.errors import InputError
from mms_builder.draw.fonts import Faces
from mms_builder.handset import Picture, Profile
from mms_builder.images import wbmp
from mms_builder.preview import TEXTS, preview
from mms_builder.screen import on_screen, screens
from mms_builder.slides import Media, Show, Slide

HOSTILE = [
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{data}}{{slides}}{{policy}}",
    "<!--",
    "]]>",
    "&lt;b&gt;",
    "\u202eevil\u2028",
    "';alert(1)//",
]


def phone(colours: int = 65_536, *, animated: bool = True, width: int = 128, height: int = 160) -> Profile:
    return Profile(
        name="vendor <model>",
        width=width,
        height=height,
        max_octets=30_000,
        pictures=(Picture.PNG, Picture.GIF),
        colours=colours,
        animated=animated,
    )


def picture(kind: str = "PNG", colour: str = "#3366cc", frames: int = 1) -> Media:
    images = [Image.new("RGB", (60, 40), colour if n == 0 else "#00ff00") for n in range(frames)]
    file = io.BytesIO()
    rest = {"save_all": True, "append_images": images[1:], "duration": 100} if frames > 1 else {}
    images[0].save(file, kind, **rest)
    types = {"PNG": "image/png", "GIF": "image/gif", "JPEG": "image/jpeg"}
    return Media(media_type=types[kind], content=file.getvalue(), name="p")


def wav(seconds: float = 0.2) -> Media:
    samples = bytes(128 for _ in range(int(8000 * seconds)))
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(samples)
    return Media(media_type="audio/wav", content=file.getvalue(), name="a.wav")


@pytest.mark.parametrize("lang", TEXTS)
def test_policy_allows_the_inline_parts_and_nothing_else(lang: str) -> None:
    page = preview(Show(subject="s", slides=(Slide(picture=picture()),)), phone(), "zh" if lang == "zh" else "en")
    (style,) = re.findall("<style>(.*?)</style>", page.html, re.DOTALL)
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page.html, re.DOTALL)
    assert [attributes for attributes, _ in scripts] == [' type="application/json" id="show"', ""]
    for inline in (style, scripts[1][1]):
        assert base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode() in page.policy
    assert page.policy.startswith("default-src 'none'; ")
    assert page.policy.endswith("frame-ancestors 'self'")
    assert "unsafe" not in page.policy
    assert html.escape(page.policy.removesuffix("; frame-ancestors 'self'")) in page.html
    assert not re.search(r"\son\w+=|\sstyle=|https?://", page.html)
    assert "{{" not in page.html


def test_both_languages_have_the_same_texts() -> None:
    assert TEXTS["zh"].keys() == TEXTS["en"].keys()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_stay_texts(text: str) -> None:
    plain = preview(Show(subject="s", slides=(Slide(text="t", sound=wav()),)), phone(), "en").html
    sound = Media(media_type="audio/amr", content=b"x", name=text)
    show = Show(
        subject=text,
        slides=(Slide(text=text, sound=sound, picture=Media(media_type=text, content=b"x", name=text)),),
        attachments=(sound,),
    )
    page = preview(show, phone(), "en").html
    assert re.findall("<script[^>]*>", page) == re.findall("<script[^>]*>", plain)
    assert page.count("<img") == page.count("onerror=") - page.count("onerror=alert") == 0
    assert "\u202e" not in page
    kept = html.escape(text.replace("\u202e", "").replace("\u2028", "\n").strip())
    assert f'<p class="text">{kept}</p>' in page


@pytest.mark.parametrize(
    "colours, most", [(2, 2), (4, 4), (256, 256), (4096, 4096), (65_536, 65_536), (16_777_216, 1 << 24)]
)
def test_no_more_colours_than_the_screen_has(colours: int, most: int) -> None:
    given = Image.frombytes("RGB", (256, 256), random.Random(1).randbytes(3 * 256 * 256))
    shown = on_screen(given, colours)
    found = shown.convert("RGB").getcolors(1 << 24)
    assert found
    assert min(most, 60_000) / 4 <= len(found) <= most


def test_black_and_white_screen_shows_black_and_white(faces: Faces) -> None:
    show = Show(slides=(Slide(picture=picture(), text="黑白"),))
    (png,) = screens(show, phone(2), faces)
    found = Image.open(io.BytesIO(png)).convert("RGB").getcolors(10)
    assert found
    assert {colour for _, colour in found} == {(0, 0, 0), (255, 255, 255)}


def test_screens_show_what_the_phone_shows(faces: Faces) -> None:
    show = Show(
        slides=(
            Slide(picture=picture(), text="下面"),
            Slide(picture=picture(), text="上面", text_first=True),
            Slide(text="长文字。" * 200),
            Slide(sound=wav()),
            Slide(picture=Media(media_type="image/png", content=b"\x89PNG broken")),
        )
    )
    shown = [Image.open(io.BytesIO(png)).convert("RGB") for png in screens(show, phone(), faces)]
    assert [image.size for image in shown[:2]] == [(128, 160)] * 2
    blue = (49, 101, 206)  # #3366cc in 65,536 colours
    assert shown[0].getpixel((64, 20)) == blue
    assert shown[0].getpixel((64, 45)) != blue
    assert shown[1].getpixel((64, 5)) != blue
    assert shown[1].getpixel((64, 40)) == blue
    assert shown[2].width == 128
    assert 160 < shown[2].height <= 4096  # one scrolls
    for image in shown:
        assert len(image.getcolors(1 << 16) or ()) > 2, "nothing to be seen"
    assert screens(show, phone(), faces) == screens(show, phone(), faces)


def test_pictures_for_browsers() -> None:
    bits = Media(media_type=Picture.WBMP, content=wbmp.encode(Image.new("RGB", (16, 8), "white")), name="w")
    moving = picture("GIF", frames=3)
    show = Show(slides=tuple(Slide(picture=media) for media in (picture(), picture("JPEG"), bits, moving)))
    page = preview(show, phone()).html
    sources = re.findall(r'<img src="data:([^;]+);base64,([^"]+)" width="(\d+)" height="(\d+)"', page)
    assert [(kind, width, height) for kind, _, width, height in sources] == [
        ("image/png", "60", "40"),
        ("image/png", "60", "40"),
        ("image/png", "16", "8"),
        ("image/gif", "60", "40"),
    ]
    assert base64.b64decode(sources[3][1]) == moving.content
    still = preview(Show(slides=(Slide(picture=moving),)), phone(animated=False)).html
    assert "data:image/gif" not in still


@pytest.mark.parametrize(
    "media",
    [
        Media(media_type="image/png", content=b"GIF89a"),
        Media(media_type="image/svg+xml", content=b"<svg onload='alert(1)'/>"),
        Media(media_type="text/html", content=b"<script>alert(1)</script>"),
        Media(media_type="image/jpeg", content=picture("JPEG").content[:100]),
        Media(media_type="image/vnd.wap.wbmp", content=b"\0\0\x8f\xff\xff\xff\x7f"),
        Media(media_type="image/png", content=picture().content.replace(b"\0\0\0\x3c\0\0\0\x28", b"\0\1\0\0\0\1\0\0")),
    ],
)
def test_lying_pictures_are_said_not_shown(media: Media, faces: Faces) -> None:
    show = Show(slides=(Slide(picture=media),))
    page = preview(show, phone(), "en").html
    assert "<img" not in page
    assert "The picture cannot be shown" in page
    assert len(screens(show, phone(), faces)) == 1


def _refuse(media: Media) -> Media:
    raise InputError("no")


@pytest.mark.parametrize(
    "media, play, heard",
    [
        (wav(), None, True),
        (Media(media_type="audio/amr", content=b"#!AMR\n"), None, False),
        (Media(media_type="audio/amr", content=b"#!AMR\n"), lambda _: wav(), True),
        (Media(media_type="audio/amr", content=b"#!AMR\n"), _refuse, False),
        (Media(media_type="audio/amr", content=b"#!AMR\n"), lambda media: media, False),
        (Media(media_type="audio/wav", content=b"<script>"), None, False),
    ],
)
def test_sounds(media: Media, play: Callable[[Media], Media] | None, heard: bool) -> None:
    page = preview(Show(slides=(Slide(sound=media),)), phone(), "en", play).html
    assert ('<audio preload="metadata" src="data:audio/wav;base64,' in page) is heard
    assert ("cannot be played here" in page) is not heard


def test_empty_message() -> None:
    assert "This message is empty" in preview(Show(), phone(), "en").html
