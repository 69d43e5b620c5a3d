"""The journal's script on a real Redis: a batch whose answer was lost is played again, and that changes nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
import redis

from caiyou.queues import MO_JOB, MO_QUEUE
from mail2sms.journal import SCRIPT
from tests.fix_redis import RedisServer, redis_server

pytestmark = pytest.mark.live
__all__ = ["redis_server"]

LEASE, TOKEN, STREAM = "gateway:g", "host:1:2:x", "mt:default:notification"
FIXED = {
    **{"lease": LEASE, "group": "gw", "at": "2026-11-23T04:00:00+00:00", "report_ttl": 600, "early_ttl": 600},
    **{"mo_queue": MO_QUEUE, "mo_job": MO_JOB},
}
Op = list[Any]


def event(id: str, kind: str = "submitted") -> str:
    return json.dumps({"kind": f"sms.{kind}", "at": FIXED["at"], "id": f"{id}-{kind}", "sms_id": id})


def send(id: str, number: int = 1, total: int = 1, mark: str = "?") -> Op:
    return ["send", TOKEN, id, number, total, "mobile", mark, f'"sms_id":{json.dumps(id)}', "me", "", "8613800138000"]


def accepted(id: str, number: int = 1, total: int = 1, last: bool = True) -> Op:
    return ["accepted", id, number, total, STREAM, "1-1", "901234", f"{id}{number}", event(id) if last else ""]


def report(id: str, number: int = 1, state: str = "delivered", stat: str = "DELIVRD") -> Op:
    return ["report", "901234", f"{id}{number}", state, stat, ""]


def mo(number: int, text: str, total: int = 2) -> Op:
    octets = text.encode("utf-16-be").hex()
    return ["mo", f"seen{number}", f"mark{number}", "mo:join:901234:k", number, total, octets, 9e9, MO]


MO = json.dumps(
    {
        "event": {"kind": "sms.received", "id": "mo", "at": "", "detail": {"to": "8878"}},
        "mo": {"id": "mo", "number": "8613800138000", "to": "8878"},
    }
)
WAYS: dict[str, list[list[Op]]] = {
    "one part": [[send("a")], [accepted("a")], [report("a")]],
    "answer and report in one batch": [[send("a")], [accepted("a"), report("a")]],
    "a report before the answer": [[send("a")], [report("a")], [accepted("a")]],
    "two parts": [
        [send("a", 1, 2), send("a", 2, 2)],
        [accepted("a", 1, 2, last=False)],
        [report("a", 1), accepted("a", 2, 2)],
        [report("a", 2)],
    ],
    "two parts, reports before the answers": [
        [send("a", 1, 2), send("a", 2, 2)],
        [report("a", 2), report("a", 1)],
        [accepted("a", 1, 2, last=False)],
        [accepted("a", 2, 2)],
    ],
    "a carrier that joins the parts and reports on the last": [
        [send("a", 1, 2), send("a", 2, 2)],
        [["accepted", "a", 1, 2, STREAM, "1-1", "901234", "", ""], accepted("a", 2, 2)],
        [report("a", 2)],
    ],
    "sent again": [[send("a")], [send("a", mark="??")], [accepted("a")], [report("a")], [report("a")]],
    "refused": [[send("a")], [["over", "a", "failed", STREAM, "1-1", event("a", "failed")]]],
    "failed while its second part goes out": [
        [send("a", 1, 2)],
        [accepted("a", 1, 2, last=False)],
        [send("a", 2, 2), report("a", 1, "failed", "UNDELIV")],
        [accepted("a", 2, 2)],
    ],
    "failed by report": [[send("a")], [accepted("a")], [report("a", state="failed", stat="UNDELIV")]],
    "no short message": [[["junk", STREAM, "1-1", "why"]]],
    "settled already": [[["drop", STREAM, "1-1"]]],
    "due now": [[["tick", 2.0, 10]]],
    "from a handset": [[mo(1, "hello", total=1)]],
    "from a handset, in parts": [[mo(1, "hel")], [mo(2, "lo")]],
    "from a handset, a part missing": [[mo(1, "hel")], [["tick", 9e10, 10]]],
    "from a handset, two": [[mo(1, "hello", total=1), mo(2, "again", total=1)]],
}


def state(client: redis.Redis) -> dict[str, object]:
    """Every key with its content, but for the ids of stream entries."""
    found: dict[str, object] = {}
    for key in sorted(client.scan_iter()):
        match client.type(key):
            case "stream":
                entries: Any = client.xrange(key)
                found[key] = [fields for _, fields in entries]
            case "hash":
                found[key] = client.hgetall(key)
            case "zset":
                found[key] = client.zrange(key, 0, -1, withscores=True)
            case "list":
                found[key] = client.lrange(key, 0, -1)
            case "set":
                found[key] = client.smembers(key)
            case _:
                found[key] = client.get(key)
    return found


def play(server: RedisServer, batches: Sequence[list[Op]], times: int) -> dict[str, object]:
    client = server.client
    client.flushall()
    client.set(LEASE, TOKEN)
    client.xadd(STREAM, {"m": "{}"}, id="1-1")
    client.xgroup_create(STREAM, "gw", id="0")
    client.xreadgroup("gw", "g", {STREAM: ">"})
    client.zadd("mt-later", {json.dumps({"route": "later"}): 1.0})
    for batch in batches:
        for _ in range(times):
            client.eval(SCRIPT, 0, json.dumps({**FIXED, "ops": batch}))
    return state(client)


@pytest.mark.parametrize("way", WAYS)
def test_a_batch_played_again_changes_nothing(redis_server: RedisServer, way: str) -> None:
    redis_server.start()
    once = play(redis_server, WAYS[way], 1)
    assert play(redis_server, WAYS[way], 2) == once


def test_every_way_ends_with_its_event(redis_server: RedisServer) -> None:
    redis_server.start()
    ends = {}
    for way, batches in WAYS.items():
        played: Any = play(redis_server, batches, 1)
        kinds = [json.loads(fields["e"])["kind"] for fields in played.get("events", [])]
        ends[way] = kinds[-1].removeprefix("sms.") if kinds else ""
    silent = dict.fromkeys(("no short message", "settled already", "due now"), "")
    handset = {way: "received" for way in WAYS if way.startswith("from a handset")}
    failed = {way: "failed" for way in WAYS if way.startswith(("refused", "failed"))}
    assert ends == dict.fromkeys(WAYS, "delivered") | silent | handset | failed


def test_parts_without_a_ref_are_delivered_with_the_last(redis_server: RedisServer) -> None:
    redis_server.start()
    way = WAYS["a carrier that joins the parts and reports on the last"]
    assert play(redis_server, way[:2], 1)["sms:a"]["s"] == "submitted"  # type: ignore[index]
    assert play(redis_server, way, 1)["sms:a"]["s"] == "delivered"  # type: ignore[index]


def test_the_carriers_time_is_told(redis_server: RedisServer) -> None:
    redis_server.start()
    done_at = "2026-11-23T12:05:00+08:00"
    way = [[send("a")], [accepted("a")], [[*report("a")[:-1], done_at]]]
    events = play(redis_server, way, 1)["events"]
    assert json.loads(events[-1]["e"])["detail"] == {"done_at": done_at}  # type: ignore[index]


def test_what_an_id_or_a_stat_says_stays_inside_its_string(redis_server: RedisServer) -> None:
    redis_server.start()
    id, stat = 'a","kind":"mail.accepted","x":"', 'X","result":"\n\0\x7f'
    events: Any = play(redis_server, [[send(id)], [accepted(id)], [report(id, state="failed", stat=stat)]], 1)["events"]
    ended = json.loads(events[-1]["e"])
    assert (ended["kind"], ended["id"], ended["result"]) == ("sms.failed", f"{id}-failed", stat)


def test_a_record_that_redis_lost_is_made_again_and_does_not_stay(redis_server: RedisServer) -> None:
    """The step ``send`` was lost with a master; its answer comes all the same."""
    redis_server.start()
    played: Any = play(redis_server, [[accepted("a")], [report("a")]], 1)
    assert [json.loads(fields["e"])["kind"] for fields in played["events"]] == ["sms.submitted", "sms.delivered"]
    play(redis_server, [[accepted("b")]], 1)
    assert 0 < redis_server.client.ttl("sms:b") <= 600
    play(redis_server, [[accepted("c", 1, 2, last=False)], [accepted("c", 2, 2)]], 1)
    assert 0 < redis_server.client.ttl("sms:c") <= 600


def test_early_reports_out_of_order(redis_server: RedisServer) -> None:
    """One that a carrier still tries changes nothing, though it comes last; the carrier's time is kept."""
    redis_server.start()
    done_at = "2026-11-23T12:05:00+08:00"
    early = [[*report("a")[:-1], done_at], report("a", state="pending", stat="ENROUTE")]
    events: Any = play(redis_server, [[send("a")], early, [accepted("a")]], 1)["events"]
    assert json.loads(events[-1]["e"])["kind"] == "sms.delivered"
    assert json.loads(events[-1]["e"])["detail"] == {"done_at": done_at}


