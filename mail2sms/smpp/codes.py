"""Numbers of SMPP with a name (SMPP 3.4, 5.1 and 5.2). Peers may send others: decoded fields are plain integers."""

from __future__ import annotations

from enum import IntEnum

RESPONSE = 0x8000_0000  # a response's command_id is the request's with this bit
VERSION = 0x34  # interface_version
MAX_SEQUENCE = 0x7FFF_FFFF

# esm_class (5.2.12)
UDHI = 0x40  # the message begins with a user data header
REPLY_PATH = 0x80
MESSAGE_TYPE = 0x3C  # mask


class Command(IntEnum):
    """command_id of a request (5.1.2.1)."""

    GENERIC_NACK = 0x8000_0000  # a response that has no request
    BIND_RECEIVER = 0x01
    BIND_TRANSMITTER = 0x02
    QUERY_SM = 0x03
    SUBMIT_SM = 0x04
    DELIVER_SM = 0x05
    UNBIND = 0x06
    REPLACE_SM = 0x07
    CANCEL_SM = 0x08
    BIND_TRANSCEIVER = 0x09
    OUTBIND = 0x0B
    ENQUIRE_LINK = 0x15
    SUBMIT_MULTI = 0x21
    ALERT_NOTIFICATION = 0x102
    DATA_SM = 0x103


class Status(IntEnum):
    """command_status (5.1.3); 400h-4FFh are the vendor's."""

    ROK = 0x00
    RINVMSGLEN = 0x01
    RINVCMDLEN = 0x02
    RINVCMDID = 0x03
    RINVBNDSTS = 0x04  # not in this bind state
    RALYBND = 0x05
    RINVPRTFLG = 0x06
    RINVREGDLVFLG = 0x07
    RSYSERR = 0x08
    RINVSRCADR = 0x0A
    RINVDSTADR = 0x0B
    RINVMSGID = 0x0C
    RBINDFAIL = 0x0D
    RINVPASWD = 0x0E
    RINVSYSID = 0x0F
    RCANCELFAIL = 0x11
    RREPLACEFAIL = 0x13
    RMSGQFUL = 0x14
    RINVSERTYP = 0x15
    RINVNUMDESTS = 0x33
    RINVDLNAME = 0x34
    RINVDESTFLAG = 0x40
    RINVSUBREP = 0x42
    RINVESMCLASS = 0x43
    RCNTSUBDL = 0x44
    RSUBMITFAIL = 0x45
    RINVSRCTON = 0x48
    RINVSRCNPI = 0x49
    RINVDSTTON = 0x50
    RINVDSTNPI = 0x51
    RINVSYSTYP = 0x53
    RINVREPFLAG = 0x54
    RINVNUMMSGS = 0x55
    RTHROTTLED = 0x58
    RINVSCHED = 0x61
    RINVEXPIRY = 0x62
    RINVDFTMSGID = 0x63
    RX_T_APPN = 0x64  # the other side's application, for now
    RX_P_APPN = 0x65  # for good
    RX_R_APPN = 0x66  # refuses
    RQUERYFAIL = 0x67
    RINVOPTPARSTREAM = 0xC0
    ROPTPARNOTALLWD = 0xC1
    RINVPARLEN = 0xC2
    RMISSINGOPTPARAM = 0xC3
    RINVOPTPARAMVAL = 0xC4
    RDELIVERYFAILURE = 0xFE
    RUNKNOWNERR = 0xFF


class MessageType(IntEnum):
    """What a deliver_sm or data_sm is: bits 5-2 of its esm_class (5.2.12)."""

    MESSAGE = 0x00
    RECEIPT = 0x04
    SME_ACKNOWLEDGEMENT = 0x08
    USER_ACKNOWLEDGEMENT = 0x10
    CONVERSATION_ABORT = 0x18
    INTERMEDIATE = 0x20


class MessageState(IntEnum):
    """TLV message_state (5.2.28); 0 and 9 are 5.0's."""

    SCHEDULED = 0
    ENROUTE = 1
    DELIVERED = 2
    EXPIRED = 3
    DELETED = 4
    UNDELIVERABLE = 5
    ACCEPTED = 6
    UNKNOWN = 7
    REJECTED = 8
    SKIPPED = 9


class Ton(IntEnum):
    """Type of number (5.2.5)."""

    UNKNOWN = 0
    INTERNATIONAL = 1
    NATIONAL = 2
    NETWORK = 3
    SUBSCRIBER = 4
    ALPHANUMERIC = 5
    ABBREVIATED = 6


def name_of(status: int) -> str:
    """``58h ESME_RTHROTTLED``, for people."""
    try:
        return f"{status:02X}h ESME_{Status(status).name}"
    except ValueError:
        return f"{status:X}h"
