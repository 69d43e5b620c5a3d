"""The dialogue that makes a card (I6): its fields come in any order, one by one or all at once, until OK.

| state     | message                     | to        | answer |
|---|---|---|---|
| no draft  | fields, or a word for "new" | draft     | what is missing, or how it goes |
| no draft  | anything else               | no draft  | help, now and then |
| draft     | fields                      | draft     | what is missing, what is wrong, or that OK is |
| draft     | a digit alone               | draft     | asks; the next text without a digit is the value |
| draft     | OK, all fields there        | no draft  | the card |
| draft     | OK, a field missing         | draft     | what is missing |
| draft     | a word for "cancel"         | no draft  | cancelled |
| draft     | nothing for ``remind_s``    | draft     | a reminder, once |
| draft     | nothing for ``end_s`` more  | no draft  | that it is over |
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mail2sms.dialog.keywords import Command, Keywords, language_of
from mail2sms.dialog.message import Draft, Field, Known, Received, Reply, Turn
from mail2sms.dialog.parse import MAX_CHARACTERS, Parsed, is_done, parse, tidy
from mail2sms.dialog.texts import Texts, example, numbered, texts_of

MOST = {Field.TEMPLATE: 4, Field.COMPANY: 60, Field.TITLE: 30, Field.NAME: 30, Field.CONTACT: 100}  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRules:
    """How a site makes cards."""

    keywords: Keywords
    templates: int = 8  # numbers 1 to this
    remind_s: float = 600.0
    end_s: float = 600.0


def answer(message: Received, known: Known, rules: CardRules) -> Turn:
    """What follows from a message to a number that makes cards. Commands of every number are dealt with already."""
    found = rules.keywords.command(message.text)
    command, spoken = found if found else (None, "")
    draft = known.draft
    language = draft.language if draft else language_of(message.text, message.number)
    texts = texts_of(spoken or language)
    if command is Command.CANCEL:
        return Turn(did="cancelled", replies=(Reply(text=texts.cancelled if draft else texts.nothing),))
    if command is Command.SHOW:
        kept = _until(draft, known.now + rules.remind_s) if draft else None
        return Turn(did="shown", replies=(Reply(text=_card(draft, texts) or texts.nothing),), draft=kept)
    fresh = _until(Draft(to=message.to, link=message.link, language=spoken or language), known.now + rules.remind_s)
    if command is Command.NEW:
        return Turn(did="begun", replies=(Reply(text=texts.begun),), draft=fresh)
    rest = rules.keywords.begins_new(message.text)
    if rest is not None:
        message, draft = replace(message, text=rest), None
    if draft is not None:
        fresh = _until(replace(draft, to=message.to, link=message.link), known.now + rules.remind_s)
    return _fill(message, known, draft, fresh, rules)


def _fill(message: Received, known: Known, draft: Draft | None, fresh: Draft, rules: CardRules) -> Turn:
    """Fields and OK."""
    texts = texts_of(fresh.language)
    parsed = Parsed(done=True) if is_done(message.text) else parse(message.text)
    if draft is not None and draft.awaiting and not parsed.values and not parsed.done and message.text.strip():
        parsed = Parsed(values=((draft.awaiting, message.text[:MAX_CHARACTERS]),))
    if draft is None and not parsed.values:
        if parsed.done:
            return Turn(did="nothing to confirm", replies=_unasked(texts.nothing, known))
        return Turn(did="not understood", replies=_unasked(texts.card_help, known))
    values, wrong = dict(fresh.values), ""
    awaiting: Field | None = None
    for name, text in parsed.values:
        value = tidy(name, text)
        if not value:
            awaiting = name
            continue
        why = _wrong(name, value, texts, rules)
        wrong = wrong or why
        if not why:
            values[name] = value
    filled = replace(fresh, values=values, awaiting=awaiting)
    if wrong:
        return Turn(did="refused a value", replies=(Reply(text=wrong),), draft=filled)
    if parsed.done and not filled.missing:
        return Turn(did="ordered", replies=(Reply(text=_ordered(filled, texts)),), ordered=filled)
    return Turn(did="filled", replies=(Reply(text=_next(parsed, filled, texts)),), draft=filled)


def times_out(draft: Draft, known: Known, rules: CardRules) -> Turn:
    """What follows from silence, once the draft is due."""
    texts = texts_of(draft.language)
    if draft.reminded:
        return Turn(did="ended", replies=(Reply(text=texts.ended),))
    missing = numbered(draft.language, draft.missing) or "OK"
    reminder = texts.reminder.format(minutes=max(1, round(rules.end_s / 60)), missing=missing)
    later = replace(draft, reminded=True, due=known.now + rules.end_s)
    return Turn(did="reminded", replies=(Reply(text=reminder),), draft=later)


def _unasked(text: str, known: Known) -> tuple[Reply, ...]:
    return () if known.stopped else (Reply(text=text, limited=True),)


def _until(draft: Draft, due: float) -> Draft:
    return replace(draft, reminded=False, due=due)


def _wrong(name: Field, value: str, texts: Texts, rules: CardRules) -> str:
    """Why a value cannot stand; empty where it can."""
    fits = len(value) <= MOST[name]
    if name is Field.TEMPLATE:
        exists = fits and value.isascii() and value.isdigit() and 1 <= int(value) <= rules.templates
        return "" if exists else texts.no_template.format(templates=rules.templates)
    return "" if fits else texts.too_long.format(field=texts.fields[name], most=MOST[name])


def _next(parsed: Parsed, draft: Draft, texts: Texts) -> str:
    """What to say to an incomplete or unconfirmed card."""
    missing = draft.missing
    if draft.awaiting:
        return texts.ask.format(field=texts.fields[draft.awaiting])
    if not missing:
        return texts.complete
    said = texts.not_understood if not parsed.values and not parsed.done else texts.noted
    if parsed.done:
        said = texts.not_complete
    return said.format(missing=numbered(draft.language, missing), example=example(draft.language, missing[0]))


def _values(draft: Draft, texts: Texts) -> str:
    return "\n".join(
        f"{int(name)} {texts.fields[name]}: {draft.values[name]}" for name in Field if name in draft.values
    )


def _card(draft: Draft | None, texts: Texts) -> str:
    """The values that are there; empty where there are none."""
    if draft is None:
        return ""
    return _values(draft, texts) if draft.values else texts.begun


def _ordered(draft: Draft, texts: Texts) -> str:
    return texts.ordered.format(values="\n" + _values(draft, texts))
