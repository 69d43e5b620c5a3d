"""One command at a time, and what a modem says between: answers told from echoes and unsolicited lines.

| phase | on | to | |
|---|---|---|---|
| IDLE | ask() | ASKED, or PROMPTING where a PDU follows | the command goes out |
| ASKED | final result, or time | IDLE | Reply |
| PROMPTING | prompt | SENT | the PDU goes out |
| PROMPTING | an error | IDLE | Reply |
| PROMPTING | OK, or time | ESCAPED | ESC goes out, so that the modem leaves the entry of text |
| ESCAPED | final result, or time | IDLE | Reply NO_PROMPT |
| SENT | final result, or time | IDLE | Reply |

A line that belongs to no command is Unsolicited in every phase, with the PDU that follows it where it announces one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum

from mail2sms.at.codes import final_of
from mail2sms.at.lines import ESCAPE, SUBSTITUTE, LineReader, Prompt

ESCAPE_S = 2.0
MAX_LINES = 5000  # of one answer
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_NAME = re.compile(r"AT([+^*$%#][A-Z]+)")
_WITH_PDU = ("+CMT:", "+CDS:", "+CBM:")
_MARKS = "+^*$%#"


class Kind(Enum):
    """How a command ended."""

    OK = "OK"
    ERROR = "ERROR"
    CMS = "CMS"
    CME = "CME"
    SILENT = "no answer"
    NO_PROMPT = "no prompt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """``text`` goes out with CR. ``pdu``: follows behind the prompt. ``lists``: each line is followed by a PDU."""

    text: str
    timeout_s: float = 10.0
    pdu: str = ""
    prompt_s: float = 10.0
    lists: bool = False

    @property
    def prefix(self) -> str:
        """What its lines begin with: ``+CSQ:``."""
        found = _NAME.match(self.text)
        return f"{found[1]}:" if found else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The end of a command, its lines, and for a list the PDU behind each line (empty: none came)."""

    kind: Kind
    code: int = 0
    lines: tuple[str, ...] = ()
    pdus: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.kind is Kind.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsolicited:
    """A line that nobody asked for, with its PDU if it has one."""

    line: str
    pdu: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """A prompt or a result without a command."""

    what: str


class Phase(Enum):
    """Where the dialogue stands."""

    IDLE = "idle"
    ASKED = "asked"
    PROMPTING = "prompting"
    SENT = "sent"
    ESCAPED = "escaped"


@dataclass(slots=True)
class _Answer:
    lines: list[str] = field(default_factory=list)
    pdus: list[str] = field(default_factory=list)


class Dialogue:
    """Feed it octets and time; ``data_to_send`` is what goes out."""

    def __init__(self) -> None:
        self.phase = Phase.IDLE
        self.deadline: float | None = None
        self._out = bytearray()
        self._reader = LineReader()
        self._command: Command | None = None
        self._last = ""
        self._answer = _Answer()
        self._heads: list[str | None] = []  # lines that wait for their PDU; None: one of the answer

    def ask(self, command: Command, now: float) -> None:
        """Send a command; the one before must have ended."""
        if self._command is not None:
            raise ValueError("a command is under way")
        self._command, self._last = command, command.text
        self._answer = _Answer()
        self._heads = [head for head in self._heads if head is not None]
        self._write(command.text + "\r")
        self.phase = Phase.PROMPTING if command.pdu else Phase.ASKED
        self.deadline = now + (command.prompt_s if command.pdu else command.timeout_s)

    def escape(self) -> None:
        """Make the modem leave the entry of text, if it is in it; what was announced before comes no more."""
        self._heads.clear()
        self._write(ESCAPE)

    def data_to_send(self) -> bytes:
        """Take what goes out."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def receive(self, data: bytes, now: float) -> list[Reply | Unsolicited | Stray]:
        """What the octets say."""
        found: list[Reply | Unsolicited | Stray] = []
        for token in self._reader.feed(data):
            said = self._on_prompt(now) if isinstance(token, Prompt) else self._on_line(token, now)
            if said is not None:
                found.append(said)
        return found

    def tick(self, now: float) -> Reply | None:
        """The command's end where its time is over."""
        if self._command is None or self.deadline is None or now < self.deadline:
            return None
        if self.phase is Phase.PROMPTING:
            self._leave_prompt(now)
            return None
        return self._end(Kind.NO_PROMPT if self.phase is Phase.ESCAPED else Kind.SILENT)

    def _on_prompt(self, now: float) -> Stray | None:
        if self.phase is Phase.PROMPTING and self._command is not None:
            self._write(self._command.pdu + SUBSTITUTE)
            self.phase = Phase.SENT
            self.deadline = now + self._command.timeout_s
            return None
        if self.phase is Phase.SENT:  # an echo of it; ESC might take the message back
            return None
        self.escape()
        return Stray(what="a prompt")

    def _on_line(self, line: str, now: float) -> Reply | Unsolicited | Stray | None:
        if self._is_echo(line):
            return None
        if self._heads and _HEX.fullmatch(line):
            return self._on_pdu(line)
        if line.startswith(_WITH_PDU):
            self._heads.append(line)
            return None
        final = final_of(line)
        if final is not None:
            return self._on_final(*final, now)
        command = self._command
        if command is not None and self.phase in (Phase.ASKED, Phase.SENT) and self._belongs(line, command):
            self._on_info(line, command, now)
            return None
        return Unsolicited(line=line)

    def _is_echo(self, line: str) -> bool:
        pdu = self._command.pdu if self._command else ""
        # Noise may have come before the echo of a command, and the echo of a PDU ends with ^Z.
        return line.endswith((self._last or "\n", SUBSTITUTE)) or bool(pdu and line == pdu)

    def _belongs(self, line: str, command: Command) -> bool:
        if command.prefix and line.startswith(command.prefix):
            return True
        return (
            line[0] not in _MARKS
            and not command.pdu
            and not command.lists
            and not line.startswith(("RING", "NO CARRIER", "BUSY"))
        )

    def _on_info(self, line: str, command: Command, now: float) -> None:
        if len(self._answer.lines) < MAX_LINES:
            self._answer.lines.append(line)
            if command.lists:  # one before it that got no PDU gets none any more
                self._answer.pdus.append("")
                self._heads = [*(head for head in self._heads if head is not None), None]
            self.deadline = now + command.timeout_s

    def _on_pdu(self, line: str) -> Unsolicited | None:
        head = self._heads.pop()
        if head is not None:
            return Unsolicited(line=head, pdu=line)
        self._answer.pdus[-1] = line
        return None

    def _on_final(self, kind: str, code: int, now: float) -> Reply | Stray | None:
        if self._command is None:
            return Stray(what="a result")
        if self.phase is Phase.ESCAPED:
            return self._end(Kind.NO_PROMPT)
        if self.phase is Phase.PROMPTING and kind == "OK":
            self._leave_prompt(now)
            return None
        return self._end(Kind[kind], code)

    def _leave_prompt(self, now: float) -> None:
        self.escape()
        self.phase = Phase.ESCAPED
        self.deadline = now + ESCAPE_S

    def _end(self, kind: Kind, code: int = 0) -> Reply:
        answer = self._answer
        self._command, self.deadline, self.phase = None, None, Phase.IDLE
        return Reply(kind=kind, code=code, lines=tuple(answer.lines), pdus=tuple(answer.pdus))

    def _write(self, text: str) -> None:
        self._out += text.encode("ascii")
