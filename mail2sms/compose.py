"""The text of a notification (N5): ``张三 11-23 12:05 主题: 正文…``.

Sender, time sent in the subscriber's zone, subject, beginning of the text; the layout has no words, so it needs no
language. What does not fit is shortened in this order: the text, the sender down to a few letters, the subject. No
character is replaced by another.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from itertools import takewhile

from caiyou.queues import Notify
from mail2sms.segment import Coding, fit, is_latin, split

LONG_PARTS = 4  # of a notification to a subscriber who allows long SMS
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def compose(notify: Notify, *, zone: tzinfo, long: bool = False) -> str:
    """The text for one SMS (70 UCS-2 or 140 Latin characters), or for up to ``LONG_PARTS`` if ``long``.

    Raises ValueError if ``sent_at`` is not ISO 8601.
    """
    sender, subject, body = map(_clean, (notify.header_from or notify.mail_from, notify.subject, notify.text))
    time = _time(notify.sent_at, zone)
    text = _compose(sender, time, subject, body, Coding.UCS2, long)
    if is_latin(sender + subject):
        # One curly quote in an English text would halve it, so what stands before the quote may well say more.
        latin_body = "".join(takewhile(is_latin, body))
        rest = "" if latin_body == body else "..."
        latin = _compose(sender, time, subject, latin_body.rstrip() + rest, Coding.LATIN, long)
        if not rest or len(latin) - len(rest) > len(text):
            return latin
    return text


def _compose(sender: str, time: str, subject: str, body: str, coding: Coding, long: bool) -> str:
    units = coding.single
    text = _layout(sender, time, subject, body, coding, units)
    if long and _layout(sender, time, subject, body, coding, 1 << 20) != text:
        units = coding.part * LONG_PARTS
        text = _layout(sender, time, subject, body, coding, units)
        while len(split(text, coding=coding)) > LONG_PARTS:  # a long character may leave room at the end of a part
            units -= 1
            text = _layout(sender, time, subject, body, coding, units)
    return text


def _layout(sender: str, time: str, subject: str, body: str, coding: Coding, units: int) -> str:
    """The text in at most ``units``. If not all fits, a third is the most for the sender and a sixth is his least."""
    length = coding.units
    room = units - length(f" {time} ")
    tail = ": ".join(filter(None, (subject, body)))
    if length(sender) + length(tail) > room:
        wanted = length(subject) + length(": ") + min(length(body), units // 7)
        most = max(units // 3, room - length(tail))
        sender = fit(sender, min(most, max(units // 6, room - wanted)), coding)
        room -= length(sender)
        subject = fit(subject, room, coding)
        body = fit(body, room - length(subject) - (length(": ") if subject else 0), coding)
        tail = ": ".join(filter(None, (subject, body)))
    return f"{sender} {time} {tail}".strip()


def _time(sent_at: str, zone: tzinfo) -> str:
    at = datetime.fromisoformat(sent_at)
    return f"{(at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(zone):%m-%d %H:%M}"


def _clean(text: str) -> str:
    """One line without what is not seen: control characters, direction marks."""
    return " ".join(_UNSEEN.sub("", " ".join(text.split())).split())
