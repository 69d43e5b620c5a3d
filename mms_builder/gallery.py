"""The templates there are: those that come along and those of the site's own folders."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from pydantic import ValidationError

from caiyou.errors import NotFound, SettingsError
from caiyou.settings import WrongAt, models_in
from caiyou.toml_lines import line_of
from mms_builder.slides import Media
from mms_builder.template import Kind, PictureLayer, ShapeLayer, Template, TextLayer

BUILT_IN = Path(__file__).with_name("templates")
FILE = "template.toml"
SHAPES = "shapes.toml"  # shapes that every template may name
MAX_PIXELS = 4_000_000  # of a template's picture
MAX_OCTETS = 2 * 1024 * 1024  # of a file
_LAYERS = {"shape": ShapeLayer, "picture": PictureLayer, "text": TextLayer}
_SOUNDS = {
    ".imy": (b"BEGIN:IMELODY", "text/x-imelody"),
    ".mid": (b"MThd", "audio/midi"),
    ".amr": (b"#!AMR\n", "audio/amr"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A template with its folder; ``name`` is the folder's."""

    name: str
    folder: Path
    template: Template

    def sound(self, name: str) -> Media:
        """A sound file of the folder."""
        path = self.folder / name
        return Media(media_type=_SOUNDS[path.suffix][1], content=path.read_bytes(), name=name)


class Gallery:
    """Templates by name and in their order."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self._by_name = {pattern.name: pattern for pattern in patterns}

    def get(self, name: str) -> Pattern:
        """Raises NotFound."""
        if name not in self._by_name:
            near = difflib.get_close_matches(name, list(self._by_name), n=1)
            raise NotFound(f"no template {name!r:.60}" + (f"; did you mean {near[0]}?" if near else ""))
        return self._by_name[name]

    def of(self, kind: Kind | None = None) -> list[Pattern]:
        """All, or those of one kind, in their order; the n-th is number n of the short-code dialogue."""
        chosen = [p for p in self._by_name.values() if kind in (None, p.template.kind)]
        return sorted(chosen, key=lambda p: (p.template.kind, p.template.order, p.name))


def load_gallery(folders: Sequence[Path] = ()) -> Gallery:
    """The templates that come along and those below ``folders``; of one name the last counts.

    Raises SettingsError that names every wrong file, line and key of all of them, and what would be right.
    """
    found: list[Pattern] = []
    wrong: list[str] = []
    common = _toml(BUILT_IN / SHAPES)
    for parent in (BUILT_IN, *folders):
        if not parent.is_dir():
            raise SettingsError(f"{parent}: no such folder; expected one with a folder for each template in it")
        for folder in sorted(p for p in parent.iterdir() if p.is_dir() and not p.name.startswith((".", "_"))):
            try:
                found.append(load_pattern(folder, common))
            except SettingsError as error:
                wrong.append(str(error))
    if wrong:
        raise SettingsError("\n".join(wrong))
    return Gallery(found)


def load_pattern(folder: Path, common: dict[str, Any] | None = None) -> Pattern:
    """One template; raises SettingsError."""
    path = folder / FILE
    raw = _toml(path)
    text = path.read_text(encoding="utf-8-sig")
    shapes = _toml(BUILT_IN / SHAPES) if common is None else common
    if isinstance(raw.get("shapes", {}), dict):
        raw["shapes"] = {**shapes, **raw.get("shapes", {})}
    try:
        template = Template.model_validate(raw)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(path, text, e) for e in error.errors())) from None
    for loc, name in template.files():
        why = _unusable(folder / name, sound=loc[-1] == "sound")
        if why:
            raise SettingsError(f"{_at(path, text, loc)} {_dotted(loc)}: {name}: {why}")
    return Pattern(name=folder.name, folder=folder, template=template)


def _toml(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_OCTETS:
            raise SettingsError(f"{path}: larger than {MAX_OCTETS} octets")
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such file; a template is a folder with a {FILE} in it") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"{path}: not TOML in UTF-8: {error}") from None


def _unusable(path: Path, *, sound: bool) -> str:
    """Why a file of a template cannot be used; empty where it can."""
    if not path.is_file():
        return "no such file in the template's folder"
    if path.stat().st_size > MAX_OCTETS:
        return f"larger than {MAX_OCTETS} octets"
    if sound:
        if path.suffix not in _SOUNDS:
            return f"expected one of {', '.join(_SOUNDS)}"
        begins = _SOUNDS[path.suffix][0]
        return (
            "" if path.read_bytes().startswith(begins) else f"not a {path.suffix} file: it must begin with {begins!r}"
        )
    try:
        with Image.open(path, formats=("PNG", "JPEG", "GIF", "WEBP")) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                return f"{picture.width}x{picture.height} pixels; {MAX_PIXELS} at most"
            picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return "not a whole picture; expected PNG, JPEG, GIF or WebP"
    return ""


def _at(path: Path, text: str, loc: Sequence[str | int]) -> str:
    number = line_of(text, tuple(loc))
    return f"{path}:{number}:" if number else f"{path}:"


def _dotted(loc: Sequence[str | int]) -> str:
    """A key for people: lists count from 1, as people do."""
    return ".".join(str(step + 1) if isinstance(step, int) else step for step in loc) or "the file"


def _explain(path: Path, text: str, error: Any) -> str:
    loc, known = _place(error["loc"])
    found = error.get("ctx", {}).get("error")
    kind = error["type"]
    if isinstance(found, WrongAt):
        loc, what = (*loc, *found.loc), str(found)
    elif kind == "extra_forbidden":
        near = difflib.get_close_matches(str(loc[-1]), known, n=1)
        what = f"unknown key; {f'did you mean {near[0]}? ' if near else ''}known: {', '.join(known)}"
    elif kind in ("missing", "union_tag_not_found"):
        what = "must be set" if kind == "missing" else f"draw must be set; known: {', '.join(_LAYERS)}"
    elif kind == "union_tag_invalid":
        loc, what = (*loc, "draw"), f"{error['ctx']['tag']!r:.40} is no layer; known: {', '.join(_LAYERS)}"
    elif kind == "string_pattern_mismatch" and "fA-F" in error["ctx"]["pattern"]:
        what = f"expected a colour like #cc3300 or #cc330080 (given: {error['input']!r:.60})"
    else:
        what = f"{error['msg'].removeprefix('Value error, ')} (given: {error['input']!r:.60})"
    return f"{_at(path, text, loc)} {_dotted(loc)}: {what}"


def _place(loc: Sequence[str | int]) -> tuple[tuple[str | int, ...], list[str]]:
    """The keys as they are written, and the keys known where the last of them stands."""
    model: Any = Template
    written: list[str | int] = []
    for step in loc:
        if written and isinstance(written[-1], int) and step in _LAYERS and "layers" in written:
            model = _LAYERS[str(step)]  # pydantic names the form of the layer
            continue
        if step in ("str", "list[constrained-str]", "constrained-str", "Words") and written:
            continue  # and of a value that may be several things
        if isinstance(step, str) and step[:1].isupper():
            continue
        written.append(step)
        field = model.model_fields.get(step) if isinstance(step, str) else None
        below = models_in(field.annotation) if field is not None else []
        if len(below) == 1 and step != loc[-1]:
            model = below[0]
    return tuple(written), sorted(model.model_fields)
