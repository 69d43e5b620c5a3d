"""Numbers of CMPP with a name (CMPP 3.0.0, 8.4 and 8.7). Peers may send others: decoded fields are plain integers."""

from __future__ import annotations

from enum import IntEnum


class Version(IntEnum):
    """High four bits major, low four minor. 2.1 has the layout of 2.0."""

    V20 = 0x20
    V21 = 0x21
    V30 = 0x30

    @property
    def layout(self) -> Version:
        """The version whose field sizes hold: V20 or V30."""
        return Version.V30 if self is Version.V30 else Version.V20


class Command(IntEnum):
    """Command_Id of a request between SP and ISMG (8.7.1)."""

    CONNECT = 1
    TERMINATE = 2
    SUBMIT = 4
    DELIVER = 5
    QUERY = 6
    CANCEL = 7
    ACTIVE_TEST = 8


class Status(IntEnum):
    """Status of CONNECT_RESP (8.4.1.2)."""

    OK = 0
    STRUCTURE = 1
    SOURCE = 2  # Source_Addr is not known
    AUTH = 3
    VERSION_TOO_HIGH = 4
    OTHER = 5  # and above; SMSGate: too many links of the account


class Result(IntEnum):
    """Result of SUBMIT_RESP and DELIVER_RESP (8.4.3.2); 100-199 are the vendor's."""

    OK = 0
    STRUCTURE = 1
    COMMAND = 2
    DUPLICATE_SEQUENCE = 3
    LENGTH = 4
    FEE_CODE = 5
    TOO_LONG = 6
    SERVICE = 7
    FLOW_CONTROL = 8
    FEE_NUMBER_ELSEWHERE = 9  # this ISMG does not serve the number that pays
    SRC_ID = 10
    MSG_SRC = 11
    FEE_TERMINAL_ID = 12
    DEST_TERMINAL_ID = 13
