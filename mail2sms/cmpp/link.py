"""What both sides of a CMPP link do alike: framing, sequence ids, window, resending, tests, end (7.1, 8.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from caiyou.errors import CaiyouError, ProtocolError
from mail2sms.cmpp.codes import RESPONSE, Command, Result, Version
from mail2sms.cmpp.events import Closed, Event, Forgave, Malformed, PeerTested, WindowFree
from mail2sms.cmpp.frame import MAX_PDU_OCTETS, Splitter, decode, encode, header_of
from mail2sms.cmpp.pdu import ActiveTest, ActiveTestResp, DeliverResp, Pdu, SubmitResp, Terminate, TerminateResp


class State(Enum):
    """Where a session stands."""

    NEW = "new"
    ASKED = "asked"
    OPEN = "open"
    ENDING = "ending"
    CLOSED = "closed"


class NotOpen(CaiyouError):
    """The session is not logged in."""


class WindowFull(CaiyouError):
    """As many requests as the window allows wait for their answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The text's W, T, N and C, the largest PDU taken, and how many unreadable ones end the link."""

    window: int = 16  # W: requests of ours without an answer
    answer_s: float = 60.0  # T
    tries: int = 3  # N: times a request is sent in all
    idle_s: float = 180.0  # C
    max_pdu_octets: int = MAX_PDU_OCTETS
    max_malformed: int = 100

    def __post_init__(self) -> None:
        if self.window < 1 or self.tries < 1 or self.answer_s <= 0 or self.idle_s <= 0:
            raise ValueError("window and tries are 1 or more, answer_s and idle_s more than 0")


class _Sent:
    """A request of ours without an answer."""

    __slots__ = ("due", "octets", "tries")

    def __init__(self, octets: bytes, due: float) -> None:
        self.octets = octets
        self.due = due
        self.tries = 1


