"""MIME bodies as peers write them, and as the standard library reads ours."""

from __future__ import annotations

import contextlib
import email
import time
from email.message import Message

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from caiyou.errors import ProtocolError
from mms_builder import multipart
from mms_builder.multipart import Part, bare_id, parse, same_id, write

GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
RELATED = (
    b"Nobody reads this.\r\n\r\n--b\r\nContent-Type: application/smil\r\nContent-ID: <s>\r\n\r\n<smil/>\r\n"
    b"--b\r\nContent-Type: image/gif; name=a.gif\r\nContent-Location: a.gif\r\n\r\n" + GIF + b"\r\n--b--\r\nnor this"
)
TYPE = 'multipart/related; boundary="b"; start="<s>"'


def _octets(part: Part, transfer_encoding: str = "binary") -> tuple[bytes, str]:
    header, pieces = write(part, transfer_encoding=transfer_encoding)
    return b"".join(pieces), dict(header)["Content-Type"]


def test_parts_are_views_of_the_octets_they_came_in() -> None:
    whole, forgave = parse(RELATED, TYPE)
    assert forgave == ()
    smil, gif = whole.parts
    assert (smil.media_type, smil.content_id, smil.content) == ("application/smil", "s", b"<smil/>")
    assert (gif.media_type, gif.name, gif.location, gif.content) == ("image/gif", "a.gif", "a.gif", GIF)
    assert isinstance(gif.content, memoryview)
    assert gif.content.obj is RELATED
    assert whole.root is smil
    assert whole.octets == len(b"<smil/>") + len(GIF)


@pytest.mark.parametrize(
    "octets, forgiven",
    [
        (RELATED.replace(b"\r\n", b"\n"), ()),
        (RELATED.replace(b"--b\r\n", b"--b \t\r\n"), ()),
        (RELATED.replace(b"--b--\r\nnor this", b"--b--"), ()),
        (RELATED[: RELATED.index(b"\r\n--b--")], ("no closing boundary",)),
        (RELATED.replace(b"--b\r\n", b"----other\r\n").replace(b"--b--", b"----other--"), ("boundary",)),
    ],
    ids=["bare line feeds", "white space behind", "nothing behind", "truncated", "another boundary"],
)
def test_slips_are_forgiven_and_named(octets: bytes, forgiven: tuple[str, ...]) -> None:
    whole, forgave = parse(octets, TYPE)
    assert forgave == forgiven
    assert [part.content for part in whole.parts] == [b"<smil/>", GIF]


def test_a_boundary_that_begins_alike_is_content() -> None:
    octets = b"--b\r\n\r\n--bb\r\n--b-\r\n --b\r\n\r\n--b--"
    (part,) = parse(octets, "multipart/mixed; boundary=b")[0].parts
    assert part.content == b"--bb\r\n--b-\r\n --b\r\n"
    assert part.media_type == "text/plain"


def test_an_empty_part_and_an_empty_line() -> None:
    whole, _ = parse(
        b"--b\r\n\r\n--b\r\n\r\n\r\n--b\r\nContent-Type: image/gif\r\n\r\n--b--", "multipart/mixed; boundary=b"
    )
    assert [(part.media_type, part.content) for part in whole.parts] == [
        ("text/plain", b""),
        ("text/plain", b""),
        ("image/gif", b""),
    ]


@pytest.mark.parametrize(
    "encoding, written, content",
    [
        (b"base64", b"R0lG\r\nODlh\r\n", b"GIF89a"),
        (b"BASE64", b"R0lGODlh!", b"GIF89a"),
        (b"base64", b"R0lGODlhA", b"GIF89a"),
        (b"quoted-printable", b"=E4=BD=A0=\r\n=E5=A5=BD", "你好".encode()),
        (b"8bit", "你好".encode(), "你好".encode()),
        (b"x-nobody-knows", b"as it is", b"as it is"),
    ],
)
def test_transfer_encodings(encoding: bytes, written: bytes, content: bytes) -> None:
    octets = b"--b\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n" + written + b"\r\n--b--"
    assert parse(octets, "multipart/mixed; boundary=b")[0].parts[0].content == content


