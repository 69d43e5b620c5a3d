"""The gateway as a process, over SMPP, to the simulated SMSC."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from socket import gethostname
from typing import Any

import pytest

from bench.stack import SECRET_FILE, Stack, free_port, wait_for
from caiyou.queues import ShortMessage
from mail2sms.live import link_key

pytestmark = pytest.mark.live

PHONE = "13800138000"
LONG = "彩邮" * 100


class SmscStack(Stack):
    """Its link is called ``smsc``."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.smsc_port = free_port()

    def begin(self, sms: str = "", *, port: int = 0, **link: Any) -> SmscStack:
        """Everything."""
        table = self.link_of("smpp", "smsc", port or self.smsc_port, system_id="caiyou", src_id="10660", **link)
        self.configure(f'routes = {{default = ["smsc"]}}\n{sms}\n{table}')
        self.start_redis()
        self.start_smsc()
        self.start_gateway()
        return self

    def start_smsc(self) -> None:
        """Return when it answers."""
        self.start_ismg(*("--smsc-port", str(self.smsc_port)), *("--smsc-secret-file", str(self.folder / SECRET_FILE)))

    def up(self) -> SmscStack:
        wait_for(lambda: self.events("link.up"))
        return self

    def wrong(self, **faults: Any) -> None:
        """Replace the SMSC's faults."""
        self.http("PUT", "/smsc/faults", faults)

    def taken(self) -> list[dict[str, Any]]:
        """Submits that the SMSC took."""
        found: list[dict[str, Any]] = self.http("GET", "/smsc/submits?limit=10000")
        return [submit for submit in found if submit["result"] == 0]

    def shown(self) -> list[dict[str, Any]]:
        """What the phone shows."""
        found: list[dict[str, Any]] = self.http("GET", f"/phones/{PHONE}/messages")
        return found

    def link_state(self) -> dict[str, str]:
        values: Any = self.redis.hgetall(link_key(f"{gethostname()}:gw", "smsc"))
        return {key.decode(): value.decode() for key, value in values.items()}


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[SmscStack]:
    made = SmscStack(tmp_path)
    yield made
    made.end()


def _message(id: str, text: str = "hello", **more: Any) -> ShortMessage:
    return ShortMessage(**{"id": id, "to": f"86{PHONE}", "text": text, "route": "default", **more})


@pytest.mark.parametrize("bind", ["transceiver", "pair"])
def test_a_message_goes_out_and_its_report_comes_back(stack: SmscStack, bind: str) -> None:
    stack.begin(bind=bind, message_id="hex_to_dec").up()
    stack.wrong(id_in_answer="HEX", id_in_receipt="dec", receipt_by="text")
    stack.send(_message("one", "你好 hello"))
    wait_for(lambda: stack.events("sms.delivered"))
    (delivered,) = stack.events("sms.delivered")
    assert (delivered["sms_id"], delivered["result"]) == ("one", "DELIVRD")
    assert stack.waiting() == 0
    (phone,) = stack.shown()
    assert (phone["text"], phone["from"]) == ("你好 hello", "10660")
    log = stack.log("gateway")
    assert "你好" not in log
    assert PHONE not in log
    assert "s3cret" not in log


@pytest.mark.parametrize("long", ["udh", "sar", "payload"])
def test_a_long_message_is_one_message(stack: SmscStack, long: str) -> None:
    stack.begin(long=long).up()
    stack.send(_message("han", LONG, long=True))
    stack.send(_message("latin", "[x] " * 75, long=True))
    wait_for(lambda: len(stack.events("sms.delivered")) == 2)
    assert len(stack.events("sms.submitted")) == 2
    assert sorted(message["text"] for message in stack.shown()) == sorted([LONG, "[x] " * 75])


def test_what_became_of_a_message(stack: SmscStack) -> None:
    stack.begin().up()
    stack.wrong(report_stats={PHONE: "UNDELIV"}, intermediate=True)
    stack.send(_message("one"))
    wait_for(lambda: stack.events("sms.failed"))
    assert stack.events("sms.failed")[0]["result"] == "UNDELIV 006"


@pytest.mark.parametrize(
    "faults",
    [
        {"report_jitter_s": 0.5, "report_copies": 2, "report_empty_number": True},
        {"report_before_answer": True, "report_delay_s": 0.02},
        {"intermediate": True, "receipt_by": "data_sm", "id_in_answer": "padded", "id_in_receipt": "hex"},
    ],
)
def test_every_receipt_finds_its_message(stack: SmscStack, faults: dict[str, Any]) -> None:
    stack.begin(message_id="folded").up()
    stack.wrong(**faults)
    texts = stack.send_many(200)
    wait_for(lambda: len(stack.events("sms.delivered")) == len(texts))
    assert Counter(_text(event) for event in stack.events("sms.delivered")) == Counter(texts)
    assert not stack.events("sms.in_doubt")


@pytest.mark.parametrize("by", ["udh", "sar", "data_sm"])
def test_a_long_message_from_a_handset_is_joined(stack: SmscStack, by: str) -> None:
    stack.begin().up()
    stack.wrong(mo_by=by)
    body = {"to": "10660", "text": LONG, "carrier": "smsc"}
    stack.http("POST", f"/phones/{PHONE}/messages", body)
    wait_for(lambda: stack.events("sms.received"))
    (event,) = stack.events("sms.received")
    assert (event["number"], event["detail"]["to"], event["detail"]["parts"]) == (f"86{PHONE}", "10660", 3)
    inbox: Any = stack.redis.lrange(f"mo:inbox:86{PHONE}", 0, -1)
    assert [bytes.fromhex(json.loads(entry)["text"]).decode("utf-16-be") for entry in inbox] == [LONG]


