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
| OPEN      | QUERY_RESP, CANCEL_RESP              | OPEN      | AskAnswered (WindowFree) |
| OPEN      | a request unanswered for answer_s    | OPEN      | again; after ``tries``: SubmitUnanswered, AskAnswered |
| OPEN, ENDING | DELIVER                           | same      | Delivered or Reported; answered by acknowledge() |
| OPEN      | nothing received for idle_s          | OPEN      | ACTIVE_TEST goes out |
| OPEN      | ACTIVE_TEST unanswered ``tries`` times | CLOSED  | Closed |
| OPEN      | terminate()                          | ENDING    | TERMINATE goes out; answers still come in |
| ENDING    | TERMINATE_RESP, or nothing for answer_s | CLOSED | Closed |
| any but NEW, CLOSED | TERMINATE                  | CLOSED    | Closed (it is answered) |
| any but CLOSED | octets that are no CMPP, connection_lost() | CLOSED | Closed |

Server session (ServerSession):

| state     | on                                   | to        | event |
|---|---|---|---|
| NEW       | CONNECT                              | ASKED     | LoginAsked |
| NEW       | anything else                        | CLOSED    | Closed |
| ASKED     | admit() with the right secret        | OPEN      | |
| ASKED     | admit() with another, refuse()       | CLOSED    | Closed |
| OPEN, ENDING | SUBMIT                            | same      | Submitted; answered by respond() |
| OPEN, ENDING | QUERY, CANCEL                     | same      | Asked; answered by respond() |
| OPEN      | DELIVER_RESP                         | OPEN      | DeliverAnswered (WindowFree) |
| OPEN      | a DELIVER unanswered for answer_s    | OPEN      | sent again; after ``tries``: DeliverUnanswered |

The rest is the client's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from caiyou.errors import ProtocolError
from mail2sms.cmpp import auth
from mail2sms.cmpp.codes import Result, Status, Version
from mail2sms.cmpp.events import (
    AskAnswered,
    Asked,
    Connected,
    DeliverAnswered,
    Delivered,
    Event,
    LoginAsked,
    LoginRefused,
    Malformed,
    Reported,
    SubmitAnswered,
    Submitted,
    SubmitUnanswered,
)
from mail2sms.cmpp.frame import decode_report
from mail2sms.cmpp.link import Link
from mail2sms.cmpp.pdu import (
    Cancel,
    CancelResp,
    Connect,
    ConnectResp,
    Deliver,
    DeliverResp,
    Pdu,
    Query,
    QueryResp,
    Submit,
    SubmitResp,
)
from mail2sms.session.base import Limits, NotOpen, State, WindowFull
from mail2sms.session.repeats import Repeats, Seen
from mail2sms.session.server import Server

