"""A business card as vCard 2.1, which every phone with MMS puts into its address book (versit vCard 2.1, 1996)."""

from __future__ import annotations

import quopri
import re
from collections.abc import Mapping

from mms_builder.slides import Media

_PHONE = re.compile(r"(?<![\w.@])(?:\+|00)?\(?\d[\d ()\-‐–]{5,20}\d(?![\w@])")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_WEB = re.compile(r"(?:https?://|www\.)[^\s，。；]+", re.IGNORECASE)
_LABELS = re.compile(
    r"(?i)(?:手机|电话|座机|传真|邮箱|邮件|网址|地址|mobile|phone|tel|cell|fax|e-?mail|web|address)\s*[:：]?\s*"
)
MAX_FOUND = 5  # of each kind


def vcard(fields: Mapping[str, str]) -> Media:
    """From the fields name, title, company and contact; numbers and addresses are found in the contact's text."""
    lines = ["BEGIN:VCARD", "VERSION:2.1"]
    name = fields.get("name", "")
    lines += [_property("N", name), _property("FN", name)]
    for key, field in (("ORG", "company"), ("TITLE", "title")):
        if fields.get(field):
            lines.append(_property(key, fields[field]))
    rest = fields.get("contact", "")
    for key, pattern in (("EMAIL;INTERNET", _EMAIL), ("URL", _WEB), ("TEL", _PHONE)):
        found = list(dict.fromkeys(match[0] for match in pattern.finditer(rest)))[:MAX_FOUND]
        rest = pattern.sub("\n", rest)
        lines += [
            _property(_kind_of(text) if key == "TEL" else key, _dialled(text) if key == "TEL" else text)
            for text in found
        ]
    note = " ".join(part for line in rest.split("\n") if (part := _LABELS.sub("", line).strip(" ,;:，；：、")))
    if note:
        lines.append(_property("NOTE", note))
    content = "\r\n".join([*lines, "END:VCARD", ""]).encode("ascii")
    return Media(media_type="text/x-vcard", content=content, name="card.vcf")


def _kind_of(number: str) -> str:
    digits = _dialled(number).removeprefix("+86").removeprefix("0086")
    return "TEL;CELL" if re.fullmatch(r"1[3-9]\d{9}", digits) else "TEL;VOICE"


def _dialled(number: str) -> str:
    return "+" * number.startswith("+") + re.sub(r"\D", "", number)


def _property(key: str, text: str) -> str:
    """One property; what is not plain ASCII goes as quoted-printable UTF-8."""
    value = " ".join(text.split())
    if key == "N" or key == "ORG":
        value = value.replace("\\", "\\\\").replace(";", "\\;")
    if value.isascii() and value.isprintable() and "=" not in value:
        return f"{key}:{value}"
    # soft line breaks of quoted-printable end in CRLF here as everywhere in a vCard
    quoted = quopri.encodestring(value.encode("utf-8")).decode("ascii").replace("\r\n", "\n").replace("\n", "\r\n")
    return f"{key};CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:{quoted}"
