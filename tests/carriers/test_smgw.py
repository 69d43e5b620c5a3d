"""The simulated SMGW as an SP sees it: strict where a carrier is."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bench.stack import SECRET_FILE, Stack, free_port
from mail2sms.smgp.codes import Status
from mail2sms.smgp.events import Closed, Connected, Delivered, Event, LoginRefused, Reported, SubmitAnswered
from mail2sms.smgp.pdu import Submit
from mail2sms.smgp.session import ClientSession, Credentials
from sandbox.carriers.smgw import wrong_field

pytestmark = pytest.mark.live

CLIENT_ID = "90123456"
_E = TypeVar("_E", bound=Event)


def submit_of(**more: Any) -> Submit:
    values: dict[str, Any] = {
        "msg_format": 8,
        "src_term_id": "10659",
        "dest_term_ids": ("18900000001",),
        "msg_content": "你好".encode("utf-16-be"),
    }
    return Submit(**(values | more))


@pytest.mark.parametrize(
    "more, status",
    [
        ({}, Status.OK),
        ({"valid_time": "261124000807032+"}, Status.OK),
        ({"valid_time": "000000020001000R"}, Status.OK),
        ({"msg_type": 0}, Status.MSG_TYPE),
        ({"priority": 4}, Status.PRIORITY),
        ({"msg_format": 7}, Status.MSG_FORMAT),
        ({"valid_time": "tomorrow"}, Status.VALID_TIME),
        ({"valid_time": "2611240008"}, Status.VALID_TIME),
        ({"src_term_id": "CAIYOU"}, Status.SRC_TERM_ID),
        ({"dest_term_ids": ()}, Status.DEST_TERM_ID),
        ({"dest_term_ids": ("alice",)}, Status.DEST_TERM_ID),
        ({"dest_term_ids": ("18900000001",) * 100}, Status.DEST_TERM_ID),
        ({"msg_content": bytes(141)}, Status.MSG_LENGTH),
        ({"pk_total": 2, "pk_number": 1}, Status.STRUCTURE),
        ({"tp_udhi": 1, "msg_content": bytes.fromhex("050003070201") + b"\0A"}, Status.STRUCTURE),
        (
            {"tp_udhi": 1, "pk_total": 2, "pk_number": 1, "msg_content": bytes.fromhex("050003070201") + b"\0A"},
            Status.OK,
        ),
    ],
)
def test_fields_that_it_refuses(more: dict[str, Any], status: Status) -> None:
    assert wrong_field(submit_of(**more)) == status


class Sp:
    """One link of an SP, with a plain socket."""

    def __init__(self, port: int, secret: str, client_id: str = CLIENT_ID) -> None:
        self.session = ClientSession(Credentials(client_id=client_id, secret=secret))
        self.events: list[Event] = []
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.session.login(time.monotonic(), datetime.now())  # noqa: DTZ005  local digits

    def wait(self, kind: type[_E], count: int = 1) -> list[_E]:
        """The events of that kind, at least ``count``."""
        while True:
            found: list[_E] = [event for event in self.events if isinstance(event, kind)]
            if len(found) >= count:
                return found
            self.socket.sendall(self.session.data_to_send())
            data = self.socket.recv(65536)
            events = self.session.receive(data, time.monotonic()) if data else self.session.connection_lost("end")
            assert events or data, self.events
            for event in events:
                if isinstance(event, Delivered | Reported):
                    self.session.acknowledge(event)
            self.events += events


class Smgw:
    """The process, and its SPs."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.port = free_port()
        self.secret = (stack.folder / SECRET_FILE).read_text().strip()
        self.sps: list[Sp] = []
        secret_file = str(stack.folder / SECRET_FILE)
        stack.start_ismg(
            "--smgw-port", str(self.port), "--smgw-client-id", CLIENT_ID, "--smgw-secret-file", secret_file
        )

    def sp(self, **more: Any) -> Sp:
        self.sps.append(Sp(self.port, **({"secret": self.secret} | more)))
        return self.sps[-1]


@pytest.fixture
def smgw(tmp_path: Path) -> Iterator[Smgw]:
    stack = Stack(tmp_path)
    made = Smgw(stack)
    yield made
    for sp in made.sps:
        sp.socket.close()
    stack.end()


def test_logins(smgw: Smgw) -> None:
    for wrong in ({"secret": "other"}, {"client_id": "unknown"}):
        sp = smgw.sp(**wrong)
        assert sp.wait(LoginRefused)[0].status == Status.AUTH
        assert sp.wait(Closed)
    assert smgw.sp().wait(Connected)[0].authentic
    smgw.stack.faults("smgw", max_links=1)
    assert smgw.sp().wait(LoginRefused)[0].status == Status.TOO_MANY_LINKS
    smgw.stack.faults("smgw", refuse_login=20)
    assert smgw.sp().wait(LoginRefused)[0].status == Status.IP_ADDRESS


def test_a_submit_to_several_is_reported_for_each_and_counted_across_a_kill(smgw: Smgw) -> None:
    numbers = tuple(f"189000000{number:02}" for number in range(20))
    sp = smgw.sp()
    sp.wait(Connected)
    sp.session.submit(submit_of(dest_term_ids=numbers), time.monotonic())
    (answer,) = sp.wait(SubmitAnswered)
    reports = sp.wait(Reported, 20)
    assert {report.deliver.src_term_id for report in reports} == set(numbers)
    assert {report.report.msg_id for report in reports} == {answer.msg_id}
    smgw.stack.kill("ismg")
    smgw.stack.start_ismg("--smgw-port", str(smgw.port), "--smgw-secret-file", str(smgw.stack.folder / SECRET_FILE))
    (submit,) = smgw.stack.submits("smgw")
    assert (submit["msg_id"], submit["sp_id"], len(submit["to"])) == (answer.msg_id.hex(), CLIENT_ID, 20)
    assert smgw.stack.submits("ismg") == []
    (phone,) = smgw.stack.http("GET", f"/phones/{numbers[7]}/messages")
    assert (phone["text"], phone["from"]) == ("你好", "10659")


def test_noise_on_the_port_does_no_harm(smgw: Smgw) -> None:
    for noise in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0" * 5000,
        b"\0\0\0\x0c\0\0\0\x09\0\0\0\0",
        b"\0\0\x0f\xff" + b"x" * 100,
    ):
        with socket.create_connection(("127.0.0.1", smgw.port), timeout=10) as link:
            link.sendall(noise)
            link.shutdown(1)
            link.recv(1000)
    smgw.sp().wait(Connected)
