"""SMGP sessions without I/O: octets in, events out (SMGP 3.0.3, 4.2.1 and 5.2).

Use, states and timers are those of ``mail2sms.session.base`` and so CMPP's (``mail2sms.cmpp.session`` has the table),
with LOGIN for CONNECT and EXIT for TERMINATE: a client goes NEW → login() → ASKED → LOGIN_RESP → OPEN → terminate() →
ENDING → EXIT_RESP → CLOSED; a server NEW → LOGIN → ASKED → admit() or refuse() → OPEN or CLOSED.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from caiyou.errors import ProtocolError
from mail2sms.session.base import Limits, NotOpen, Session, State, WindowFull
from mail2sms.session.frame import RESPONSE
from mail2sms.session.repeats import Repeats, Seen
from mail2sms.session.server import Server
from mail2sms.smgp import auth
from mail2sms.smgp.codes import VERSION, Command, LoginMode, Status
from mail2sms.smgp.events import (
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
from mail2sms.smgp.frame import decode, encode
from mail2sms.smgp.pdu import (
    NO_MSG_ID,
    ActiveTest,
    ActiveTestResp,
    Deliver,
    DeliverResp,
    Exit,
    ExitResp,
    Login,
    LoginResp,
    Pdu,
    Submit,
    SubmitResp,
)
from mail2sms.smgp.report import decode_report

__all__ = ["ClientSession", "Credentials", "Limits", "NotOpen", "ServerSession", "State", "WindowFull"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What the SP proves itself with. ``require_proof``: close when AuthenticatorServer is wrong (many peers' is)."""

    client_id: str
    secret: str
    mode: LoginMode = LoginMode.BOTH
    require_proof: bool = False


class _Link(Session):
    """What both sides say alike."""

    PROTOCOL: ClassVar[str] = "SMGP"
    END: ClassVar[str] = "EXIT"

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._handlers |= {
            ActiveTest: lambda sequence_id, _, __: self._tested(sequence_id, ActiveTestResp()),
            ActiveTestResp: lambda sequence_id, _, __: self._test_answered(sequence_id),
            Exit: lambda sequence_id, _, __: self._ended(sequence_id, ExitResp()),
            ExitResp: lambda _, __, ___: self._end_answered(),
        }

    def _encode(self, pdu: Pdu, sequence_id: int) -> bytes:
        return encode(pdu, sequence_id)

    def _decode(self, octets: bytes) -> tuple[int, Pdu, str | None]:
        return decode(octets)

    def _test_request(self, sequence_id: int) -> bytes:
        return encode(ActiveTest(), sequence_id)

    def _end_request(self, sequence_id: int) -> bytes:
        return encode(Exit(), sequence_id)

    def _refuse_unreadable(self, command: int, sequence_id: int, why: str) -> None:
        if self.state is State.OPEN and command == Command.DELIVER:
            self._send(DeliverResp(msg_id=NO_MSG_ID, status=Status.STRUCTURE), sequence_id)
        elif self.state is State.OPEN and command == Command.SUBMIT:
            self._send(SubmitResp(msg_id=NO_MSG_ID, status=Status.STRUCTURE), sequence_id)
        elif self.state is State.NEW or command == RESPONSE | Command.LOGIN:
            self._close(f"unreadable login: {why}")