def test_a_name_in_gbk_and_one_by_rfc_2231() -> None:
    octets = (
        b'--b\r\nContent-Type: image/gif; name="' + "贺卡.gif".encode("gbk") + b'"\r\n\r\n\r\n--b\r\n'
        b"Content-Type: image/gif\r\nContent-Disposition: attachment;\r\n"
        b" filename*=utf-8''%E5%8D%A1.gif\r\n\r\n\r\n--b--"
    )
    assert [part.name for part in parse(octets, "multipart/mixed; boundary=b")[0].parts] == ["贺卡.gif", "卡.gif"]


@pytest.mark.parametrize(
    "octets, content_type",
    [
        (b"x" * (multipart.MAX_OCTETS + 1), "text/plain"),
        (b"no boundary anywhere", "multipart/mixed; boundary=b"),
        (b"no boundary anywhere", "multipart/mixed"),
        (b"--b\r\n\r\nx\r\n" * 300, "multipart/mixed; boundary=b"),
        (b"\n--bx" * 2000, "multipart/mixed; boundary=b"),
        (b"--b\r\nX: " + b"y" * 20000 + b"\r\n\r\n\r\n--b--", "multipart/mixed; boundary=b"),
        (
            b"".join(b"--%d\r\nContent-Type: multipart/mixed; boundary=%d\r\n\r\n" % (i, i + 1) for i in range(9)),
            "multipart/mixed; boundary=0",
        ),
    ],
    ids=["large", "no boundary", "none named", "many parts", "many near misses", "large header", "deep"],
)
def test_what_is_out_of_bounds_is_refused(octets: bytes, content_type: str) -> None:
    with pytest.raises(ProtocolError):
        parse(octets, content_type)