__all__ = ["ClientSession", "Limits", "Login", "NotOpen", "ServerSession", "State", "WindowFull"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What the SP proves itself with. ``require_proof``: close when AuthenticatorISMG is wrong (many peers' is)."""

    sp_id: str
    secret: str
    version: Version = Version.V30
    require_proof: bool = False
    pad_sp_id: bool = False  # hash over Source_Addr padded to 6 octets; differs only when sp_id is shorter


class ClientSession(Link):
    """The SP's side of one link."""

    def __init__(self, login: Login, limits: Limits | None = None) -> None:
        super().__init__(limits or Limits())
        self._login = login
        self._proof = b""
        self._delivers = Repeats()
        self._asks: dict[int, type[Pdu]] = {}  # QUERYs and CANCELs without an answer, by which answer they wait for
        self._handlers |= {
            ConnectResp: self._on_connect_resp,
            SubmitResp: self._on_submit_resp,
            QueryResp: self._on_ask_answered,
            CancelResp: self._on_ask_answered,
            Deliver: self._on_deliver,
        }

    def connect(self, now: float, at: datetime) -> None:
        """Send CONNECT; ``at`` is the local time that goes into the proof. Raises ValueError on an impossible SP_Id."""
        if self.state is not State.NEW:
            raise NotOpen(f"the session is {self.state.value}")
        login, stamp = self._login, auth.timestamp(at)
        self.layout = login.version.layout
        self._proof = auth.authenticator_source(login.sp_id, login.secret, stamp, padded=login.pad_sp_id)
        connect = Connect(
            source_addr=login.sp_id, authenticator_source=self._proof, version=login.version, timestamp=stamp
        )
        self._send(connect, self._next_sequence_id())
        self.state = State.ASKED
        self._heard_at, self._ends_at = now, now + self.limits.answer_s

    def submit(self, submit: Submit, now: float) -> int:
        """Send a SUBMIT; its sequence id is returned. Raises ValueError (names the field), WindowFull, NotOpen."""
        submit.check()
        return self._request(submit, now)

    def forgo(self, sequence_id: int) -> None:
        """No answer to that SUBMIT will come: its place in the window is free again."""
        self._sent.pop(sequence_id, None)

    def ask(self, request: Query | Cancel, now: float) -> int:
        """Send a QUERY or CANCEL; its sequence id is returned. Raises like ``submit``."""
        sequence_id = self._request(request, now)
        self._asks[sequence_id] = QueryResp if isinstance(request, Query) else CancelResp
        return sequence_id

    def acknowledge(self, event: Delivered | Reported, result: int = Result.OK) -> None:
        """Answer a DELIVER, once it is recorded. Does nothing when the session is closed."""
        if self.state in (State.OPEN, State.ENDING):
            self._delivers.answered((event.sequence_id, event.deliver), result)
            self._send(DeliverResp(msg_id=event.deliver.msg_id, result=result), event.sequence_id)

    def _on_connect_resp(self, _: int, answer: ConnectResp, __: float) -> None:
        if self.state is not State.ASKED:
            self._forgive("CONNECT_RESP to no CONNECT")
            return
        self.layout = self._read_as
        if answer.status != Status.OK:
            self._refused(answer.status, f"status {answer.status}")
            return
        authentic = auth.answer_is_proved(answer, self.layout, self._proof, self._login.secret)
        if not authentic and self._login.require_proof:
            self._refused(Status.OK, "AuthenticatorISMG is wrong")
            return
        if not authentic:
            self._forgive("AuthenticatorISMG is wrong")
        self.state, self._ends_at = State.OPEN, None
        self._events.append(Connected(layout=self.layout, peer_version=answer.version, authentic=authentic))

    def _refused(self, status: int, why: str) -> None:
        self._events.append(LoginRefused(status=status, why=why))
        self._close(f"login refused: {why}")

    def _on_submit_resp(self, sequence_id: int, answer: SubmitResp, _: float) -> None:
        if sequence_id in self._asks:
            self._forgive("SUBMIT_RESP to another request")
            return
        sent = self._answered(sequence_id, "SUBMIT_RESP")
        if sent is not None:
            self._events.append(
                SubmitAnswered(sequence_id=sequence_id, msg_id=answer.msg_id, result=answer.result, tries=sent.tries)
            )

    def _on_ask_answered(self, sequence_id: int, answer: QueryResp | CancelResp, _: float) -> None:
        if self._asks.get(sequence_id) is not type(answer):
            self._forgive(f"{type(answer).__name__} to no open request")
            return
        del self._asks[sequence_id]
        self._answered(sequence_id, "answer")
        self._events.append(AskAnswered(sequence_id=sequence_id, answer=answer))

    def _on_deliver(self, sequence_id: int, deliver: Deliver, _: float) -> None:
        if self._is_repeated(sequence_id, deliver):
            return
        if not deliver.registered_delivery:
            self._events.append(Delivered(sequence_id=sequence_id, deliver=deliver))
            return
        try:
            report = decode_report(deliver.msg_content)
        except ProtocolError as error:
            self._events.append(Malformed(command=deliver.COMMAND, sequence_id=sequence_id, why=f"report: {error}"))
            self._send(DeliverResp(msg_id=deliver.msg_id, result=Result.STRUCTURE), sequence_id)
            return
        self._events.append(Reported(sequence_id=sequence_id, deliver=deliver, report=report))

    def _is_repeated(self, sequence_id: int, deliver: Deliver) -> bool:
        """Whether this DELIVER came before: it is answered as before, or its answer is still to come.

        Peers without Msg_Id may repeat sequence ids as well, so theirs are always new.
        """
        if not deliver.msg_id:
            return False
        key = (sequence_id, deliver)
        seen = self._delivers.take(key)
        if seen is Seen.ANSWERED:
            self._send(DeliverResp(msg_id=deliver.msg_id, result=self._delivers.result(key)), sequence_id)
        return seen is not Seen.NEW

    def _may_come(self, pdu: Pdu) -> bool:
        if self.state is not State.ASKED or not isinstance(pdu, Deliver | SubmitResp):
            return True
        self._forgive(f"{type(pdu).__name__} before CONNECT_RESP")
        return False

    def _gave_up(self, sequence_id: int, tries: int) -> Event:
        if self._asks.pop(sequence_id, None):
            return AskAnswered(sequence_id=sequence_id, answer=None)
        return SubmitUnanswered(sequence_id=sequence_id, tries=tries)


class ServerSession(Server[Connect], Link):
    """The ISMG's side of one link. ``authenticator_source`` of the CONNECT is checked by ``admit``."""

    LOGIN = (Connect,)

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__(limits or Limits())
        self._handlers |= {
            Connect: self._on_connect,
            Submit: self._on_submit,
            Query: self._on_asked,
            Cancel: self._on_asked,
            DeliverResp: self._on_deliver_resp,
        }

    def admit(self, secret: str, now: float) -> int:
        """Check the CONNECT against the account's secret and answer it; the status that was answered."""
        sequence_id, connect = self._asked()
        if connect.version > Version.V30:
            return self.refuse(Status.VERSION_TOO_HIGH)
        if not auth.connect_is_proved(connect, secret):
            return self.refuse(Status.AUTH)
        size = 4 if self.layout is Version.V30 else 1
        proof = auth.authenticator_ismg(Status.OK, size, connect.authenticator_source, secret)
        self._send(ConnectResp(status=Status.OK, authenticator_ismg=proof, version=self.layout), sequence_id)
        self._opened(now)
        return Status.OK

    def refuse(self, status: int) -> int:
        """Answer the CONNECT with ``status`` and close; the proof stays empty."""
        sequence_id, _ = self._asked()
        self._send(ConnectResp(status=status, version=self.layout), sequence_id)
        self._close(f"login refused: status {int(status)}")
        return status

    def respond(self, sequence_id: int, answer: SubmitResp | QueryResp | CancelResp) -> None:
        """Answer a request. Does nothing when the session is closed."""
        if self.state in (State.OPEN, State.ENDING):
            self._send(answer, sequence_id)

    def _on_connect(self, sequence_id: int, connect: Connect, _: float) -> None:
        if self._asks(sequence_id, connect, LoginAsked(connect=connect)):
            self.layout = Version.V30 if connect.version >= Version.V30 else Version.V20

    def _on_submit(self, sequence_id: int, submit: Submit, _: float) -> None:
        self._events.append(Submitted(sequence_id=sequence_id, submit=submit))

    def _on_asked(self, sequence_id: int, request: Query | Cancel, _: float) -> None:
        self._events.append(Asked(sequence_id=sequence_id, request=request))

    def _on_deliver_resp(self, sequence_id: int, answer: DeliverResp, _: float) -> None:
        sent = self._answered(sequence_id, "DELIVER_RESP")
        if sent is not None:
            self._events.append(
                DeliverAnswered(sequence_id=sequence_id, msg_id=answer.msg_id, result=answer.result, tries=sent.tries)
            )
