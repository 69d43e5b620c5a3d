"""What only the simulated SMSC does wrong, or in one of the many ways that SMSCs do it."""

from __future__ import annotations

from typing import Literal

from sandbox.carriers.faults import Faults, Share

IdForm = Literal["dec", "hex", "HEX", "padded"]


class SmscFaults(Faults):
    """``refuse_login`` and ``refuse_result`` are values of command_status."""

    nack_share: Share = 0.0  # of refused submits answered by generic_nack
    id_in_answer: IdForm = "dec"
    id_in_receipt: IdForm = "dec"
    receipt_by: Literal["both", "text", "tlv", "tlv_alone", "ucs2", "payload", "data_sm"] = "both"  # tlv_alone: no type
    receipt_text: Literal["spec", "seconds", "short", "underscores", "upper", "blanks"] = "spec"
    intermediate: bool = False  # a notification (ENROUTE) comes before each receipt
    mo_by: Literal["udh", "sar", "payload", "data_sm"] = "udh"  # how a long MO comes; payload: whole
