"""SGIP sessions without I/O: octets in, events out (SGIP 1.2, 3.7).

Use: ``events = session.receive(data, now)``, act on them, then write ``session.data_to_send()``. Every method may leave
octets to send, ``tick`` too. ``now`` is seconds of one monotonic clock; call ``tick(now)`` at ``session.deadline``.

SP and SMG are both client and server: who has something to send binds and sends. So there are two sessions for either:
the client's, which binds, and the server's; ``takes`` names the messages that the peer may send. SMGs send REPORT down
the connection that the SP bound for SUBMIT as well (SMSGate does), so a client takes messages too.

| state     | on                                   | to        | event |
|---|---|---|---|
| client NEW | bind()                              | ASKED     | |
| client ASKED | BIND_RESP result 0                | OPEN      | Bound |
| client ASKED | BIND_RESP other result            | CLOSED    | LoginRefused, Closed |
| client ASKED | nothing for answer_s              | CLOSED    | Closed |
| server NEW | BIND                                | ASKED     | BindAsked |
| server NEW | anything else, nothing for answer_s | CLOSED    | Closed |
| server ASKED | admit()                           | OPEN      | |
| server ASKED | refuse()                          | CLOSED    | Closed |
| server ASKED | a message                         | ASKED     | Forgave; it is dropped and will come again |
| server OPEN | BIND                               | OPEN      | Forgave; it is answered with result 2 |
| OPEN      | a response                           | OPEN      | Answered (WindowFree) |
| OPEN      | a request unanswered for answer_s    | OPEN      | sent again, as it was; after ``tries``: Unanswered |
| OPEN, ENDING | a message                         | same      | Requested; answered by acknowledge() |
| OPEN, ENDING | the same again                    | same      | it is answered as before |
| OPEN, ENDING | its sequence, other content       | same      | Forgave; it is answered with result 9 |
| OPEN, ENDING | a command that is not known       | same      | Malformed; it is answered with result 7 |
| OPEN      | nothing received for idle_s, nothing open | ENDING (client), CLOSED (server) | Closed, clean |
| OPEN      | terminate()                          | ENDING    | UNBIND goes out; answers still come in |
| ENDING    | UNBIND_RESP, or nothing for answer_s | CLOSED    | Closed |
| any but NEW, CLOSED | UNBIND                     | CLOSED    | Closed; it is answered once its messages are |
| any but CLOSED | octets that are no SGIP, connection_lost() | CLOSED | Closed |

There is no heartbeat: SMGs cut a connection that is idle for 60 s, and the text wants the client to end it itself.
"""

from __future__ import annotations

from typing import ClassVar

from mail2sms.session.base import Limits, NotOpen, Session, State, WindowFull
from mail2sms.session.events import LoginRefused
from mail2sms.sgip.codes import RESPONSE, Command, LoginType, Result, words_of
from mail2sms.sgip.events import Answered, BindAsked, Bound, Requested, Unanswered
from mail2sms.sgip.frame import HEADER_OCTETS, Frame, decode, encode, encode_answer, header_of, is_known
from mail2sms.sgip.pdu import (
    Answer,
    Bind,
    BindResp,
    Deliver,
    DeliverResp,
    Message,
    Pdu,
    Report,
    ReportResp,
    Submit,
    SubmitResp,
    Unbind,
    UnbindResp,
    UserRpt,
    UserRptResp,
)
from mail2sms.sgip.sequence import Sequencer
from mail2sms.sgip.taken import Seen, Taken

__all__ = [
    "BY_SMG",
    "BY_SP",
    "ClientSession",
    "Limits",
    "NotOpen",
    "ServerSession",
    "SgipSession",
    "State",
    "WindowFull",
]

UNBIND_S = 2.0  # an idle client waits so long for the answer to its UNBIND: nothing hangs on it

BY_SP: frozenset[type[Message]] = frozenset({Submit})
BY_SMG: frozenset[type[Message]] = frozenset({Deliver, Report, UserRpt})


