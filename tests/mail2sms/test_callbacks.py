"""Who calls, and how often he may."""

from __future__ import annotations

import ipaddress

import pytest

from mail2sms.callbacks import PEERS, UNAUTHORIZED_COSTS, Rates, address_of

PROXIES = [ipaddress.ip_network("127.0.0.1"), ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128")]


@pytest.mark.parametrize(
    "peer, forwarded, address",
    [
        ("203.0.113.5", "", "203.0.113.5"),
        ("203.0.113.5", "198.51.100.1", "203.0.113.5"),  # no proxy of ours: what it says of others is not believed
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "198.51.100.1, 10.1.2.3", "198.51.100.1"),
        ("127.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),  # what the caller wrote himself stands before
        ("127.0.0.1", "10.1.2.3", "10.1.2.3"),
        ("::1", "2001:db8::1", "2001:db8::1"),
        ("127.0.0.1", "junk", "junk"),
        ("127.0.0.1", "x" * 100, "x" * 64),
        ("", "198.51.100.1", ""),
    ],
)
def test_the_address_that_calls(peer: str, forwarded: str, address: str) -> None:
    assert address_of(peer, forwarded, PROXIES) == address


def test_so_many_a_second() -> None:
    rates = Rates(10.0)
    assert sum(rates.take("a", 1, 0.0) for _ in range(100)) == 20
    assert rates.take("b", 1, 0.0)
    assert not rates.take("a", 1, 0.05)
    assert sum(rates.take("a", 1, 1.2) for _ in range(100)) == pytest.approx(12, abs=1)


def test_guessing_is_dear() -> None:
    rates = Rates(100.0)
    guesses = 0
    while rates.take("a", 1, 0.0):
        rates.take("a", UNAUTHORIZED_COSTS, 0.0)
        guesses += 1
    assert guesses == 10
    assert rates.take("a", 1, 10.0)


def test_addresses_are_forgotten() -> None:
    rates = Rates(1.0)
    for number in range(PEERS + 10):
        rates.take(str(number), 1, 0.0)
    assert len(rates._left) == PEERS
