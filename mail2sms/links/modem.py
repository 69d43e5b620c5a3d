"""A GSM modem as a link: the session of ``mail2sms.at`` on a serial line.

It opens the device, sets it up, and comes back after every end, also when the device was unplugged and has another name
now. A SIM that wants something from people (PUK, another PIN) counts as a refused login. A report is matched by the
reference that the modem gave (0-255, again and again) and the last digits of the number, since service centres write
the number in forms of their own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import serial

from caiyou import log
from caiyou.errors import SettingsError
from mail2sms.at import events
from mail2sms.at.events import SendEnd
from mail2sms.at.facts import Config
from mail2sms.at.session import Session
from mail2sms.links import Answer, LinkState, MtPart, Outcome, Report, Sink
from mail2sms.links.modem_pdus import mo_of, ref_of, report_of, submit_of, tail_of, unreadable
from mail2sms.links.pin import PinFile
from mail2sms.links.serial_line import SerialLine, device_of, open_port
from mail2sms.pace import Backoff
from mail2sms.pdu import tpdu
from mail2sms.pdu.address import written
from mail2sms.settings.modem import ModemLinkSettings

logger = logging.getLogger("mail2sms.links.modem")

NOT_PLUGGED = "not plugged in"

OUTCOMES = {
    SendEnd.SENT: Outcome.ACCEPTED,
    SendEnd.REFUSED: Outcome.REFUSED,
    SendEnd.FAILED: Outcome.BUSY,
    SendEnd.UNSENT: Outcome.UNSENT,
    SendEnd.UNANSWERED: Outcome.LOST,
}
_Acknowledged = events.Delivered | events.Reported | events.Unreadable


class ModemLink:
    """One modem."""

    def __init__(self, name: str, settings: ModemLinkSettings) -> None:
        self._name = name
        self._settings = settings
        self._pin = PinFile(settings.pin_file, settings.state_dir / f"{name}.pin.json")
        self._session: Session | None = None
        self._line: SerialLine | None = None
        self._sink: Sink | None = None
        self._under_way: tuple[int, str] | None = None  # the gateway's tag, and the number
        self._held: list[tuple[Report, Callable[[], None]]] = []  # until the answer to what is under way
        self._timer: asyncio.TimerHandle | None = None
        self._ended: asyncio.Future[events.Closed] | None = None
        self._was_ready = False
        self.account = settings.account or name
        self.capacity = 0
        self.notes: dict[str, str] = {}
        self.whole = False

    # --- called by the gateway

    def submit(self, tag: int, part: MtPart) -> Answer | None:
        """See ``Link.submit``."""
        session = self._session
        if session is None or not session.free or self._under_way is not None:
            return Answer(outcome=Outcome.UNSENT)
        try:
            octets = tpdu.encode(submit_of(part, self._settings, datetime.now(UTC)))
        except ValueError as error:
            return Answer(outcome=Outcome.REFUSED, result=f"cannot be sent: {error}")
        self._under_way = tag, part.to
        # The next turn of the loop: no answer may come before this one.
        asyncio.get_running_loop().call_soon(partial(self._submit, session, octets))
        return None

    async def run(self, sink: Sink, stop_s: float) -> None:
        """See ``Link.run``."""
        self._sink = sink
        lost = Backoff(self._settings.reconnect_s, self._settings.reconnect_max_s)
        while True:
            self._was_ready = False
            closed = events.Closed(why="stopped")
            try:
                closed = await self._once(sink, stop_s)
            finally:
                self._forget(closed.why)
            if self._was_ready:
                lost.reset()
            if closed.refused:
                pause = self._settings.refused_s
                sink.changed(LinkState.REFUSED, f"{closed.why}; next try in {pause:.0f} s")
            else:
                pause = lost.pause_s()
                sink.changed(LinkState.DOWN, closed.why)
            await asyncio.sleep(pause)

    # --- one connection

    async def _once(self, sink: Sink, stop_s: float) -> events.Closed:
        """Open the device and serve until the end of it. Cancelled: finish what is under way, within ``stop_s``."""
        settings, loop = self._settings, asyncio.get_running_loop()
        device = device_of(settings.device)
        if device is None:
            return events.Closed(why=f"{settings.device}: {NOT_PLUGGED}")
        sink.changed(LinkState.CONNECTING, device)
        try:
            port = await self._open(device)
        except OSError as error:
            return events.Closed(why=f"{device}: {error.strerror or error}")
        self._ended = ended = loop.create_future()
        self._session = session = Session(config_of(settings))
        self._line = line = SerialLine(port, self._received, self._lost)
        try:
            self._act(session.start(loop.time()))
            return await asyncio.shield(ended)
        except asyncio.CancelledError:
            await self._finish(session, stop_s)
            raise
        finally:
            line.close()
            if self._timer is not None:
                self._timer.cancel()
            if not ended.done():
                self._act(session.close("stopped"))
            self._session = self._line = None

    async def _open(self, device: str) -> serial.Serial:
        """In a thread, since drivers take their time; when cancelled meanwhile it is closed again."""
        settings = self._settings
        opening = asyncio.ensure_future(
            asyncio.to_thread(open_port, device, settings.baud, flow_control=settings.flow_control)
        )
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_late)
            raise

    async def _finish(self, session: Session, stop_s: float) -> None:
        """What the modem has is still answered, what is recorded still deleted."""
        self.capacity = 0
        loop = asyncio.get_running_loop()
        end = loop.time() + stop_s
        while session.is_busy and loop.time() < end:  # noqa: ASYNC110  an event for this alone, at every step
            await asyncio.sleep(0.02)

    def _submit(self, session: Session, octets: bytes) -> None:
        if session is self._session and session.free:
            self._act(session.submit(octets, asyncio.get_running_loop().time()))
        elif session is self._session:
            self._answer(Answer(outcome=Outcome.UNSENT))

    def _received(self, data: bytes) -> None:
        if self._session is not None:
            self._act(self._session.receive(data, asyncio.get_running_loop().time()))

    def _lost(self, why: str) -> None:
        if self._session is not None:
            self._act(self._session.close(f"{self._settings.device}: {why}"))

    def _tick(self) -> None:
        self._timer = None
        if self._session is not None:
            self._act(self._session.tick(asyncio.get_running_loop().time()))

    def _act(self, found: list[events.Event]) -> None:
        """Act on events, write what they leave, and be called at the deadline."""
        session, line = self._session, self._line
        if session is None:
            return
        for event in found:
            self._on(event, session)
        if line is not None:
            line.write(session.data_to_send())
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop, deadline = asyncio.get_running_loop(), session.deadline
        if deadline is not None and self._session is session:
            self._timer = loop.call_at(max(deadline, loop.time()), self._tick)

    def _on(self, event: events.Event, session: Session) -> None:
        sink = self._sink
        if sink is None:
            return
        match event:
            case events.SendEnded():
                self._send_ended(event)
            case events.Delivered():
                sink.received(mo_of(event, self._settings.src_id), self._taken(event))
            case events.Unreadable():
                logger.warning(log.line(None, link=self._name, malformed="stored message", why=event.why))
                sink.received(unreadable(event, self._settings.src_id), self._taken(event))
            case events.Reported():
                self._reported(report_of(event), self._taken(event), sink)
            case events.Seen():
                self.notes |= event.notes
            case events.Ready():
                self._was_ready = True
                self.capacity = 1
                sink.changed(LinkState.UP, " ".join((self.notes.get("operator", ""), self.notes.get("signal", ""))))
            case events.NotReady():
                self.capacity = 0
                sink.changed(LinkState.DOWN, event.why)
            case events.PinNeeded() | events.PinAnswered() | events.Unlocked():
                self._on_pin(event, session)
            case events.Forgave():
                logger.warning(log.line(None, link=self._name, forgave=event.what))
            case events.Closed():
                self.capacity = 0
                if self._ended is not None and not self._ended.done():
                    self._ended.set_result(event)
            case _:
                pass

    def _on_pin(self, event: events.PinNeeded | events.PinAnswered | events.Unlocked, session: Session) -> None:
        try:
            match event:
                case events.PinNeeded():
                    pin = self._pin.take()
                    self._act(session.enter_pin(pin, asyncio.get_running_loop().time()))
                case events.PinAnswered(ok=True):
                    self._pin.accepted()
                case events.PinAnswered(ok=False):
                    self._pin.refused()
                case events.Unlocked():
                    self._pin.unlocked()
                case _:
                    pass  # the note that it was tried stays
        except (SettingsError, OSError) as error:
            logger.error(log.line(None, link=self._name, why=error))
            if isinstance(event, events.PinNeeded):
                self._act(session.close(str(error), refused=True))

    # --- answers

    def _send_ended(self, event: events.SendEnded) -> None:
        ref = ""
        if event.end is SendEnd.SENT and event.mr is not None and self._under_way is not None:
            ref = ref_of(event.mr, self._under_way[1])
        self._answer(Answer(outcome=OUTCOMES[event.end], ref=ref, result=event.result))

    def _answer(self, answer: Answer) -> None:
        under_way, self._under_way = self._under_way, None
        if under_way is not None and self._sink is not None:
            self._sink.answered(under_way[0], answer)
            held, self._held = self._held, []
            for report, done in held:
                self._sink.reported(report, done)

    def _reported(self, report: Report, done: Callable[[], None], sink: Sink) -> None:
        """References come round again: a report before the answer would be taken for one of the message before."""
        if self._under_way is not None and tail_of(self._under_way[1]) == tail_of(report.to):
            self._held.append((report, done))
        else:
            sink.reported(report, done)

    def _forget(self, why: str) -> None:
        """A message that the session never got."""
        self.capacity = 0
        self._answer(Answer(outcome=Outcome.UNSENT, result=why))

    def _taken(self, event: _Acknowledged) -> Callable[[], None]:
        session = self._session

        def done() -> None:
            if session is not None and session is self._session:
                self._act(session.acknowledge(event, asyncio.get_running_loop().time()))

        return done


def config_of(settings: ModemLinkSettings) -> Config:
    """The session's, from the link's settings."""
    return Config(
        centre=written(settings.smsc) if settings.smsc else None,
        memory=settings.memory,
        extra=tuple(settings.init),
        command_s=settings.command_s,
        prompt_s=settings.prompt_s,
        answer_s=settings.answer_s,
        watch_s=settings.poll_s,
        search_s=settings.search_s,
    )


def _close_late(opening: asyncio.Future[serial.Serial]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
