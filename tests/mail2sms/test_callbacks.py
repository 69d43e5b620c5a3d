"""Who calls, and how often he may."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from random import Random

import pytest

from bench.stack import free_port
from mail2sms.callbacks import PEERS, UNAUTHORIZED_COSTS, Callbacks, Rates, address_of

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


def test_octets_that_are_no_request_harm_nobody(caplog: pytest.LogCaptureFixture) -> None:
    random = Random(7)
    good = b"GET /callback/none?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    async def ask(port: int, octets: bytes, *, end: bool) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(octets)
            if end:
                writer.write_eof()
            return await asyncio.wait_for(reader.read(), 5)
        except ConnectionError:
            return b""
        finally:
            writer.close()

    async def main() -> None:
        caplog.set_level(logging.INFO)
        callbacks, port = Callbacks({}, 1e6), free_port()
        await callbacks.start(f"127.0.0.1:{port}")
        for _ in range(200):
            octets = bytearray(good)
            for _ in range(random.randint(1, 5)):
                at = random.randrange(len(octets))
                octets[at : at + random.randint(0, 3)] = random.randbytes(random.randint(0, 4))
            await ask(port, bytes(octets), end=True)
        assert (await ask(port, good, end=False)).startswith(b"HTTP/1.1 404 ")
        await callbacks.stop()

    asyncio.run(main())
    assert "callback=no HTTP" in caplog.text or 'callback="no HTTP"' in caplog.text
    assert "Traceback" not in caplog.text
    assert "callback/n" not in caplog.text


def test_a_port_that_is_taken_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            callbacks = Callbacks({}, 100.0)
            await callbacks.start(f"127.0.0.1:{port}")
            assert "in use" in caplog.text
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.1)
                else:
                    writer.close()
                    break
        await callbacks.stop()
        await callbacks.start("127.0.0.1:99999")
        assert "99999" in caplog.text
        await callbacks.stop()

    asyncio.run(main())
