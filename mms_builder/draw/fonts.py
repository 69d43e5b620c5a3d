"""Fonts in the order they are tried, and the runs of a line: text in one font, an emoji, or a box with a code.

A character that no font has is drawn as a box with its code point in hexadecimal, so that it is missed by nobody.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, features

from caiyou.errors import SettingsError
from mms_builder.card_settings import CardSettings
from mms_builder.draw.breaking import is_flag_letter, is_wide

Font = ImageFont.FreeTypeFont
_EMOJI_SIZE = 109  # the one size that Noto Color Emoji's bitmaps have, pixels
_EMOJI_WIDTH = 1.2  # of an emoji, by the size of the text around it
_PROBE = 32
_VARIATIONS = frozenset("\ufe0e\ufe0f")
_SHARED = frozenset("“”‘’…—–·")  # punctuation of both scripts: drawn like what goes before it


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbours of one font; ``font`` None: an emoji or, where the emoji font lacks it, a box with its code."""

    text: str
    font: Font | None
    width: float  # pixels


class Faces:
    """The fonts of a site; not to be shared by threads that draw at the same time."""

    def __init__(self, settings: CardSettings) -> None:
        """Raises SettingsError where a font cannot be read."""
        self._chains = {"sans": tuple(settings.sans), "kai": tuple(settings.kai)}
        self.plain = settings.sans[0]  # for codes in boxes
        self._emoji = settings.emoji
        for path in {*settings.sans, *settings.kai}:
            load(path, _PROBE)
        if self._emoji is not None:
            load(self._emoji, _EMOJI_SIZE)
        self._chosen: dict[tuple[str, str, bool], Path | None] = {}

    def runs(self, cut: Sequence[str], face: str, size: int) -> list[Run]:
        """The runs of a line of clusters at a size in pixels."""
        found: list[tuple[str, Path | None]] = []
        for cluster, path in zip(cut, self._fonts_of(cut, face), strict=True):
            if found and path is not None and found[-1][1] == path:
                found[-1] = (found[-1][0] + _plain(cluster), path)
            else:
                found.append((cluster if path is None else _plain(cluster), path))
        return [self._run(text, path, size) for text, path in found]

    def widths(self, cut: Sequence[str], face: str, size: int) -> list[float]:
        """The width of each cluster, pixels; a line end has none."""
        return [
            0.0 if cluster == "\n" else self._run(cluster if path is None else _plain(cluster), path, size).width
            for cluster, path in zip(cut, self._fonts_of(cut, face), strict=True)
        ]

    def metrics(self, face: str, size: int) -> tuple[int, int]:
        """The most that the face's fonts rise above and sink below the base line, pixels."""
        all_of = [load(path, size).getmetrics() for path in self._chains[face]]
        return max(up for up, _ in all_of), max(down for _, down in all_of)

    def emoji(self, cluster: str, size: int) -> Image.Image | None:
        """An emoji in its colours, ``size`` pixels high; None where the font lacks it."""
        return _emoji(self._emoji, cluster, size) if self._emoji is not None else None

    def _run(self, text: str, path: Path | None, size: int) -> Run:
        if path is None:
            return Run(text, None, round(size * _EMOJI_WIDTH))
        return Run(text, load(path, size), _length(path, size, text))

    def _fonts_of(self, cut: Sequence[str], face: str) -> list[Path | None]:
        after_wide = any(is_wide(cluster) for cluster in cut[:1])
        found = []
        for cluster in cut:
            shared = cluster in _SHARED
            found.append(self._font_of(cluster, face, shared and after_wide))
            after_wide = after_wide if shared or cluster == " " else is_wide(cluster)
        return found

    def _font_of(self, cluster: str, face: str, skip_latin: bool) -> Path | None:
        key = (cluster, face, skip_latin)
        if key not in self._chosen:
            if len(self._chosen) > 20_000:
                self._chosen.clear()
            self._chosen[key] = self._choose(cluster, face, skip_latin)
        return self._chosen[key]

    def _choose(self, cluster: str, face: str, skip_latin: bool) -> Path | None:
        wants_emoji = "\ufe0f" in cluster or "\u20e3" in cluster or is_flag_letter(cluster)
        if wants_emoji and self.emoji(cluster, _PROBE) is not None:
            return None
        chain = self._chains[face]
        if skip_latin and len(chain) > 1:
            chain = (*(path for path in chain if has(path, "中")), *chain)
        visible = [char for char in cluster if char not in _VARIATIONS]
        for path in chain:
            if all(has(path, char) for char in visible):
                return path
        if len(visible) > 1 and unicodedata.combining(visible[-1]):  # better without its accent than not at all
            return next((path for path in chain if has(path, visible[0])), None)
        return None


