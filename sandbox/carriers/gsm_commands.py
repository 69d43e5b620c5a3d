"""What the simulated modem answers to each command (3GPP TS 27.005, 27.007)."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from mail2sms.pdu.address import written
from mail2sms.pdu.tpdu import to_hex
from sandbox.carriers.gsm_store import ALL, READ

if TYPE_CHECKING:
    from sandbox.carriers.gsm import Gsm

OPERATOR = "CHINA MOBILE"
CENTRE = "+8613800100500"
_CENTRE_ADDRESS = written(CENTRE)


def pdu_of(tpdu: bytes) -> str:
    """As the modem writes what it received."""
    return to_hex(tpdu, _CENTRE_ADDRESS)


def _cmee(gsm: Gsm, query: bool, value: str) -> str:
    if query:
        gsm.say(f"+CMEE: {gsm.cmee}")
    else:
        gsm.cmee = _int(value)
    return "OK"


def _cpin(gsm: Gsm, query: bool, value: str) -> str:
    if query:
        if not gsm.sim:
            return gsm.cme(10)
        gsm.say(f"+CPIN: {gsm.sim}")
        return "OK"
    if gsm.sim != "SIM PIN":
        return gsm.cme(3)
    if value.strip('"') != gsm.faults.pin:
        gsm.pin_left -= 1
        return gsm.cme(16 if gsm.pin_left > 0 else 12)
    gsm.locked = False
    return "OK"


def _creg(gsm: Gsm, query: bool, value: str) -> str:
    if query:
        cell = ',"1A2B","3C4D"' if gsm.creg == 2 else ""
        gsm.say(f"+CREG: {gsm.creg},{gsm.faults.registration if gsm.sim == 'READY' else 0}{cell}")
    else:
        gsm.creg = min(_int(value), 2)
    return "OK"


def _csq(gsm: Gsm, query: bool, value: str) -> str:
    gsm.say(f"+CSQ: {gsm.faults.signal},99")
    return "OK"


def _cops(gsm: Gsm, query: bool, value: str) -> str:
    if query and gsm.is_on_air:
        name = OPERATOR if gsm.cops_format == 0 else "46000"
        gsm.say(f'+COPS: 0,{gsm.cops_format},"{name}",7')
    elif query:
        gsm.say("+COPS: 0")
    elif value.startswith("3,"):
        gsm.cops_format = _int(value[2:])
    return "OK"


def _csms(gsm: Gsm, query: bool, value: str) -> str:
    if query:
        gsm.say(f"+CSMS: {gsm.csms},1,1,1")
    else:
        gsm.csms = _int(value)
        gsm.say("+CSMS: 1,1,1")
    return "OK"


def _cmgf(gsm: Gsm, query: bool, value: str) -> str:
    if query:
        gsm.say("+CMGF: 0")
        return "OK"
    return "OK" if value == "0" else "ERROR"


def _csca(gsm: Gsm, query: bool, value: str) -> str:
    if query:
        gsm.say(f'+CSCA: "{gsm.csca}",145')
    else:
        gsm.csca = value.split(",")[0].strip('"')
    return "OK"


def _cnmi(gsm: Gsm, query: bool, value: str) -> str:
    if query:
        gsm.say("+CNMI: " + ",".join(map(str, gsm.cnmi)))
        return "OK"
    given = [_int(part) for part in value.split(",")]
    if len(given) > 5 or given[1:2] > [3] or given[3:4] > [2]:
        return "+CMS ERROR: 302"
    gsm.cnmi[: len(given)] = given
    return "OK"


def _cpms(gsm: Gsm, query: bool, value: str) -> str:
    if not query:
        given = [part.strip('" ') for part in value.split(",")]
        if len(given) > 3 or any(name not in gsm.stores for name in given):
            return "+CMS ERROR: 302"
        gsm.cpms[: len(given)] = given
    rows = [(name, len(gsm.stores[name].slots), gsm.stores[name].size) for name in gsm.cpms]
    form = '"{}",{},{}' if query else "{1},{2}"
    gsm.say("+CPMS: " + ",".join([form.format(*row) for row in rows]))
    return "OK"


def _cnma(gsm: Gsm, query: bool, value: str) -> str:
    if not gsm.csms or gsm.unconfirmed is None:
        return "+CMS ERROR: 340"
    gsm.unconfirmed = None
    return "OK"


def _cmgl(gsm: Gsm, query: bool, value: str) -> str:
    listed = gsm.stores[gsm.cpms[0]].listed(_int(value) if value else 0)
    for index, slot in listed:
        gsm.say(f"+CMGL: {index},{slot.stat},,{len(slot.tpdu)}", pdu_of(slot.tpdu))
        slot.stat = READ
    return "+CMS ERROR: 321" if gsm.faults.empty_is_error and not listed else "OK"


def _cmgr(gsm: Gsm, query: bool, value: str) -> str:
    slot = gsm.stores[gsm.cpms[0]].slots.get(_int(value))
    if slot is None:
        return "+CMS ERROR: 321"
    gsm.say(f"+CMGR: {slot.stat},,{len(slot.tpdu)}", pdu_of(slot.tpdu))
    slot.stat = READ
    return "OK"


def _cmgd(gsm: Gsm, query: bool, value: str) -> str:
    index, _, flag = value.partition(",")
    done = gsm.stores[gsm.cpms[0]].delete(_int(index), min(_int(flag or "0"), ALL))
    return "OK" if done else "+CMS ERROR: 321"


def _cmgs(gsm: Gsm, query: bool, value: str) -> str | None:
    if random.random() < gsm.faults.hang_share:  # noqa: S311  chance, not secrecy
        gsm.deaf = True
        return None
    if not value.isdigit():
        return "+CMS ERROR: 304"
    gsm.chat()

    def prompt() -> None:
        gsm.entering = int(value)
        gsm.write(b"\r\n> ")

    gsm.later(gsm.faults.late_prompt_s, prompt) if gsm.faults.late_prompt_s else prompt()
    return None


def _int(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


Handler = Callable[["Gsm", bool, str], str | None]
HANDLERS: dict[str, Handler] = {
    "+CMEE": _cmee,
    "+CPIN": _cpin,
    "+CREG": _creg,
    "+CSQ": _csq,
    "+COPS": _cops,
    "+CSMS": _csms,
    "+CMGF": _cmgf,
    "+CSCA": _csca,
    "+CNMI": _cnmi,
    "+CPMS": _cpms,
    "+CNMA": _cnma,
    "+CMGL": _cmgl,
    "+CMGR": _cmgr,
    "+CMGD": _cmgd,
    "+CMGS": _cmgs,
}
POSSIBLE = {
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
FIXED = {
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
