"""What a template of a card says (``template.toml``): fields to fill in, and slides drawn in layers without code.

Places and sizes are relative, so that a template serves any screen: a box is [left, top, width, height] in percent of
the screen; sizes of text, strokes and blur are in percent of the screen's shorter side. ``docs/templates.md`` explains
every key with examples.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from caiyou.settings import Table, WrongAt
from mms_builder.draw.outline import outlines

LANGUAGES = ("zh_CN", "en")
Language = Literal["zh_CN", "en"]
PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")

Colour = Annotated[str, StringConstraints(pattern=r"^#([0-9a-fA-F]{6}|[0-9a-fA-F]{8})$")]
Percent = Annotated[float, Field(ge=-100, le=200)]
Box = tuple[Percent, Percent, Annotated[float, Field(gt=0, le=300)], Annotated[float, Field(gt=0, le=300)]]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$")]
Keep = Literal[
    "top-left", "top", "top-right", "left", "middle", "right", "bottom-left", "bottom", "bottom-right"
]  # where in its box a layer of equal sides sits
BUILT_IN_SHAPES = ("rectangle", "ellipse")
WHOLE: Box = (0, 0, 100, 100)


class Kind(StrEnum):
    """What a card is for."""

    BUSINESS = "business"  # 彩信名片
    GREETING = "greeting"  # 彩信贺卡


class Words(Table):
    """A text in both languages."""

    zh_CN: str = Field(min_length=1, max_length=500)
    en: str = Field(min_length=1, max_length=500)

    def of(self, language: Language) -> str:
        return self.zh_CN if language == "zh_CN" else self.en


class FieldOf(Table):
    """A field that the maker of a card fills in."""

    id: str = Field(pattern="^[a-z][a-z0-9_]{0,23}$")
    label: Words
    max_characters: int = Field(ge=1, le=500)
    max_lines: int = Field(1, ge=1, le=12)
    required: bool = False
    default: Words | None = Field(None, description="what a new card says until it is changed")
    example: Words = Field(description="what the template's sample picture shows")

    @model_validator(mode="after")
    def _own_limits(self) -> FieldOf:
        for key, words in (("default", self.default), ("example", self.example)):
            for text in (words.zh_CN, words.en) if words else ():
                if len(text) > self.max_characters or text.count("\n") >= self.max_lines:
                    raise WrongAt((key,), f"longer than max_characters or max_lines allow: {text!r:.60}")
        return self


class Scatter(Table):
    """The shape many times over in its box, the same places every time."""

    count: int = Field(ge=1, le=300)
    size: tuple[float, float] = Field((2, 5), description="from and to, percent of the screen's shorter side")
    turn: tuple[float, float] = Field((0, 360), description="degrees")
    seed: int = Field(1, ge=0)


class ShapeLayer(Table):
    """An outline filled and stroked: a built-in shape, one of [shapes], or path data in a box of 100 by 100."""

    draw: Literal["shape"]
    box: Box = WHOLE
    shape: str | None = None
    path: str | None = Field(None, max_length=8000)
    fill: Colour | list[Colour] | None = Field(None, description="a list: a gradient, or with scatter one of them")
    angle: float = Field(90, description="of a gradient, degrees: 0 left to right, 90 top to bottom")
    radial: bool = Field(False, description="the gradient goes from the middle outwards")
    stroke: Colour | None = None
    stroke_width: float = Field(1, gt=0, le=30)
    radius: float = Field(0, ge=0, le=50, description="of a rectangle's corners")
    turn: float = 0
    around: int = Field(1, ge=1, le=60, description="copies turned around the middle of the box")
    mirrored: bool = Field(False, description="left and right exchanged")
    keep: Keep | None = Field(None, description="equal sides, sitting there in the box")
    scatter: Scatter | None = None
    blur: float = Field(0, ge=0, le=30)
    only: Literal["portrait", "landscape"] | None = None

    @model_validator(mode="after")
    def _draws_something(self) -> ShapeLayer:
        if (self.shape is None) == (self.path is None):
            raise WrongAt((), "one of shape and path must be set")
        if self.fill is None and self.stroke is None:
            raise WrongAt((), "fill or stroke must be set")
        if isinstance(self.fill, list) and not 2 <= len(self.fill) <= 8:
            raise WrongAt(("fill",), "a list of colours has 2 to 8 of them")
        if self.path is not None:
            try:
                outlines(self.path)
            except ValueError as error:
                raise WrongAt(("path",), str(error)) from None
        return self


class PictureLayer(Table):
    """A picture file of the template's folder."""

    draw: Literal["picture"]
    file: FileName
    box: Box = WHOLE
    fit: Literal["cover", "contain", "stretch"] = "cover"
    only: Literal["portrait", "landscape"] | None = None


