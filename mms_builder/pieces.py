"""A message as the pieces that travel, whatever carries them: SMIL, texts, pictures and sounds, each with its name.

A PDU's parts, a mail and the body of MM7 are made of pieces and become pieces; a ``Show`` is made of them here alone.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, unquote_to_bytes

from caiyou.mime import decode, html_to_text
from mms_builder.mms.codes import CHARSET_NAMES, Charset
from mms_builder.mms.text import decoded, encoded_best
from mms_builder.slides import Media, Show, Slide
from mms_builder.smil import Item, Par, read, write

SMIL = "application/smil"
MAX_SLIDES = 500
MAX_NAME_CHARS = 120
MAX_TEXT_OCTETS = 1 << 20  # of one text
_SOUNDS_OF_TEXT = {"text/x-imelody", "text/imelody", "text/x-emelody"}
_TEXTS = {"text/plain", "text/html", "application/vnd.wap.xhtml+xml", "application/xhtml+xml", "text/vnd.wap.wml"}
_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+\-]{0,60}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+\-]{0,80}")
_SMIL_NAME = re.compile(r"\.smil?\Z", re.IGNORECASE)
_EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/png": "png",
    "image/vnd.wap.wbmp": "wbmp",
    "audio/amr": "amr",
    "audio/midi": "mid",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "text/x-imelody": "imy",
    "text/x-vcard": "vcf",
    "text/vcard": "vcf",
    "text/x-vcalendar": "vcs",
}
_DATA_URL = re.compile(r"data:([^,;]{0,100})((?:;[^,;]{0,100}){0,5}),", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One part: ``content_id`` without brackets, ``name`` for people; ``attached``: its header says attachment."""

    media_type: str  # in lower case, without parameters
    content: bytes
    charset: str = ""
    content_id: str = ""
    location: str = ""
    name: str = ""
    attached: bool = False

    @property
    def is_smil(self) -> bool:
        """By its type, or by its name where a gateway did not know the type."""
        if self.media_type in (SMIL, "application/smil+xml"):
            return True
        unsaid = ("application/octet-stream", "text/plain", "application/xml", "text/xml")
        return self.media_type in unsaid and bool(_SMIL_NAME.search(self.name or self.location))

    @property
    def kind(self) -> str:
        """Its place in a slide: picture, text or sound; "" for none."""
        if self.media_type in _SOUNDS_OF_TEXT or self.media_type.startswith("audio/"):
            return "sound"
        if self.media_type.startswith("image/"):
            return "picture"
        return "text" if self.media_type in _TEXTS else ""

    @property
    def text(self) -> str:
        """Of a text, its characters."""
        text = decoded(self.content[:MAX_TEXT_OCTETS], self.charset or None)
        if self.media_type != "text/plain":
            text = html_to_text(text).strip()
        return text.replace("\r\n", "\n").replace("\0", "")

    def media(self) -> Media:
        """Of anything else, what it is."""
        return Media(media_type=safe_type(self.media_type), content=self.content, name=safe_name(self.name))


def safe_type(media_type: str) -> str:
    """A media type that may stand in a header, in lower case: any that is none is application/octet-stream."""
    return media_type.lower() if _TYPE.fullmatch(media_type) else "application/octet-stream"


def safe_name(name: str) -> str:
    """A file name for people: the last component, since senders put paths there, without control characters."""
    name = well_formed(name).replace("\\", "/").rpartition("/")[2]
    return "".join(char for char in name if char.isprintable())[-MAX_NAME_CHARS:].strip()


