"""Words that are commands when they are all of a message, in Chinese and English (I7)."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from enum import StrEnum

from mail2sms.dialog.parse import flat

CHINESE, ENGLISH = "zh_CN", "en"
_ROUND = " \n\"'“”‘’[]()<>《》【】.,;:!~#*"  # what people put around a word
_CHINESE_CODES = ("86", "852", "853", "886")


class Command(StrEnum):
    """What a word asks for."""

    STOP = "stop"  # no notifications any more
    START = "start"  # notifications again
    HELP = "help"
    NEW = "new"  # make a card
    SHOW = "show"  # what of the card is there
    CANCEL = "cancel"  # leave the card


# The words of the carriers' and everybody's habit: TD, T, TT, N and 0000 for 退订, KT for 开通, BZ for 帮助.
_CHINESE_WORDS = {
    Command.STOP: "退订 退訂 取消订阅 停止 拒收",
    Command.START: "开通 開通 恢复 恢復 订阅",
    Command.HELP: "帮助 幫助 怎么用",
    Command.NEW: "做名片 制作名片 新名片 做卡 名片",
    Command.SHOW: "查看 显示 看看",
    Command.CANCEL: "取消 放弃 放棄 不做了",
}
_ENGLISH_WORDS = {
    Command.STOP: "stop unsubscribe stopall",
    Command.START: "start unstop",
    Command.HELP: "help info",
    Command.NEW: "new card",
    Command.SHOW: "show",
    Command.CANCEL: "cancel quit",
}
_SHORT_WORDS = {  # of either language
    Command.STOP: "td t tt n 0000",
    Command.START: "kt",
    Command.HELP: "bz h ?",
}


def _table() -> dict[str, tuple[Command, str]]:
    sets = ((_CHINESE_WORDS, CHINESE), (_ENGLISH_WORDS, ENGLISH), (_SHORT_WORDS, ""))
    return {
        word: (command, language)
        for words, language in sets
        for command, written in words.items()
        for word in written.split()
    }


_WORDS = _table()


class Keywords:
    """The built-in words and a site's own. ``more`` is command to words."""

    def __init__(self, more: Mapping[Command, Sequence[str]]) -> None:
        own = {_folded(word): (command, "") for command, words in more.items() for word in words}
        self._words = {**_WORDS, **own}

    def command(self, text: str) -> tuple[Command, str] | None:
        """The command that the whole of a message is, and the language it was given in ("": none in particular)."""
        if len(text) > 40:
            return None
        return self._words.get(_folded(text))

    def begins_new(self, text: str) -> str | None:
        """What follows a word for a new card at the beginning of a message; None where there is no such word."""
        first, _, rest = flat(text).lstrip().partition(" ")
        found = self._words.get(_folded(first)) if len(first) <= 40 else None
        return text[len(text) - len(rest) :] if found and found[0] is Command.NEW and rest else None


def language_of(text: str, number: str) -> str:
    """The language to answer a first message in: that of its letters, else the one of the number's country."""
    if any("\u3400" <= c <= "\u9fff" for c in text):
        return CHINESE
    if sum(c.isascii() and c.isalpha() for c in flat(text)) >= 4:
        return ENGLISH
    return CHINESE if number.startswith(_CHINESE_CODES) else ENGLISH


def _folded(text: str) -> str:
    word = "".join(unicodedata.normalize("NFKC", flat(text)).casefold().strip(_ROUND).split())
    return word.rstrip("?") or word[:1]
