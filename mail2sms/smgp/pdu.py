"""The PDUs of SMGP 3.0.3 between SP and SMGW, each field declared once (5.2.2, 6.2, 6.3).

Names are the text's in lower case. Decoded strings end at their first 0x00. ``check`` refuses what may not be sent,
though it may be taken: we are strict in what we send, lenient in what we take. Tags as in Lihuanghe/SMSGate,
SMGPConstants, and hrygo/gosms, codec/smgp/variables.go, which agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from mail2sms.content import MsgFmt
from mail2sms.fields import Counted, Numbers, Octets, Reserved, Text, Tlv, UInt
from mail2sms.session.frame import RESPONSE
from mail2sms.smgp.codes import VERSION, Command, LoginMode, MsgType

U8 = Annotated[int, UInt(1)]
U32 = Annotated[int, UInt(4)]
MsgId = Annotated[bytes, Octets(10)]
Proof = Annotated[bytes, Octets(16)]
TermId = Annotated[str, Text(21)]
Time = Annotated[str, Text(17)]
Reserve = Annotated[None, Reserved(8)]

TpPid = Annotated[int | None, Tlv(0x0001, UInt(1))]
TpUdhi = Annotated[int | None, Tlv(0x0002, UInt(1))]
LinkId = Annotated[str | None, Tlv(0x0003, Text(20))]
ChargeUserType = Annotated[int | None, Tlv(0x0004, UInt(1))]
PkTotal = Annotated[int | None, Tlv(0x0009, UInt(1))]
PkNumber = Annotated[int | None, Tlv(0x000A, UInt(1))]
SubmitMsgType = Annotated[int | None, Tlv(0x000B, UInt(1))]
SpDealResult = Annotated[int | None, Tlv(0x000C, UInt(1))]
MsgSrc = Annotated[str | None, Tlv(0x0010, Text(8))]
MServiceId = Annotated[str | None, Tlv(0x0012, Text(21))]

NO_MSG_ID = bytes(10)
MAX_DESTINATIONS = 99  # "fewer than 100"
MAX_ASCII_OCTETS = 160
MAX_OCTETS = 140


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """SP to SMGW: log in (5.2.2.1). ``timestamp`` is MMDDHHMMSS as a number."""

    COMMAND: ClassVar[int] = Command.LOGIN
    client_id: Annotated[str, Text(8)]
    authenticator_client: Proof
    login_mode: U8 = LoginMode.BOTH
    timestamp: U32
    client_version: U8 = VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginResp:
    """Answer to LOGIN; ``status`` see codes.Status, ``server_version`` the highest that the SMGW speaks."""

    COMMAND: ClassVar[int] = RESPONSE | Command.LOGIN
    status: U32
    authenticator_server: Proof = bytes(16)
    server_version: U8 = VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """SP to SMGW: one short message, or one part of a long one, to 1-99 numbers (5.2.2.2).

    ``msg_content`` begins with the user data header when ``tp_udhi`` is not 0. ``priority`` 0-3, 3 the highest.
    ``fee_type``: 00 free, 01 each, 02 by the month, 03 up to a limit; ``fee_code`` and ``fixed_fee`` in fen.
    """

    COMMAND: ClassVar[int] = Command.SUBMIT
    msg_type: U8 = MsgType.MT
    need_report: U8 = 1
    priority: U8 = 1
    service_id: Annotated[str, Text(10)] = ""
    fee_type: Annotated[str, Text(2)] = "00"
    fee_code: Annotated[str, Text(6)] = "000000"
    fixed_fee: Annotated[str, Text(6)] = "000000"
    msg_format: U8
    valid_time: Time = ""
    at_time: Time = ""
    src_term_id: TermId
    charge_term_id: TermId = ""
    dest_term_ids: Annotated[tuple[str, ...], Numbers(21)]
    msg_content: Annotated[bytes, Counted()]
    reserve: Reserve = None
    tp_pid: TpPid = None
    tp_udhi: TpUdhi = None
    link_id: LinkId = None
    msg_src: MsgSrc = None
    charge_user_type: ChargeUserType = None
    pk_total: PkTotal = None
    pk_number: PkNumber = None
    submit_msg_type: SubmitMsgType = None
    sp_deal_result: SpDealResult = None
    m_service_id: MServiceId = None

    def check(self) -> None:
        """Raise ValueError when it may not be sent."""
        if not 1 <= len(self.dest_term_ids) <= MAX_DESTINATIONS:
            raise ValueError(f"dest_term_ids: {len(self.dest_term_ids)} numbers, 1-{MAX_DESTINATIONS} allowed")
        limit = MAX_ASCII_OCTETS if self.msg_format == MsgFmt.ASCII else MAX_OCTETS
        if len(self.msg_content) > limit:
            raise ValueError(
                f"msg_content: {len(self.msg_content)} octets, {limit} allowed in format {self.msg_format}"
            )
        if not 0 <= self.priority <= 3:
            raise ValueError(f"priority: {self.priority} is not in 0-3")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitResp:
    """Answer to SUBMIT: the id that its report will name."""

    COMMAND: ClassVar[int] = RESPONSE | Command.SUBMIT
    msg_id: MsgId
    status: U32 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    """SMGW to SP: a short message from a handset, or a report. ``recv_time`` is YYYYMMDDHHMMSS."""

    COMMAND: ClassVar[int] = Command.DELIVER
    msg_id: MsgId
    is_report: U8 = 0  # not 0: msg_content is a report
    msg_format: U8 = MsgFmt.ASCII
    recv_time: Annotated[str, Text(14)] = ""
    src_term_id: TermId
    dest_term_id: TermId
    msg_content: Annotated[bytes, Counted()]
    reserve: Reserve = None
    tp_pid: TpPid = None
    tp_udhi: TpUdhi = None
    link_id: LinkId = None
    pk_total: PkTotal = None
    pk_number: PkNumber = None
    submit_msg_type: SubmitMsgType = None
    sp_deal_result: SpDealResult = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverResp:
    """Answer to DELIVER."""

    COMMAND: ClassVar[int] = RESPONSE | Command.DELIVER
    msg_id: MsgId
    status: U32 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveTest:
    """Either side: are you there?"""

    COMMAND: ClassVar[int] = Command.ACTIVE_TEST


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveTestResp:
    """Answer to ACTIVE_TEST."""

    COMMAND: ClassVar[int] = RESPONSE | Command.ACTIVE_TEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """Either side: end the login (5.2.2.6)."""

    COMMAND: ClassVar[int] = Command.EXIT


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitResp:
    """Answer to EXIT."""

    COMMAND: ClassVar[int] = RESPONSE | Command.EXIT


Request = Login | Submit | Deliver | ActiveTest | Exit
Response = LoginResp | SubmitResp | DeliverResp | ActiveTestResp | ExitResp
Pdu = Request | Response
