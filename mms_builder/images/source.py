"""A picture file as pixels for a screen: opened with limits, turned upright, in sRGB, on white, never enlarged."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import pillow_heif
from PIL import Image, ImageCms

from caiyou.errors import InputError
from mms_builder.images import gif, wbmp
from mms_builder.images.kinds import Kind, kind_of

MAX_SIDE = 30_000
MAX_PIXELS = 40_000_000
MAX_JPEG_PIXELS = 200_000_000  # they need not all be decoded
MAX_MOVING_PIXELS = 600_000_000  # of all frames of an animation
_MAX_WORK_PIXELS = 20_000_000  # of all frames at the size they get
_STILL_MS = 100  # where an animation gives no time; browsers take as long
_ICC_MODES = ("RGB", "L", "CMYK")
_TURN = {  # EXIF 2.3, tag Orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Our own limits are stricter, and say more.
Image.MAX_IMAGE_PIXELS = None
pillow_heif.register_heif_opener(thumbnails=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An opened file; nothing is decoded yet. ``width`` and ``height`` as a person sees it."""

    kind: Kind
    image: Image.Image
    width: int
    height: int
    frames: int
    bare: bytes = b""  # of a GIF: without comments, foreign blocks and what follows the end
    inside: bool = False  # of a GIF: no frame goes beyond the screen


def opened(file: BinaryIO, media_type: str) -> Source:
    """Raises InputError when it is no picture, cut off at the front, or larger than is taken."""
    kind = kind_of(file.read(32), media_type)
    file.seek(0)
    if kind is Kind.WBMP:
        bits = wbmp.decode(file.read())
        return Source(kind=kind, image=bits, width=bits.width, height=bits.height, frames=1)
    structure = gif.structure(file.read()) if kind is Kind.GIF else None
    file.seek(0)
    try:
        image = Image.open(file, formats=[kind])
        frames = getattr(image, "n_frames", 1) if kind in (Kind.PNG, Kind.WEBP) else 1
        turned = _orientation(image) in (5, 6, 7, 8)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  a decoder may raise anything at all
        raise InputError(_broken(kind, error)) from None
    if structure:
        frames = structure.frames
    _check(kind, image.width, image.height, frames)
    width, height = (image.height, image.width) if turned else image.size
    return Source(
        kind=kind,
        image=image,
        width=width,
        height=height,
        frames=frames,
        bare=structure.bare if structure else b"",
        inside=structure is not None and structure.inside,
    )


def _check(kind: Kind, width: int, height: int, frames: int) -> None:
    size = f"{width} x {height} pixels"
    most = MAX_JPEG_PIXELS if kind is Kind.JPEG else MAX_PIXELS
    if width < 1 or height < 1:
        raise InputError(f"the picture has {size}")
    if max(width, height) > MAX_SIDE or width * height > most:
        raise InputError(f"the picture has {size}: at most {most // 1_000_000} million, and {MAX_SIDE} a side")
    if frames > gif.MAX_FRAMES:
        raise InputError(f"the picture has {frames} frames: at most {gif.MAX_FRAMES}")
    if frames > 1 and width * height * frames > MAX_MOVING_PIXELS:
        raise InputError(
            f"the animation has {frames} frames of {size}: at most {MAX_MOVING_PIXELS // 1_000_000} million in all"
        )


def _broken(kind: Kind, error: Exception) -> str:
    said = str(error).splitlines()[0][:120] if str(error) and "object at 0x" not in str(error) else ""
    return f"the {kind} picture is cut off or broken{f' ({said})' if said else ''}"


def inside(width: int, height: int, box: tuple[int, int]) -> tuple[int, int]:
    """The size with the same proportions that is not larger than the box, nor than it is."""
    scale = min(1.0, box[0] / width, box[1] / height)
    return max(1, min(box[0], round(width * scale))), max(1, min(box[1], round(height * scale)))


def still(source: Source, box: tuple[int, int]) -> Image.Image:
    """The picture, or the first of its frames: RGB within the box. Raises InputError."""
    return next(moving(source, box, most=1)).image


def moving(source: Source, box: tuple[int, int], most: int = gif.MAX_FRAMES) -> Iterator[gif.Frame]:
    """Frame for frame as it is seen: RGB within the box, each with what the one before left. Raises InputError."""
    count = min(source.frames, most)
    size = inside(source.width, source.height, box)
    if size[0] * size[1] * count > _MAX_WORK_PIXELS:
        scale = (_MAX_WORK_PIXELS / (size[0] * size[1] * count)) ** 0.5
        size = max(1, int(size[0] * scale)), max(1, int(size[1] * scale))
    for number in range(count):
        try:
            if source.frames > 1:
                source.image.seek(number)
            elif source.kind is Kind.JPEG:
                wide = size if source.width == source.image.width else size[::-1]
                source.image.draft(source.image.mode, (2 * wide[0], 2 * wide[1]))
            source.image.load()
            duration_ms = int(source.image.info.get("duration") or 0)
            upright = _upright(source.image, size)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  a decoder may raise anything at all
            raise InputError(_broken(source.kind, error)) from None
        yield gif.Frame(image=upright, duration_ms=duration_ms if duration_ms > 10 else _STILL_MS)


def loop_of(source: Source) -> int | None:
    """How often an animation plays: 0 for ever, None once."""
    loop = source.image.info.get("loop")
    return loop if isinstance(loop, int) and 0 <= loop <= 0xFFFF else None


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:  # noqa: BLE001  broken EXIF spoils no picture
        return 1


def _upright(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """One decoded frame as RGB of that size, in sRGB, on white."""
    orientation, profile = _orientation(image), image.info.get("icc_profile")
    wide = size[::-1] if orientation in (5, 6, 7, 8) else size
    plain = _plain(image)
    factor = min(plain.width // wide[0], plain.height // wide[1]) // 2
    if factor > 1:
        plain = plain.reduce(factor)
    plain = _on_white(_srgb(plain, profile))
    if plain.size != wide:
        plain = plain.resize(wide, Image.Resampling.LANCZOS)
    turned = plain.transpose(_TURN[orientation]) if orientation in _TURN else plain.copy()
    turned.info = {}  # nothing of the file may be written with it
    return turned


def _plain(image: Image.Image) -> Image.Image:
    """In one of the modes L, RGB, RGBA and CMYK, 8 bits a channel."""
    if image.mode.startswith("I") or image.mode == "F":
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")  # 16 bits; L would clip
    if image.mode in ("L", "RGB", "CMYK") and "transparency" not in image.info:
        return image
    if image.mode in ("P", "PA", "LA", "La", "RGBa", "RGBA") or "transparency" in image.info:
        clear = image.mode not in ("P", "L", "RGB") or "transparency" in image.info
        return image.convert("RGBA" if clear else "RGB")
    return image.convert("RGB")


def _srgb(image: Image.Image, profile: object) -> Image.Image:
    """By its colour profile; a broken one counts as none."""
    if not isinstance(profile, bytes) or not profile:
        return image.convert("RGB") if image.mode in ("CMYK", "L") else image
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    base = image.convert("RGB") if alpha else image
    try:
        theirs = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        ours = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        made = ImageCms.profileToProfile(base, theirs, ours, outputMode="RGB") if base.mode in _ICC_MODES else None
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        made = None
    made = made or base.convert("RGB")
    if alpha:
        made.putalpha(alpha)
    return made


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white
