"""A scripted ISMG on a real socket, and a sink that keeps what a link says: for peers that break the text."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from mail2sms.cmpp import auth
from mail2sms.cmpp.codes import Version
from mail2sms.cmpp.frame import decode, encode, encode_report
from mail2sms.cmpp.pdu import Connect, ConnectResp, Deliver, Pdu, Report, Submit, SubmitResp
from mail2sms.links import Answer, LinkState, Mo, MtPart
from mail2sms.links import Report as LinkReport
from mail2sms.links.cmpp import CmppLink
from mail2sms.segment import split
from mail2sms.settings.cmpp import CmppLinkSettings

V20, V30 = Version.V20, Version.V30
SP_ID, SECRET, PHONE = "901234", "shared-secret", "13800138000"
WAIT_S = 10.0
STOP_S = 0.02
_P = TypeVar("_P")


class Conversation:
    """One connection of the SP, seen from the ISMG."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.layout = V30

    async def read(self, kind: type[_P]) -> tuple[int, _P]:
        """The next PDU, which must be of that kind."""
        async with asyncio.timeout(WAIT_S):
            head = await self._reader.readexactly(4)
            (size,) = struct.unpack(">I", head)
            octets = head + await self._reader.readexactly(size - 4)
        frame = decode(octets, self.layout)
        assert frame.forgiven is None
        assert isinstance(frame.pdu, kind), frame.pdu
        return frame.sequence_id, frame.pdu

    def send(self, pdu: Pdu, sequence_id: int) -> None:
        """In the layout of the conversation."""
        self.write(encode(pdu, sequence_id, self.layout))

    def write(self, octets: bytes) -> None:
        """Anything."""
        self._writer.write(octets)

    async def login(self, layout: Version | None = None, status: int = 0, proof: bytes | None = None) -> Connect:
        """Take the CONNECT and answer it, in ``layout`` or in that which was asked for."""
        sequence_id, connect = await self.read(Connect)
        self.layout = layout or Version(connect.version).layout
        size = 4 if self.layout is V30 else 1
        right = auth.authenticator_ismg(status, size, connect.authenticator_source, SECRET)
        answer = ConnectResp(
            status=status, authenticator_ismg=right if proof is None else proof, version=connect.version
        )
        self.send(answer, sequence_id)
        return connect

    async def take(self, msg_id: int, result: int = 0) -> Submit:
        """Take a SUBMIT and answer it."""
        sequence_id, submit = await self.read(Submit)
        self.send(SubmitResp(msg_id=msg_id, result=result), sequence_id)
        return submit

    def report(self, of: int, sequence_id: int = 1, stat: str = "DELIVRD", **more: Any) -> None:
        """Send a report of that Msg_Id; ``more`` are fields of the DELIVER, or ``to``."""
        report = Report(
            msg_id=of,
            stat=stat,
            submit_time="2611230343",
            done_time="2611230344",
            dest_terminal_id=more.pop("to", PHONE),
        )
        values: dict[str, Any] = {
            "msg_id": of,
            "dest_id": "10658878",
            "src_terminal_id": PHONE,
            "registered_delivery": 1,
            "msg_content": encode_report(report, self.layout),
        }
        self.send(Deliver(**(values | more)), sequence_id)

    async def ended(self) -> None:
        """Wait until the SP has closed."""
        async with asyncio.timeout(WAIT_S):
            assert await self._reader.read() == b""

    def close(self) -> None:
        self._writer.close()


class Peer:
    """The ISMG: each connection is put into ``conversations``."""

    def __init__(self) -> None:
        self.port = 0
        self.conversations: asyncio.Queue[Conversation] = asyncio.Queue()
        self.tasks: list[asyncio.Task[None]] = []  # what goes on while the link is stopped
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self.conversations.put_nowait(Conversation(reader, writer))

    async def next(self) -> Conversation:
        """The next connection."""
        return await asyncio.wait_for(self.conversations.get(), WAIT_S)


class Told:
    """A sink that keeps everything; ``takes`` False: nothing is acknowledged."""

    def __init__(self) -> None:
        self.states: list[tuple[LinkState, str]] = []
        self.answers: dict[int, Answer] = {}
        self.reports: list[LinkReport] = []
        self.mos: list[Mo] = []
        self.takes = True
        self.done: list[Callable[[], None]] = []

    def changed(self, state: LinkState, why: str) -> None:
        self.states.append((state, why))

    def answered(self, tag: int, answer: Answer) -> None:
        assert tag not in self.answers
        self.answers[tag] = answer

    def reported(self, report: LinkReport, done: Callable[[], None]) -> None:
        self.reports.append(report)
        self._keep(done)

    def received(self, mo: Mo, done: Callable[[], None]) -> None:
        self.mos.append(mo)
        self._keep(done)

    def _keep(self, done: Callable[[], None]) -> None:
        self.done.append(done)
        if self.takes:
            done()

    def saw(self, state: LinkState, why: str = "") -> bool:
        """Whether the link ever stood so."""
        return any(one is state and why in text for one, text in self.states)


async def until(what: Callable[[], object]) -> None:
    """Wait for it."""
    async with asyncio.timeout(WAIT_S):
        while not what():  # noqa: ASYNC110  what others do is looked at from outside
            await asyncio.sleep(0.005)


def part(text: str = "hello", **more: Any) -> MtPart:
    """A short message of one part."""
    (segment,) = split(text)
    values: dict[str, Any] = {"to": f"86{PHONE}", "segment": segment}
    return MtPart(**(values | more))


def settings_of(port: int, folder: Path, **settings: Any) -> CmppLinkSettings:
    """Of a link to that port that comes back quickly."""
    secret = folder / "secret"
    secret.write_text(SECRET + "\n")
    values: dict[str, Any] = {"host": "127.0.0.1", "port": port, "sp_id": SP_ID, "src_id": "10658878"}
    quick = {"reconnect_s": 0.02, "reconnect_max_s": 0.05}
    return CmppLinkSettings(**(values | quick | {"secret_file": secret} | settings))


Script = Callable[[Peer, CmppLink, Told], Awaitable[None]]


def play(script: Script, folder: Path, *, stop_s: float = STOP_S, **settings: Any) -> Told:
    """Run a link against a scripted peer; what the link said."""

    async def run() -> Told:
        told = Told()
        async with Peer() as peer:
            link = CmppLink("quirk", settings_of(peer.port, folder, **settings))
            task = asyncio.create_task(link.run(told, stop_s))
            try:
                await script(peer, link, told)
                assert not task.done()
            finally:
                task.cancel()
                await asyncio.wait([task])
        return told

    return asyncio.run(run())
