"""Numbers of SGIP with a name (SGIP 1.2, 4.2). Peers may send others: decoded fields are plain integers."""

from __future__ import annotations

from enum import IntEnum

RESPONSE = 0x8000_0000  # a response's Command ID is the request's with this bit


class Command(IntEnum):
    """Command ID of a request between SP and SMG.

    The text prints 0000000Eh for MODIFYSMG_RESP, where 8000000Eh is meant; that command is between SMG and GNS.
    """

    BIND = 1
    UNBIND = 2
    SUBMIT = 3
    DELIVER = 4
    REPORT = 5
    CHECKUSER = 0x10
    USERRPT = 0x11
    TRACE = 0x1000


class LoginType(IntEnum):
    """Who binds to whom."""

    SP_TO_SMG = 1
    SMG_TO_SP = 2


class ReportFlag(IntEnum):
    """When a SUBMIT is reported on."""

    ON_ERROR = 0
    ALWAYS = 1
    NEVER = 2
    MONTHLY_FEE = 3  # a record of a fee: nothing goes to the handset


class State(IntEnum):
    """What a REPORT says."""

    OK = 0
    WAITING = 1
    FAILED = 2


class UserCondition(IntEnum):
    """What a USERRPT says of a subscriber."""

    CANCELLED = 0
    SUSPENDED = 1  # for unpaid bills
    RESTORED = 2


class Result(IntEnum):
    """Result of a response (1-20) and ErrorCode of a REPORT (21-33)."""

    OK = 0
    LOGIN = 1
    SECOND_LOGIN = 2
    TOO_MANY_LINKS = 3
    LOGIN_TYPE = 4
    PARAMETER = 5
    NUMBER = 6  # also: 86 is missing
    MESSAGE_ID = 7  # the command is not known
    LENGTH = 8
    SEQUENCE = 9  # repeated, or of a wrong node
    GNS = 10
    BUSY = 11
    UNREACHABLE = 21
    ROUTE = 22
    NO_ROUTE = 23
    CHARGE_REFUSED = 24
    OUT_OF_REACH = 25
    HANDSET_MEMORY_FULL = 26
    HANDSET_WITHOUT_SMS = 27
    HANDSET_ERROR = 28
    UNKNOWN_USER = 29
    NOT_PROVIDED = 30
    ILLEGAL_DEVICE = 31
    SYSTEM_FAILURE = 32
    SMSC_QUEUE_FULL = 33  # SMGs in service: over the flow limit of a second
    LOGIN_TOO_OFTEN = 34  # not in the text; SMGs in service (mw.hahacn.com/detail/12872.html)
    OVER_SPEED = 88  # not in the text; SMSGate


# What passes by itself; all else is for good.
PASSING = frozenset(
    {Result.BUSY, Result.SYSTEM_FAILURE, Result.SMSC_QUEUE_FULL, Result.LOGIN_TOO_OFTEN, Result.OVER_SPEED}
)


def words_of(code: int) -> str:
    """``25 out of reach``."""
    try:
        return f"{code} {Result(code).name.lower().replace('_', ' ')}"
    except ValueError:
        return str(code)