class Link:
    """One side of a link. Subclasses add the login and their requests."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.state = State.NEW
        self.layout = Version.V30
        self._splitter = Splitter(limits.max_pdu_octets)
        self._out: list[bytes] = []
        self._events: list[Event] = []
        self._sent: dict[int, _Sent] = {}  # in the order of their due times, since all wait equally long
        self._was_full = False
        self._sequence_id = 0
        self._heard_at = 0.0
        self._test: tuple[int, _Sent] | None = None
        self._test_echoed = False
        self._ends_at: float | None = None  # in ASKED and ENDING: when waiting is over
        self._forgiven: set[str] = set()
        self._malformed = 0
        self._read_as = Version.V30  # the layout of the PDU at hand
        self._handlers: dict[type[Pdu], Callable[[int, Any, float], None]] = {
            ActiveTest: self._on_active_test,
            ActiveTestResp: self._on_active_test_resp,
            Terminate: self._on_terminate,
            TerminateResp: self._on_terminate_resp,
        }

    @property
    def is_closed(self) -> bool:
        """Whether it is over."""
        return self.state is State.CLOSED

    @property
    def free(self) -> int:
        """Requests that may be sent now; 0 unless OPEN."""
        return max(0, self.limits.window - len(self._sent)) if self.state is State.OPEN else 0

    @property
    def deadline(self) -> float | None:
        """When ``tick`` has something to do; None: never."""
        if self.state in (State.NEW, State.CLOSED):
            return None
        if self._ends_at is not None:
            return self._ends_at
        test_due = self._test[1].due if self._test else self._heard_at + self.limits.idle_s
        first = next(iter(self._sent.values()), None)
        return test_due if first is None else min(test_due, first.due)

    def data_to_send(self) -> bytes:
        """Octets to write to the socket, handed out once."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take octets from the peer. Never raises on what a peer sends."""
        if self.is_closed:
            return []
        self._heard_at = now
        try:
            for octets in self._splitter.feed(data):
                self._take(octets, now)
        except ProtocolError as error:
            self._close(f"not CMPP: {error}")
        return self._drain()

    def terminate(self, now: float) -> None:
        """End the login in order; Closed comes when the peer has answered, or has not for ``answer_s``."""
        if self.state is not State.OPEN:
            raise NotOpen(f"the session is {self.state.value}")
        self._send(Terminate(), self._next_sequence_id())
        self.state = State.ENDING
        self._ends_at = now + self.limits.answer_s

    def connection_lost(self, why: str) -> list[Event]:
        """The socket is gone: Closed with the requests in doubt, unless it came before."""
        if not self.is_closed:
            self._close(why)
        return self._drain()

    def tick(self, now: float) -> list[Event]:
        """Time passed: resend, test, give up."""
        if self._ends_at is not None and now >= self._ends_at:
            self._close(self._waited_in_vain(), clean=self.state is State.ENDING)
        elif self.state is State.OPEN:
            self._resend(now)
            self._test_link(now)
        return self._drain()

    # --- for the subclasses

    def _send(self, pdu: Pdu, sequence_id: int) -> None:
        self._out.append(encode(pdu, sequence_id, self.layout))

    def _request(self, pdu: Pdu, now: float) -> int:
        """Send a request that counts in the window and is sent again when unanswered."""
        if self.state is not State.OPEN:
            raise NotOpen(f"the session is {self.state.value}")
        if len(self._sent) >= self.limits.window:
            raise WindowFull(f"{len(self._sent)} requests wait for their answer")
        sequence_id = self._next_sequence_id()
        octets = encode(pdu, sequence_id, self.layout)
        self._sent[sequence_id] = _Sent(octets, now + self.limits.answer_s)
        self._was_full = len(self._sent) == self.limits.window
        self._out.append(octets)
        return sequence_id

    def _answered(self, sequence_id: int, what: str) -> _Sent | None:
        """Take a request out of the window; None when there is none of that id."""
        sent = self._sent.pop(sequence_id, None)
        if sent is None:
            self._forgive(f"{what} to no open request")
        return sent

    def _forgive(self, what: str) -> None:
        if what not in self._forgiven:
            self._forgiven.add(what)
            self._events.append(Forgave(what=what))

    def _close(self, why: str, *, clean: bool = False) -> None:
        self.state = State.CLOSED
        self._ends_at = None
        self._events.append(Closed(why=why, clean=clean, unanswered=tuple(self._sent)))
        self._sent.clear()

    def _may_come(self, pdu: Pdu) -> bool:
        """Whether the state allows this PDU; otherwise it is dropped, or the link closed."""
        raise NotImplementedError

    def _gave_up(self, sequence_id: int, tries: int) -> Event:
        raise NotImplementedError

    def _waited_in_vain(self) -> str:
        return "TERMINATE was not answered" if self.state is State.ENDING else "no login in time"

    # --- inside

    def _next_sequence_id(self) -> int:
        while True:
            self._sequence_id = self._sequence_id % 0xFFFF_FFFF + 1
            if self._sequence_id not in self._sent:
                return self._sequence_id

    def _drain(self) -> list[Event]:
        if self._was_full and self.free:
            self._was_full = False
            self._events.append(WindowFree(free=self.free))
        events, self._events = self._events, []
        return events

    def _take(self, octets: bytes, now: float) -> None:
        if self.is_closed:
            return
        try:
            sequence_id, pdu, read_as, forgiven = decode(octets, self.layout)
        except ProtocolError as error:
            self._on_malformed(*header_of(octets), str(error))
            return
        if forgiven:
            self._forgive(forgiven)
        if not self._may_come(pdu):
            return
        handler = self._handlers.get(type(pdu))
        if handler is None:
            self._forgive(f"{type(pdu).__name__} where none belongs")
            return
        self._read_as = read_as
        handler(sequence_id, pdu, now)

    def _on_malformed(self, command: int, sequence_id: int, why: str) -> None:
        self._malformed += 1
        self._events.append(Malformed(command=command, sequence_id=sequence_id, why=why))
        if self._malformed > self.limits.max_malformed:
            self._close(f"more than {self.limits.max_malformed} unreadable PDUs")
        elif self.state is State.OPEN and command == Command.DELIVER:
            self._send(DeliverResp(msg_id=0, result=Result.STRUCTURE), sequence_id)
        elif self.state is State.OPEN and command == Command.SUBMIT:
            self._send(SubmitResp(msg_id=0, result=Result.STRUCTURE), sequence_id)
        elif self.state is State.NEW or command == RESPONSE | Command.CONNECT:
            self._close(f"unreadable login: {why}")

    def _on_active_test(self, sequence_id: int, _: ActiveTest, __: float) -> None:
        self._send(ActiveTestResp(), sequence_id)
        self._test_echoed = self._test is not None and self._test[0] == sequence_id
        self._events.append(PeerTested(sequence_id=sequence_id))

    def _on_active_test_resp(self, sequence_id: int, _: ActiveTestResp, __: float) -> None:
        if self._test is None or self._test[0] != sequence_id:
            self._forgive("ACTIVE_TEST_RESP of another sequence")
        self._test = None

    def _on_terminate(self, sequence_id: int, _: Terminate, __: float) -> None:
        self._send(TerminateResp(), sequence_id)
        self._close("the peer sent TERMINATE", clean=True)

    def _on_terminate_resp(self, _: int, __: TerminateResp, ___: float) -> None:
        if self.state is State.ENDING:
            self._close("terminated", clean=True)
        else:
            self._forgive("TERMINATE_RESP to no TERMINATE")

    def _resend(self, now: float) -> None:
        while self._sent:
            sequence_id, sent = next(iter(self._sent.items()))
            if sent.due > now:
                return
            del self._sent[sequence_id]
            if sent.tries >= self.limits.tries:
                self._events.append(self._gave_up(sequence_id, sent.tries))
                continue
            sent.tries += 1
            sent.due = now + self.limits.answer_s
            self._sent[sequence_id] = sent  # at the end: the order of due times stays
            self._out.append(sent.octets)

    def _test_link(self, now: float) -> None:
        if self._test is None:
            if now >= self._heard_at + self.limits.idle_s:
                sequence_id = self._next_sequence_id()
                octets = encode(ActiveTest(), sequence_id, self.layout)
                self._test, self._test_echoed = (sequence_id, _Sent(octets, now + self.limits.answer_s)), False
                self._out.append(octets)
            return
        sent = self._test[1]
        if now < sent.due:
            return
        if self._test_echoed:
            self._forgive("ACTIVE_TEST answered by ACTIVE_TEST")
            self._test = None
        elif sent.tries >= self.limits.tries:
            self._close(f"no answer to {sent.tries} ACTIVE_TEST")
        else:
            sent.tries += 1
            sent.due = now + self.limits.answer_s
            self._out.append(sent.octets)
