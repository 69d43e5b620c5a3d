"""SMIL: written as phones want it, read as phones write it. The documents are from test data of python-messaging."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mms_builder.smil import MAX_PARS, Item, Par, read, write


def par(*items: str, duration_s: float = 5.0, text_first: bool = False) -> Par:
    found = tuple(Item(tag=tag, src=src) for tag, _, src in (item.partition(" ") for item in items))
    return Par(items=found, duration_s=duration_s, text_first=text_first)


def test_written() -> None:
    assert write([par("img a.jpg", "text a.txt", duration_s=2.5), par("audio b.amr")], size=(176, 208)) == (
        '<smil><head><meta name="generator" content="Caiyou"/><layout><root-layout width="176px" height="208px"/>'
        '<region id="Image" left="0%" top="0%" width="100%" height="70%" fit="meet"/>'
        '<region id="Text" left="0%" top="70%" width="100%" height="30%" fit="scroll"/></layout></head><body>'
        '<par dur="2500ms"><img src="a.jpg" region="Image"/><text src="a.txt" region="Text"/></par>'
        '<par dur="5000ms"><audio src="b.amr"/></par></body></smil>'
    )


def regions(smil: str) -> list[tuple[str | None, str | None]]:
    return [(one.get("id"), one.get("top")) for one in ET.fromstring(smil).iter("region")]  # noqa: S314  ours


def test_layout_follows_the_slides() -> None:
    above, below = par("img a", "text b", text_first=True), par("img a", "text b")
    assert regions(write([below, above])) == [("Image", "0%"), ("Text", "70%")]
    assert regions(write([above, above, below])) == [("Text", "0%"), ("Image", "30%")]
    assert regions(write([par("text a")])) == [("Text", "0%")]
    assert regions(write([par("img a")])) == [("Image", "0%")]
    assert regions(write([par("audio a")])) == [("Image", "0%")]
    assert "<root-layout/>" in write([])


SRC = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).map(str.strip).filter(bool)
PARS = st.lists(
    st.builds(
        lambda picture, text, sound, ms, first: Par(
            items=tuple(
                Item(tag=tag, src=src) for tag, src in (("text", text), ("img", picture), ("audio", sound)) if src
            ),
            duration_s=ms / 1000,
            text_first=first and bool(picture and text),
        ),
        st.none() | SRC,
        st.none() | SRC,
        SRC,
        st.integers(100, 3_600_000),
        st.booleans(),
    ),
    max_size=6,
)


@settings(deadline=None)
@given(PARS)
def test_round_trip(pars: list[Par]) -> None:
    smil = write(pars)
    ET.fromstring(smil)  # noqa: S314  ours
    found = read(smil)
    assert [(set(one.items), one.duration_s, one.text_first) for one in found] == [
        (set(one.items), one.duration_s, one.text_first) for one in pars
    ]


IPHONE = (
    '<smil>\n<head>\n<layout>\n <root-layout/>\n<region id="Text" top="70%" left="0%" height="30%" width="100%" '
    'fit="scroll"/>\n<region id="Image" top="0%" left="0%" height="70%" width="100%" fit="meet"/>\n</layout>\n</head>'
    '\n<body>\n<par dur="10s">\n<img src="IMG_6807.jpg" region="Image"/>\n</par>\n</body>\n</smil>\n'
)
BT = (
    '<smil><head><layout><root-layout/>\r\n<region id="Image" top="0" left="0" height="50%" width="100%" fit="hidden"'
    '/>\r\n<region id="Text" top="50%" left="0" height="50%" width="100%" fit="hidden"/>\r\n</layout>\r\n</head>\r\n'
    '<body><par dur="6825ms"><img src="btlogo.gif" region="Image"></img>\r\n<audio src="catchy_g.amr" begin="350ms" '
    'end="6350ms"></audio>\r\n</par>\r\n<par dur="3000ms"><text src="btmms.txt" region="Text"><param name="foreground'
    '-color" value="#000000"/>\r\n</text>\r\n</par>\r\n</body>\r\n</smil>\r\n\r\n'
)
CUT_OFF = (
    '<smil><head><layout><root-layout height="160px" width="128px"/><region id="Top" top="0"  left="0" height="50%" '
    'width="100%" /><region id="Bottom" top="50%" left="0" height="50%" width="100%" /></layout></head><body><par '
    'dur="5s"><img src="cid:Picture3.jpg" region="Top" begin="0s" end="5s"></img></par></body></smil>'
)
OPENWAVE = (
    '<smil>\n  <head>\n    <layout>\n      <root-layout width="100%" height="100%" />\n      <region id="Text" '
    'left="0%" top="0%" width="100%" height="50%" />\n      <region id="Image" left="0%" top="50%" width="100%" '
    'height="50%" />\n    </layout>\n  </head>\n  <body>\n    <par dur="30000ms">\n      <img src="cid:image_0" '
    'region="Image" alt="gnu-head" />\n      <text src="cid:text_0" region="Text" />\n    </par>\n  </body>\n'
    "</smil>\n"
)
ERICSSON = (
    '<smil><head><layout><root-layout height="240px" width="160px"/>\r\n<region id="Image" top="0" left="0" '
    'height="50%" width="100%" fit="hidden"/>\r\n<region id="Text" top="50%" left="0" height="50%" width="100%" '
    'fit="hidden"/>\r\n</layout>\r\n</head>\r\n<body><par dur="2000ms"><text src="mms.txt" '
    'region="Text"></text>\r\n<img src="SonyhEr.gif" region="Image"></img>\r\n</par>\r\n</body>\r\n</smil>\r\n'
)
GOLD = (
    '<smil><head><layout><root-layout background-color="#000000"/>\r\n<region id="text" top="0" left="0" height="100%" '
    'width="100%"/>\r\n</layout>\r\n</head>\r\n<body>\r\n<par dur="6000ms">\r\n<text src="Text0008.txt" region="text">'
    '\r\n <param name="textsize" value="normal"/>\r\n</text>\r\n<audio src="gold102.amr" start="1000ms"/>\r\n</par>\r\n'
    '<seq repeatcount="4">\r\n<par dur="1500ms">\r\n<text src="Text0002.txt" region="text">\r\n</text>\r\n</par>\r\n'
    '<par dur="1500ms">\r\n<text src="Text0003.txt" region="text">\r\n</text>\r\n</par>\r\n</seq>\r\n</body></smil>'
)


@pytest.mark.parametrize(
    "smil, pars",
    [
        (IPHONE, [par("img IMG_6807.jpg", duration_s=10)]),
        (BT, [par("img btlogo.gif", "audio catchy_g.amr", duration_s=6.825), par("text btmms.txt", duration_s=3)]),
        (CUT_OFF, [par("img cid:Picture3.jpg")]),
        (OPENWAVE, [par("img cid:image_0", "text cid:text_0", duration_s=30, text_first=True)]),
        # Here the layout says that the picture is above, whatever the order.
        (ERICSSON, [par("text mms.txt", "img SonyhEr.gif", duration_s=2)]),
        (
            GOLD,
            [
                par("text Text0008.txt", "audio gold102.amr", duration_s=6),
                par("text Text0002.txt", duration_s=1.5),
                par("text Text0003.txt", duration_s=1.5),
            ],
        ),
    ],
)
def test_of_phones(smil: str, pars: list[Par]) -> None:
    assert list(read(smil)) == pars


@pytest.mark.parametrize(
    "smil, pars",
    [
        ("", []),
        ("no markup at all", []),
        ("<smil><body><par/></body></smil>", []),
        ('<par dur="3s"><img src="a"/>', [par("img a", duration_s=3)]),  # cut
        ('<par dur="3s"><img src="a"', [par("img a", duration_s=3)]),
        ('<par dur="3s"><img src="a', []),
        ('<body><img src="a"/><text src="b"/></body>', [par("img a"), par("text b")]),  # no par
        ('<par/><img src="a"/>', [par("img a")]),
        ("<PAR DUR=2s><IMG SRC=a.jpg REGION=Image></PAR>", [par("img a.jpg", duration_s=2)]),
        ("<smil:par><smil:img src='a' /></smil:par>", [par("img a")]),
        ('<par><img src="a&amp;b&#x5f69;"/></par>', [par("img a&b彩")]),
        ('<par><img src="a&b"/></par>', [par("img a&b")]),  # not well-formed
        ('<!-- <par><img src="x"/></par> --><par><img src="a"/></par>', [par("img a")]),
        ('<par><img src="a"/></par><!-- <par>', [par("img a")]),
        ('<par><img src="a>b" alt="<par>"/></par>', [par("img a>b")]),
        ('<par><img src=""/><img/><text src=" "/></par>', []),
        ('<par><img src="a"/><par><text src="b"/></par></par>', [par("img a"), par("text b")]),
        ('<?xml version="1.0"?><!DOCTYPE smil [<!ENTITY e SYSTEM "file:///etc/passwd">]><par><text src="&e;"/></par>',
         [par("text &e;")]),
        ('<par><video src="v.3gp"/><ref src="r"/></par>', [par("video v.3gp", "ref r")]),
        ('<par><text src="b"/><img src="a"/></par>', [par("text b", "img a", text_first=True)]),  # no layout
        ('<par><img src="a" dur="4s"/></par>', [par("img a", duration_s=4)]),
        ('<par><img src="a" end="2s"/><audio src="b" end="7s"/></par>', [par("img a", "audio b", duration_s=7)]),
    ],
)  # fmt: skip
def test_met(smil: str, pars: list[Par]) -> None:
    assert list(read(smil)) == pars


@pytest.mark.parametrize(
    "clock, seconds",
    [
        ("5s", 5), ("5000ms", 5), ("5", 5), (" 2.5s ", 2.5), (".5s", 0.5), ("1min", 60), ("0:07", 7), ("00:01:05", 65),
        ("0.5h", 1800), ("indefinite", 5), ("media", 5), ("", 5), ("0s", 5), ("-3s", 5), ("1ms", 0.1), ("9999h", 3600),
        ("99999999999999999999s", 5), ("5 S", 5), ("5sec", 5),
    ],
)  # fmt: skip
def test_clocks(clock: str, seconds: float) -> None:
    (found,) = read(f'<par dur="{clock}"><img src="a"/></par>')
    assert found.duration_s == pytest.approx(seconds)


@settings(deadline=None)
@given(st.text(st.sampled_from(list("<>/='\" \tabpr-!&;ims[]?")), max_size=200))
def test_noise(smil: str) -> None:
    read(smil)
    read("<smil><par>" + smil)


@pytest.mark.parametrize(
    "piece",
    ['<par><img src="a"/></par>', "<", "<a ", 'a="', "a='b", "<!--", "<![CDATA[", "a ", " ", "&amp;", "<par ", "x" * 50,
     '<img src="', "<!DOCTYPE [", "<region id=a top=1/>", "a" + " " * 50],
)  # fmt: skip
def test_linear_and_bounded(piece: str) -> None:
    began = time.process_time()
    found = read(piece * (3_000_000 // len(piece)))
    assert len(found) <= MAX_PARS
    assert time.process_time() - began < 3.0
