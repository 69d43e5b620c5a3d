"""Rules: which short messages one mail causes for one recipient (N1, N3). Pure: the clock comes in as an argument.

On arrival a subscriber's rules are weighed. A rule matches when each of its conditions holds; an empty condition always
does. A subscriber who switched notification on but wrote no rule gets none: a short message costs money.

Quiet hours do not lose a notification, they hold it until they end: who sleeps wants to know in the morning what came
in the night. Where several rules send to one number, the earliest time and the largest cap win.

The daily cap counts a subscriber's notifications by the local day of sending; Redis keeps the count
(``mail2sms.outgoing``), so here it only goes along.
"""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum

from caiyou.address import domain_to_unicode
from caiyou.directory.model import Rule, State, Subscriber
from caiyou.errors import InputError
from caiyou.msisdn import Msisdn
from caiyou.queues import Notify

_QUIET = re.compile(r"\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*", re.ASCII)


class Why(StrEnum):
    """Why a short message is due, or why not. The result of NOTIFY_QUEUED and NOTIFY_SKIPPED."""

    ARRIVAL = "arrival"  # a rule of the recipient matched
    ASKED = "asked"  # the sender asked for it, for this mail or always
    OFF = "off"  # the recipient has not switched notification on
    SUSPENDED = "suspended"  # the recipient is not active
    NO_RULE = "no_rule"  # he has no rule
    NO_MATCH = "no_match"  # none of his rules matches
    NO_NUMBER = "no_number"  # neither the rule nor he, nor the sender's contacts, has a number
    CAP = "cap"  # his daily cap is reached
    DUPLICATE = "duplicate"  # this number was told of this message already


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One short message to put on a route: to whom, not before when, under which cap (0: none)."""

    number: Msisdn
    why: Why
    not_before: datetime | None = None
    daily_cap: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one mail means for one recipient. ``skipped`` says why nothing is due."""

    due: tuple[Due, ...] = ()
    skipped: Why | None = None


def on_arrival(subscriber: Subscriber, rules: Iterable[Rule], mail: Notify, now: datetime, zone: tzinfo) -> Decision:
    """Weigh an arriving mail; ``now`` is aware, ``zone`` the subscriber's."""
    rules = [rule for rule in rules if rule.by == "sms"]
    if subscriber.state is not State.ACTIVE:
        return Decision(skipped=Why.SUSPENDED)
    if not subscriber.notify:
        return Decision(skipped=Why.OFF)
    if not rules:
        return Decision(skipped=Why.NO_RULE)
    matching = [rule for rule in rules if matches(rule, mail)]
    if not matching:
        return Decision(skipped=Why.NO_MATCH)
    found: dict[Msisdn, Due] = {}
    for rule in matching:
        number = rule.notify_to or subscriber.mobile
        if number is not None:
            due = Due(
                number=number,
                why=Why.ARRIVAL,
                not_before=quiet_end(rule.quiet, now, zone),
                daily_cap=rule.daily_cap,
            )
            found[number] = _kinder(found[number], due) if number in found else due
    return Decision(due=tuple(found.values())) if found else Decision(skipped=Why.NO_NUMBER)


def on_send(
    contact: Msisdn | None, subscriber: Subscriber | None, rules: Iterable[Rule], now: datetime, zone: tzinfo
) -> Decision:
    """Weigh a sender's wish (N1): the number of his contact entry, else the recipient's own, ``subscriber``.

    To his own entry the recipient's quiet hours are kept; his conditions and cap are about arriving mail and are not.
    """
    if contact is not None:
        return Decision(due=(Due(number=contact, why=Why.ASKED),))
    if subscriber is None or subscriber.mobile is None:
        return Decision(skipped=Why.NO_NUMBER)
    if subscriber.state is not State.ACTIVE:
        return Decision(skipped=Why.SUSPENDED)
    ends = [end for rule in rules if rule.by == "sms" and (end := quiet_end(rule.quiet, now, zone))]
    return Decision(due=(Due(number=subscriber.mobile, why=Why.ASKED, not_before=max(ends, default=None)),))


