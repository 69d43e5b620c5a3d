"""What fit_picture makes, as other programs see it."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pillow_heif
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw

from caiyou.errors import InputError
from mms_builder.handset import Picture, Profile
from mms_builder.images import fit_picture, fitted_picture, inspect_picture
from mms_builder.slides import Media

from .conftest import Judged

Judge = Callable[[Media], Judged]
Probe = Callable[[Media], dict[str, Any]]
Seen = Callable[[bytes], list[tuple[int, int, bytes]]]

pillow_heif.register_heif_opener()

NOKIA = Profile(
    name="t68",
    width=160,
    height=120,
    max_octets=30 * 1024,
    pictures=(Picture.JPEG, Picture.GIF, Picture.WBMP),
    colours=65536,
    animated=True,
)


def photo(width: int = 640, height: int = 480) -> Image.Image:
    """Many colours and soft edges, the same each time."""
    red = Image.linear_gradient("L").resize((width, height))
    green = Image.radial_gradient("L").resize((width, height))
    blue = red.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    noise = Image.frombytes("L", (64, 64), bytes((i * 7919 + i * i * 31) % 251 for i in range(4096)))
    rough = noise.resize((width, height), Image.Resampling.BICUBIC)
    return Image.blend(Image.merge("RGB", (red, green, blue)), Image.merge("RGB", (rough, rough, green)), 0.35)


def drawing(width: int = 400, height: int = 300) -> Image.Image:
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((20, 20, width // 2, height // 2), fill="red")
    draw.ellipse((width // 3, height // 3, width - 20, height - 20), fill="navy")
    return image


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def media(content: bytes, media_type: str = "image/jpeg", name: str = "IMG 1.jpeg") -> Media:
    return Media(media_type=media_type, content=content, name=name)


def test_a_photograph_becomes_baseline_jfif(judge: Judge, probe: Probe) -> None:
    fitted = fit_picture(media(saved(photo(), "JPEG", progressive=True, quality=95)), NOKIA, 12_000)
    assert fitted.media_type == "image/jpeg"
    assert fitted.name == "IMG 1.jpg"
    assert len(fitted.content) <= 12_000
    judged = judge(fitted)
    assert (judged.format, judged.width, judged.height, judged.interlace) == ("JPEG", 160, 120, "None")
    assert "JFIF standard 1.01" in judged.said
    assert "baseline, precision 8, 160x120, components 3" in judged.said
    stream = probe(fitted)
    assert (stream["codec_name"], stream["profile"], stream["width"]) == ("mjpeg", "Baseline", 160)


def test_quality_goes_before_size(judge: Judge) -> None:
    content = media(saved(photo(), "PNG"))
    sizes = [(len(made.content), judge(made).width) for made in (fit_picture(content, NOKIA, n) for n in (9000, 3500))]
    assert sizes[0][1] == sizes[1][1] == 160
    assert 0.8 * 3500 < sizes[1][0] <= 3500
    small = fit_picture(content, NOKIA, 1500)
    assert len(small.content) <= 1500
    assert judge(small).width < 160


def test_a_drawing_keeps_its_edges_and_colours(judge: Judge, seen: Seen) -> None:
    source = drawing(150, 110)
    fitted = fit_picture(media(saved(source, "BMP"), "image/bmp", "logo.bmp"), NOKIA, 20_000)
    assert (fitted.media_type, fitted.name) == ("image/gif", "logo.gif")
    assert judge(fitted).colours == 3
    assert seen(fitted.content) == [(150, 110, source.tobytes())]  # never enlarged, nothing lost


def test_256_colours_are_enough_for_a_phone_of_256(judge: Judge, seen: Seen) -> None:
    phone = replace(NOKIA, colours=256)
    fitted = fit_picture(media(saved(photo(), "JPEG", quality=95)), phone, 30_000)
    judged = judge(fitted)
    assert (judged.format, judged.width) == ("GIF", 160)
    assert 64 < judged.colours <= 256
    # Dithered well: seen from afar the colours are those of the original.
    (width, height, pixels), *_ = seen(fitted.content)
    ours = Image.frombytes("RGB", (width, height), pixels).resize((20, 15), Image.Resampling.BOX)
    theirs = photo().resize((20, 15), Image.Resampling.BOX)
    apart = [abs(a - b) for a, b in zip(ours.tobytes(), theirs.tobytes(), strict=True)]
    assert sum(apart) / len(apart) < 2.5


@pytest.mark.parametrize("colours, most", [(2, 2), (4, 4), (16, 16)])
def test_screens_of_few_colours(judge: Judge, seen: Seen, colours: int, most: int) -> None:
    fitted = fit_picture(media(saved(photo(), "PNG")), replace(NOKIA, colours=colours, pictures=(Picture.GIF,)), 30_000)
    judged = judge(fitted)
    assert 2 <= judged.colours <= most
    if colours <= 4:
        pixels = seen(fitted.content)[0][2]
        assert pixels[::3] == pixels[1::3] == pixels[2::3]


def test_wbmp(judge: Judge, seen: Seen) -> None:
    phone = replace(NOKIA, colours=2, pictures=(Picture.WBMP,), width=101, height=64, animated=False)
    source = photo()
    fitted = fit_picture(media(saved(source, "PNG")), phone, 2000)
    assert fitted.media_type == "image/vnd.wap.wbmp"
    assert fitted.content[:4] == bytes([0, 0, 85, 64])
    assert len(fitted.content) == 4 + 11 * 64
    judged = judge(fitted)
    assert (judged.format, judged.width, judged.height, judged.colours) == ("WBMP", 85, 64, 2)
    (_, _, pixels), *_ = seen(_as_pbm(fitted.content))
    light = sum(pixels) / len(pixels)
    grey = source.convert("L").resize((1, 1), Image.Resampling.BOX).tobytes()[0]
    assert abs(light - grey) < 6
    again = fit_picture(fitted, phone, 2000)
    assert again.content == fitted.content


def _as_pbm(content: bytes) -> bytes:
    inverted = bytes(octet ^ 0xFF for octet in content[4:])
    return f"P4\n{content[2]} {content[3]}\n".encode() + inverted


def test_png_where_the_phone_likes_it_best(judge: Judge) -> None:
    phone = replace(NOKIA, pictures=(Picture.PNG, Picture.JPEG))
    fitted = fit_picture(media(saved(drawing(), "GIF")), phone, 20_000)
    judged = judge(fitted)
    assert (judged.format, judged.width, judged.height) == ("PNG", 160, 120)
    assert "non-interlaced" in judged.said
    assert fit_picture(media(saved(photo(), "JPEG")), phone, 20_000).media_type == "image/jpeg"


def test_what_the_camera_wrote_is_gone_and_the_picture_upright(judge: Judge, seen: Seen) -> None:
    source = Image.new("RGB", (600, 400), "blue")
    source.paste("red", (0, 0, 300, 400))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    exif[0x010F] = "SECRET CAMERA"
    exif.get_ifd(0x8825)[1] = "N"
    content = saved(source, "JPEG", exif=exif, comment=b"SECRET PLACE", quality=95)
    phone = replace(NOKIA, pictures=(Picture.JPEG,))
    fitted = fitted_picture(media(content), phone, 10_000)
    assert (fitted.source.width, fitted.source.height) == (400, 600)
    judged = judge(fitted.media)
    assert (judged.width, judged.height) == (80, 120)
    assert b"Exif" not in fitted.media.content
    assert b"SECRET" not in fitted.media.content
    (width, height, pixels), *_ = seen(fitted.media.content)
    made = Image.frombytes("RGB", (width, height), pixels)
    top, bottom = made.getpixel((40, 20)), made.getpixel((40, 100))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert top[0] > 200 > 60 > top[2]
    assert bottom[2] > 200 > 60 > bottom[0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_as_others_turn_it(orientation: int, seen: Seen, tmp_path: Any) -> None:
    source = photo(120, 80)
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = saved(source, "PNG", exif=exif)
    made = fit_picture(media(content), replace(NOKIA, pictures=(Picture.PNG,), height=160, colours=1 << 24), 90_000)
    turn = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # EXIF's numbers in Pillow's
    right = source.transpose(Image.Transpose(turn[orientation])) if orientation > 1 else source
    assert seen(made.content) == [(*right.size, right.tobytes())]


def test_alpha_becomes_white(seen: Seen) -> None:
    source = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    source.paste((255, 0, 0, 255), (0, 0, 50, 100))
    source.paste((0, 0, 255, 128), (50, 0, 75, 100))
    made = fit_picture(media(saved(source, "PNG")), NOKIA, 20_000)
    (_, _, pixels), *_ = seen(made.content)
    row = [tuple(pixels[x * 3 : x * 3 + 3]) for x in (10, 60, 90)]
    assert row == [(255, 0, 0), (127, 127, 255), (255, 255, 255)]


def test_cmyk_and_its_colours(seen: Seen, judge: Judge) -> None:
    source = Image.new("CMYK", (100, 100), (0, 255, 255, 0))  # red
    made = fit_picture(media(saved(source, "JPEG", quality=95)), replace(NOKIA, pictures=(Picture.JPEG,)), 20_000)
    assert judge(made).colourspace == "sRGB"
    assert "components 3" in judge(made).said
    (_, _, pixels), *_ = seen(made.content)
    assert pixels[0] > 230
    assert max(pixels[1:3]) < 40


def test_a_colour_profile_is_applied(seen: Seen) -> None:
    """XYZ as a profile: its colours differ wildly from sRGB's, so a forgotten conversion shows."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = bytearray(profile)
    red, green = profile.find(b"rXYZ"), profile.find(b"gXYZ")
    swapped[red : red + 4], swapped[green : green + 4] = b"gXYZ", b"rXYZ"
    source = Image.new("RGB", (50, 50), (255, 0, 0))
    made = fit_picture(media(saved(source, "PNG", icc_profile=bytes(swapped))), NOKIA, 20_000)
    (_, _, pixels), *_ = seen(made.content)
    assert pixels[1] > 240
    assert pixels[0] < 15
    broken = fit_picture(media(saved(source, "PNG", icc_profile=b"no profile at all")), NOKIA, 20_000)
    assert seen(broken.content)[0][2][:3] == b"\xff\0\0"


