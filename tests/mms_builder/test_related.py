"""A message as a mail: how it lies in a mailbox, and what becomes of mails that others write."""

from __future__ import annotations

import time
from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from caiyou.errors import InputError
from caiyou.mime import digest_message
from mms_builder.pieces import safe_name
from mms_builder.related import found_in, from_message, to_message
from mms_builder.slides import Media, Show, Slide
from mms_builder.smil import read
from tests.mms_builder.test_body import AMR, JPEG, SHOW, VCARD

PICTURE_ONLY = Show(subject="Hi", slides=(Slide(picture=JPEG, text="look", duration_s=2),))
TEXT_ONLY = Show(subject="Hi", slides=(Slide(text="  just\ntext  "),))


def parsed(show: Show) -> EmailMessage:
    found = message_from_bytes(to_message(show).as_bytes(), policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def shape(message: MIMEPart) -> object:
    kind = message.get_content_type()
    return (kind, [shape(part) for part in message.iter_parts()]) if message.is_multipart() else kind


ALTERNATIVE = ("multipart/alternative", ["text/plain", "text/html", "application/smil"])


def test_shape() -> None:
    related = ("multipart/related", [ALTERNATIVE, "image/jpeg"])
    assert shape(parsed(PICTURE_ONLY)) == related
    assert shape(parsed(TEXT_ONLY)) == ("multipart/related", [ALTERNATIVE])
    assert shape(parsed(SHOW)) == ("multipart/mixed", [related, "audio/amr", "text/x-imelody", "text/x-vcard"])
    assert shape(parsed(Show(attachments=(VCARD,)))) == (
        "multipart/mixed",
        [("multipart/related", [("multipart/alternative", ["text/plain", "text/html"])]), "text/x-vcard"],
    )


def test_readable_by_any_program() -> None:
    """The standard library's idea of a body stands for that of mail programs: plain text, HTML, what is attached."""
    message = parsed(SHOW)
    assert message["Subject"] == SHOW.subject
    plain, html = message.get_body(("plain",)), message.get_body(("related", "html"))
    assert plain is not None
    assert plain.get_content().replace("\r\n", "\n") == (
        "祝您新年快乐\n万事如意\n[image1.jpg]\n[sound1.amr]\n\n[sound2.imy]\nHappy new year\n"
    )
    assert html is not None
    related = next(part for part in message.walk() if part.get_content_type() == "multipart/related")
    (picture,) = [part for part in related.walk() if part.get_content_type() == "image/jpeg"]
    page = next(part for part in related.walk() if part.get_content_type() == "text/html")
    cid = picture["Content-ID"].strip("<>")
    assert f'<img src="cid:{cid}" alt="image1.jpg">' in page.get_content()
    assert page.get_content().index("祝您新年快乐<br>") < page.get_content().index("<img")
    assert picture.get_content_disposition() == "inline"
    assert picture["Content-Location"] == "image1.jpg"
    attached = [part for part in message.walk() if part.get_content_disposition() == "attachment"]
    assert [part.get_filename() for part in attached] == ["sound1.amr", "sound2.imy", "file1.vcf"]


def test_smil_is_for_who_can_play_it() -> None:
    message = parsed(SHOW)
    smil = next(part for part in message.walk() if part.get_content_type() == "application/smil")
    first, second = read(smil.get_content().decode())
    ids = {part["Content-ID"].strip("<>") for part in message.walk() if part["Content-ID"]}
    srcs = [item.src for item in (*first.items, *second.items)]
    assert [src[:5] for src in srcs] == ["data:", "cid:i", "cid:s", "data:", "cid:s"]
    assert {src[4:] for src in srcs if src.startswith("cid:")} <= ids
    assert (first.duration_s, second.duration_s) == (7.5, 3.0)


def test_same_message_same_ids() -> None:
    def ids(show: Show) -> list[str]:
        return [part["Content-ID"] for part in to_message(show).walk() if part["Content-ID"]]

    assert ids(SHOW) == ids(SHOW)
    assert len(set(ids(SHOW))) == 5
    other = Show(subject="other", slides=SHOW.slides)
    assert not set(ids(SHOW)) & set(ids(other))


@pytest.mark.parametrize("show", [SHOW, PICTURE_ONLY, TEXT_ONLY, Show(attachments=(VCARD,)), Show()])
def test_round_trip(show: Show) -> None:
    octets = to_message(show).as_bytes()
    assert from_message(octets) == show
    assert [found.card for found in found_in(octets)] == [bool(show.slides)]
    assert b"\r\n" in octets
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))


