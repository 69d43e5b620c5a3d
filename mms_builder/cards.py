"""A card: a template with its fields filled in, and its slides in their order, some drawn and some of the maker's own.

Every change makes a new card; ``now`` comes in as an aware time. What is wrong with a value is an InputError, of a
field a :class:`WrongField`, so that a page can say it beside the field in its own words.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from PIL import Image

from caiyou.errors import InputError
from mms_builder.draw.fonts import Faces
from mms_builder.draw.paint import filled, paint_slide
from mms_builder.draw.textbox import tidy
from mms_builder.gallery import Gallery, Pattern
from mms_builder.slides import Media, Show, Slide
from mms_builder.template import FieldOf, Kind, Language
from mms_builder.vcard import vcard

MAX_SLIDES = 20
MAX_SUBJECT = 40  # characters (OMA-MMS-CONF 1.2, 7.1.2)
MAX_TEXT = 1000  # characters of an own slide's text
MAX_MEDIA_OCTETS = 5 * 1024 * 1024  # of one picture or sound
MAX_CARD_OCTETS = 10 * 1024 * 1024  # of all of them
LEAST_SIDE, MOST_SIDE = 64, 1600  # pixels that a slide is drawn with

PICTURES = (
    *("image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/vnd.wap.wbmp"),
    *("image/heic", "image/heif", "image/avif"),
)
SOUNDS = (
    *("audio/amr", "text/x-imelody", "audio/midi", "audio/mpeg", "audio/wav", "audio/x-wav"),
    *("audio/mp4", "audio/aac", "audio/ogg"),
)

Wrong = Literal["unknown", "missing", "too long", "too many lines"]


class WrongField(InputError):
    """A field's value cannot stand. ``name`` is the field's id, ``most`` its limit where ``wrong`` is about one."""

    def __init__(self, name: str, wrong: Wrong, text: str, most: int = 0) -> None:
        super().__init__(text)
        self.name, self.wrong, self.most = name, wrong, most


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSlide:
    """One slide: ``drawn``, the number of a slide of the template (from 0), or else the maker's own."""

    drawn: int | None = None
    picture: Media | None = None  # an own slide's; a drawn slide has the template's
    text: str = ""  # with a drawn slide: instead of the template's
    sound: Media | None = None  # with a drawn slide: instead of the template's
    duration_s: float | None = None  # None: the template's, or 5
    text_first: bool = False

    def __post_init__(self) -> None:
        if self.drawn is not None and self.picture is not None:
            raise InputError("a slide has either the template's drawing or a picture of its own")
        if self.drawn is None and self.picture is None and self.sound is None and not tidy(self.text).strip():
            raise InputError("an empty slide: a picture, a text or a sound is needed")
        if self.drawn is not None and self.drawn < 0:
            raise InputError("slides of a template count from 0")
        if len(self.text) > MAX_TEXT:
            raise InputError(f"the text of a slide has {len(self.text)} characters; {MAX_TEXT} at most")
        if self.duration_s is not None and not 0.5 <= self.duration_s <= 60:
            raise InputError(f"a slide is shown for 0.5 to 60 seconds, not {self.duration_s:g}")
        _check_media(self.picture, PICTURES, "picture")
        _check_media(self.sound, SOUNDS, "sound")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card as its maker edits it. Times are aware."""

    id: str
    template: str  # the name of its folder
    language: Language = "zh_CN"  # of the template's own words
    fields: Mapping[str, str] = field(default_factory=dict)
    subject: str = ""  # empty: the template's
    slides: tuple[CardSlide, ...] = ()
    created_at: datetime
    changed_at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", MappingProxyType(dict(self.fields)))
        if not 1 <= len(self.slides) <= MAX_SLIDES:
            raise InputError(f"a card has 1 to {MAX_SLIDES} slides, not {len(self.slides)}")
        if len(self.subject) > MAX_SUBJECT:
            raise InputError(f"the subject has {len(self.subject)} characters; {MAX_SUBJECT} at most")
        octets = sum(len(media.content) for media in {id(m): m for m in self.media()}.values())
        if octets > MAX_CARD_OCTETS:
            raise InputError(f"pictures and sounds of {octets} octets; a card holds {MAX_CARD_OCTETS} at most")

    def media(self) -> list[Media]:
        """Every own picture and sound."""
        return [media for slide in self.slides for media in (slide.picture, slide.sound) if media is not None]


def new_card(
    pattern: Pattern,
    *,
    id: str,
    now: datetime,
    language: Language = "zh_CN",
    fields: Mapping[str, str] | None = None,
    subject: str = "",
) -> Card:
    """A card with all slides of a template; fields not given have the template's defaults. Raises InputError."""
    defaults = {f.id: f.default.of(language) for f in pattern.template.fields if f.default}
    return Card(
        id=id,
        template=pattern.name,
        language=language,
        fields=_checked({**defaults, **(fields or {})}, pattern, language),
        subject=_one_line(subject),
        slides=tuple(CardSlide(drawn=number) for number in range(len(pattern.template.slides))),
        created_at=now,
        changed_at=now,
    )


