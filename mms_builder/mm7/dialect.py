"""How a carrier wants its MM7: one table. Settings choose a row by name and may change any column.

| carrier | source |
|---|---|
| rel5-0 … rel5-3 | Openwave's client: namespaces REL-5-MM7-1-0 … -3; versions 5.3.0, 5.5.0, 5.6.0 |
| rel6-0, rel6-4 | REL-6-MM7-1-0 with 6.3.0; REL-6-MM7-1-4 with 6.8.0 (Momentum's documentation) |
| china-mobile | its API V1.5.3 of 2004-06-21 and the manual of 2006-03-25 |
| china-unicom | its MM7 text |
| mbuni | 1.6, seen on the wire |
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, timedelta, timezone, tzinfo

from caiyou.mime.charset import codec_of

_NAMESPACES = "http://www.3gpp.org/ftp/Specs/archive/23_series/23.140/schema/"
BEIJING = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What one carrier sends and wants to be sent."""

    name: str
    namespace: str  # a full URL
    version: str  # MM7Version
    prefix: str = ""  # of the elements in the body; empty: a default namespace
    xml_charset: str = "UTF-8"  # of the SOAP part: UTF-8, GB2312, GBK or GB18030; what does not fit is written as &#n;
    zone: tzinfo = UTC  # of times without one, and of those that we write
    soap_id: str = "soap"  # Content-ID of the SOAP part
    preamble: str = ""  # before the first boundary
    http_headers: tuple[tuple[str, str], ...] = ()
    transfer_encoding: str = "binary"  # what is said of the parts; none is encoded
    content_element: bool = True  # Content href="cid:…" in the request
    plain_sender: bool = False  # SenderAddress holds the number itself
    numeric_status: bool = False  # MMStatus and ReadStatus as a number
    service_codes: bool = False  # China Mobile's rules for ServiceCode and VASID
    content_ids: bool = False  # China Unicom: Content-ID on every part, unique; with SMIL Content-Location and src too
    vas_in_deliver: bool = False  # VASPID and VASID in DeliverReq (REL-6)

    def __post_init__(self) -> None:
        if codec_of(self.xml_charset) not in ("utf_8", "gb18030"):
            raise ValueError(f"xml_charset {self.xml_charset!r} is none of UTF-8, GB2312, GBK, GB18030")
        if not re.fullmatch(r"\d{1,2}\.\d{1,2}\.\d{1,2}", self.version):
            raise ValueError(f"version {self.version!r} is not like 6.8.0")


DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Dialect(name="rel5-0", namespace=_NAMESPACES + "REL-5-MM7-1-0", version="5.3.0"),
        Dialect(name="rel5-1", namespace=_NAMESPACES + "REL-5-MM7-1-1", version="5.3.0"),
        # The schema of 5.5.0, which by mistake allows 5.3.0 only: Nokia's MMSC, KTF and Vibes send that.
        Dialect(name="rel5-2", namespace=_NAMESPACES + "REL-5-MM7-1-2", version="5.3.0"),
        Dialect(name="rel5-3", namespace=_NAMESPACES + "REL-5-MM7-1-3", version="5.6.0"),
        Dialect(name="rel6-0", namespace=_NAMESPACES + "REL-6-MM7-1-0", version="6.3.0", vas_in_deliver=True),
        Dialect(name="rel6-4", namespace=_NAMESPACES + "REL-6-MM7-1-4", version="6.8.0", vas_in_deliver=True),
        Dialect(
            name="china-mobile",
            namespace=_NAMESPACES + "REL-6-MM7-1-0",
            version="6.3.0",
            zone=BEIJING,
            soap_id="/tnn-200102/mm7-vasp",
            preamble="this is a multi-part message in MIME format",
            http_headers=(("MM7APIVersion", "V1.5.3_20040621"), ("Mime-Version", "1.0")),
            transfer_encoding="8bit",
            content_element=False,
            plain_sender=True,
            numeric_status=True,
            service_codes=True,
            vas_in_deliver=True,
        ),
        Dialect(
            name="china-unicom",
            namespace=_NAMESPACES + "REL-6-MM7-1-0",
            version="6.3.0",
            zone=BEIJING,
            content_ids=True,
            vas_in_deliver=True,
        ),
        # Answers 5.3.0 in REL-5-MM7-1-0 whatever it was asked; wants the content part named.
        Dialect(name="mbuni", namespace=_NAMESPACES + "REL-5-MM7-1-0", version="5.3.0", prefix="mm7"),
    )
}
