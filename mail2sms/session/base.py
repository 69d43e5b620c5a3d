"""What both sides of a login do alike: framing, sequence ids, window, resending, tests, end.

The carriers' texts name its limits C, T, N and W (CMPP 3.0.0, 7.1; SMGP 3.0.3, 4.2.1). A protocol derives from
``Session``, says how its PDUs are written and read, and adds the login and its requests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

from caiyou.errors import CaiyouError, ProtocolError
from mail2sms.session.events import Closed, Forgave, Malformed, PeerTested, WindowFree
from mail2sms.session.frame import HEADER_OCTETS, MAX_PDU_OCTETS, Splitter, header_of


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


class Session:
    """One side of a login. ``TEST`` and ``END`` are the names of the two requests that every session has."""

    PROTOCOL: ClassVar[str]
    HEADER_OCTETS: ClassVar[int] = HEADER_OCTETS
    TEST: ClassVar[str] = "ACTIVE_TEST"
    END: ClassVar[str]

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.state = State.NEW
        self._splitter = Splitter(limits.max_pdu_octets, self.HEADER_OCTETS)
        self._out: list[bytes] = []
        self._events: list[Any] = []
        self._sent: dict[int, _Sent] = {}  # in the order of their due times, since all wait equally long
        self._was_full = False
        self._sequence_id = 0
        self._heard_at = 0.0
        self._test: tuple[int, _Sent] | None = None
        self._test_echoed = False
        self._ends_at: float | None = None  # in ASKED and ENDING: when waiting is over
        self._forgiven: set[str] = set()
        self._malformed = 0
        self._handlers: dict[type, Callable[[int, Any, float], None]] = {}

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
        if self.is_closed:
            return None
        if self._ends_at is not None or self.state is State.NEW:
            return self._ends_at
        test_due = self._test[1].due if self._test else self._heard_at + self.limits.idle_s
        first = next(iter(self._sent.values()), None)
        return test_due if first is None else min(test_due, first.due)

    def data_to_send(self) -> bytes:
        """Octets to write to the socket, handed out once."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def receive(self, data: bytes, now: float) -> list[Any]:
        """Take octets from the peer. Never raises on what a peer sends."""
        self._heard_at = now
        try:
            for octets in self._splitter.feed(data):
                if self.is_closed:  # what stands behind the end is nobody's
                    break
                self._take(octets, now)
        except ProtocolError as error:
            self._close(f"not {self.PROTOCOL}: {error}")
        return self._drain()

    def terminate(self, now: float) -> None:
        """End the login in order; Closed comes when the peer has answered, or has not for ``answer_s``."""
        if self.state is not State.OPEN:
            raise NotOpen(f"the session is {self.state.value}")
        self._out.append(self._end_request(self._next_sequence_id()))
        self.state = State.ENDING
        self._ends_at = now + self.limits.answer_s

    def connection_lost(self, why: str) -> list[Any]:
        """The socket is gone: Closed with the requests in doubt, unless it came before."""
        if not self.is_closed:
            self._close(why)
        return self._drain()

    def tick(self, now: float) -> list[Any]:
        """Time passed: resend, test, give up."""
        if self._ends_at is not None and now >= self._ends_at:
            self._close(self._waited_in_vain(), clean=self.state is State.ENDING)
        elif self.state is State.OPEN:
            self._resend(now)
            self._test_link(now)
        return self._drain()

    # --- what a protocol says

    def _encode(self, pdu: Any, sequence_id: int) -> bytes:
        """A whole PDU; raises ValueError naming the field that does not fit."""
        raise NotImplementedError

    def _decode(self, octets: bytes) -> tuple[int, Any, str | None]:
        """Sequence id, PDU and what was forgiven; raises ProtocolError."""
        raise NotImplementedError

    def _header(self, octets: bytes) -> tuple[int, int]:
        """Command and sequence id of a whole PDU."""
        return header_of(octets)

    def _test_request(self, sequence_id: int) -> bytes:
        raise NotImplementedError

    def _end_request(self, sequence_id: int) -> bytes:
        raise NotImplementedError

    def _may_come(self, pdu: Any) -> bool:
        """Whether the state allows this PDU; otherwise it is dropped, or the session closed."""
        raise NotImplementedError

    def _gave_up(self, sequence_id: int, tries: int) -> Any:
        """The event of a request that was never answered."""
        raise NotImplementedError

    def _refuse_unreadable(self, command: int, sequence_id: int, why: str) -> None:
        """Answer a request that could not be read, or close where it was the login."""
        raise NotImplementedError

    # --- for the protocols

    def _send(self, pdu: Any, sequence_id: int) -> None:
        self._out.append(self._encode(pdu, sequence_id))

    def _request(self, pdu: Any, now: float) -> int:
        """Send a request that counts in the window and is sent again when unanswered."""
        if self.state is not State.OPEN:
            raise NotOpen(f"the session is {self.state.value}")
        if len(self._sent) >= self.limits.window:
            raise WindowFull(f"{len(self._sent)} requests wait for their answer")
        sequence_id = self._next_sequence_id()
        octets = self._encode(pdu, sequence_id)
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
        if self.is_closed:  # junk may stand behind what ended it, in the same octets
            return
        self.state = State.CLOSED
        self._ends_at = None
        self._events.append(Closed(why=why, clean=clean, unanswered=tuple(self._sent)))
        self._sent.clear()

    def _waited_in_vain(self) -> str:
        return f"{self.END} was not answered" if self.state is State.ENDING else "no login in time"

    # --- inside

    def _next_sequence_id(self) -> int:
        while True:
            self._sequence_id = self._sequence_id % 0xFFFF_FFFF + 1
            if self._sequence_id not in self._sent:
                return self._sequence_id

    def _drain(self) -> list[Any]:
        if self._was_full and self.free:
            self._was_full = False
            self._events.append(WindowFree(free=self.free))
        events, self._events = self._events, []
        return events

    def _take(self, octets: bytes, now: float) -> None:
        if self.is_closed:
            return
        try:
            sequence_id, pdu, forgiven = self._decode(octets)
        except ProtocolError as error:
            self._on_malformed(*self._header(octets), str(error))
            return
        if forgiven:
            self._forgive(forgiven)
        if not self._may_come(pdu):
            return
        handler = self._handlers.get(type(pdu))
        if handler is None:
            self._forgive(f"{type(pdu).__name__} where none belongs")
            return
        handler(sequence_id, pdu, now)

    def _on_malformed(self, command: int, sequence_id: int, why: str) -> None:
        self._malformed += 1
        self._events.append(Malformed(command=command, sequence_id=sequence_id, why=why))
        if self._malformed > self.limits.max_malformed:
            self._close(f"more than {self.limits.max_malformed} unreadable PDUs")
        else:
            self._refuse_unreadable(command, sequence_id, why)

    def _tested(self, sequence_id: int, answer: Any) -> None:
        """The peer sent a test."""
        self._send(answer, sequence_id)
        self._test_echoed = self._test is not None and self._test[0] == sequence_id
        self._events.append(PeerTested(sequence_id=sequence_id))

    def _test_answered(self, sequence_id: int) -> None:
        """The peer answered a test."""
        if self._test is None or self._test[0] != sequence_id:
            self._forgive(f"{self.TEST}_RESP of another sequence")
        self._test = None

    def _ended(self, sequence_id: int, answer: Any) -> None:
        """The peer logged out."""
        self._send(answer, sequence_id)
        self._close(f"the peer sent {self.END}", clean=True)

    def _end_answered(self) -> None:
        """The peer answered our log-out."""
        if self.state is State.ENDING:
            self._close("terminated", clean=True)
        else:
            self._forgive(f"{self.END}_RESP to no {self.END}")

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
                octets = self._test_request(sequence_id)
                self._test, self._test_echoed = (sequence_id, _Sent(octets, now + self.limits.answer_s)), False
                self._out.append(octets)
            return
        sent = self._test[1]
        if now < sent.due:
            return
        if self._test_echoed:
            self._forgive(f"{self.TEST} answered by {self.TEST}")
            self._test = None
        elif sent.tries >= self.limits.tries:
            self._close(f"no answer to {sent.tries} {self.TEST}")
        else:
            sent.tries += 1
            sent.due = now + self.limits.answer_s
            self._out.append(sent.octets)
