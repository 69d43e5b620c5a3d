"""SMIL of multimedia messages: slides in order, what each shows, for how long (OMA-MMS-CONF 1.2, section 8).

Written is the MMS SMIL that all phones take: one layout with the regions Image and Text, a par per slide with at most
one picture, one text and one sound. Read is whatever phones and gateways send: no XML parser is asked, so that broken
markup still gives its slides, entities of a document type are never resolved, and the cost is linear and bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape, unescape

DEFAULT_S = 5.0  # of a slide that does not say how long
MIN_S, MAX_S = 0.1, 3600.0
MAX_CHARS = 2 << 20
MAX_PARS = 500
MAX_ITEMS = 50  # of one par
MEDIA = ("img", "text", "audio", "video", "ref", "animation", "textstream")

_GENERATOR = "Caiyou"  # tells that the order within a par says whether the text is above the picture
_TOKEN = re.compile(
    r"<(?P<close>/?)(?P<tag>[A-Za-z_][\w:.\-]*+)"
    r"|(?P<name>[A-Za-z_][\w:.\-]*+)\s*+=\s*+(?:\"(?P<double>[^\"]*+)\"|'(?P<single>[^']*+)'|(?P<bare>[^\s<>\"']++))"
    r"|(?P<end>/?>)|[\w:.\-]++"
)
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,4}):(\d{1,4}(?:\.\d{1,9})?)")
_COUNT = re.compile(r"(\d{1,9}(?:\.\d{1,9})?|\.\d{1,9})\s*(h|min|ms|s|)")
_UNIT_S = {"h": 3600.0, "min": 60.0, "s": 1.0, "": 1.0, "ms": 0.001}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One media element: its tag (one of MEDIA) and its src as it stands there."""

    tag: str
    src: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Par:
    """One slide. ``text_first``: the text is above the picture."""

    items: tuple[Item, ...]
    duration_s: float = DEFAULT_S
    text_first: bool = False

    @property
    def has_both(self) -> bool:
        """Whether there is a picture and a text, so that one of them is above the other."""
        return {"img", "text"} <= {item.tag for item in self.items}


def write(pars: Sequence[Par], *, size: tuple[int, int] | None = None) -> str:
    """The SMIL of a message; ``size`` is the screen in pixels, width and height.

    There is one layout for all slides, so the most frequent order of text and picture decides it.
    """
    root = f'<root-layout width="{size[0]}px" height="{size[1]}px"/>' if size else "<root-layout/>"
    body = "".join(_par(par) for par in pars)
    return (
        f'<smil><head><meta name="generator" content="{_GENERATOR}"/><layout>{root}{_regions(pars)}</layout></head>'
        f"<body>{body}</body></smil>"
    )


def _regions(pars: Sequence[Par]) -> str:
    tags = {item.tag for par in pars for item in par.items}
    if not {"img", "text"} <= tags:
        return _region("Text" if "text" in tags else "Image", 0, 100)
    both = [par.text_first for par in pars if par.has_both]
    if sum(both) * 2 > len(both):
        return _region("Text", 0, 30) + _region("Image", 30, 70)
    return _region("Image", 0, 70) + _region("Text", 70, 30)


def _region(name: str, top: int, height: int) -> str:
    fit = "meet" if name == "Image" else "scroll"
    return f'<region id="{name}" left="0%" top="{top}%" width="100%" height="{height}%" fit="{fit}"/>'


def _par(par: Par) -> str:
    order = ("text", "img") if par.text_first else ("img", "text")
    items = sorted(par.items, key=lambda item: order.index(item.tag) if item.tag in order else len(order))
    media = "".join(_media(item) for item in items)
    return f'<par dur="{round(par.duration_s * 1000)}ms">{media}</par>'


def _media(item: Item) -> str:
    region = {"img": ' region="Image"', "text": ' region="Text"'}.get(item.tag, "")
    return f'<{item.tag} src="{escape(item.src)}"{region}/>'


