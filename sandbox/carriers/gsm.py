"""The simulated modem's AT interpreter (3GPP TS 27.005, 27.007): octets in, octets out. The network is not here.

It does what the modems do that gammu, smstools and our driver were written for; what it does wrong is in its faults.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Protocol

from caiyou.errors import ProtocolError
from mail2sms.pdu.tpdu import Submit, decode_submit, from_hex
from sandbox.carriers.gsm_commands import CENTRE, FIXED, HANDLERS, POSSIBLE, pdu_of
from sandbox.carriers.gsm_store import Store
from sandbox.carriers.modem_faults import ModemFaults

PIN_TRIES = 3
MAX_LINE = 4096
CONFIRM_S = 15.0
NOISE = bytes(code for code in range(256) if code not in b"\r\n>\x1a\x1b")
CHATTER = ("RING", "^RSSI: 17", "+CREG: 1", "^MODE: 5,4", '+CUSD: 0,"hello",15')
_BASIC = re.compile(r"(&?[A-Z])(\d*)|S\d+=\d+")
_NEEDS_SIM = ("+CMG", "+CPMS", "+CNMI", "+CSCA", "+CSMS", "+CNMA", "+CIMI", "+CNUM")


class Network(Protocol):
    """What is behind the modem."""

    def sent(self, text: str, submit: Submit) -> tuple[int, int, bool]:
        """A SUBMIT (``text`` as it came): +CMS ERROR or 0, its reference, whether it is answered."""

    def pump(self) -> None:
        """There may be room for what waits."""


Later = Callable[[float, Callable[[], None]], object]


class Gsm:
    """A modem with its SIM. ``write`` takes its octets, ``later`` runs something after so many seconds."""

    def __init__(self, network: Network, write: Callable[[bytes], None], later: Later, number: str) -> None:
        self._network = network
        self.write = write
        self.later = later
        self._number = number
        self.faults = ModemFaults()
        self.stores = {"SM": Store(20), "ME": Store(100), "SR": Store(100)}
        self.pin_left = PIN_TRIES
        self.locked = False
        self.commands = 0
        self.restart()

    def restart(self) -> None:
        """Power on."""
        self._line = bytearray()
        self.deaf = False
        self.entering: int | None = None  # octets of the PDU that is being entered
        self._echo = True
        self.cmee = 0
        self.csms = 0
        self.cnmi = [0, 0, 0, 0, 0]
        self.cpms = ["SM", "SM", "SM"]
        self.cops_format = 0
        self.creg = 0
        self.csca = CENTRE
        self.unconfirmed: tuple[bytes, str] | None = None
        self.locked = bool(self.faults.pin)

    def set_faults(self, faults: ModemFaults) -> None:
        """Do these wrong from now on."""
        if faults.pin != self.faults.pin:
            self.pin_left, self.locked = PIN_TRIES, bool(faults.pin)
        self.faults = faults
        self.stores["SM"].size = faults.storage_size

    @property
    def sim(self) -> str:
        """What +CPIN? says; empty: no SIM."""
        if not self.faults.sim:
            return ""
        if self.faults.puk or self.pin_left <= 0:
            return "SIM PUK"
        return "SIM PIN" if self.locked else "READY"

    @property
    def is_on_air(self) -> bool:
        return self.sim == "READY" and self.faults.registration in (1, 5, 6, 7)

    # --- what the network brings

    def deliver(self, tpdu: bytes, *, is_report: bool) -> bool:
        """Take a message or report; false: not now."""
        how = self.cnmi[3 if is_report else 1]
        if is_report and how == 0:
            return True  # nobody wants them
        if (how == 2 and not is_report) or (how == 1 and is_report):
            return self._hand_over(tpdu, "+CDS" if is_report else "+CMT")
        name = "SR" if is_report else self.cpms[2]
        index = self.stores[name].put(tpdu)
        if index is None:
            return False
        if how and self.entering is None and not self.deaf:
            self.say(f'{"+CDSI" if is_report else "+CMTI"}: "{name}",{index}')
        return True

    def _hand_over(self, tpdu: bytes, kind: str) -> bool:
        if self.unconfirmed is not None or self.entering is not None or self.deaf:
            return False
        self.say(f"{kind}: {',' if kind == '+CMT' else ''}{len(tpdu)}", pdu_of(tpdu))
        if self.csms:
            waiting = self.unconfirmed = tpdu, kind

            def forget() -> None:
                if self.unconfirmed is waiting:  # 27.005, 3.4.4: nothing is handed over any more, the network keeps it
                    self.unconfirmed = None
                    self.cnmi[1] = self.cnmi[3] = 0
                    self.deliver(tpdu, is_report=kind == "+CDS")

            self.later(CONFIRM_S, forget)
        return True

    # --- octets in

    def feed(self, data: bytes) -> None:
        """Octets of the computer."""
        for octet in data:
            if self.deaf:
                self.deaf = octet != 0x1B
            elif self.entering is not None:
                self._enter(octet)
            elif octet == 0x0D:
                self._echo_back(octet)
                line = bytes(self._line).decode("latin-1").strip()
                self._line.clear()
                self._ask(line)
            elif octet == 0x1B:
                self._line.clear()
            elif octet != 0x0A and len(self._line) < MAX_LINE:
                self._echo_back(octet)
                self._line.append(octet)

    def _enter(self, octet: int) -> None:
        """A PDU is being entered."""
        if octet == 0x1B:
            self.entering = None
            self._line.clear()
            self._result("OK")
        elif octet == 0x1A:
            self._echo_back(octet)
            text, size = bytes(self._line).decode("latin-1").strip(), self.entering or 0
            self.entering = None
            self._line.clear()
            self._submit(text, size)
        elif len(self._line) < MAX_LINE:
            self._echo_back(octet)
            self._line.append(octet)

    def _submit(self, text: str, size: int) -> None:
        try:
            tpdu = from_hex(text)
            if len(tpdu) != size:
                raise ProtocolError(f"{size} octets announced")
            submit = decode_submit(tpdu)
        except ProtocolError:
            self._result("+CMS ERROR: 304")
            return
        if not self.is_on_air:
            self._result("+CMS ERROR: 331")
            return
        error, mr, answered = self._network.sent(text, submit)
        if not answered:
            return

        def answer() -> None:
            self.chat()
            if error:
                self._result(f"+CMS ERROR: {error}")
            else:
                self.say(f"+CMGS: {mr}")
                self._result("OK")

        self.later(self.faults.answer_delay_s, answer) if self.faults.answer_delay_s else answer()

    # --- commands

    def _ask(self, line: str) -> None:
        upper = line.upper()
        if not upper.startswith("AT") or self.faults.dead:
            return
        self.commands += 1
        rest = line[2:]
        if any(rest.upper().startswith(name) for name in self.faults.silent):
            return
        refused = (not rest and "AT" in self.faults.errors) or any(
            name != "AT" and rest.upper().startswith(name) for name in self.faults.errors
        )
        if refused:
            self._result("ERROR")
            return
        result = self._extended(rest) if rest.startswith(("+", "^")) else self._basic(rest.upper())
        if result is not None:
            self.chat()
            self._result(result)
        self._network.pump()

    def _basic(self, rest: str) -> str:
        position = 0
        while position < len(rest):
            found = _BASIC.match(rest, position)
            if found is None:
                return "ERROR"
            if found[1] == "E":
                self._echo = found[2] != "0"
            elif found[1] in ("Z", "&F"):
                self._echo, self.cmee, self.csms, self.cnmi = True, 0, 0, [0, 0, 0, 0, 0]
            elif found[1] == "I":
                self.say("Caiyou", "Simulated", "Revision: 1")
            position = found.end()
        return "OK"

    def _extended(self, rest: str) -> str | None:
        found = re.match(r"([+^][A-Za-z]+)(=\?|\?|=(.*))?$", rest)
        if found is None:
            return "ERROR"
        name, form, value = found[1].upper(), found[2] or "", found[3] or ""
        if name.startswith(_NEEDS_SIM) and self.sim != "READY":
            code = {"": 310, "SIM PIN": 311, "SIM PUK": 316}[self.sim]
            return f"+CMS ERROR: {code}"
        if form == "=?":
            said = POSSIBLE.get(name)
            if said is None:
                return "ERROR"
            self.say(f"{name}: {said}")
            return "OK"
        handler = HANDLERS.get(name)
        if handler is not None:
            return handler(self, form == "?", value)
        fixed = FIXED.get(name)
        if fixed is None:
            return "ERROR"
        if fixed and form in ("?", ""):
            self.say(fixed.format(number=self._number))
        return "OK"

    # --- octets out

    def say(self, *lines: str) -> None:
        """Lines, perhaps with noise before them."""
        for line in lines:
            noise = b""
            if random.random() < self.faults.garbage:  # noqa: S311
                noise = bytes(random.choices(NOISE, k=random.randint(1, 12)))  # noqa: S311
            self.write(noise + b"\r\n" + line.encode("latin-1", "replace") + b"\r\n")

    def _result(self, line: str) -> None:
        self.say(line)

    def chat(self) -> None:
        """Perhaps a line that nobody asked for."""
        if random.random() < self.faults.unsolicited:  # noqa: S311
            self.say(random.choice(CHATTER))  # noqa: S311

    def _echo_back(self, octet: int) -> None:
        if self.faults.echo == "always" or (self._echo and not self.faults.echo):
            self.write(bytes((octet,)))

    def cme(self, code: int) -> str:
        """The error, as +CMEE wants it told."""
        return f"+CME ERROR: {code}" if self.cmee else "ERROR"
