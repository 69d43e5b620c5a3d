import hashlib
from datetime import datetime

import pytest

from mail2sms.cmpp import auth
from mail2sms.cmpp.codes import Version
from mail2sms.cmpp.pdu import Connect, ConnectResp


def test_timestamp_loses_its_zero_on_the_wire_and_keeps_it_in_the_proof() -> None:
    stamp = auth.timestamp(datetime(2026, 2, 1, 3, 4, 5))  # noqa: DTZ001  local digits are what the text wants
    assert stamp == 201030405
    # MD5 as the text says it, written out
    said = hashlib.md5(b"901234" + b"\0" * 9 + b"secret" + b"0201030405").digest()  # noqa: S324
    assert auth.authenticator_source("901234", "secret", stamp) == said


def test_proof_over_the_padded_source_differs_for_short_sp_ids_only() -> None:
    assert auth.authenticator_source("901234", "s", 1) == auth.authenticator_source("901234", "s", 1, padded=True)
    assert auth.authenticator_source("9012", "s", 1) != auth.authenticator_source("9012", "s", 1, padded=True)


@pytest.mark.parametrize("padded", [False, True])
def test_server_takes_either_reading_and_no_other_secret(padded: bool) -> None:
    proof = auth.authenticator_source("9012", "secret", 1123040506, padded=padded)
    connect = Connect(source_addr="9012", authenticator_source=proof, version=0x30, timestamp=1123040506)
    assert auth.connect_is_proved(connect, "secret")
    assert not auth.connect_is_proved(connect, "Secret")


def answer(proof: bytes) -> ConnectResp:
    return ConnectResp(status=0, authenticator_ismg=proof, version=0x30)


SOURCE = bytes(range(16))
OVER_4 = hashlib.md5(bytes(4) + SOURCE + b"secret").digest()  # noqa: S324
OVER_1 = hashlib.md5(bytes(1) + SOURCE + b"secret").digest()  # noqa: S324


@pytest.mark.parametrize(
    "layout, proof, good",
    [
        (Version.V30, OVER_4, True),
        (Version.V30, OVER_1, False),
        (Version.V20, OVER_1, True),
        (Version.V20, OVER_4, True),  # a peer hashes four octets in 2.0 as well
        (Version.V30, SOURCE, False),  # a peer sends our own proof back
        (Version.V30, hashlib.md5(bytes(4)).digest(), False),  # noqa: S324  a peer hashes the Status alone
        (Version.V30, b"mockauth".ljust(16, b"\0"), False),
    ],
)
def test_proof_of_the_ismg(layout: Version, proof: bytes, good: bool) -> None:
    assert auth.answer_is_proved(answer(proof), layout, SOURCE, "secret") is good
