"""Texts in user data: what a received message reads, and how one of ours is written."""

from __future__ import annotations

from mail2sms import content
from mail2sms.content import MsgFmt
from mail2sms.pdu import septets
from mail2sms.pdu.coding import Alphabet, data_coding
from mail2sms.pdu.header import ports
from mail2sms.pdu.layout import MAX_UD_OCTETS, UserData
from mail2sms.segment import Coding, Segment

DCS_GSM7 = 0x00
DCS_UCS2 = 0x08


def text_of(dcs: int, ud: UserData) -> str:
    """Readable text; hexadecimal digits where it is data (8-bit, compressed, or meant for a program's port).

    A surrogate stays as it is where its other half is missing: that may begin the next part.
    """
    coding = data_coding(dcs)
    if coding.compressed or coding.alphabet is Alphabet.OCTETS or ports(ud.header) is not None:
        return ud.body.hex()
    if coding.alphabet is Alphabet.UCS2:
        return content.text_of(MsgFmt.UCS2, ud.body)
    return septets.text_of(ud.body)


def user_data(segment: Segment) -> tuple[int, UserData]:
    """DCS and user data of one part; raises ValueError where it does not fit a short message.

    What the default alphabet has goes in it, everything else as UCS2.
    """
    header = segment.udh[1:]
    if segment.coding is not Coding.UCS2:
        try:
            return DCS_GSM7, UserData(header=header, body=Coding.GSM7.encode(segment.text))
        except ValueError:
            pass  # not in the alphabet
    body = Coding.UCS2.encode(segment.text)
    if len(segment.udh) + len(body) > MAX_UD_OCTETS:
        raise ValueError(f"text: {len(body)} octets do not fit")
    return DCS_UCS2, UserData(header=header, body=body)
