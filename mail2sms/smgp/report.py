"""The body of a DELIVER that reports (SMGP 3.0.3, 6.2.24, MsgContent): text, but its id is ten raw octets.

So it is read as octets and never decoded first. Carriers differ in blanks, in ``submit date`` or ``submit_date``, in
``text`` or ``txt`` (a capture in Lihuanghe/SMSGate, TestSMGPMsgIdUtil, has ``submit_date``, ``txt`` and no blank after
the id); some gateways write the id as 20 digits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from caiyou.errors import ProtocolError

ID_OCTETS = 10

_BEGIN = re.compile(rb"\s*id:", re.IGNORECASE)
_HEX_ID = re.compile(rb" ?([0-9a-f]{20})(?=[\s\0]*(?:sub|dlvrd|submit|done|stat):)", re.IGNORECASE)
_KEY = re.compile(rb"(sub|dlvrd|submit[ _]?date|done[ _]?date|stat|err|te?xt):", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """``msg_id`` is the submit answer's. Times YYMMDDHHMM; ``err`` 000 where it was delivered."""

    msg_id: bytes
    sub: str = "001"
    dlvrd: str = "001"
    submit_date: str = ""
    done_date: str = ""
    stat: str
    err: str = ""
    txt: bytes = b""  # three digits of length and the beginning of the message, in its format


def encode_report(report: Report) -> bytes:
    """As the text has it: 122 octets."""
    if len(report.msg_id) != ID_OCTETS:
        raise ValueError(f"msg_id: {len(report.msg_id)} octets, {ID_OCTETS} needed")
    rest = (
        f" sub:{report.sub:<3.3} dlvrd:{report.dlvrd:<3.3} submit date:{report.submit_date:<10.10}"
        f" done date:{report.done_date:<10.10} stat:{report.stat:<7.7} err:{report.err:<3.3} text:"
    )
    return b"id:" + report.msg_id + rest.encode("ascii") + report.txt[:20].ljust(20, b"\0")


def decode_report(content: bytes) -> Report:
    """Read one; raises ProtocolError where id or stat is missing. What else is missing is empty."""
    begin = _BEGIN.match(content)
    if begin is None:
        raise ProtocolError("it does not begin with id:")
    rest = content[begin.end() :]
    written = _HEX_ID.match(rest)
    if written is not None:
        msg_id, rest = bytes.fromhex(written[1].decode("ascii")), rest[written.end() :]
    else:
        msg_id, rest = rest[:ID_OCTETS], rest[ID_OCTETS:]
    if len(msg_id) < ID_OCTETS:
        raise ProtocolError(f"id: {ID_OCTETS} octets needed, {len(msg_id)} present")
    values = _values(rest)
    if not values.get("stat"):
        raise ProtocolError("it has no stat")
    texts = {name: value.decode("latin-1") for name, value in values.items() if name != "txt"}
    return Report(
        msg_id=msg_id,
        sub=texts.get("sub", ""),
        dlvrd=texts.get("dlvrd", ""),
        submit_date=texts.get("submitdate", ""),
        done_date=texts.get("donedate", ""),
        stat=texts["stat"],
        err=texts.get("err", ""),
        txt=values.get("txt", b""),
    )


def _values(rest: bytes) -> dict[str, bytes]:
    """What stands behind each key, without blanks and 0x00 around it. Behind the text's key all is text."""
    values: dict[str, bytes] = {}
    keys = list(_KEY.finditer(rest))
    for index, key in enumerate(keys):
        name = key[1].decode("ascii").lower().replace(" ", "").replace("_", "")
        if name in ("txt", "text"):
            values["txt"] = rest[key.end() :].rstrip(b"\0")
            break
        end = keys[index + 1].start() if index + 1 < len(keys) else len(rest)
        values.setdefault(name, rest[key.end() : end].strip(b" \0\t\r\n"))
    return values
