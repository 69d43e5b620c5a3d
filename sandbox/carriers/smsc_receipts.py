"""How the simulated SMSC writes its receipts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mail2sms.smpp.codes import MessageState, MessageType
from mail2sms.smpp.pdu import DataSm, DeliverSm, SubmitSm
from sandbox.carriers.smsc_faults import SmscFaults

TEXT_OCTETS = 20
FIRST_S = 0.05  # an intermediate notification comes so long before its receipt

_STATES = {
    "ENROUTE": MessageState.ENROUTE,
    "DELIVRD": MessageState.DELIVERED,
    "EXPIRED": MessageState.EXPIRED,
    "DELETED": MessageState.DELETED,
    "UNDELIV": MessageState.UNDELIVERABLE,
    "ACCEPTD": MessageState.ACCEPTED,
    "REJECTD": MessageState.REJECTED,
}


def receipts_of(
    submit: SubmitSm, text_id: str, answer_id: str, stat: str, faults: SmscFaults, at: datetime
) -> list[tuple[float, DeliverSm | DataSm]]:
    """Seconds from the report's time and PDU: the receipt, and the notification before it."""
    found: list[tuple[float, DeliverSm | DataSm]] = []
    if faults.intermediate:
        found.append((0.0, _message(submit, text_id, answer_id, "ENROUTE", MessageType.INTERMEDIATE, faults, at)))
    after_s = FIRST_S if faults.intermediate else 0.0
    found.append((after_s, _message(submit, text_id, answer_id, stat, MessageType.RECEIPT, faults, at)))
    return found


def _message(
    submit: SubmitSm, text_id: str, answer_id: str, stat: str, kind: int, faults: SmscFaults, at: datetime
) -> DeliverSm | DataSm:
    how = faults.receipt_by
    octets = _text(submit, text_id, stat, faults.receipt_text, at)
    values: dict[str, Any] = {
        "source_addr_ton": submit.dest_addr_ton,
        "source_addr_npi": submit.dest_addr_npi,
        "source_addr": "" if faults.report_empty_number else submit.destination_addr,
        "dest_addr_ton": submit.source_addr_ton,
        "dest_addr_npi": submit.source_addr_npi,
        "destination_addr": submit.source_addr,
        "esm_class": 0 if how == "tlv_alone" else kind,
    }
    if how in ("both", "tlv", "tlv_alone"):
        values |= {"receipted_message_id": answer_id, "message_state": _STATES.get(stat, MessageState.UNKNOWN)}
    if how in ("both", "text"):
        values["short_message"] = octets
    elif how == "ucs2":
        values |= {"data_coding": 8, "message_payload": octets.decode("latin-1").encode("utf-16-be")}
    elif how in ("payload", "data_sm"):
        values["message_payload"] = octets
    return DataSm(**values) if how == "data_sm" else DeliverSm(**values)


def _text(submit: SubmitSm, text_id: str, stat: str, form: str, at: datetime) -> bytes:
    minute, second = f"{at:%y%m%d%H%M}", f"{at:%y%m%d%H%M%S}"
    delivered, err = ("001", "000") if stat == "DELIVRD" else ("000", "006")
    beginning = submit.content[:TEXT_OCTETS]
    counts = f"sub:001 dlvrd:{delivered}"
    rest = f"stat:{stat} err:{err}"
    dates = f"submit date:{minute} done date:{minute}"
    found = {
        "spec": f"id:{text_id} {counts} {dates} {rest} Text:",
        "seconds": f"id:{text_id} {counts} submit date:{second} done date:{second} {rest} text:",
        "short": f"id:{text_id} {rest}",
        "underscores": f"id:{text_id} {counts} submit_date:{minute} done_date:{minute} {rest} text:",
        "upper": f"ID:{text_id} {counts} {dates} {rest} TEXT:".upper(),
        "blanks": f"id: {text_id} sub: 001 dlvrd: {delivered} done date: {minute} stat: {stat} err: {err} text: ",
    }[form]
    return found.encode("latin-1") + (b"" if form == "short" else beginning)
