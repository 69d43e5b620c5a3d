"""The PDUs of SGIP 1.2, each field declared once (SGIP 1.2, 4.2).

Names are the text's in Python's spelling. Decoded strings end at their first 0x00. ``check`` refuses what may not be
sent, though it may be taken: we are strict in what we send, lenient in what we take.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from mail2sms.content import MsgFmt
from mail2sms.fields import Counted, Numbers, Octets, Reserved, Text, UInt
from mail2sms.sgip.codes import RESPONSE, Command, ReportFlag

U8 = Annotated[int, UInt(1)]
Number = Annotated[str, Text(21)]
Time = Annotated[str, Text(16)]
Content = Annotated[bytes, Counted(4)]
Reserve = Annotated[None, Reserved(8)]

MAX_USERS = 100
MAX_ASCII_OCTETS = 160
MAX_OCTETS = 140
SP_PAYS = "0" * 21  # as ChargeNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """Log in; the password is in clear. ``login_type``: codes.LoginType."""

    COMMAND: ClassVar[int] = Command.BIND
    login_type: U8
    login_name: Annotated[str, Text(16)]
    login_password: Annotated[str, Text(16)]
    reserve: Reserve = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbind:
    """Log out."""

    COMMAND: ClassVar[int] = Command.UNBIND


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """SP to SMG: one short message, or one part of a long one, to 1-100 numbers.

    ``user_numbers`` with 86. ``charge_number``: empty means that each receiver pays, 21 zeros the SP. ``fee_type``: 0
    no fee but the SP's for the channel, 1 free, 2 each, 3 by the month, 4 taken by the SP; values in fen.
    ``morelateto_mt_flag``: 0 the first answer to an MO on demand, 1 a later one, 2 unasked, 3 the system's feedback.
    ``priority`` 0-9, 9 highest. Times: ``sequence.time_of``, empty: the carrier's, at once.
    """

    COMMAND: ClassVar[int] = Command.SUBMIT
    sp_number: Number
    charge_number: Number = SP_PAYS
    user_numbers: Annotated[tuple[str, ...], Numbers(21)]
    corp_id: Annotated[str, Text(5)]
    service_type: Annotated[str, Text(10)] = ""
    fee_type: U8 = 1
    fee_value: Annotated[str, Text(6)] = "0"
    given_value: Annotated[str, Text(6)] = "0"
    agent_flag: U8 = 0
    morelateto_mt_flag: U8 = 2
    priority: U8 = 0
    expire_time: Time = ""
    schedule_time: Time = ""
    report_flag: U8 = ReportFlag.ALWAYS
    tp_pid: U8 = 0
    tp_udhi: U8 = 0
    message_coding: U8
    message_type: U8 = 0
    message_content: Content
    reserve: Reserve = None

    def check(self) -> None:
        """Raise ValueError when it may not be sent."""
        if not 1 <= len(self.user_numbers) <= MAX_USERS:
            raise ValueError(f"user_numbers: {len(self.user_numbers)} numbers, 1-{MAX_USERS} allowed")
        if not 0 <= self.priority <= 9:
            raise ValueError(f"priority: {self.priority} is not in 0-9")
        limit = MAX_ASCII_OCTETS if self.message_coding == MsgFmt.ASCII else MAX_OCTETS
        if len(self.message_content) > limit:
            raise ValueError(
                f"message_content: {len(self.message_content)} octets, {limit} allowed in coding {self.message_coding}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    """SMG to SP: a short message from a handset, or one part of a long one."""

    COMMAND: ClassVar[int] = Command.DELIVER
    user_number: Number
    sp_number: Number
    tp_pid: U8 = 0
    tp_udhi: U8 = 0
    message_coding: U8 = 0
    message_content: Content
    reserve: Reserve = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """SMG to SP: what became of a SUBMIT for one of its numbers.

    ``submit_sequence`` is that of the SUBMIT, 12 octets: there is no other key. ``report_type``: 0 on a SUBMIT, 1 on a
    DELIVER passed on between SMGs. ``state``: codes.State; ``error_code``: codes.Result, where the state is 2.
    """

    COMMAND: ClassVar[int] = Command.REPORT
    submit_sequence: Annotated[bytes, Octets(12)]
    report_type: U8 = 0
    user_number: Number = ""
    state: U8
    error_code: U8 = 0
    reserve: Reserve = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRpt:
    """SMG to SP: a subscriber's state changed; ``user_condition``: codes.UserCondition."""

    COMMAND: ClassVar[int] = Command.USERRPT
    sp_number: Number
    user_number: Number
    user_condition: U8
    reserve: Reserve = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BindResp:
    """Answer to BIND; ``result``: codes.Result."""

    COMMAND: ClassVar[int] = RESPONSE | Command.BIND
    result: U8
    reserve: Reserve = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnbindResp:
    """Answer to UNBIND."""

    COMMAND: ClassVar[int] = RESPONSE | Command.UNBIND


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitResp:
    """Answer to SUBMIT: no id comes with it, since its sequence number is the id."""

    COMMAND: ClassVar[int] = RESPONSE | Command.SUBMIT
    result: U8 = 0
    reserve: Reserve = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverResp:
    """Answer to DELIVER."""

    COMMAND: ClassVar[int] = RESPONSE | Command.DELIVER
    result: U8 = 0
    reserve: Reserve = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportResp:
    """Answer to REPORT."""

    COMMAND: ClassVar[int] = RESPONSE | Command.REPORT
    result: U8 = 0
    reserve: Reserve = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRptResp:
    """Answer to USERRPT."""

    COMMAND: ClassVar[int] = RESPONSE | Command.USERRPT
    result: U8 = 0
    reserve: Reserve = None


Message = Submit | Deliver | Report | UserRpt  # the requests of a link that is bound
Answer = SubmitResp | DeliverResp | ReportResp | UserRptResp
Pdu = Bind | Unbind | Message | BindResp | UnbindResp | Answer
