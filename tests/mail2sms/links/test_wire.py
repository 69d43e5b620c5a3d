"""The connection under every link: nothing piles up, whatever the peer does, and what is not read is not late."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from datetime import datetime

import pytest
import uvloop

from mail2sms.links import wire as wire_module
from mail2sms.links.wire import MOST_OWED, Wire
from mail2sms.session.events import Closed
from mail2sms.smgp import auth
from mail2sms.smgp.events import Connected, Delivered, Event
from mail2sms.smgp.frame import encode
from mail2sms.smgp.pdu import ActiveTest, Deliver, DeliverResp, Login, LoginResp
from mail2sms.smgp.session import ClientSession, Credentials, Limits
from tests.mail2sms.links.cmpp_peer import until

SMALL = 16_384
AT = datetime(2026, 11, 23, 9, 8, 7)  # noqa: DTZ001  the text wants local digits


def mo(number: int) -> bytes:
    deliver = Deliver(
        msg_id=number.to_bytes(10, "big"), src_term_id="18900000001", dest_term_id="10659", msg_content=b"x" * 140
    )
    return encode(deliver, number)


class Peer:
    """The other end, with a plain socket that is read only when a test says so."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)  # else the kernel keeps megabytes
        self.events: list[Event] = []
        self.dones: list[Callable[[], None]] = []
        self.takes = True
        self.wire: Wire[ClientSession]
        self.socket: socket.socket

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        port = self._listener.getsockname()[1]
        _, self.wire = await loop.create_connection(lambda: Wire[ClientSession](), "127.0.0.1", port)
        assert self.wire._transport is not None
        self.wire._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
        self.socket, _ = await loop.sock_accept(self._listener)
        self.socket.setblocking(False)
        session = ClientSession(Credentials(client_id="90123456", secret="secret"), self._limits)
        session.login(self.wire.now(), AT)
        self.wire.begin(session, self._on)
        octets = await loop.sock_recv(self.socket, 1000)
        assert octets == encode(
            Login(
                client_id="90123456",
                authenticator_client=auth.authenticator_client("90123456", "secret", 1123090807),
                timestamp=1123090807,
            ),
            1,
        )
        await self.send(encode(LoginResp(status=0), 1))
        await until(lambda: any(isinstance(event, Connected) for event in self.events))

    def _on(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Delivered):
            done = self.wire.owe(event)
            if self.takes:
                done()
            else:
                self.dones.append(done)

    async def send(self, octets: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.socket, octets)

    @property
    def delivered(self) -> int:
        return sum(isinstance(event, Delivered) for event in self.events)

    @property
    def closed(self) -> str:
        return next((event.why for event in self.events if isinstance(event, Closed)), "")

    def close(self) -> None:
        self.wire.abort()
        self.socket.close()
        self._listener.close()


def play(script: Callable[[Peer], Awaitable[None]], **limits: float) -> None:
    async def run() -> None:
        peer = Peer(Limits(**limits))  # type: ignore[arg-type]
        await peer.connect()
        try:
            await script(peer)
        finally:
            peer.close()
            await peer.wire.ended.wait()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


async def flooded(peer: Peer, pdus: Callable[[int], bytes]) -> int:
    """Send until the other side has not read for half a second; the PDUs that went out whole."""
    number = 1
    while True:
        try:
            async with asyncio.timeout(0.5):
                await peer.send(b"".join(pdus(number + i) for i in range(100)))
        except TimeoutError:
            return number
        number += 100
        assert number < 2_000_000, "it reads for ever"


def test_a_peer_that_floods_and_never_reads_is_not_read_either() -> None:
    async def script(peer: Peer) -> None:
        await flooded(peer, mo)
        transport = peer.wire._transport
        assert transport is not None
        waiting = transport.get_write_buffer_size()
        assert waiting < 4 << 20  # what one read may ask for beyond the transport's own mark
        before = peer.delivered
        await asyncio.sleep(0.3)
        assert peer.delivered == before
        assert transport.get_write_buffer_size() == waiting

    play(script)


def test_such_a_peer_is_left_when_it_answers_no_test() -> None:
    async def script(peer: Peer) -> None:
        await flooded(peer, mo)
        async with asyncio.timeout(10):
            await peer.wire.ended.wait()
        assert peer.closed == "no answer to 2 ACTIVE_TEST"

    play(script, idle_s=0.3, answer_s=0.2, tries=2)


def test_what_is_not_recorded_is_not_read_on_and_is_no_reason_to_end() -> None:
    """Silence that is our own doing counts neither as silence nor as a missing answer."""

    async def script(peer: Peer) -> None:
        peer.takes = False
        await flooded(peer, mo)
        stopped_at = peer.delivered
        assert MOST_OWED < stopped_at < MOST_OWED + 3000  # what one read may bring beyond the bound
        await asyncio.sleep(1.0)  # several times what a test and its answers may take
        assert not peer.closed
        peer.takes = True
        for done in peer.dones:
            done()
        await until(lambda: peer.delivered > stopped_at)
        assert not peer.closed

    play(script, idle_s=0.3, answer_s=0.1, tries=2)


def test_the_clock_goes_on_where_it_stood() -> None:
    async def script(peer: Peer) -> None:
        loop = asyncio.get_running_loop()
        lag = loop.time() - peer.wire.now()
        assert lag < 0.01
        peer.takes = False
        for number in range(1, MOST_OWED + 2):
            await peer.send(mo(number))
        await until(lambda: len(peer.dones) == MOST_OWED + 1)
        stood = peer.wire.now()
        await asyncio.sleep(0.2)
        assert peer.wire.now() == stood
        for done in peer.dones:
            done()
        assert 0.15 < loop.time() - peer.wire.now() < 0.5
        await peer.send(encode(ActiveTest(), 5))
        await until(lambda: len(peer.events) > MOST_OWED + 2)

    play(script)


def test_a_session_that_ends_closes_though_the_peer_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_module, "CLOSE_S", 0.2)

    async def script(peer: Peer) -> None:
        await flooded(peer, mo)
        peer.wire._act(peer.wire.session.connection_lost("enough")[0])
        peer.wire.flush()
        async with asyncio.timeout(5):
            await peer.wire.ended.wait()

    play(script)


def test_a_fault_of_ours_at_one_event_leaves_the_others(caplog: pytest.LogCaptureFixture) -> None:
    async def script(peer: Peer) -> None:
        owe = peer.wire.owe

        def broken() -> None:
            raise RuntimeError("ours")

        peer.wire.owe = lambda event: broken if event.sequence_id == 2 else owe(event)  # type: ignore[method-assign]
        await peer.send(mo(1) + mo(2) + mo(3))
        await until(lambda: peer.delivered == 3)
        answered = encode(DeliverResp(msg_id=(1).to_bytes(10, "big")), 1)
        answered += encode(DeliverResp(msg_id=(3).to_bytes(10, "big")), 3)
        assert await asyncio.get_running_loop().sock_recv(peer.socket, 1000) == answered
        assert not peer.closed

    play(script)
    assert 'event=Delivered, why="its owner failed"' in caplog.text
    assert "RuntimeError: ours" in caplog.text


def test_what_is_never_recorded_ends_the_connection_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_module, "MOST_HELD_S", 0.5)

    async def script(peer: Peer) -> None:
        peer.takes = False
        await peer.send(b"".join(mo(number) for number in range(1, MOST_OWED + 2)))
        async with asyncio.timeout(5):
            await peer.wire.ended.wait()
        assert peer.closed == "nothing was recorded for 0 s"
        for done in peer.dones:  # too late, and no harm
            done()

    play(script)
