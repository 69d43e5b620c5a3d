"""A message as it lies in a mailbox: readable in any mail program, SMIL for who can play it (I2, S1).

::

    multipart/related                     always there; the outermost unless there are attachments
      multipart/alternative
        text/plain                        all texts, names of the pictures in brackets
        text/html                         all slides, pictures by cid:
        application/smil                  texts as data: URLs, so that no program lists them a second time
      image/…                             inline, Content-ID and Content-Location
    multipart/mixed around it             sounds and attachments, which a program must list

What is read is any mail: ours, what MM3 and MM4 of others bring, and what people write.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage, Message, MIMEPart
from email.policy import SMTPUTF8, compat32
from html import escape

from caiyou.errors import InputError
from caiyou.mime import decode_header, parameters
from caiyou.mime.header import one_line
from mms_builder.pieces import Piece, data_url, extension, safe_name, safe_type, show_of, well_formed
from mms_builder.slides import Media, Show, Slide
from mms_builder.smil import Item, Par, write

MAX_DEPTH = 20
MAX_PARTS = 500
_POLICY = SMTPUTF8.clone(cte_type="7bit")  # headers in UTF-8, bodies never in 8 bit
_PAGE = '<!DOCTYPE html><html><head><meta charset="utf-8"></head><body>{}</body></html>'


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """A medium of a slide with what names it in the mail."""

    media: Media
    name: str
    content_id: str


def to_message(show: Show) -> EmailMessage:
    """The mail of a message: Subject and content; sender, recipients, date and Message-ID are the caller's to add.

    ``as_bytes()`` gives CRLF line ends. Content-IDs follow from the content, so the same message is the same mail.
    """
    message = EmailMessage(policy=_POLICY)
    message["Subject"] = one_line(well_formed(show.subject))
    message["MIME-Version"] = "1.0"
    salt = _digest(show)
    pictures, sounds, slides = [], [], []
    for number, slide in enumerate(show.slides, 1):
        picture = _named(slide.picture, f"image{number}", salt)
        sound = _named(slide.sound, f"sound{number}", salt)
        pictures += [picture] if picture else []
        sounds += [sound] if sound else []
        slides.append((slide, picture, sound))
    related = MIMEPart(policy=_POLICY) if sounds or show.attachments else message
    related["Content-Type"] = 'multipart/related; type="multipart/alternative"'
    _attach(related, _alternative(slides, salt))
    for picture in pictures:
        _attach(related, _part(picture, "inline"))
    if related is not message:
        message["Content-Type"] = "multipart/mixed"
        _attach(message, related)
    for sound in sounds:
        _attach(message, _part(sound, "attachment"))
    for number, media in enumerate(show.attachments, 1):
        attached = _named(media, f"file{number}", salt)
        if attached is not None:
            _attach(message, _part(attached, "attachment"))
    return message


def _attach(to: MIMEPart, part: MIMEPart) -> None:
    to.attach(part)


def _digest(show: Show) -> str:
    told = hashlib.sha256(repr(show.subject).encode())
    for slide in show.slides:
        told.update(repr((slide.text, slide.duration_s, slide.text_first)).encode())
        for media in (slide.picture, slide.sound):
            told.update(hashlib.sha256(media.content).digest() if media else b"-")
    for media in show.attachments:
        told.update(hashlib.sha256(media.content).digest())
    return told.hexdigest()[:16]


def _named(media: Media | None, stem: str, salt: str) -> _Named | None:
    if media is None:
        return None
    name = safe_name(media.name) or f"{stem}.{extension(media.media_type)}"
    return _Named(media=media, name=name, content_id=f"{stem}.{salt}@caiyou")


def _part(named: _Named, disposition: str) -> MIMEPart:
    part = MIMEPart(policy=_POLICY)
    maintype, _, subtype = safe_type(named.media.media_type).partition("/")
    part.set_content(
        named.media.content,
        maintype=maintype,
        subtype=subtype,
        disposition=disposition,
        filename=named.name,
        cid=f"<{named.content_id}>",
    )
    part["Content-Location"] = named.content_id.partition(".")[0] + "." + extension(named.media.media_type)
    return part


def _alternative(slides: list[tuple[Slide, _Named | None, _Named | None]], salt: str) -> MIMEPart:
    part = MIMEPart(policy=_POLICY)
    part.set_content("\n\n".join(_plain(*one) for one in slides) + "\n")
    part.add_alternative(_PAGE.format("<hr>".join(_html(*one) for one in slides)), subtype="html")
    if slides:
        smil = write([_par(*one) for one in slides])
        part.add_alternative(smil.encode(), maintype="application", subtype="smil", cid=f"<slides.{salt}@caiyou>")
    return part


def _plain(slide: Slide, picture: _Named | None, sound: _Named | None) -> str:
    names = [f"[{named.name}]" for named in (picture, sound) if named is not None]
    text = [well_formed(slide.text)] if slide.text else []
    return "\n".join(text + names if slide.text_first else names + text)


def _html(slide: Slide, picture: _Named | None, sound: _Named | None) -> str:
    shown = []
    if picture is not None:
        shown.append(f'<p><img src="cid:{picture.content_id}" alt="{escape(picture.name)}"></p>')
    if slide.text:
        text = escape(well_formed(slide.text).replace("\0", "")).replace("\n", "<br>\n")
        shown.insert(0 if slide.text_first else 1, f"<p>{text}</p>")
    if sound is not None:
        shown.append(f"<p>[{escape(sound.name)}]</p>")
    return "\n".join(shown)


def _par(slide: Slide, picture: _Named | None, sound: _Named | None) -> Par:
    items = [Item(tag="img", src=f"cid:{picture.content_id}")] if picture else []
    items += [Item(tag="text", src=data_url(slide.text))] if slide.text else []
    items += [Item(tag="audio", src=f"cid:{sound.content_id}")] if sound else []
    return Par(items=tuple(items), duration_s=slide.duration_s, text_first=slide.text_first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A message in a mail. ``card``: it has SMIL, so that somebody made it as one."""

    show: Show
    card: bool


