"""Reads what somebody typed into fields of a card: digits 1-5, each followed by its value, perhaps an OK at the end.

``1 3 2 彩邮公司 3 经理``, ``1#3#2#彩邮公司#OK``, one field a line, ``１：３，２：彩邮``, ``2彩邮公司``: all are read.
What stands right after a digit is always a value, so ``1 3`` is template 3. A value ends where the next field begins:

- after ``;``, ``#``, ``|``, ``*`` or a line's end, if any field of the message begins after one of these;
- else after a blank or a comma too. A digit that had its turn in the message is part of a value then.

Only the frame is read as if it were half width; values stay as they were typed, since ``（北京）`` is somebody's name.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from mail2sms.dialog.message import Field

MAX_CHARACTERS = 2000  # of a message; what is behind them is not read

# One character each, so that places in the flat text are places in the text.
_FLAT = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_FLAT |= {ord(full): ord(half) for full, half in zip("　、。｡﹒﹐﹑﹔﹕", " ,...,,;:", strict=True)}
_FLAT |= dict.fromkeys(map(ord, "\t\r\u00a0\u200b\ufeff\ufe0f\u20e3"), ord(" "))  # the last two make 1️⃣ of 1
_FLAT |= dict.fromkeys(map(ord, "\v\f\x85\u2028\u2029"), ord("\n"))

_BETWEEN = re.compile(r"[\s,;#|*.]*")
_STRONG = re.compile(r"[;#|*\n][\s,;#|*]*")
_WEAK = re.compile(r"[\s,;#|*]+")
_TOKEN = re.compile(r"[^\s,;#|*]*")
_FIELD = re.compile(r"([1-5])(?:\s*[.:=]|[)\]]|(?=[\s,;#|*]|[^\x00-\x7f]|$))|([①-⑤])")
_END = r"[\s.,;!#|*~]*\Z"
_DONE = re.compile(rf"(?:ok|okay|o\.k\.?|确定|確定|确认|確認|完成){_END}", re.IGNORECASE)
_DONE_ALONE = re.compile(rf"(?:ok|okay|o\.k\.?|yes|y|确定|確定|确认|確認|完成|好|好的|行|可以|是){_END}", re.IGNORECASE)
_TEMPLATE = re.compile(r"(\d{1,4})(?:号|號)?(?:模板|模版)?[.)]?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What was found. A value is empty where only its digit was sent."""

    values: tuple[tuple[Field, str], ...] = ()
    done: bool = False  # OK stands at the end


def flat(text: str) -> str:
    """The text with ASCII digits, letters, punctuation and blanks for their other forms, character by character."""
    return text.translate(_FLAT)


def is_done(text: str) -> bool:
    """Whether the whole message says OK."""
    line = flat(text[:MAX_CHARACTERS])
    return _DONE_ALONE.match(line, _begin(line, 0)) is not None


def parse(text: str) -> Parsed:
    """The fields of a message, in the order they stand; what belongs to none is passed over. Never raises."""
    text = text[:MAX_CHARACTERS]
    line = flat(text)
    separator = _STRONG if _any_after(line, _STRONG) else _WEAK
    values: dict[Field, str] = {}
    at = _begin(line, 0)
    while at < len(line):
        if _DONE.match(line, at):
            return Parsed(values=tuple(values.items()), done=True)
        found = _new_field(line, at, values)
        if found is None:  # words that belong nowhere
            at = _begin(line, _next(line, at, separator, values))
            continue
        name = _name(found)
        start = _begin(line, found.end())
        stop = _value_end(line, start, separator, values, name)
        values[name] = _clean(text[start:stop])
        at = _begin(line, stop)
    return Parsed(values=tuple(values.items()))


def tidy(name: Field, text: str) -> str:
    """A value as the card has it: one line; digits of template and contact half width, other values as typed."""
    if name is Field.TEMPLATE:
        found = _TEMPLATE.fullmatch(unicodedata.normalize("NFKC", flat(text)).replace(" ", ""))
        return str(int(found[1])) if found else _clean(text)
    return _clean(unicodedata.normalize("NFKC", text) if name is Field.CONTACT else text)


def _begin(line: str, at: int) -> int:
    found = _BETWEEN.match(line, at)
    return found.end() if found else at


def _any_after(line: str, separator: re.Pattern[str]) -> bool:
    return any(_FIELD.match(line, found.end()) for found in separator.finditer(line))


def _new_field(line: str, at: int, had: dict[Field, str]) -> re.Match[str] | None:
    found = _FIELD.match(line, at)
    return found if found and _name(found) not in had else None


def _name(found: re.Match[str]) -> Field:
    return Field(unicodedata.digit(found[0][0]))


def _value_end(line: str, start: int, separator: re.Pattern[str], had: dict[Field, str], name: Field) -> int:
    """A value is at least the first token; a template is no more than that."""
    token = _TOKEN.match(line, start)
    end = token.end() if token else start
    return end if name is Field.TEMPLATE else _next(line, end, separator, {**had, name: ""})


def _next(line: str, at: int, separator: re.Pattern[str], had: dict[Field, str]) -> int:
    """Where, from ``at`` on, something else begins: the separator before the next field, the OK or the end."""
    for found in _WEAK.finditer(line, at):
        end = found.end()
        if end == len(line) or _DONE.match(line, end):
            return found.start()
        if separator.search(line, found.start(), end) and _new_field(line, end, had):
            return found.start()
    return len(line)


def _clean(value: str) -> str:
    """One line of printable characters, without what only stood between fields."""
    shown = "".join(c if c.isprintable() or c == "\u200d" else " " for c in value)
    return " ".join(shown.split()).strip(" ,;#|*，、；＃")