def test_our_digest_reads_it() -> None:
    """What a notification says of such a mail."""
    found = digest_message(to_message(SHOW).as_bytes())
    assert found.subject == SHOW.subject
    assert found.text.startswith("祝您新年快乐 万事如意")


_Drawn = tuple[Media | None, str, Media | None, int, bool]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=40)
NAMES = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="\\/\"'%*?=<>"), max_size=20)
MEDIA = st.builds(
    Media, media_type=st.sampled_from(["image/jpeg", "image/gif"]), content=st.binary(max_size=40), name=NAMES
)
SOUND = st.builds(Media, media_type=st.sampled_from(["audio/amr", "text/x-imelody"]), content=st.binary(max_size=40))
SLIDES = st.tuples(st.none() | MEDIA, TEXT, st.none() | SOUND, st.integers(100, 3_600_000), st.booleans()).filter(
    lambda one: bool(one[0] or one[1] or one[2])
)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=20), st.lists(SLIDES, min_size=1, max_size=4), st.lists(SOUND, max_size=2))
def test_any_show(
    subject: str, slides: list[tuple[Media | None, str, Media | None, int, bool]], more: list[Media]
) -> None:
    made = tuple(
        Slide(
            picture=picture, text=text, sound=sound, duration_s=ms / 1000, text_first=first and bool(picture and text)
        )
        for picture, text, sound, ms, first in slides
    )
    show = Show(subject=subject, slides=made, attachments=tuple(more))
    found = from_message(to_message(show).as_bytes())
    assert len(found.slides) == len(made)
    for one, other in zip(found.slides, made, strict=True):
        assert (one.text, one.duration_s, one.text_first) == (other.text, other.duration_s, other.text_first)
        for media, sent in ((one.picture, other.picture), (one.sound, other.sound)):
            assert (media is None) == (sent is None)
            if media is not None and sent is not None:
                assert (media.media_type, media.content) == (sent.media_type, sent.content)
                assert not sent.name or media.name == safe_name(sent.name)
    assert [media.content for media in found.attachments] == [media.content for media in more]


def test_names_of_all_kinds() -> None:
    for name in (
        '我的 "照片".jpg',
        "a;b=c.jpg",
        "../../x.jpg",
        "x" * 300 + ".jpg",
        "\ud800.jpg",
        "a\r\nB: c.jpg",
        "é.jpg",
    ):
        show = Show(slides=(Slide(picture=Media(media_type="image/jpeg", content=b"J", name=name)),))
        octets = to_message(show).as_bytes()
        (slide,) = from_message(octets).slides
        assert slide.picture is not None
        assert slide.picture.name == safe_name(name)
        assert b"\r\nB: c" not in octets


# --- mails of others


def mail(*lines: str) -> bytes:
    return "\r\n".join(lines).encode()


def test_plain_mail() -> None:
    found = from_message(mail("Subject: =?utf-8?B?5b2p5L+h?=", "", "Hello", "there", ""))
    assert found == Show(subject="彩信", slides=(Slide(text="Hello\nthere"),))
    assert from_message(b"") == Show()
    assert from_message(b"\r\n\r\n") == Show()


def test_mail_with_pictures() -> None:
    message = EmailMessage(policy=policy.SMTPUTF8)
    message["Subject"] = "three"
    message.set_content("see\n")
    message.add_alternative("<p>see <img src='cid:1'></p>", subtype="html")
    _, html = message.iter_parts()
    html.add_related(b"J1", "image", "jpeg", cid="<1>")
    message.add_attachment(b"J2", "image", "jpeg", filename="two.jpg")
    message.add_attachment(b"S", "audio", "amr", filename="s.amr")
    message.add_attachment(b"C", "text", "x-vcard", filename="c.vcf")
    message.add_attachment("notes", filename="n.txt")
    found = from_message(message.as_bytes())
    assert [(slide.text, slide.picture and slide.picture.content) for slide in found.slides] == [
        ("see", b"J1"),
        ("", b"J2"),
    ]
    assert found.slides[1].sound == Media(media_type="audio/amr", content=b"S", name="s.amr")
    assert [media.name for media in found.attachments] == ["c.vcf", "n.txt"]
    assert [one.card for one in found_in(message.as_bytes())] == [False]


def test_html_only() -> None:
    found = from_message(mail("Content-Type: text/html; charset=gb2312", "", "<p>a&amp;b</p><script>x</script>"))
    assert [slide.text for slide in found.slides] == ["a&b"]


