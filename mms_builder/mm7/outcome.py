"""What an HTTP answer to a request of ours means: what to do with the message, and whom to tell."""

from __future__ import annotations

from dataclasses import dataclass

from caiyou.errors import ProtocolError
from mms_builder.mm7.codec import Received, decode
from mms_builder.mm7.codes import Meaning, Reading, reading_of
from mms_builder.mm7.dialect import Dialect
from mms_builder.mm7.messages import Fault, Response, Status

_TEMPORARY = Reading(Meaning.TEMPORARY)
_ALARM = Reading(Meaning.PERMANENT, alarm=True)
_WAIT_ALARM = Reading(Meaning.TEMPORARY, alarm=True)

# HTTP statuses whose body, if any, says nothing of MM7. 401, 403, 404: what must be put right here is ours, and the
# message can wait for it.
HTTP: dict[int, Reading] = {
    401: _WAIT_ALARM,
    403: _WAIT_ALARM,
    404: _WAIT_ALARM,
    405: _WAIT_ALARM,
    407: _WAIT_ALARM,
    408: _TEMPORARY,
    411: _ALARM,
    413: Reading(Meaning.PERMANENT),
    415: _ALARM,
    421: _TEMPORARY,
    425: _TEMPORARY,
    429: _TEMPORARY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """``code`` is MM7's, 0 where the answer has none; ``text`` is the peer's, for people."""

    reading: Reading
    http_status: int
    code: int = 0
    text: str = ""
    message_id: str = ""
    received: Received | None = None

    @property
    def meaning(self) -> Meaning:
        return self.reading.meaning


def read(http_status: int, content_type: str, body: bytes, dialect: Dialect) -> Outcome:
    """Read an answer; never raises. An HTTP 200 with a fault is a failure; an unreadable one leaves us unsure."""
    try:
        received = decode(body, content_type or "text/xml", dialect) if body.strip() else None
        why = "" if received else "an empty answer"
    except ProtocolError as error:
        received, why = None, str(error)
    message = received.message if received else None
    if message is None or not isinstance(message, Fault | Response):
        reading = HTTP.get(http_status) or _by_class(http_status)
        return Outcome(reading=reading, http_status=http_status, text=why or "no response of MM7")
    status: Status = message.status
    reading = HTTP.get(http_status) or reading_of(status.code)
    if not status.code:
        reading = HTTP.get(http_status) or _by_class(http_status)
    elif reading.meaning in (Meaning.DONE, Meaning.PARTIAL) and (
        isinstance(message, Fault) or message.NAME.endswith("ErrorRsp") or not 200 <= http_status < 300
    ):
        reading = _TEMPORARY  # an error that calls itself a success
    return Outcome(
        reading=reading,
        http_status=http_status,
        code=status.code,
        text=(f"{status.text} {status.details}").strip()[:200],
        message_id=getattr(message, "message_id", ""),
        received=received,
    )


def _by_class(http_status: int) -> Reading:
    """An answer that says nothing of MM7: 2xx may have been taken, 3xx leads elsewhere, 4xx is ours, 5xx is theirs."""
    if 200 <= http_status < 300:
        return Reading(Meaning.UNSURE)
    if 300 <= http_status < 400:
        return _WAIT_ALARM
    return Reading(Meaning.PERMANENT) if 400 <= http_status < 500 else _TEMPORARY
