"""The SOAP envelope as octets: read safely, written in the carrier's charset.

No DTD, no entity, no network, one size limit; SOAP 1.1 forbids DTDs anyway (section 3). Elements are matched by their
local names without regard to case: namespaces and prefixes vary with every peer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from lxml import etree

from caiyou.errors import ProtocolError
from caiyou.mime.charset import codec_of, decode

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
MAX_OCTETS = 256 << 10  # of the XML: some thousand recipients
MAX_ELEMENTS = 20_000
MAX_DEPTH = 32

_DECLARATION = re.compile(r"\A[\s\ufeff]*<\?xml\b[^>]{0,200}\?>")
_DECLARED = re.compile(rb"\A[\s\xef\xbb\xbf]*<\?xml\b[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_PROLOG_END = re.compile(r"<[A-Za-z_]")
_BARE_AMPERSAND = re.compile(r"&(?!(?:[A-Za-z]{2,8}|#\d{1,7}|#x[0-9A-Fa-f]{1,6});)")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read(octets: bytes, charset: str, forgave: list[str]) -> etree._Element:
    """The root element of a SOAP part; ``charset`` is the MIME label. Raises ProtocolError."""
    if len(octets) > MAX_OCTETS:
        raise ProtocolError(f"{len(octets)} octets of XML; at most {MAX_OCTETS}")
    text = _text(octets, charset, forgave)
    root_at = _PROLOG_END.search(text)
    if root_at is None or "<!doctype" in text[: root_at.start()].lower():
        raise ProtocolError("no XML element" if root_at is None else "a DTD in SOAP")
    try:
        root = _parsed(text)
    except etree.XMLSyntaxError as error:
        repaired = _NOT_XML.sub("", _BARE_AMPERSAND.sub("&amp;", text))
        if repaired == text:
            raise ProtocolError(f"no well-formed XML: {_why(error)}") from None
        try:
            root = _parsed(repaired)
        except etree.XMLSyntaxError as again:
            raise ProtocolError(f"no well-formed XML: {_why(again)}") from None
        forgave.append("a bare & or a control character")  # China Mobile's API escapes nothing
    if root.getroottree().docinfo.doctype:  # type: ignore[attr-defined]  # lxml-stubs lacks it
        raise ProtocolError("a DTD in SOAP")
    if next(islice(root.iter(), MAX_ELEMENTS, None), None) is not None:
        raise ProtocolError(f"more than {MAX_ELEMENTS} elements")
    return root


def _parsed(text: str) -> etree._Element:
    # A parser of its own for each document: libxml2's keeps its dictionary of names otherwise.
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8",
    )
    return etree.fromstring(text.encode("utf-8", "replace"), parser)


def _why(error: etree.XMLSyntaxError) -> str:
    """libxml2's number of the error and where it is; its words repeat pieces of the document."""
    return f"libxml2 error {getattr(error, 'code', 0)}, line {error.lineno}"


def _text(octets: bytes, charset: str, forgave: list[str]) -> str:
    """The document as text without its declaration. The declaration's word counts before the MIME label's."""
    declared = _DECLARED.match(octets)
    label = declared[1].decode("ascii") if declared else charset
    codec = codec_of(label) or "utf_8"
    if codec.startswith(("utf_16", "utf_32")) and declared:
        forgave.append(f"declared {label[:20]}, not written so")  # its declaration was readable as single octets
        codec = "utf_8"
    # What reads as UTF-8 is UTF-8, but for two-octet sequences, which may be a character of GB2312; GB18030 takes most
    # of UTF-8 for its own.
    text = _strict(octets, "utf_8")
    if codec != "utf_8" and (text is None or max(text, default="") <= "\u07ff"):
        text, spoken = _strict(octets, codec), codec
    else:
        spoken = "utf_8"
    if text is None or spoken != codec:
        forgave.append(f"not in {label[:20] or 'UTF-8'}")
    if text is None:
        text = decode(octets, charset if codec_of(charset) not in (None, codec) else None)
    return _DECLARATION.sub("", text, count=1).lstrip("\ufeff \t\r\n")


def _strict(octets: bytes, codec: str) -> str | None:
    try:
        return octets.decode(codec)
    except UnicodeError:
        return None


def local(element: etree._Element) -> str:
    """The local name in lower case."""
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def namespace(element: etree._Element) -> str:
    tag = element.tag
    return tag[1:].partition("}")[0].strip() if isinstance(tag, str) and tag.startswith("{") else ""


class Node:
    """An element whose children are found by their local names, in one pass over them."""

    def __init__(self, element: etree._Element) -> None:
        self.element = element
        self._by_name: dict[str, list[etree._Element]] = {}
        for child in element:
            self._by_name.setdefault(local(child), []).append(child)

    def children(self, *names: str) -> list[etree._Element]:
        """Child elements with one of these names, in the order of the names given."""
        return [child for name in names for child in self._by_name.get(name.lower(), [])]


def children(element: etree._Element, *names: str) -> list[etree._Element]:
    """Child elements with one of these local names, in the order of the names given."""
    return Node(element).children(*names)


def attribute(element: etree._Element, name: str) -> str:
    for key, value in element.attrib.items():
        if str(key).rpartition("}")[2].lower() == name.lower():
            return str(value)
    return ""


def text_of(element: etree._Element) -> str:
    """All text below an element as one line; raises ProtocolError for what lies too deep."""
    return " ".join("".join(_texts(element)).split())


def _texts(element: etree._Element) -> Iterator[str]:
    depth = 0
    for event, node in etree.iterwalk(element, events=("start", "end")):
        if event == "start":
            depth += 1
            if depth > MAX_DEPTH:
                raise ProtocolError(f"elements more than {MAX_DEPTH} deep")
            yield node.text or ""
        else:
            depth -= 1
            if node is not element:
                yield node.tail or ""


def clean(text: str) -> str:
    """Text without what XML cannot hold."""
    return _NOT_XML.sub("", text)


def write(root: etree._Element, charset: str) -> bytes:
    """The document with its declaration; what the charset lacks is written as a character reference."""
    codec = {"utf_8": "utf-8"}.get(codec_of(charset) or "", charset)
    text = etree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="{charset}"?>'.encode("ascii") + text.encode(codec, "xmlcharrefreplace")
