"""Messages from handsets through gateway, Redis and worker: whole, once, in order, whatever dies on the way."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rq import Queue
from rq.job import Job
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from bench.stack import SRC_ID, Stack, wait_for
from caiyou import queues
from caiyou.events import Event, Kind
from caiyou.queues import MO_JOB, MO_QUEUE
from caiyou.settings import load
from mail2sms.content import whole
from mail2sms.dialog.job import SCRIPT as DIALOG_SCRIPT
from mail2sms.dialog.job import CannotAnswer, Dialogues
from mail2sms.journal import SCRIPT
from mail2sms.links import Mo
from mail2sms.mo import MoRecorder
from tests.fix_redis import RedisServer, redis_server

pytestmark = pytest.mark.live
__all__ = ["redis_server"]

PHONE, NUMBER, CARD = "13800138000", "8613800138000", f"{SRC_ID}8878"
MO_SETTINGS = "[sms.mo]\nreplies_per_day = 100000\nhelp_every_s = 0\n"


class Recorder:
    """Steps of MoRecorder, run in Redis as the journal runs them."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._recorder = MoRecorder(self, 300.0, "CN")  # type: ignore[arg-type]
        self.became: list[Any] = []
        self._now = 1_795_000_000.0

    def write(self, op: list[Any], done: Any = None) -> None:
        """As Journal's, at once."""
        self._now += 0.001
        at = f"2026-11-23T04:00:{len(self.became) % 60:02}.{len(self.became):06}+00:00"
        fixed = {"lease": "", "group": "gw", "at": at, "mo_queue": MO_QUEUE, "mo_job": MO_JOB}
        text = json.dumps({**fixed, "ops": [op]}, ensure_ascii=False).encode("utf-8", "replace")
        answers: Any = self._client.eval(SCRIPT, 0, text)
        self.became.append(answers[0])
        if done:
            done(answers[0])

    def record(self, *, account: str = "901234", link: str = "a", **mo: Any) -> Any:
        """One MO, or part; what became of it."""
        values = {"ref": str(len(self.became)), "sender": PHONE, "to": CARD, **mo}
        self._recorder.record(link, account, Mo(**values), lambda: None)
        return self.became[-1]

    def tick(self, now: float) -> None:
        """What the gateway does each second."""
        self.write(["tick", now, 100])


@pytest.fixture
def client(redis_server: RedisServer) -> redis.Redis:
    redis_server.start()
    return redis_server.client


@pytest.fixture
def recorder(client: redis.Redis) -> Recorder:
    return Recorder(client)


def inbox(client: redis.Redis, number: str = NUMBER) -> list[dict[str, Any]]:
    """What waits for an answer, with the text decoded."""
    found: Any = client.lrange(f"mo:inbox:{number}", 0, -1)
    records = [json.loads(one) for one in found]
    for record in records:
        record["text"] = whole(bytes.fromhex(record["text"]).decode("utf-16-be", "surrogatepass"))
    return records


def received(client: redis.Redis) -> list[dict[str, Any]]:
    """The events."""
    entries: Any = client.xrange("events")
    events = [json.loads(fields.get("e") or fields[b"e"]) for _, fields in entries]
    return [event for event in events if event["kind"] == "sms.received"]


# --- joining


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (2, 3, 1)])
@pytest.mark.parametrize("reference", [7, 0x1234])
def test_parts_in_any_order_by_any_link(
    recorder: Recorder, client: redis.Redis, order: tuple[int, ...], reference: int
) -> None:
    """Half a surrogate pair stands at both edges; each part may be in its own format."""
    texts = ["彩邮\ud83d", "\ude00 plain \ud840", "\udc0b 完"]
    for number in order:
        recorder.record(
            text=texts[number - 1], number=number, total=3, reference=reference, link="ab"[number % 2], ref=f"r{number}"
        )
    assert recorder.became[-1] == "joined"
    (message,) = inbox(client)
    assert message["text"] == "彩邮😀 plain 𠀋 完"
    assert message["to"] == CARD
    (event,) = received(client)
    assert event["number"] == NUMBER
    assert event["detail"] == {"to": CARD, "link": "ab"[order[0] % 2], "ref": f"r{order[0]}", "parts": 3}
    assert not client.keys("mo:join*")
    assert not client.exists("mo-joins")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(st.characters(codec="utf-16", exclude_categories=[]), min_size=2, max_size=60), st.data())
