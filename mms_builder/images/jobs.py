"""What the child process does with a picture file: look at it, or fit it to a screen and a number of octets."""

from __future__ import annotations

from typing import Any, BinaryIO

from PIL import Image

from caiyou.errors import InputError
from mms_builder.handset import Picture
from mms_builder.images import gif, jpeg, png, wbmp
from mms_builder.images.kinds import MEDIA_TYPE, Kind
from mms_builder.images.source import Source, inside, loop_of, moving, opened, still

MIN_SIDE = 8  # smaller tells nobody anything
_MIN_MOVING = 0.4  # of the size; below it, fewer frames are better
_THINNER = (1, 2, 4, 8)  # every so many frames are kept
_SAMPLE = (160, 160)
_FLAT_JPEG = 85  # the quality that a drawing's octets are compared with


def inspect(file: BinaryIO, arguments: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Decode all of it, small, to know that it can be. Arguments: media_type."""
    source = opened(file, arguments["media_type"])
    for _ in moving(source, (64, 64)):
        pass
    return _facts(source), b""


def fit(file: BinaryIO, arguments: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Arguments: media_type, width, height, room in octets, pictures (media types, best first), colours, animated."""
    source = opened(file, arguments["media_type"])
    wanted = _Wanted(arguments)
    made: tuple[Picture, bytes, tuple[int, int], int] | None = None
    if source.frames > 1 and wanted.animated:
        made = _moving(file, source, wanted)
    if made is None:
        made = _still(file, source, wanted)
    picture, content, size, frames = made
    return {
        "media_type": picture.value,
        "width": size[0],
        "height": size[1],
        "frames": frames,
        "source": _facts(source),
    }, content


class _Wanted:
    def __init__(self, arguments: dict[str, Any]) -> None:
        self.box: tuple[int, int] = (arguments["width"], arguments["height"])
        self.room: int = arguments["room"]
        self.pictures = [Picture(media_type) for media_type in arguments["pictures"]]
        self.colours: int = arguments["colours"]
        self.animated: bool = arguments["animated"] and Picture.GIF in self.pictures


def _facts(source: Source) -> dict[str, Any]:
    return {
        "media_type": MEDIA_TYPE[source.kind],
        "width": source.width,
        "height": source.height,
        "frames": source.frames,
    }


# --- animations


def _moving(file: BinaryIO, source: Source, wanted: _Wanted) -> tuple[Picture, bytes, tuple[int, int], int] | None:
    """Fewer colours first, then fewer pixels, then fewer frames; None when a still is all there is room for."""
    frames = list(moving(source, wanted.box))
    if _as_it_is(source, frames[0].image.size, wanted):
        return Picture.GIF, source.bare, frames[0].image.size, source.frames
    dither = not _is_flat(frames[0].image)
    for every in _THINNER:
        if len(frames) // every < 2:
            return None
        made = _smaller(_thinned(frames, every), source, wanted, dither=dither)
        if made:
            return made
    return None


def _as_it_is(source: Source, size: tuple[int, int], wanted: _Wanted) -> bool:
    """Whether a GIF may stay as its author made it."""
    return (
        source.kind is Kind.GIF
        and source.inside
        and size == (source.width, source.height)
        and wanted.colours >= 256
        and len(source.bare) <= wanted.room
    )


def _smaller(
    frames: list[gif.Frame], source: Source, wanted: _Wanted, *, dither: bool
) -> tuple[Picture, bytes, tuple[int, int], int] | None:
    scale = 1.0
    while scale >= _MIN_MOVING:
        scaled = [_scaled(frame, scale) for frame in frames]
        for colours in gif.steps(wanted.colours)[::2]:
            octets = gif.animate(scaled, colours, dither=dither or colours <= 16, loop=loop_of(source))
            if len(octets) <= wanted.room:
                return Picture.GIF, octets, scaled[0].image.size, gif.structure(octets).frames
            if len(octets) > 3 * wanted.room:
                break
        scale *= min(0.85, max(0.5, (wanted.room / len(octets)) ** 0.5))
    return None


def _thinned(frames: list[gif.Frame], every: int) -> list[gif.Frame]:
    return [
        gif.Frame(image=frames[at].image, duration_ms=sum(frame.duration_ms for frame in frames[at : at + every]))
        for at in range(0, len(frames), every)
    ]


def _scaled(frame: gif.Frame, scale: float) -> gif.Frame:
    if scale == 1.0:
        return frame
    return gif.Frame(image=_resized(frame.image, scale), duration_ms=frame.duration_ms)


# --- stills


def _still(file: BinaryIO, source: Source, wanted: _Wanted) -> tuple[Picture, bytes, tuple[int, int], int]:
    """Lower quality first, then fewer pixels."""
    full = still(source, wanted.box)
    order = _order(full, wanted)
    if order[0] is Picture.JPEG and source.kind is Kind.JPEG and (source.width, source.height) == full.size:
        file.seek(0)
        bare = _upright_bare(source, file)
        if bare and len(bare) <= wanted.room:
            return Picture.JPEG, bare, full.size, 1
    scale, least = 1.0, 0
    while min(inside(full.width, full.height, _box(full, scale))) >= min(MIN_SIDE, *full.size):
        image = full if scale == 1.0 else _resized(full, scale)
        for picture in order:
            octets = _encoded(picture, image, wanted)
            if len(octets) <= wanted.room:
                return picture, octets, image.size, 1
            least = min(least or len(octets), len(octets))
        scale *= min(0.85, max(0.5, (wanted.room / least) ** 0.5))
        if max(full.size) * scale < 1:
            break
    raise InputError(f"the picture cannot be made smaller than {least} octets, and there is room for {wanted.room}")


def _upright_bare(source: Source, file: BinaryIO) -> bytes | None:
    """The JPEG file as it is, where no turning and no colour profile asks for new pixels."""
    if source.image.info.get("icc_profile") or source.image.getexif().get(0x0112, 1) != 1:
        return None
    return jpeg.bare(file.read())


def _order(image: Image.Image, wanted: _Wanted) -> list[Picture]:
    """The types to try: for drawings those that keep edges, for photographs JPEG, each in the phone's own order."""
    drawn: list[Picture] = [picture for picture in wanted.pictures if picture in (Picture.GIF, Picture.PNG)]
    photo: list[Picture] = [picture for picture in wanted.pictures if picture is Picture.JPEG]
    black: list[Picture] = [picture for picture in wanted.pictures if picture is Picture.WBMP]
    if wanted.colours <= 2 and wanted.pictures[0] is Picture.WBMP:
        return black + drawn + photo
    if drawn and photo and (wanted.colours <= 256 or _is_flat(image)):
        return drawn + photo
    return photo or drawn or black  # of a photograph, no other type is smaller


def _is_flat(image: Image.Image) -> bool:
    """Whether it is a drawing: then 256 colours take fewer octets than JPEG. Every so many pixels tell."""
    if image.getcolors(256):
        return True
    sample = image.resize(inside(image.width, image.height, _SAMPLE), Image.Resampling.NEAREST)
    return len(gif.encode(sample, 1 << 30, 256)) <= len(jpeg.encode_at(sample, _FLAT_JPEG))


def _encoded(picture: Picture, image: Image.Image, wanted: _Wanted) -> bytes:
    match picture:
        case Picture.JPEG:
            return jpeg.encode(image, wanted.room)
        case Picture.GIF:
            return gif.encode(image, wanted.room, wanted.colours)
        case Picture.PNG:
            return png.encode(image, wanted.room, wanted.colours)
        case Picture.WBMP:
            return wbmp.encode(image)


def _box(image: Image.Image, scale: float) -> tuple[int, int]:
    return max(1, int(image.width * scale)), max(1, int(image.height * scale))


def _resized(image: Image.Image, scale: float) -> Image.Image:
    return image.resize(_box(image, scale), Image.Resampling.LANCZOS)
