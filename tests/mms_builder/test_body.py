"""A message as a PDU's body and as a MIME body, and back."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mms_builder import multipart
from mms_builder.body import mime_of, parts_of, show_of_mime, show_of_parts, show_of_pdu
from mms_builder.mms import Address, ContentType, Part, SendReq, decode, encode
from mms_builder.mms.multipart import encode_multipart
from mms_builder.pieces import Piece, show_of
from mms_builder.slides import Media, Show, Slide
from mms_builder.smil import read
from tests.mms_builder.test_smil import CUT_OFF, IPHONE, OPENWAVE

JPEG = Media(media_type="image/jpeg", content=b"\xff\xd8\xff\xe0 a picture", name="image1.jpg")
AMR = Media(media_type="audio/amr", content=b"#!AMR\n\x04", name="sound1.amr")
IMELODY = Media(media_type="text/x-imelody", content=b"BEGIN:IMELODY\r\n", name="sound2.imy")
VCARD = Media(media_type="text/x-vcard", content=b"BEGIN:VCARD\r\n", name="file1.vcf")
SHOW = Show(
    subject="新年快乐",
    slides=(
        Slide(picture=JPEG, text="祝您新年快乐\n万事如意", sound=AMR, duration_s=7.5, text_first=True),
        Slide(text="Happy new year", sound=IMELODY, duration_s=3),
    ),
    attachments=(VCARD,),
)


def test_parts() -> None:
    content_type, parts = parts_of(SHOW, ("us-ascii", "utf-16"), (176, 208))
    assert content_type == ContentType(
        "application/vnd.wap.multipart.related", (("start", "<slides.smil>"), ("type", "application/smil"))
    )
    assert [(part.content_type.media_type, part.content_id, part.content_location) for part in parts] == [
        ("application/smil", "slides.smil", "slides.smil"),
        ("image/jpeg", "image1.jpg", "image1.jpg"),
        ("audio/amr", "sound1.amr", "sound1.amr"),
        ("text/plain", "text1.txt", "text1.txt"),
        ("text/x-imelody", "sound2.imy", "sound2.imy"),
        ("text/plain", "text2.txt", "text2.txt"),
        ("text/x-vcard", "file1.vcf", "file1.vcf"),
    ]
    assert [part.content_type.parameter("charset") for part in parts if part.content_id.startswith("text")] == [
        "utf-16",
        "us-ascii",
    ]
    assert parts[3].data == b"\xfe\xff" + SHOW.slides[0].text.encode("utf-16-be")
    assert b'width="176px"' in parts[0].data
    first, second = read(parts[0].data.decode())
    assert [item.src for item in first.items] == ["text1.txt", "image1.jpg", "sound1.amr"]
    assert (first.duration_s, first.text_first, second.duration_s) == (7.5, True, 3.0)
    assert [part.disposition for part in parts] == [""] * 6 + ["attachment"]


@pytest.mark.parametrize("charsets", [("us-ascii", "utf-8"), ("utf-16",), ("iso-8859-1", "ucs-2"), ()])
def test_pdu_and_back(charsets: tuple[str, ...]) -> None:
    content_type, parts = parts_of(SHOW, charsets)
    pdu = SendReq(
        transaction_id="T",
        to=(Address.phone("8613800138000"),),
        subject=SHOW.subject,
        content_type=content_type,
        parts=parts,
    )
    found = decode(encode(pdu)).pdu
    assert isinstance(found, SendReq)
    assert show_of_pdu(found) == SHOW


def test_names_are_not_the_sender_s() -> None:
    named = Show(slides=(Slide(picture=Media(media_type="image/gif", content=b"GIF", name="../我的 照片.gif")),))
    _, parts = parts_of(named)
    assert [part.content_type.parameters for part in parts[1:]] == [(("name", "image1.gif"),)]
    assert "我的".encode() not in encode_multipart(parts)


def test_no_slides() -> None:
    content_type, parts = parts_of(Show(attachments=(VCARD,)))
    assert content_type == ContentType("application/vnd.wap.multipart.mixed")
    assert show_of_parts(parts) == Show(attachments=(VCARD,))
    assert show_of_parts(()) == Show()
    assert mime_of(Show(attachments=(VCARD,))).media_type == "multipart/mixed"


def test_mime_and_back() -> None:
    tree = mime_of(SHOW)
    assert (tree.media_type, tree.start) == ("multipart/related", "slides.smil")
    header, pieces = multipart.write(tree, transfer_encoding="base64")
    again, forgave = multipart.parse(b"".join(pieces), dict(header)["Content-Type"])
    assert forgave == ()
    assert show_of_mime(again, SHOW.subject) == SHOW


def part(media_type: str, data: bytes, content_id: str = "", location: str = "", **parameters: str) -> Part:
    return Part(
        content_type=ContentType(media_type, tuple(parameters.items())),
        data=data,
        content_id=content_id,
        content_location=location,
    )


def picture(content: bytes, name: str) -> Slide:
    return Slide(picture=Media(media_type="image/jpeg", content=content, name=name), duration_s=5)


def test_iphone() -> None:
    """src is a name; the SMIL part itself is called 0.smil."""
    parts = (
        part("application/smil", IPHONE.encode(), "0.smil", name="0.smil"),
        part("image/jpeg", b"J", "IMG_6807.jpg", name="IMG_6807.jpg"),
    )
    (slide,) = show_of_parts(parts).slides
    assert (slide.duration_s, slide.picture) == (10, Media(media_type="image/jpeg", content=b"J", name="IMG_6807.jpg"))


def test_smil_behind_its_pictures_and_cid() -> None:
    parts = (
        part("image/jpeg", b"J", "Picture3.jpg", name="Picture3.jpg"),
        part("application/smil", CUT_OFF.encode(), "SMIL.TXT"),
    )
    assert show_of_parts(parts).slides == (picture(b"J", "Picture3.jpg"),)


def test_openwave() -> None:
    parts = (
        part("application/smil", OPENWAVE.encode(), "smil_0"),
        part("text/plain", "Jgj".encode("utf-16"), "text_0", charset="utf-16"),
        part("image/jpeg", b"J", "image_0", name="gnu-head.jpg"),
    )
    assert show_of_parts(parts).slides == (
        Slide(
            picture=Media(media_type="image/jpeg", content=b"J", name="gnu-head.jpg"),
            text="Jgj",
            duration_s=30,
            text_first=True,
        ),
    )


@pytest.mark.parametrize(
    "src, content_id, location, name",
    [
        ("a.jpg", "a.jpg", "", ""),
        ("a.jpg", "", "a.jpg", ""),
        ("a.jpg", "x", "y", "a.jpg"),
        ("cid:a.jpg", "a.jpg", "", ""),
        ("cid:&lt;a.jpg&gt;", "a.jpg", "", ""),
        ("cid:a%40b", "a@b", "", ""),
        ("A.JPG", "a.jpg", "", ""),
        ("a.jpg", "a", "", ""),  # the ending dropped
        ("/store/x/a.jpg", "", "a.jpg", ""),
        ("a.jpg", "", "http://mmsc/a.jpg", ""),
        ("%E5%BD%A9.jpg", "", "", "彩.jpg"),
    ],
)
def test_what_a_src_may_mean(src: str, content_id: str, location: str, name: str) -> None:
    smil = f'<smil><body><par dur="9s"><img src="{src}"/></par></body></smil>'
    found = show_of(
        [
            Piece(media_type="application/smil", content=smil.encode()),
            Piece(media_type="image/jpeg", content=b"J", content_id=content_id, location=location, name=name),
        ]
    )
    assert [slide.duration_s for slide in found.slides] == [9]


def test_what_smil_leaves_out_is_not_lost() -> None:
    smil = b'<par dur="9s"><img src="a"/><img src="b"/><text src="gone"/><video src="v"/></par>'
    found = show_of(
        [
            Piece(media_type="text/plain", content=b"not shown", name="t.txt"),
            Piece(media_type="image/jpeg", content=b"A", content_id="a"),
            Piece(media_type="application/smil", content=smil),
            Piece(media_type="image/jpeg", content=b"B", content_id="b"),
            Piece(media_type="video/3gpp", content=b"V", content_id="v"),
            Piece(media_type="text/x-vcard", content=b"C"),
            Piece(media_type="image/gif", content=b"G", attached=True),
        ]
    )
    assert [(slide.picture and slide.picture.content, slide.text, slide.duration_s) for slide in found.slides] == [
        (b"A", "", 9),
        (b"B", "", 9),
        (None, "not shown", 5),
    ]
    assert [media.content for media in found.attachments] == [b"V", b"C", b"G"]


def test_without_smil() -> None:
    found = show_of(
        [
            Piece(media_type="text/plain", content=b"one\r\n\r\n"),
            Piece(media_type="image/jpeg", content=b"A"),
            Piece(media_type="image/jpeg", content=b"B", attached=True),
            Piece(media_type="text/html", content=b"<p>two</p>"),
            Piece(media_type="audio/amr", content=b"S"),
            Piece(media_type="text/plain", content=b"  \n"),
            Piece(media_type="application/pdf", content=b"P"),
        ],
        "sub",
    )
    assert [(slide.picture and slide.picture.content, slide.text, slide.text_first) for slide in found.slides] == [
        (b"A", "one", True),
        (b"B", "two", False),
    ]
    assert found.slides[1].sound is not None
    assert (found.subject, [media.content for media in found.attachments]) == ("sub", [b"P"])


def test_parts_within_parts() -> None:
    inner = encode_multipart([part("text/plain", b"hello"), part("image/jpeg", b"J")])
    multi = "application/vnd.wap.multipart.alternative"
    found = show_of_parts([part(multi, inner)])
    assert [(slide.text, bool(slide.picture)) for slide in found.slides] == [("hello", True)]
    broken = show_of_parts([part(multi, b"\xff\xff")])
    assert [media.content for media in broken.attachments] == [b"\xff\xff"]
    deep = inner
    for _ in range(50):
        deep = encode_multipart([part(multi, deep)])
    assert show_of_parts([part(multi, deep)]).slides == ()


def test_names_and_types_of_others() -> None:
    (media,) = show_of(
        [Piece(media_type="im age/\r\nX: y", content=b"", name="..\\..\\/etc/pass\r\nwd\u202e.jpg")]
    ).attachments
    assert media == Media(media_type="application/octet-stream", content=b"", name="passwd.jpg")


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.builds(
            Piece,
            media_type=st.sampled_from(
                ["image/jpeg", "text/plain", "text/html", "audio/amr", "application/smil", "x/y", ""]
            ),
            content=st.binary(max_size=60)
            | st.sampled_from([IPHONE.encode(), OPENWAVE.encode(), b'<img src="a"/><text src="b"/>']),
            content_id=st.sampled_from(["", "a", "b", "text_0"]),
            name=st.text(max_size=5),
            charset=st.sampled_from(["", "utf-16", "utf-8", "bogus"]),
            attached=st.booleans(),
        ),
        max_size=6,
    )
)
def test_anything(pieces: list[Piece]) -> None:
    found = show_of(pieces)
    # Pictures alone, in a message without slides, come back as slides: what else would one do with them.
    assume(found.slides)
    content_type, parts = parts_of(found)
    again = show_of_parts(parts)
    assert [(slide.text, bool(slide.picture), bool(slide.sound)) for slide in again.slides] == [
        (slide.text, bool(slide.picture), bool(slide.sound)) for slide in found.slides
    ]
    assert content_type.is_multipart
