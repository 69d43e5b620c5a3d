"""A message as the body of an MMS PDU (m-send-req, m-retrieve-conf), and as the MIME body of MM7 and MM4."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mms_builder import multipart
from mms_builder.mms import ContentType, Part, RetrieveConf, SendReq
from mms_builder.mms.codes import MIXED, RELATED
from mms_builder.mms.multipart import nested
from mms_builder.pieces import Piece, pieces_of, show_of
from mms_builder.slides import Show

MAX_DEPTH = 5
_CHARSETS = ("us-ascii", "utf-8")


def parts_of(
    show: Show, charsets: Iterable[str] = _CHARSETS, size: tuple[int, int] | None = None
) -> tuple[ContentType, tuple[Part, ...]]:
    """``content_type`` and ``parts`` of a PDU: related with its SMIL first, or mixed without slides.

    ``charsets`` and ``size`` are the profile's (``Profile.charsets``, width and height in pixels).
    """
    pieces = pieces_of(show, charsets, size)
    parts = tuple(
        Part(
            content_type=ContentType(piece.media_type, _parameters(piece)),
            data=piece.content,
            content_id=piece.content_id,
            content_location=piece.location,
            disposition="attachment" if piece.attached else "",
        )
        for piece in pieces
    )
    if not show.slides:
        return ContentType(MIXED), parts
    start, smil = f"<{pieces[0].content_id}>", pieces[0].media_type
    return ContentType(RELATED, (("start", start), ("type", smil))), parts


def _parameters(piece: Piece) -> tuple[tuple[str, str], ...]:
    charset = (("charset", piece.charset),) if piece.charset else ()
    return (*charset, ("name", piece.location))


def show_of_parts(parts: Iterable[Part], subject: str = "") -> Show:
    """The message in a PDU's parts, multiparts within them taken apart; never raises."""
    return show_of(list(_pieces(parts, 1)), subject)


def show_of_pdu(pdu: SendReq | RetrieveConf) -> Show:
    """The message of a PDU with its subject."""
    return show_of_parts(pdu.parts, pdu.subject)


def _pieces(parts: Iterable[Part], depth: int) -> Iterator[Piece]:
    for part in parts:
        inner = nested(part) if depth < MAX_DEPTH else None
        if inner is not None:
            yield from _pieces(inner, depth + 1)
            continue
        yield Piece(
            media_type=part.content_type.media_type,
            content=part.data,
            charset=part.content_type.parameter("charset"),
            content_id=part.content_id,
            location=part.content_location,
            name=part.name,
            attached=part.disposition == "attachment",
        )


def mime_of(show: Show, charsets: Iterable[str] = _CHARSETS, size: tuple[int, int] | None = None) -> multipart.Part:
    """The same as a MIME tree: multipart/related with its SMIL first, or multipart/mixed without slides."""
    pieces = pieces_of(show, charsets, size)
    parts = tuple(
        multipart.Part(
            media_type=piece.media_type,
            content=piece.content,
            content_id=piece.content_id,
            location=piece.location,
            name=piece.location,
            charset=piece.charset,
        )
        for piece in pieces
    )
    if not show.slides:
        return multipart.Part(media_type="multipart/mixed", parts=parts)
    return multipart.Part(media_type="multipart/related", parts=parts, start=pieces[0].content_id)


def show_of_mime(part: multipart.Part, subject: str = "") -> Show:
    """The message in a MIME tree that MM7 or MM4 brought; never raises."""
    pieces = [
        Piece(
            media_type=leaf.media_type,
            content=bytes(leaf.content),
            charset=leaf.charset,
            content_id=leaf.content_id,
            location=leaf.location,
            name=leaf.name,
        )
        for leaf in part.leaves()
    ]
    return show_of(pieces, subject)
