"""What is done with a modem that is set up: generators that yield a Command and get its Reply."""

from __future__ import annotations

from collections.abc import Generator

from caiyou.errors import ProtocolError
from mail2sms.at import answers, codes
from mail2sms.at.answers import Listed
from mail2sms.at.dialogue import Command, Kind, Reply
from mail2sms.at.events import (
    Delivered,
    Direct,
    Event,
    Forgave,
    Place,
    Reported,
    Seen,
    SendEnd,
    SendEnded,
    Stored,
    Unreadable,
)
from mail2sms.at.facts import Facts, Hung, Steps, ask
from mail2sms.at.setup import indicate, sim_of
from mail2sms.pdu import tpdu
from mail2sms.pdu.tpdu import Deliver, decode_from_centre, from_hex

READ_TRIES = 3
REPORT_MEMORY = "SR"


def look(facts: Facts) -> Steps:
    """SIM, network, signal; messages that nobody announced."""
    sim = sim_of((yield from ask(facts, "AT+CPIN?")))
    if sim != facts.sim and sim != "READY":
        facts.sim = sim
        facts.why_not = f"SIM: {sim.lower()}"
        facts.emit(Seen(notes={"sim": sim.lower()}))
        return
    if sim != facts.sim:
        facts.sim = ""  # it is another one: begin anew
        return
    yield from _network(facts)
    if facts.usable:
        yield from _sweep(facts)


def _network(facts: Facts) -> Steps:
    for text in ("AT+CREG?", "AT+CEREG?", "AT+CGREG?"):
        state = answers.registration_of((yield from ask(facts, text)).lines)
        if state is not None:
            facts.registration = state
            if state in codes.REGISTERED:
                break
            facts.why_not = f"network: {codes.REGISTRATION[state]}"
    signal = answers.first_number((yield from ask(facts, "AT+CSQ")).lines)
    dbm = None if signal is None else codes.dbm_of(signal)
    registration = "unknown" if facts.registration is None else codes.REGISTRATION[facts.registration]
    notes = {"registration": registration, "signal": "unknown" if dbm is None else f"{dbm} dBm"}
    name = answers.operator_of((yield from ask(facts, "AT+COPS?")).lines)
    facts.emit(Seen(notes=notes | {"operator": (name or "unknown")[:40]}))


def _sweep(facts: Facts) -> Steps:
    if facts.renew_indications:
        yield from indicate(facts)
    found = answers.memories_of((yield from ask(facts, "AT+CPMS?")).lines)
    if found:
        facts.memory = found[0].name
        facts.emit(Seen(notes={"memory": f"{found[-1].name} {found[-1].used} of {found[-1].size}"}))
    for memory in dict.fromkeys((facts.received_in, REPORT_MEMORY if facts.reports_stored else facts.received_in)):
        if not (yield from _select(facts, memory)):
            continue
        reply = yield from ask(facts, "AT+CMGL=4", timeout_s=facts.config.answer_s, lists=True)
        for line, pdu in zip(reply.lines, reply.pdus, strict=True):
            listed = answers.listed_of(line)
            if listed is not None:
                _stored(facts, memory, listed, pdu)


# --- one message


def send(facts: Facts, octets: bytes) -> Steps:
    """Send a SUBMIT; raises Hung behind the event where the modem must be looked at."""
    config = facts.config
    reply = yield Command(
        text=f"AT+CMGS={len(octets)}",
        pdu=tpdu.to_hex(octets, config.centre),
        prompt_s=config.prompt_s,
        timeout_s=config.answer_s,
    )
    facts.emit(_ended(reply))
    if reply.kind in (Kind.SILENT, Kind.NO_PROMPT):
        raise Hung("AT+CMGS")
    if reply.kind is Kind.CME or (reply.kind is Kind.CMS and reply.code in codes.LINK_DOWN):
        facts.registration = 0  # until the next look says otherwise
        facts.why_not = codes.name_of(reply.kind.name, reply.code)


