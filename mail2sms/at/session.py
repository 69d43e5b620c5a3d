"""A modem session without I/O: octets in, events out. What is done when.

Use: ``events = session.receive(data, now)``, act on them, then write ``session.data_to_send()``. Every method may leave
octets to send. ``now`` is seconds of one monotonic clock; call ``tick(now)`` at ``session.deadline``.

| state | on | to | |
|---|---|---|---|
| NEW | start() | SYNC | ESC, then AT until any result comes |
| SETUP, SEARCHING, READY | a command without an answer | SYNC | NotReady where it was Ready |
| SYNC | a result | SETUP | the commands that set it up; PinNeeded where the SIM asks for it |
| SYNC | none for a few times | CLOSED | Closed |
| SETUP | done | SEARCHING | NotReady where the SIM is not open |
| SEARCHING | SIM open and registered | READY | Ready |
| READY | another SIM | SETUP | NotReady |
| READY | SIM gone, registration lost, an error that says so | SEARCHING | NotReady |
| any | a refused PIN, a PUK, too many hangs in a row | CLOSED | Closed |

Between sends, in this order: what is recorded is acknowledged, what is announced is read, from time to time it looks
around; then the next message goes.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

from caiyou.errors import ProtocolError
from mail2sms.at import answers, procedures, setup
from mail2sms.at.dialogue import Command, Dialogue, Kind, Phase, Reply, Stray, Unsolicited
from mail2sms.at.events import (
    Closed,
    Delivered,
    Direct,
    Event,
    Forgave,
    NotReady,
    PinAnswered,
    Place,
    Ready,
    Reported,
    SendEnd,
    SendEnded,
    Unreadable,
)
from mail2sms.at.facts import Config, Facts, Hung, Pause, Steps

SYNC_TRIES = 5
SYNC_S = 2.0
QUIET_S = 0.3
SOON_S = 1.0
MAX_HANGS = 12  # in a row; some modems are silent where they should say ERROR
MAX_SEND_HANGS = 3
MAX_READS = 500


class State(Enum):
    """Where a session stands."""

    NEW = "new"
    SYNC = "sync"
    SETUP = "setup"
    SEARCHING = "searching"
    READY = "ready"
    CLOSED = "closed"


class Session:
    """One modem on one connection."""

    def __init__(self, config: Config | None = None) -> None:
        self.state = State.NEW
        self._facts = Facts(config=config or Config(), emit=self._tell)
        self._dialogue = Dialogue()
        self._events: list[Event] = []
        self._steps: Steps | None = None
        self._paused_until: float | None = None
        self._waits_for_pin = False
        self._confirms: deque[Place] = deque()
        self._reads: dict[tuple[str, int], None] = {}
        self._send: bytes | None = None
        self._sending = False
        self._look_at = 0.0
        self._hangs = self._send_hangs = 0
        self._synced = False
        self._why_said = ""

    # --- what others ask

    @property
    def free(self) -> bool:
        """Whether it takes a message now."""
        return self.state is State.READY and self._send is None

    @property
    def has_pdu(self) -> bool:
        """Whether the modem has a message and has not said what became of it."""
        return self._sending and self._dialogue.phase is Phase.SENT

    @property
    def is_busy(self) -> bool:
        """Whether a message is under way, or a recorded one still to be deleted."""
        return self.state is State.READY and (self._send is not None or bool(self._confirms) or self._steps is not None)

    @property
    def deadline(self) -> float | None:
        """When ``tick`` is due."""
        if self.state in (State.NEW, State.CLOSED):
            return None
        if self._steps is None:
            return self._look_at
        return self._dialogue.deadline if self._paused_until is None else self._paused_until

    def data_to_send(self) -> bytes:
        """Take what goes out."""
        return self._dialogue.data_to_send()

    # --- what happens

    def start(self, now: float) -> list[Event]:
        """The line is open."""
        self.state = State.SYNC
        return self._go_on(now)

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Octets came."""
        if self.state in (State.NEW, State.CLOSED):
            return []
        for said in self._dialogue.receive(data, now):
            match said:
                case Reply():
                    self._step(said, now)
                case Unsolicited():
                    self._on_unsolicited(said, now)
                case Stray():
                    if self._synced:
                        self._tell(Forgave(what=f"{said.what} to no command"))
        return self._go_on(now)

    def tick(self, now: float) -> list[Event]:
        """Time passed."""
        if self.state in (State.NEW, State.CLOSED):
            return []
        if self._paused_until is not None and now >= self._paused_until:
            self._paused_until = None
            self._step(None, now)
        reply = self._dialogue.tick(now)
        if reply is not None:
            self._step(reply, now)
        return self._go_on(now)

    def submit(self, tpdu: bytes, now: float) -> list[Event]:
        """Send a SUBMIT, as soon as what is under way is done; only while ``free``."""
        if not self.free:
            raise ValueError("not free")
        self._send = tpdu
        return self._go_on(now)

    def acknowledge(self, event: Delivered | Reported | Unreadable, now: float) -> list[Event]:
        """It is recorded."""
        if self.state is not State.CLOSED:
            self._confirms.append(event.place)
        return self._go_on(now)

    def enter_pin(self, pin: str, now: float) -> list[Event]:
        """The answer to PinNeeded."""
        if self._waits_for_pin and pin.isascii() and pin.isdigit() and 4 <= len(pin) <= 8:
            self._facts.pin = pin
            self._waits_for_pin = False
            self._step(None, now)
        return self._go_on(now)

    def close(self, why: str, *, refused: bool = False) -> list[Event]:
        """The line is gone, or must not be used any more."""
        self._tell(Closed(why=why, refused=refused))
        return self._take()

    # --- procedures

    def _go_on(self, now: float) -> list[Event]:
        """Begin what is next until something is under way."""
        while self._steps is None and self.state is not State.CLOSED:
            steps = self._next(now)
            if steps is None:
                break
            self._steps = steps
            self._step(None, now)
        return self._take()

    def _next(self, now: float) -> Steps | None:
        facts = self._facts
        if self.state is State.SYNC:
            return self._sync()
        if self.state is State.SETUP:
            return setup.start(facts)
        if facts.usable or self.state is State.READY:
            if self._confirms:
                return procedures.confirm(facts, self._confirms.popleft())
            if self._reads:
                place = next(iter(self._reads))
                del self._reads[place]
                return procedures.read(facts, *place)
        if now >= self._look_at:
            self._look_at = now + (facts.config.watch_s if facts.usable else facts.config.search_s)
            return procedures.look(facts)
        if self._send is not None and self.state is State.READY:
            self._sending = True
            return procedures.send(facts, self._send)
        return None

    def _step(self, reply: Reply | None, now: float) -> None:
        """Take the procedure that is under way one step on."""
        steps = self._steps
        if steps is None:
            return
        try:
            step = next(steps) if reply is None else steps.send(reply)
        except StopIteration:
            self._steps = None
            self._done(now)
        except Hung as hung:
            self._steps = None
            self._hung(str(hung))
        else:
            if self.state is State.CLOSED:  # an event of this very step closed it
                steps.close()
            elif isinstance(step, Command):
                self._dialogue.ask(step, now)
            else:
                self._pause(step, now)

    def _pause(self, step: Pause, now: float) -> None:
        self._waits_for_pin = step.seconds is None
        self._paused_until = None if step.seconds is None else now + step.seconds

    def _done(self, now: float) -> None:
        """A procedure came to its end."""
        facts = self._facts
        if self.state is State.CLOSED:
            return
        if self.state is State.SYNC:
            self.state = State.SETUP
        elif self.state is State.SETUP:
            self.state = State.SEARCHING
            self._look_at = now if facts.sim == "READY" else now + facts.config.search_s
            if facts.sim != "READY":
                self._not_ready(facts.why_not)
        elif facts.sim in ("", "SIM PIN"):  # another SIM
            self._not_ready("SIM")
            self.state = State.SETUP
        elif not facts.usable:
            self._not_ready(facts.why_not)
            self.state = State.SEARCHING
            self._look_at = min(self._look_at, now + facts.config.search_s)
        else:
            self._hangs = 0
            if self.state is not State.READY:
                self.state, self._why_said = State.READY, ""
                self._look_at = now + facts.config.watch_s
                self._tell(Ready())

    def _not_ready(self, why: str) -> None:
        if why != self._why_said:
            self._why_said = why
            self._tell(NotReady(why=why))
        self._unsent(why)

    def _hung(self, what: str) -> None:
        if self.state is State.CLOSED:
            return
        self._hangs += 1
        if not self._synced or self._hangs > MAX_HANGS or self._send_hangs >= MAX_SEND_HANGS:
            self._tell(Closed(why=f"the modem does not answer {what}"))
            return
        self._tell(Forgave(what=f"no answer to {what}"))
        self._not_ready(f"no answer to {what}")
        self.state = State.SYNC

    def _sync(self) -> Steps:
        """Any result at all says that the modem is there: phonesim answers ERROR to a bare AT."""
        self._synced = False
        for attempt in range(SYNC_TRIES):
            self._dialogue.escape()
            yield Pause(seconds=QUIET_S)  # what is late of an earlier command is past then
            # A modem left in numeric results (V0) answers the second kind only.
            reply = yield Command(text="ATE0V1" if attempt % 2 else "AT", timeout_s=SYNC_S)
            if reply.kind is not Kind.SILENT:
                self._synced = True
                return
        raise Hung("AT")

    # --- events

    def _on_unsolicited(self, said: Unsolicited, now: float) -> None:
        line, facts = said.line, self._facts
        if line.startswith(("+CMTI:", "+CDSI:")):
            stored = answers.place_of(line)
            if stored is not None and len(self._reads) < MAX_READS:
                self._reads["" if facts.one_memory else stored[0], stored[1]] = None
        elif line.startswith(("+CMT:", "+CDS:")) and said.pdu:
            place = Direct(wants_answer=facts.phase_2_plus)
            try:
                self._tell(procedures.told(said.pdu, answers.length_of(line), place))
            except ProtocolError as error:
                self._tell(Unreadable(text=said.pdu, why=str(error), place=place))
        elif line.startswith(("+CREG:", "+CPIN:", "+CEREG:", "^BOOT", "^SYSSTART")) and self.state is State.READY:
            self._look_at = min(self._look_at, now + SOON_S)

    def _tell(self, event: Event) -> None:
        if self.state is State.CLOSED:
            return
        if isinstance(event, SendEnded):
            self._send, self._sending = None, False
            hung = event.end in (SendEnd.UNSENT, SendEnd.UNANSWERED) and self._steps is not None
            self._send_hangs = self._send_hangs + 1 if hung else 0
        if isinstance(event, Closed):
            self._unsent(event.why)
            self.state = State.CLOSED
        self._events.append(event)
        if isinstance(event, PinAnswered) and not event.ok:
            self._tell(Closed(why=event.why, refused=True))

    def _unsent(self, why: str) -> None:
        """End the send that waits or is under way."""
        if self._send is not None:
            end = SendEnd.UNANSWERED if self.has_pdu else SendEnd.UNSENT
            self._tell(SendEnded(end=end, result=why))

    def _take(self) -> list[Event]:
        events, self._events = self._events, []
        return events