def test_who_has_not_read_a_record_may_not_send(redis_server: RedisServer) -> None:
    redis_server.start()
    other = [*send("a")[:8], "other", "", ""]
    informed = [*send("a", mark="??")[:8], "other", "me", ""]
    play(redis_server, [[send("a")]], 2)

    def may(op: Op) -> int:
        (answer,) = redis_server.client.eval(SCRIPT, 0, json.dumps({**FIXED, "ops": [op]}))
        return int(answer)

    assert may(send("a")) == 1
    assert may(other) == -1
    assert [may(informed), may(informed), may(send("a"))] == [1, 1, -1]
    redis_server.client.eval(SCRIPT, 0, json.dumps({**FIXED, "ops": [accepted("a")]}))
    assert may(informed) == -1
    redis_server.client.sadd("sms:stopped", "8613800138000")
    assert [may(send("b")), may([*send("c")[:-1], ""])] == [-2, 1]


def test_the_next_holder_learns_that_a_message_was_started_over(redis_server: RedisServer) -> None:
    """Else it would send the rest by another link than the first parts."""
    redis_server.start()
    way = [[send("a", 1, 2)], [accepted("a", 1, 2, last=False)], [["doubt", "a", 1, event("a", "in_doubt")]]]
    assert play(redis_server, way, 2)["sms:a"]["p1"] == "?"  # type: ignore[index]
    assert "sms:b" not in play(redis_server, [[["doubt", "b", 1, event("b", "in_doubt")]]], 1)