def change_fields(card: Card, pattern: Pattern, fields: Mapping[str, str], now: datetime) -> Card:
    """Some fields changed, "" empties one; raises WrongField."""
    return replace(card, fields=_checked({**card.fields, **fields}, pattern, card.language), changed_at=now)


def change_subject(card: Card, subject: str, now: datetime) -> Card:
    """Another subject; "" is the template's. Raises InputError."""
    return replace(card, subject=_one_line(subject), changed_at=now)


def change_template(card: Card, pattern: Pattern, now: datetime) -> Card:
    """The card drawn in another way: fields of the same id and own slides stay, drawn slides are the new template's."""
    known = {name: text for name, text in card.fields.items() if pattern.template.field(name)}
    defaults = {f.id: f.default.of(card.language) for f in pattern.template.fields if f.default}
    own = tuple(slide for slide in card.slides if slide.drawn is None)
    drawn = tuple(CardSlide(drawn=number) for number in range(len(pattern.template.slides)))
    fields = _checked({**defaults, **known}, pattern, card.language)
    return replace(card, template=pattern.name, fields=fields, slides=drawn + own, changed_at=now)


def add_slide(card: Card, slide: CardSlide, now: datetime, at: int | None = None) -> Card:
    """A slide more, before the one at ``at`` or else as the last; raises InputError."""
    place = len(card.slides) if at is None else _place(card, at, more=1)
    return replace(card, slides=(*card.slides[:place], slide, *card.slides[place:]), changed_at=now)


def change_slide(card: Card, at: int, slide: CardSlide, now: datetime) -> Card:
    """Another slide in the place of one; raises InputError."""
    place = _place(card, at)
    return replace(card, slides=(*card.slides[:place], slide, *card.slides[place + 1 :]), changed_at=now)


def move_slide(card: Card, at: int, to: int, now: datetime) -> Card:
    """A slide to another place; raises InputError."""
    slides = list(card.slides)
    slides.insert(_place(card, to), slides.pop(_place(card, at)))
    return replace(card, slides=tuple(slides), changed_at=now)


def remove_slide(card: Card, at: int, now: datetime) -> Card:
    """One slide less; the last one stays. Raises InputError."""
    place = _place(card, at)
    return replace(card, slides=card.slides[:place] + card.slides[place + 1 :], changed_at=now)


def copy_card(card: Card, id: str, now: datetime) -> Card:
    """The same card under another id."""
    return replace(card, id=id, created_at=now, changed_at=now)


def missing(card: Card, pattern: Pattern) -> list[FieldOf]:
    """The fields that must be filled in before the card can go out."""
    return [f for f in pattern.template.fields if f.required and not card.fields.get(f.id, "").strip()]


def check_complete(card: Card, pattern: Pattern) -> None:
    """Raises WrongField for the first field that is missing, naming all of them."""
    lacking = missing(card, pattern)
    if lacking:
        names = ", ".join(f.label.of(card.language) for f in lacking)
        raise WrongField(lacking[0].id, "missing", f"must be filled in: {names}")


def subject_of(card: Card, pattern: Pattern) -> str:
    """The subject that the card goes out with."""
    return card.subject or _one_line(filled(pattern.template.subject.of(card.language), card.fields))[:MAX_SUBJECT]


def render(card: Card, width: int, height: int, gallery: Gallery, faces: Faces) -> Show:
    """The card as a message: drawn slides as PNG for a screen of these pixels, own media as they came.

    The same card and size give the same octets. Sides beyond 64-1600 pixels are drawn at the nearest size of the same
    proportions. Raises NotFound where its template is gone, InputError where the template lacks a slide now.
    """
    pattern = gallery.get(card.template)
    size = _drawn_size(width, height)
    slides = tuple(made for n in range(len(card.slides)) for made in _slides(card, n, pattern, size, faces))
    business = pattern.template.kind is Kind.BUSINESS and card.fields.get("name")
    attachments = (vcard(card.fields),) if business else ()
    return Show(subject=subject_of(card, pattern), slides=slides, attachments=attachments)


