"""What a backlog costs: as much a message as a short one does. No I/O: the journal's steps stay where they are."""

from __future__ import annotations

import json
import time

import redis.asyncio

from caiyou.queues import ShortMessage, mt_stream, to_payload
from mail2sms.gateway import Gateway
from mail2sms.journal import Journal
from mail2sms.lane import Lane
from mail2sms.links import Answer, MtPart, Sink
from mail2sms.sending import read_entry
from mail2sms.settings import SmsSettings


class RoomyLink:
    """Takes whole texts, any number of them."""

    account = "x"
    whole = True
    notes: dict[str, str] = {}  # noqa: RUF012  nobody writes to it

    def __init__(self, capacity: int = 1_000_000) -> None:
        self.capacity = capacity

    def submit(self, tag: int, part: MtPart) -> Answer | None:
        """Never answers."""

    async def run(self, sink: Sink, stop_s: float) -> None:
        """Is up already."""


def _gateway(messages: int) -> Gateway:
    settings = SmsSettings.model_validate(
        {
            "routes": {"default": ["web"], "other": ["web"]},
            "links": {"web": {"type": "modem", "device": "/dev/null"}},
            "backlog": 100_000,
        }
    )
    journal = Journal(redis.asyncio.Redis(), {})
    gateway = Gateway(settings, [Lane("web", RoomyLink(), 0.0)], journal, "CN")
    gateway.token = "mine"
    for route in settings.routes:
        for number in range(messages // 2):
            message = ShortMessage(id=f"{route}{number}", to="8613800138000", text="彩" * 100, route=route, long=True)
            stream = mt_stream(route)
            gateway.adopt(read_entry(stream, f"{number}-1", {b"m": json.dumps(to_payload(message)).encode()}))
    return gateway


def _pump_s(messages: int) -> float:
    gateway = _gateway(messages)
    began = time.perf_counter()
    gateway.pump()
    taken_s = time.perf_counter() - began
    assert gateway.journal.waiting == messages
    assert not any(gateway.backlog.values())
    return taken_s


def test_long_messages_that_go_whole_cost_the_same_in_a_long_backlog() -> None:
    few, many = (min(_pump_s(count) for _ in range(3)) for count in (500, 8000))
    assert many / few < 16 * 4  # twice as many cost twice as much, and room for a busy machine


def test_what_waits_for_a_link_that_stays_away_costs_the_same_in_a_long_backlog() -> None:
    taken_s = {}
    for count in (500, 8000):
        gateway = _gateway(count)
        (lane,) = gateway.lanes.values()
        for sending in gateway.held.values():
            sending.lane = lane
            sending.accepted = {1}
        lane.link = RoomyLink(0)
        lane.down_at = time.monotonic() - 1000
        began = time.perf_counter()
        gateway.tick()
        taken_s[count] = time.perf_counter() - began
        assert len(lane.kept) >= count
        gateway.tick()
        assert not any(gateway.backlog.values())  # they start over, by whichever gateway has a link
        assert not lane.kept or all(sending.over for sending, _, _ in lane.kept)
    assert taken_s[8000] / taken_s[500] < 16 * 4
