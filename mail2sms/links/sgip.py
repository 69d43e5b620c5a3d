"""An SGIP link: we bind to the SMG to submit; the SMG binds to our listener for what comes back.

SGIP has no heartbeat, and SMGs cut a connection that is idle for 60 s. So the link rests: after ``idle_s`` without
traffic it unbinds in order, stays up, and binds again when the gateway hands it something to send. The part waits for
that; if the bind fails, it is handed back unsent and the link is down. The gateway sees no change in between, so there
are no events of a link that goes up and down all day. In detail, when a connection that was bound ends:

| how | and then |
|---|---|
| requests of ours are unanswered | they are lost, the link is down, as with every link |
| unbound, by us or by the SMG | it rests |
| cut, and it had carried answers | one quiet bind at once: is the SMG still there? else down |
| cut, and it had carried none | it rests |
| any of these, parts wait | binds at once |
| any of these after 5 s or more, no ``listen`` | binds at once: reports may come down this connection |

Some SMGs answer a wrong password with Result 0 and close. So as long as nothing proved a login right, it counts only
when it has stood for ``SETTLE_S``; the second time in a row that it has not, it counts as refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

from caiyou import log
from caiyou.msisdn import Msisdn
from mail2sms.links import Answer, LinkState, MtPart, Outcome, Sink
from mail2sms.links.sgip_listener import Listener
from mail2sms.links.sgip_pdus import answer_of, mo_of, report_of, submit_of
from mail2sms.links.stream import StreamLink
from mail2sms.links.wire import Wire
from mail2sms.session.events import Closed
from mail2sms.settings.sgip import SgipLinkSettings
from mail2sms.sgip import events
from mail2sms.sgip.codes import PASSING, LoginType, Result, UserCondition
from mail2sms.sgip.pdu import Deliver, Report, UserRpt
from mail2sms.sgip.sequence import Sequencer
from mail2sms.sgip.session import BY_SMG, ClientSession, State
from mail2sms.sgip.taken import Taken

logger = logging.getLogger("mail2sms.links.sgip")

SETTLE_S = 0.3
STEADY_S = 5.0
RESTING = "resting; binds when there is something to send"
SLAMMED = "the SMG took the login and closed the connection: name or password may be wrong"


class SgipLink(StreamLink[ClientSession]):
    """One login at an SMG, and the listener for its own."""

    def __init__(self, name: str, settings: SgipLinkSettings) -> None:
        super().__init__(name, settings, settings.account_name)
        self._settings = settings
        self._sequencer = Sequencer(settings.node)
        self._taken = Taken()
        self._listener = Listener(name, settings, self._sequencer, self._taken, self._on_message, self.notes)
        self._waiting: list[tuple[int, MtPart]] = []  # parts for the next bind
        self._wake = asyncio.Event()
        self._rests = False
        self._proved = False  # the login is right
        self._settling = False
        self._slammed = 0  # logins in a row that were taken and cut at once
        self._opened_at = 0.0
        self._served = False  # this connection carried an answer
        self._was_clean = False

    # --- called by the gateway

    def submit(self, tag: int, part: MtPart) -> Answer | None:
        """See ``Link.submit``; while the link rests, the part waits for the bind."""
        wire = self._wire
        if wire is not None and wire.session.free:
            return super().submit(tag, part)
        is_full = wire is not None and wire.session.state is State.OPEN
        if is_full or self.capacity == 0 or len(self._waiting) >= self._settings.window:
            return Answer(outcome=Outcome.UNSENT)
        self._waiting.append((tag, part))
        self._wake.set()
        return None

    async def run(self, sink: Sink, stop_s: float) -> None:
        """See ``Link.run``."""
        where = self._settings.listen_at
        listening = asyncio.create_task(self._listener.run(*where), name=f"listener {self._name}") if where else None
        try:
            await super().run(sink, stop_s)
        finally:
            self._hand_back()
            if listening is not None:
                listening.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await listening

    # --- what StreamLink asks

    def _log_in(self, password: str, now: float) -> ClientSession:
        session = ClientSession(self._limits(), self._sequencer, BY_SMG, self._taken)
        session.bind(LoginType.SP_TO_SMG, self._settings.name, password, now)
        return session

    def _send(self, session: ClientSession, part: MtPart, now: float) -> int:
        return session.request(submit_of(part, self._settings), now)

    def _is_lasting(self, status: int) -> bool:
        # Too many links and the like pass; what is wrong with the credentials does not, nor does binding too often.
        return status == Result.LOGIN_TOO_OFTEN or status not in PASSING | {Result.TOO_MANY_LINKS}

    def _say(self, state: LinkState, why: str) -> None:
        if state is not LinkState.CONNECTING or not self._rests:
            super()._say(state, why)

    def _on(self, event: Any) -> None:
        match event:
            case events.Bound():
                self._on_bound()
            case events.Answered():
                self._proved = self._served = True
                self._answer(event.sequence_id, answer_of(event))
            case events.Unanswered():
                self._answer(event.sequence_id, Answer(outcome=Outcome.LOST, result="no answer"))
            case events.Requested():
                self._on_message(event, self._done(event))
            case Closed():
                self._on_closed(event)
            case _:
                super()._on(event)

    def _forget(self) -> None:
        capacity = self.capacity if self._rests and self._ended.was_open else 0
        super()._forget()
        self.capacity = capacity

    async def _rested(self) -> bool:
        if not self._rests or not self._ended.was_open:
            self._rests = False
            self._hand_back()
            self.notes["connection"] = "none"
            return False
        if not self._again_at_once():
            self.notes["connection"] = "resting"
            self._say(LinkState.UP, RESTING)
            await self._wake.wait()
        return True

    # --- binding and resting

    def _on_bound(self) -> None:
        if self._proved:
            self._open()
        else:
            self._settling = True
            settle_s = min(SETTLE_S, self._settings.idle_s / 2)
            asyncio.get_running_loop().call_later(settle_s, self._settled, self._wire)

    def _settled(self, wire: Wire[ClientSession] | None) -> None:
        if self._settling and wire is not None and wire is self._wire and wire.session.state is State.OPEN:
            self._proved = True
            self._open()

    def _open(self) -> None:
        """Bound, and it holds: what waits may go."""
        self._settling = self._served = self._rests = False
        self._slammed = 0
        self._opened_at = asyncio.get_running_loop().time()
        self._wake.clear()
        self.notes["connection"] = "bound"
        self._up("SGIP 1.2")
        waiting, self._waiting = self._waiting, []
        for tag, part in waiting:
            answer = super().submit(tag, part)
            if answer is not None:
                self._sink.answered(tag, answer)

    def _on_closed(self, event: Closed) -> None:
        self._was_clean = event.clean
        if self._ended.was_open and not event.unanswered:
            self._rests = True
            return
        super()._on(event)
        if self._settling:
            self._settling = False
            self._slammed += 1
            self._ended.why, self._ended.refused = SLAMMED, self._slammed > 1
        elif self._ended.was_open and not self._served:
            self._proved = False

    def _again_at_once(self) -> bool:
        """Whether to bind again now rather than when it is needed."""
        is_steady = asyncio.get_running_loop().time() - self._opened_at >= STEADY_S
        stays_bound = not self._settings.listen and is_steady
        return bool(self._waiting) or stays_bound or (self._served and not self._was_clean)

    def _hand_back(self) -> None:
        """Parts that waited for a bind that did not come."""
        waiting, self._waiting = self._waiting, []
        for tag, _ in waiting:
            self._sink.answered(tag, Answer(outcome=Outcome.UNSENT))

    # --- what the SMG sends, down either connection

    def _on_message(self, event: events.Requested, done: Callable[[], None]) -> None:
        match event.message:
            case Report(report_type=0):
                self._sink.reported(report_of(event.message), done)
            case Deliver():
                self._sink.received(mo_of(event.sequence_id, event.message), done)
            case UserRpt():
                self._log_user(event.message)
                done()
            case _:  # a report on a message that one SMG passed to another is none of ours
                logger.info(log.line(None, link=self._name, report="not on a SUBMIT"))
                done()

    def _log_user(self, message: UserRpt) -> None:
        try:
            condition = UserCondition(message.user_condition).name.lower()
        except ValueError:
            condition = str(message.user_condition)
        number = Msisdn(message.user_number)
        logger.info(log.line(None, link=self._name, user=number, condition=condition, sp_number=message.sp_number))
