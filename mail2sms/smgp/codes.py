"""Numbers of SMGP with a name (SMGP 3.0.3, 6.1 and 6.2). Peers may send others: decoded fields are plain integers."""

from __future__ import annotations

from enum import IntEnum

VERSION = 0x30  # 3.0, whatever stands behind the second point


class Command(IntEnum):
    """RequestID of a request between SP and SMGW."""

    LOGIN = 1
    SUBMIT = 2
    DELIVER = 3
    ACTIVE_TEST = 4
    EXIT = 6


class LoginMode(IntEnum):
    """What a login is for (6.2.3)."""

    SEND = 0
    RECEIVE = 1
    BOTH = 2


class MsgType(IntEnum):
    """MsgType of a SUBMIT between SP and SMGW (6.2.9)."""

    MT = 6


class Status(IntEnum):
    """Status of every response (6.2.6)."""

    OK = 0
    BUSY = 1
    TOO_MANY_LINKS = 2
    STRUCTURE = 10
    COMMAND = 11
    DUPLICATE_SEQUENCE = 12
    IP_ADDRESS = 20
    AUTH = 21
    VERSION_TOO_HIGH = 22
    MSG_TYPE = 30
    PRIORITY = 31
    FEE_TYPE = 32
    FEE_CODE = 33
    MSG_FORMAT = 34
    TIME_FORMAT = 35
    MSG_LENGTH = 36
    EXPIRED = 37
    QUERY_TYPE = 38
    ROUTE = 39
    FIXED_FEE = 40
    UPDATE_TYPE = 41
    ROUTE_ID = 42
    SERVICE_ID = 43
    VALID_TIME = 44
    AT_TIME = 45
    SRC_TERM_ID = 46
    DEST_TERM_ID = 47
    CHARGE_TERM_ID = 48
    SP_CODE = 49
    NO_ROUTE = 58
    SP_ID = 69
    M_SERVICE_ID = 73
    FORBIDDEN_HOURS = 74  # the SP may not send at this time of day
    DAY_QUOTA = 75  # the SP has sent what it may today
    ACCOUNT_EXPIRED = 76


# The SP's account or service is at fault, not the message: another link may take it.
ACCOUNT_FAULTS = frozenset(
    {
        Status.IP_ADDRESS,
        Status.AUTH,
        Status.FEE_TYPE,
        Status.FEE_CODE,
        Status.ROUTE,
        Status.FIXED_FEE,
        Status.SERVICE_ID,
        Status.SRC_TERM_ID,
        Status.CHARGE_TERM_ID,
        Status.SP_CODE,
        Status.NO_ROUTE,
        Status.SP_ID,
        Status.M_SERVICE_ID,
        Status.FORBIDDEN_HOURS,
        Status.DAY_QUOTA,
        Status.ACCOUNT_EXPIRED,
    }
)
