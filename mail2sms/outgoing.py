"""Short messages on their way to the gateway: onto ``mt:<route>:<class>``, or held in ``mt-later`` until their hour.

Deduplication, the caps' counts, the stream and the event are one script, so a crash never loses or doubles one. Asking
again for the same message changes nothing. What is refused here was never queued: the caps, and STOP for all but what
the receiver asked for himself (code) or what must be known (alarm).
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
from zoneinfo import ZoneInfo

import redis

from caiyou.errors import InputError
from caiyou.events import Event, Kind
from caiyou.msisdn import Msisdn
from caiyou.queues import CLASSES, DEDUP_S, Notify, ShortMessage, mt_stream, to_payload
from mail2sms.routing import Router, Way
from mail2sms.rules import Due, Why
from mail2sms.segment import split
from mail2sms.sending import STOPPABLE
from mail2sms.settings import SmsSettings

PAGE = 200  # in one script call, so that a mail to a huge list does not hold Redis up
FACTS = ("queue_id", "message_id", "subscriber", "number")  # of a skipped one, made fit by Event
SCRIPT = files("mail2sms").joinpath("outgoing.lua").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """Who pays, and his caps for a calendar month of the site in fen: his own and his domain's; None: the settings'."""

    subscriber: str = ""  # mailbox
    domain: str = ""
    month_fen: int | None = None
    domain_month_fen: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One short message that is due."""

    due: Due
    recipient: str  # mailbox, or the address where it is none of ours
    payer: Payer
    text: str
    long: bool
    zone: tzinfo


class Outgoing:
    """Puts short messages on the route that is theirs. Redis errors pass through."""

    def __init__(self, connection: redis.Redis, settings: SmsSettings, zone: str) -> None:
        """``zone``: the site's, an IANA name: its months are those of the spending caps."""
        self._script = connection.register_script(SCRIPT)
        self._settings = settings
        self._zone = ZoneInfo(zone)
        self.router = Router(settings)

    def put(self, mails: list[tuple[Notify, list[Wanted]]], now: datetime) -> list[list[str]]:
        """What became of all that each mail wants.

        queued, again (by its job before), duplicate, cap, spending_cap or stopped.
        """
        became = iter(self._run([self._notification(mail, one, now) for mail, wanted in mails for one in wanted], now))
        return [[next(became) for _ in wanted] for _, wanted in mails]

    def send(
        self,
        to: Msisdn,
        text: str,
        *,
        id: str,
        message_class: str,
        now: datetime,
        payer: Payer | None = None,
        route: str = "",
        src: str = "",
        long: bool = True,
        validity_s: float | None = None,
    ) -> str:
        """Queue one message; what became of it: queued, again (this ``id`` was queued before), spending_cap, stopped.

        ``route`` empty: the router chooses. Raises InputError on an unknown class or route and on a text that is empty
        or does not fit.
        """
        way = self.way(to, message_class, payer.domain if payer else "", route)
        parts = parts_of(text, long=long)
        message = ShortMessage(
            id=id,
            to=to,
            text=text,
            route=way.route,
            domain=payer.domain if payer else "",
            subscriber=payer.subscriber if payer else "",
            message_class=message_class,
            src=src,
            long=long,
            created_at=now.isoformat(),
            valid_until=(now + timedelta(seconds=validity_s or self._settings.validity_s)).isoformat(),
        )
        queued = _event(Kind.SMS_QUEUED, message, way, parts, id=f"{id}-queued", result=message_class)
        item = self._item(message, payer or Payer(), way, parts, queued, now) | {"dedup": f"sent:{id}", "owner": id}
        return self._run([item], now)[0]

    def way(self, to: Msisdn, message_class: str, domain: str = "", route: str = "") -> Way:
        """The way that a message would take; raises InputError on an unknown class or route."""
        if message_class not in CLASSES:
            raise InputError(f"class {message_class!r:.40} is not one of {', '.join(CLASSES)}")
        if route and route not in self._settings.routes:
            raise InputError(f"route {route!r:.40} is not in sms.routes ({', '.join(self._settings.routes) or 'none'})")
        if not self._settings.routes:
            raise InputError("no route is set in [sms.routes]: nothing to send over")
        if route:
            return self.router.of_route(route, to)
        return self.router.way(to, domain=domain, message_class=message_class)

    def _notification(self, mail: Notify, one: Wanted, now: datetime) -> dict[str, Any]:
        at = one.due.not_before or now
        number = one.due.number
        way = self.router.way(number, domain=one.payer.domain)
        message = ShortMessage(
            id=new_id(),
            to=number,
            text=one.text,
            route=way.route,
            domain=one.payer.domain,
            subscriber=one.payer.subscriber,
            long=one.long,
            created_at=now.isoformat(),
            valid_until=(at + timedelta(seconds=self._settings.validity_s)).isoformat(),
            queue_id=mail.queue_id,
            message_id=mail.message_id,
        )
        later = {"not_before": one.due.not_before.isoformat()} if one.due.not_before else {}
        id = event_id(mail, one.recipient, number)
        parts = len(split(one.text, long=one.long))
        queued = _event(
            Kind.NOTIFY_QUEUED,
            message,
            way,
            parts,
            id=f"{id}-queued",
            result=one.due.why.value,
            subscriber=one.recipient,
            **later,
        )
        return self._item(message, one.payer, way, parts, queued, at) | {
            "owner": f"{mail.queue_id} {mail.sent_at}",
            "dedup": f"notified:{_digest(mail.message_id, one.recipient, number)}",
            "cap_key": f"cap:{one.recipient}:{at.astimezone(one.zone).date().isoformat()}",
            "cap": one.due.daily_cap,
            "counts": one.due.why is Why.ARRIVAL,
            "not_before": one.due.not_before.timestamp() if one.due.not_before else 0,
            "id": id,
            "facts": _json({name: getattr(queued, name) for name in FACTS}).decode()[1:-1],
        }

    def _item(
        self, message: ShortMessage, payer: Payer, way: Way, parts: int, queued: Event, at: datetime
    ) -> dict[str, Any]:
        """What the script needs of every message; ``at`` is when it is to go."""
        month = f"{at.astimezone(self._zone):%Y-%m}"
        settings = self._settings
        spends = [
            ("subscriber", payer.subscriber, payer.month_fen, settings.subscriber_month_fen),
            ("domain", payer.domain, payer.domain_month_fen, settings.domain_month_fen),
        ]
        return {
            "stream": mt_stream(message.route, message.message_class),
            "message": _json(to_payload(message)).decode(),
            "queued": queued.to_json(),
            "number": message.to,
            "stoppable": message.message_class in STOPPABLE,
            "fen": parts * way.price_fen,
            "spends": [
                {"key": spent_key(kind, name, month), "cap": default if cap is None else cap}
                for kind, name, cap, default in spends
                if name
            ],
        }

    def _run(self, items: list[dict[str, Any]], now: datetime) -> list[str]:
        became: list[str] = []
        fixed = {"dedup_s": DEDUP_S, "at": now.isoformat()}
        for start in range(0, len(items), PAGE):
            page = _json({**fixed, "items": items[start : start + PAGE]})
            became += [answer.decode() for answer in self._script(args=[page])]
        return became


