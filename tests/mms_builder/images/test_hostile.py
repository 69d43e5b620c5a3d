"""Files that are broken, that lie, or that would like to take the machine down."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from caiyou.errors import InputError
from mms_builder import decoding
from mms_builder.decoding import Limits
from mms_builder.images import MAX_FILE_OCTETS, fit_picture, inspect_picture, inspected
from mms_builder.slides import Media

from .test_animation import animation, moving
from .test_fit import NOKIA, media, photo, saved

MIB = 1024 * 1024


def png(width: int, height: int, pixels: bytes, *, chunks: bytes = b"", colour: int = 2) -> bytes:
    head = struct.pack("!IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunks
        + chunk(b"IDAT", zlib.compress(pixels, 9))
        + chunk(b"IEND", b"")
    )


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack("!I", len(content)) + name + content + struct.pack("!I", zlib.crc32(name + content))


def gif_of_tiny_frames(count: int) -> bytes:
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff" + frame * count + b";"


REFUSED = {
    "nothing": (b"", "the picture is empty"),
    "a web page": (b"<!DOCTYPE html><html><script>alert(1)</script>", "no picture that is taken but a web page: send"),
    "a drawing of another kind": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "but an SVG drawing"),
    "a program": (b"MZ\x90\0" + bytes(100), "but a program"),
    "a sound with a picture's label": (b"RIFF\x24\0\0\0WAVEfmt ", "but a sound"),
    "a film": (b"\0\0\0\x18ftypmp42\0\0\0\0", "but a film"),
    "a script that begins like a GIF": (b"GIF89a=1;alert(document.cookie)//" + b" " * 40, "GIF picture"),
    "text": ("彩信".encode() * 20, "no picture that is taken: send JPEG"),
    "PNG of 60000 x 60000": (png(60_000, 60_000, bytes(100)), "60000 x 60000 pixels: at most 40 million"),
    "PNG one pixel high and 40000 wide": (png(40_000, 1, bytes(120_001)), "40000 x 1 pixels: at most 40 million, and"),
    "PNG of no size": (png(0, 10, b""), "PNG picture|0 x 10 pixels"),
    "GIF of no size": (b"GIF89a" + bytes(7) + b"\x2c" + bytes(9) + b"\x02\x02\x44\x01\x00;", "0 x 0|GIF picture"),
    "GIF of 5000 frames": (gif_of_tiny_frames(5000), "more than 1000 frames"),
    "GIF without a frame": (b"GIF89a" + struct.pack("<HHBBB", 9, 9, 0, 0, 0) + b";", "has no frame"),
    "APNG that says it has a million frames": (
        png(8, 8, bytes(200), chunks=chunk(b"acTL", struct.pack("!II", 1_000_000, 0))),
        "has 100000[01] frames: at most 1000",
    ),
    "WBMP of the wrong length": (b"\0\0\x10\x10" + bytes(5), "no picture|5 octets of pixels in place of 32"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_reason(name: str) -> None:
    content, reason = REFUSED[name]
    label = "image/vnd.wap.wbmp" if "WBMP" in name else "image/png"
    with pytest.raises(InputError, match=reason):
        inspect_picture(media(content, label))
    with pytest.raises(InputError, match=reason):
        fit_picture(media(content, label), NOKIA, 10_000)


def test_an_octet_too_many() -> None:
    with pytest.raises(InputError, match="at most 48 MiB"):
        inspect_picture(media(b"\xff\xd8\xff" + bytes(MAX_FILE_OCTETS)))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_cut_off(kind: str, part: float) -> None:
    content = saved(photo(), kind)
    with pytest.raises(InputError, match="cut off or broken"):
        fit_picture(media(content[: int(len(content) * part)]), NOKIA, 20_000)


def test_an_animation_cut_off() -> None:
    content = animation(moving(20)).content
    for part in (0.3, 0.6, 0.95):
        with pytest.raises(InputError, match="cut off or broken"):
            fit_picture(media(content[: int(len(content) * part)], "image/gif"), NOKIA, 20_000)


def test_a_bomb_within_the_pixels_stays_within_the_memory() -> None:
    """40 million pixels in 40 KB: decoded, but the parent never holds them."""
    bomb = png(8000, 5000, bytes(8000 * 5000 * 3 + 5000))
    assert len(bomb) < 150_000
    answer = inspected(media(bomb, "image/png"))
    assert answer.facts["width"] == 8000
    assert answer.peak_octets < 512 * MIB


def test_memory_is_bounded() -> None:
    bomb = png(8000, 5000, bytes(8000 * 5000 * 3 + 5000))
    with pytest.raises(InputError, match=r"more than 64 MiB of memory|cut off or broken"):
        inspected(media(bomb, "image/png"), Limits(memory_octets=64 * MIB))


def test_a_picture_of_twelve_million_pixels_needs_little_memory() -> None:
    content = saved(photo(4000, 3000), "JPEG", quality=90)
    answer = inspected(media(content))
    assert (answer.facts["width"], answer.facts["height"]) == (4000, 3000)
    assert answer.peak_octets < 64 * MIB  # all of its pixels alone are 36 MB, beside the libraries


def slow() -> bytes:
    """400 frames of 1.4 million pixels in 2 MB."""
    still = saved(Image.new("RGB", (1200, 1200), "red"), "GIF")
    start = still.index(b"\x2c")
    return still[:start] + still[start:-1] * 400 + b";"


def test_processor_time_is_bounded() -> None:
    with pytest.raises(InputError, match="more than 1 s of processor time"):
        inspected(media(slow(), "image/gif"), Limits(cpu_s=1))


def test_wall_time_is_bounded() -> None:
    with pytest.raises(InputError, match=r"longer than 0\.3 s"):
        inspected(media(slow(), "image/gif"), Limits(wall_s=0.3))


def test_the_next_picture_is_read_after_a_death() -> None:
    content = saved(photo(), "JPEG")
    for _ in range(3):
        with pytest.raises(InputError, match="longer than"):
            inspected(media(slow()), Limits(wall_s=0.05))
        assert inspect_picture(media(content)).width == 640


def test_what_hides_behind_a_picture_does_not_come_out() -> None:
    for kind in ("JPEG", "PNG", "GIF", "BMP"):
        hidden = saved(photo(), kind) + b"PK\x03\x04<script>EVIL</script>"
        assert b"EVIL" not in fit_picture(media(hidden), NOKIA, 20_000).content


def test_the_helper_holds_nothing_of_ours() -> None:
    """Not the environment, where passwords may be."""
    with pytest.raises(InputError):
        decoding.run_program(["/bin/sh", "-c", 'test -z "$HOME$REDIS_URL$USER"; exit 3'], b"")
    said = decoding.run_program(["/usr/bin/env"], b"").content.decode()
    assert sorted(line.partition("=")[0] for line in said.split()) == ["LANG", "PATH"]


_WHOLE = {kind: saved(photo(120, 90), kind) for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "HEIF")}
_WHOLE["moving"] = animation(moving(5)).content


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(sorted(_WHOLE)), data=st.data())
def test_any_damage_is_refused_or_survived(kind: str, data: st.DataObject) -> None:
    """Never another exception, and what comes out can be opened."""
    content = bytearray(_WHOLE[kind])
    for _ in range(data.draw(st.integers(1, 12))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(1, len(content))) :]
    try:
        fitted = fit_picture(media(bytes(content)), NOKIA, 20_000)
    except InputError as error:
        assert str(error)  # noqa: PT017  refusing is right too
        return
    with Image.open(io.BytesIO(fitted.content)) as image:
        image.load()
        assert image.width <= 160
    assert isinstance(fitted, Media)
