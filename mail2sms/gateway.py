"""The gateway's heart: which part goes over which link when, and what an answer means.

A route's first link that is up takes its messages, together with the others of the same account; when all of a route's
links are down, those of the route behind it do. Among what waits for a link the classes go in their order.

It runs in one asyncio loop and never waits: it is called when messages arrive, links change, answers come, and time has
passed; it hands parts to links and steps to the journal. Reading the streams is ``mail2sms.intake``'s.

Per part: journal ``send`` → (recorded) → link → answer → journal ``accepted`` or ``over``. The entry stays pending in
its stream until the step that records the outcome, so whatever dies, the message is found again, with its marks.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import time
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from typing import Any

from caiyou import log
from caiyou.events import Kind
from caiyou.queues import CLASSES, mt_stream
from mail2sms.journal import Journal, May
from mail2sms.lane import Lane
from mail2sms.links import Answer, LinkState, Mo, Outcome, Report
from mail2sms.mo import MoRecorder
from mail2sms.records import Records
from mail2sms.routing import links_of
from mail2sms.sending import URGENT, Sending, Unit, line_of
from mail2sms.settings import SmsSettings

logger = logging.getLogger("mail2sms.gateway")

UNSENT_S = 0.05  # before a link that took nothing, though it had room, is asked again
SOON_S = 0.002
IN_HAND = 4  # times the backlog: so many messages of a stream are in hand at most, wherever they wait
GIVE_BACK_S = 5.0  # with no link up for so long, other gateways may have the messages


class Gateway:
    """Routes, lanes and the messages between them. ``token`` proves the lease; sending pauses while it is empty."""

    def __init__(self, settings: SmsSettings, lanes: list[Lane], journal: Journal, region: str) -> None:
        self.settings = settings
        self.lanes = {lane.name: lane for lane in lanes}
        self.routes = {route: [self.lanes[name] for name in links_of(settings, route)] for route in settings.routes}
        self.journal = journal
        self.token = ""
        self.unsure = True  # memory may not agree with the pending lists
        self.held: dict[tuple[str, str], Sending] = {}  # by stream and entry
        self._in_hand: Counter[str] = Counter()  # how many of each stream
        self._records = Records(journal, self._let_go)
        # Streams by class; within a class the one that was served last comes last.
        self._turns = {name: [mt_stream(route, name) for route in self.routes] for name in CLASSES}
        self.backlog: dict[str, deque[Unit]] = {
            stream: deque() for streams in self._turns.values() for stream in streams
        }
        self.stopping = False
        self._tags = itertools.count(1)
        self._sent: dict[int, tuple[Unit, Lane]] = {}
        self._mo = MoRecorder(journal, settings.mo_parts_s, region)
        self._timer: asyncio.TimerHandle | None = None

    # --- messages in

    def adopt(self, sending: Sending) -> None:
        """Take a message on; parts that are accepted already are not sent again."""
        self.hold(sending)
        turn = sending.turn
        units = [(sending, number, turn) for number in range(1, sending.total + 1) if number not in sending.accepted]
        (sending.lane.kept if sending.lane else self.backlog[sending.stream]).extend(units)

    def hold(self, sending: Sending) -> None:
        """Note a message that this gateway has, until it is settled."""
        self._in_hand[sending.stream] += sending.key not in self.held
        self.held[sending.key] = sending

    def forget(self, key: tuple[str, str]) -> None:
        """Another gateway has this entry now."""
        sending = self.held.get(key)
        if sending is not None:
            sending.over = True
            self._let_go(sending)

    def _let_go(self, sending: Sending) -> None:
        if self.held.get(sending.key) is sending:
            del self.held[sending.key]
            self._in_hand[sending.stream] -= 1

    def wants(self, stream: str) -> int:
        """How many more messages of the stream may be taken from Redis."""
        if self.stopping or not self.token or not self.can_send(stream):
            return 0
        most = self.settings.backlog
        room = sum(lane.link.capacity for lane in self._ways(stream))
        return max(0, min(most - len(self.backlog[stream]), IN_HAND * most + room - self._in_hand[stream]))

    def can_send(self, stream: str) -> bool:
        """Whether a link is up for it."""
        return any(lane.up for lane in self._ways(stream))

    def _ways(self, stream: str) -> list[Lane]:
        return self.routes[stream.split(":")[1]]

    @property
    def under_way(self) -> int:
        """Parts that a link holds."""
        return len(self._sent)

    # --- parts out

    def pump(self) -> None:
        """Hand out what may go."""
        if self.stopping or not self.token:
            return
        now, wall = time.monotonic(), time.time()
        waits: list[float] = []
        for message_class, streams in self._turns.items():
            if message_class == CLASSES[len(URGENT)]:
                waits += self._pump_kept(now, wall)
            for stream in tuple(streams):
                backlog = self.backlog[stream]
                if not backlog:
                    continue
                lanes, before = self._open(stream), len(backlog)
                for place, lane in enumerate(lanes):
                    self._drain(backlog, lane, now, wall, math.ceil(len(backlog) / (len(lanes) - place)))
                if len(backlog) < before and len(streams) > 1:
                    streams.remove(stream)
                    streams.append(stream)
                if backlog:
                    waits += [lane.pace.wait_s(now) for lane in lanes if lane.in_flight < lane.link.capacity]
        if waits:
            self._later(max(min(waits), SOON_S))

    def _pump_kept(self, now: float, wall: float) -> list[float]:
        """What waits for a certain lane; how long those lanes' paces let the rest wait."""
        waits = []
        for lane in self.lanes.values():
            if lane.kept and lane.up:
                self._drain(lane.kept, lane, now, wall, len(lane.kept))
                if lane.kept and lane.in_flight < lane.link.capacity:
                    waits.append(lane.pace.wait_s(now))
        return waits

    def _open(self, stream: str) -> list[Lane]:
        """The first lane of the stream that is up, with those of the same account; the idlest first."""
        ways = self._ways(stream)
        first = next((lane for lane in ways if lane.up), None)
        if first is None:
            return []
        lanes = [lane for lane in ways if lane.up and lane.link.account == first.link.account]
        lanes = [lane for lane in lanes if lane.link.whole is first.link.whole]
        return sorted(lanes, key=lambda lane: lane.in_flight / lane.link.capacity) if len(lanes) > 1 else lanes

    def _drain(self, units: deque[Unit], lane: Lane, now: float, wall: float, most: int) -> None:
        room = min(lane.room(now), most)
        while units and room > 0:
            sending, number, turn = unit = units.popleft()
            if sending.over or turn != sending.turn:
                continue
            if sending.lane is not None and sending.lane is not lane:
                sending.lane.kept.append(unit)
                continue
            if lane.name in sending.avoid:
                self._elsewhere(unit, lane, sending.refused)
                continue
            if sending.valid_until is not None and sending.valid_until <= wall and not sending.accepted:
                self._records.over(sending, Kind.SMS_EXPIRED, "not sent in time", lane)
                continue
            if sending.whole is not lane.link.whole and len(sending.parts) > 1:
                self._recut(unit, units, lane)
                continue
            room -= 1
            lane.in_flight += 1
            sending.under_way += 1
            sending.last = lane
            lane.pace.sent(now)
            self._records.send(self.token, sending, number, lane, partial(self._send, unit, lane))

    def _recut(self, unit: Unit, units: deque[Unit], lane: Lane) -> None:
        """The lane wants a long message whole, or in parts, unlike the last one that was to take it.

        What is in doubt in one form is in doubt in the other.
        """
        sending = unit[0]
        if sending.under_way and sending.last is not None:
            sending.last.kept.append(unit)
            return
        if sending.accepted:  # by a link that the settings do not name any more
            self._records.over(sending, Kind.SMS_FAILED, "its parts would go two ways", lane)
            return
        sending.whole = lane.link.whole
        sending.turn += 1
        if sending.again:
            sending.again = set(range(1, sending.total + 1))
        units.extendleft((sending, number, sending.turn) for number in range(sending.total, 0, -1))

    def _send(self, unit: Unit, lane: Lane, allowed: Any) -> None:
        sending, number, _ = unit
        if allowed != May.SEND or lane.link.capacity == 0 or sending.over or self.stopping:
            lane.in_flight -= 1
            sending.under_way -= 1
            self._not_sent(unit, allowed)
            return
        tag = next(self._tags)
        self._sent[tag] = (unit, lane)
        lane.counts["sent"] += 1
        try:
            answer = lane.link.submit(tag, sending.part(number))
        except Exception:  # a bug of ours must cost neither the message nor a place in the window
            logger.exception(line_of(sending, "sending", lane, "error"))
            answer = Answer(outcome=Outcome.LOST, result="error")
        if answer is not None:
            self.answered(tag, answer)

    def _not_sent(self, unit: Unit, allowed: Any) -> None:
        sending = unit[0]
        if allowed == May.LEASE_LOST:
            self.token = ""  # the intake gets it back and sorts out what is ours
        if sending.over:
            return
        if allowed == May.STOPPED:
            self.fail(sending, "stopped")
        elif allowed == May.KNOWN:
            self.forget(sending.key)
            self.unsure = True
        elif allowed is None:
            self.fail(sending, "it cannot be recorded")
        else:
            self._put_back(unit)

    def _put_back(self, unit: Unit) -> None:
        sending = unit[0]
        if not sending.over:
            (sending.lane.kept if sending.lane else self.backlog[sending.stream]).appendleft(unit)

    # --- answers

    def answered(self, tag: int, answer: Answer) -> None:
        """A link's word on a part."""
        found = self._sent.pop(tag, None)
        if found is None:
            return
        unit, lane = found
        sending, number, _ = unit
        lane.in_flight -= 1
        sending.under_way -= 1
        lane.answered(answer)
        if answer.outcome is Outcome.ACCEPTED:
            sending.accepted.add(number)
            if len(sending.accepted) < sending.total:
                sending.lane = lane
            self._records.accepted(sending, number, lane, answer.ref)
        elif sending.over:
            pass
        elif answer.outcome is Outcome.UNSENT:
            self._put_back(unit)
            self._later(UNSENT_S)
            return
        elif answer.outcome is Outcome.BUSY:
            lane.pace.complain(time.monotonic())
            sending.refusals += 1
            if sending.refusals > self.settings.flow_tries * len(sending.parts):
                self._records.over(sending, Kind.SMS_FAILED, f"flow control: {answer.result}", lane)
            else:
                self._put_back(unit)
        elif answer.outcome is Outcome.REFUSED and answer.elsewhere:
            self._elsewhere(unit, lane, answer.result)
        elif answer.outcome is Outcome.REFUSED:
            self._records.over(sending, Kind.SMS_FAILED, answer.result, lane)
        elif not self.stopping:  # else its mark stays, and the next start finds it in doubt
            self._in_doubt(unit, lane, answer.result)
        self.pump()

    def _elsewhere(self, unit: Unit, lane: Lane, result: str) -> None:
        """A lane refused a part for reasons of its own: the next one that is up may try, and all parts go one way."""
        sending = unit[0]
        sending.avoid.add(lane.name)
        sending.refused = result
        ways = [sending.lane] if sending.lane is not None else [way for way in self._ways(sending.stream) if way.up]
        other = next((way for way in ways if way.name not in sending.avoid), None)
        if other is None:
            self._records.over(sending, Kind.SMS_FAILED, result, lane)
            return
        logger.warning(line_of(sending, "refused", lane, f"{result}; next {other.name}"))
        if sending.message.message_class in URGENT:
            other.kept.appendleft(unit)
        else:
            other.kept.append(unit)
        self._later(SOON_S)

    def _in_doubt(self, unit: Unit, lane: Lane, why: str) -> None:
        sending, number, _ = unit
        if number in sending.again:
            self._records.over(sending, Kind.SMS_FAILED, "unanswered", lane)
            return
        self.doubt(sending, number, lane.name, why)
        lane.counts["in_doubt"] += 1
        self._put_back(unit)

    def doubt(self, sending: Sending, number: int, link: str, why: str) -> None:
        """A part was sent and not answered: note that it will be sent once more."""
        self._records.doubt(sending, number, link, why)

    def fail(self, sending: Sending, result: str) -> None:
        """End a message that no link has."""
        self._records.over(sending, Kind.SMS_FAILED, result, None)

    # --- what else links say

    def link_changed(self, lane: Lane, state: LinkState, why: str) -> None:
        """A link goes up or down."""
        was = lane.state
        if not lane.stands(state, why):
            return
        if (state is LinkState.UP) != (was is LinkState.UP) and not (self.stopping and state is not LinkState.UP):
            self._records.link(lane, state, why)
        elif state is LinkState.REFUSED:
            logger.error(log.line(None, link=lane.name, state=state, why=why))
        self.pump()

    def reported(self, lane: Lane, report: Report, done: Callable[[], None]) -> None:
        """A delivery report; ``done`` once it is recorded."""
        lane.reported(report.state)
        done_at = report.done_at.isoformat() if report.done_at else ""
        step = ["report", lane.link.account, report.ref, report.state.value, report.stat, done_at]
        self.journal.write(step, lambda _became: done())

    def received(self, lane: Lane, mo: Mo, done: Callable[[], None]) -> None:
        """A message, or a part of one, from a handset; ``done`` once it is recorded."""
        lane.counts["received"] += 1
        self._mo.record(lane.name, lane.link.account, mo, done)

    # --- time

    def tick(self) -> None:
        """Once a second: what waits for links that stay away goes other ways; then whatever may go."""
        now = time.monotonic()
        for lane in self.lanes.values():
            if lane.kept and not lane.up:
                self._leave(lane, now)
        for stream, backlog in self.backlog.items():
            if backlog and all(not lane.up and now - lane.down_at > GIVE_BACK_S for lane in self._ways(stream)):
                self._give_back(stream)
        self.pump()

    def _leave(self, lane: Lane, now: float) -> None:
        """Long messages whose link stays away start over on another; what it had not begun goes at once."""
        units = [unit for unit in lane.kept if not unit[0].over and unit[2] == unit[0].turn]
        lane.kept.clear()
        lane.kept.extend(unit for unit in units if unit[0].lane is lane)
        for unit in reversed(units):
            if unit[0].lane is not lane:
                self._put_back(unit)
        if now - lane.down_at > self.settings.stick_s:
            for sending in dict.fromkeys(unit[0] for unit in lane.kept):
                if not sending.under_way:  # else an answer may still come, and the part would go out unflagged
                    self._start_over(sending, lane)

    def _give_back(self, stream: str) -> None:
        """Other gateways may have links that are up: what nothing is accepted of goes back to the stream."""
        backlog, wall = self.backlog[stream], time.time()
        units = [unit for unit in backlog if unit[2] == unit[0].turn]
        backlog.clear()
        for unit in units:
            sending = unit[0]
            if sending.over:  # with an earlier part of it
                continue
            if sending.lane is not None:
                sending.lane.kept.append(unit)
            elif sending.under_way:  # an answer may still come
                backlog.append(unit)
            elif sending.valid_until is not None and sending.valid_until <= wall:
                self._records.over(sending, Kind.SMS_EXPIRED, "not sent in time", None)
            else:
                self._records.release(self.token, sending)

    def _start_over(self, sending: Sending, lane: Lane) -> None:
        if sending.valid_until is not None and sending.valid_until <= time.time():
            self._records.over(
                sending, Kind.SMS_EXPIRED, f"{len(sending.accepted)} parts sent, then {lane.name} was down", lane
            )
            return
        if sending.again & sending.accepted:
            self._records.over(sending, Kind.SMS_FAILED, "a third time is too often", lane)
            return
        sending.lane = None
        sending.turn += 1
        for number in sorted(sending.accepted):
            self.doubt(sending, number, lane.name, "started over: its link stays down")
        sending.accepted.clear()
        self.adopt(sending)

    def _later(self, wait_s: float) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is None or self._timer.cancelled() or self._timer.when() > loop.time() + wait_s:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = loop.call_later(wait_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.pump()
