"""A modem as a script: what it says to which command. Nothing is timed but by the test."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeVar

from mail2sms.at.events import Event
from mail2sms.at.facts import Config
from mail2sms.at.session import Session

_E = TypeVar("_E", bound=Event)
ANSWERS = {
    "AT+CPIN?": "+CPIN: READY",
    "AT+CSMS=1": "+CSMS: 1,1,1",
    "AT+CPMS?": '+CPMS: "SM",0,20,"SM",0,20,"SM",0,20',
    "AT+CREG?": "+CREG: 0,1",
    "AT+CSQ": "+CSQ: 20,99",
    "AT+COPS?": '+COPS: 0,0,"CHINA MOBILE",7',
    "AT+CGMM": "Simulated",
}


class Scripted:
    """``answers``: command to its lines (without OK), or to a whole answer that begins with ``!``; "": silence."""

    def __init__(self, config: Config | None = None, answers: dict[str, str] | None = None) -> None:
        self.session = Session(config or Config())
        self.now = 0.0
        self.events: list[Event] = []
        self.asked: list[str] = []
        self.answers = ANSWERS | (answers or {})
        self.on: Callable[[str], str | None] = lambda _command: None
        self._entered = ""
        self._heard: deque[bytes] = deque()
        self._is_acting = False

    def start(self) -> Scripted:
        self._act(self.session.start(self.now))
        return self

    def hear(self, text: str | bytes) -> None:
        """Octets of the modem."""
        self._act(self.session.receive(text.encode() if isinstance(text, str) else text, self.now))

    def wait(self, seconds: float) -> None:
        """Let time pass, by the session's own deadlines."""
        end = self.now + seconds
        while self.session.deadline is not None and self.session.deadline <= end:
            self.now = max(self.now, self.session.deadline)
            self._act(self.session.tick(self.now))
        self.now = end

    def all(self, kind: type[_E]) -> list[_E]:
        return [event for event in self.events if isinstance(event, kind)]

    def take(self, kind: type[_E]) -> list[_E]:
        """Those events, and forget all."""
        found = self.all(kind)
        self.events.clear()
        return found

    def did(self, events: list[Event]) -> None:
        """What a method of the session gave."""
        self._act(events)

    def _act(self, events: list[Event]) -> None:
        self.events += events
        if self._is_acting:
            return
        self._is_acting = True
        try:
            self._answer_all()
            while self._heard:
                self.events += self.session.receive(self._heard.popleft(), self.now)
                self._answer_all()
        finally:
            self._is_acting = False

    def _answer_all(self) -> None:
        """Take what the session wrote, and let the script answer each command."""
        self._entered += self.session.data_to_send().decode()
        while (end := min((at for at in map(self._entered.find, "\r\x1a\x1b") if at >= 0), default=-1)) >= 0:
            command, mark = self._entered[:end], self._entered[end]
            self._entered = self._entered[end + 1 :]
            self.asked.append(command + mark if mark != "\r" else command)
            self._answer(self.asked[-1])

    def _answer(self, command: str) -> None:
        if command == "\x1b":
            return
        answer = self.on(command)
        if answer is None:
            lines = self.answers.get(command, "" if command in ANSWERS else "OK")
            if command.startswith("AT+CMGL"):
                lines = self.answers.get("AT+CMGL=4", "OK")
            answer = lines if not lines or lines.startswith("!") else f"{lines}\r\nOK" if lines != "OK" else "OK"
        if answer:
            self._heard.append(f"\r\n{answer.removeprefix('!')}\r\n".encode())
