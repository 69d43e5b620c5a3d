"""Who answers what: the commands of every number, then the handler of the number that was written to.

Only phones of people are answered: an automatic sender that gets an answer answers, and that never ends. What nobody
asked for (help on an unknown text) is ``limited``, and whoever carries the turn out bounds all replies of a day.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from caiyou.errors import InputError
from caiyou.msisdn import Msisdn
from mail2sms.dialog import card
from mail2sms.dialog.card import CardRules
from mail2sms.dialog.keywords import Command, language_of
from mail2sms.dialog.message import Known, Received, Reply, Turn
from mail2sms.dialog.texts import texts_of

Handler = Callable[[Received, Known, CardRules], Turn]

_MAINLAND_MOBILE = re.compile(r"861[3-9]\d{9}")  # 10086, 106…, 95… and 400… are machines
SHORTEST = 8  # digits of a phone of another country, its code included


def _notices(message: Received, known: Known, rules: CardRules) -> Turn:
    """A number that only sends notifications."""
    texts = texts_of(language_of(message.text, message.number))
    return Turn(
        did="not understood",
        replies=() if known.stopped else (Reply(text=texts.desk_help, limited=True),),
        draft=known.draft,
    )


HANDLERS: Mapping[str, Handler] = {"card": card.answer, "notices": _notices}


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """``numbers``: how a number of ours ends, to the name of its handler; the longest that fits decides."""

    numbers: Mapping[str, str]
    rules: CardRules

    def handler(self, to: str) -> str:
        """The handler of a number of ours."""
        fits = [ending for ending in self.numbers if to.endswith(ending)]
        return self.numbers[max(fits, key=len)] if fits else "notices"

    def answer(self, message: Received, known: Known) -> Turn:
        """What follows from a message."""
        if not is_a_phone(message.number) or message.to.endswith(message.number):
            return Turn(did="not a phone", draft=known.draft)
        handler = self.handler(message.to)
        if message.missing:
            texts = texts_of(known.draft.language if known.draft else language_of(message.text, message.number))
            reply = Reply(text=texts.parts_missing, limited=known.draft is None)
            return Turn(did="incomplete", replies=(reply,), draft=known.draft)
        found = self.rules.keywords.command(message.text)
        if found is not None:
            command, spoken = found
            texts = texts_of(spoken or language_of(message.text, message.number))
            match command:
                case Command.STOP:
                    replies = (Reply(text=texts.stopped, limited=known.stopped),)
                    return Turn(did="stopped", replies=replies, stopped=True)
                case Command.START:
                    replies = (Reply(text=texts.started, limited=not known.stopped),)
                    return Turn(did="started", replies=replies, stopped=False, draft=known.draft)
                case Command.HELP:
                    text = texts.card_help if handler == "card" else texts.desk_help
                    return Turn(did="helped", replies=(Reply(text=text),), draft=known.draft)
        return HANDLERS[handler](message, known, self.rules)


def is_a_phone(number: str) -> bool:
    """Whether a person may read an answer there; ``number`` is E.164 without plus, or whatever the carrier wrote."""
    if not (number.isascii() and number.isdigit()) or len(number) < SHORTEST or number.startswith("0"):
        return False
    if number.startswith("86"):
        return _MAINLAND_MOBILE.fullmatch(number) is not None
    try:
        return Msisdn.parse("+" + number) == number
    except InputError:
        return False