class SgipSession(Session):
    """One side of one connection. ``taken``: what the peer sent before, shared by its connections."""

    PROTOCOL: ClassVar[str] = "SGIP"
    HEADER_OCTETS: ClassVar[int] = HEADER_OCTETS
    END: ClassVar[str] = "UNBIND"

    def __init__(self, limits: Limits, sequencer: Sequencer, takes: frozenset[type[Message]], taken: Taken) -> None:
        super().__init__(limits)
        self.owed = 0  # messages of the peer that are not answered yet
        self._sequencer = sequencer
        self._taken = taken
        self._wanted: int | None = None
        self._unbound_as: int | None = None  # the peer's UNBIND, while it waits for our answers
        self._handlers |= {
            Unbind: self._on_unbind,
            UnbindResp: self._on_unbind_resp,
            SubmitResp: self._on_answer,
            DeliverResp: self._on_answer,
            ReportResp: self._on_answer,
            UserRptResp: self._on_answer,
        }
        self._handlers |= dict.fromkeys(takes, self._on_message)

    @property
    def deadline(self) -> float | None:
        """When ``tick`` has something to do; None: never."""
        if self.state is State.CLOSED or self._ends_at is not None:
            return self._ends_at
        if self.state is not State.OPEN:
            return None
        first = next(iter(self._sent.values()), None)
        if first is not None:
            return first.due
        return None if self.owed else self._heard_at + self.limits.idle_s

    def request(self, message: Message, now: float, sequence_id: int | None = None) -> int:
        """Send a message; its sequence number is returned: ``sequence_id`` where it is sent again.

        Raises ValueError (names the field), WindowFull, NotOpen.
        """
        if isinstance(message, Submit):
            message.check()
        self._wanted = sequence_id
        return self._request(message, now)

    def acknowledge(self, event: Requested, result: int = Result.OK) -> None:
        """Answer a message, once it is recorded. When the session is closed, its repeat will be answered so."""
        self._taken.answered(event.sequence_id, event.message, result)
        self.owed -= 1
        if self.state in (State.OPEN, State.ENDING):
            self._out.append(encode_answer(event.message.COMMAND, event.sequence_id, result))
            if self._unbound_as is not None and not self.owed:
                self._ended(self._unbound_as, UnbindResp())

    # --- what the base asks

    def _encode(self, pdu: Pdu, sequence_id: int) -> bytes:
        return encode(pdu, sequence_id)

    def _decode(self, octets: bytes) -> Frame:
        return decode(octets)

    def _header(self, octets: bytes) -> tuple[int, int]:
        return header_of(octets)

    def _end_request(self, sequence_id: int) -> bytes:
        return encode(Unbind(), sequence_id)

    def _gave_up(self, sequence_id: int, tries: int) -> Unanswered:
        return Unanswered(sequence_id=sequence_id, tries=tries)

    def _refuse_unreadable(self, command: int, sequence_id: int, why: str) -> None:
        if self.state in (State.NEW, State.ASKED):
            self._close(f"unreadable login: {why}")
        elif not command & RESPONSE:
            result = Result.LENGTH if is_known(command) else Result.MESSAGE_ID
            self._out.append(encode_answer(command, sequence_id, result))

    def _next_sequence_id(self) -> int:
        wanted, self._wanted = self._wanted, None
        return self._sequencer.next() if wanted is None else wanted

    def _test_link(self, now: float) -> None:
        if not self._sent and not self.owed and now >= self._heard_at + self.limits.idle_s:
            self._idle(now)

    def _idle(self, now: float) -> None:
        """Nothing was received for ``idle_s`` and nothing is open."""
        raise NotImplementedError

    # --- what comes in

    def _on_answer(self, sequence_id: int, answer: Answer, _: float) -> None:
        sent = self._answered(sequence_id, type(answer).__name__)
        if sent is not None:
            self._events.append(Answered(sequence_id=sequence_id, result=answer.result, tries=sent.tries))

    def _on_message(self, sequence_id: int, message: Message, _: float) -> None:
        match self._taken.take(sequence_id, message, self):
            case Seen.NEW:
                self.owed += 1
                self._events.append(Requested(sequence_id=sequence_id, message=message))
            case Seen.ANSWERED:
                result = self._taken.result(sequence_id)
                self._out.append(encode_answer(message.COMMAND, sequence_id, result))
            case Seen.OTHER:
                self._forgive(f"{type(message).__name__} with the sequence number of another message")
                self._out.append(encode_answer(message.COMMAND, sequence_id, Result.SEQUENCE))
            case Seen.WAITS:
                pass

    def _on_unbind(self, sequence_id: int, _: Unbind, now: float) -> None:
        if self.owed:
            self._unbound_as = sequence_id
            self.state, self._ends_at = State.ENDING, now + self.limits.answer_s
        else:
            self._ended(sequence_id, UnbindResp())

    def _on_unbind_resp(self, _: int, __: UnbindResp, ___: float) -> None:
        self._end_answered()