def search_text(card: Card) -> str:
    """Every word of a card, for a search: its subject, its fields, its own slides' texts."""
    texts = [card.subject, *card.fields.values(), *(slide.text for slide in card.slides)]
    return "\n".join(dict.fromkeys(text for text in texts if text.strip()))


def _slides(card: Card, number: int, pattern: Pattern, size: tuple[int, int], faces: Faces) -> list[Slide]:
    """What one slide of the card becomes: more than one where a long text needs it on a small screen."""
    slide = card.slides[number]
    if slide.drawn is None:
        text, duration_s = tidy(slide.text).strip(), slide.duration_s or 5.0
        own = Slide(
            picture=slide.picture, text=text, sound=slide.sound, duration_s=duration_s, text_first=slide.text_first
        )
        return [own]
    known = len(pattern.template.slides)
    if slide.drawn >= known:
        raise InputError(f"template {pattern.name} has {known} slides now; remove slide {number + 1}")
    made = pattern.template.slides[slide.drawn]
    sound = slide.sound or (pattern.sound(made.sound) if made.sound else None)
    pages = paint_slide(pattern.template, made, pattern.folder, card.fields, card.language, size, faces)
    return [
        Slide(
            picture=Media(media_type="image/png", content=_png(image), name=f"{number + 1}-{page + 1}.png"),
            text="" if page else tidy(slide.text).strip() or filled(made.text, card.fields),
            sound=None if page else sound,
            duration_s=slide.duration_s or made.duration_s,
            text_first=slide.text_first,
        )
        for page, image in enumerate(pages)
    ]


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _drawn_size(width: int, height: int) -> tuple[int, int]:
    if width < 1 or height < 1:
        raise InputError(f"a screen of {width}x{height} pixels")
    scale = max(1.0, LEAST_SIDE / min(width, height)) * min(1.0, MOST_SIDE / max(width, height))
    bounded = [min(MOST_SIDE, max(LEAST_SIDE, round(side * scale))) for side in (width, height)]
    return bounded[0], bounded[1]


def _checked(fields: Mapping[str, str], pattern: Pattern, language: Language) -> dict[str, str]:
    """Values as they are kept: tidy and within their fields' limits."""
    found: dict[str, str] = {}
    for name, text in fields.items():
        made = pattern.template.field(name)
        if made is None:
            known = ", ".join(f.id for f in pattern.template.fields)
            raise WrongField(name, "unknown", f"template {pattern.name} has no field {name!r:.40}; known: {known}")
        if len(text) > 20 * made.max_characters + 1000:  # do not even tidy it
            raise _too_long(made, len(text), language)
        value = "\n".join(line.strip() for line in tidy(text).strip().split("\n"))
        if made.max_lines == 1:
            value = " ".join(value.split())
        if len(value) > made.max_characters:
            raise _too_long(made, len(value), language)
        if value.count("\n") >= made.max_lines:
            what = f"{made.label.of(language)}: {value.count(chr(10)) + 1} lines; {made.max_lines} at most"
            raise WrongField(name, "too many lines", what, made.max_lines)
        if value:
            found[name] = value
    return found


def _too_long(made: FieldOf, length: int, language: Language) -> WrongField:
    what = f"{made.label.of(language)}: {length} characters; {made.max_characters} at most"
    return WrongField(made.id, "too long", what, made.max_characters)


def _one_line(text: str) -> str:
    return " ".join(tidy(text[:2000]).split())


def _place(card: Card, at: int, more: int = 0) -> int:
    if not 0 <= at < len(card.slides) + more:
        raise InputError(f"there is no slide {at + 1}; the card has {len(card.slides)}")
    return at


def _check_media(media: Media | None, known: Sequence[str], what: str) -> None:
    if media is None:
        return
    if media.media_type not in known:
        raise InputError(f"{media.media_type[:60]} is no kind of {what} that a card takes; {', '.join(sorted(known))}")
    if not 0 < len(media.content) <= MAX_MEDIA_OCTETS:
        raise InputError(f"a {what} of {len(media.content)} octets; 1 to {MAX_MEDIA_OCTETS} are taken")
    if len(media.name) > 120 or any(unicodedata.category(char) == "Cc" for char in media.name):
        raise InputError(f"the name of a {what} has at most 120 characters and no control characters")
