"""The simulated SMG and a link in one loop, and a plain socket that speaks SGIP as a test wants it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self, TypeVar

from mail2sms.links.sgip import SgipLink
from mail2sms.settings.sgip import SgipLinkSettings
from mail2sms.sgip.frame import decode, encode
from mail2sms.sgip.pdu import Bind, BindResp, Pdu, Submit, SubmitResp
from sandbox.carriers.journal import Journal
from sandbox.carriers.phones import Phones
from sandbox.carriers.smg import Smg, Sp
from sandbox.carriers.smg_faults import SmgFaults
from tests.mail2sms.links.cmpp_peer import Told

NODE, CORP_ID = 3010099999, "99999"
PASSWORD, SMG_PASSWORD = "sp-password", "smg-password"
SECOND_PHONE = "8613000000002"
WAIT_S = 10.0
_P = TypeVar("_P")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Scene:
    """A link, the SMG, and what the link said."""

    def __init__(self, link: SgipLink, smg: Smg, told: Told, folder: Path, ports: tuple[int, int]) -> None:
        self.link = link
        self.smg = smg
        self.told = told
        self.folder = folder
        self.smg_port, self.listen_port = ports
        self.talks: list[Talk] = []

    def faults(self, **faults: Any) -> None:
        self.smg.set_faults(SmgFaults(**faults))

    async def talk(self, port: int) -> Talk:
        """A plain connection, closed at the end."""
        self.talks.append(await Talk.to(port))
        return self.talks[-1]

    def texts(self, number: str = "8613800138000") -> list[str]:
        return [message.text for message in self.smg.phones.messages(number)]


def settings_of(folder: Path, port: int, listen_port: int, **more: Any) -> SgipLinkSettings:
    values: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "node": NODE,
        "corp_id": CORP_ID,
        "name": "caiyou",
        "secret_file": folder / "sp",
        "src_id": "10655",
        "listen": f"127.0.0.1:{listen_port}",
        "listen_name": "smg",
        "listen_secret_file": folder / "smg",
        "reconnect_s": 0.02,
        "reconnect_max_s": 0.05,
    }
    return SgipLinkSettings(**(values | more))


def play(
    script: Callable[[Scene], Awaitable[None]], folder: Path, *, faults: dict[str, Any] | None = None, **settings: Any
) -> Told:
    """Run a link against the simulated SMG; what the link said."""
    (folder / "sp").write_text(PASSWORD + "\n")
    (folder / "smg").write_text(SMG_PASSWORD + "\n")

    async def run() -> Told:
        told, listen_port = Told(), free_port()
        sp = Sp(
            name="caiyou",
            password=PASSWORD,
            node=NODE,
            corp_id=CORP_ID,
            listen="" if settings.get("listen") == "" else f"127.0.0.1:{listen_port}",
            listen_name="smg",
            listen_password=SMG_PASSWORD,
        )
        smg = Smg(sp, Phones(), Journal(folder / "journal"), 0)
        smg.set_faults(SmgFaults(**(faults or {})))
        where = await smg.start("127.0.0.1")
        working = asyncio.create_task(smg.run())
        port = int(where.rpartition(":")[2])
        link = SgipLink("unicom", settings_of(folder, port, listen_port, **settings))
        running = asyncio.create_task(link.run(told, 0.2))
        scene = Scene(link, smg, told, folder, (port, listen_port))
        try:
            await script(scene)
            assert not running.done(), running.result()
            assert not working.done(), working.result()
        finally:
            for talk in scene.talks:
                talk.abort()
            running.cancel()
            await asyncio.wait([running])
            working.cancel()
            await asyncio.wait([working])
            await smg.stop()
            await asyncio.sleep(0)
        return told

    return asyncio.run(run())


class Talk:
    """One connection with a plain socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, port: int) -> Self:
        """To the link's listener, once it listens."""
        async with asyncio.timeout(WAIT_S):
            while True:
                try:
                    return cls(*await asyncio.open_connection("127.0.0.1", port))
                except OSError:
                    await asyncio.sleep(0.01)

    async def bound(self, name: str = "smg", password: str = SMG_PASSWORD, login_type: int = 2) -> int:
        """Bind; the Result."""
        self.send(Bind(login_type=login_type, login_name=name, login_password=password), 1)
        return (await self.read(BindResp))[1].result

    def send(self, pdu: Pdu, sequence: int) -> None:
        self.write(encode(pdu, sequence))

    def write(self, octets: bytes) -> None:
        self._writer.write(octets)

    async def read(self, kind: type[_P]) -> tuple[int, _P]:
        """The next PDU, which must be of that kind."""
        async with asyncio.timeout(WAIT_S):
            head = await self._reader.readexactly(4)
            frame = decode(head + await self._reader.readexactly(int.from_bytes(head, "big") - 4))
        assert isinstance(frame.pdu, kind), frame.pdu
        return frame.sequence_id, frame.pdu

    async def silent(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        try:
            async with asyncio.timeout(seconds):
                return not await self._reader.read(1)
        except TimeoutError:
            return True

    async def ended(self) -> None:
        """Wait until the peer has closed."""
        async with asyncio.timeout(WAIT_S):
            with contextlib.suppress(ConnectionResetError):
                assert await self._reader.read() == b""

    async def take(self, result: int = 0) -> tuple[int, Submit]:
        """Take a SUBMIT and answer it."""
        sequence, submit = await self.read(Submit)
        self.send(SubmitResp(result=result), sequence)
        return sequence, submit

    def close(self) -> None:
        self._writer.close()

    def abort(self) -> None:
        self._writer.transport.abort()