class ClientSession(SgipSession):
    """The side that binds."""

    def __init__(self, limits: Limits, sequencer: Sequencer, takes: frozenset[type[Message]], taken: Taken) -> None:
        super().__init__(limits, sequencer, takes, taken)
        self.rests = False  # it ended itself since it was idle
        self._handlers[BindResp] = self._on_bind_resp

    def bind(self, login_type: LoginType, name: str, password: str, now: float) -> None:
        """Send BIND. Raises ValueError on a name or password that does not fit."""
        if self.state is not State.NEW:
            raise NotOpen(f"the session is {self.state.value}")
        try:
            bind = Bind(login_type=login_type, login_name=name, login_password=password)
            self._send(bind, self._next_sequence_id())
        except ValueError:  # its text would show the password
            raise ValueError("login name and password are at most 16 octets of ASCII each") from None
        self.state = State.ASKED
        self._heard_at, self._ends_at = now, now + self.limits.answer_s

    def _may_come(self, pdu: Pdu) -> bool:
        if self.state is not State.ASKED or isinstance(pdu, BindResp | Unbind):
            return True
        self._forgive(f"{type(pdu).__name__} before BIND_RESP")
        return False

    def _on_bind_resp(self, _: int, answer: BindResp, now: float) -> None:
        if self.state is not State.ASKED:
            self._forgive("BIND_RESP to no BIND")
        elif answer.result == Result.OK:
            self.state, self._ends_at, self._heard_at = State.OPEN, None, now
            self._events.append(Bound())
        else:
            why = words_of(answer.result)
            self._events.append(LoginRefused(status=answer.result, why=why))
            self._close(f"login refused: {why}")

    def _idle(self, now: float) -> None:
        self.rests = True
        self.terminate(now)
        self._ends_at = now + UNBIND_S


class ServerSession(SgipSession):
    """The side that is bound to."""

    def __init__(self, limits: Limits, sequencer: Sequencer, takes: frozenset[type[Message]], taken: Taken) -> None:
        super().__init__(limits, sequencer, takes, taken)
        self._asked_as = 0
        self._handlers[Bind] = self._on_bind

    def waits_for_login(self, now: float, login_s: float) -> None:
        """The connection stands: BIND must come within ``login_s``."""
        self._ends_at = now + login_s

    def admit(self, now: float) -> None:
        """Answer the BIND: welcome. Does nothing when the session is closed."""
        if self._is_asked():
            self._send(BindResp(result=Result.OK), self._asked_as)
            self.state, self._ends_at, self._heard_at = State.OPEN, None, now

    def refuse(self, result: int) -> None:
        """Answer the BIND with ``result`` and close. Does nothing when the session is closed."""
        if self._is_asked():
            self._send(BindResp(result=result), self._asked_as)
            self._close(f"login refused: {words_of(result)}")

    def _is_asked(self) -> bool:
        if self.state not in (State.ASKED, State.CLOSED):
            raise NotOpen(f"no login is asked for: the session is {self.state.value}")
        return self.state is State.ASKED

    def _may_come(self, pdu: Pdu) -> bool:
        if self.state in (State.OPEN, State.ENDING) or (self.state is State.NEW and isinstance(pdu, Bind)):
            return True
        if self.state is State.ASKED:  # sent without waiting for the answer; it will come again
            self._forgive(f"{type(pdu).__name__} before BIND was answered")
        else:
            self._close(f"{type(pdu).__name__} before the login")
        return False

    def _on_bind(self, sequence_id: int, bind: Bind, _: float) -> None:
        if self.state is not State.NEW:
            self._forgive("BIND a second time")
            self._out.append(encode_answer(Command.BIND, sequence_id, Result.SECOND_LOGIN))
            return
        self._asked_as = sequence_id
        self.state = State.ASKED
        self._events.append(BindAsked(bind=bind))

    def _idle(self, _: float) -> None:
        self._close(f"idle for {self.limits.idle_s:.0f} s", clean=True)
