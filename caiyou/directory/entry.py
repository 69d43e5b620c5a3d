"""From LDAP entries to values and back. Each field of ``model`` is listed once with its attribute."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

import ldap.dn

from caiyou import log
from caiyou.address import domain_to_unicode
from caiyou.directory.connection import Attributes
from caiyou.directory.model import (
    DEFAULT_QUOTA_BYTES,
    Alias,
    Contact,
    Domain,
    Handset,
    HandsetKind,
    Listed,
    Rule,
    State,
    Subscriber,
    WhenScanDown,
)
from caiyou.errors import InputError
from caiyou.msisdn import Msisdn

logger = logging.getLogger("caiyou.directory")

DOMAIN = {
    "name": "caiyouDomain",
    "state": "caiyouState",
    "quota_bytes": "caiyouQuotaBytes",
    "when_scan_down": "caiyouWhenScanDown",
    "sms_month_fen": "caiyouSmsMonthFen",
}
SUBSCRIBER = {
    "mailbox": "caiyouMailbox",
    "name": "cn",
    "state": "caiyouState",
    "addresses": "caiyouAddress",
    "mobile": "mobile",
    "mail_host": "mailHost",
    "quota_bytes": "caiyouQuotaBytes",
    "warn_percent": "caiyouWarnPercent",
    "empty_when_full": "caiyouEmptyWhenFull",
    "reject": "caiyouReject",
    "notify": "caiyouNotify",
    "notify_on_send": "caiyouNotifyOnSend",
    "long_sms": "caiyouLongSms",
    "sms_month_fen": "caiyouSmsMonthFen",
    "language": "preferredLanguage",
    "timezone": "caiyouTimezone",
    "handset": "caiyouHandset",
}
ALIAS = {
    "address": "caiyouAlias",
    "targets": "caiyouTarget",
    "member_url": "caiyouMemberURL",
    "state": "caiyouState",
}
RULE = {
    "name": "cn",
    "by": "caiyouBy",
    "notify_to": "caiyouNotifyTo",
    "senders": "caiyouSender",
    "urgent_only": "caiyouUrgentOnly",
    "keywords": "caiyouKeyword",
    "quiet": "caiyouQuiet",
    "daily_cap": "caiyouDailyCap",
}
CONTACT = {"name": "cn", "mail": "caiyouContactAddress", "mobile": "mobile"}
LISTED = {"value": "caiyouListed", "note": "description"}
HANDSET = {
    "name": "caiyouHandset",
    "kind": "caiyouHandsetKind",
    "parent": "caiyouHandsetParent",
    "names": "caiyouHandsetName",
    "screen": "caiyouScreen",
    "max_octets": "caiyouMmsOctets",
    "pictures": "caiyouPictures",
    "colours": "caiyouColours",
    "animated": "caiyouAnimated",
    "sounds": "caiyouSounds",
    "charsets": "caiyouCharsets",
    "max_slides": "caiyouMaxSlides",
    "max_text_octets": "caiyouMaxTextOctets",
    "mms": "caiyouMms",
    "sources": "caiyouSource",
    "note": "description",
    "loaded": "caiyouLoaded",
}
IN_ORDER = ("pictures", "sounds", "charsets")  # of a handset: one value, since LDAP keeps no order of several
NONE = "-"  # the value of such a field that is empty, and not left to the parent

_E = TypeVar("_E", bound=StrEnum)
_D = TypeVar("_D", int, None)
_AS_WE_WRITE_IT = re.compile(r"\+861[3-9][0-9]{9}")
_SEVERITY = [State.ACTIVE, State.SUSPENDED, State.CLOSED]


def domains_dn(base: str) -> str:
    """Above every domain."""
    return f"ou=domains,{base}"


def blacklist_dn(base: str) -> str:
    """Above every blacklisted sender."""
    return f"ou=blacklist,{base}"


def handsets_dn(base: str) -> str:
    """Above every handset profile."""
    return f"ou=handsets,{base}"


def handset_dn(base: str, name: str) -> str:
    """The entry of a handset profile."""
    return f"caiyouHandset={ldap.dn.escape_dn_chars(name)},{handsets_dn(base)}"


def domain_dn(base: str, domain: str) -> str:
    """The entry of a domain, named in U-label form."""
    return f"caiyouDomain={ldap.dn.escape_dn_chars(domain)},{domains_dn(base)}"


def mailbox_dn(base: str, mailbox: str) -> str:
    """The entry of a subscriber; raises InputError where ``mailbox`` has no domain."""
    name = ldap.dn.escape_dn_chars(mailbox)
    return f"caiyouMailbox={name},{domain_dn(base, domain_to_unicode(mailbox.rpartition('@')[2]))}"


def alias_dn(base: str, address: str) -> str:
    """The entry of an alias, named in U-label form."""
    return f"caiyouAlias={ldap.dn.escape_dn_chars(address)},{domain_dn(base, address.rpartition('@')[2])}"


def child_dn(above: str, name: str) -> str:
    """A rule or a contact below its subscriber."""
    return f"cn={ldap.dn.escape_dn_chars(name)},{above}"


def attributes(fields: Mapping[str, str], given: Mapping[str, Any]) -> Attributes:
    """The attributes of the ``given`` fields; empty list where a field is None or empty, to be left out or deleted."""
    return {fields[name]: values(value) for name, value in given.items()}


def values(value: Any) -> list[bytes]:
    """One field as LDAP values."""
    match value:
        case None | "":
            return []
        case bool():
            return [b"TRUE" if value else b"FALSE"]
        case Msisdn():
            return [b"+" + value.encode()]
        case int() | str():
            return [str(value).encode()]
        case _:
            return [one for item in value for one in values(item)]


def domain(entry: Attributes) -> Domain:
    """A domain."""
    return Domain(
        name=_text(entry, "caiyouDomain"),
        state=_state(entry),
        quota_bytes=_number(entry, "caiyouQuotaBytes", DEFAULT_QUOTA_BYTES),
        when_scan_down=_one_of(WhenScanDown, entry, "caiyouWhenScanDown", WhenScanDown.HOLD),
        sms_month_fen=_number(entry, "caiyouSmsMonthFen", None),
    )


def subscriber(entry: Attributes, of: Domain | None, region: str) -> Subscriber:
    """A subscriber with what his domain ``of`` gives him: quota, and its state where that is the worse.

    Without ``of`` state and quota are his own (0 where he has none).
    """
    mailbox = _text(entry, "caiyouMailbox")
    state = _state(entry)
    return Subscriber(
        mailbox=mailbox,
        domain=of.name if of else domain_to_unicode(mailbox.rpartition("@")[2]),
        name=_text(entry, "cn"),
        state=max(state, of.state, key=_SEVERITY.index) if of else state,
        addresses=_texts(entry, "caiyouAddress"),
        mobile=number(entry, "mobile", region),
        mail_host=_text(entry, "mailHost"),
        quota_bytes=_number(entry, "caiyouQuotaBytes", of.quota_bytes if of else 0),
        warn_percent=_number(entry, "caiyouWarnPercent", 90),
        empty_when_full=_texts(entry, "caiyouEmptyWhenFull"),
        reject=_texts(entry, "caiyouReject"),
        notify=_flag(entry, "caiyouNotify"),
        notify_on_send=_flag(entry, "caiyouNotifyOnSend"),
        long_sms=_flag(entry, "caiyouLongSms"),
        sms_month_fen=_number(entry, "caiyouSmsMonthFen", None),
        domain_sms_month_fen=of.sms_month_fen if of else None,
        language=_text(entry, "preferredLanguage", "zh-CN").replace("-", "_"),
        timezone=_text(entry, "caiyouTimezone"),
        handset=_text(entry, "caiyouHandset"),
    )


def alias(entry: Attributes) -> Alias:
    """An alias."""
    return Alias(
        address=_text(entry, "caiyouAlias"),
        targets=_texts(entry, "caiyouTarget"),
        member_url=_text(entry, "caiyouMemberURL"),
        state=_state(entry),
    )


def rule(entry: Attributes, region: str) -> Rule:
    """A notification rule."""
    return Rule(
        name=_text(entry, "cn"),
        by=_text(entry, "caiyouBy", "sms"),
        notify_to=number(entry, "caiyouNotifyTo", region),
        senders=_texts(entry, "caiyouSender"),
        urgent_only=_flag(entry, "caiyouUrgentOnly"),
        keywords=_texts(entry, "caiyouKeyword"),
        quiet=_text(entry, "caiyouQuiet"),
        daily_cap=_number(entry, "caiyouDailyCap", 0),
    )


def contact(entry: Attributes, region: str) -> Contact:
    """An entry of an address book."""
    return Contact(
        name=_text(entry, "cn"),
        mail=_texts(entry, "caiyouContactAddress"),
        mobile=number(entry, "mobile", region),
    )


def listed(entry: Attributes) -> Listed:
    """An entry of the system blacklist."""
    return Listed(value=_text(entry, "caiyouListed"), note=_text(entry, "description"))


def handset_attributes(given: Mapping[str, Any]) -> Attributes:
    """The attributes of the ``given`` fields of a handset profile."""
    words = {name: " ".join(value) or NONE for name, value in given.items() if name in IN_ORDER and value is not None}
    return attributes(HANDSET, {**given, **words})


def handset(entry: Attributes) -> Handset:
    """A handset profile, as it stands there: nothing inherited."""
    return Handset(
        name=_text(entry, "caiyouHandset"),
        kind=_one_of(HandsetKind, entry, "caiyouHandsetKind", HandsetKind.MODEL),
        parent=_text(entry, "caiyouHandsetParent"),
        names=tuple(sorted(_texts(entry, "caiyouHandsetName"))),
        screen=_text(entry, "caiyouScreen") or None,
        max_octets=_number(entry, "caiyouMmsOctets", None),
        pictures=_words(entry, "caiyouPictures"),
        colours=_number(entry, "caiyouColours", None),
        animated=_choice(entry, "caiyouAnimated"),
        sounds=_words(entry, "caiyouSounds"),
        charsets=_words(entry, "caiyouCharsets"),
        max_slides=_number(entry, "caiyouMaxSlides", None),
        max_text_octets=_number(entry, "caiyouMaxTextOctets", None),
        mms=_choice(entry, "caiyouMms"),
        sources=tuple(sorted(_texts(entry, "caiyouSource"))),
        note=_text(entry, "description"),
        loaded=_text(entry, "caiyouLoaded"),
    )


def number(entry: Attributes, name: str, region: str) -> Msisdn | None:
    """The first phone number of the attribute that is one; other programs write here too."""
    for text in _texts(entry, name):
        if _AS_WE_WRITE_IT.fullmatch(text):  # parsing it again would cost more than the rest of a subscriber
            return Msisdn(text[1:])
        try:
            return Msisdn.parse(text, region)
        except InputError:
            continue
    return None


def _texts(entry: Attributes, name: str) -> tuple[str, ...]:
    return tuple(value.decode("utf-8", "replace") for value in entry.get(name, ()))


def _text(entry: Attributes, name: str, default: str = "") -> str:
    found = entry.get(name)
    return found[0].decode("utf-8", "replace") if found else default


def _number(entry: Attributes, name: str, default: _D) -> int | _D:
    found = entry.get(name)
    return max(0, int(found[0])) if found else default  # the schema's syntax is INTEGER


def _flag(entry: Attributes, name: str) -> bool:
    return entry.get(name) == [b"TRUE"]


def _choice(entry: Attributes, name: str) -> bool | None:
    return _flag(entry, name) if entry.get(name) else None


def _words(entry: Attributes, name: str) -> tuple[str, ...] | None:
    return tuple(word for word in _text(entry, name).split() if word != NONE) if entry.get(name) else None


def _state(entry: Attributes) -> State:
    return _one_of(State, entry, "caiyouState", State.SUSPENDED)


def _one_of(words: type[_E], entry: Attributes, name: str, default: _E) -> _E:
    """The word of the attribute; ``default`` where it is absent or no word of ours."""
    text = _text(entry, name, default).lower()
    try:
        return words(text)
    except ValueError:
        logger.warning(log.line(None, directory="unknown word", attribute=name, value=text, taken=default))
        return default
