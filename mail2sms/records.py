"""What the gateway writes down about a short message: the step for the journal, its event, a log line."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from caiyou import log
from caiyou.events import Event, Kind
from mail2sms.journal import Done, Journal
from mail2sms.lane import Lane
from mail2sms.links import LinkState
from mail2sms.sending import Sending, event_of, line_of

logger = logging.getLogger("mail2sms.gateway")


class Records:
    """Writes to the journal; ``settled`` is told of a message that is recorded to its end."""

    def __init__(self, journal: Journal, settled: Callable[[Sending], None]) -> None:
        self._journal = journal
        self._tell = settled

    def send(self, token: str, sending: Sending, number: int, lane: Lane, done: Done) -> None:
        """A part is about to be handed over; ``done`` gets whether it may be: journal.May, or None."""
        mark = "??" if number in sending.again else "?"
        message, who = sending.message, (sending.mine, sending.before)
        to = message.to if sending.stoppable else ""
        step = ["send", token, message.id, number, sending.total, lane.name, mark, sending.context, *who, to]
        self._journal.write(step, done)

    def accepted(self, sending: Sending, number: int, lane: Lane, ref: str) -> None:
        """The carrier took a part; the message is submitted with the last one."""
        complete = len(sending.accepted) == sending.total
        event = ""
        if complete:
            detail = {"link": lane.name, "parts": len(sending.parts)} | _repeats(sending)
            event = _event(sending, Kind.SMS_SUBMITTED, None, detail)
            logger.info(line_of(sending, "submitted", lane, None))
        place = [sending.message.id, number, sending.total, sending.stream, sending.entry]
        done = partial(self._settled, sending) if complete else None
        self._journal.write(["accepted", *place, lane.link.account, ref, event], done)

    def over(self, sending: Sending, kind: Kind, result: str, lane: Lane | None) -> None:
        """The message ends without having been accepted: SMS_FAILED or SMS_EXPIRED."""
        sending.over = True
        state = kind.value.removeprefix("sms.")
        logger.info(line_of(sending, state, lane, result))
        detail = ({"link": lane.name} if lane else {}) | _repeats(sending)
        event = _event(sending, kind, result, detail)
        step = ["over", sending.message.id, state, sending.stream, sending.entry, event]
        self._journal.write(step, partial(self._settled, sending))

    def doubt(self, sending: Sending, number: int, link: str, why: str) -> None:
        """A part was sent and not answered: it will be sent once more."""
        sending.again.add(number)
        logger.warning(line_of(sending, "in_doubt", None, f"{link}: {why}"))
        event = _event(sending, Kind.SMS_IN_DOUBT, why, {"link": link, "part": number}, f"-{number}")
        self._journal.write(["doubt", sending.message.id, number, event])

    def release(self, token: str, sending: Sending) -> None:
        """It goes back to its stream."""
        sending.over = True
        step = ["release", token, sending.stream, sending.entry]
        self._journal.write(step, partial(self._settled, sending))

    def link(self, lane: Lane, state: LinkState, why: str) -> None:
        """A link is up, or is so no more."""
        up = state is LinkState.UP
        event = Event(kind=Kind.LINK_UP if up else Kind.LINK_DOWN, result=why, detail={"link": lane.name})
        self._journal.write(["event", event.to_json()])
        (logger.info if up else logger.warning)(log.line(None, link=lane.name, state=state, why=why))

    def _settled(self, sending: Sending, _answer: Any) -> None:
        self._tell(sending)


def _repeats(sending: Sending) -> dict[str, Any]:
    return {"possible_repeat": sorted(sending.again)} if sending.again else {}


def _event(sending: Sending, kind: Kind, result: str | None, detail: dict[str, Any], suffix: str = "") -> str:
    id = f"{sending.message.id}-{kind.value.removeprefix('sms.')}{suffix}"
    return event_of(sending.message, kind, id=id, result=result, detail=detail).to_json()