def test_sixteen_bits(seen: Seen) -> None:
    grey = Image.new("I;16", (40, 40), 0x8000)
    made = fit_picture(media(saved(grey, "PNG")), NOKIA, 20_000)
    assert abs(seen(made.content)[0][2][0] - 128) <= 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "HEIF", "TIFF"])
def test_every_upload(kind: str, judge: Judge) -> None:
    """By content: the label says JPEG for all of them."""
    fitted = fitted_picture(media(saved(photo(), kind)), NOKIA, 20_000)
    judged = judge(fitted.media)
    assert (judged.width, judged.height) == (160, 120)
    assert judged.format in ("JPEG", "GIF")
    assert fitted.source.media_type == f"image/{kind.lower()}".replace("heif", "heic")


def test_heic_is_turned_once() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    facts = inspect_picture(media(saved(photo(), "HEIF", exif=exif.tobytes())))
    assert (facts.width, facts.height) == (480, 640)


def test_a_fitted_jpeg_stays_as_it_is() -> None:
    fitted = fit_picture(media(saved(photo(), "JPEG")), replace(NOKIA, pictures=(Picture.JPEG,)), 12_000)
    again = fit_picture(fitted, replace(NOKIA, pictures=(Picture.JPEG,)), 12_000)
    assert again == fitted


