"""Bodies of HTTP requests and answers to messages of MM7 and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from lxml import etree

from caiyou.errors import ProtocolError
from mms_builder import multipart
from mms_builder.mm7 import rules, soap
from mms_builder.mm7.dialect import Dialect
from mms_builder.mm7.fields import Context, read_fields, write_fields
from mms_builder.mm7.messages import (
    BY_NAME,
    DeliverReq,
    DeliveryReportReq,
    Fault,
    Message,
    ReadReplyReq,
    ReplaceReq,
    RSErrorRsp,
    SubmitReq,
    VASPErrorRsp,
)
from mms_builder.multipart import Part

CONTENT_ID = "content"  # of a content part that has none of its own
_XML_TYPES = ("text/xml", "application/xml", "application/soap+xml")
_WITH_CONTENT = (SubmitReq, DeliverReq, ReplaceReq)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """An HTTP request's or answer's ``headers`` (Content-Type, SOAPAction and the carrier's own) and ``body``."""

    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message as it came. ``forgave`` names the peer's slips, for the log: no number and no text stands in it."""

    message: Message
    transaction_id: str = ""
    namespace: str = ""
    version: str = ""
    forgave: tuple[str, ...] = ()

    def answer_in(self, dialect: Dialect) -> Dialect:
        """``dialect`` with the caller's namespace and version, which the answer is to have."""
        namespace, version = self.namespace or dialect.namespace, self.version or dialect.version
        try:
            return replace(dialect, namespace=namespace, version=version)
        except ValueError:  # the caller's version is no version
            return replace(dialect, namespace=namespace)


def encode(message: Message, *, transaction_id: str, dialect: Dialect) -> Encoded:
    """A message in a carrier's dialect; raises ValueError for what is missing or against the carrier's rules."""
    if not transaction_id:
        raise ValueError("no TransactionID")
    rules.check(message, dialect)
    content = message.content if isinstance(message, _WITH_CONTENT) else None
    if content is not None and not content.content_id:
        content = replace(content, content_id=CONTENT_ID)
    xml = soap.write(_envelope(message, transaction_id, dialect, content), dialect.xml_charset)
    headers = {"SOAPAction": '""', **dict(dialect.http_headers)}
    if content is None:
        return Encoded(headers={"Content-Type": f'text/xml; charset="{dialect.xml_charset}"', **headers}, body=xml)
    boundary = multipart.new_boundary()
    content_type = f'multipart/related; boundary="{boundary}"; type="text/xml"; start="<{dialect.soap_id}>"'
    header, pieces = multipart.write(content, transfer_encoding=dialect.transfer_encoding)
    soap_header = [
        ("Content-Type", f'text/xml; charset="{dialect.xml_charset}"'),
        ("Content-Transfer-Encoding", "8bit"),
        ("Content-ID", f"<{dialect.soap_id}>"),
    ]
    delimiter = f"--{boundary}\r\n".encode()
    body = b"".join(
        [
            f"{dialect.preamble}\r\n\r\n".encode() if dialect.preamble else b"",
            delimiter + multipart.header_octets(soap_header),
            xml,
            b"\r\n" + delimiter + multipart.header_octets(header),
            *pieces,
            f"\r\n--{boundary}--\r\n".encode(),
        ]
    )
    return Encoded(headers={"Content-Type": content_type, **headers}, body=body)


def _envelope(message: Message, transaction_id: str, dialect: Dialect, content: Part | None) -> etree._Element:
    root = etree.Element(f"{{{soap.ENVELOPE}}}Envelope", nsmap={"env": soap.ENVELOPE})
    header = etree.SubElement(root, f"{{{soap.ENVELOPE}}}Header")
    transaction = etree.SubElement(header, f"{{{dialect.namespace}}}TransactionID", nsmap={"mm7": dialect.namespace})
    transaction.set(f"{{{soap.ENVELOPE}}}mustUnderstand", "1")
    transaction.text = soap.clean(transaction_id)
    body = etree.SubElement(root, f"{{{soap.ENVELOPE}}}Body")
    if isinstance(message, Fault):
        fault = etree.SubElement(body, f"{{{soap.ENVELOPE}}}Fault")
        etree.SubElement(fault, "faultcode").text = "env:" + soap.clean(message.code.rpartition(":")[2])
        etree.SubElement(fault, "faultstring").text = soap.clean(message.text)
        if message.detail is not None:
            _body(etree.SubElement(fault, "detail"), message.detail, dialect, None)
    else:
        _body(body, message, dialect, content)
    return root


def _body(parent: etree._Element, message: Any, dialect: Dialect, content: Part | None) -> None:
    space = dialect.namespace
    nsmap = {dialect.prefix or None: space}
    element = etree.SubElement(parent, f"{{{space}}}{message.NAME}", nsmap=nsmap)  # type: ignore[arg-type]  # None: the default
    etree.SubElement(element, f"{{{space}}}MM7Version").text = dialect.version
    write_fields(element, message, Context(dialect=dialect))
    if content is not None and dialect.content_element:
        node = etree.SubElement(element, f"{{{space}}}Content")
        node.set("href", "cid:" + quote(content.content_id, safe="@!$&'()*+,;=:/-._~"))
        if message.allow_adaptations is not None:
            node.set("allowAdaptations", "true" if message.allow_adaptations else "false")


def decode(body: bytes, content_type: str, dialect: Dialect) -> Received:
    """The message in a body; ``dialect`` is whom it is expected from. Raises ProtocolError.

    A body that is XML whatever its type says is taken as such.
    """
    forgave: list[str] = []
    envelope, charset, others = _soap_part(body, content_type, forgave)
    root = soap.read(envelope, charset, forgave)
    if soap.local(root) != "envelope":
        raise ProtocolError("no SOAP envelope")
    context = Context(dialect=dialect, forgave=forgave)
    transaction = [
        soap.text_of(node)
        for header in soap.children(root, "Header")
        for node in soap.children(header, "TransactionID")
    ]
    element = next((child for one in soap.children(root, "Body") for child in one), None)
    if element is None:
        raise ProtocolError("an empty SOAP body")
    message = _message(element, others, context)
    if isinstance(message, DeliveryReportReq | ReadReplyReq) and not message.message_id and any(transaction):
        message = replace(message, message_id=transaction[0])
        forgave.append("no MessageID but the TransactionID")
    inner = next((node for node in _spoken(element)), element)
    version = next((soap.text_of(node) for node in soap.children(inner, "MM7Version")), "")
    return Received(
        message=message,
        transaction_id=transaction[0] if transaction else "",
        namespace=soap.namespace(inner) or soap.namespace(element),
        version=version,
        forgave=tuple(dict.fromkeys(forgave)),
    )


def _soap_part(body: bytes, content_type: str, forgave: list[str]) -> tuple[bytes, str, tuple[Part, ...]]:
    """The SOAP part's octets and charset, and the other parts."""
    whole, slips = multipart.parse(body, content_type)
    if not whole.multipart and multipart.looks_multipart(body):
        whole, slips = multipart.parse(body, "multipart/related")
        slips = ("content type", *slips)
    forgave += slips
    if not whole.multipart:
        if whole.media_type not in _XML_TYPES:
            forgave.append("content type")
        return bytes(whole.content), whole.charset, ()
    part = whole.root
    if part is None or part.multipart or (part.media_type not in _XML_TYPES and not _looks_xml(part)):
        part = next((one for one in whole.parts if one.media_type in _XML_TYPES), None)
        forgave.append("the SOAP part is not where start says")
    if part is None:
        raise ProtocolError("a multipart without a SOAP part")
    return bytes(part.content), part.charset, tuple(one for one in whole.parts if one is not part)


def _looks_xml(part: Part) -> bool:
    return bytes(part.content[:200]).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def _spoken(element: etree._Element) -> Iterator[etree._Element]:
    """The MM7 element: the body's own, or the one in a fault's detail."""
    if soap.local(element) in BY_NAME:
        yield element
    for detail in soap.children(element, "detail", "Detail"):
        yield from (child for child in detail if soap.local(child) in BY_NAME)


def _message(element: etree._Element, others: tuple[Part, ...], context: Context) -> Message:
    name = soap.local(element)
    if name == "fault":
        details = [_message(node, (), context) for node in _spoken(element)]
        return Fault(
            code=next((soap.text_of(node) for node in soap.children(element, "faultcode", "Code")), "Server"),
            text=next((soap.text_of(node) for node in soap.children(element, "faultstring", "Reason")), ""),
            detail=next((one for one in details if isinstance(one, RSErrorRsp | VASPErrorRsp)), None),
        )
    cls = BY_NAME.get(name)
    if cls is None:
        raise ProtocolError("an operation that is none of MM7's")
    found = read_fields(element, cls, context)
    if issubclass(cls, _WITH_CONTENT):
        found["content"], found["allow_adaptations"] = _content(element, others, context)
    return cls(**found)


def _content(element: etree._Element, others: tuple[Part, ...], context: Context) -> tuple[Part | None, bool | None]:
    """The content part: the one that Content names; for peers who name none, or wrongly, what else there is."""
    node = next(iter(soap.children(element, "Content")), None)
    adapt = {"true": True, "1": True, "false": False, "0": False}.get(
        soap.attribute(node, "allowAdaptations").lower() if node is not None else ""
    )
    href = soap.attribute(node, "href") if node is not None else ""
    named = [
        part
        for part in others
        if href and (multipart.same_id(part.content_id, href) or multipart.same_id(part.location, href))
    ]
    if len(named) > 1:
        context.forgave.append("one Content-ID twice")
    if named or not others:
        return (named[0] if named else None), adapt
    if href or context.dialect.content_element:
        context.forgave.append("no part of the Content's name" if href else "no Content element")
    if len(others) == 1:
        return others[0], adapt
    return Part(media_type="multipart/mixed", parts=others), adapt
