"""Numbers and words of MM7 with a name, and what each means for the message and for the operator.

Sources: TS 23.140 8.7.8.4 (status codes) and its schema REL-6-MM7-1-4; the constants of China Mobile's API V1.5.3; the
status tables that Sinch and Skycore publish. Peers send others: decoded codes are plain integers.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import NamedTuple


class StatusCode(IntEnum):
    """StatusCode of every response."""

    SUCCESS = 1000
    PARTIAL = 1001  # China Mobile's constants; some recipients did not get it
    PARTIAL_SUCCESS = 1100  # the same in TS 23.140
    CLIENT_ERROR = 2000
    OPERATION_RESTRICTED = 2001  # we may not do this
    ADDRESS_ERROR = 2002  # the address is malformed or none of the network's
    ADDRESS_NOT_FOUND = 2003  # nobody has it, or not for MMS
    CONTENT_REFUSED = 2004  # unreadable, too large, or of a type that is not taken
    MESSAGE_ID_NOT_FOUND = 2005
    LINKED_ID_NOT_FOUND = 2006
    FORMAT_CORRUPT = 2007
    SERVER_ERROR = 3000
    NOT_POSSIBLE = 3001  # to cancel what is delivered already
    MESSAGE_REJECTED = 3002
    MULTIPLE_ADDRESSES = 3003  # not supported: one by one
    SERVICE_ERROR_GENERAL = 4000
    IMPROPER_IDENTIFICATION = 4001  # VASPID or VASID
    UNSUPPORTED_VERSION = 4002
    UNSUPPORTED_OPERATION = 4003
    VALIDATION_ERROR = 4004  # the XML, a field that is missing; Mbuni: the content part is missing
    SERVICE_ERROR = 4005  # to be sent never again
    SERVICE_UNAVAILABLE = 4006
    SERVICE_DENIED = 4007


class Meaning(StrEnum):
    """What to do about a message."""

    DONE = "done"
    PARTIAL = "partial"  # for some recipients; the reports tell for whom
    SPLIT = "split"  # send it again, one recipient at a time
    TEMPORARY = "temporary"  # send it again later
    UNSURE = "unsure"  # nobody knows whether it was taken: not again without a look
    PERMANENT = "permanent"  # never


class Reading(NamedTuple):
    """What a status code means. ``alarm``: a person must look, since the next message fares no better.

    ``fallback``: the handset or its subscription has no MMS, or not for this: mailbox and SMS instead.
    """

    meaning: Meaning
    alarm: bool = False
    fallback: bool = False


_PERMANENT = Reading(Meaning.PERMANENT)
_TEMPORARY = Reading(Meaning.TEMPORARY)
_ALARM = Reading(Meaning.PERMANENT, alarm=True)

READINGS: dict[int, Reading] = {
    StatusCode.SUCCESS: Reading(Meaning.DONE),
    StatusCode.PARTIAL: Reading(Meaning.PARTIAL),
    StatusCode.PARTIAL_SUCCESS: Reading(Meaning.PARTIAL),
    StatusCode.CLIENT_ERROR: _PERMANENT,
    StatusCode.OPERATION_RESTRICTED: _ALARM,
    StatusCode.ADDRESS_ERROR: _PERMANENT,
    StatusCode.ADDRESS_NOT_FOUND: Reading(Meaning.PERMANENT, fallback=True),
    StatusCode.CONTENT_REFUSED: _PERMANENT,
    StatusCode.MESSAGE_ID_NOT_FOUND: _PERMANENT,
    StatusCode.LINKED_ID_NOT_FOUND: _PERMANENT,
    StatusCode.FORMAT_CORRUPT: _PERMANENT,
    StatusCode.SERVER_ERROR: _TEMPORARY,
    StatusCode.NOT_POSSIBLE: _PERMANENT,
    StatusCode.MESSAGE_REJECTED: _PERMANENT,
    StatusCode.MULTIPLE_ADDRESSES: Reading(Meaning.SPLIT),
    StatusCode.SERVICE_ERROR_GENERAL: _TEMPORARY,
    StatusCode.IMPROPER_IDENTIFICATION: _ALARM,
    StatusCode.UNSUPPORTED_VERSION: _ALARM,
    StatusCode.UNSUPPORTED_OPERATION: _PERMANENT,
    StatusCode.VALIDATION_ERROR: _PERMANENT,
    StatusCode.SERVICE_ERROR: _PERMANENT,
    StatusCode.SERVICE_UNAVAILABLE: _TEMPORARY,
    StatusCode.SERVICE_DENIED: _ALARM,
    # What China Mobile's own API reports about itself, and platforms hand on as a status.
    -101: _TEMPORARY,  # timeout
    -104: _TEMPORARY,  # socket
    -113: _PERMANENT,  # too large
}
_CLASSES = {1: Reading(Meaning.DONE), 2: _PERMANENT, 3: _TEMPORARY, 4: _PERMANENT}


def reading_of(code: int) -> Reading:
    """What a status code means; one that is not in the table by its class, as TS 23.140 asks; the rest is temporary.

    11xx is partial as a whole: its lower digits are the operator's.
    """
    if code in READINGS:
        return READINGS[code]
    if 1100 <= code < 1200:
        return READINGS[StatusCode.PARTIAL_SUCCESS]
    return _CLASSES.get(code // 1000, _TEMPORARY)


class MMStatus(StrEnum):
    """MMStatus of a delivery report: REL-5's words, then those that later releases and aggregators add."""

    EXPIRED = "Expired"
    RETRIEVED = "Retrieved"
    REJECTED = "Rejected"
    INDETERMINATE = "Indeterminate"
    FORWARDED = "Forwarded"
    DEFERRED = "Deferred"
    UNRECOGNISED = "Unrecognised"  # by the handset
    UNREACHABLE = "Unreachable"
    NOT_SUPPORTED = "NotSupported"

    @property
    def final(self) -> bool:
        """No other report follows it. A report that only says "not known" may be followed by one that knows."""
        return self not in (MMStatus.INDETERMINATE, MMStatus.DEFERRED, MMStatus.FORWARDED)

    @property
    def fallback(self) -> bool:
        """The message never came to be seen on that handset: mailbox and SMS instead (I3). A refusal is a will."""
        return self in (MMStatus.EXPIRED, MMStatus.UNRECOGNISED, MMStatus.NOT_SUPPORTED, MMStatus.UNREACHABLE)


