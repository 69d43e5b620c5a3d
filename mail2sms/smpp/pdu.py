"""The PDUs of SMPP 3.4 between an ESME and an SMSC, each field declared once (SMPP 3.4, 4; tags 5.3.2).

query_sm, replace_sm, cancel_sm and submit_multi are left out: nothing here asks for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from mail2sms.fields import Counted, UInt
from mail2sms.smpp.codes import RESPONSE, UDHI, VERSION, Command
from mail2sms.smpp.fields import CText, Free, Tlv

U8 = Annotated[int, UInt(1)]
SystemId = Annotated[str, CText(16)]
Address = Annotated[str, CText(21)]
LongAddress = Annotated[str, CText(65)]
Time = Annotated[str, CText(17)]
MessageId = Annotated[str, CText(65)]

Sar16 = Annotated[int | None, Tlv(0x020C, UInt(2))]
SarTotal = Annotated[int | None, Tlv(0x020E, UInt(1))]
SarNumber = Annotated[int | None, Tlv(0x020F, UInt(1))]
Payload = Annotated[bytes | None, Tlv(0x0424, Free(0xFFFF))]
ReceiptedId = Annotated[str | None, Tlv(0x001E, CText(65))]
State = Annotated[int | None, Tlv(0x0427, UInt(1))]
NetworkError = Annotated[bytes | None, Tlv(0x0423, Free(3))]
StatusText = Annotated[str | None, Tlv(0x001D, CText(256))]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bind:
    """``password``: 8 octets by the text; accounts with longer ones exist. ``address_range``: what a receiver takes."""

    system_id: SystemId
    password: Annotated[str, CText(65)] = ""
    system_type: Annotated[str, CText(13)] = ""
    interface_version: U8 = VERSION
    addr_ton: U8 = 0
    addr_npi: U8 = 0
    address_range: Annotated[str, CText(41)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BindTransmitter(_Bind):
    """ESME to SMSC: log in to submit (4.1.1)."""

    COMMAND: ClassVar[int] = Command.BIND_TRANSMITTER


@dataclass(frozen=True, slots=True, kw_only=True)
class BindReceiver(_Bind):
    """ESME to SMSC: log in to be delivered to (4.1.3)."""

    COMMAND: ClassVar[int] = Command.BIND_RECEIVER


@dataclass(frozen=True, slots=True, kw_only=True)
class BindTransceiver(_Bind):
    """ESME to SMSC: log in for both (4.1.5)."""

    COMMAND: ClassVar[int] = Command.BIND_TRANSCEIVER


@dataclass(frozen=True, slots=True, kw_only=True)
class _BindResp:
    """The body is missing when the login is refused."""

    system_id: SystemId = ""
    sc_interface_version: Annotated[int | None, Tlv(0x0210, UInt(1))] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BindTransmitterResp(_BindResp):
    """Answer to bind_transmitter (4.1.2)."""

    COMMAND: ClassVar[int] = RESPONSE | Command.BIND_TRANSMITTER


@dataclass(frozen=True, slots=True, kw_only=True)
class BindReceiverResp(_BindResp):
    """Answer to bind_receiver (4.1.4)."""

    COMMAND: ClassVar[int] = RESPONSE | Command.BIND_RECEIVER


@dataclass(frozen=True, slots=True, kw_only=True)
class BindTransceiverResp(_BindResp):
    """Answer to bind_transceiver (4.1.6)."""

    COMMAND: ClassVar[int] = RESPONSE | Command.BIND_TRANSCEIVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbind:
    """SMSC to ESME: please log in (4.1.7); tolerated."""

    COMMAND: ClassVar[int] = Command.OUTBIND
    system_id: SystemId = ""
    password: Annotated[str, CText(9)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbind:
    """Either side: end the login (4.2.1)."""

    COMMAND: ClassVar[int] = Command.UNBIND


@dataclass(frozen=True, slots=True, kw_only=True)
class UnbindResp:
    """Answer to unbind (4.2.2)."""

    COMMAND: ClassVar[int] = RESPONSE | Command.UNBIND


@dataclass(frozen=True, slots=True, kw_only=True)
class GenericNack:
    """Either side: your PDU makes no sense; command_status says why (4.3.1)."""

    COMMAND: ClassVar[int] = Command.GENERIC_NACK


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """What submit_sm and deliver_sm have in common (4.4.1, 4.6.1).

    ``validity_period``: see ``smpp.validity``. ``priority_flag``: 0 none, 1-3. ``registered_delivery``: bits 1-0 01h a
    receipt whatever becomes of it, bit 4 intermediate ones too.
    """

    service_type: Annotated[str, CText(6)] = ""
    source_addr_ton: U8 = 0
    source_addr_npi: U8 = 0
    source_addr: Address = ""
    dest_addr_ton: U8 = 0
    dest_addr_npi: U8 = 0
    destination_addr: Address = ""
    esm_class: U8 = 0
    protocol_id: U8 = 0
    priority_flag: U8 = 0
    schedule_delivery_time: Time = ""
    validity_period: Time = ""
    registered_delivery: U8 = 0
    replace_if_present_flag: U8 = 0
    data_coding: U8 = 0
    sm_default_msg_id: U8 = 0
    short_message: Annotated[bytes, Counted()] = b""
    sar_msg_ref_num: Sar16 = None
    sar_total_segments: SarTotal = None
    sar_segment_seqnum: SarNumber = None
    message_payload: Payload = None
    receipted_message_id: ReceiptedId = None
    message_state: State = None
    network_error_code: NetworkError = None

    @property
    def content(self) -> bytes:
        """The message, wherever it stands."""
        return self.message_payload or self.short_message


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitSm(_Message):
    """ESME to SMSC: one short message, one part of a long one, or a long one whole in ``message_payload``."""

    COMMAND: ClassVar[int] = Command.SUBMIT_SM

    def check(self) -> None:
        """Raise ValueError when it may not be sent."""
        if not self.destination_addr:
            raise ValueError("destination_addr: is missing")
        if self.message_payload is not None and self.short_message:
            raise ValueError("message_payload: and short_message too")
        if self.esm_class & UDHI and self.sar_msg_ref_num is not None:
            raise ValueError("sar_msg_ref_num: and a user data header too")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverSm(_Message):
    """SMSC to ESME: a short message from a handset, or a receipt (``smpp.receipt``)."""

    COMMAND: ClassVar[int] = Command.DELIVER_SM


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitSmResp:
    """Answer to submit_sm (4.4.2); the body is missing when it was refused."""

    COMMAND: ClassVar[int] = RESPONSE | Command.SUBMIT_SM
    message_id: MessageId = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverSmResp:
    """Answer to deliver_sm (4.6.2); message_id is unused and empty."""

    COMMAND: ClassVar[int] = RESPONSE | Command.DELIVER_SM
    message_id: MessageId = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSm:
    """Either side: a message or receipt in TLVs (4.7.1). We take it and do not send it."""

    COMMAND: ClassVar[int] = Command.DATA_SM
    service_type: Annotated[str, CText(6)] = ""
    source_addr_ton: U8 = 0
    source_addr_npi: U8 = 0
    source_addr: LongAddress = ""
    dest_addr_ton: U8 = 0
    dest_addr_npi: U8 = 0
    destination_addr: LongAddress = ""
    esm_class: U8 = 0
    registered_delivery: U8 = 0
    data_coding: U8 = 0
    sar_msg_ref_num: Sar16 = None
    sar_total_segments: SarTotal = None
    sar_segment_seqnum: SarNumber = None
    message_payload: Payload = None
    receipted_message_id: ReceiptedId = None
    message_state: State = None
    network_error_code: NetworkError = None

    @property
    def content(self) -> bytes:
        """The message."""
        return self.message_payload or b""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSmResp:
    """Answer to data_sm (4.7.2)."""

    COMMAND: ClassVar[int] = RESPONSE | Command.DATA_SM
    message_id: MessageId = ""
    additional_status_info_text: StatusText = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnquireLink:
    """Either side: are you there? (4.11.1)"""

    COMMAND: ClassVar[int] = Command.ENQUIRE_LINK


@dataclass(frozen=True, slots=True, kw_only=True)
class EnquireLinkResp:
    """Answer to enquire_link (4.11.2)."""

    COMMAND: ClassVar[int] = RESPONSE | Command.ENQUIRE_LINK


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertNotification:
    """SMSC to ESME: a handset is there again (4.12.1); it has no response."""

    COMMAND: ClassVar[int] = Command.ALERT_NOTIFICATION
    source_addr_ton: U8 = 0
    source_addr_npi: U8 = 0
    source_addr: LongAddress = ""
    esme_addr_ton: U8 = 0
    esme_addr_npi: U8 = 0
    esme_addr: LongAddress = ""
    ms_availability_status: Annotated[int | None, Tlv(0x0422, UInt(1))] = None


Bind = BindTransmitter | BindReceiver | BindTransceiver
BindResp = BindTransmitterResp | BindReceiverResp | BindTransceiverResp
Incoming = DeliverSm | DataSm
Request = Bind | Outbind | Unbind | SubmitSm | DeliverSm | DataSm | EnquireLink | AlertNotification
Response = BindResp | UnbindResp | GenericNack | SubmitSmResp | DeliverSmResp | DataSmResp | EnquireLinkResp
Pdu = Request | Response
