"""What single carriers want of a message beyond the schema; checked before it is sent, so that the reason is ours."""

from __future__ import annotations

import re

from caiyou.mime.charset import codec_of
from mms_builder.mm7.dialect import Dialect
from mms_builder.mm7.messages import ReplaceReq, Sender, SubmitReq
from mms_builder.multipart import Part, bare_id

BARE_CODE = "0"  # the service code of a message to the bare number (China Mobile)
_SRC = re.compile(r"""\bsrc\s*=\s*["']([^"']{1,300})["']""")


def check(message: object, dialect: Dialect) -> None:
    """Raises ValueError, with the rule, for what the dialect's carrier would refuse."""
    if not isinstance(message, SubmitReq | ReplaceReq):
        return
    if isinstance(message, SubmitReq) and not message.recipients.all:
        raise ValueError("a SubmitReq without a recipient")
    if dialect.service_codes:
        _service_codes(message.sender, message.service_code)
    if dialect.content_ids and message.content is not None:
        _content_ids(message.content)


def _service_codes(sender: Sender, service_code: str) -> None:
    if not sender.vaspid:
        raise ValueError("China Mobile wants VASPID, the SP code")
    if not re.fullmatch(r"\d{4,5}", sender.vasid):
        raise ValueError("China Mobile wants VASID, the service number (服务代码): 4 digits national, 5 local")
    if not re.fullmatch(r"\d{6}", service_code) or not service_code.strip("0"):
        raise ValueError("China Mobile wants ServiceCode (业务代码): 6 digits to the phone, never zeros alone")


def mo_service_code(recipient: str, vasid: str) -> str:
    """The service code that a subscriber wrote behind our number: 3 digits, never 000; ``0`` for the bare number.

    Raises ValueError for what is neither.
    """
    rest = recipient.removeprefix(vasid)
    if not vasid or not recipient.startswith(vasid) or not re.fullmatch(r"|\d{3}", rest) or rest == "000":
        raise ValueError("not our number with a service code of 3 digits behind it")
    return rest or BARE_CODE


def _content_ids(content: Part) -> None:
    parts = list(content.leaves())
    ids = [part.content_id for part in parts]
    if not all(ids):
        raise ValueError("China Unicom wants a Content-ID on every part")
    if len({bare_id(one).lower() for one in ids}) != len(ids):
        raise ValueError("China Unicom wants each Content-ID once")
    for part in parts:
        if part.media_type == "text/plain" and codec_of(part.charset or "us-ascii") not in ("utf_8", "ascii"):
            raise ValueError("China Unicom wants texts in UTF-8")
    slides = [part for part in parts if part.media_type == "application/smil"]
    if slides:
        if any(part.location != part.content_id for part in parts):
            raise ValueError("China Unicom wants Content-Location, the same as Content-ID, where there is SMIL")
        for source in _SRC.findall(bytes(slides[0].content).decode("utf-8", "replace")):
            if bare_id(source) not in ids:
                raise ValueError("China Unicom wants the Content-ID in each src of the SMIL")
