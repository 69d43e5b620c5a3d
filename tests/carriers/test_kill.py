"""The simulated carrier is killed under load: what it acknowledged is still counted afterwards."""

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from mail2sms.cmpp.events import Closed, SubmitAnswered
from tests.carriers.conftest import Carrier, Sp

pytestmark = pytest.mark.live


def test_acknowledged_submits_outlive_a_kill(own_carrier: Carrier) -> None:
    carrier, sent = own_carrier, 0
    acknowledged: set[str] = set()
    for _ in range(3):
        link = Sp(carrier.cmpp_port).logged_in()
        texts = {}
        while len(link.all(SubmitAnswered)) < 200:
            while link.session.free:
                texts[link.submit(f"message {sent}", f"138{sent:08}")] = f"message {sent}"
                sent += 1
            link.turn()
        carrier.stop(signal.SIGKILL)
        link.turn()
        acknowledged |= {texts[answer.sequence_id] for answer in link.all(SubmitAnswered)}
        link.close()
        carrier.start()
    counted = Counter(record["text"] for record in carrier.get("/ismg/submits?limit=10000"))
    assert len(acknowledged) >= 600
    assert acknowledged <= counted.keys()
    assert set(counted.values()) == {1}
    shown = carrier.get("/phones/13800000000/messages")
    assert [message["text"] for message in shown] == ["message 0"]


def test_pages_of_the_journal_hang_together(own_carrier: Carrier) -> None:
    link = Sp(own_carrier.cmpp_port).logged_in()
    for number in range(50):
        link.submit(str(number))
        link.wait(SubmitAnswered, number + 1)
    found, after = [], 0
    while page := own_carrier.get(f"/ismg/submits?after={after}&limit=7"):
        found += page
        after = page[-1]["n"]
    assert [record["text"] for record in found] == [str(number) for number in range(50)]
    link.close()


def test_it_stops_in_order(own_carrier: Carrier) -> None:
    link = Sp(own_carrier.cmpp_port).logged_in()
    assert own_carrier.stop(signal.SIGTERM) == 0
    (closed,) = link.wait(Closed)
    assert closed.clean
    link.close()
    own_carrier.start()


@pytest.mark.parametrize(
    "wrong, why",
    [
        (["--host", "192.0.2.1"], "carriers: --host 192.0.2.1: only loopback, the carrier is for tests"),
        (["--host", "elsewhere"], "carriers: 'elsewhere' does not appear to be an IPv4 or IPv6 address"),
        (["--sp-id", "901234", "--sp-id", "901235"], "carriers: 2 --sp-id but 1 --secret-file"),
        (["--sp-id", "9012345"], "carriers: --sp-id '9012345' is not 1-6 letters or digits"),
        (["--secret-file", "/nonexistent"], "carriers: /nonexistent: secret cannot be read: No such file or directory"),
        (["--phone", "alice"], "carriers: 'alice' is not a phone number"),
    ],
)
def test_wrong_arguments_get_one_line(tmp_path: Path, wrong: list[str], why: str) -> None:
    command = [sys.executable, "-m", "sandbox.carriers", "--cmpp-port", "0", "--http-port", "0", *wrong]
    command += ["--state-dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 78
    assert done.stderr.startswith(why)
    assert done.stderr.count("\n") == 1