class ClientSession(_Link):
    """The SP's side of one link."""

    def __init__(self, credentials: Credentials, limits: Limits | None = None) -> None:
        super().__init__(limits or Limits())
        self._credentials = credentials
        self._proof = b""
        self._delivers = Repeats()
        self._handlers |= {
            LoginResp: self._on_login_resp,
            SubmitResp: self._on_submit_resp,
            Deliver: self._on_deliver,
        }

    def login(self, now: float, at: datetime) -> None:
        """Send LOGIN; ``at`` is the local time in the proof. Raises ValueError on an impossible ClientID."""
        if self.state is not State.NEW:
            raise NotOpen(f"the session is {self.state.value}")
        credentials, stamp = self._credentials, auth.timestamp(at)
        self._proof = auth.authenticator_client(credentials.client_id, credentials.secret, stamp)
        login = Login(
            client_id=credentials.client_id,
            authenticator_client=self._proof,
            login_mode=credentials.mode,
            timestamp=stamp,
        )
        self._send(login, self._next_sequence_id())
        self.state = State.ASKED
        self._heard_at, self._ends_at = now, now + self.limits.answer_s

    def submit(self, submit: Submit, now: float) -> int:
        """Send a SUBMIT; its sequence id is returned. Raises ValueError (names the field), WindowFull, NotOpen."""
        submit.check()
        return self._request(submit, now)

    def acknowledge(self, event: Delivered | Reported, status: int = Status.OK) -> None:
        """Answer a DELIVER, once it is recorded. Does nothing when the session is closed."""
        if self.state in (State.OPEN, State.ENDING):
            self._delivers.answered((event.sequence_id, event.deliver), status)
            self._send(DeliverResp(msg_id=event.deliver.msg_id, status=status), event.sequence_id)

    def _on_login_resp(self, _: int, answer: LoginResp, now: float) -> None:
        if self.state is not State.ASKED:
            self._forgive("LOGIN_RESP to no LOGIN")
            return
        if answer.status != Status.OK:
            self._refused(answer.status, f"status {answer.status}")
            return
        authentic = auth.answer_is_proved(answer, self._proof, self._credentials.secret)
        if not authentic and self._credentials.require_proof:
            self._refused(Status.OK, "AuthenticatorServer is wrong")
            return
        if not authentic:
            self._forgive("AuthenticatorServer is wrong")
        self.state, self._ends_at = State.OPEN, None
        self._events.append(Connected(peer_version=answer.server_version, authentic=authentic))

    def _refused(self, status: int, why: str) -> None:
        self._events.append(LoginRefused(status=status, why=why))
        self._close(f"login refused: {why}")

    def _on_submit_resp(self, sequence_id: int, answer: SubmitResp, _: float) -> None:
        sent = self._answered(sequence_id, "SUBMIT_RESP")
        if sent is not None:
            self._events.append(
                SubmitAnswered(sequence_id=sequence_id, msg_id=answer.msg_id, status=answer.status, tries=sent.tries)
            )

    def _on_deliver(self, sequence_id: int, deliver: Deliver, _: float) -> None:
        if self._is_repeated(sequence_id, deliver):
            return
        if not deliver.is_report:
            self._events.append(Delivered(sequence_id=sequence_id, deliver=deliver))
            return
        try:
            report = decode_report(deliver.msg_content)
        except ProtocolError as error:
            self._events.append(Malformed(command=deliver.COMMAND, sequence_id=sequence_id, why=f"report: {error}"))
            self._send(DeliverResp(msg_id=deliver.msg_id, status=Status.STRUCTURE), sequence_id)
            return
        self._events.append(Reported(sequence_id=sequence_id, deliver=deliver, report=report))

    def _is_repeated(self, sequence_id: int, deliver: Deliver) -> bool:
        """Whether this DELIVER came before: it is answered as before, or its answer is still to come.

        Peers without MsgID may repeat sequence ids as well, so theirs are always new.
        """
        if deliver.msg_id == NO_MSG_ID:
            return False
        key = (sequence_id, deliver)
        seen = self._delivers.take(key)
        if seen is Seen.ANSWERED:
            self._send(DeliverResp(msg_id=deliver.msg_id, status=self._delivers.result(key)), sequence_id)
        return seen is not Seen.NEW

    def _may_come(self, pdu: Pdu) -> bool:
        if self.state is not State.ASKED or not isinstance(pdu, Deliver | SubmitResp):
            return True
        self._forgive(f"{type(pdu).__name__} before LOGIN_RESP")
        return False

    def _gave_up(self, sequence_id: int, tries: int) -> Event:
        return SubmitUnanswered(sequence_id=sequence_id, tries=tries)


class ServerSession(Server[Login], _Link):
    """The SMGW's side of one link. The proof of the LOGIN is checked by ``admit``."""

    LOGIN = (Login,)

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__(limits or Limits())
        self._handlers |= {
            Login: self._on_login,
            Submit: self._on_submit,
            DeliverResp: self._on_deliver_resp,
        }

    def admit(self, secret: str, now: float) -> int:
        """Check the LOGIN against the account's secret and answer it; the status that was answered."""
        sequence_id, login = self._asked()
        if login.client_version > VERSION | 0x0F:
            return self.refuse(Status.VERSION_TOO_HIGH)
        if not auth.login_is_proved(login, secret):
            return self.refuse(Status.AUTH)
        proof = auth.authenticator_server(Status.OK, login.authenticator_client, secret)
        self._send(LoginResp(status=Status.OK, authenticator_server=proof), sequence_id)
        self._opened(now)
        return Status.OK

    def refuse(self, status: int) -> int:
        """Answer the LOGIN with ``status`` and close; the proof stays empty."""
        sequence_id, _ = self._asked()
        self._send(LoginResp(status=status), sequence_id)
        self._close(f"login refused: status {int(status)}")
        return status

    def respond(self, sequence_id: int, answer: SubmitResp) -> None:
        """Answer a SUBMIT. Does nothing when the session is closed."""
        if self.state in (State.OPEN, State.ENDING):
            self._send(answer, sequence_id)

    def _on_login(self, sequence_id: int, login: Login, _: float) -> None:
        self._asks(sequence_id, login, LoginAsked(login=login))

    def _on_submit(self, sequence_id: int, submit: Submit, _: float) -> None:
        self._events.append(Submitted(sequence_id=sequence_id, submit=submit))

    def _on_deliver_resp(self, sequence_id: int, answer: DeliverResp, _: float) -> None:
        sent = self._answered(sequence_id, "DELIVER_RESP")
        if sent is not None:
            self._events.append(
                DeliverAnswered(sequence_id=sequence_id, msg_id=answer.msg_id, status=answer.status, tries=sent.tries)
            )
