"""A card as a plain JSON value, kept inside its message so that it can be edited again.

Whole in itself: own pictures and sounds are in it in base64, each once, by the beginning of their SHA-256.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from caiyou.errors import InputError
from mms_builder.cards import MAX_MEDIA_OCTETS, MAX_SLIDES, Card, CardSlide
from mms_builder.slides import Media
from mms_builder.template import Language

VERSION = 1

_Key = Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Media(_Form):
    type: str = Field(max_length=100)
    name: str = Field("", max_length=120)
    base64: str = Field(max_length=MAX_MEDIA_OCTETS * 4 // 3 + 4)


class _Slide(_Form):
    drawn: Annotated[int, Field(ge=0, le=99)] | None = None
    picture: _Key | None = None
    text: str = ""
    sound: _Key | None = None
    duration_s: float | None = None
    text_first: bool = False


class _Card(_Form):
    caiyou_card: Literal[1]
    id: str = Field(pattern="^[A-Za-z0-9_-]{1,64}$")
    template: str = Field(min_length=1, max_length=100)
    language: Language = "zh_CN"
    subject: str = ""
    fields: dict[Annotated[str, StringConstraints(max_length=24)], Annotated[str, StringConstraints(max_length=500)]]
    slides: list[_Slide] = Field(min_length=1, max_length=MAX_SLIDES)
    media: dict[_Key, _Media] = Field(default_factory=dict, max_length=2 * MAX_SLIDES)
    created_at: AwareDatetime
    changed_at: AwareDatetime


def to_json(card: Card) -> dict[str, Any]:
    """The card as a value that ``json.dumps`` takes."""
    media = {_key(found): found for found in card.media()}
    return {
        "caiyou_card": VERSION,
        "id": card.id,
        "template": card.template,
        "language": card.language,
        "subject": card.subject,
        "fields": dict(card.fields),
        "slides": [_slide(slide) for slide in card.slides],
        "media": {
            key: {"type": m.media_type, "name": m.name, "base64": base64.b64encode(m.content).decode("ascii")}
            for key, m in media.items()
        },
        "created_at": card.created_at.isoformat(),
        "changed_at": card.changed_at.isoformat(),
    }


def from_json(value: object) -> Card:
    """The card of a value; raises InputError naming what is wrong. Its template need not exist any more."""
    try:
        made = _Card.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "the value"
        raise InputError(f"this card cannot be read: {where}: {first['msg']}") from None
    media = {key: _media(key, found) for key, found in made.media.items()}

    def named(key: str | None) -> Media | None:
        if key is not None and key not in media:
            raise InputError(f"this card cannot be read: its picture or sound {key} is missing")
        return None if key is None else media[key]

    slides = tuple(
        CardSlide(
            drawn=slide.drawn,
            picture=named(slide.picture),
            text=slide.text,
            sound=named(slide.sound),
            duration_s=slide.duration_s,
            text_first=slide.text_first,
        )
        for slide in made.slides
    )
    return Card(
        id=made.id,
        template=made.template,
        language=made.language,
        fields=made.fields,
        subject=made.subject,
        slides=slides,
        created_at=made.created_at,
        changed_at=made.changed_at,
    )


def _key(media: Media) -> str:
    digest = hashlib.sha256(f"{media.media_type}\0{media.name}\0".encode() + media.content)
    return digest.hexdigest()[:32]


def _slide(slide: CardSlide) -> dict[str, Any]:
    written = {
        "drawn": slide.drawn,
        "picture": _key(slide.picture) if slide.picture else None,
        "text": slide.text or None,
        "sound": _key(slide.sound) if slide.sound else None,
        "duration_s": slide.duration_s,
        "text_first": slide.text_first or None,
    }
    return {key: value for key, value in written.items() if value is not None}


def _media(key: str, found: _Media) -> Media:
    try:
        content = base64.b64decode(found.base64, validate=True)
    except (binascii.Error, ValueError):
        raise InputError(f"this card cannot be read: media.{key} is not base64") from None
    return Media(media_type=found.type, content=content, name=found.name)