class ParagraphOf(Table):
    """A paragraph; where every field it names is empty it is left out."""

    text: str | Words
    face: Literal["sans", "kai"] = "sans"
    size: float = Field(ge=2, le=60)
    least: float = Field(6, ge=2, le=60, description="the size it may shrink to")
    colour: Colour = "#000000"
    bold: bool = False
    align: Literal["left", "centre", "right"] = "left"
    gap: float = Field(0.2, ge=0, le=5, description="above it, by its size")
    spacing: float = Field(1.25, ge=0.8, le=3)

    @model_validator(mode="after")
    def _range(self) -> ParagraphOf:
        if self.least > self.size:
            raise WrongAt(("least",), f"{self.least} is more than size {self.size}")
        return self

    def written(self, language: Language) -> str:
        return self.text if isinstance(self.text, str) else self.text.of(language)


class TextLayer(Table):
    """Paragraphs in one box, one below the other; they shrink until all of them fit."""

    draw: Literal["text"]
    box: Box
    down: Literal["top", "middle", "bottom"] = "top"
    vertical: bool = Field(False, description="columns from right to left, as Chinese was written")
    shadow: Colour | None = None
    paragraphs: list[ParagraphOf] = Field(min_length=1, max_length=12)
    only: Literal["portrait", "landscape"] | None = None


Layer = Annotated[ShapeLayer | PictureLayer | TextLayer, Field(discriminator="draw")]


class SlideOf(Table):
    """A slide: layers drawn one over the other, and what goes with the picture."""

    duration_s: float = Field(5, ge=0.5, le=60)
    text: str = Field("", max_length=500, description="sent as text beside the picture")
    sound: FileName | None = Field(None, description="a file of the folder: .imy, .mid or .amr")
    layers: list[Layer] = Field(min_length=1, max_length=80)


class Template(Table):
    """The whole file."""

    name: Words
    kind: Kind
    order: int = Field(100, ge=1, le=999, description="its place in lists; the short-code dialogue counts by it")
    made: str = Field(min_length=10, max_length=500, description="how its art was made, and under which licence")
    subject: Words = Field(description="of a new card; may name fields")
    fields: list[FieldOf] = Field(min_length=1, max_length=12)
    shapes: dict[str, Annotated[str, StringConstraints(max_length=8000)]] = Field(default_factory=dict, max_length=80)
    slides: list[SlideOf] = Field(min_length=1, max_length=8)

    @model_validator(mode="after")
    def _whole(self) -> Template:
        ids = [field.id for field in self.fields]
        for index, name in enumerate(ids):
            if name in ids[:index]:
                raise WrongAt(("fields", index, "id"), f"{name!r} stands twice")
        for name, path in self.shapes.items():
            try:
                outlines(path)
            except ValueError as error:
                raise WrongAt(("shapes", name), str(error)) from None
        for language in LANGUAGES:
            _names_known(getattr(self.subject, language), ids, ("subject", language))
        for index, slide in enumerate(self.slides):
            _names_known(slide.text, ids, ("slides", index, "text"))
            for number, layer in enumerate(slide.layers):
                self._check_layer(layer, ids, ("slides", index, "layers", number))
        return self

    def _check_layer(self, layer: ShapeLayer | PictureLayer | TextLayer, ids: list[str], loc: Loc) -> None:
        if isinstance(layer, ShapeLayer) and layer.shape and layer.shape not in (*BUILT_IN_SHAPES, *self.shapes):
            known = ", ".join((*BUILT_IN_SHAPES, *self.shapes))
            raise WrongAt((*loc, "shape"), f"no shape {layer.shape!r}; known: {known}")
        if isinstance(layer, TextLayer):
            for number, paragraph in enumerate(layer.paragraphs):
                texts = {paragraph.written("zh_CN"), paragraph.written("en")}
                for text in texts:
                    _names_known(text, ids, (*loc, "paragraphs", number, "text"))

    def field(self, name: str) -> FieldOf | None:
        """The field of that id."""
        return next((field for field in self.fields if field.id == name), None)

    def files(self) -> list[tuple[tuple[str | int, ...], str]]:
        """The files of the folder that it names, with the key that names each."""
        found: list[tuple[Loc, str]] = []
        for index, slide in enumerate(self.slides):
            if slide.sound:
                found.append((("slides", index, "sound"), slide.sound))
            for number, layer in enumerate(slide.layers):
                if isinstance(layer, PictureLayer):
                    found.append((("slides", index, "layers", number, "file"), layer.file))
        return found


Loc = tuple[str | int, ...]


def _names_known(text: str, ids: list[str], loc: Loc) -> None:
    for name in PLACEHOLDER.findall(text):
        if name not in ids:
            raise WrongAt(loc, f"no field {name!r}; known: {', '.join(ids)}")
