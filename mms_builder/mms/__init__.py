"""MMS PDUs as phones speak them (MM1): OMA-MMS-ENC 1.2 and 1.3 over WSP encodings (WAP-230). No I/O."""

from mms_builder.mms.address import Address
from mms_builder.mms.codec import Decoded, decode, encode
from mms_builder.mms.codes import (
    INSERT_ADDRESS,
    MMS_MESSAGE,
    Charset,
    InsertAddress,
    MessageClass,
    MessageType,
    Priority,
    ReadStatus,
    ResponseStatus,
    RetrieveStatus,
    Status,
    Version,
    is_transient,
)
from mms_builder.mms.content_type import ContentType
from mms_builder.mms.multipart import Part
from mms_builder.mms.pdu import (
    AcknowledgeInd,
    DeliveryInd,
    ForwardConf,
    ForwardReq,
    NotificationInd,
    NotifyRespInd,
    Pdu,
    ReadOrigInd,
    ReadRecInd,
    RetrieveConf,
    SendConf,
    SendReq,
)

__all__ = [
    "INSERT_ADDRESS",
    "MMS_MESSAGE",
    "AcknowledgeInd",
    "Address",
    "Charset",
    "ContentType",
    "Decoded",
    "DeliveryInd",
    "ForwardConf",
    "ForwardReq",
    "InsertAddress",
    "MessageClass",
    "MessageType",
    "NotificationInd",
    "NotifyRespInd",
    "Part",
    "Pdu",
    "Priority",
    "ReadOrigInd",
    "ReadRecInd",
    "ReadStatus",
    "ResponseStatus",
    "RetrieveConf",
    "RetrieveStatus",
    "SendConf",
    "SendReq",
    "Status",
    "Version",
    "decode",
    "encode",
    "is_transient",
]
