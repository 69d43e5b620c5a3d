"""Pictures made to fit a phone's screen, its formats and the room there is (H1, H4, S3).

The files are strangers': they are opened in a child process only (``mms_builder.decoding``). What comes out is made of
pixels alone: no EXIF, no place, no comment, nothing that was hidden behind the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from caiyou import errors
from mms_builder.decoding import Answer, Limits, run
from mms_builder.handset import Picture, Profile
from mms_builder.slides import Media

MAX_FILE_OCTETS = 48 * 1024 * 1024
SUFFIX = {Picture.JPEG: ".jpg", Picture.GIF: ".gif", Picture.PNG: ".png", Picture.WBMP: ".wbmp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFacts:
    """What a picture is by its content. Sizes in pixels as a person sees it, EXIF's turning done."""

    media_type: str
    width: int
    height: int
    frames: int  # 1: it does not move


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedPicture:
    """A picture that fits, what it is, and what it was made of."""

    media: Media
    facts: PictureFacts
    source: PictureFacts


def fit_picture(media: Media, profile: Profile, max_octets: int, limits: Limits | None = None) -> Media:
    """The same picture as the phone can show it, in at most that many octets. The same input gives the same octets.

    Raises InputError with the reason when the file is no picture that is taken, is broken, asks for more than the
    limits, or when there is no room for even a small picture.
    """
    return fitted_picture(media, profile, max_octets, limits).media


def fitted_picture(media: Media, profile: Profile, max_octets: int, limits: Limits | None = None) -> FittedPicture:
    """``fit_picture`` with what was found and made."""
    _accept(media)
    if not profile.pictures:
        raise errors.InputError(f"{profile.name} shows no pictures")
    answer = run(
        "picture.fit",
        {
            "media_type": media.media_type,
            "width": profile.width,
            "height": profile.height,
            "room": max_octets,
            "pictures": [picture.value for picture in profile.pictures],
            "colours": profile.colours,
            "animated": profile.animated,
        },
        media.content,
        limits,
    )
    made = Picture(answer.facts["media_type"])
    stem = media.name.rpartition(".")[0] or media.name or "picture"
    return FittedPicture(
        media=Media(media_type=made.value, content=answer.content, name=stem + SUFFIX[made]),
        facts=_facts(answer.facts),
        source=_facts(answer.facts["source"]),
    )


def inspect_picture(media: Media, limits: Limits | None = None) -> PictureFacts:
    """What an upload is, after all of it has been decoded once. Raises InputError with the reason."""
    return _facts(inspected(media, limits).facts)


def inspected(media: Media, limits: Limits | None = None) -> Answer:
    """``inspect_picture`` with what it took."""
    _accept(media)
    return run("picture.inspect", {"media_type": media.media_type}, media.content, limits)


def _accept(media: Media) -> None:
    if not media.content:
        raise errors.InputError("the picture is empty")
    if len(media.content) > MAX_FILE_OCTETS:
        raise errors.InputError(
            f"the picture has {len(media.content)} octets: at most {MAX_FILE_OCTETS // 1024 // 1024} MiB are taken"
        )


def _facts(facts: dict[str, Any]) -> PictureFacts:
    return PictureFacts(
        media_type=str(facts["media_type"]),
        width=int(facts["width"]),
        height=int(facts["height"]),
        frames=int(facts["frames"]),
    )
