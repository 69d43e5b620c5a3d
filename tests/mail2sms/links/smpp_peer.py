"""The simulated SMSC in this process, a scripted one for what it does not do wrong, and a link to either."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from mail2sms.links.smpp import SmppLink
from mail2sms.settings.smpp import SmppLinkSettings
from mail2sms.smpp.frame import decode, encode
from mail2sms.smpp.pdu import BindTransceiver, BindTransceiverResp, Pdu, SubmitSm, SubmitSmResp
from sandbox.carriers.journal import Journal
from sandbox.carriers.phones import Phones
from sandbox.carriers.smsc import Smsc
from sandbox.carriers.smsc_faults import SmscFaults
from tests.mail2sms.links.cmpp_peer import PHONE, STOP_S, WAIT_S, Told

__all__ = ["NUMBER", "PASSWORD", "PHONE", "SRC_ID", "SYSTEM_ID", "Bench", "Esme", "bench", "play", "settings_of"]

SYSTEM_ID, PASSWORD, SRC_ID = "caiyou", "s3cret", "10660"
NUMBER = f"86{PHONE}"
_P = TypeVar("_P")


def settings_of(port: int, folder: Path, **settings: Any) -> SmppLinkSettings:
    """Of a link to that port that comes back quickly."""
    secret = folder / "secret"
    secret.write_text(PASSWORD + "\n")
    values: dict[str, Any] = {"host": "127.0.0.1", "port": port, "system_id": SYSTEM_ID, "src_id": SRC_ID}
    quick = {"reconnect_s": 0.02, "reconnect_max_s": 0.05}
    return SmppLinkSettings(**(values | quick | {"secret_file": secret} | settings))


class Bench:
    """The simulated SMSC, a link to it, and what that said."""

    def __init__(self, smsc: Smsc, port: int, folder: Path) -> None:
        self.smsc = smsc
        self.port = port
        self.folder = folder
        self.told = Told()
        self._running: list[asyncio.Task[None]] = []

    def faults(self, **faults: Any) -> None:
        """Do wrong."""
        self.smsc.set_faults(SmscFaults(**({"report_delay_s": 0.0} | faults)))

    def link(self, port: int = 0, **settings: Any) -> SmppLink:
        """A link that runs."""
        link = SmppLink("smsc", settings_of(port or self.port, self.folder, **settings))
        self._running.append(asyncio.create_task(link.run(self.told, 1.0)))
        return link

    async def stop(self) -> None:
        """Every link, in order."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)
        self._running.clear()

    @property
    def submits(self) -> list[dict[str, Any]]:
        """What reached the SMSC."""
        return self.smsc.journal.after(0, 10_000)

    @property
    def shown(self) -> list[str]:
        """What the phone shows."""
        return [message.text for message in self.smsc.phones.messages(NUMBER) if not message.sent]


@asynccontextmanager
async def bench(folder: Path, **faults: Any) -> AsyncIterator[Bench]:
    """The SMSC runs."""
    smsc = Smsc({SYSTEM_ID: PASSWORD}, Phones(), Journal(folder / "smsc"), 0)
    where = await smsc.start("127.0.0.1")
    running = asyncio.create_task(smsc.run())
    made = Bench(smsc, int(where.rpartition(":")[2]), folder)
    made.faults(**faults)
    try:
        yield made
    finally:
        await made.stop()
        running.cancel()
        await smsc.stop()


class Esme:
    """One connection of the link, seen from a scripted SMSC."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, kind: type[_P]) -> tuple[int, int, _P]:
        """The next PDU, which must be of that kind: sequence_number, command_status, PDU."""
        async with asyncio.timeout(WAIT_S):
            head = await self._reader.readexactly(4)
            (size,) = struct.unpack(">I", head)
            frame = decode(head + await self._reader.readexactly(size - 4))
        assert frame.forgiven is None
        assert isinstance(frame.pdu, kind), frame.pdu
        return frame.sequence_id, frame.status, frame.pdu

    def send(self, pdu: Pdu, sequence_id: int = 1, status: int = 0) -> None:
        self._writer.write(encode(pdu, sequence_id, status))

    def write(self, octets: bytes) -> None:
        self._writer.write(octets)

    async def login(self, status: int = 0) -> BindTransceiver:
        sequence_id, _, bind = await self.read(BindTransceiver)
        self.send(BindTransceiverResp(system_id="peer"), sequence_id, status)
        return bind

    async def take(self, message_id: str = "", status: int = 0) -> SubmitSm:
        """Take a submit_sm and answer it."""
        sequence_id, _, submit = await self.read(SubmitSm)
        self.send(SubmitSmResp(message_id=message_id), sequence_id, status)
        return submit

    async def ended(self) -> None:
        """Wait until the link has closed."""
        async with asyncio.timeout(WAIT_S):
            while await self._reader.read(4096):
                pass

    def close(self) -> None:
        self._writer.transport.abort()


Script = Callable[[asyncio.Queue[Esme], SmppLink, Told], Awaitable[None]]


def play(script: Script, folder: Path, **settings: Any) -> Told:
    """Run a link against a scripted SMSC; what the link said."""

    async def run() -> Told:
        told, conversations = Told(), asyncio.Queue[Esme]()
        writers: list[asyncio.StreamWriter] = []

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            conversations.put_nowait(Esme(reader, writer))

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        link = SmppLink("scripted", settings_of(server.sockets[0].getsockname()[1], folder, **settings))
        task = asyncio.create_task(link.run(told, STOP_S))
        try:
            await script(conversations, link, told)
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.wait([task])
            server.close()
            for writer in writers:
                writer.transport.abort()
            await asyncio.sleep(0)
        return told

    return asyncio.run(run())
