"""A page that plays a fitted message as the receiver's model shows it: one HTML file that needs nothing else.

Its policy allows its one style and one script by their hashes; all text is escaped, pictures are PNG or GIF that were
decoded here, sounds are of a type that was looked at. It can be stored, mailed, or served with ``Page.policy``.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from caiyou.errors import InputError
from mms_builder.draw.textbox import tidy
from mms_builder.handset import Profile
from mms_builder.screen import frame, letter_pixels
from mms_builder.slides import Media, Show, Slide

Lang = Literal["zh", "en"]
Player = Callable[[Media], Media]  # from a phone's sound to one that browsers play; raises InputError

_PLACE = re.compile(r"\{\{(\w+)\}\}")
MAX_SOUND_OCTETS = 8 * 1024 * 1024
_PLAYABLE = {
    "audio/wav": (b"RIFF",),
    "audio/mpeg": (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa"),
    "audio/ogg": (b"OggS",),
}
TEXTS: dict[Lang, dict[str, str]] = {
    "zh": {
        "lang": "zh-CN",
        "title": "彩信预览",
        "no_subject": "（无主题）",
        "play": "播放",
        "pause": "暂停",
        "again": "重播",
        "back": "上一页",
        "next": "下一页",
        "sound_on": "打开声音",
        "sound_off": "关闭声音",
        "hear": "播放声音",
        "silent": "此处无法播放",
        "no_picture": "图片无法显示",
        "slide": "第 {n} 页，共 {all} 页",
        "seconds": "{n} 秒",
        "screen": "屏幕 {width}×{height}，{colours} 色",
        "empty": "这条彩信没有内容",
        "attached": "附件",
    },
    "en": {
        "lang": "en",
        "title": "MMS preview",
        "no_subject": "(no subject)",
        "play": "Play",
        "pause": "Pause",
        "again": "Play again",
        "back": "Previous slide",
        "next": "Next slide",
        "sound_on": "Sound on",
        "sound_off": "Sound off",
        "hear": "Play the sound",
        "silent": "cannot be played here",
        "no_picture": "The picture cannot be shown",
        "slide": "Slide {n} of {all}",
        "seconds": "{n} s",
        "screen": "Screen {width}×{height}, {colours} colours",
        "empty": "This message is empty",
        "attached": "Attached",
    },
}


@dataclass(frozen=True, slots=True)
class Page:
    """An HTML file in UTF-8 and the Content-Security-Policy to serve it with."""

    html: str
    policy: str


def preview(show: Show, profile: Profile, lang: Lang = "zh", play: Player | None = None) -> Page:
    """The page for a message that is fitted to the profile. Without ``play`` phones' sounds stay silent."""
    texts = TEXTS[lang]
    subject = " ".join(tidy(show.subject).split())
    slides = "".join(_slide(slide, number, show, profile, texts, play) for number, slide in enumerate(show.slides, 1))
    data = {
        "width": profile.width,
        "height": profile.height,
        "letter": letter_pixels(profile),
        "durations": [slide.duration_s for slide in show.slides],
        "texts": {
            name: texts[name] for name in ("play", "pause", "again", "sound_on", "sound_off", "slide", "seconds")
        },
    }
    colours = f"{profile.colours:,}"
    policy = _policy()
    given = {
        "policy": policy,
        "lang": texts["lang"],
        "title": f"{texts['title']} · {subject or texts['no_subject']}",
        "subject": subject or texts["no_subject"],
        "model": tidy(profile.name),
        "screen": texts["screen"].format(width=profile.width, height=profile.height, colours=colours),
        **{name: texts[name] for name in ("back", "next", "play", "sound_on")},
    }
    empty = f'<p class="empty">{html.escape(texts["empty"])}</p>'
    # One pass over the template: nothing that comes from strangers is taken for a place of it.
    filling = {name: html.escape(text) for name, text in given.items()}
    filling |= {"slides": slides or empty, "attached": _attached(show, texts), "data": _in_script(data)}
    page = _PLACE.sub(lambda match: filling[match[1]], _template())
    return Page(page, policy + "; frame-ancestors 'self'")


def _slide(slide: Slide, number: int, show: Show, profile: Profile, texts: dict[str, str], play: Player | None) -> str:
    words = texts["slide"].format(n=number, all=len(show.slides))
    picture = _picture(slide.picture, profile, texts) if slide.picture else ""
    text = tidy(slide.text).strip()
    written = f'<p class="text">{html.escape(text)}</p>' if text else ""
    sound = _sound(slide.sound, texts, play) if slide.sound else ""
    parts = written + picture if slide.text_first else picture + written
    return f'<section class="slide" aria-label="{html.escape(words)}">{parts}{sound}</section>'


def _picture(media: Media, profile: Profile, texts: dict[str, str]) -> str:
    shown = frame(media, profile)
    name = html.escape(" ".join(tidy(media.name).split())[:120])
    if shown is None:
        kind = html.escape(tidy(media.media_type[:60]))
        return f'<p class="text broken">{html.escape(texts["no_picture"])} ({kind})</p>'
    source = _data_url(shown.media_type, shown.content)
    return f'<img src="{source}" width="{shown.width}" height="{shown.height}" alt="{name}">'


def _sound(media: Media, texts: dict[str, str], play: Player | None) -> str:
    name = html.escape(" ".join(tidy(media.name).split())[:120] or tidy(media.media_type[:60]))
    heard = _heard(media, play)
    if heard is None:
        return f'<p class="sound silent">♪ {name} <small>{html.escape(texts["silent"])}</small></p>'
    source = _data_url(heard.media_type, heard.content)
    button = f'<button type="button" class="hear" aria-label="{html.escape(texts["hear"])}">♪ {name}</button>'
    return f'<p class="sound">{button}<audio preload="metadata" src="{source}"></audio></p>'


def _heard(media: Media, play: Player | None) -> Media | None:
    if media.media_type not in _PLAYABLE and play is not None:
        try:
            media = play(media)
        except InputError:
            return None
    begins = _PLAYABLE.get(media.media_type, ())
    fits = 0 < len(media.content) <= MAX_SOUND_OCTETS
    return media if fits and begins and media.content.startswith(begins) else None


def _attached(show: Show, texts: dict[str, str]) -> str:
    if not show.attachments:
        return ""
    names = ", ".join(tidy(media.name)[:120] or tidy(media.media_type[:60]) for media in show.attachments)
    return f'<p class="attached">{html.escape(texts["attached"])}: {html.escape(names)}</p>'


def _data_url(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"


def _in_script(value: object) -> str:
    return json.dumps(value, ensure_ascii=True).replace("<", "\\u003c")


@cache
def _template() -> str:
    return Path(__file__).with_name("preview.html").read_text(encoding="utf-8")


@cache
def _policy() -> str:
    style, script = (_hash_of(f"<{tag}>", f"</{tag}>") for tag in ("style", "script"))
    return (
        f"default-src 'none'; style-src {style}; script-src {script}; img-src data:; media-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash_of(begin: str, end: str) -> str:
    """The source expression that allows the one inline element of that kind (CSP 3, 8.3)."""
    inline = _template().partition(begin)[2].partition(end)[0]
    return "'sha256-" + base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode() + "'"
