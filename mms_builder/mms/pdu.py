"""The PDUs of MM1 (OMA-MMS-ENC 1.2, 6), fields in the order in which they are written.

A field without a default is mandatory. "" and None are not written. Times are aware; ``sender`` is the field From, and
INSERT_ADDRESS where the MMSC is to fill it in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, ClassVar

from mms_builder.mms import headers as h
from mms_builder.mms.codes import INSERT_ADDRESS, MIXED, MessageClass, MessageType, Version
from mms_builder.mms.content_type import ContentType
from mms_builder.mms.headers import Assumed
from mms_builder.mms.multipart import Part

_FIRST = Assumed(Version.V10)  # of phones that do not say
_EMPTY = ContentType(MIXED)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReq:
    """A phone sends a message."""

    TYPE: ClassVar = MessageType.SEND_REQ
    transaction_id: Annotated[h.TransactionId, Assumed("")]
    mms_version: Annotated[h.MmsVersion, _FIRST] = Version.V12
    date: h.Date | None = None
    sender: Annotated[h.From, Assumed(INSERT_ADDRESS)] = INSERT_ADDRESS
    to: h.To = ()
    cc: h.Cc = ()
    bcc: h.Bcc = ()
    subject: h.Subject = ""
    message_class: h.Class | None = None
    expiry: h.Expiry | None = None
    delivery_time: h.DeliveryTime | None = None
    priority: h.PriorityCode | None = None
    sender_visible: h.SenderVisible | None = None
    delivery_report: h.DeliveryReport | None = None
    read_report: h.ReadReport | None = None
    content_type: ContentType = _EMPTY
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SendConf:
    """What became of a SendReq."""

    TYPE: ClassVar = MessageType.SEND_CONF
    transaction_id: Annotated[h.TransactionId, Assumed("")]
    mms_version: Annotated[h.MmsVersion, _FIRST] = Version.V12
    response_status: h.ResponseStatusCode
    response_text: h.ResponseText = ""
    message_id: h.MessageId = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationInd:
    """Tells a phone that a message waits at ``content_location``."""

    TYPE: ClassVar = MessageType.NOTIFICATION_IND
    transaction_id: Annotated[h.TransactionId, Assumed("")]
    mms_version: Annotated[h.MmsVersion, _FIRST] = Version.V12
    sender: h.From | None = None
    subject: h.Subject = ""
    delivery_report: h.DeliveryReport | None = None
    priority: h.PriorityCode | None = None  # since 1.3
    message_class: Annotated[h.Class, Assumed(MessageClass.PERSONAL)] = MessageClass.PERSONAL
    message_size: Annotated[h.MessageSize, Assumed(0)]  # octets
    expiry: Annotated[h.Expiry, Assumed(timedelta(days=3))]
    content_location: h.ContentLocation


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyRespInd:
    """The phone's answer to a notification: retrieved, rejected or deferred."""

    TYPE: ClassVar = MessageType.NOTIFYRESP_IND
    transaction_id: h.TransactionId
    mms_version: Annotated[h.MmsVersion, _FIRST] = Version.V12
    status: h.StatusCode
    report_allowed: h.ReportAllowed | None = None  # None: yes


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrieveConf:
    """The message, fetched by the phone; with a ``transaction_id`` it asks for an AcknowledgeInd."""

    TYPE: ClassVar = MessageType.RETRIEVE_CONF
    transaction_id: h.TransactionId = ""
    mms_version: Annotated[h.MmsVersion, _FIRST] = Version.V12
    message_id: h.MessageId = ""
    date: h.Date | None
    sender: h.From | None = None
    to: h.To = ()
    cc: h.Cc = ()
    subject: h.Subject = ""
    message_class: h.Class | None = None
    priority: h.PriorityCode | None = None
    delivery_report: h.DeliveryReport | None = None
    read_report: h.ReadReport | None = None
    retrieve_status: h.RetrieveStatusCode | None = None
    retrieve_text: h.RetrieveText = ""
    content_type: ContentType = _EMPTY
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeInd:
    """The phone has the message."""

    TYPE: ClassVar = MessageType.ACKNOWLEDGE_IND
    transaction_id: h.TransactionId
    mms_version: Annotated[h.MmsVersion, _FIRST] = Version.V12
    report_allowed: h.ReportAllowed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryInd:
    """Delivery report to the sender's phone: what became of his message at one recipient."""

    TYPE: ClassVar = MessageType.DELIVERY_IND
    mms_version: Annotated[h.MmsVersion, _FIRST] = Version.V12
    message_id: h.MessageId
    to: h.To
    date: h.Date | None
    status: h.StatusCode


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRecInd:
    """Read report from the recipient's phone."""

    TYPE: ClassVar = MessageType.READ_REC_IND
    mms_version: Annotated[h.MmsVersion, _FIRST] = Version.V12
    message_id: h.MessageId
    to: h.To
    sender: Annotated[h.From, Assumed(INSERT_ADDRESS)] = INSERT_ADDRESS
    date: h.Date | None = None
    read_status: h.ReadStatusCode


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOrigInd:
    """Read report to the sender's phone."""

    TYPE: ClassVar = MessageType.READ_ORIG_IND
    mms_version: Annotated[h.MmsVersion, _FIRST] = Version.V12
    message_id: h.MessageId
    to: h.To
    sender: h.From
    date: h.Date | None
    read_status: h.ReadStatusCode


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardReq:
    """A phone passes a message on that it has not fetched."""

    TYPE: ClassVar = MessageType.FORWARD_REQ
    transaction_id: Annotated[h.TransactionId, Assumed("")]
    mms_version: Annotated[h.MmsVersion, _FIRST] = Version.V12
    date: h.Date | None = None
    sender: Annotated[h.From, Assumed(INSERT_ADDRESS)] = INSERT_ADDRESS
    to: h.To = ()
    cc: h.Cc = ()
    bcc: h.Bcc = ()
    expiry: h.Expiry | None = None
    delivery_time: h.DeliveryTime | None = None
    report_allowed: h.ReportAllowed | None = None
    delivery_report: h.DeliveryReport | None = None
    read_report: h.ReadReport | None = None
    content_location: h.ContentLocation


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardConf:
    """What became of a ForwardReq."""

    TYPE: ClassVar = MessageType.FORWARD_CONF
    transaction_id: Annotated[h.TransactionId, Assumed("")]
    mms_version: Annotated[h.MmsVersion, _FIRST] = Version.V12
    response_status: h.ResponseStatusCode
    response_text: h.ResponseText = ""
    message_id: h.MessageId = ""


Pdu = (
    SendReq
    | SendConf
    | NotificationInd
    | NotifyRespInd
    | RetrieveConf
    | AcknowledgeInd
    | DeliveryInd
    | ReadRecInd
    | ReadOrigInd
    | ForwardReq
    | ForwardConf
)
