"""An ISMG that speaks CMPP and then, as a test tells it, anything else: on a real socket, in threads of the test."""

from __future__ import annotations

import random
import select
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self

from mail2sms.cmpp import auth
from mail2sms.cmpp.codes import Version
from mail2sms.cmpp.frame import decode, encode, encode_report
from mail2sms.cmpp.pdu import (
    ActiveTest,
    ActiveTestResp,
    CancelResp,
    Connect,
    ConnectResp,
    Deliver,
    DeliverResp,
    Pdu,
    QueryResp,
    Report,
    Submit,
    SubmitResp,
    Terminate,
    TerminateResp,
)
from mail2sms.session.frame import Splitter

SECRET = "s3cret-of-the-test"  # bench.stack's
PHONE, SRC_ID = "13800138000", "10658000"
V20, V30 = Version.V20, Version.V30
NO_REQUEST = 0xC000_0000  # sequence ids from here on are of no request of the link's: its count begins at 1


class Hostile:
    """The listener; ``script`` is played on each connection that has logged in, then the connection is closed.

    ``accepted``: the text of each SUBMIT that came, with how many connections it came on: a repeat on the same one
    is answered as before.
    """

    def __init__(self, port: int, script: Callable[[Connection], None]) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self.script = script
        self.accepted: Counter[str] = Counter()
        self.deliver_answers: Counter[int] = Counter()  # Msg_Id: how many were good
        self.logins = 0
        self.errors: list[Exception] = []
        self._open: set[Connection] = set()
        self._threads: list[threading.Thread] = []
        self._msg_id = 1 << 60
        self._lock = threading.Lock()
        self.stopping = False

    def __enter__(self) -> Self:
        self._start(self._listen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping = True
        for thread in list(self._threads):
            thread.join(10)
            assert not thread.is_alive()
        self._listener.close()

    def new_msg_id(self) -> int:
        with self._lock:
            self._msg_id += 1
            return self._msg_id

    def _start(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        while not self.stopping:
            if not select.select([self._listener], [], [], 0.1)[0]:
                continue
            sock, _ = self._listener.accept()
            self._start(lambda sock=sock: self._serve(Connection(self, sock)))  # type: ignore[misc]

    def _serve(self, connection: Connection) -> None:
        try:
            with connection.socket:
                if connection.login():
                    self.logins += 1
                    self.script(connection)
                    connection.drain()
        except (ConnectionError, TimeoutError):
            pass  # the link closed it, as it may
        except Exception as error:  # noqa: BLE001  told by the test
            self.errors.append(error)


class Connection:
    """One connection, read by hand."""

    def __init__(self, hostile: Hostile, sock: socket.socket) -> None:
        self.hostile = hostile
        self.socket = sock
        self.socket.settimeout(5.0)
        self._splitter = Splitter()
        self._msg_ids: dict[int, int] = {}  # of the SUBMITs of this connection, by sequence id
        self.ended = False

    def login(self) -> bool:
        """Take the CONNECT; whether there was one."""
        found: list[tuple[int, Pdu]] = []
        while not found:
            data = self.socket.recv(65536)
            if not data:
                return False
            found = [decode(octets, V30)[:2] for octets in self._splitter.feed(data)]
        sequence_id, connect = found[0]
        assert isinstance(connect, Connect)
        proof = auth.authenticator_ismg(0, 4, connect.authenticator_source, SECRET)
        self.send(encode(ConnectResp(status=0, authenticator_ismg=proof, version=0x30), sequence_id, V30))
        return True

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def serve(self, seconds: float) -> bool:
        """Answer what comes, as an ISMG does; False: the link has closed."""
        end = time.monotonic() + seconds
        while not self.ended:
            if not select.select([self.socket], [], [], max(0.0, end - time.monotonic()))[0]:
                return True
            self._take()
        return False

    def serve_on(self) -> None:
        """Until the link closes or the test is over."""
        while not self.hostile.stopping and self.serve(0.1):
            pass

    def drain(self) -> None:
        """Take what is on its way, so that nothing that was sent is lost with the connection."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
            while not self.ended:
                self._take(answer=False)
        except OSError:
            pass

    def _take(self, *, answer: bool = True) -> None:
        data = self.socket.recv(65536)
        self.ended = not data
        answers = [self._answer(*decode(octets, V30)[:2]) for octets in self._splitter.feed(data)]
        if answer:
            self.send(b"".join(answers))

    def _answer(self, sequence_id: int, pdu: Pdu) -> bytes:
        """What the ISMG says to a PDU of ours."""
        match pdu:
            case Submit():
                if sequence_id not in self._msg_ids:
                    self._msg_ids[sequence_id] = self.hostile.new_msg_id()
                    with self.hostile._lock:
                        self.hostile.accepted[pdu.msg_content.decode("ascii")] += 1
                return encode(SubmitResp(msg_id=self._msg_ids[sequence_id]), sequence_id, V30)
            case ActiveTest():
                return encode(ActiveTestResp(), sequence_id, V30)
            case Terminate():
                self.ended = True
                return encode(TerminateResp(), sequence_id, V30)
            case DeliverResp():
                with self.hostile._lock:
                    self.hostile.deliver_answers[pdu.msg_id] += not pdu.result
                return b""
        return b""


def mo(msg_id: int, text: str = "OK") -> bytes:
    """A message from a handset."""
    deliver = Deliver(msg_id=msg_id, dest_id=SRC_ID, src_terminal_id=PHONE, msg_content=text.encode())
    return encode(deliver, msg_id & 0x7FFF_FFFF, V30)


def report(msg_id: int) -> bytes:
    """A report on a message that nobody knows."""
    body = Report(msg_id=msg_id, stat="DELIVRD", submit_time="2611230343", done_time="2611230344", dest_terminal_id="")
    content = encode_report(body, V30)
    deliver = Deliver(msg_id=msg_id, dest_id=SRC_ID, src_terminal_id=PHONE, registered_delivery=1, msg_content=content)
    return encode(deliver, msg_id & 0x7FFF_FFFF, V30)


def _corpus() -> list[bytes]:
    """One of each PDU in both layouts, with sequence ids of no request of ours: no mutant answers one."""
    pdus: list[Pdu] = [
        Connect(source_addr="901234", authenticator_source=bytes(16), version=0x30, timestamp=1123040506),
        ConnectResp(status=3, version=0x30),
        SubmitResp(msg_id=1, result=8),
        Submit(msg_fmt=8, msg_src="901234", src_id="1", dest_terminal_ids=("1",) * 3, msg_content=bytes(140)),
        Deliver(msg_id=9, dest_id=SRC_ID, src_terminal_id=PHONE, msg_content=b"OK"),
        Deliver(
            msg_id=9, dest_id=SRC_ID, src_terminal_id=PHONE, tp_udhi=64, msg_fmt=8, msg_content=b"\5\0\3\1\2\1\x5f\x69"
        ),
        DeliverResp(msg_id=9),
        QueryResp(time="20261123"),
        CancelResp(success_id=0),
        ActiveTest(),
        ActiveTestResp(),
        TerminateResp(),
    ]
    found = [encode(pdu, NO_REQUEST + i, version) for i, pdu in enumerate(pdus) for version in (V20, V30)]
    return [*found, report(99), report(100)[:-20], bytes.fromhex("0000000c 00000003 c0000000")]


CORPUS = _corpus()


def mutant(chance: random.Random, *, framed: bool) -> bytes:
    """A PDU with something wrong; ``framed``: its Total_Length is its length, so the stream goes on behind it."""
    octets = bytearray(chance.choice(CORPUS))
    for _ in range(chance.randint(1, 4)):
        match chance.randrange(6):
            case 0:
                octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)
            case 1:
                octets[chance.randrange(len(octets))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
            case 2:
                del octets[chance.randint(12, max(12, len(octets) - 1)) :]
            case 3:
                octets += chance.randbytes(chance.randint(1, 300))
            case 4:
                octets[4:8] = struct.pack(">I", chance.choice((0, 3, 9, 0x10, 0x8000_0003, 0xFFFF_FFFF)))
            case 5:
                at = chance.randrange(len(octets))
                octets[at:at] = chance.randbytes(chance.randint(1, 8))
    octets += bytes(max(0, 12 - len(octets)))
    octets[8] |= 0xC0  # still of no request of ours
    if framed:
        octets[:4] = struct.pack(">I", len(octets))
        if octets[4:8] == struct.pack(">I", 2):  # a lawful TERMINATE ends the link, and should
            octets[7] = 3
    elif chance.randrange(2):
        octets[:4] = struct.pack(">I", chance.choice((0, 1, 11, 4096, 4097, 0x7FFF_FFFF, 0xFFFF_FFFF, len(octets) + 7)))
    return bytes(octets)
