"""The carrier's side of a login: what every protocol does alike there."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar

from mail2sms.session.base import Limits, NotOpen, Session, State
from mail2sms.session.events import DeliverUnanswered

L = TypeVar("L")


class Server(Session, Generic[L]):
    """Comes before the protocol's own class among the bases. ``LOGIN``: the PDUs that ask for a login."""

    LOGIN: ClassVar[tuple[type, ...]]

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._login: tuple[int, L] | None = None

    def waits_for_login(self, now: float) -> None:
        """The connection stands: the login must come within ``answer_s``."""
        self._ends_at = now + self.limits.answer_s

    def deliver(self, request: Any, now: float) -> int:
        """Send a message or a report; its sequence id is returned.

        Raises ValueError (names the field), WindowFull, NotOpen.
        """
        return self._request(request, now)

    # --- for the protocols

    def _asks(self, sequence_id: int, login: L, event: Any) -> bool:
        """Note a login; False: there was one already."""
        if self.state is not State.NEW:
            self._forgive(f"{type(login).__name__} a second time")
            return False
        self._login = (sequence_id, login)
        self.state = State.ASKED
        self._events.append(event)
        return True

    def _asked(self) -> tuple[int, L]:
        if self.state is not State.ASKED or self._login is None:
            raise NotOpen(f"no login is asked for: the session is {self.state.value}")
        return self._login

    def _opened(self, now: float) -> None:
        self.state, self._ends_at, self._heard_at = State.OPEN, None, now

    def _may_come(self, pdu: Any) -> bool:
        if self.state in (State.OPEN, State.ENDING) or (self.state is State.NEW and isinstance(pdu, self.LOGIN)):
            return True
        self._close(f"{type(pdu).__name__} before the login")
        return False

    def _gave_up(self, sequence_id: int, tries: int) -> DeliverUnanswered:
        return DeliverUnanswered(sequence_id=sequence_id, tries=tries)
