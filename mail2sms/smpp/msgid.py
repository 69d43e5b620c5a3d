"""Message ids: an opaque string of the SMSC, which some write one way in the answer and another way in the receipt.

Kannel knows the same (``msg-id-type`` of its SMPP SMSC). A ``ref`` is what both sides of a match agree on.
"""

from __future__ import annotations

from enum import StrEnum

MAX_CHARACTERS = 255  # 64 by the text


class IdForm(StrEnum):
    """How submit_sm_resp and the receipt write one id."""

    AS_IS = "as_is"  # octet for octet the same
    FOLDED = "folded"  # but for case and leading zeros
    HEX_TO_DEC = "hex_to_dec"  # hexadecimal in the answer, decimal in the receipt
    DEC_TO_HEX = "dec_to_hex"


def answered(message_id: str, form: IdForm) -> str:
    """The ref of an id in submit_sm_resp; empty where there is none."""
    bases = {IdForm.HEX_TO_DEC: 16, IdForm.DEC_TO_HEX: 10}
    return _ref(message_id, form, bases.get(form, 0))


def reported(text_id: str, tlv_id: str, form: IdForm) -> str:
    """The ref of the ids in a receipt.

    receipted_message_id repeats the answer's id as it was (5.3.2.12), so it is read as the answer's, unless it is
    written like the text's: then the SMSC put that into the TLV.
    """
    if tlv_id and tlv_id.lower() != text_id.lower():
        return answered(tlv_id, form)
    bases = {IdForm.HEX_TO_DEC: 10, IdForm.DEC_TO_HEX: 16}
    return _ref(text_id, form, bases.get(form, 0))


def _ref(message_id: str, form: IdForm, base: int) -> str:
    message_id = message_id.strip()[:MAX_CHARACTERS]
    if form is IdForm.AS_IS:
        return message_id
    folded = message_id.lower().lstrip("0") or message_id[-1:]
    if not base or not (folded.isascii() and folded.isalnum()):
        return folded
    try:
        return f"{int(folded, base):d}"
    except ValueError:  # not in that base: most likely the SMSC writes it the same on both sides
        return folded