class ReadStatus(StrEnum):
    """MMStatus of a read reply."""

    READ = "Read"
    DELETED = "Deleted"  # without having been read
    INDETERMINATE = "Indeterminate"


class Priority(StrEnum):
    LOW = "Low"
    NORMAL = "Normal"
    HIGH = "High"


class MessageClass(StrEnum):
    PERSONAL = "Personal"
    INFORMATIONAL = "Informational"
    ADVERTISEMENT = "Advertisement"
    AUTO = "Auto"


class ChargedParty(StrEnum):
    SENDER = "Sender"
    RECIPIENT = "Recipient"
    BOTH = "Both"
    NEITHER = "Neither"
    THIRD_PARTY = "ThirdParty"


# China Mobile's numbers, the position is the number; 2 is the system's refusal and 3 the user's.
NUMBERS: dict[type[StrEnum], tuple[StrEnum, ...]] = {
    MMStatus: (
        MMStatus.EXPIRED,
        MMStatus.RETRIEVED,
        MMStatus.REJECTED,
        MMStatus.REJECTED,
        MMStatus.INDETERMINATE,
        MMStatus.FORWARDED,
    ),
    ReadStatus: (ReadStatus.READ, ReadStatus.DELETED, ReadStatus.INDETERMINATE),
    Priority: (Priority.LOW, Priority.NORMAL, Priority.HIGH),
    ChargedParty: (
        ChargedParty.SENDER,
        ChargedParty.RECIPIENT,
        ChargedParty.BOTH,
        ChargedParty.NEITHER,
        ChargedParty.THIRD_PARTY,
    ),
}
# X-Mms-Status as the MMS PDU counts it (OMA-MMS-ENC 7.3.47), which third parties send as MMSStatusErrorCode too.
PDU_STATUS = (
    MMStatus.EXPIRED,
    MMStatus.RETRIEVED,
    MMStatus.REJECTED,
    MMStatus.DEFERRED,
    MMStatus.UNRECOGNISED,
    MMStatus.INDETERMINATE,
    MMStatus.FORWARDED,
    MMStatus.UNREACHABLE,
)
_WORDS: dict[type[StrEnum], dict[str, StrEnum]] = {
    MMStatus: {
        "1000": MMStatus.RETRIEVED,  # third-party code puts the request's status here
        "success": MMStatus.RETRIEVED,
        "delivered": MMStatus.RETRIEVED,
        "unrecognized": MMStatus.UNRECOGNISED,
        "接收": MMStatus.RETRIEVED,  # the texts of China Mobile's constants
        "过期": MMStatus.EXPIRED,
        "系统拒绝": MMStatus.REJECTED,
        "用户拒绝": MMStatus.REJECTED,
        "转发": MMStatus.FORWARDED,
    },
    ReadStatus: {"已读取": ReadStatus.READ, "未读被删": ReadStatus.DELETED},
}


def word_of(kind: type[StrEnum], text: str) -> StrEnum | None:
    """A word of ``kind`` as peers write it: any case, China Mobile's number, the MMS PDU's; None for an unknown one."""
    plain = text.strip().lower()
    for one in kind:
        if plain == one.value.lower():
            return one
    if plain in (others := _WORDS.get(kind, {})):
        return others[plain]
    if plain.isascii() and plain.isdigit() and len(plain) < 4:
        number, numbers = int(plain), NUMBERS.get(kind, ())
        if number < len(numbers):
            return numbers[number]
        if kind is MMStatus and 0 <= number - 128 < len(PDU_STATUS):
            return PDU_STATUS[number - 128]
    return None
