"""The slides of a fitted message as pictures: what a phone of that profile has on its screen."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image

from caiyou.errors import InputError
from mms_builder.draw.fonts import Faces
from mms_builder.draw.textbox import Paragraph, draw, set_column, tidy
from mms_builder.handset import Picture, Profile
from mms_builder.images import wbmp
from mms_builder.slides import Media, Show, Slide

MAX_PIXELS = 16_000_000  # of a picture that is shown; a fitted one has far fewer
MAX_ROWS = 4096  # pixels that a slide's screen is scrolled through
_FORMATS = {"image/jpeg": "JPEG", "image/gif": "GIF", "image/png": "PNG"}
_SOUND = "♪"
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError, Image.DecompressionBombWarning)


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture file that a browser shows, and its size in pixels."""

    media_type: str
    content: bytes
    width: int
    height: int


def letter_pixels(profile: Profile) -> int:
    """The size of a phone's letters: some eleven lines on a small screen, larger letters on a larger one."""
    return max(10, round(min(profile.width, profile.height) / 11))


def screens(show: Show, profile: Profile, faces: Faces) -> tuple[bytes, ...]:
    """One PNG a slide, as wide as the screen and at least as high: below its height is what one scrolls to.

    Give it a message fitted to the profile; what does not fit is cut off, as a phone does.
    """
    return tuple(_png(_screen(slide, profile, faces), profile) for slide in show.slides)


def _screen(slide: Slide, profile: Profile, faces: Faces) -> Image.Image:
    parts: list[Image.Image] = []
    if slide.picture is not None:
        shown = opened(slide.picture)
        parts.append(shown if shown is not None else _written(f"[{slide.picture.media_type}]", profile, faces))
    if tidy(slide.text).strip():
        parts.insert(0 if slide.text_first else len(parts), _written(slide.text, profile, faces))
    if slide.sound is not None and not parts:
        parts.append(_written(f"{_SOUND} {slide.sound.name or slide.sound.media_type}", profile, faces))
    height = min(MAX_ROWS, max(profile.height, sum(part.height for part in parts)))
    screen = Image.new("RGB", (profile.width, height), "white")
    top = 0
    for part in parts:
        screen.paste(
            part.convert("RGB"), ((profile.width - part.width) // 2, top), part.convert("RGBA").getchannel("A")
        )
        top += part.height
    return screen


def _written(text: str, profile: Profile, faces: Faces) -> Image.Image:
    size = letter_pixels(profile)
    margin = max(1, size // 5)
    paragraph = Paragraph(text=text[:5000], size=size, least=size, colour=(0, 0, 0, 255), balanced=False)
    flow = set_column([paragraph], profile.width - 2 * margin, faces)
    page = Image.new("RGB", (profile.width, min(MAX_ROWS, flow.height + 2 * margin)), "white")
    drawn = draw(flow, faces)
    page.paste(drawn.convert("RGB"), (margin, margin), drawn.getchannel("A"))
    return page


def opened(media: Media) -> Image.Image | None:
    """A message's picture (its first one, where it moves); None where it is not what it says, broken or huge."""
    try:
        if media.media_type == Picture.WBMP:
            return wbmp.decode(media.content).convert("RGB")
        if media.media_type not in _FORMATS:
            return None
        with Image.open(io.BytesIO(media.content), formats=[_FORMATS[media.media_type]]) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                return None
            return picture.convert("RGBA")
    except (InputError, *_BROKEN):
        return None


def frame(media: Media, profile: Profile) -> Frame | None:
    """A message's picture for a browser, in the screen's colours; None where it cannot be shown.

    A GIF that may move goes as it is.
    """
    shown = opened(media)
    if shown is None:
        return None
    if media.media_type == Picture.GIF and profile.animated and _moves(media):
        return Frame("image/gif", media.content, shown.width, shown.height)
    return Frame("image/png", _png(shown, profile), shown.width, shown.height)


def _moves(media: Media) -> bool:
    with Image.open(io.BytesIO(media.content), formats=["GIF"]) as picture:
        return bool(getattr(picture, "is_animated", False))


def _png(picture: Image.Image, profile: Profile) -> bytes:
    file = io.BytesIO()
    on_screen(picture, profile.colours).save(file, "PNG")
    return file.getvalue()


def on_screen(picture: Image.Image, colours: int) -> Image.Image:
    """The colours that a screen tells apart. Dithered only where 17 to 4095 colours are fewer than the picture has."""
    if colours >= 1 << 24 and picture.mode == "RGBA":
        return picture
    flat = Image.new("RGB", picture.size, "white")
    flat.paste(picture.convert("RGB"), (0, 0), picture.convert("RGBA").getchannel("A"))
    if colours >= 1 << 24:
        return flat
    if colours >= 1 << 16:
        return Image.merge("RGB", [_steps(b, n) for b, n in zip(flat.split(), (32, 64, 32), strict=True)])
    if colours >= 1 << 12:
        return Image.merge("RGB", [_steps(band, 16) for band in flat.split()])
    if colours > 16:
        few = flat.getcolors(colours)
        return flat if few else flat.quantize(min(colours, 256), dither=Image.Dither.FLOYDSTEINBERG).convert("RGB")
    grey = flat.convert("L")
    if colours == 2:
        return grey.convert("1").convert("RGB")
    return _steps(grey, colours).convert("RGB")


def _steps(band: Image.Image, count: int) -> Image.Image:
    return band.point([round(round(value * (count - 1) / 255) * 255 / (count - 1)) for value in range(256)])