def test_flow_control_slows_and_loses_nothing(stack: SmscStack) -> None:
    stack.begin().up()
    stack.wrong(max_per_s=40, report_delay_s=0.0)
    texts = stack.send_many(150)
    wait_for(lambda: len(stack.events("sms.delivered")) == len(texts), 40)
    assert Counter(submit["text"] for submit in stack.taken()) == Counter(texts)
    assert stack.http("GET", "/smsc/status")["results"]["88"] > 0


def _nothing_is_lost_and_repeats_are_flagged(stack: SmscStack, texts: list[str]) -> None:
    wait_for(lambda: len(stack.events("sms.submitted")) + len(stack.events("sms.failed")) == len(texts), 60)
    events = stack.events("sms.submitted") + stack.events("sms.failed")
    flagged = {_text(event) for event in events if "possible_repeat" in event.get("detail", {})}
    failed = {_text(event) for event in stack.events("sms.failed")}
    counts = Counter(submit["text"] for submit in stack.taken())
    assert failed <= flagged  # cut twice in the middle: a third time is too often
    assert set(texts) - failed <= set(counts) <= set(texts)
    assert {text for text, count in counts.items() if count > 1} <= flagged
    assert max(counts.values()) <= 2
    assert stack.waiting() == 0


def _text(event: dict[str, Any]) -> str:
    return str(event["sms_id"]).removeprefix("id-")


def test_cuts(stack: SmscStack) -> None:
    stack.begin().up()
    stack.wrong(disconnect_share=0.02, report_delay_s=0.05, report_jitter_s=0.1)
    texts = stack.send_many(300)
    _nothing_is_lost_and_repeats_are_flagged(stack, texts)
    assert len(stack.events("link.down")) > 1


@pytest.mark.parametrize("who", ["gateway", "ismg"])
def test_kill_9(stack: SmscStack, who: str) -> None:
    stack.begin().up()
    stack.wrong(answer_delay_s=0.02, report_delay_s=0.05)
    texts = stack.send_many(400)
    wait_for(lambda: len(stack.taken()) > 100)
    stack.kill(who)
    stack.start_gateway() if who == "gateway" else stack.start_smsc()
    _nothing_is_lost_and_repeats_are_flagged(stack, texts)


class Damage:
    """Stands between gateway and SMSC and damages what the SMSC says while ``harms`` holds."""

    def __init__(self, to: int, seed: int) -> None:
        self._to = to
        self._random = random.Random(seed)
        self.harms = True
        self.count = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                for source, sink, hurts in ((near, far, False), (far, near, True)):
                    threading.Thread(target=self._copy, args=(source, sink, hurts), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket, hurts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(120 if hurts else 4096):
                sink.sendall(self._hurt(data) if hurts and self.harms else data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _hurt(self, data: bytes) -> bytes:
        octets, chance = bytearray(data), self._random.random()
        if chance > 0.06:
            return data
        self.count += 1
        place = self._random.randrange(len(octets))
        if chance < 0.04:
            octets[place] = self._random.randrange(256)
        elif chance < 0.05:
            del octets[place : place + self._random.randrange(1, 20)]
        else:
            octets[place:place] = self._random.randbytes(self._random.randrange(1, 20))
        return bytes(octets)

    def close(self) -> None:
        self._listener.close()


@pytest.mark.parametrize("seed", range(2))
def test_an_smsc_that_says_anything(stack: SmscStack, seed: int) -> None:
    damage = Damage(stack.smsc_port, seed)
    # An impossible length that is possible all the same makes a connection wait for octets that never come.
    stack.begin(port=damage.port, answer_s=1.0, idle_s=0.5, tries=1, refused_s=0.3).up()
    stack.wrong(report_delay_s=0.05)
    for wave in range(10):
        stack.send_many(30, f"w{wave}-")
        stack.http("POST", f"/phones/{PHONE}/messages", {"to": "10660", "text": f"hello {wave}", "carrier": "smsc"})
    wait_for(lambda: damage.count > 20, 40)
    damage.harms = False
    texts = [f"w{wave}-{number:05d}" for wave in range(10) for number in range(30)]
    wait_for(lambda: stack.waiting() == 0, 60)
    events = stack.events("sms.submitted") + stack.events("sms.failed")
    assert {_text(event) for event in events} == set(texts)
    taken = {submit["text"] for submit in stack.taken()}
    failed = {_text(event) for event in stack.events("sms.failed")}  # by a damaged answer, or in doubt twice
    assert set(texts) - taken <= failed
    assert len(failed) < 30
    assert stack.processes["gateway"].poll() is None
    stack.send(_message("after", "after all"))
    wait_for(lambda: "after" in {event["sms_id"] for event in stack.events("sms.delivered")})
    assert "Traceback" not in stack.log("gateway")
    damage.close()


def test_a_wrong_password_does_not_hammer(stack: SmscStack) -> None:
    wrong = stack.folder / "wrong"
    wrong.write_text("another\n")
    stack.begin(secret_file=str(wrong))
    wait_for(lambda: stack.link_state().get("state") == "refused")
    assert "0Eh ESME_RINVPASWD" in stack.link_state()["why"]
    assert stack.http("GET", "/smsc/status")["counts"]["connections"] == 1
    log = stack.log("gateway")
    assert "another" not in log
    assert json.dumps(stack.link_state()).count("another") == 0