def spent_key(kind: str, name: str, month: str) -> str:
    """Fen that a ``subscriber`` or a ``domain`` spent on short messages in a month (YYYY-MM)."""
    return f"spent:{kind}:{name}:{month}"


def parts_of(text: str, *, long: bool) -> int:
    """How many parts a text takes; raises InputError where it is empty or does not fit."""
    if not text:
        raise InputError("the text is empty")
    parts = len(split(text, long=long))
    if not parts:
        raise InputError("the text does not fit 255 parts" if long else "the text does not fit one SMS")
    return parts


def event_id(mail: Notify, recipient: str, number: str = "") -> str:
    """Of the events about one recipient and number of a mail: the same when the job runs again."""
    return f"n-{_digest(mail.queue_id, mail.sent_at, recipient, number)}"


def new_id() -> str:
    """An id of a short message: unique, and later ones sort later."""
    return f"{time.time_ns() // 1_000_000:011x}{token_hex(5)}"


def _event(kind: Kind, message: ShortMessage, way: Way, parts: int, **more: Any) -> Event:
    fields = {name: more.pop(name) for name in ("id", "result", "subscriber") if name in more}
    return Event(
        kind=kind,
        queue_id=message.queue_id,
        message_id=message.message_id,
        domain=message.domain or None,
        number=message.to,
        sms_id=message.id,
        detail={
            "route": way.route,
            "message_class": message.message_class,
            "parts": parts,
            "price_fen": parts * way.price_fen,
            **more,
        },
        **{"subscriber": message.subscriber or None, **fields},
    )


def _json(value: dict[str, Any]) -> bytes:
    """UTF-8; what is no character (lone surrogates of undecodable headers) becomes a question mark."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _digest(*parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