def _plain(cluster: str) -> str:
    return "".join(char for char in cluster if char not in _VARIATIONS)


# Raqm joins emoji, kerns, and gives lining figures, as telephone numbers want them; Pillow's wheels bring it along,
# it finds FriBidi at run time.
_ENGINE = ImageFont.Layout.RAQM if features.check("raqm") else ImageFont.Layout.BASIC
FEATURES = ["lnum"] if features.check("raqm") else None


@lru_cache(maxsize=512)
def load(path: Path, size: int) -> Font:
    """A font at a size in pixels; raises SettingsError naming its file."""
    try:
        return ImageFont.truetype(str(path), size, layout_engine=_ENGINE)
    except OSError as error:
        raise SettingsError(
            f"{path}: this font cannot be read ({error}); install it (Debian: fonts-wqy-microhei, "
            "fonts-arphic-gkai00mp, fonts-ebgaramond, fonts-noto-color-emoji) or name another in [cards]"
        ) from None


@lru_cache(maxsize=50_000)
def _length(path: Path, size: int, text: str) -> float:
    return float(load(path, size).getlength(text, features=FEATURES))


@lru_cache(maxsize=50_000)
def has(path: Path, char: str) -> bool:
    """Whether a font has a character: whether it looks otherwise than the picture for "no such character"."""
    if char in (" ", "\u00a0", "\u3000", "\n"):
        return True
    mask = load(path, _PROBE).getmask(char)
    return (mask.size, bytes(mask)) != _missing(path)


@cache
def _missing(path: Path) -> tuple[tuple[int, int], bytes]:
    mask = load(path, _PROBE).getmask("\U0010fffe")
    return mask.size, bytes(mask)


@lru_cache(maxsize=256)
def _emoji(path: Path, cluster: str, size: int) -> Image.Image | None:
    font = load(path, _EMOJI_SIZE)
    for text in (cluster, cluster[0]) if FEATURES else (cluster[0],):  # else without skin tone, family, flag
        left, top, right, bottom = font.getbbox(text)
        if not 0 < right - left < 1.6 * _EMOJI_SIZE or bottom <= top:
            continue
        drawn = Image.new("RGBA", (round(right - left), round(bottom - top)))
        ImageDraw.Draw(drawn).text((-left, -top), text, font=font, embedded_color=True)
        if drawn.getbbox() is None:
            continue
        side = max(drawn.size)
        square = Image.new("RGBA", (side, side))
        square.paste(drawn, ((side - drawn.width) // 2, (side - drawn.height) // 2))
        return square.resize((size, size), Image.Resampling.LANCZOS)
    return None


def code_box(cluster: str, size: int, font: Path) -> Image.Image:
    """A mask: a frame with the character's code, for what no font has."""
    width = round(size * _EMOJI_WIDTH)
    mask = Image.new("L", (width, size))
    pen = ImageDraw.Draw(mask)
    pen.rectangle((1, 1, width - 2, size - 2), outline=255)
    code = f"{ord(cluster[0]):04X}"
    rows = (code[: len(code) // 2], code[len(code) // 2 :])
    small = load(font, max(4, size * 2 // 5))
    for row, text in enumerate(rows):
        pen.text((width / 2, size * (0.3 + 0.42 * row)), text, fill=255, font=small, anchor="mm")
    return mask