def well_formed(text: str) -> str:
    """Text without halves of surrogate pairs, which no encoding takes."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def pieces_of(
    show: Show, charsets: Iterable[str] = ("us-ascii", "utf-8"), size: tuple[int, int] | None = None
) -> tuple[Piece, ...]:
    """The pieces of a message to a phone, SMIL first; without slides there is no SMIL.

    ``charsets`` and ``size`` (pixels) are the profile's. Every piece has an id that is its location and the src in the
    SMIL, since China Unicom asks for that and every phone takes it. Those are ASCII and never the sender's own, which
    phones refuse; ``name`` keeps what people called it.
    """
    pieces: list[Piece] = []
    pars: list[Par] = []
    for number, slide in enumerate(show.slides, 1):
        items: list[Item] = []
        for tag, media, stem in (("img", slide.picture, "image"), ("audio", slide.sound, "sound")):
            if media is not None:
                pieces.append(_piece(media, f"{stem}{number}"))
                items.append(Item(tag=tag, src=pieces[-1].content_id))
        if slide.text:
            octets, charset = encoded_best(slide.text, charsets)
            src = f"text{number}.txt"
            pieces.append(_text_piece(octets, charset, src))
            items.append(Item(tag="text", src=src))
        pars.append(Par(items=tuple(items), duration_s=slide.duration_s, text_first=slide.text_first))
    pieces += [_piece(media, f"file{number}", attached=True) for number, media in enumerate(show.attachments, 1)]
    if not pars:
        return tuple(pieces)
    smil = write(pars, size=size)
    first = Piece(
        media_type=SMIL, content=smil.encode(), charset="utf-8", content_id="slides.smil", location="slides.smil"
    )
    return (first, *pieces)


def _piece(media: Media, stem: str, *, attached: bool = False) -> Piece:
    src = f"{stem}.{extension(media.media_type)}"
    return Piece(
        media_type=safe_type(media.media_type),
        content=media.content,
        content_id=src,
        location=src,
        name=safe_name(media.name) or src,
        attached=attached,
    )


def extension(media_type: str) -> str:
    """What a file name of this type ends with."""
    known = _EXTENSIONS.get(media_type)
    return known or re.sub(r"[^a-z0-9]", "", media_type.rpartition("/")[2].removeprefix("x-"))[:8] or "bin"


def _text_piece(octets: bytes, charset: Charset, src: str) -> Piece:
    return Piece(
        media_type="text/plain",
        content=octets,
        charset=CHARSET_NAMES[charset],
        content_id=src,
        location=src,
        name=src,
    )


def show_of(pieces: Sequence[Piece], subject: str = "") -> Show:
    """The message that pieces make; nothing of them is lost but a second SMIL.

    With SMIL the slides are its own, and what it does not name follows; without, each picture begins a slide with the
    text and the sound that come after it. Never raises.
    """
    smil = next((piece for piece in pieces if piece.is_smil), None)
    rest = [piece for piece in pieces if not piece.is_smil]
    making = _Making()
    if smil is not None:
        names = _Names(rest)
        for par in read(decode(smil.content, smil.charset or None)):
            found = [piece for item in par.items if (piece := names.find(item.src)) is not None]
            making.take(found, par.duration_s, text_first=par.text_first)
        rest = [piece for piece in rest if id(piece) not in names.used]
    loose: list[Piece] = []
    for piece in rest:
        if not piece.kind or (piece.attached and (smil is not None or piece.kind == "text")):
            making.attachments.append(piece.media())
            continue
        if loose and any(one.kind == piece.kind for one in loose):
            making.take(loose)
            loose = []
        loose.append(piece)
    making.take(loose)
    return Show(subject=subject, slides=tuple(making.slides), attachments=tuple(making.attachments))


@dataclass(slots=True)
class _Making:
    slides: list[Slide] = field(default_factory=list)
    attachments: list[Media] = field(default_factory=list)

    def take(self, pieces: Sequence[Piece], duration_s: float = 5.0, *, text_first: bool | None = None) -> None:
        """One slide of the first of each kind, further slides of what is left, attachments of what no slide shows."""
        left = list(pieces)
        while left:
            first: dict[str, Piece] = {}
            later: list[Piece] = []
            for piece in left:
                if not piece.kind:
                    self.attachments.append(piece.media())
                elif piece.kind in first:
                    later.append(piece)
                else:
                    first[piece.kind] = piece
            picture, sound = first.get("picture"), first.get("sound")
            text = first["text"].text if "text" in first else ""
            text = text.strip() if text_first is None else text  # nobody made a slide of it on purpose
            order = list(first)
            above = order.index("text") < order.index("picture") if text and picture else False
            if picture or sound or text:
                if len(self.slides) >= MAX_SLIDES:
                    self.attachments += [piece.media() for piece in first.values()]
                else:
                    self.slides.append(
                        Slide(
                            picture=picture.media() if picture else None,
                            text=text,
                            sound=sound.media() if sound else None,
                            duration_s=duration_s,
                            text_first=bool(text and picture) and (above if text_first is None else text_first),
                        )
                    )
            left = later


class _Names:
    """Finds the piece that a src means."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.used: set[int] = set()
        self._exact: dict[str, Piece] = {}
        self._loose: dict[str, Piece] = {}
        for piece in pieces:
            for name in (piece.content_id, piece.location, piece.name):
                if name:
                    self._exact.setdefault(name, piece)
                    self._loose.setdefault(_loose(name), piece)
        for piece in pieces:  # an id counts before a name that another piece has
            if piece.content_id:
                self._exact[piece.content_id] = piece

    def find(self, src: str) -> Piece | None:
        if src[:5].lower() == "data:":
            return _of_data(src)
        bare = src.strip().strip("\"'")
        is_id = bare[:4].lower() == "cid:"
        bare = bare[4:] if is_id else bare
        for name in (bare, unquote(bare), bare.strip("<>")):
            if name in self._exact:
                return self._use(self._exact[name])
        piece = self._loose.get(_loose(unquote(bare)))
        return None if piece is None else self._use(piece)

    def _use(self, piece: Piece) -> Piece:
        self.used.add(id(piece))
        return piece


def _loose(name: str) -> str:
    """A name without what gateways add or drop: brackets, folders, case, the ending."""
    base = name.strip().strip("<>\"'").replace("\\", "/").rpartition("/")[2].lower()
    return base.rpartition(".")[0] or base


def data_url(text: str) -> str:
    """A text as a src of its own, for SMIL in mail."""
    return "data:text/plain;charset=utf-8;base64," + base64.b64encode(well_formed(text).encode()).decode("ascii")


def _of_data(src: str) -> Piece | None:
    head = _DATA_URL.match(src)
    if head is None:
        return None
    parameters = [one.strip().lower() for one in head[2].split(";")]
    octets = unquote_to_bytes(src[head.end() :])
    if "base64" in parameters:
        try:
            octets = binascii.a2b_base64(octets)
        except binascii.Error:
            return None
    charset = next((one[8:] for one in parameters if one.startswith("charset=")), "")
    return Piece(media_type=head[1].strip().lower() or "text/plain", content=octets, charset=charset)
