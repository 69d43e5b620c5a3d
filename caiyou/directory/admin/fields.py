"""What a field of the directory may hold, one check for each field that people set."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Iterable
from enum import StrEnum
from gettext import gettext as _
from typing import Any

from caiyou.address import Address, domain_to_ascii
from caiyou.directory.listing import listed_name
from caiyou.directory.model import HandsetKind, State, WhenScanDown
from caiyou.errors import InputError
from caiyou.msisdn import Msisdn

MAX_TEXT = 200
FOLDERS = ("Trash", "Sent")
BY = ("sms",)

_QUIET = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")
_SCREEN = re.compile(r"([1-9][0-9]{1,3})x([1-9][0-9]{1,3})")
_MEDIA_TYPE = re.compile(r"(?:image|audio|text|video)/[a-z0-9][a-z0-9.+-]{0,60}")
_CHARSET = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")
_URL = re.compile(r"https?://[!-~]{3,1000}")
_LANGUAGE = re.compile(r"[a-z]{2,3}([-_][A-Za-z]{2,8})*")


def checked(allowed: Iterable[str], fields: dict[str, Any], region: str = "CN") -> dict[str, Any]:
    """The fields as the directory keeps them; None stays None: not set. Raises InputError."""
    unknown = fields.keys() - set(allowed)
    if unknown:
        raise TypeError(f"no such field: {', '.join(sorted(unknown))}")
    return {
        name: value if value is None else _phone(value, region) if name in _PHONES else _CHECKS[name](value)
        for name, value in fields.items()
    }


def text(value: str, what: str) -> str:
    """One line of text for people; raises InputError."""
    value = value.strip()
    if not value:
        raise InputError(_("the {what} is empty").format(what=what))
    if len(value) > MAX_TEXT or not value.isprintable():
        raise InputError(
            _("the {what} is longer than {limit} characters, holds a control character or is not UTF-8").format(
                what=what, limit=MAX_TEXT
            )
        )
    return value


def _phone(value: str, region: str) -> Msisdn | None:
    return Msisdn.parse(value, region) if value else None


def _word(words: type[StrEnum]) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in list(words):
            raise InputError(_("{value!r} is none of {words}").format(value=value, words=", ".join(words)))
        return str(value)

    return check


def _between(low: int, high: int, what: str) -> Callable[[int], int]:
    def check(value: int) -> int:
        if not low <= value <= high:
            raise InputError(
                _("{what} {value} is not in {low}-{high}").format(what=what, value=value, low=low, high=high)
            )
        return value

    return check


def _each(check: Callable[[str], str]) -> Callable[[Iterable[str]], list[str]]:
    return lambda values: list(dict.fromkeys(map(check, values)))


def _folder(value: str) -> str:
    name = value.strip().capitalize()
    if name not in FOLDERS:
        raise InputError(_("{value!r} cannot be emptied; {words} can").format(value=value, words=" or ".join(FOLDERS)))
    return name


def _timezone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            _("{value!r} is no time zone; expected something like Asia/Shanghai").format(value=value)
        ) from None
    return value


def _language(value: str) -> str:
    if not _LANGUAGE.fullmatch(value):
        raise InputError(_("{value!r} is no language; expected something like zh_CN").format(value=value))
    return value.replace("_", "-")  # RFC 2798 wants RFC 2068's form


def _quiet(value: str) -> str:
    if not _QUIET.fullmatch(value) or value[:5] == value[6:]:
        raise InputError(_("{value!r} are no quiet hours; expected something like 22:00-07:00").format(value=value))
    return value


def _by(value: str) -> str:
    if value not in BY:
        raise InputError(_("{value!r} is no way to notify; expected {words}").format(value=value, words=", ".join(BY)))
    return value


def _screen(value: str) -> str:
    found = _SCREEN.fullmatch(value.strip().lower().replace("×", "x"))
    if not found or not all(16 <= int(side) <= 8192 for side in found.groups()):
        raise InputError(_("{value!r} is no screen; expected something like 176x208, 16-8192 each").format(value=value))
    return found[0]


def _like(form: re.Pattern[str], what: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not form.fullmatch(value):
            raise InputError(_("{value!r} is no {what}").format(value=value[:100], what=what))
        return value

    return check


def sender(value: str) -> str:
    """An address or a domain that mail comes from; raises InputError."""
    if "/" in value or ":" in value:
        raise InputError(_("{value!r} is neither an address nor a domain").format(value=value))
    return listed_name(value)


def contact_addresses(values: Iterable[str]) -> list[str]:
    """Every spelling of every address; raises InputError."""
    return list(dict.fromkeys(spelling for value in values for spelling in Address.parse(value).spellings))


_PHONES = ("mobile", "notify_to")
_CHECKS: dict[str, Callable[[Any], Any]] = {
    "state": _word(State),
    "when_scan_down": _word(WhenScanDown),
    "quota_bytes": _between(0, 2**62, _("quota")),
    "sms_month_fen": _between(0, 10**12, _("monthly cap")),
    "name": lambda value: text(value, _("name")),
    "mail_host": domain_to_ascii,
    "warn_percent": _between(1, 100, _("warning level")),
    "empty_when_full": _each(_folder),
    "notify": bool,
    "notify_on_send": bool,
    "long_sms": bool,
    "language": _language,
    "timezone": _timezone,
    "by": _by,
    "senders": _each(lambda value: text(value, _("sender"))),
    "urgent_only": bool,
    "keywords": _each(lambda value: text(value, _("keyword"))),
    "quiet": _quiet,
    "daily_cap": _between(0, 10_000, _("daily cap")),
    "handset": lambda value: text(value, _("handset")),
    "kind": _word(HandsetKind),
    "parent": lambda value: text(value, _("parent")),
    "screen": _screen,
    "max_octets": _between(1024, 2**31 - 1, _("message limit")),
    "pictures": _each(lambda value: _like(_MEDIA_TYPE, _("media type"))(value.lower())),
    "colours": _between(2, 1 << 32, _("number of colours")),
    "animated": bool,
    "sounds": _each(lambda value: _like(_MEDIA_TYPE, _("media type"))(value.lower())),
    "charsets": _each(lambda value: _like(_CHARSET, _("character set"))(value.lower())),
    "max_slides": _between(1, 1000, _("number of slides")),
    "max_text_octets": _between(100, 2**31 - 1, _("text limit")),
    "mms": bool,
    "sources": _each(_like(_URL, _("URL"))),
    "note": lambda value: text(value, _("note")),
}