@pytest.mark.parametrize(
    "octets",
    [
        b"--b\r\n" * (multipart.MAX_OCTETS // 5),
        b"\n" * multipart.MAX_OCTETS,
        b"--b" * (multipart.MAX_OCTETS // 3),
        b"--b\r\nA: b\r\n c\r\n" + b" c\r\n" * (multipart.MAX_OCTETS // 4 - 10),
        b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"=" * (multipart.MAX_OCTETS - 100),
    ],
    ids=["delimiters", "line ends", "no line ends", "folds", "padding"],
)
def test_hostile_bodies_take_no_time(octets: bytes) -> None:
    begin = time.process_time()
    with contextlib.suppress(ProtocolError):
        parse(octets, "multipart/mixed; boundary=b")
    assert time.process_time() - begin < 2


def test_ids_as_peers_write_them() -> None:
    assert bare_id(' "<CID:a b>" ') == "CID:a b"
    assert bare_id("cid:a%40b") == "a@b"
    assert bare_id("</tnn-200102/mm7-vasp>") == "/tnn-200102/mm7-vasp"
    assert same_id("<One@x>", "cid:one%40X")


@pytest.mark.parametrize(
    "part",
    [
        Part(media_type="image/gif", name='a"b'),
        Part(media_type="image/gif", name="a\nb"),
        Part(media_type="image/gif", content_id="a\r\nX: y"),
        Part(media_type="image/gif", location="a\x7fb"),
        Part(media_type="text/plain", charset="utf-8\r\nX: y"),
    ],
)
def test_nothing_gets_into_the_header_that_does_not_belong_there(part: Part) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        write(part)


@pytest.mark.parametrize("media_type", ["", "text", "text/", "text/plain; charset=x", "a b/c", "text/plain\r\n"])
def test_a_part_has_a_media_type(media_type: str) -> None:
    with pytest.raises(ValueError, match="media type"):
        Part(media_type=media_type)


_names = st.text(
    st.characters(min_codepoint=0x20, blacklist_characters='"\\\x7f', blacklist_categories=["C", "Z"]), max_size=20
)
_ids = st.from_regex(r"[A-Za-z0-9._]{1,20}", fullmatch=True)
_leaf = st.builds(
    Part,
    media_type=st.sampled_from(["image/jpeg", "text/plain", "audio/amr", "application/smil"]),
    content=st.binary(max_size=200) | st.sampled_from([b"\r\n--caiyou_", b"--", b"\r\n", b"\n\n", b""]),
    content_id=_ids | st.just(""),
    location=_ids | st.just(""),
    charset=st.sampled_from(["", "utf-8"]),
)
_tree = st.recursive(
    _leaf,
    lambda inner: st.builds(
        Part,
        media_type=st.sampled_from(["multipart/related", "multipart/mixed"]),
        parts=st.lists(inner, min_size=1, max_size=3).map(tuple),
        content_id=_ids | st.just(""),
    ),
    max_leaves=5,
)


def _depth(part: Part) -> int:
    return 1 + max(map(_depth, part.parts)) if part.parts else 0


@given(part=_tree, encoding=st.sampled_from(["binary", "8bit", "base64"]))
def test_what_is_written_is_read_back(part: Part, encoding: str) -> None:
    header, pieces = write(part, transfer_encoding=encoding)
    octets = b"--x\r\n" + multipart.header_octets(header) + b"".join(pieces) + b"\r\n--x--"
    assume(_depth(part) < multipart.MAX_DEPTH - 1)
    whole, forgave = parse(octets, "multipart/mixed; boundary=x")
    assert (whole.parts[0], forgave) == (part, ())


@given(part=_tree)
def test_the_standard_library_reads_the_same(part: Part) -> None:
    header, pieces = write(part, transfer_encoding="base64")
    mail = email.message_from_bytes(multipart.header_octets(header) + b"".join(pieces))
    assert _seen(mail) == _meant(part)


def _seen(mail: Message) -> object:
    if mail.is_multipart():
        return mail.get_content_type(), [_seen(part) for part in mail.get_payload() if isinstance(part, Message)]
    return mail.get_content_type(), mail.get_payload(decode=True), mail["Content-ID"] or ""


def _meant(part: Part) -> object:
    if part.multipart:
        return part.media_type, [_meant(one) for one in part.parts]
    return part.media_type, bytes(part.content), f"<{part.content_id}>" if part.content_id else ""


@given(name=_names.filter(lambda name: bool(name) and "=?" not in name))
def test_names_for_http_and_for_mail(name: str) -> None:
    part = Part(media_type="image/gif", name=name)
    for encoding in ("binary", "base64"):
        header = dict(write(part, transfer_encoding=encoding)[0])
        assert encoding == "binary" or header["Content-Type"].isascii()
        assert parse(b"", header["Content-Type"])[0].name == " ".join(name.split())


@given(octets=st.binary(max_size=300), kind=st.sampled_from([TYPE, "multipart/mixed", "text/xml", "", '\x00;="']))
def test_noise_is_refused_or_read(octets: bytes, kind: str) -> None:
    with contextlib.suppress(ProtocolError):
        parse(octets, kind)


@given(at=st.integers(0, len(RELATED)), octets=st.binary(max_size=6), cut=st.integers(0, 20))
def test_mutations_are_refused_or_read(at: int, octets: bytes, cut: int) -> None:
    with contextlib.suppress(ProtocolError):
        parse(RELATED[:at] + octets + RELATED[at + cut :], TYPE)


def test_a_tree_writes_its_root() -> None:
    slide = Part(media_type="application/smil", content=b"<smil/>", content_id="s")
    tree = Part(media_type="multipart/related", start="s", parts=(slide,))
    octets, content_type = _octets(tree)
    assert content_type.startswith('multipart/related; start="<s>"; type="application/smil"; boundary=')
    assert parse(octets, content_type)[0] == tree
