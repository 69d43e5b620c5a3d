"""What a link really says, and what Wireshark makes of it."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

from mail2sms.session.frame import Splitter

OUT, IN = "O", "I"  # of the link; as text2pcap wants them
Spoken = list[tuple[str, bytes]]
Pdus = list[tuple[str, bytes, dict[str, Any]]]  # way, octets, Wireshark's fields


class Tap:
    """Stands between a link and its carrier and keeps every PDU, in order; ``splitter``: the arguments of Splitter."""

    def __init__(self, port: int, *splitter: int) -> None:
        self._to = port
        self._splitter = splitter
        self.pdus: Spoken = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> int:
        """The port for the link."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward = await asyncio.open_connection("127.0.0.1", self._to)
        self._tasks += [
            asyncio.create_task(self._copy(reader, onward[1], OUT)),
            asyncio.create_task(self._copy(onward[0], writer, IN)),
        ]

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str) -> None:
        splitter = Splitter(*self._splitter)
        while data := await reader.read(65536):
            self.pdus += [(way, octets) for octets in splitter.feed(data)]
            writer.write(data)
        writer.close()

    def saw(self, way: str, command: int) -> bool:
        return any(one == way and command_of(pdu) == command for one, pdu in self.pdus)

    async def stop(self) -> None:
        self._server.close()
        await asyncio.gather(*self._tasks)


def command_of(pdu: bytes) -> int:
    """The second four octets, in every protocol of carriers."""
    return int.from_bytes(pdu[4:8], "big")


def dissected(pdus: Spoken, folder: Path, protocol: str, port: int) -> Pdus:
    """Each PDU with its fields as tshark reads them, in order; fails on a word of doubt of its."""
    dump, capture = folder / "dump.txt", folder / "capture.pcapng"
    dump.write_text("".join(f"{way}\n000000 {pdu.hex(' ')}\n" for way, pdu in pdus))
    convert = ["text2pcap", "-q", "-D", "-n", "-T", f"40000,{port}", str(dump), str(capture)]
    subprocess.run(convert, check=True, capture_output=True)
    read = ["tshark", "-r", str(capture), "-d", f"tcp.port=={port},{protocol}"]
    text = subprocess.run([*read, "-V"], check=True, capture_output=True, text=True).stdout
    assert "Malformed" not in text
    assert "Expert Info (Error" not in text
    answer = subprocess.run([*read, "-T", "json", "--no-duplicate-keys"], check=True, capture_output=True, text=True)
    fields = [_flat(packet["_source"]["layers"][protocol]) for packet in json.loads(answer.stdout)]
    assert len(fields) == len(pdus)
    return [(way, pdu, found) for (way, pdu), found in zip(pdus, fields, strict=True)]


def ours(pdus: Pdus, command: int) -> list[dict[str, Any]]:
    """The fields of what the link said of that command."""
    return [fields for way, pdu, fields in pdus if way == OUT and command_of(pdu) == command]


def _flat(tree: dict[str, Any]) -> dict[str, Any]:
    """Field to value, whatever tree it stands in."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, list):  # one tree for each TLV
            for one in value:
                found |= _flat(one) if isinstance(one, dict) else {name: one}
        else:
            found |= _flat(value) if isinstance(value, dict) else {name: value}
    return found