def test_a_small_jpeg_of_others_loses_its_secrets_and_no_pixel(seen: Seen, judge: Judge) -> None:
    content = saved(photo(100, 80), "JPEG", comment=b"SECRET", quality=70) + b"<script>SECRET</script>"
    fitted = fit_picture(media(content), replace(NOKIA, pictures=(Picture.JPEG,)), 12_000)
    assert b"SECRET" not in fitted.content
    assert seen(fitted.content) == seen(content)
    assert "JFIF standard 1.01" in judge(fitted).said


def test_no_room() -> None:
    with pytest.raises(InputError, match=r"cannot be made smaller than [0-9]+ octets, and there is room for 50"):
        fit_picture(media(saved(photo(), "JPEG")), NOKIA, 50)


_SHAPES = st.tuples(st.integers(1, 300), st.integers(1, 300))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=_SHAPES,
    mode=st.sampled_from(["RGB", "RGBA", "L", "P", "1", "LA"]),
    seed=st.binary(min_size=1, max_size=64),
    kind=st.sampled_from(["PNG", "WEBP", "TIFF"]),
    pictures=st.permutations(list(Picture)),
    colours=st.sampled_from([2, 4, 256, 4096, 65536]),
    screen=st.tuples(st.integers(16, 200), st.integers(16, 200)),
    room=st.integers(900, 8000),
)
def test_whatever_the_picture(
    judge: Judge,
    size: tuple[int, int],
    mode: str,
    seed: bytes,
    kind: str,
    pictures: list[Picture],
    colours: int,
    screen: tuple[int, int],
    room: int,
) -> None:
    """In the room, on the screen, the same twice, and of a type the phone takes."""
    width, height = size
    source = Image.frombytes("L", (len(seed), 1), seed).resize((width, height)).convert(mode)
    source = source.convert("RGBA") if kind == "WEBP" and mode not in ("RGB", "RGBA") else source
    phone = replace(NOKIA, pictures=tuple(pictures[:3]), colours=colours, width=screen[0], height=screen[1])
    content = media(saved(source, kind))
    try:
        fitted = fit_picture(content, phone, room)
    except InputError as error:
        assert "cannot be made smaller than" in str(error)  # noqa: PT017  both ends are right
        assert set(phone.pictures) & {Picture.WBMP, Picture.JPEG, Picture.GIF, Picture.PNG}
        assert room < 1500
        return
    judged = judge(fitted)
    assert len(fitted.content) <= room
    assert fitted.media_type in phone.pictures
    assert judged.width <= min(width, screen[0])
    assert judged.height <= min(height, screen[1])
    if fitted.media_type != "image/jpeg":
        assert judged.colours <= max(colours, 2)
    assert fit_picture(content, phone, room) == fitted
