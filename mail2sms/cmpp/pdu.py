"""The PDUs of CMPP 2.0 and 3.0, each field declared once (CMPP 3.0.0, 8.4, and its revision table for 2.0).

Names are the text's in lower case. Decoded strings end at their first 0x00. ``check`` refuses what may not be sent,
though it may be taken: we are strict in what we send, lenient in what we take.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from mail2sms.cmpp.codes import Command
from mail2sms.content import MsgFmt
from mail2sms.fields import Counted, Numbers, Octets, Older, Reserved, Text, UInt
from mail2sms.session.frame import RESPONSE

U8 = Annotated[int, UInt(1)]
U8From30 = Annotated[int, UInt(1), Older(None)]
U32 = Annotated[int, UInt(4)]
U32Or8 = Annotated[int, UInt(4), Older(UInt(1))]  # status codes grew from one octet to four
U64 = Annotated[int, UInt(8)]
Number = Annotated[str, Text(32), Older(Text(21))]
ServiceId = Annotated[str, Text(10)]
LinkId = Annotated[str, Text(20), Older(Reserved(8))]

MAX_DESTINATIONS = 99  # "fewer than 100"
MAX_ASCII_OCTETS = 159  # "fewer than 160"
MAX_OCTETS = 140


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """SP to ISMG: log in (8.4.1.1). ``timestamp`` is MMDDHHMMSS as a number."""

    COMMAND: ClassVar[int] = Command.CONNECT
    source_addr: Annotated[str, Text(6)]
    authenticator_source: Annotated[bytes, Octets(16)]
    version: U8
    timestamp: U32


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectResp:
    """Answer to CONNECT (8.4.1.2); ``status`` see codes.Status, ``version`` the highest that the ISMG speaks."""

    COMMAND: ClassVar[int] = RESPONSE | Command.CONNECT
    status: U32Or8
    authenticator_ismg: Annotated[bytes, Octets(16)] = bytes(16)
    version: U8


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminate:
    """Either side: end the login (8.4.2)."""

    COMMAND: ClassVar[int] = Command.TERMINATE


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminateResp:
    """Answer to TERMINATE."""

    COMMAND: ClassVar[int] = RESPONSE | Command.TERMINATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """SP to ISMG: one short message, or one part of a long one, to 1-99 numbers (8.4.3.1).

    ``msg_content`` begins with the user data header when ``tp_udhi`` is not 0. ``fee_user_type``: 0 the receiver pays,
    1 the sender, 2 the SP, 3 ``fee_terminal_id``. ``fee_type``: 01 free, 02 each, 03 by the month; ``fee_code`` in fen.
    """

    COMMAND: ClassVar[int] = Command.SUBMIT
    msg_id: U64 = 0
    pk_total: U8 = 1
    pk_number: U8 = 1
    registered_delivery: U8 = 1
    msg_level: U8 = 0
    service_id: ServiceId = ""
    fee_user_type: U8 = 2
    fee_terminal_id: Number = ""
    fee_terminal_type: U8From30 = 0
    tp_pid: U8 = 0
    tp_udhi: U8 = 0
    msg_fmt: U8
    msg_src: Annotated[str, Text(6)]
    fee_type: Annotated[str, Text(2)] = "01"
    fee_code: Annotated[str, Text(6)] = "000000"
    valid_time: Annotated[str, Text(17)] = ""
    at_time: Annotated[str, Text(17)] = ""
    src_id: Annotated[str, Text(21)]
    dest_terminal_ids: Annotated[tuple[str, ...], Numbers(32), Older(Numbers(21))]
    dest_terminal_type: U8From30 = 0
    msg_content: Annotated[bytes, Counted()]
    link_id: LinkId = ""

    def check(self) -> None:
        """Raise ValueError when it may not be sent."""
        if not 1 <= len(self.dest_terminal_ids) <= MAX_DESTINATIONS:
            raise ValueError(f"dest_terminal_ids: {len(self.dest_terminal_ids)} numbers, 1-{MAX_DESTINATIONS} allowed")
        limit = MAX_ASCII_OCTETS if self.msg_fmt == MsgFmt.ASCII else MAX_OCTETS
        if len(self.msg_content) > limit:
            raise ValueError(f"msg_content: {len(self.msg_content)} octets, {limit} allowed in format {self.msg_fmt}")
        if not 1 <= self.pk_number <= self.pk_total:
            raise ValueError(f"pk_number: {self.pk_number} is not in 1-{self.pk_total}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitResp:
    """Answer to SUBMIT (8.4.3.2); to n numbers the ids ``msg_id`` and the n-1 after it are taken (appendix 1)."""

    COMMAND: ClassVar[int] = RESPONSE | Command.SUBMIT
    msg_id: U64
    result: U32Or8 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    """ISMG to SP: a short message from a handset, or a report (8.4.5.1)."""

    COMMAND: ClassVar[int] = Command.DELIVER
    msg_id: U64
    dest_id: Annotated[str, Text(21)]
    service_id: ServiceId = ""
    tp_pid: U8 = 0
    tp_udhi: U8 = 0  # test for non-zero: carriers send 40h as well as 1
    msg_fmt: U8 = MsgFmt.ASCII
    src_terminal_id: Number
    src_terminal_type: U8From30 = 0
    registered_delivery: U8 = 0  # not 0: msg_content is a Report
    msg_content: Annotated[bytes, Counted()]
    link_id: LinkId = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverResp:
    """Answer to DELIVER (8.4.5.2)."""

    COMMAND: ClassVar[int] = RESPONSE | Command.DELIVER
    msg_id: U64
    result: U32Or8 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """SP to ISMG: how much went through on a day, YYYYMMDD (8.4.4.1); ``query_type`` 0 all, 1 one service."""

    COMMAND: ClassVar[int] = Command.QUERY
    time: Annotated[str, Text(8)]
    query_type: U8 = 0
    query_code: ServiceId = ""
    reserve: Annotated[None, Reserved(8)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResp:
    """Answer to QUERY (8.4.4.2): messages and users taken from the SP, then sent, waiting and failed each way."""

    COMMAND: ClassVar[int] = RESPONSE | Command.QUERY
    time: Annotated[str, Text(8)]
    query_type: U8 = 0
    query_code: ServiceId = ""
    mt_tl_msg: U32 = 0
    mt_tl_usr: U32 = 0
    mt_scs: U32 = 0
    mt_wt: U32 = 0
    mt_fl: U32 = 0
    mo_scs: U32 = 0
    mo_wt: U32 = 0
    mo_fl: U32 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """SP to ISMG: withdraw a submitted message (8.4.6.1)."""

    COMMAND: ClassVar[int] = Command.CANCEL
    msg_id: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelResp:
    """Answer to CANCEL (8.4.6.2): 0 done, 1 failed."""

    COMMAND: ClassVar[int] = RESPONSE | Command.CANCEL
    success_id: U32Or8


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveTest:
    """Either side: are you there? (8.4.7.1)"""

    COMMAND: ClassVar[int] = Command.ACTIVE_TEST


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveTestResp:
    """Answer to ACTIVE_TEST (8.4.7.2)."""

    COMMAND: ClassVar[int] = RESPONSE | Command.ACTIVE_TEST
    reserved: Annotated[None, Reserved(1)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Body of a DELIVER that reports on a SUBMIT (8.4.5.1): 71 octets in 3.0, 60 in 2.0; times YYMMDDHHMM.

    ``msg_id`` is the submit answer's; ``stat`` is DELIVRD, EXPIRED, DELETED, UNDELIV, ACCEPTD, UNKNOWN, REJECTD or
    two letters, a colon and four more (MA: … IC:). ``dest_terminal_id`` may be empty.
    """

    msg_id: U64
    stat: Annotated[str, Text(7)]
    submit_time: Annotated[str, Text(10)]
    done_time: Annotated[str, Text(10)]
    dest_terminal_id: Number
    smsc_sequence: U32 = 0


Request = Connect | Terminate | Submit | Deliver | Query | Cancel | ActiveTest
Response = ConnectResp | TerminateResp | SubmitResp | DeliverResp | QueryResp | CancelResp | ActiveTestResp
Pdu = Request | Response
