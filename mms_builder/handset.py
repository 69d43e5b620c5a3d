"""What a phone can show: the profile that a multimedia message is fitted to (H1-H4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Picture(StrEnum):
    """Picture types by their media type."""

    JPEG = "image/jpeg"  # baseline, JFIF
    GIF = "image/gif"  # 87a and 89a
    PNG = "image/png"
    WBMP = "image/vnd.wap.wbmp"  # type 0: black and white


class Sound(StrEnum):
    """Sound types by their media type."""

    AMR = "audio/amr"  # narrow band, RFC 4867 storage format
    IMELODY = "text/x-imelody"
    MIDI = "audio/midi"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One model, or a class of models. Every value is the whole truth about it: inheritance is resolved before."""

    name: str  # vendor and model, or a conformance class: "nokia 7650", "oma image-basic"
    width: int  # of the screen for pictures, pixels
    height: int
    max_octets: int  # of a whole message on the air interface
    pictures: tuple[Picture, ...]  # what it takes, the best first
    colours: int  # that the screen tells apart: 2, 4, 256, 4096, 65536, 16777216
    animated: bool  # whether a GIF may move
    sounds: tuple[Sound, ...] = ()
    charsets: tuple[str, ...] = ("us-ascii", "utf-8")  # of texts, IANA names, the best first
    max_slides: int = 20
    max_text_octets: int = 30 * 1024  # of one text
    mms: bool = True  # False: it has no MMS at all (I3)

    def __post_init__(self) -> None:
        if not (16 <= self.width <= 8192 and 16 <= self.height <= 8192):
            raise ValueError(f"screen {self.width}x{self.height} is not in 16-8192 pixels")
        if self.max_octets < 1024:
            raise ValueError(f"max_octets {self.max_octets} is less than 1024")
        if self.mms and not self.pictures:
            raise ValueError("a phone with MMS takes one type of picture at least")
        if self.colours < 2 or self.max_slides < 1:
            raise ValueError("colours is 2 or more, max_slides 1 or more")
