"""The messages of MM7, each field once, in the order of the schema REL-6-MM7-1-4 (REL-5's is a part of it).

China Mobile's order of SubmitReq is the same: VASPID VASID SenderAddress, Recipients, ServiceCode, LinkedID,
MessageClass, DeliveryReport, ReadReply, Priority, Subject, ChargedParty, ChargedPartyID. TransactionID, MM7Version
and namespace belong to the envelope, see ``codec``.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, ClassVar

from mms_builder.mm7.address import Address, Kind
from mms_builder.mm7.codes import ChargedParty, MessageClass, MMStatus, Priority, ReadStatus, StatusCode
from mms_builder.mm7.fields import Flag, Group, Place, Places, Text, Time, When, Whole, Word
from mms_builder.multipart import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """SenderIdentification: who we are to the MMSC."""

    vaspid: Annotated[str, Text("VASPID")] = ""
    vasid: Annotated[str, Text("VASID")] = ""
    address: Annotated[Address | None, Place("SenderAddress")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipients:
    to: Annotated[tuple[Address, ...], Places("To")] = ()
    cc: Annotated[tuple[Address, ...], Places("Cc")] = ()
    bcc: Annotated[tuple[Address, ...], Places("Bcc")] = ()

    @property
    def all(self) -> tuple[Address, ...]:
        """Those it goes to."""
        return tuple(address for address in self.to + self.cc + self.bcc if not address.display_only)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """``code`` 0: there was none."""

    code: Annotated[int, Whole("StatusCode", required=True)] = 0
    text: Annotated[str, Text("StatusText")] = ""
    details: Annotated[str, Text("Details", also=("Detail", "StatusDetail"))] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitReq:
    """A multimedia message from us. ``linked_id`` of an answer on demand is that of the DeliverReq it answers."""

    NAME: ClassVar[str] = "SubmitReq"
    sender: Annotated[Sender, Group("SenderIdentification", holds=Sender)] = Sender()
    recipients: Annotated[Recipients, Group("Recipients", required=True, holds=Recipients)] = Recipients()
    service_code: Annotated[str, Text("ServiceCode")] = ""
    linked_id: Annotated[str, Text("LinkedID")] = ""
    message_class: Annotated[MessageClass | None, Word("MessageClass", kind=MessageClass)] = None
    time_stamp: Annotated[datetime | None, Time("TimeStamp")] = None
    earliest_delivery_time: Annotated[datetime | timedelta | None, When("EarliestDeliveryTime")] = None
    expiry_date: Annotated[datetime | timedelta | None, When("ExpiryDate")] = None
    delivery_report: Annotated[bool | None, Flag("DeliveryReport")] = None
    read_reply: Annotated[bool | None, Flag("ReadReply")] = None
    priority: Annotated[Priority | None, Word("Priority", kind=Priority)] = None
    subject: Annotated[str, Text("Subject")] = ""
    charged_party: Annotated[ChargedParty | None, Word("ChargedParty", kind=ChargedParty)] = None
    charged_party_id: Annotated[str, Text("ChargedPartyID")] = ""
    distribution_indicator: Annotated[bool | None, Flag("DistributionIndicator")] = None
    content: Part | None = None
    allow_adaptations: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverReq:
    """A multimedia message from a handset."""

    NAME: ClassVar[str] = "DeliverReq"
    relay_server_id: Annotated[str, Text("MMSRelayServerID")] = ""
    vaspid: Annotated[str, Text("VASPID", only="vas_in_deliver")] = ""
    vasid: Annotated[str, Text("VASID", only="vas_in_deliver")] = ""
    linked_id: Annotated[str, Text("LinkedID")] = ""
    sender: Annotated[Address | None, Place("Sender", required=True)] = None
    recipients: Annotated[Recipients, Group("Recipients", holds=Recipients)] = Recipients()
    time_stamp: Annotated[datetime | None, Time("TimeStamp")] = None
    priority: Annotated[Priority | None, Word("Priority", kind=Priority)] = None
    subject: Annotated[str, Text("Subject")] = ""
    content: Part | None = None
    allow_adaptations: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReportReq:
    """What became of a message at one phone. ``status`` None: the report does not say."""

    NAME: ClassVar[str] = "DeliveryReportReq"
    relay_server_id: Annotated[str, Text("MMSRelayServerID")] = ""
    message_id: Annotated[str, Text("MessageID", required=True)] = ""
    recipient: Annotated[Address | None, Place("Recipient", required=True)] = None
    sender: Annotated[Address | None, Place("Sender", required=True)] = None
    date: Annotated[datetime | None, Time("Date", required=True, also=("TimeStamp",))] = None
    status: Annotated[MMStatus | None, Word("MMStatus", required=True, kind=MMStatus, backup="MMSStatusErrorCode")] = (
        None
    )
    status_extension: Annotated[str, Text("MMStatusExtension")] = ""
    status_text: Annotated[str, Text("StatusText")] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReplyReq:
    """Whether a message was read at one phone."""

    NAME: ClassVar[str] = "ReadReplyReq"
    relay_server_id: Annotated[str, Text("MMSRelayServerID")] = ""
    message_id: Annotated[str, Text("MessageID", required=True)] = ""
    recipient: Annotated[Address | None, Place("Recipient", required=True)] = None
    sender: Annotated[Address | None, Place("Sender", required=True)] = None
    time_stamp: Annotated[datetime | None, Time("TimeStamp", required=True, also=("Date",))] = None
    status: Annotated[ReadStatus | None, Word("MMStatus", required=True, kind=ReadStatus)] = None
    status_text: Annotated[str, Text("StatusText")] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelReq:
    NAME: ClassVar[str] = "CancelReq"
    sender: Annotated[Sender, Group("SenderIdentification", holds=Sender)] = Sender()
    message_id: Annotated[str, Text("MessageID", required=True)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceReq:
    NAME: ClassVar[str] = "ReplaceReq"
    sender: Annotated[Sender, Group("SenderIdentification", holds=Sender)] = Sender()
    message_id: Annotated[str, Text("MessageID", required=True)] = ""
    service_code: Annotated[str, Text("ServiceCode")] = ""
    time_stamp: Annotated[datetime | None, Time("TimeStamp")] = None
    read_reply: Annotated[bool | None, Flag("ReadReply")] = None
    earliest_delivery_time: Annotated[datetime | timedelta | None, When("EarliestDeliveryTime")] = None
    distribution_indicator: Annotated[bool | None, Flag("DistributionIndicator")] = None
    content: Part | None = None
    allow_adaptations: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitRsp:
    NAME: ClassVar[str] = "SubmitRsp"
    status: Annotated[Status, Group("Status", required=True, holds=Status)] = Status()
    message_id: Annotated[str, Text("MessageID")] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverRsp:
    NAME: ClassVar[str] = "DeliverRsp"
    status: Annotated[Status, Group("Status", required=True, holds=Status)] = Status()
    service_code: Annotated[str, Text("ServiceCode")] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReportRsp:
    NAME: ClassVar[str] = "DeliveryReportRsp"
    status: Annotated[Status, Group("Status", required=True, holds=Status)] = Status()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReplyRsp:
    NAME: ClassVar[str] = "ReadReplyRsp"
    status: Annotated[Status, Group("Status", required=True, holds=Status)] = Status()


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRsp:
    NAME: ClassVar[str] = "CancelRsp"
    status: Annotated[Status, Group("Status", required=True, holds=Status)] = Status()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceRsp:
    NAME: ClassVar[str] = "ReplaceRsp"
    status: Annotated[Status, Group("Status", required=True, holds=Status)] = Status()


@dataclass(frozen=True, slots=True, kw_only=True)
class RSErrorRsp:
    """The MMSC could make nothing of our request."""

    NAME: ClassVar[str] = "RSErrorRsp"
    status: Annotated[Status, Group("Status", required=True, holds=Status)] = Status()


@dataclass(frozen=True, slots=True, kw_only=True)
class VASPErrorRsp:
    """We could make nothing of the MMSC's request."""

    NAME: ClassVar[str] = "VASPErrorRsp"
    status: Annotated[Status, Group("Status", required=True, holds=Status)] = Status()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A SOAP fault. ``code`` is Client or Server, with what a peer adds to it."""

    code: str = "Client"
    text: str = ""
    detail: RSErrorRsp | VASPErrorRsp | None = None

    @property
    def status(self) -> Status:
        """What the detail says; without one 2000 for the sender's fault and 3000 for the receiver's (SOAP 4.4.1)."""
        if self.detail is not None and self.detail.status.code:
            return self.detail.status
        client = self.code.rpartition(":")[2].split(".")[0].lower() in ("client", "sender", "versionmismatch")
        return Status(code=StatusCode.CLIENT_ERROR if client else StatusCode.SERVER_ERROR, text=self.text)


Request = SubmitReq | DeliverReq | DeliveryReportReq | ReadReplyReq | CancelReq | ReplaceReq
Response = (
    SubmitRsp | DeliverRsp | DeliveryReportRsp | ReadReplyRsp | CancelRsp | ReplaceRsp | RSErrorRsp | VASPErrorRsp
)
Message = Request | Response | Fault
_RESPONSES: dict[type[Request], type[Response]] = {
    SubmitReq: SubmitRsp,
    DeliverReq: DeliverRsp,
    DeliveryReportReq: DeliveryReportRsp,
    ReadReplyReq: ReadReplyRsp,
    CancelReq: CancelRsp,
    ReplaceReq: ReplaceRsp,
}
BY_NAME: dict[str, type[Request] | type[Response]] = {
    cls.NAME.lower(): cls for cls in (*_RESPONSES, *_RESPONSES.values(), RSErrorRsp, VASPErrorRsp)
}


def response_to(request: Request, code: int = StatusCode.SUCCESS, text: str = "") -> Response:
    """The response that belongs to a request."""
    return _RESPONSES[type(request)](status=Status(code=code, text=text or ("Success" if code == 1000 else "")))


def handset_of(report: DeliveryReportReq | ReadReplyReq, own: Container[str]) -> Address | None:
    """The phone that a report is about; ``own`` are our codes. Mbuni has Recipient and Sender the other way round."""
    recipient, sender = report.recipient, report.sender
    if recipient is None or sender is None:
        return recipient or sender
    ours = recipient.value in own or (
        sender.value not in own and recipient.kind is Kind.SHORT_CODE and sender.kind is Kind.NUMBER
    )
    return sender if ours else recipient
