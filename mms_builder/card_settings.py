"""The settings of cards: where fonts and templates lie."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from caiyou.settings import Table

_FONTS = Path("/usr/share/fonts")
_HEI = _FONTS / "truetype/wqy/wqy-microhei.ttc"


class CardSettings(Table):
    """What cards are drawn with."""

    templates: list[Path] = Field([], description="folders of templates of one's own, beside those that come along")
    sans: list[Path] = Field([_HEI], min_length=1, description="fonts for plain text; the first that has a character")
    kai: list[Path] = Field(
        [
            _FONTS / "opentype/ebgaramond/EBGaramond12-Regular.otf",
            _FONTS / "truetype/arphic-gkai00mp/gkai00mp.ttf",
            _HEI,
        ],
        min_length=1,
        description="fonts for brush-like text (楷体), Latin first",
    )
    emoji: Path | None = Field(
        _FONTS / "truetype/noto/NotoColorEmoji.ttf", description="font for emoji; none: boxes with their code"
    )
