"""Short messages on their way to the gateway: onto ``mt:<route>``, or held in ``mt-later`` until their hour.

Deduplication, the daily cap's count, the stream and the event are one script, so a crash never loses or doubles one.
Asking again for the same mail (the job ran twice) changes nothing.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from hashlib import sha256
from importlib.resources import files
from secrets import token_hex
from typing import Any

import redis

from caiyou.events import Event, Kind
from caiyou.queues import DEDUP_S, Notify, ShortMessage, mt_stream, to_payload
from mail2sms.rules import Due, Why

PAGE = 200  # in one script call, so that a mail to a huge list does not hold Redis up
FACTS = ("queue_id", "message_id", "subscriber", "number")  # of a skipped one, made fit by Event
SCRIPT = files("mail2sms").joinpath("outgoing.lua").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One short message that is due. ``payer`` is the mailbox that it is counted for."""

    due: Due
    recipient: str  # mailbox, or the address where it is none of ours
    payer: str
    domain: str
    text: str
    long: bool
    zone: tzinfo


class Outgoing:
    """Puts short messages on a route. Redis errors pass through."""

    def __init__(self, connection: redis.Redis, route: str, validity_s: float) -> None:
        self._script = connection.register_script(SCRIPT)
        self._route = route
        self._validity_s = validity_s

    def put(self, mail: Notify, wanted: list[Wanted], now: datetime) -> list[str]:
        """What became of each: queued, again (by this mail's job before), duplicate, cap."""
        became: list[str] = []
        fixed = {"owner": f"{mail.queue_id} {mail.sent_at}", "dedup_s": DEDUP_S, "at": now.isoformat()}
        for start in range(0, len(wanted), PAGE):
            items = [self._item(mail, one, now) for one in wanted[start : start + PAGE]]
            became += [answer.decode() for answer in self._script(args=[_json({**fixed, "items": items})])]
        return became

    def _item(self, mail: Notify, one: Wanted, now: datetime) -> dict[str, Any]:
        at = one.due.not_before or now
        message = ShortMessage(
            id=new_id(),
            to=one.due.number,
            text=one.text,
            route=self._route,
            domain=one.domain,
            subscriber=one.payer,
            long=one.long,
            valid_until=(at + timedelta(seconds=self._validity_s)).isoformat(),
            queue_id=mail.queue_id,
            message_id=mail.message_id,
        )
        detail = {"route": self._route}
        if one.due.not_before:
            detail["not_before"] = one.due.not_before.isoformat()
        id = event_id(mail, one.recipient, one.due.number)
        queued = Event(
            kind=Kind.NOTIFY_QUEUED,
            id=f"{id}-queued",
            queue_id=mail.queue_id,
            message_id=mail.message_id,
            subscriber=one.recipient,
            number=one.due.number,
            sms_id=message.id,
            result=one.due.why.value,
            detail=detail,
        )
        return {
            "dedup": f"notified:{_digest(mail.message_id, one.recipient, one.due.number)}",
            "cap_key": f"cap:{one.recipient}:{at.astimezone(one.zone).date().isoformat()}",
            "cap": one.due.daily_cap,
            "counts": one.due.why is Why.ARRIVAL,
            "not_before": one.due.not_before.timestamp() if one.due.not_before else 0,
            "stream": mt_stream(self._route),
            "message": _json(to_payload(message)).decode(),
            "id": id,
            "queued": queued.to_json(),
            "facts": _json({name: getattr(queued, name) for name in FACTS}).decode()[1:-1],
        }


def event_id(mail: Notify, recipient: str, number: str = "") -> str:
    """Of the events about one recipient and number of a mail: the same when the job runs again."""
    return f"n-{_digest(mail.queue_id, mail.sent_at, recipient, number)}"


def new_id() -> str:
    """An id of a short message: unique, and later ones sort later."""
    return f"{time.time_ns() // 1_000_000:011x}{token_hex(5)}"


def _json(value: dict[str, Any]) -> bytes:
    """UTF-8; what is no character (lone surrogates of undecodable headers) becomes a question mark."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _digest(*parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