def merge(arrival: Decision, sending: Decision) -> Decision:
    """Both for one recipient: one short message to one number, the sender's wish first."""
    numbers = {due.number for due in sending.due}
    due = sending.due + tuple(d for d in arrival.due if d.number not in numbers)
    return Decision(due=due) if due else Decision(skipped=sending.skipped or arrival.skipped)


def matches(rule: Rule, mail: Notify) -> bool:
    """Whether every condition of the rule holds."""
    if rule.urgent_only and not mail.urgent:
        return False
    if rule.senders and not any(_is_from(sender, mail) for sender in rule.senders):
        return False
    words = [word for keyword in rule.keywords if (word := _plain(keyword).strip())]
    text = _plain(f"{mail.subject}\n{mail.text}") if words else ""
    return not words or any(word in text for word in words)


def quiet_end(quiet: str, now: datetime, zone: tzinfo) -> datetime | None:
    """When the quiet hours that ``now`` is in end (aware, in ``zone``), or None outside of them.

    ``22:00-07:00`` spans midnight; the first minute belongs to it, the last does not; equal ends mean never. What is no
    pair of times holds nothing up.
    """
    try:
        span = parse_quiet(quiet)
    except InputError:
        return None
    if span is None:
        return None
    start, end = span
    local = now.astimezone(zone)
    clock = local.time().replace(tzinfo=None)
    if start < end:
        inside, days = start <= clock < end, 0
    else:
        inside, days = start != end and (clock >= start or clock < end), int(clock >= start)
    if not inside:
        return None
    return datetime.combine(local.date() + timedelta(days=days), end, tzinfo=zone)


def parse_quiet(quiet: str) -> tuple[time, time] | None:
    """``HH:MM-HH:MM``, or None where empty; raises InputError."""
    if not quiet.strip():
        return None
    found = _QUIET.fullmatch(unicodedata.normalize("NFKC", quiet))
    try:
        if found is None:
            raise ValueError
        hour1, minute1, hour2, minute2 = map(int, found.groups())
        return _clock(hour1, minute1), _clock(hour2, minute2)
    except ValueError:
        raise InputError(f"{quiet[:40]!r} are no quiet hours; expected something like 22:00-07:00") from None


def _is_from(sender: str, mail: Notify) -> bool:
    """An address, a domain (its subdomains too), or a part of the display name."""
    wanted = _address(sender.strip())
    if not wanted:
        return False
    addresses = {_address(a) for a in (mail.mail_from, mail.from_address, mail.header_from) if "@" in a}
    if "@" in wanted.lstrip("@"):
        return wanted in addresses
    domain = wanted.lstrip("@.")
    if any(a.endswith(("@" + domain, "." + domain)) for a in addresses if domain):
        return True
    return not wanted.startswith(("@", ".")) and wanted in _plain(mail.header_from)


def _address(text: str) -> str:
    """For comparing addresses and domains: their directory form, else just what was typed."""
    local, at, domain = _plain(text).rpartition("@")
    if "xn--" in domain:
        with contextlib.suppress(InputError):
            domain = domain_to_unicode(domain)
    return f"{local}{at}{domain}"


def _clock(hour: int, minute: int) -> time:
    """24:00 is midnight too; raises ValueError."""
    return time(0) if (hour, minute) == (24, 0) else time(hour, minute)


def _kinder(one: Due, other: Due) -> Due:
    """Of two rules for one number what the subscriber gets: the earlier time, the larger cap."""
    times = (one.not_before, other.not_before)
    caps = (one.daily_cap, other.daily_cap)
    return Due(
        number=one.number,
        why=one.why,
        not_before=None if None in times else min(t for t in times if t),
        daily_cap=0 if 0 in caps else max(caps),
    )


def _plain(text: str) -> str:
    """For comparing what people typed: width and case do not matter."""
    return unicodedata.normalize("NFKC", text).casefold()
