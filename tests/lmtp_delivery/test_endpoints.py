"""Settings of the agent."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from lmtp_delivery.settings import Endpoint, LmtpSettings


@pytest.mark.parametrize(
    "text, expected",
    [
        ("unix:/run/x", Endpoint(path="/run/x")),
        ("127.0.0.1:24", Endpoint(host="127.0.0.1", port=24)),
        ("[::1]:24", Endpoint(host="::1", port=24)),
        ("store1.example.test:2400", Endpoint(host="store1.example.test", port=2400)),
    ],
)
def test_endpoint(text: str, expected: Endpoint) -> None:
    assert Endpoint.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "unix:run/x", "host", ":24", "host:0", "host:70000", "host:x", "unix:/" + "x" * 107]
)
def test_wrong_endpoint_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValidationError, match=r"expected|at most"):
        LmtpSettings.model_validate({"listen": text})


def test_doveadm_must_be_a_url() -> None:
    with pytest.raises(ValidationError, match="expected http"):
        LmtpSettings.model_validate({"doveadm": "127.0.0.1:8080"})