def test_mbuni_s_mail() -> None:
    """Raw UTF-8 in the Subject, SMIL inside multipart/alternative."""
    octets = mail(
        "Subject: 新年",
        'Content-Type: multipart/related; boundary="b"; type="multipart/alternative"',
        "",
        "--b",
        'Content-Type: multipart/alternative; boundary="c"',
        "",
        "--c",
        "Content-Type: application/smil; charset=utf-8",
        "",
        '<smil><body><par dur="3s"><img src="cid:p"/><text src="t.txt"/></par></body></smil>',
        "--c--",
        "--b",
        "Content-Type: image/gif",
        "Content-ID: <p>",
        "Content-Transfer-Encoding: base64",
        "",
        "R0lG",
        "--b",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Location: t.txt",
        "",
        "快乐",
        "--b--",
    )
    found = from_message(octets)
    assert found == Show(
        subject="新年",
        slides=(Slide(picture=Media(media_type="image/gif", content=b"GIF", name=""), text="快乐", duration_s=3),),
    )


def test_smil_as_a_plain_related_message() -> None:
    """As MM4 and MM3 of others bring it, parts by Content-Location, SMIL known by its name alone."""
    octets = mail(
        'Content-Type: multipart/related; boundary=b; start="<0.smil>"; type="application/smil"',
        "",
        "--b",
        'Content-Type: application/octet-stream; name="0.smil"',
        "Content-ID: <0.smil>",
        "",
        '<smil><body><par dur="3s"><text src="t.txt"/></par></body></smil>',
        "--b",
        "Content-Type: text/plain; charset=us-ascii; name=t.txt",
        "",
        "Hello",
    )
    assert from_message(octets).slides == (Slide(text="Hello", duration_s=3),)
    assert found_in(octets)[0].card


def test_several_cards_attached() -> None:
    message = EmailMessage(policy=policy.SMTPUTF8)
    message["Subject"] = "two cards"
    message.set_content("here they are")
    for show in (SHOW, PICTURE_ONLY):
        inner = message_from_bytes(to_message(show).as_bytes(), policy=policy.SMTPUTF8)
        message.add_attachment(inner)
    own, first, second = found_in(message.as_bytes())
    assert (own.card, [slide.text for slide in own.show.slides]) == (False, ["here they are"])
    assert (first.card, first.show) == (True, SHOW)
    assert (second.card, second.show) == (True, PICTURE_ONLY)


def test_a_delivery_status_is_no_card() -> None:
    octets = mail(
        "Content-Type: multipart/report; boundary=b; report-type=delivery-status",
        "",
        "--b",
        "",
        "not delivered",
        "--b",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; x",
        "",
        "Final-Recipient: rfc822; a@b",
        "--b",
        "Content-Type: message/rfc822",
        "",
        "Subject: the mail",
        "",
        "hello",
        "--b--",
    )
    assert [(found.show.subject, found.show.slides[0].text) for found in found_in(octets)] == [
        ("", "not delivered"),
        ("the mail", "hello"),
    ]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=4), st.integers(0, 4)), min_size=1, max_size=6))
def test_mutants(changes: list[tuple[int, bytes, int]]) -> None:
    octets = to_message(SHOW).as_bytes()
    for at, new, away in changes:
        place = at % len(octets)
        octets = octets[:place] + new + octets[place + away :]
    for found in found_in(octets):
        to_message(found.show).as_bytes()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_noise(octets: bytes) -> None:
    assume(octets)
    found_in(octets)
    found_in(b"Content-Type: multipart/related; boundary=x\r\n\r\n--x\r\n" + octets)
    found_in(b"Content-Type: application/smil\r\n\r\n" + octets)


def test_nested_beyond_use() -> None:
    for depth in (30, 200, 3000):
        heads = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth))
        try:
            found = from_message(heads + b"\r\nhello")
        except InputError as error:
            assert "nested too deep" in str(error)  # noqa: PT017  either will do
        else:
            assert found.slides == ()
    many = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nhello\r\n" * 5000
    assert len(from_message(many).slides) < 500


def test_large() -> None:
    show = Show(slides=tuple(Slide(picture=Media(media_type="image/jpeg", content=bytes(100_000))) for _ in range(20)))
    began = time.process_time()
    assert len(from_message(to_message(show).as_bytes()).slides) == 20
    assert time.process_time() - began < 5.0


def test_sound_is_not_lost_without_its_slide() -> None:
    assert from_message(to_message(Show(slides=(Slide(sound=AMR),))).as_bytes()).slides == (Slide(sound=AMR),)
