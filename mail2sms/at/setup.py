"""Setting a modem up: generators that yield a Command and get its Reply.

Every command is optional: ``ERROR`` to it is survived. A command that hung twice is not asked again on this connection.
"""

from __future__ import annotations

from mail2sms.at import answers, codes
from mail2sms.at.dialogue import Kind, Reply
from mail2sms.at.events import Closed, Forgave, PinAnswered, PinNeeded, Seen, Unlocked
from mail2sms.at.facts import Facts, Hung, Pause, Steps, ask

SIM_WAITS = 20  # seconds that a SIM takes after its PIN, at most

# +CNMI=<mode>,<mt>,<bm>,<ds>,<bfr> (27.005, 3.4.1), the best first: messages stored and announced, reports handed over;
# then reports stored; then no word of reports; then messages handed over, which are lost if we die meanwhile.
INDICATIONS = ("2,1,0,1,0", "1,1,0,1,0", "2,1,0,2,0", "1,1,0,2,0", "2,1,0,0,0", "1,1,0,0,0", "2,1", "2,2,0,1,0", "2,2")


def start(facts: Facts) -> Steps:
    """From a modem that answers AT to one that is set up; registration comes later."""
    yield from ask(facts, "ATE0")
    yield from ask(facts, "AT+CMEE=1")
    yield from unlock(facts)
    if facts.sim != "READY":
        return
    for text in facts.config.extra:
        reply = yield from ask(facts, text)
        if not reply.ok:
            facts.emit(Forgave(what=f"{text.partition('=')[0]}: {codes.name_of(reply.kind.name, reply.code)}"))
    facts.phase_2_plus = (yield from ask(facts, "AT+CSMS=1")).ok
    yield from _pdu_mode(facts)
    yield from _memories(facts)
    yield from indicate(facts)
    yield from ask(facts, "AT+COPS=3,0")
    model = yield from ask(facts, "AT+CGMM")
    if model.ok and model.lines:
        facts.emit(Seen(notes={"model": model.lines[0].removeprefix("+CGMM:").strip(' "')[:40]}))


def unlock(facts: Facts) -> Steps:
    """SIM to READY, if its PIN is known."""
    reply = yield from ask(facts, "AT+CPIN?")
    facts.sim = sim = sim_of(reply)
    facts.emit(Seen(notes={"sim": sim.lower()}))
    if sim == "READY":
        facts.emit(Unlocked())
    elif "PUK" in sim:
        facts.emit(Closed(why=f"the SIM wants its {sim.split()[-1]}: unlock it in a phone", refused=True))
    elif sim == "SIM PIN":
        facts.emit(PinNeeded())
        while facts.pin is None:
            yield Pause(seconds=None)
        yield from _enter(facts, facts.pin)
    else:
        facts.why_not = f"SIM: {sim.lower()}"


def _enter(facts: Facts, pin: str) -> Steps:
    facts.pin = None
    try:
        reply = yield from ask(facts, f'AT+CPIN="{pin}"')
    except Hung:
        facts.hung.clear()  # one is the PIN
        facts.emit(PinAnswered(ok=None, why="no answer to the PIN"))
        raise Hung("AT+CPIN") from None
    said = codes.name_of(reply.kind.name, reply.code)
    for _ in range(SIM_WAITS):
        now = yield from ask(facts, "AT+CPIN?")
        facts.sim = sim_of(now)
        if facts.sim == "READY":
            facts.emit(PinAnswered(ok=True))
            facts.emit(Seen(notes={"sim": "ready"}))
            return
        if not reply.ok:
            break
        yield Pause(seconds=1.0)
    why = f"the SIM refuses its PIN ({said})" if not reply.ok else f"after its PIN the SIM is {facts.sim}"
    facts.emit(PinAnswered(ok=False, why=why))


def sim_of(reply: Reply) -> str:
    if reply.ok:
        # A modem that does not know the command says OK and nothing, or has no PIN to ask for.
        return answers.sim_of(reply.lines) or "READY"
    if reply.kind is Kind.CME:
        known = {codes.CME_SIM_PIN: "SIM PIN", codes.CME_SIM_PUK: "SIM PUK"}
        return known.get(reply.code) or codes.CME_NAMES.get(reply.code, str(reply.code))
    if reply.kind is Kind.CMS:
        return codes.CMS_NAMES.get(reply.code, str(reply.code))
    return "READY"  # it does not know the question


def _pdu_mode(facts: Facts) -> Steps:
    if (yield from ask(facts, "AT+CMGF=0")).ok:
        return
    mode = yield from ask(facts, "AT+CMGF?")
    if answers.first_number(mode.lines) != 0:
        facts.emit(Closed(why="the modem has no PDU mode"))


def _memories(facts: Facts) -> Steps:
    name = facts.config.memory
    if name:
        for text in (f'AT+CPMS="{name}","{name}","{name}"', f'AT+CPMS="{name}"'):
            if (yield from ask(facts, text)).ok:
                break
        else:
            facts.emit(Forgave(what=f"memory {name} is refused"))
    found = answers.memories_of((yield from ask(facts, "AT+CPMS?")).lines)
    facts.one_memory = not found
    facts.memory = found[0].name if found else ""
    facts.received_in = found[-1].name if found else ""


def indicate(facts: Facts) -> Steps:
    """How the modem tells of messages: the best way it can."""
    facts.reports_stored, facts.renew_indications = False, False
    for way in INDICATIONS:
        if (yield from ask(facts, f"AT+CNMI={way}")).ok:
            facts.reports_stored = way.endswith(",2,0")
            return
    facts.emit(Forgave(what="no +CNMI: messages are polled"))
