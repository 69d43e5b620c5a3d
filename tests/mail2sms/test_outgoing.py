"""What is queued, once, within the caps; on a real Redis."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from caiyou.errors import InputError
from caiyou.msisdn import Msisdn
from caiyou.queues import mt_stream
from caiyou.settings import load
from mail2sms.outgoing import Outgoing, Payer, spent_key
from mail2sms.settings import SmsSettings
from tests.fix_redis import RedisServer, redis_server

pytestmark = pytest.mark.live
__all__ = ["redis_server"]

NOW = datetime(2026, 11, 30, 15, 59, 59, tzinfo=UTC)  # a second before December in Shanghai
TO = Msisdn("8613800138000")
ALICE = Payer(subscriber="alice@example.test", domain="example.test", month_fen=20, domain_month_fen=30)
BOB = Payer(subscriber="bob@example.test", domain="example.test", domain_month_fen=30)
SETTINGS = """
[sms]
subscriber_month_fen = 1000
[sms.routes]
default = {links = ["a"], price_fen = 10}
free = ["a"]
[sms.links.a]
type = "cmpp"
host = "h"
sp_id = "1"
src_id = "1"
secret_file = "/x"
"""


@pytest.fixture
def outgoing(redis_server: RedisServer, tmp_path: Path) -> Outgoing:
    path = tmp_path / "caiyou.toml"
    path.write_text(SETTINGS)
    redis_server.start()
    return Outgoing(redis.Redis(port=redis_server.port), load(path).table(SmsSettings), "Asia/Shanghai")


def _send(outgoing: Outgoing, id: str, text: str = "hello", **more: Any) -> str:
    return outgoing.send(TO, text, **{"id": id, "message_class": "code", "now": NOW, **more})


def _on(server: RedisServer, stream: str) -> list[dict[str, Any]]:
    entries: Any = server.client.xrange(stream)
    return [json.loads(fields["m"]) for _, fields in entries]


def test_a_message_is_queued_once(outgoing: Outgoing, redis_server: RedisServer) -> None:
    assert [_send(outgoing, "1"), _send(outgoing, "1"), _send(outgoing, "2")] == ["queued", "again", "queued"]
    found = _on(redis_server, mt_stream("default", "code"))
    assert [message["id"] for message in found] == ["1", "2"]
    assert found[0]["valid_until"] == (NOW + timedelta(days=1)).isoformat()
    events: Any = redis_server.client.xrange("events")
    event = json.loads(events[0][1]["e"])
    assert (event["kind"], event["sms_id"], event["result"]) == ("sms.queued", "1", "code")
    assert event["detail"] == {"route": "default", "message_class": "code", "parts": 1, "price_fen": 10}
    assert "text" not in event["detail"]


def test_each_part_costs_and_a_cap_holds(outgoing: Outgoing, redis_server: RedisServer) -> None:
    long = "彩" * 71
    became = [_send(outgoing, "1", payer=ALICE), _send(outgoing, "2", long, payer=ALICE)]
    became += [_send(outgoing, "3", payer=ALICE), _send(outgoing, "4", payer=ALICE)]
    assert became == ["queued", "spending_cap", "queued", "spending_cap"]
    assert redis_server.client.get(spent_key("subscriber", "alice@example.test", "2026-11")) == "20"
    assert [_send(outgoing, "5", payer=BOB), _send(outgoing, "6", payer=BOB)] == ["queued", "spending_cap"]  # domain
    assert redis_server.client.get(spent_key("domain", "example.test", "2026-11")) == "30"


def test_a_month_ends_in_the_sites_zone(outgoing: Outgoing) -> None:
    assert [_send(outgoing, f"a{n}", payer=ALICE) for n in range(3)] == ["queued", "queued", "spending_cap"]
    december = NOW + timedelta(seconds=1)
    assert [_send(outgoing, f"b{n}", payer=ALICE, now=december) for n in range(3)][-2:] == ["queued", "spending_cap"]


def test_what_is_free_is_not_capped(outgoing: Outgoing) -> None:
    assert {_send(outgoing, str(n), payer=ALICE, route="free") for n in range(10)} == {"queued"}


def test_the_settings_cap_holds_for_who_has_none(outgoing: Outgoing) -> None:
    payer = Payer(subscriber="dora@example.test", domain="example.test")
    became = [_send(outgoing, str(n), "x" * 134 * 20, payer=payer) for n in range(6)]
    assert became == ["queued"] * 5 + ["spending_cap"]


def test_zero_is_no_cap(outgoing: Outgoing) -> None:
    payer = Payer(subscriber="dora@example.test", domain="example.test", month_fen=0)
    assert {_send(outgoing, str(n), "x" * 134 * 20, payer=payer) for n in range(6)} == {"queued"}


@pytest.mark.parametrize(
    "message_class, became", [("bulk", "stopped"), ("notification", "stopped"), ("code", "queued")]
)
def test_stop_is_honoured(outgoing: Outgoing, redis_server: RedisServer, message_class: str, became: str) -> None:
    redis_server.client.sadd("sms:stopped", TO)
    assert _send(outgoing, "1", message_class=message_class) == became


@pytest.mark.parametrize(
    "more, says",
    [
        ({"message_class": "sale"}, "class 'sale' is not one of alarm, code, notification, bulk"),
        ({"route": "x"}, "route 'x' is not in sms.routes (default, free)"),
        ({"text": ""}, "the text is empty"),
        ({"text": "彩" * 71, "long": False}, "does not fit one SMS"),
        ({"text": "彩" * 67 * 256}, "does not fit 255 parts"),
    ],
)
def test_what_cannot_be_sent_is_refused(outgoing: Outgoing, more: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as error:
        _send(outgoing, "1", **more)
    assert says in str(error.value)