@dataclass(slots=True)
class _Reading:
    pars: list[Par]
    tops: dict[str, float]  # of the regions, by id in lower case
    items: list[Item]
    attributes: dict[str, str]  # of the open par
    ours: bool = False
    regions: tuple[str, str] = ("", "")  # ids that the open par's first picture and text name
    ends_s: float = 0.0
    opened: bool = False

    def close(self) -> None:
        if self.items:
            seconds = _seconds(self.attributes.get("dur", "")) or self.ends_s or DEFAULT_S
            self.pars.append(
                Par(
                    items=tuple(self.items),
                    duration_s=min(max(seconds, MIN_S), MAX_S),
                    text_first=self._text_first(),
                )
            )
        self.items, self.attributes, self.regions, self.ends_s, self.opened = [], {}, ("", ""), 0.0, False

    def _text_first(self) -> bool:
        tags = [item.tag for item in self.items]
        if "img" not in tags or "text" not in tags:
            return False
        image, text = (self.tops.get(region) for region in self.regions)
        if self.ours or image is None or text is None or image == text:
            return tags.index("text") < tags.index("img")
        return text < image


def read(smil: str) -> tuple[Par, ...]:
    """The slides of a SMIL document in order; never raises. A media element outside any par is a slide of its own.

    Repetition (seq with repeatCount) counts once: a mail has no use for it.
    """
    reading = _Reading([], {}, [], {})
    for closing, tag, attributes in _tags(_without_comments(smil[:MAX_CHARS])):
        if len(reading.pars) >= MAX_PARS:
            break
        if tag == "par":
            reading.close()
            reading.opened = not closing
            reading.attributes = attributes
        elif closing:
            continue
        elif tag == "region":
            name = attributes.get("id") or attributes.get("xml:id") or attributes.get("regionname", "")
            reading.tops[name.lower()] = _position(attributes.get("top", ""))
        elif tag == "meta":
            reading.ours |= attributes.get("content") == _GENERATOR
        elif tag in MEDIA and attributes.get("src", "").strip():
            _take(reading, tag, attributes)
    reading.close()
    return tuple(reading.pars)


def _take(reading: _Reading, tag: str, attributes: dict[str, str]) -> None:
    if len(reading.items) >= MAX_ITEMS:
        return
    reading.items.append(Item(tag=tag, src=attributes["src"].strip()))
    ends_s = _seconds(attributes.get("end", "")) or _seconds(attributes.get("dur", ""))
    reading.ends_s = max(reading.ends_s, ends_s)
    image, text = reading.regions
    region = attributes.get("region", "").lower()
    if tag == "img":
        reading.regions = (image or region, text)
    elif tag == "text":
        reading.regions = (image, text or region)
    if not reading.opened:
        reading.close()


def _without_comments(text: str) -> str:
    """The document without comments, document type, CDATA marks and processing instructions."""
    out: list[str] = []
    at = 0
    while (start := text.find("<!", at)) >= 0:
        out.append(text[at:start])
        comment = text.startswith("<!--", start)
        end = text.find("-->" if comment else ">", start + 2)
        if end < 0:
            return "".join(out)
        if text.startswith("<!DOCTYPE", start) and "[" in text[start:end]:
            inner = text.find("]>", start)
            end = inner + 1 if inner >= 0 else end
        at = end + (3 if comment else 1)
    return "".join([*out, text[at:]])


def _tags(text: str) -> Iterator[tuple[bool, str, dict[str, str]]]:
    """(whether it closes, tag in lower case without its prefix, attributes by lower-case name)."""
    tag, closing = "", False
    attributes: dict[str, str] = {}
    for token in _TOKEN.finditer(text):
        if token["tag"] is not None:
            if tag:
                yield closing, tag, attributes
            tag, closing, attributes = token["tag"].lower().rpartition(":")[2], bool(token["close"]), {}
        elif token["end"] is not None and tag:
            yield closing, tag, attributes
            if token["end"] == "/>" and not closing:
                yield True, tag, {}
            tag = ""
        elif tag and token["name"] is not None:
            value = token["double"] or token["single"] or token["bare"] or ""
            attributes.setdefault(token["name"].lower(), unescape(value))
    if tag:
        yield closing, tag, attributes


def _position(text: str) -> float:
    found = re.match(r"\s*(-?\d{1,6}(?:\.\d{1,6})?)", text)
    return float(found[1]) if found else 0.0


def _seconds(text: str) -> float:
    """A clock value in seconds; 0 where it is none, indefinite or zero."""
    text = text.strip().lower()[:40]
    if clock := _CLOCK.fullmatch(text):
        return int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + float(clock[3])
    if count := _COUNT.fullmatch(text):
        return round(float(count[1]) * _UNIT_S[count[2]], 3)
    return 0.0
