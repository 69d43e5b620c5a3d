"""What an ESME logs in with, and which PDUs that makes (SMPP 3.4, 4.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from mail2sms.smpp.pdu import (
    Bind,
    BindReceiver,
    BindReceiverResp,
    BindResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
)


class Mode(StrEnum):
    """What a login is for."""

    TRANSCEIVER = "transceiver"
    TRANSMITTER = "transmitter"
    RECEIVER = "receiver"


BINDS: dict[Mode, type[Bind]] = {
    Mode.TRANSCEIVER: BindTransceiver,
    Mode.TRANSMITTER: BindTransmitter,
    Mode.RECEIVER: BindReceiver,
}
MODES = {kind: mode for mode, kind in BINDS.items()}
RESPONSES: dict[type[Bind], type[BindResp]] = {
    BindTransceiver: BindTransceiverResp,
    BindTransmitter: BindTransmitterResp,
    BindReceiver: BindReceiverResp,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What an ESME logs in with."""

    system_id: str
    password: str = field(repr=False)
    mode: Mode = Mode.TRANSCEIVER
    system_type: str = ""
    address_range: str = ""
