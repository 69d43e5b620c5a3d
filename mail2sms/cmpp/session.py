"""CMPP sessions without I/O: octets in, events out (CMPP 3.0.0, 7.1 and 8.4).

Use: ``events = session.receive(data, now)``, act on them, then write ``session.data_to_send()``. Every method may leave
octets to send, ``tick`` too. ``now`` is seconds of one monotonic clock; call ``tick(now)`` at ``session.deadline``.

Client session (ClientSession):

| state     | on                                   | to        | event |
|---|---|---|---|
| NEW       | connect()                            | ASKED     | |
| ASKED     | CONNECT_RESP status 0                | OPEN      | Connected |
| ASKED     | CONNECT_RESP other status            | CLOSED    | LoginRefused, Closed |
| ASKED     | nothing for answer_s                 | CLOSED    | Closed |
| OPEN      | SUBMIT_RESP                          | OPEN      | SubmitAnswered (WindowFree) |
| OPEN      | a request unanswered for answer_s    | OPEN      | sent again; after ``tries``: SubmitUnanswered |
| OPEN      | DELIVER                              | OPEN      | Delivered or Reported; answered by acknowledge() |
| OPEN      | nothing received for idle_s          | OPEN      | ACTIVE_TEST goes out |
| OPEN      | ACTIVE_TEST unanswered ``tries`` times | CLOSED  | Closed |
| OPEN      | terminate()                          | ENDING    | TERMINATE goes out; answers still come in |
| ENDING    | TERMINATE_RESP, or nothing for answer_s | CLOSED | Closed |
| ASKED, OPEN, ENDING | TERMINATE                  | CLOSED    | Closed (answered) |
| ASKED, OPEN, ENDING | octets that are no CMPP, connection_lost() | CLOSED | Closed |

Server session (ServerSession): NEW becomes ASKED by CONNECT (LoginAsked), then OPEN by admit() or CLOSED by refuse().
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from mail2sms.cmpp.codes import Result, Version
from mail2sms.cmpp.events import Delivered, Event, Reported
from mail2sms.cmpp.pdu import Submit


class State(Enum):
    """Where a session stands."""

    NEW = "new"
    ASKED = "asked"
    OPEN = "open"
    ENDING = "ending"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The text's W, T, N and C, and the largest PDU taken."""

    window: int = 16  # W: requests of ours without an answer
    answer_s: float = 60.0  # T
    tries: int = 3  # N: times a request is sent in all
    idle_s: float = 180.0  # C
    max_pdu_octets: int = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What the SP proves itself with. ``require_proof``: close when AuthenticatorISMG is wrong (many peers' is)."""

    sp_id: str
    secret: str
    version: Version = Version.V30
    require_proof: bool = False
    pad_sp_id: bool = False  # hash over Source_Addr padded to 6 octets; differs only when sp_id is shorter


class ClientSession:
    """The SP's side of one link."""

    def __init__(self, login: Login, limits: Limits = Limits()) -> None:
        raise NotImplementedError

    @property
    def state(self) -> State: ...

    @property
    def free(self) -> int:
        """SUBMITs that may be sent now; 0 unless OPEN."""

    @property
    def deadline(self) -> float | None:
        """When ``tick`` has something to do; None: never."""

    def data_to_send(self) -> bytes:
        """Octets to write to the socket, handed out once."""

    def connect(self, now: float, at: datetime) -> None:
        """Send CONNECT; ``at`` is the local time that goes into the proof."""

    def submit(self, submit: Submit, now: float) -> int:
        """Send a SUBMIT, its sequence id is returned. Raises ValueError (field), WindowFull, NotOpen."""

    def acknowledge(self, event: Delivered | Reported, result: int = Result.OK) -> None:
        """Answer a DELIVER, once it is recorded. Does nothing when the session is closed."""

    def terminate(self, now: float) -> None:
        """End the login in order: wait for ``Closed``."""

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take octets from the peer. Never raises on what a peer sends."""

    def connection_lost(self, why: str) -> list[Event]:
        """The socket is gone: Closed with the sequence ids in doubt, unless it came before."""

    def tick(self, now: float) -> list[Event]:
        """Time passed: resend, test, give up."""
