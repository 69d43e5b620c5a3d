"""A mail that Postfix offers again, since it lost our reply, while Redis cannot say what became of the first time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from sandbox.running import RunningSandbox

pytestmark = pytest.mark.live

USER = "offered@example.test"


@pytest.fixture(scope="module", autouse=True)
def people(sandbox: RunningSandbox) -> None:
    sandbox.add_user(USER)


def mail(queue_id: str, age_s: float) -> bytes:
    """As Postfix hands it over, so long after it took it."""
    taken = format_datetime(datetime.now(UTC) - timedelta(seconds=age_s))
    return (
        f"Received: from x\r\n\tby mx.example.test (Postfix) with ESMTP id {queue_id}; {taken}\r\n"
        f"Subject: {queue_id}\r\nMessage-ID: <{queue_id}@world.test>\r\n\r\ntext\r\n"
    ).encode()


def count(sandbox: RunningSandbox, queue_id: str) -> int:
    return sum(f"Subject: {queue_id}\r\n".encode() in stored for stored in sandbox.mails(USER))


def offer_and_leave(lmtpd: Any, queue_id: str, wire: bytes) -> None:
    with lmtpd.peer() as peer:
        assert peer.begin([USER], queue_id=queue_id) == [250]
        assert peer.command("DATA")[0] == 354
        peer.send(wire + b".\r\n")


@pytest.mark.parametrize("first_without", [False, True])
def test_redis_away_at_the_second_time(lmtpd: Any, sandbox: RunningSandbox, first_without: bool) -> None:
    queue_id = f"4jXoffered{first_without:05d}"
    wire = mail(queue_id, 3.0)
    if not first_without:
        offer_and_leave(lmtpd, queue_id, wire)
        sandbox.eventually(lambda: count(sandbox, queue_id) == 1)
    with sandbox.stopped("redis"):
        if first_without:
            offer_and_leave(lmtpd, queue_id, wire)
            sandbox.eventually(lambda: count(sandbox, queue_id) == 1)
        with lmtpd.peer() as peer:
            (reply,) = peer.deliver([USER], wire, queue_id=queue_id)
    assert reply[0] == 250
    assert "earlier attempt" in reply[1]
    assert count(sandbox, queue_id) == 1


def test_what_is_fresh_is_not_looked_for_while_redis_is_away(lmtpd: Any, sandbox: RunningSandbox) -> None:
    with sandbox.stopped("redis"), lmtpd.peer() as peer:
        started = time.monotonic()
        for number in range(20):
            queue_id = f"4jXfresh{number:05d}"
            (reply,) = peer.deliver([USER], mail(queue_id, 0.0), queue_id=queue_id)
            assert reply[0] == 250
        assert time.monotonic() - started < 5
    assert [count(sandbox, f"4jXfresh{number:05d}") for number in range(20)] == [1] * 20
