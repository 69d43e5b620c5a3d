"""What hostile peers send ends in ProtocolError, soon and without much memory; noise never ends in anything else."""

from __future__ import annotations

import contextlib
import http.server
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiyou.errors import ProtocolError
from mms_builder import multipart
from mms_builder.mm7 import codec, outcome, soap
from mms_builder.mm7.dialect import DIALECTS
from mms_builder.mm7.messages import DeliverReq, SubmitReq

REL6 = DIALECTS["rel6-4"]
ENVELOPE = (
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header><TransactionID>t</TransactionID>'
    "</e:Header><e:Body>%s</e:Body></e:Envelope>"
)
LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))


def decode(text: str | bytes, content_type: str = "text/xml") -> codec.Received:
    return codec.decode(text.encode() if isinstance(text, str) else text, content_type, REL6)


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server on loopback and the paths that it was asked for."""
    paths: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", paths
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "prolog",
    [
        f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd">',
        "<!-- <x> --><!DOCTYPE x []>",
        "<!doctype x>",
        '<?xml version="1.0"?>\n<?pi <y?><!DOCTYPE x [<!ENTITY a "b">]>',
    ],
    ids=["billion laughs", "external subset", "behind a comment", "lower case", "behind an instruction"],
)
def test_no_dtd(prolog: str) -> None:
    begin = time.process_time()
    with pytest.raises(ProtocolError, match=r"DTD|well-formed"):
        decode(prolog + ENVELOPE % "<SubmitReq><Subject>&l9;</Subject></SubmitReq>")
    assert time.process_time() - begin < 0.5


def test_no_external_entity_and_no_network(asked: tuple[str, list[str]], tmp_path: Path) -> None:
    url, paths = asked
    secret = tmp_path / "secret"
    secret.write_text("secret")
    for where in (f"file://{secret}", f"{url}/entity"):
        for entity in (f'<!ENTITY x SYSTEM "{where}">', f'<!ENTITY % x SYSTEM "{where}"> %x;'):
            with pytest.raises(ProtocolError):
                decode(f"<!DOCTYPE e [{entity}]>" + ENVELOPE % "<SubmitReq><Subject>&x;</Subject></SubmitReq>")
    included = (
        f'<SubmitReq xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="{url}/x" parse="text"/></SubmitReq>'
    )
    message = decode(f'<?xml-stylesheet href="{url}/style"?>' + ENVELOPE % included).message
    assert message == SubmitReq()
    assert paths == []


@pytest.mark.parametrize(
    "text",
    [
        ENVELOPE % ("<SubmitReq><Subject>" + "x" * soap.MAX_OCTETS + "</Subject></SubmitReq>"),
        ENVELOPE % ("<a>" * 3000 + "</a>" * 3000),
        ENVELOPE % f"<SubmitReq><Subject>{'<a>' * 100}x{'</a>' * 100}</Subject></SubmitReq>",
        ENVELOPE % "",
        ENVELOPE % "<DropTable/>",
        "<Envelope/>",
        "<html><body>It works!</body></html>",
        "",
        " \r\n",
        "no XML",
        "<",
        "<e:Envelope xmlns:e='x'><e:Body><SubmitReq></e:Body>",
        ENVELOPE % "<SubmitReq/>" + "<more/>",
        ENVELOPE % "<SubmitReq><Subject>a < b</Subject></SubmitReq>",
        ENVELOPE % "<SubmitReq a='1' a='2'/>",
        ENVELOPE % "<SubmitReq><Subject>&nothing;</Subject></SubmitReq>",
    ],
)
def test_what_is_no_message(text: str) -> None:
    with pytest.raises(ProtocolError):
        decode(text)


def test_errors_do_not_repeat_what_was_sent() -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(ENVELOPE % "<SubmitReq><Subject>13800138000</Secret13800138000>")
    assert "1380" not in str(caught.value)


@pytest.mark.parametrize(
    "inner",
    [
        "<a/>" * (soap.MAX_OCTETS // 4 - 100),
        "<SubmitReq>" + "<To/>" * (soap.MAX_OCTETS // 5 - 100) + "</SubmitReq>",
        "<SubmitReq><Recipients><To>" + "<Number>1</Number>" * 14000 + "</To></Recipients></SubmitReq>",
        "<SubmitReq " + " ".join(f"a{i}=''" for i in range(26000)) + "/>",
        "<SubmitReq>" + "&amp;" * 50000 + "</SubmitReq>",
        "<SubmitReq>" + "&" * 250000 + "</SubmitReq>",
        "".join(f"<x{i} xmlns:p{i}='u'>" for i in range(200)) + "".join(f"</x{i}>" for i in reversed(range(200))),
    ],
    ids=["elements", "children", "recipients", "attributes", "references", "ampersands", "namespaces"],
)
def test_large_documents_are_bounded(inner: str) -> None:
    octets = (ENVELOPE % inner).encode()
    assert len(octets) <= soap.MAX_OCTETS
    tracemalloc.start()
    begin = time.process_time()
    with contextlib.suppress(ProtocolError):
        decode(octets)
    took, peak = time.process_time() - begin, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert took < 5
    assert peak < 100 << 20


def test_the_content_of_a_large_message_is_not_copied() -> None:
    picture = bytes(range(256)) * 4000
    body = (
        (
            b"--b\r\nContent-Type: text/xml\r\n\r\n"
            + (ENVELOPE % "<DeliverReq><Content href='cid:a'/></DeliverReq>").encode()
        )
        + b"\r\n--b\r\nContent-ID: <a>\r\nContent-Type: image/jpeg\r\n\r\n"
        + picture
        + b"\r\n--b--"
    )
    decode(body, "multipart/related; boundary=b")  # modules and tables are loaded
    tracemalloc.start()
    received = decode(body, "multipart/related; boundary=b")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(received.message, DeliverReq)
    assert received.message.content is not None
    assert received.message.content.content == picture
    assert peak < len(picture) // 4


def test_truncated_at_any_octet() -> None:
    body = (
        b"--b\r\nContent-Type: text/xml\r\n\r\n"
        + (ENVELOPE % "<DeliverReq><Subject>s</Subject><Content href='cid:a'/></DeliverReq>").encode()
        + b"\r\n--b\r\nContent-ID: <a>\r\nContent-Type: image/gif\r\n\r\nGIF\r\n--b--"
    )
    whole = decode(body, "multipart/related; boundary=b")
    assert whole.forgave == ()
    for end in range(len(body) - 4):
        try:
            part = decode(body[:end], "multipart/related; boundary=b")
        except ProtocolError:
            continue
        assert "no closing boundary" in part.forgave


def test_a_large_body_is_refused_before_it_is_read() -> None:
    with pytest.raises(ProtocolError, match="at most"):
        decode(b"<" * (multipart.MAX_OCTETS + 1))


SAMPLE = (
    b"--b\r\nContent-Type: text/xml; charset=utf-8\r\nContent-ID: <s>\r\n\r\n"
    + b'<?xml version="1.0" encoding="UTF-8"?>'
    + (
        ENVELOPE % "<DeliverReq xmlns='urn:n'><MM7Version>6.8.0</MM7Version><Sender><Number>138</Number></Sender>"
        "<TimeStamp>2026-11-23T09:30:00Z</TimeStamp><Subject>你好</Subject><Content href='cid:a'/></DeliverReq>"
    ).encode()
    + b"\r\n--b\r\nContent-ID: <a>\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nhi\r\n--c--\r\n--b--"
)
TYPE = 'multipart/related; boundary="b"; start="<s>"; type="text/xml"'


@given(
    changes=st.lists(st.tuples(st.integers(0, len(SAMPLE)), st.integers(0, 30), st.binary(max_size=8)), max_size=4),
    content_type=st.sampled_from([TYPE, "text/xml", "multipart/mixed", "", "text/xml; charset=gbk", "\x00"]),
)
def test_mutations(changes: list[tuple[int, int, bytes]], content_type: str) -> None:
    octets = SAMPLE
    for at, cut, new in changes:
        octets = octets[:at] + new + octets[at + cut :]
    with contextlib.suppress(ProtocolError):
        codec.decode(octets, content_type, REL6)
    outcome.read(200, content_type, octets, REL6)


@given(words=st.lists(st.sampled_from(["<", ">", "&", "x", "To", "/", "'", "=", " ", "<To>", "</To>", "\x00", "]]>"])))
def test_torn_xml(words: list[str]) -> None:
    with contextlib.suppress(ProtocolError):
        decode(ENVELOPE % f"<SubmitReq>{''.join(words)}</SubmitReq>")


@given(
    name=st.sampled_from(["ExpiryDate", "Subject", "Priority", "DeliveryReport", "Recipients"]),
    text=st.text(max_size=60),
)
def test_any_text_in_any_field(name: str, text: str) -> None:
    escaped = soap.clean(text).replace("&", "&amp;").replace("<", "&lt;")
    received = decode((ENVELOPE % f"<SubmitReq><{name}>{escaped}</{name}></SubmitReq>").encode("utf-8", "replace"))
    assert isinstance(received.message, SubmitReq)


@given(octets=st.binary(max_size=200), status=st.integers(100, 599), content_type=st.text(max_size=30))
def test_no_answer_raises(octets: bytes, status: int, content_type: str) -> None:
    assert outcome.read(status, content_type, octets, REL6).http_status == status
