"""The job ``mo``: a number's messages are answered, in order, and its draft is told the time (caiyou.queues.MO_JOB).

What a turn changes, sends and takes off the inbox is one script (dialog.lua) that does nothing unless the facts are
those that the turn was decided on. So a kill at any moment, two workers with one number, or a step sent twice neither
lose nor double nor reorder anything; no lock is held that a dead worker could leave behind.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Any

import redis
from rq.timeouts import JobTimeoutException

from caiyou import log, queues
from caiyou.events import Event, Kind
from caiyou.msisdn import Msisdn
from caiyou.queues import ShortMessage, mt_stream, to_payload
from caiyou.settings import Settings, current
from mail2sms.content import whole
from mail2sms.dialog import card
from mail2sms.dialog.card import CardRules
from mail2sms.dialog.desk import Desk
from mail2sms.dialog.keywords import Command, Keywords
from mail2sms.dialog.message import Draft, Field, Known, Received, Turn
from mail2sms.outgoing import parts_of
from mail2sms.routing import Router, Way
from mail2sms.settings import SmsSettings
from mail2sms.settings.mo import MoSettings

logger = logging.getLogger("mail2sms.dialog")

SCRIPT = files("mail2sms.dialog").joinpath("dialog.lua").read_text(encoding="utf-8")
MESSAGE_CLASS = "code"  # he asked for it: STOP does not hold for it
DRAFT_SLACK_S = 24 * 3600  # a draft outlives its end by so much, should nobody tell it the time


class CannotAnswer(Exception):
    """A bug of ours; the messages are kept in ``mo-rejected`` and the job as failed."""


def run(payload: dict[str, Any]) -> None:
    """The rq job."""
    _dialogues().drain(str(payload["number"]))


@cache
def _dialogues() -> Dialogues:
    return Dialogues(current())


def desk_of(settings: MoSettings) -> Desk:
    """Who answers, by the settings."""
    rules = CardRules(
        keywords=Keywords({Command(name): words for name, words in settings.keywords.items()}),
        templates=settings.templates,
        remind_s=settings.remind_s,
        end_s=settings.end_s,
    )
    return Desk(numbers=settings.numbers, rules=rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """A number as Redis knows it."""

    head: bytes  # the first message of its inbox
    draft: bytes
    stopped: bool
    withheld: int = 0  # replies of the last turn; -1: it was not taken

    @classmethod
    def of(cls, answer: Any) -> _Facts:
        return cls(head=answer[0], draft=answer[1], stopped=bool(answer[2]), withheld=int(answer[3]))


class Dialogues:
    """Answers messages. Redis errors pass through: the worker tries the job again."""

    def __init__(self, settings: Settings) -> None:
        sms = settings.table(SmsSettings)
        self._settings = sms.mo
        self._desk = desk_of(sms.mo)
        self._router = Router(sms)
        self._routes = sms.routes
        self._redis: redis.Redis = queues.connect(settings)
        self._script = self._redis.register_script(SCRIPT)

    def drain(self, number: str) -> None:
        """Until nothing is left to answer. Raises CannotAnswer at the end, when it failed at some."""
        failed: list[str] = []
        facts = _Facts.of(self._call(number, "look"))
        while True:
            draft = _draft(facts.draft)
            now = time.time()
            if facts.head:
                facts = self._answer(number, facts, draft, now, failed)
            elif facts.draft and (draft is None or draft.due <= now):
                turn = Turn(did="unreadable") if draft is None else self._late(draft, now, facts)
                facts = self._take(number, facts, turn, _of_silence(number, draft), now)
            elif self._call(number, "rest"):
                break
            else:
                facts = _Facts.of(self._call(number, "look"))
        if failed:
            raise CannotAnswer(f"{len(failed)} messages are kept in mo-rejected: {', '.join(failed)[:200]}")

    def close(self) -> None:
        """Let Redis go."""
        self._redis.close()

    def _answer(self, number: str, facts: _Facts, draft: Draft | None, now: float, failed: list[str]) -> _Facts:
        """The first message of the inbox; one that nobody can answer must not hold up those behind it."""
        try:
            message = _received(number, facts.head)
            turn = self._desk.answer(message, Known(now=now, draft=draft, stopped=facts.stopped))
            step = self._step(turn, message, now)
        except JobTimeoutException:
            raise
        except Exception:
            digest = sha1(facts.head, usedforsecurity=False).hexdigest()
            logger.exception(log.line(None, mo=digest, sender=Msisdn(number).masked, failed="kept"))
            after = self._turn(number, facts, {"pop": True, "reject": True})
            if after.withheld >= 0:
                failed.append(digest)
            return after
        return self._tell(self._turn(number, facts, step | {"pop": True}), message, turn)

    def _late(self, draft: Draft, now: float, facts: _Facts) -> Turn:
        return card.times_out(draft, Known(now=now, draft=draft, stopped=facts.stopped), self._desk.rules)

    def _take(self, number: str, facts: _Facts, turn: Turn, about: Received, now: float) -> _Facts:
        return self._tell(self._turn(number, facts, self._step(turn, about, now)), about, turn)

    def _tell(self, after: _Facts, message: Received, turn: Turn) -> _Facts:
        if after.withheld >= 0:
            logger.info(
                log.line(
                    None,
                    mo=message.id,
                    sender=Msisdn(message.number).masked,
                    to=message.to,
                    did=turn.did,
                    replies=len(turn.replies) - after.withheld,
                    withheld=after.withheld or None,
                )
            )
        return after

    # --- turns as dialog.lua takes them

    def _step(self, turn: Turn, message: Received, now: float) -> dict[str, Any]:
        step: dict[str, Any] = {
            "draft": turn.draft.to_json() if turn.draft else "",
            "due": turn.draft.due if turn.draft else 0,
            "replies": [self._reply(turn, place, message, now) for place in range(len(turn.replies))],
            "events": [],
        }
        if turn.stopped is not None:
            kind = Kind.SMS_STOPPED if turn.stopped else Kind.SMS_STARTED
            event = Event(kind=kind, id=f"{message.id}-{turn.did}", number=message.number, detail={"to": message.to})
            step |= {"stopped": int(turn.stopped), "stopped_event": event.to_json()}
        if turn.ordered is not None:
            detail = {"to": message.to, "template": turn.ordered.values[Field.TEMPLATE]}
            step["events"] = [
                Event(
                    kind=Kind.CARD_ORDERED, id=f"{message.id}-ordered", number=message.number, detail=detail
                ).to_json()
            ]
        return step

    def _reply(self, turn: Turn, place: int, message: Received, now: float) -> dict[str, Any]:
        reply = turn.replies[place]
        at = datetime.fromtimestamp(now, UTC)
        way = self._way(message)
        src = message.to.removeprefix("+")
        src = src if src.isascii() and src.isdigit() and len(src) <= 21 else ""
        short = ShortMessage(
            id=f"{message.id}-r{place}",
            to=message.number,
            text=reply.text,
            route=way.route,
            message_class=MESSAGE_CLASS,
            src=src,
            long=True,
            created_at=at.isoformat(),
            valid_until=(at + timedelta(seconds=self._settings.validity_s)).isoformat(),
        )
        parts = parts_of(reply.text, long=True)
        queued = Event(
            kind=Kind.SMS_QUEUED,
            at=at,
            id=f"{short.id}-queued",
            number=message.number,
            sms_id=short.id,
            result=MESSAGE_CLASS,
            detail={
                "route": way.route,
                "src_id": src,
                "message_class": MESSAGE_CLASS,
                "parts": parts,
                "price_fen": parts * way.price_fen,
            },
        )
        return {
            "stream": mt_stream(way.route, MESSAGE_CLASS),
            "message": json.dumps(to_payload(short), ensure_ascii=False),
            "event": queued.to_json(),
            "limited": reply.limited,
        }

    def _way(self, message: Received) -> Way:
        """The way of an answer: a route of the link that the message came by, since our number is not known elsewhere.

        A route that has the link only behind it (``then``) would try other carriers first.
        """
        chosen = self._router.way(message.number, message_class=MESSAGE_CLASS)
        own = [name for name, route in self._routes.items() if message.link in route.links]
        if chosen.route in own or not own:
            return chosen
        return self._router.of_route(own[0], message.number)

    def _turn(self, number: str, facts: _Facts, step: dict[str, Any]) -> _Facts:
        settings = self._settings
        fixed = {
            "draft_ttl_s": int(settings.remind_s + settings.end_s) + DRAFT_SLACK_S,
            "day": f"{datetime.now(UTC):%Y%m%d}",
            "per_day": settings.replies_per_day,
            "help_every_s": settings.help_every_s,
        }
        return _Facts.of(self._call(number, "turn", fixed | step, facts.head, facts.draft))

    def _call(self, number: str, step: str, more: dict[str, Any] | None = None, *facts: bytes) -> Any:
        job = json.dumps({"step": step, "number": number, **(more or {})}, ensure_ascii=False)
        return self._script(args=[job.encode("utf-8", "replace"), *facts])


def _received(number: str, head: bytes) -> Received:
    """A message as the gateway put it down (journal.lua, ``receive``); raises ValueError, KeyError, TypeError."""
    record = json.loads(head)
    text = whole(bytes.fromhex(record["text"]).decode("utf-16-be", "surrogatepass"))
    return Received(
        id=str(record["id"]),
        number=number,
        to=str(record["to"]),
        text=text,
        link=str(record["link"]),
        missing=int(record["missing"]),
    )


def _draft(text: bytes) -> Draft | None:
    """The draft; None where there is none, or none that this release can read."""
    try:
        return Draft.from_json(text) if text else None
    except ValueError as error:
        logger.warning(log.line(None, draft="dropped", why=type(error).__name__))
        return None


def _of_silence(number: str, draft: Draft | None) -> Received:
    """What a reminder answers, with an id of its own."""
    due = draft.due if draft else 0.0
    digest = sha1(f"{number} {due!r}".encode(), usedforsecurity=False).hexdigest()
    to, link = (draft.to, draft.link) if draft else ("", "")
    return Received(id=f"mo-{digest}", number=number, to=to, link=link, text="")
