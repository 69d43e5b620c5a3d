"""The simulated carrier is killed under load: what it acknowledged is still counted afterwards."""

import signal
from collections import Counter

import pytest

from mail2sms.cmpp.events import SubmitAnswered
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


def test_it_stops_in_order_and_says_what_is_wrong_with_its_arguments(own_carrier: Carrier) -> None:
    assert own_carrier.stop(signal.SIGTERM) == 0
    own_carrier.start()
    (own_carrier.folder / "secret").unlink()
    own_carrier.stop(signal.SIGTERM)
    with pytest.raises(AssertionError):
        own_carrier.start()
    own_carrier.stop(signal.SIGTERM)
