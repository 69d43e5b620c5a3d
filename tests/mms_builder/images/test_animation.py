"""Animations: every frame as ImageMagick shows it, whatever the disposal was."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from mms_builder.handset import Picture, Profile
from mms_builder.images import fit_picture, fitted_picture
from mms_builder.slides import Media

from .conftest import Judged

Seen = Callable[[bytes], list[tuple[int, int, bytes]]]
PHONE = Profile(
    name="p",
    width=128,
    height=96,
    max_octets=100 * 1024,
    pictures=(Picture.JPEG, Picture.GIF),
    colours=65536,
    animated=True,
)


def moving(count: int, size: tuple[int, int] = (200, 150)) -> list[Image.Image]:
    """A square that goes through a field."""
    frames = []
    for number in range(count):
        frame = Image.new("RGB", size, (40, 120, 40))
        left = number * (size[0] - 60) // max(1, count - 1)
        frame.paste((250, 220, 0), (left, 40, left + 60, 100))
        frames.append(frame)
    return frames


def animation(frames: Sequence[Image.Image], kind: str = "GIF", **options: Any) -> Media:
    out = io.BytesIO()
    options = {"duration": 120, "loop": 0} | options
    frames[0].save(out, kind, save_all=True, append_images=frames[1:], **options)
    return Media(media_type=f"image/{kind.lower()}", content=out.getvalue(), name="moves.gif")


def apart(one: bytes, other: bytes) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


def sparse(disposal: int) -> Media:
    """Frames that draw a part only, over or in place of what was there."""
    frames = [Image.new("RGBA", (200, 150), (0, 0, 200, 255))]
    for left in (20, 80, 140):
        part = Image.new("RGBA", (200, 150), (0, 0, 0, 0))
        part.paste((255, 0, 0, 255), (left, 30, left + 30, 120))
        frames.append(part)
    return animation(frames, disposal=[1, disposal, disposal, disposal], optimize=False)


@pytest.mark.parametrize("disposal", [0, 1, 2, 3])
def test_disposal(seen: Seen, disposal: int) -> None:
    source = sparse(disposal)
    fitted = fitted_picture(source, PHONE, 50_000)
    assert fitted.facts.frames == 4
    ours, theirs = seen(fitted.media.content), seen(source.content)
    assert len(ours) == len(theirs) == 4
    reds = []
    for (width, height, pixels), (_, _, whole) in zip(ours, theirs, strict=True):
        wanted = Image.frombytes("RGB", (200, 150), whole).resize((128, 96), Image.Resampling.LANCZOS)
        assert (width, height) == (128, 96)
        assert apart(pixels, wanted.tobytes()) < 3
        reds.append(sum(red > 200 and green < 50 for red, green in zip(pixels[::3], pixels[1::3], strict=True)))
    assert reds[0] == 0
    assert (reds[3] > 1.8 * reds[1]) == (disposal in (0, 1))  # the first bars stay, or they go


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_every_kind_of_animation_becomes_gif89a(
    kind: str, judge: Callable[[Media], Judged], probe: Callable[[Media], dict[str, Any]], seen: Seen
) -> None:
    frames = moving(12)
    options = {"lossless": True} if kind == "WEBP" else {}
    fitted = fit_picture(animation(frames, kind, **options), PHONE, 50_000)
    assert fitted.media_type == "image/gif"
    judged = judge(fitted)
    assert (judged.frames, judged.width, judged.height) == (12, 128, 96)
    assert "version 89a" in judged.said
    stream = probe(fitted)
    assert (stream["codec_name"], stream["nb_read_frames"]) == ("gif", "12")
    assert abs(float(stream["duration"]) - 12 * 0.12) < 0.01
    assert b"NETSCAPE2.0" in fitted.content
    for (_, _, pixels), frame in zip(seen(fitted.content), frames, strict=True):
        assert apart(pixels, frame.resize((128, 96), Image.Resampling.LANCZOS).tobytes()) < 3


def test_one_that_plays_once_does_so() -> None:
    frames = moving(4)
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=100)
    fitted = fit_picture(Media(media_type="image/gif", content=out.getvalue()), PHONE, 50_000)
    assert b"NETSCAPE" not in fitted.content


def test_what_fits_already_stays_frame_for_frame(seen: Seen) -> None:
    source = animation(moving(6, (100, 90)), comment=b"SECRET")
    fitted = fit_picture(replace(source, content=source.content + b"PK\3\4SECRET"), PHONE, 50_000)
    assert b"SECRET" not in fitted.content
    assert seen(fitted.content) == seen(source.content)


def test_less_room_takes_pixels_then_frames_and_the_time_stays(
    judge: Callable[[Media], Judged], probe: Callable[[Media], dict[str, Any]]
) -> None:
    source = animation(moving(60), duration=50)
    whole = fit_picture(source, PHONE, 60_000)
    less = fitted_picture(source, PHONE, len(whole.content) // 6)
    assert len(less.media.content) <= len(whole.content) // 6
    assert less.facts.frames > 1
    assert (less.facts.frames, less.facts.width) < (60, 128)
    assert judge(less.media).frames == less.facts.frames
    assert abs(float(probe(less.media)["duration"]) - 3.0) < 0.06


def test_phones_that_do_not_move_get_the_first_frame(judge: Callable[[Media], Judged], seen: Seen) -> None:
    frames = moving(5)
    for phone in (replace(PHONE, animated=False), replace(PHONE, pictures=(Picture.JPEG,))):
        fitted = fit_picture(animation(frames), phone, 50_000)
        assert judge(fitted).frames == 1
        assert apart(seen(fitted.content)[0][2], frames[0].resize((128, 96), Image.Resampling.LANCZOS).tobytes()) < 6


def test_no_time_at_all_becomes_a_tenth_of_a_second(probe: Callable[[Media], dict[str, Any]]) -> None:
    fitted = fit_picture(animation(moving(5), duration=0), PHONE, 50_000)
    assert abs(float(probe(fitted)["duration"]) - 0.5) < 0.02