def test_a_text_cut_anywhere_comes_whole(
    recorder: Recorder, client: redis.Redis, text: str, data: st.DataObject
) -> None:
    """Cut between any two octet pairs of its UTF-16, whatever the order in which the parts come."""
    octets = text.encode("utf-16-be", "surrogatepass")
    cuts = sorted(data.draw(st.sets(st.integers(1, len(octets) // 2 - 1), max_size=8)))
    edges = [0, *(2 * cut for cut in cuts), len(octets)]
    parts = [octets[a:b].decode("utf-16-be", "surrogatepass") for a, b in pairwise(edges)]
    client.flushall()
    for number in data.draw(st.permutations(range(1, len(parts) + 1))):
        recorder.record(text=parts[number - 1], number=number, total=len(parts), ref=f"{number}")
    assert [message["text"] for message in inbox(client)] == [whole(text)]


def test_a_lone_half_becomes_a_replacement_character(recorder: Recorder, client: redis.Redis) -> None:
    recorder.record(text="x\ud83d")
    assert inbox(client)[0]["text"] == "x\ufffd"


def test_the_event_does_not_hold_the_text(recorder: Recorder, client: redis.Redis) -> None:
    recorder.record(text="SECRETTEXT")
    recorder.record(text="SECRET", number=1, total=2)
    recorder.record(text="TEXT", number=2, total=2)
    everything = json.dumps([client.xrange("events")])
    for text in ("SECRET", "SECRETTEXT".encode("utf-16-be").hex(), "TEXT".encode("utf-16-be").hex()):
        assert text not in everything


def test_repeats_are_recognised(recorder: Recorder, client: redis.Redis) -> None:
    assert recorder.record(text="a", ref="1") == "received"
    assert recorder.record(text="a", ref="1", link="other") == "repeat"
    assert recorder.record(text="b", ref="1") == "received"  # ids come round again
    assert recorder.record(text="a", ref="1", account="another") == "received"
    assert recorder.record(text="x", number=1, total=2, ref="p1") == "part"
    assert recorder.record(text="x", number=1, total=2, ref="p1") == "repeat"
    assert recorder.record(text="y", number=2, total=2, ref="p2") == "joined"
    assert recorder.record(text="x", number=1, total=2, ref="p1") == "repeat"
    assert [message["text"] for message in inbox(client)] == ["a", "b", "a", "xy"]


def test_without_a_carriers_id_nothing_is_a_repeat(recorder: Recorder, client: redis.Redis) -> None:
    assert [recorder.record(text="OK", ref="") for _ in range(2)] == ["received", "received"]
    assert len({event["id"] for event in received(client)}) == 2


def test_parts_that_do_not_come(recorder: Recorder, client: redis.Redis) -> None:
    recorder.record(text="one ", number=1, total=3)
    recorder.record(text="three", number=3, total=3)
    recorder.tick(time.time() + 299)
    assert not inbox(client)
    recorder.tick(time.time() + 301)
    (message,) = inbox(client)
    assert message["text"] == "one three"
    assert message["missing"] == 1
    assert received(client)[0]["detail"]["missing"] == 1
    assert not client.keys("mo:join*")


def test_a_reference_used_again(recorder: Recorder, client: redis.Redis) -> None:
    """The second message begins before the first was whole."""
    recorder.record(text="old", number=1, total=2)
    recorder.record(text="new ", number=1, total=2)
    recorder.record(text="one", number=2, total=2)
    assert [(message["text"], message["missing"]) for message in inbox(client)] == [("old", 1), ("new one", 0)]


def test_messages_of_others_do_not_mix(recorder: Recorder, client: redis.Redis) -> None:
    recorder.record(text="a", number=1, total=2)
    recorder.record(text="b", number=2, total=2, sender="13900139000")
    recorder.record(text="b", number=2, total=2, to=SRC_ID)
    recorder.record(text="b", number=2, total=2, account="another")
    recorder.record(text="b", number=2, total=3)
    assert not received(client)
    assert recorder.record(text="b", number=2, total=2) == "joined"


def test_one_sender_cannot_fill_the_place_for_parts(recorder: Recorder, client: redis.Redis) -> None:
    recorder.record(text="mine", number=1, total=2, sender="13900139000")
    for reference in range(100):
        recorder.record(text="x", number=1, total=255, reference=reference)
    assert client.zcard("mo-joins") == 21
    assert len(inbox(client)) == 80
    assert recorder.record(text="!", number=2, total=2, sender="13900139000") == "joined"


def test_an_inbox_is_bounded(recorder: Recorder, client: redis.Redis) -> None:
    for number in range(1002):
        recorder.record(text=str(number))
    assert client.llen(f"mo:inbox:{NUMBER}") == 1000
    assert [event.get("result") for event in received(client)][998:] == [None, None, "inbox full", "inbox full"]


@pytest.mark.parametrize(
    "mo",
    [
        {"number": 0, "total": 0},
        {"number": 3, "total": 2},
        {"number": 1, "total": 70_000},
        {"number": -1, "total": -1},
        {"sender": "CAIYOU"},
        {"sender": ""},
        {"sender": "x" * 5000},
        {"sender": "1380013800\ud800\n"},
        {"to": "\ud83d\x00" * 50},
        {"to": ""},
        {"ref": "\udfff" * 500},
        {"text": "彩" * 100_000},
        {"text": ""},
        {"text": "\x00\ud800\udc00\udc00"},
    ],
)
def test_nonsense_is_recorded(recorder: Recorder, client: redis.Redis, mo: dict[str, Any]) -> None:
    assert recorder.record(**{"text": "x", **mo}) == "received"
    (event,) = received(client)
    (found,) = list(client.keys("mo:inbox:*"))
    number = str(found).removeprefix("mo:inbox:")
    assert event["number"] == number
    assert len(inbox(client, number)) == 1
    assert Queue(MO_QUEUE, connection=client, serializer=JSONSerializer).count == 1


def test_the_job_is_one_that_rq_knows(recorder: Recorder, client: redis.Redis, redis_server: RedisServer) -> None:
    recorder.record(text="a")
    recorder.record(text="b")
    bare = redis.Redis(port=redis_server.port)
    queue = Queue(MO_QUEUE, connection=bare, serializer=JSONSerializer)
    (job,) = queue.jobs  # one job a number
    assert (job.func_name, job.args, job.kwargs, job.instance) == (MO_JOB, [{"number": NUMBER}], {}, None)
    ours: Any = bare.hgetall(job.key)
    other = queue.enqueue_call(MO_JOB, args=({"number": NUMBER},), job_id="other", result_ttl=0, failure_ttl=9)
    theirs: Any = bare.hgetall(other.key)
    assert set(ours) <= set(theirs)
    assert job.timeout == other.timeout == 180
    assert job.origin == MO_QUEUE
    assert job.get_status() == "queued"
    assert Queue.all(connection=bare, serializer=JSONSerializer) == [queue]
    bare.close()


# --- answering


@pytest.fixture
def dialogues(stack: Stack) -> Iterator[Dialogues]:
    stack.configure(f'routes = {{default = ["mobile"]}}\n{stack.link()}\n{MO_SETTINGS}')
    stack.start_redis()
    made = Dialogues(load(stack.settings_file))
    yield made
    made.close()


def says(stack: Stack, *texts: str, sender: str = PHONE, to: str = CARD) -> None:
    recorder = Recorder(stack.redis)
    for text in texts:
        recorder.record(text=text, sender=sender, to=to, ref="")


def replies(stack: Stack, route: str = "default") -> list[dict[str, Any]]:
    entries: Any = stack.redis.xrange(queues.mt_stream(route, "code"))
    return [json.loads(fields[b"m"]) for _, fields in entries]


def test_replies(stack: Stack, dialogues: Dialogues) -> None:
    says(stack, "1 3 2 彩邮 3 经理 4 张三", "5 13800138000 OK")
    dialogues.drain(NUMBER)
    first, second = replies(stack)
    assert "5 13800138000" in first["text"]
    assert second["text"].startswith("名片已收齐")
    assert {key: second[key] for key in ("to", "src", "route", "message_class", "long")} == {
        **{"to": NUMBER, "src": CARD, "route": "default", "message_class": "code", "long": True}
    }
    queued = stack.events("sms.queued")
    assert [event["sms_id"] for event in queued] == [first["id"], second["id"]]
    assert queued[0]["detail"]["src_id"] == CARD
    (ordered,) = stack.events("card.ordered")
    assert ordered["detail"] == {"to": CARD, "template": "3"}
    assert "张三" not in json.dumps(stack.events(), ensure_ascii=False)
    left: Any = stack.redis.keys("mo:*")
    assert [key for key in left if not key.startswith(b"mo:said:")] == []


@pytest.mark.parametrize(
    "link, route", [("first", "default"), ("behind", "more"), ("second", "other"), ("gone", "default")]
)
def test_an_answer_goes_by_the_link_that_the_message_came_by(stack: Stack, link: str, route: str) -> None:
    """Our number there may be nobody's elsewhere."""
    routes = 'routes.default = {links = ["first"], then = "more"}\nroutes.more = ["behind"]\nroutes.other = ["second"]'
    stack.configure(f"{routes}\n{''.join(map(stack.link, ('first', 'behind', 'second')))}\n{MO_SETTINGS}")
    stack.start_redis()
    made = Dialogues(load(stack.settings_file))
    Recorder(stack.redis).record(text="1 3", link=link)
    made.drain(NUMBER)
    (reply,) = replies(stack, route)
    assert (reply["route"], reply["src"]) == (route, CARD)
    made.close()


def test_stop_and_start(stack: Stack, dialogues: Dialogues) -> None:
    for text, members in (("td", {NUMBER.encode()}), ("TD", {NUMBER.encode()}), ("开通", set()), ("KT", set())):
        says(stack, text, to=SRC_ID)
        dialogues.drain(NUMBER)
        assert stack.redis.smembers("sms:stopped") == members
    assert len(stack.events("sms.stopped")) == len(stack.events("sms.started")) == 1
    assert len(replies(stack)) == 4


@pytest.mark.parametrize(
    "message_class, goes", [("notification", False), ("bulk", False), ("code", True), ("alarm", True)]
)
def test_stop_holds_for_what_was_held_back(
    recorder: Recorder, client: redis.Redis, message_class: str, goes: bool
) -> None:
    client.sadd("sms:stopped", NUMBER)
    message = queues.ShortMessage(
        id="a",
        to=NUMBER,
        text="x",
        route="default",
        message_class=message_class,
        domain="example.test",
        queue_id="4abc",
    )
    client.zadd("mt-later", {json.dumps(queues.to_payload(message)): 1.0})
    recorder.tick(2.0)
    assert client.exists(queues.mt_stream("default", message_class)) == goes
    assert not client.exists("mt-later")
    entries: Any = client.xrange("events")
    events = [Event.from_json(fields["e"]) for _, fields in entries]
    assert [(e.kind, e.result, e.sms_id, e.number, e.domain, e.queue_id) for e in events] == (
        [] if goes else [(Kind.SMS_FAILED, "stopped", "a", NUMBER, "example.test", "4abc")]
    )


def step(client: redis.Redis, name: str, *facts: str, **more: Any) -> Any:
    """A step of dialog.lua."""
    return client.eval(DIALOG_SCRIPT, 0, json.dumps({"step": name, "number": NUMBER, **more}), *facts)


def test_a_job_does_not_end_while_a_message_waits(recorder: Recorder, client: redis.Redis) -> None:
    """It came after the job had looked: no other job is made for it."""
    recorder.record(text="a")
    assert step(client, "rest") == 0
    assert client.exists(f"mo:called:{NUMBER}")
    client.delete(f"mo:inbox:{NUMBER}")
    assert step(client, "rest") == 1
    recorder.record(text="b")
    assert Queue(MO_QUEUE, connection=client, serializer=JSONSerializer).count == 2


def test_a_step_sent_twice_is_taken_once(recorder: Recorder, client: redis.Redis) -> None:
    """As when Redis took it and its answer was lost."""
    recorder.record(text="a")
    recorder.record(text="b")
    head, draft, stopped, withheld = step(client, "look")
    assert (draft, stopped, withheld) == ("", 0, 0)
    reply = {"stream": "mt:default:code", "message": "{}", "event": "{}", "limited": False}
    turn = {"pop": True, "draft": "x", "due": 9, "draft_ttl_s": 9, "events": ["{}"], "replies": [reply]}
    turn |= {"day": "20261123", "per_day": 9, "help_every_s": 0, "stopped": 1, "stopped_event": "{}"}
    second, *rest = step(client, "turn", head, draft, **turn)
    assert json.loads(second)["text"] == "b".encode("utf-16-be").hex()
    assert rest == ["x", 1, 0]
    events = client.xlen("events")
    for facts in ((head, draft), (second, draft), (head, "x")):  # the message moved on, the draft did, both
        assert step(client, "turn", *facts, **turn) == [second, "x", 1, -1]
    assert (client.xlen("events"), client.xlen("mt:default:code"), client.llen(f"mo:inbox:{NUMBER}")) == (events, 1, 1)


def limited(stack: Stack, **settings: int) -> Dialogues:
    table = "[sms.mo]\n" + "\n".join(f"{key} = {value}" for key, value in settings.items())
    stack.configure(f'routes = {{default = ["mobile"]}}\n{stack.link()}\n{table}')
    return Dialogues(load(stack.settings_file))


def test_help_comes_now_and_then(stack: Stack, dialogues: Dialogues) -> None:
    few = limited(stack, help_every_s=600)
    says(stack, "你好", "在吗", "在吗", "帮助")
    few.drain(NUMBER)
    assert len(replies(stack)) == 2
    stack.redis.delete(f"mo:helped:{NUMBER}")
    says(stack, "在吗")
    few.drain(NUMBER)
    assert len(replies(stack)) == 3
    few.close()


def test_two_machines_that_answer_each_other_end(stack: Stack, dialogues: Dialogues) -> None:
    few = limited(stack, replies_per_day=5)
    says(stack, *(["帮助"] * 50))
    few.drain(NUMBER)
    assert len(replies(stack)) == 5
    says(stack, "TD")
    few.drain(NUMBER)
    assert stack.redis.sismember("sms:stopped", NUMBER)  # what it says is honoured all the same
    few.close()


def test_silence(stack: Stack, dialogues: Dialogues) -> None:
    quick = limited(stack, remind_s=1, end_s=1)
    says(stack, "1 3")
    quick.drain(NUMBER)
    recorder = Recorder(stack.redis)
    queue = Queue(MO_QUEUE, connection=stack.redis, serializer=JSONSerializer)
    for expected in ("还没有做完", "已取消"):
        stack.redis.delete(queue.key, f"mo:called:{NUMBER}")
        recorder.tick(time.time())
        assert queue.count == 0
        recorder.tick(time.time() + 2)
        assert queue.count == 1
        wait_for(lambda: float(json.loads(stack.redis.get(f"mo:draft:{NUMBER}") or b"")["due"]) < time.time())
        quick.drain(NUMBER)
        quick.drain(NUMBER)  # a second time says nothing more
        assert expected in replies(stack)[-1]["text"]
    assert len(replies(stack)) == 3
    assert not stack.redis.exists(f"mo:draft:{NUMBER}", "mo:due", f"mo:called:{NUMBER}")
    quick.close()


@pytest.mark.parametrize(
    "broken", ["no json", "{}", '{"id":"x","to":"8878","text":"zz"}', '{"id":"x","to":"8878","text":[1]}', "[]"]
)
def test_what_nobody_can_answer_does_not_hold_up_the_rest(stack: Stack, dialogues: Dialogues, broken: str) -> None:
    says(stack, "1 3")
    stack.redis.rpush(f"mo:inbox:{NUMBER}", broken)
    says(stack, "2 彩邮")
    with pytest.raises(CannotAnswer, match="1 messages are kept"):
        dialogues.drain(NUMBER)
    assert "3职务、4姓名、5联系方式" in replies(stack)[-1]["text"]
    assert stack.redis.lrange("mo-rejected", 0, -1) == [broken.encode()]
    assert not stack.redis.exists(f"mo:inbox:{NUMBER}", f"mo:called:{NUMBER}")


def test_a_draft_of_another_release_is_dropped(stack: Stack, dialogues: Dialogues) -> None:
    stack.redis.set(f"mo:draft:{NUMBER}", '{"version": 9}')
    dialogues.drain(NUMBER)
    assert not stack.redis.exists(f"mo:draft:{NUMBER}")
    assert not replies(stack)


def test_many_workers_with_one_number_keep_its_order(stack: Stack, dialogues: Dialogues) -> None:
    """As when a worker was taken for dead that lives: the same job runs several times at once."""
    names = [f"名{number}" for number in range(150)]
    says(stack, "1 3 2 彩邮 3 经理 5 1 4 起", *(f"4 {name}" for name in names), "OK")
    others = [Dialogues(load(stack.settings_file)) for _ in range(3)]
    threads = [threading.Thread(target=one.drain, args=(NUMBER,)) for one in (dialogues, *others)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        other.close()
    texts = [reply["text"] for reply in replies(stack)]
    assert len(texts) == len(names) + 2
    assert f"4 姓名: {names[-1]}" in texts[-1]
    assert len(stack.events("card.ordered")) == 1


# --- the processes


def _post(stack: Stack, text: str, *, phone: str = PHONE, to: str = CARD) -> None:
    stack.http("POST", f"/phones/{phone}/messages", {"to": to, "text": text})


def _shown(stack: Stack, phone: str = PHONE) -> list[str]:
    found: list[dict[str, Any]] = stack.http("GET", f"/phones/{phone}/messages")
    return [message["text"] for message in found]


def _start(stack: Stack, more: str = "") -> None:
    stack.configure(f'routes = {{default = ["mobile"]}}\n{more}\n{stack.link()}\n{MO_SETTINGS}')
    stack.start_redis()
    stack.start_ismg()
    stack.start_gateway()
    wait_for(lambda: stack.events("link.up"))


@pytest.mark.parametrize("faults", [{}, {"mo_part_characters": 5, "mo_udhi": 64}, {"mo_copies": 3}])
def test_from_the_carrier(stack: Stack, faults: dict[str, Any]) -> None:
    _start(stack)
    stack.faults(**faults)
    texts = ["做卡", "彩邮 hello 你好😀，这是一条很长的短信。" * 8]
    for text in texts:
        _post(stack, text, to=SRC_ID)
    wait_for(lambda: len(inbox(stack.redis)) >= 2)
    time.sleep(0.5)
    assert sorted(message["text"] for message in inbox(stack.redis)) == sorted(texts)
    for event in stack.events("sms.received"):
        assert event["number"] == NUMBER
        assert event["detail"]["to"] == SRC_ID
        assert "missing" not in event["detail"]
    assert texts[1] not in stack.log("gateway")


def test_a_gateway_flushes_what_another_began(stack: Stack) -> None:
    _start(stack, "mo_parts_s = 1.0")
    recorder = Recorder(stack.redis)
    recorder.record(text="half", number=2, total=2)
    stack.redis.zadd("mo-joins", {f"mo:join:901234:{NUMBER}:{CARD}:0:2": 1.0})
    (message,) = wait_for(lambda: inbox(stack.redis))
    assert (message["text"], message["missing"]) == ("half", 1)


def test_kill_of_worker_and_gateway_while_phones_write(stack: Stack) -> None:
    """Each phone corrects one field again and again: its last answer shows the order that was kept."""
    chance = random.Random(8878)
    _start(stack)
    stack.start_worker("mo", MO_QUEUE)
    phones = [f"1380013{number:04}" for number in range(8)]
    for phone in phones:
        _post(stack, "1 3 2 彩邮 3 经理 5 1 4 起", phone=phone)
    rounds = 12
    for number in range(rounds):
        for phone in phones:
            _post(stack, f"2 第{number};4 {phone}-{number}", phone=phone)
        victim = chance.choice(["mo", "mo", "gateway"])
        time.sleep(chance.uniform(0.0, 1.2))  # a worker needs 0.6 s to begin
        stack.kill(victim)
        stack.start_worker("mo", MO_QUEUE) if victim == "mo" else stack.start_gateway()
    for phone in phones:
        _post(stack, "查看", phone=phone)

    def answered() -> bool:
        return len(stack.events("sms.received")) == len(phones) * (rounds + 2) and not stack.redis.keys("mo:inbox:*")

    wait_for(answered, 60.0)
    wait_for(lambda: not stack.waiting_messages("default:code"), 30.0)
    doubtful = {event["sms_id"] for event in stack.events("sms.in_doubt")}
    sent = {event["sms_id"]: event["number"] for event in stack.events("sms.queued")}
    assert len(sent) == len(phones) * (rounds + 2)
    for phone in phones:
        expected = [sms_id for sms_id, number in sent.items() if number.endswith(phone)]
        shown = wait_for(lambda phone=phone: _shown(stack, phone))  # type: ignore[misc]
        assert len(expected) == rounds + 2
        assert len(expected) <= len(shown) <= len(expected) + len(doubtful & set(expected))
        (card,) = {text for text in shown if text.startswith("1 模板")}
        assert f"2 公司: 第{rounds - 1}\n" in card
        assert f"4 姓名: {phone}-{rounds - 1}\n" in card
    assert not FailedJobRegistry(MO_QUEUE, connection=stack.redis, serializer=JSONSerializer).get_job_ids(cleanup=False)
    assert not stack.redis.keys("mo:called:*")


def test_redis_killed_while_phones_write(stack: Stack) -> None:
    _start(stack)
    stack.start_worker("mo", MO_QUEUE)
    _post(stack, "1 3 2 彩邮 3 经理 5 1 4 起")
    for number in range(5):
        for _ in range(4):
            _post(stack, f"4 {number}")
        stack.kill("redis")
        stack.start_redis()
    _post(stack, "OK")
    wait_for(lambda: stack.events("card.ordered"), 60.0)
    wait_for(lambda: any(text.startswith("名片已收齐") for text in _shown(stack)))
    assert len(stack.events("sms.received")) == 22
    assert len({event["sms_id"] for event in stack.events("sms.queued")}) == 22
    (card,) = {text for text in _shown(stack) if text.startswith("名片已收齐")}
    assert "4 姓名: 4\n" in card


def test_an_mo_waits_for_a_worker(stack: Stack) -> None:
    _start(stack)
    _post(stack, "帮助")
    wait_for(lambda: inbox(stack.redis))
    job_id = Queue(MO_QUEUE, connection=stack.redis, serializer=JSONSerializer).get_job_ids()
    assert Job.exists(job_id[0], connection=stack.redis)
    stack.start_worker("mo", MO_QUEUE)
    wait_for(lambda: _shown(stack))