def from_message(octets: bytes) -> Show:
    """The message that a mail is; what it encloses (message/rfc822) is left out. Raises InputError as ``found_in``."""
    return found_in(octets)[0].show


def found_in(octets: bytes) -> tuple[Found, ...]:
    """The message that a mail is, then those of the mails that it encloses, as a mail program attaches several cards.

    Of alternatives SMIL counts before plain text, and that before HTML; pictures count in any of them. Raises
    InputError for a mail nested beyond all use.
    """
    try:
        mail = message_from_bytes(octets, policy=compat32)
    except RecursionError:
        raise InputError("the mail is nested too deep") from None
    walk = _Walk()
    found: list[Found] = []
    walk.mails.append(mail)
    for one in walk.mails:  # grows while it is gone through
        pieces = list(walk.pieces(one, 1))
        show = show_of(pieces, decode_header(_headers(one).get("subject", "")))
        found.append(Found(show=show, card=any(piece.is_smil for piece in pieces)))
    return tuple(found)


class _Walk:
    def __init__(self) -> None:
        self.mails: list[Message[str, str]] = []
        self._left = MAX_PARTS

    def pieces(self, part: Message[str, str], depth: int) -> Iterator[Piece]:
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            return
        headers = _headers(part)
        kind, params = parameters(headers.get("content-type", ""))
        payload = part.get_payload()
        if not isinstance(payload, list):
            yield _leaf(part, headers, kind or "text/plain", params)
        elif kind.startswith("message/"):
            if kind in ("message/rfc822", "message/global"):  # a delivery status has parts too, and is no mail
                self.mails += [one for one in payload[:1] if isinstance(one, Message)]
        elif kind == "multipart/alternative":
            yield from self._best([list(self.pieces(one, depth + 1)) for one in payload if isinstance(one, Message)])
        else:
            for one in payload:
                if isinstance(one, Message):
                    yield from self.pieces(one, depth + 1)

    def _best(self, choices: list[list[Piece]]) -> Iterator[Piece]:
        for choice in choices:
            if any(piece.is_smil for piece in choice):
                yield from choice
                return
        texts = [piece for choice in choices for piece in choice if piece.kind == "text" and piece.text.strip()]
        text = next((piece for piece in texts if piece.media_type == "text/plain"), next(iter(texts), None))
        if text is not None:
            yield text
        seen: set[str] = set()
        for piece in (piece for choice in choices for piece in choice if piece.kind != "text"):
            if piece.content_id not in seen or not piece.content_id:
                yield piece
            seen.add(piece.content_id)


def _headers(part: Message[str, str]) -> dict[str, str]:
    """The first field of each name as it came, non-ASCII octets as surrogates."""
    found: dict[str, str] = {}
    for name, value in part.raw_items():
        found.setdefault(name.lower(), str(value))
    return found


def _leaf(part: Message[str, str], headers: dict[str, str], kind: str, params: dict[str, str]) -> Piece:
    disposition, named = parameters(headers.get("content-disposition", ""))
    content = part.get_payload(decode=True)
    return Piece(
        media_type=safe_type(kind),
        content=content if isinstance(content, bytes) else b"",
        charset=params.get("charset", ""),
        content_id=decode_header(headers.get("content-id", "")).strip("<> "),
        location=decode_header(headers.get("content-location", "")),
        name=decode_header(named.get("filename", "") or params.get("name", "")),
        attached=disposition == "attachment",
    )
