"""The messages of MM4, each header field once (TS 23.140, 8.4.1-8.4.3). The version belongs to the envelope.

In the reports peers do not agree which of From and To is the phone: the one that is not ours is meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, ClassVar

from mms_builder.mm4.codes import RequestStatus
from mms_builder.mm4.fields import Date, Field, From, Id, Moment, Number, Request, Subject, To, Word, YesNo
from mms_builder.mm7.address import Address
from mms_builder.mm7.codes import MessageClass, MMStatus, Priority, ReadStatus
from mms_builder.multipart import Part

TransactionId = Annotated[str, Id("X-Mms-Transaction-ID", required=True)]
MessageId = Annotated[str, Id("X-Mms-Message-ID", required=True, also=("Message-ID",))]
Ack = Annotated[bool | None, YesNo("X-Mms-Ack-Request")]
System = Annotated[str, Field("X-Mms-Originator-System", also=("Sender",))]
Sent = Annotated[datetime | None, Moment("Date", required=True)]
StatusText = Annotated[str, Field("X-Mms-Status-Text")]
Answer = Annotated[RequestStatus, Request("X-Mms-Request-Status-Code", required=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardReq:
    """A multimedia message on its way. ``originator_system`` is where the RES goes, where one is asked for."""

    NAME: ClassVar[str] = "MM4_forward.REQ"
    transaction_id: TransactionId = ""
    message_id: MessageId = ""
    sender: Annotated[Address | None, From("From", required=True)] = None
    to: Annotated[tuple[Address, ...], To("To", required=True)] = ()
    cc: Annotated[tuple[Address, ...], To("Cc")] = ()
    subject: Annotated[str, Subject("Subject")] = ""
    date: Sent = None
    message_class: Annotated[MessageClass | None, Word("X-Mms-Message-Class", kind=MessageClass)] = None
    expiry: Annotated[datetime | timedelta | None, Date("X-Mms-Expiry")] = None
    delivery_report: Annotated[bool | None, YesNo("X-Mms-Delivery-Report")] = None
    originator_delivery_report: Annotated[bool | None, YesNo("X-Mms-Originator-R/S-Delivery-Report")] = None
    priority: Annotated[Priority | None, Word("X-Mms-Priority", kind=Priority)] = None
    sender_visibility: Annotated[str, Field("X-Mms-Sender-Visibility")] = ""  # Show or Hide
    read_reply: Annotated[bool | None, YesNo("X-Mms-Read-Reply", also=("X-Mms-Read-Report",))] = None
    ack_request: Ack = None
    forward_counter: Annotated[int | None, Number("X-Mms-Forward-Counter")] = None
    originator_system: System = ""
    content: Part | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardRes:
    NAME: ClassVar[str] = "MM4_forward.RES"
    transaction_id: TransactionId = ""
    message_id: MessageId = ""
    date: Sent = None
    status: Answer = RequestStatus.UNSPECIFIED
    status_text: StatusText = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReportReq:
    NAME: ClassVar[str] = "MM4_delivery_report.REQ"
    transaction_id: TransactionId = ""
    message_id: MessageId = ""
    sender: Annotated[Address | None, From("From", required=True)] = None
    to: Annotated[tuple[Address, ...], To("To", required=True)] = ()
    date: Sent = None
    ack_request: Ack = None
    status: Annotated[
        MMStatus | None, Word("X-Mms-MM-Status-Code", required=True, also=("X-Mms-Status",), kind=MMStatus)
    ] = None
    status_text: StatusText = ""
    originator_system: System = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReportRes:
    NAME: ClassVar[str] = "MM4_delivery_report.RES"
    transaction_id: TransactionId = ""
    message_id: MessageId = ""
    date: Sent = None
    status: Answer = RequestStatus.UNSPECIFIED
    status_text: StatusText = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReplyReq:
    NAME: ClassVar[str] = "MM4_read_reply_report.REQ"
    transaction_id: TransactionId = ""
    message_id: MessageId = ""
    sender: Annotated[Address | None, From("From", required=True)] = None
    to: Annotated[tuple[Address, ...], To("To", required=True)] = ()
    date: Sent = None
    ack_request: Ack = None
    status: Annotated[ReadStatus | None, Word("X-Mms-Read-Status", required=True, kind=ReadStatus)] = None
    status_text: StatusText = ""
    originator_system: System = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReplyRes:
    NAME: ClassVar[str] = "MM4_read_reply_report.RES"
    transaction_id: TransactionId = ""
    message_id: MessageId = ""
    date: Sent = None
    status: Answer = RequestStatus.UNSPECIFIED
    status_text: StatusText = ""


Req = ForwardReq | DeliveryReportReq | ReadReplyReq
Res = ForwardRes | DeliveryReportRes | ReadReplyRes
Message = Req | Res
_ANSWERS: dict[type[Req], type[Res]] = {
    ForwardReq: ForwardRes,
    DeliveryReportReq: DeliveryReportRes,
    ReadReplyReq: ReadReplyRes,
}


def plain_name(name: str) -> str:
    """A message type without regard to case and marks: some peers write MM4_FORWARD_REQ."""
    return "".join(character for character in name.lower() if character.isalnum())


BY_NAME: dict[str, type[Message]] = {plain_name(cls.NAME): cls for cls in (*_ANSWERS, *_ANSWERS.values())}


def answer_to(request: Req, at: datetime, status: RequestStatus = RequestStatus.OK, text: str = "") -> Res:
    """The RES that belongs to a REQ, written ``at`` a time."""
    return _ANSWERS[type(request)](
        transaction_id=request.transaction_id,
        message_id=request.message_id,
        date=at,
        status=status,
        status_text=text,
    )