def _ended(reply: Reply) -> SendEnded:
    mr = answers.first_number(reply.lines)
    if mr is not None and (reply.ok or reply.kind is Kind.SILENT):
        return SendEnded(end=SendEnd.SENT, mr=mr & 0xFF)
    match reply.kind:
        case Kind.OK:
            # An OK alone may be a late answer to something else: nothing proves that the message went.
            return SendEnded(end=SendEnd.UNANSWERED, result="OK without a reference")
        case Kind.SILENT:
            return SendEnded(end=SendEnd.UNANSWERED, result="no answer")
        case Kind.NO_PROMPT:
            return SendEnded(end=SendEnd.UNSENT, result="no prompt")
        case kind:
            end = SendEnd.REFUSED if codes.is_for_good(kind.name, reply.code) else SendEnd.FAILED
            return SendEnded(end=end, result=codes.name_of(kind.name, reply.code))


def read(facts: Facts, memory: str, index: int) -> Steps:
    """Read what +CMTI or +CDSI announced."""
    if not (yield from _select(facts, memory)):
        return
    reply = yield from ask(facts, f"AT+CMGR={index}", lists=True)
    for line, pdu in zip(reply.lines[:1], reply.pdus[:1], strict=True):
        listed = answers.read_of(line, index)
        if listed is not None and listed.octets:
            _stored(facts, memory, listed, pdu)


def confirm(facts: Facts, place: Place) -> Steps:
    """A message is recorded: the modem may forget it."""
    if isinstance(place, Direct):
        if place.wants_answer and not (yield from ask(facts, "AT+CNMA=0")).ok:
            if not (yield from ask(facts, "AT+CNMA")).ok:
                facts.emit(Forgave(what="no +CNMA"))
            facts.renew_indications = True  # the modem may have stopped handing over (27.005, 3.4.4)
        return
    try:
        if (yield from _select(facts, place.memory)):
            yield from _delete(facts, place)
    finally:
        # Where it was not deleted it is read, told and deleted again later: a repeat is recognised.
        if facts.pending.get((place.memory, place.index)) == place.pdu:
            del facts.pending[place.memory, place.index]


def _delete(facts: Facts, place: Stored) -> Steps:
    """Delete a message, if it is the one still: two memories may be one, and others may use the modem too."""
    there = yield from ask(facts, f"AT+CMGR={place.index}", lists=True)
    if not there.ok or not there.pdus or _tpdu_of(there.pdus[0]) != _tpdu_of(place.pdu):
        return
    reply = yield from ask(facts, f"AT+CMGD={place.index}")
    if not reply.ok:
        facts.emit(Forgave(what=f"+CMGD: {codes.name_of(reply.kind.name, reply.code)}"))


def _select(facts: Facts, memory: str) -> Generator[Command, Reply, bool]:
    """Have the modem read and delete in ``memory``."""
    if not facts.one_memory and memory != facts.memory:
        if not (yield from ask(facts, f'AT+CPMS="{memory}"')).ok:
            facts.emit(Forgave(what=f"memory {memory} is refused"))
            return False
        facts.memory = memory
    return True


def _stored(facts: Facts, memory: str, listed: Listed, pdu: str) -> None:
    place = (memory, listed.index)
    if listed.stat not in answers.RECEIVED or facts.pending.get(place) == pdu:
        return
    try:
        event = told(pdu, listed.octets, Stored(memory=memory, index=listed.index, pdu=pdu))
    except ProtocolError as error:
        # Octets get lost on serial lines: only what is wrong again and again is so in the modem.
        facts.tries[place] = facts.tries.get(place, 0) + 1
        if facts.tries[place] < READ_TRIES:
            facts.emit(Forgave(what=f"stored message: {error}"))
            return
        event = Unreadable(text=pdu, why=str(error), place=Stored(memory=memory, index=listed.index, pdu=pdu))
    facts.tries.pop(place, None)
    facts.pending[place] = pdu
    facts.emit(event)


def _tpdu_of(pdu: str) -> bytes | str:
    """What two ways of reading a message have in common: some modems leave the service centre out of one."""
    try:
        return from_hex(pdu)
    except ProtocolError:
        return pdu.upper()


def told(pdu: str, announced: int | None, place: Place) -> Event:
    """The event of a message; raises ProtocolError. ``announced``: octets that the TPDU should have."""
    octets = from_hex(pdu)
    if announced is not None and len(octets) < announced:
        raise ProtocolError(f"{announced} octets announced, {len(octets)} present")
    found = decode_from_centre(octets)
    if isinstance(found, Deliver):
        return Delivered(tpdu=octets, deliver=found, place=place)
    return Reported(report=found, place=place)
