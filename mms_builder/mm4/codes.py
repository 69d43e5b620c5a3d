"""X-Mms-Request-Status-Code and what it means (TS 23.140, 8.4; the words are those of OMA-MMS-ENC)."""

from __future__ import annotations

from enum import StrEnum

from mms_builder.mm7.codes import Meaning, Reading


class RequestStatus(StrEnum):
    """The answer to a REQ."""

    OK = "Ok"
    UNSPECIFIED = "Error-unspecified"
    SERVICE_DENIED = "Error-service-denied"
    FORMAT_CORRUPT = "Error-message-format-corrupt"
    ADDRESS_UNRESOLVED = "Error-sending-address-unresolved"
    MESSAGE_NOT_FOUND = "Error-message-not-found"
    NETWORK_PROBLEM = "Error-network-problem"
    CONTENT_NOT_ACCEPTED = "Error-content-not-accepted"
    UNSUPPORTED_MESSAGE = "Error-unsupported-message"
    TRANSIENT_FAILURE = "Error-transient-failure"


_READINGS = {
    RequestStatus.OK: Reading(Meaning.DONE),
    RequestStatus.UNSPECIFIED: Reading(Meaning.TEMPORARY),
    RequestStatus.SERVICE_DENIED: Reading(Meaning.PERMANENT, alarm=True),
    RequestStatus.ADDRESS_UNRESOLVED: Reading(Meaning.PERMANENT, fallback=True),
    RequestStatus.NETWORK_PROBLEM: Reading(Meaning.TEMPORARY),
    RequestStatus.TRANSIENT_FAILURE: Reading(Meaning.TEMPORARY),
}


def reading_of(status: RequestStatus) -> Reading:
    """What to do about a message that was answered so."""
    return _READINGS.get(status, Reading(Meaning.PERMANENT))


def status_of(text: str) -> RequestStatus | None:
    """A status as peers write it: any case, with blanks, or the MMS PDU's number; None for an unknown word."""
    plain = "".join(text.lower().split())
    for one in RequestStatus:
        if plain == one.value.lower():
            return one
    if plain.startswith("error-transient-"):
        return RequestStatus.TRANSIENT_FAILURE
    if plain.startswith("error-permanent-"):
        return status_of("Error-" + plain.removeprefix("error-permanent-")) or RequestStatus.UNSUPPORTED_MESSAGE
    if plain.isascii() and plain.isdigit() and len(plain) == 3:
        number = int(plain)
        if 128 <= number <= 136:
            return list(RequestStatus)[number - 128]
        if 192 <= number < 224:
            return RequestStatus.TRANSIENT_FAILURE
    return None
