"""The simulated modem's AT interpreter (3GPP TS 27.005, 27.007): octets in, octets out. The network is not here.

It does what the modems do that gammu, smstools and our driver were written for; what it does wrong is in its faults.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Protocol

from caiyou.errors import ProtocolError
from mail2sms.pdu.address import written
from mail2sms.pdu.tpdu import Submit, decode_submit, from_hex, to_hex
from sandbox.carriers.gsm_store import ALL, READ, Store
from sandbox.carriers.modem_faults import ModemFaults

CENTRE = "+8613800100500"
CENTRE_ADDRESS = written(CENTRE)
OPERATOR = "CHINA MOBILE"
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
        self._write = write
        self._later = later
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
        self._deaf = False
        self._entering: int | None = None  # octets of the PDU that is being entered
        self._echo = True
        self._cmee = 0
        self._csms = 0
        self._cnmi = [0, 0, 0, 0, 0]
        self._cpms = ["SM", "SM", "SM"]
        self._cops_format = 0
        self._creg = 0
        self._csca = CENTRE
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
        how = self._cnmi[3 if is_report else 1]
        if is_report and how == 0:
            return True  # nobody wants them
        if (how == 2 and not is_report) or (how == 1 and is_report):
            return self._hand_over(tpdu, "+CDS" if is_report else "+CMT")
        name = "SR" if is_report else self._cpms[2]
        index = self.stores[name].put(tpdu)
        if index is None:
            return False
        if how and self._entering is None and not self._deaf:
            self._say(f'{"+CDSI" if is_report else "+CMTI"}: "{name}",{index}')
        return True

    def _hand_over(self, tpdu: bytes, kind: str) -> bool:
        if self.unconfirmed is not None or self._entering is not None or self._deaf:
            return False
        self._say(f"{kind}: {',' if kind == '+CMT' else ''}{len(tpdu)}", _pdu(tpdu))
        if self._csms:
            waiting = self.unconfirmed = tpdu, kind

            def forget() -> None:
                if self.unconfirmed is waiting:  # 27.005, 3.4.4: nothing is handed over any more, the network keeps it
                    self.unconfirmed = None
                    self._cnmi[1] = self._cnmi[3] = 0
                    self.deliver(tpdu, is_report=kind == "+CDS")

            self._later(CONFIRM_S, forget)
        return True

    # --- octets in

    def feed(self, data: bytes) -> None:
        """Octets of the computer."""
        for octet in data:
            if self._deaf:
                self._deaf = octet != 0x1B
            elif self._entering is not None:
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
            self._entering = None
            self._line.clear()
            self._result("OK")
        elif octet == 0x1A:
            self._echo_back(octet)
            text, size = bytes(self._line).decode("latin-1").strip(), self._entering or 0
            self._entering = None
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
            self._chat()
            if error:
                self._result(f"+CMS ERROR: {error}")
            else:
                self._say(f"+CMGS: {mr}")
                self._result("OK")

        self._later(self.faults.answer_delay_s, answer) if self.faults.answer_delay_s else answer()

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
            self._chat()
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
                self._echo, self._cmee, self._csms, self._cnmi = True, 0, 0, [0, 0, 0, 0, 0]
            elif found[1] == "I":
                self._say("Caiyou", "Simulated", "Revision: 1")
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
            said = _POSSIBLE.get(name)
            if said is None:
                return "ERROR"
            self._say(f"{name}: {said}")
            return "OK"
        does = getattr(self, f"_on{name[1:].lower()}", None) if name[0] == "+" else None
        if does is not None:
            answer: str | None = does(form == "?", value)
            return answer
        fixed = _FIXED.get(name)
        if fixed is None:
            return "ERROR"
        if fixed and form in ("?", ""):
            self._say(fixed.format(number=self._number))
        return "OK"

    def _oncmee(self, query: bool, value: str) -> str:
        if query:
            self._say(f"+CMEE: {self._cmee}")
        else:
            self._cmee = _int(value)
        return "OK"

    def _oncpin(self, query: bool, value: str) -> str:
        if query:
            if not self.sim:
                return self._cme(10)
            self._say(f"+CPIN: {self.sim}")
            return "OK"
        if self.sim != "SIM PIN":
            return self._cme(3)
        if value.strip('"') != self.faults.pin:
            self.pin_left -= 1
            return self._cme(16 if self.pin_left > 0 else 12)
        self.locked = False
        return "OK"

    def _oncreg(self, query: bool, value: str) -> str:
        if query:
            cell = ',"1A2B","3C4D"' if self._creg == 2 else ""
            self._say(f"+CREG: {self._creg},{self.faults.registration if self.sim == 'READY' else 0}{cell}")
        else:
            self._creg = min(_int(value), 2)
        return "OK"

    def _oncsq(self, query: bool, value: str) -> str:
        self._say(f"+CSQ: {self.faults.signal},99")
        return "OK"

    def _oncops(self, query: bool, value: str) -> str:
        if query and self.is_on_air:
            name = OPERATOR if self._cops_format == 0 else "46000"
            self._say(f'+COPS: 0,{self._cops_format},"{name}",7')
        elif query:
            self._say("+COPS: 0")
        elif value.startswith("3,"):
            self._cops_format = _int(value[2:])
        return "OK"

    def _oncsms(self, query: bool, value: str) -> str:
        if query:
            self._say(f"+CSMS: {self._csms},1,1,1")
        else:
            self._csms = _int(value)
            self._say("+CSMS: 1,1,1")
        return "OK"

    def _oncmgf(self, query: bool, value: str) -> str:
        if query:
            self._say("+CMGF: 0")
            return "OK"
        return "OK" if value == "0" else "ERROR"

    def _oncsca(self, query: bool, value: str) -> str:
        if query:
            self._say(f'+CSCA: "{self._csca}",145')
        else:
            self._csca = value.split(",")[0].strip('"')
        return "OK"

    def _oncnmi(self, query: bool, value: str) -> str:
        if query:
            self._say("+CNMI: " + ",".join(map(str, self._cnmi)))
            return "OK"
        given = [_int(part) for part in value.split(",")]
        if len(given) > 5 or given[1:2] > [3] or given[3:4] > [2]:
            return "+CMS ERROR: 302"
        self._cnmi[: len(given)] = given
        return "OK"

    def _oncpms(self, query: bool, value: str) -> str:
        if not query:
            given = [part.strip('" ') for part in value.split(",")]
            if len(given) > 3 or any(name not in self.stores for name in given):
                return "+CMS ERROR: 302"
            self._cpms[: len(given)] = given
        rows = [(name, len(self.stores[name].slots), self.stores[name].size) for name in self._cpms]
        form = '"{}",{},{}' if query else "{1},{2}"
        self._say("+CPMS: " + ",".join([form.format(*row) for row in rows]))
        return "OK"

    def _oncnma(self, query: bool, value: str) -> str:
        if not self._csms or self.unconfirmed is None:
            return "+CMS ERROR: 340"
        self.unconfirmed = None
        return "OK"

    def _oncmgl(self, query: bool, value: str) -> str:
        listed = self.stores[self._cpms[0]].listed(_int(value) if value else 0)
        for index, slot in listed:
            self._say(f"+CMGL: {index},{slot.stat},,{len(slot.tpdu)}", _pdu(slot.tpdu))
            slot.stat = READ
        return "+CMS ERROR: 321" if self.faults.empty_is_error and not listed else "OK"

    def _oncmgr(self, query: bool, value: str) -> str:
        slot = self.stores[self._cpms[0]].slots.get(_int(value))
        if slot is None:
            return "+CMS ERROR: 321"
        self._say(f"+CMGR: {slot.stat},,{len(slot.tpdu)}", _pdu(slot.tpdu))
        slot.stat = READ
        return "OK"

    def _oncmgd(self, query: bool, value: str) -> str:
        index, _, flag = value.partition(",")
        done = self.stores[self._cpms[0]].delete(_int(index), min(_int(flag or "0"), ALL))
        return "OK" if done else "+CMS ERROR: 321"

    def _oncmgs(self, query: bool, value: str) -> str | None:
        if random.random() < self.faults.hang_share:  # noqa: S311  chance, not secrecy
            self._deaf = True
            return None
        if not value.isdigit():
            return "+CMS ERROR: 304"
        self._chat()

        def prompt() -> None:
            self._entering = int(value)
            self._write(b"\r\n> ")

        self._later(self.faults.late_prompt_s, prompt) if self.faults.late_prompt_s else prompt()
        return None

    # --- octets out

    def _say(self, *lines: str) -> None:
        for line in lines:
            noise = b""
            if random.random() < self.faults.garbage:  # noqa: S311
                noise = bytes(random.choices(NOISE, k=random.randint(1, 12)))  # noqa: S311
            self._write(noise + b"\r\n" + line.encode("latin-1", "replace") + b"\r\n")

    def _result(self, line: str) -> None:
        self._say(line)

    def _chat(self) -> None:
        if random.random() < self.faults.unsolicited:  # noqa: S311
            self._say(random.choice(CHATTER))  # noqa: S311

    def _echo_back(self, octet: int) -> None:
        if self.faults.echo == "always" or (self._echo and not self.faults.echo):
            self._write(bytes((octet,)))

    def _cme(self, code: int) -> str:
        return f"+CME ERROR: {code}" if self._cmee else "ERROR"


_POSSIBLE = {
    "+CMGF": "(0)",
    "+CNMI": "(0-3),(0-3),(0,2),(0-2),(0,1)",
    "+CPMS": '("SM","ME","SR"),("SM","ME"),("SM","ME")',
    "+CMGL": "(0-4)",
    "+CMGD": "(1-20),(0-4)",
    "+CSMS": "(0,1)",
    "+CMGS": "",
    "+CSCS": '("GSM","IRA","UCS2")',
    "+CREG": "(0-2)",
    "+CPBS": '("SM","ME")',
}
# Asked or set, nothing depends on it here; empty: it has no answer but OK.
_FIXED = {
    "+CGMI": "Caiyou",
    "+CGMM": "Simulated",
    "+CGMR": "1",
    "+CGSN": "490154203237518",
    "+CIMI": "460001234567890",
    "+CNUM": '+CNUM: "","+{number}",145',
    "+CSCS": '+CSCS: "GSM"',
    "+CPAS": "+CPAS: 0",
    "+CBC": "+CBC: 0,100",
    "+CSMP": "+CSMP: 17,167,0,0",
    "+CLCK": "+CLCK: 0",
    "+CFUN": "+CFUN: 1",
    "+CCLK": '+CCLK: "26/11/23,12:00:00+32"',
}


def _pdu(tpdu: bytes) -> str:
    return to_hex(tpdu, CENTRE_ADDRESS)


def _int(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
