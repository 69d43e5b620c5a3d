"""The proofs of CONNECT and its answer (CMPP 3.0.0, 8.4.1)."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from mail2sms.cmpp.codes import Version
from mail2sms.cmpp.pdu import Connect, ConnectResp

SOURCE_ADDR_OCTETS = 6


def timestamp(at: datetime) -> int:
    """MMDDHHMMSS as a number; in January to September its leading zero is lost on the wire, not in the proof."""
    return int(at.strftime("%m%d%H%M%S"))


def authenticator_source(sp_id: str, secret: str, stamp: int, *, padded: bool = False) -> bytes:
    """MD5(Source_Addr, nine 0x00, secret, timestamp as ten digits).

    ``padded``: Source_Addr as its 6 octets. Peers differ; it matters only where the SP_Id is shorter.
    """
    source = sp_id.encode("ascii")
    if padded:
        source = source.ljust(SOURCE_ADDR_OCTETS, b"\0")
    return _md5(source + bytes(9) + secret.encode() + b"%010d" % stamp)


def authenticator_ismg(status: int, status_octets: int, source: bytes, secret: str) -> bytes:
    """MD5(Status, AuthenticatorSource, secret); Status has 4 octets in 3.0 and 1 in 2.0."""
    return _md5(status.to_bytes(status_octets, "big") + source + secret.encode())


def connect_is_proved(connect: Connect, secret: str) -> bool:
    """Whether an SP's CONNECT was made with the secret, by either reading of Source_Addr."""
    return any(
        hmac.compare_digest(
            connect.authenticator_source,
            authenticator_source(connect.source_addr, secret, connect.timestamp, padded=padded),
        )
        for padded in (False, True)
    )


def answer_is_proved(answer: ConnectResp, layout: Version, source: bytes, secret: str) -> bool:
    """Whether AuthenticatorISMG was made with the secret; over a 4-octet Status too in 2.0, as some peers do."""
    sizes = (4,) if layout is Version.V30 else (1, 4)
    return any(
        hmac.compare_digest(
            answer.authenticator_ismg, authenticator_ismg(answer.status & (256**size - 1), size, source, secret)
        )
        for size in sizes
    )


def _md5(octets: bytes) -> bytes:
    return hashlib.md5(octets, usedforsecurity=False).digest()  # the text says MD5
