"""Carriers that send anything: a real gateway, a real Redis, a real socket, and an ISMG that is out of its mind.

Whatever comes, the link is never away for longer than a reconnect, memory stays bounded, and every queued message goes
out: once, or where an answer was lost with its connection, once more and flagged.
"""

from __future__ import annotations

import random
import socket
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench.stack import Stack, wait_for
from tests.mail2sms.hostile_ismg import NO_REQUEST, Connection, Hostile, mo, mutant, report

pytestmark = pytest.mark.live

QUICK: dict[str, Any] = {"reconnect_s": 0.02, "reconnect_max_s": 0.05, "idle_s": 0.5, "answer_s": 0.5, "tries": 2}
GROWTH_BYTES = 40 << 20


def _start(stack: Stack) -> None:
    stack.configure(f'routes = {{default = ["mobile"]}}\n{stack.link(**QUICK)}')
    stack.start_redis(fsync="everysec")
    stack.start_gateway()
    wait_for(lambda: stack.events("link.up"))


def _rss_bytes(stack: Stack) -> int:
    status = Path(f"/proc/{stack.processes['gateway'].pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) << 10


def _settled(stack: Stack, hostile: Hostile, texts: list[str]) -> None:
    """Everything is sent; nothing twice that is not flagged, nothing given up that is not in doubt."""
    wait_for(lambda: stack.waiting() == 0, 30.0)
    assert not hostile.errors
    doubtful = {event["sms_id"].removeprefix("id-") for event in stack.events("sms.in_doubt")}
    failed = {event["sms_id"].removeprefix("id-"): event["result"] for event in stack.events("sms.failed")}
    assert set(failed.values()) <= {"unanswered"}
    assert set(texts) - set(hostile.accepted) <= set(failed) <= doubtful
    assert {text for text, times in hostile.accepted.items() if times > 1} <= doubtful
    assert max(hostile.accepted.values()) <= 2
    assert set(hostile.accepted) <= set(texts)
    assert stack.processes["gateway"].poll() is None
    assert "Traceback" not in stack.log("gateway")


def _wait_for_logins(hostile: Hostile, count: int) -> None:
    wait_for(lambda: hostile.logins >= count, 30.0)


@pytest.mark.parametrize("seed", range(3))
def test_mutants_that_keep_the_stream_in_step_never_end_the_link(stack: Stack, seed: int) -> None:
    chance = random.Random(seed)
    told: list[int] = []

    def script(connection: Connection) -> None:
        for _ in range(90):  # a hundred that cannot be read end it, and should
            connection.send(mutant(chance, framed=True))
            connection.serve(0.005)
        told.append(1)
        connection.serve_on()

    with Hostile(stack.cmpp_port, script) as hostile:
        _start(stack)
        texts = stack.send_many(500)
        wait_for(lambda: told)
        _settled(stack, hostile, texts)
        assert Counter(hostile.accepted) == Counter(texts)
        assert hostile.logins == 1
        assert not stack.events("link.down")


def test_mutants_of_every_kind(stack: Stack) -> None:
    chance = random.Random(7)
    sent = 0
    is_over = False

    def script(connection: Connection) -> None:
        nonlocal sent
        while not is_over:
            connection.send(mutant(chance, framed=False))
            sent += 1
            if not connection.serve(0.002):
                return
        connection.serve_on()

    with Hostile(stack.cmpp_port, script) as hostile:
        _start(stack)
        before = _rss_bytes(stack)
        texts = []
        for part in range(20):
            texts += stack.send_many(20, f"{part}-")
            _wait_for_logins(hostile, hostile.logins + 5)  # away no longer than a reconnect
        is_over = True
        _settled(stack, hostile, texts)
        assert sent > 100
        assert _rss_bytes(stack) - before < GROWTH_BYTES


def test_random_octets_after_the_login(stack: Stack) -> None:
    chance = random.Random(11)

    def script(connection: Connection) -> None:
        connection.serve(0.02)
        if hostile.logins <= 100:
            connection.send(chance.randbytes(chance.randint(1, 20_000)))
            connection.serve(0.02)
        else:
            connection.serve_on()

    with Hostile(stack.cmpp_port, script) as hostile:
        _start(stack)
        texts = stack.send_many(300)
        wait_for(lambda: hostile.logins > 100, 30.0)
        _settled(stack, hostile, texts)


@pytest.mark.parametrize("size", [1, 3, 4, 11, 12, 40])
def test_half_a_pdu_and_then_silence(stack: Stack, size: int) -> None:
    def script(connection: Connection) -> None:
        if hostile.logins == 1:
            connection.send(mo(5)[:size])
            while not connection.ended:  # read and say nothing
                connection._take(answer=False)
        connection.serve_on()

    with Hostile(stack.cmpp_port, script) as hostile:
        _start(stack)
        begun = time.monotonic()
        wait_for(lambda: hostile.logins == 2)
        assert time.monotonic() - begun < 10.0  # idle 0.5 s, two tests of 0.5 s, looked at once a second
        texts = stack.send_many(20)
        _settled(stack, hostile, texts)
        assert Counter(hostile.accepted) == Counter(texts)


def test_unknown_commands_without_end(stack: Stack) -> None:
    unknown = b"".join((12).to_bytes(4, "big") + c.to_bytes(4, "big") + NO_REQUEST.to_bytes(4, "big") for c in (3, 9))

    def script(connection: Connection) -> None:
        connection.serve(0.05)
        if hostile.logins <= 20:
            connection.send(unknown * 5000)
        connection.serve_on()

    with Hostile(stack.cmpp_port, script) as hostile:
        _start(stack)
        texts = stack.send_many(200)
        wait_for(lambda: hostile.logins > 20, 30.0)
        _settled(stack, hostile, texts)
        assert stack.log("gateway").count("malformed=") < 20 * 110


def test_peer_that_sends_without_end_and_never_reads(stack: Stack) -> None:
    def script(connection: Connection) -> None:
        if hostile.logins > 1:
            connection.serve_on()
            return
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.socket.settimeout(1.0)
        tests = bytes.fromhex("0000000c 00000008 00000000") * 500
        try:
            for number in range(1, 10_000):
                connection.send(tests + mo(number))
        except TimeoutError:
            flooded.append(number)  # it is not read either

    flooded: list[int] = []
    with Hostile(stack.cmpp_port, script) as hostile:
        _start(stack)
        before = _rss_bytes(stack)
        texts = stack.send_many(100)
        wait_for(lambda: flooded, 30.0)
        assert _rss_bytes(stack) - before < GROWTH_BYTES
        _settled(stack, hostile, texts)


def test_storm_of_messages_and_reports_while_redis_is_away(stack: Stack) -> None:
    count = 3000
    away: list[int] = []

    def script(connection: Connection) -> None:
        while not away:
            connection.serve(0.01)
        answered = 0
        for msg_id in range(1, count + 1):  # as much as goes: then again what was not answered
            connection.socket.setblocking(False)
            try:
                connection.socket.sendall(mo(msg_id, f"mo {msg_id}") if msg_id % 2 else report(msg_id))
            except BlockingIOError:
                break
            finally:
                connection.socket.settimeout(5.0)
            answered = msg_id
        stormed.append(answered)
        connection.serve_on()

    stormed: list[int] = []
    with Hostile(stack.cmpp_port, script) as hostile:
        stack.configure(f'routes = {{default = ["mobile"]}}\n{stack.link(reconnect_s=0.05, reconnect_max_s=0.1)}')
        stack.start_redis()
        stack.start_gateway()
        wait_for(lambda: stack.events("link.up"))
        before = _rss_bytes(stack)
        stack.kill("redis")
        away.append(1)
        wait_for(lambda: stormed)
        time.sleep(1.0)  # it goes on being away
        assert not hostile.deliver_answers
        assert _rss_bytes(stack) - before < GROWTH_BYTES
        stack.start_redis()
        texts = stack.send_many(100)
        sent = stormed[0]
        wait_for(lambda: sum(hostile.deliver_answers.values()) >= sent, 30.0)
        _settled(stack, hostile, texts)
        got = [int(event["detail"]["ref"], 16) for event in stack.events("sms.received")]
        assert sorted(got) == list(range(1, sent + 1, 2))
        assert sent > 1000
        assert max(hostile.deliver_answers.values()) == 1
        assert not stack.events("link.down")
