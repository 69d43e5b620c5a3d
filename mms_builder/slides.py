"""A multimedia message as people see it: slides with a picture, a text, a sound and a duration (SMIL's par).

This is the form between the ends: cards and mails become it, MM7, MM4, MM1 and the mailbox are made from it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """One picture or sound. ``media_type`` in lower case without parameters; ``name`` is a file name for people."""

    media_type: str
    content: bytes
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slide:
    """What is shown and heard together; at least one of picture, text and sound."""

    picture: Media | None = None
    text: str = ""
    sound: Media | None = None
    duration_s: float = 5.0  # 0.1-3600
    text_first: bool = False  # the text above the picture

    def __post_init__(self) -> None:
        if self.picture is None and self.sound is None and not self.text:
            raise ValueError("an empty slide: a picture, a text or a sound is needed")
        if not 0.1 <= self.duration_s <= 3600:
            raise ValueError(f"duration {self.duration_s} s is not in 0.1-3600")


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """A whole message: its subject and its slides in order. ``attachments`` belong to no slide (a vCard)."""

    subject: str = ""
    slides: tuple[Slide, ...] = ()
    attachments: tuple[Media, ...] = ()
