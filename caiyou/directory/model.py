"""What the directory holds, as values. One class, one object class of ``openldap-conf/caiyou.schema.ldif``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from caiyou.msisdn import Msisdn

DEFAULT_QUOTA_BYTES = 1 << 30  # of a mailbox in a domain that says nothing


class State(StrEnum):
    """Life of a domain, a subscriber or an alias."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class WhenScanDown(StrEnum):
    """What a domain wants while no virus scanner answers (design table "When something is down")."""

    HOLD = "hold"  # 451, the peer tries again
    PASS = "pass"  # noqa: S105 - delivered unscanned, with a header and an alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A mail domain of ours. ``quota_bytes`` is the default of its mailboxes, 0 for no limit."""

    name: str  # U-label
    state: State = State.ACTIVE
    quota_bytes: int = DEFAULT_QUOTA_BYTES
    when_scan_down: WhenScanDown = WhenScanDown.HOLD
    sms_month_fen: int | None = None  # what its short messages may cost in a month; 0: no cap; None: the site's


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A mailbox and who owns it."""

    mailbox: str  # ASCII, equals the Dovecot user and the primary address
    domain: str  # U-label
    name: str = ""
    state: State = State.ACTIVE  # the worse of his own and his domain's
    addresses: tuple[str, ...] = ()  # every address of his own, all spellings
    mobile: Msisdn | None = None
    mail_host: str = ""  # the storage host; empty: the only one
    quota_bytes: int = 0  # effective: his own or his domain's; 0 for no limit
    warn_percent: int = 90  # S5
    empty_when_full: tuple[str, ...] = ()  # of "Trash", "Sent" (S5)
    reject: tuple[str, ...] = ()  # addresses and domains (V5)
    notify: bool = False  # N3: notification on arrival is on
    notify_on_send: bool = False  # N1: his standing choice
    long_sms: bool = False  # N5
    sms_month_fen: int | None = None  # what his short messages may cost in a month; 0: no cap; None: the site's
    domain_sms_month_fen: int | None = None  # the same of his domain, all its subscribers together
    handset: str = ""  # the phone he says he has, as he wrote it (H4)
    language: str = "zh_CN"
    timezone: str = ""  # empty: the site's


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """An address that stands for others; ``member_url`` (RFC 4516) is expanded by Postfix (A4)."""

    address: str  # U-label form
    targets: tuple[str, ...] = ()
    member_url: str = ""
    state: State = State.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When an arriving mail becomes an SMS (N3). Empty conditions match everything."""

    name: str
    by: str = "sms"
    notify_to: Msisdn | None = None  # default: the subscriber's mobile
    senders: tuple[str, ...] = ()  # address, domain or part of the display name
    urgent_only: bool = False
    keywords: tuple[str, ...] = ()  # in subject or text, any of them
    quiet: str = ""  # "22:00-07:00" in the subscriber's zone
    daily_cap: int = 0  # 0: none


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One entry of a subscriber's address book (A1)."""

    name: str
    mail: tuple[str, ...] = ()
    mobile: Msisdn | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One entry of the system blacklist (V6): an address, a domain (with its subdomains) or a network."""

    value: str
    note: str = ""


class HandsetKind(StrEnum):
    """What a handset profile speaks of, the widest first; the narrower one wins where a name fits several."""

    CLASS = "class"
    VENDOR = "vendor"
    SERIES = "series"
    MODEL = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handset:
    """What a phone can show and take in a multimedia message (H4). None: what its parent says."""

    name: str  # lower case: vendor and model ("nokia 6600"), or a class ("oma image-rich")
    kind: HandsetKind = HandsetKind.MODEL
    parent: str = ""  # the profile it inherits from
    names: tuple[str, ...] = ()  # every way it is written, as ``caiyou.directory.handsets.key`` folds it
    screen: str | None = None  # for pictures: "176x208", width and height in pixels
    max_octets: int | None = None  # of a whole message
    pictures: tuple[str, ...] | None = None  # media types, the best first; () for none
    colours: int | None = None
    animated: bool | None = None
    sounds: tuple[str, ...] | None = None  # media types, the best first; () for none
    charsets: tuple[str, ...] | None = None  # IANA names, the best first
    max_slides: int | None = None
    max_text_octets: int | None = None  # of one text
    mms: bool | None = None  # False: it has no MMS at all (I3)
    sources: tuple[str, ...] = ()  # where the values are from: URLs
    note: str = ""
    loaded: str = ""  # digest of what came with the starting set; differs from what is there once somebody edited it


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """Where mail to an address goes, aliases followed, each final recipient once."""

    address: str
    subscribers: tuple[Subscriber, ...] = ()
    domain: Domain | None = None  # of the address itself, where it is ours
    outside: tuple[str, ...] = ()
    dynamic: bool = False  # a dynamic or huge alias stood in the way: the rest is Postfix's to expand
    loop: bool = False  # the only way led back to itself

    @property
    def known(self) -> bool:
        """Whether mail to it can go anywhere at all."""
        return bool(self.subscribers or self.outside or self.dynamic)
