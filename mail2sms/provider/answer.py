"""What a provider's HTTP answer means for a part and for its link."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from mail2sms.links import Answer, Outcome
from mail2sms.provider import pick
from mail2sms.settings.http import HttpAnswer, Verdict

MAX_OCTETS = 64 << 10  # of an answer; a longer one is nobody's "accepted"
LONGEST_PAUSE_S = 3600.0  # that a Retry-After is followed
SHOWN = 120  # characters of the provider's words
_DIGITS = re.compile(r"\+?\d{7,}")

OUTCOMES = {
    Verdict.ACCEPTED: Outcome.ACCEPTED,
    Verdict.REFUSED: Outcome.REFUSED,
    Verdict.ELSEWHERE: Outcome.REFUSED,
    Verdict.BUSY: Outcome.BUSY,
    Verdict.UNSURE: Outcome.LOST,
    Verdict.LOGIN: Outcome.UNSENT,
    Verdict.DOWN: Outcome.UNSENT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What became of a request: ``verdict`` is what that means for the link, ``pause_s`` what the answer asks for."""

    answer: Answer
    verdict: Verdict
    pause_s: float = 0.0
    reached: bool = True  # False: there was no connection


def read(how: HttpAnswer, status: int, body: bytes, own_id: str, hide: tuple[str, ...] = ()) -> Reading:
    """Read an answer; never raises. ``hide`` is kept out of what people see: secrets, number, text."""
    words = _words(how, body)
    verdict, why = _verdict(how, status, words)
    ref = (words.id if how.id else own_id) if verdict is Verdict.ACCEPTED else ""
    if verdict is Verdict.ACCEPTED and not ref:
        verdict, why = Verdict.UNSURE, "accepted, and no id in the answer" if words.read else "the answer is unreadable"
    said = clean(" ".join(filter(None, [f"HTTP {status}", words.code, why, words.error])), hide)
    result = "" if verdict is Verdict.ACCEPTED else said
    elsewhere = verdict is Verdict.ELSEWHERE
    return Reading(
        answer=Answer(outcome=OUTCOMES[verdict], ref=ref, result=result, elsewhere=elsewhere), verdict=verdict
    )


def pause_s(retry_after: str | None, now: datetime) -> float:
    """Seconds that a Retry-After asks for (RFC 9110, 10.2.3), at most an hour; 0 where it says nothing."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return min(float(text), LONGEST_PAUSE_S)
    try:
        left_s = (parsedate_to_datetime(text) - now).total_seconds()
    except (TypeError, ValueError, OverflowError):  # no date, or one without a zone
        return 0.0
    return min(max(left_s, 0.0), LONGEST_PAUSE_S)


def clean(text: str, hide: tuple[str, ...]) -> str:
    """Words of the provider for people and logs: without secrets, numbers and our text, which some repeat."""
    for secret in hide:
        if len(secret) > 3:
            text = text.replace(secret, "…")
    text = _DIGITS.sub(lambda found: "****" + found[0][-4:], text)
    return " ".join(text.split())[:SHOWN]


@dataclass(frozen=True, slots=True)
class _Words:
    id: str = ""
    code: str = ""
    error: str = ""
    read: bool = True


def _words(how: HttpAnswer, body: bytes) -> _Words:
    if how.format == "text":
        text = body.decode(how.charset, "replace").strip()
        return _Words(pick.matched(text, how.id), pick.matched(text, how.code), pick.matched(text, how.error))
    try:
        document: Any = pick.json_of(body)
    except ValueError:
        return _Words(read=False)
    return _Words(pick.word_at(document, how.id), pick.word_at(document, how.code), pick.word_at(document, how.error))


def _verdict(how: HttpAnswer, status: int, words: _Words) -> tuple[Verdict, str]:
    """The verdict, and why where that is not plain. The code knows more than the status."""
    known = how.codes.get(words.code) if words.code else None
    if known is not None:
        return known, ""
    by_status = how.status.get(str(status), how.status.get(f"{status // 100}xx", Verdict.UNSURE))
    if by_status is not Verdict.ACCEPTED or not how.code:
        return by_status, ""
    if words.code:
        return how.other_code, ""
    if how.id and words.id:  # many send a code with errors only
        return Verdict.ACCEPTED, ""
    return Verdict.UNSURE, "neither code nor id in the answer" if words.read else "the answer is unreadable"
