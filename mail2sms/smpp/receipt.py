"""Delivery receipts (SMPP 3.4, 5.2.12, 5.3.2.12, 5.3.2.35 and appendix B).

An SMSC says what became of a message in TLVs (receipted_message_id, message_state), in a text whose form the vendor
chooses, or in both. The text of appendix B is what most send, with many small differences::

    id:IIIIIIIIII sub:SSS dlvrd:DDD submit date:YYMMDDhhmm done date:YYMMDDhhmm stat:DDDDDDD err:E Text: ...

TLVs go before the text. Words are found by their names in any order and case, with a blank behind the colon or an
underscore in place of the blank, and what stands behind ``text:`` is the message's own and says nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import Enum

from caiyou.errors import ProtocolError
from mail2sms.smpp.codes import MESSAGE_TYPE, MessageState, MessageType
from mail2sms.smpp.pdu import Incoming

MAX_CHARACTERS = 20  # of a state or an error that is kept


class Fate(Enum):
    """What a receipt means for the message."""

    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"
    PENDING = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a receipt says. ``text_id`` and ``tlv_id`` as written, one of them may be empty (see ``smpp.msgid``)."""

    text_id: str = ""
    tlv_id: str = ""
    fate: Fate
    stat: str  # the SMSC's word
    err: str = ""  # the SMSC's or the network's error; empty where there is none
    done_at: str = ""  # as written: YYMMDDhhmm or YYMMDDhhmmss, in the SMSC's time


_FATES = {
    MessageState.SCHEDULED: Fate.PENDING,
    MessageState.ENROUTE: Fate.PENDING,
    MessageState.DELIVERED: Fate.DELIVERED,
    MessageState.EXPIRED: Fate.EXPIRED,
    # Final by the text (read by customer service for the subscriber); in the field "taken, not delivered yet".
    MessageState.ACCEPTED: Fate.PENDING,
}
_STATS = {
    MessageState.SCHEDULED: "SCHEDULED",
    MessageState.ENROUTE: "ENROUTE",
    MessageState.DELIVERED: "DELIVRD",
    MessageState.EXPIRED: "EXPIRED",
    MessageState.DELETED: "DELETED",
    MessageState.UNDELIVERABLE: "UNDELIV",
    MessageState.ACCEPTED: "ACCEPTD",
    MessageState.UNKNOWN: "UNKNOWN",
    MessageState.REJECTED: "REJECTD",
    MessageState.SKIPPED: "SKIPPED",
}
_STATES = frozenset(MessageState)
# Beginnings suffice: DELIVRD, DELIVERED, ACCEPTD, ACCEPTED, BUFFERED, BUFFRED …
_WORDS = (
    ("DELIV", Fate.DELIVERED),
    ("EXPIR", Fate.EXPIRED),
    ("ACCEP", Fate.PENDING),
    ("ENROUTE", Fate.PENDING),
    ("BUFF", Fate.PENDING),
    ("QUEUE", Fate.PENDING),
    ("SCHED", Fate.PENDING),
    ("PENDING", Fate.PENDING),
)
_TEXT = re.compile(r"(?:^|\s)text\s*:", re.IGNORECASE)
_WORD = re.compile(
    r"(?:^|(?<=[\s,;]))(id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat(?:us)?|err(?:or)?)\s?[:=]"
    r"\s?((?!(?:sub|dlvrd|submit|done|stat|err|text)\w*[ _]?(?:date)?\s?[:=])[^\s,;]*)",  # "id: sub:001" has no id
    re.IGNORECASE,
)
_NAMES = {"donedate": "done", "stat": "stat", "status": "stat", "err": "err", "error": "err", "id": "id"}


def is_receipt(message: Incoming) -> bool:
    """Whether it reports: by its message type, or by the TLVs, which no handset can send, where the type is missing."""
    kind = message.esm_class & MESSAGE_TYPE
    if kind in (MessageType.RECEIPT, MessageType.INTERMEDIATE):
        return True
    if message.receipted_message_id and message.message_state is not None:
        return True
    # An acknowledgement by the handset (which nothing here asks for) that looks like a receipt is taken as one.
    return kind != MessageType.MESSAGE and "id" in _words(message.content)


def read(message: Incoming) -> Receipt:
    """The receipt in ``message``; raises ProtocolError where it names no message or no state."""
    words = _words(message.content)
    text_id, tlv_id = words.get("id", ""), (message.receipted_message_id or "").strip()
    if not text_id and not tlv_id:
        raise ProtocolError("receipt: it names no message")
    state, stat = message.message_state, words.get("stat", "").upper()
    if state is None and not stat:
        raise ProtocolError("receipt: it names no state")
    fate = _fate(stat) if state is None else _FATES.get(_state(state), Fate.FAILED)
    if message.esm_class & MESSAGE_TYPE == MessageType.INTERMEDIATE:
        fate = Fate.PENDING
    return Receipt(
        text_id=text_id,
        tlv_id=tlv_id,
        fate=fate,
        stat=(stat or _STATS[_state(state)])[:MAX_CHARACTERS],
        err=_err(words.get("err", ""), message.network_error_code)[:MAX_CHARACTERS],
        done_at=words.get("done", ""),
    )


def done_at(text: str, zone: tzinfo) -> datetime | None:
    """``done date`` on the SMSC's clock, which keeps ``zone``; None where it is no time. Seconds may be missing."""
    if not (text.isascii() and text.isdigit()):
        return None
    for digits, form in ((10, "%y%m%d%H%M"), (12, "%y%m%d%H%M%S"), (14, "%Y%m%d%H%M%S")):
        if len(text) == digits:
            try:
                return datetime.strptime(text, form).replace(tzinfo=zone)
            except ValueError:
                return None
    return None


def _words(content: bytes) -> dict[str, str]:
    # UCS2 receipts exist, data_coding or not: every second octet is 0 then.
    text = content.replace(b"\0", b"").decode("latin-1")
    end = _TEXT.search(text)
    found: dict[str, str] = {}
    for name, value in _WORD.findall(text[: end.start()] if end else text):
        key = _NAMES.get(re.sub("[ _]", "", name.lower()))
        if key:
            found.setdefault(key, value)
    return found


def _state(state: int | None) -> MessageState:
    return MessageState(state) if state is not None and state in _STATES else MessageState.UNKNOWN


def _fate(stat: str) -> Fate:
    return next((fate for word, fate in _WORDS if stat.startswith(word)), Fate.FAILED)


def _err(text: str, network: bytes | None) -> str:
    if text.strip("0"):
        return text
    if network is not None and len(network) == 3 and any(network[1:]):
        return str(int.from_bytes(network[1:], "big"))
    return ""
