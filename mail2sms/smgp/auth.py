"""The proofs of LOGIN and its answer (SMGP 3.0.3, 6.2.2 and 6.2.7)."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from mail2sms.smgp.pdu import Login, LoginResp


def timestamp(at: datetime) -> int:
    """MMDDHHMMSS as a number; in January to September its leading zero is lost on the wire, not in the proof."""
    return int(at.strftime("%m%d%H%M%S"))


def authenticator_client(client_id: str, secret: str, stamp: int) -> bytes:
    """MD5(ClientID, seven 0x00, secret, timestamp as ten digits)."""
    return _md5(client_id.encode("ascii") + bytes(7) + secret.encode() + b"%010d" % stamp)


def authenticator_server(status: int, proof: bytes, secret: str) -> bytes:
    """MD5(Status in 4 octets, AuthenticatorClient, secret)."""
    return _md5(status.to_bytes(4, "big") + proof + secret.encode())


def login_is_proved(login: Login, secret: str) -> bool:
    """Whether an SP's LOGIN was made with the secret."""
    try:
        proof = authenticator_client(login.client_id, secret, login.timestamp)
    except UnicodeEncodeError:
        return False
    return hmac.compare_digest(login.authenticator_client, proof)


def answer_is_proved(answer: LoginResp, proof: bytes, secret: str) -> bool:
    """Whether AuthenticatorServer was made with the secret."""
    return hmac.compare_digest(answer.authenticator_server, authenticator_server(answer.status, proof, secret))


def _md5(octets: bytes) -> bytes:
    return hashlib.md5(octets, usedforsecurity=False).digest()  # the text says MD5
