"""The outbox against a real Redis that is down, frozen, loading, read-only, full, and back again."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from caiyou.errors import OutboxDown
from caiyou.events import STREAM, Event, Kind
from caiyou.outbox import Outbox, waiting_events
from caiyou.settings import Settings
from tests.fix_redis import RedisServer

pytestmark = pytest.mark.live


@pytest.fixture
def outbox(settings: Settings) -> Iterator[Outbox]:
    box = Outbox(settings, "test")
    yield box
    box.close()


def put(outbox: Outbox, *numbers: int) -> None:
    for number in numbers:
        outbox.event(Event(kind=Kind.LINK_UP, id=f"e{number}"))


def arrived(server: RedisServer) -> list[int]:
    """The events in Redis, each where it came first."""
    try:
        entries: Any = server.client.xrange(STREAM)
    except redis.BusyLoadingError:
        return []
    ids = [Event.from_json(fields["e"]).id for _, fields in entries]
    return [int(i.removeprefix("e")) for i in dict.fromkeys(ids)]


def eventually(server: RedisServer, expected: list[int]) -> None:
    end = time.monotonic() + 15
    while (found := arrived(server)) != expected:
        assert time.monotonic() < end, found
        time.sleep(0.05)


def test_records_go_straight_to_redis(redis_server: RedisServer, settings: Settings, outbox: Outbox) -> None:
    redis_server.start()
    put(outbox, 1, 2, 3)
    outbox.job("notify", "some.function", "notify-4Zab12", {"subject": "你好\udc80", "n": 1})
    assert arrived(redis_server) == [1, 2, 3]
    connection = redis.Redis(port=redis_server.port)
    (job,) = Queue("notify", connection=connection, serializer=JSONSerializer).get_jobs()
    connection.close()
    assert (job.id, job.func_name, job.args) == ("notify-4Zab12", "some.function", [{"subject": "你好\udc80", "n": 1}])
    assert job.description == "notify-4Zab12"  # not the payload, which rq would log
    assert list(waiting_events(settings.site.spool)) == []


def test_down_at_start_then_there(redis_server: RedisServer, settings: Settings, outbox: Outbox) -> None:
    put(outbox, 1)
    outbox.job("notify", "some.function", "j1", {"a": 1})
    outbox.job("notify", "some.function", "j2", {"a": 2})
    put(outbox, 2)
    assert [event.id for event in waiting_events(settings.site.spool)] == ["e1", "e2"]
    redis_server.start()
    eventually(redis_server, [1, 2])
    assert redis_server.client.lrange("rq:queue:notify", 0, -1) == ["j1", "j2"]
    put(outbox, 3)
    eventually(redis_server, [1, 2, 3])


def test_dies_in_between_and_comes_back(redis_server: RedisServer, outbox: Outbox) -> None:
    redis_server.start()
    put(outbox, 1, 2)
    redis_server.stop()
    put(outbox, 3, 4)
    redis_server.start()
    put(outbox, 5, 6)  # queue behind what waits
    eventually(redis_server, [1, 2, 3, 4, 5, 6])


def test_a_frozen_redis_costs_one_timeout_not_one_a_record(redis_server: RedisServer, outbox: Outbox) -> None:
    redis_server.start()
    put(outbox, 0)
    redis_server.signal(signal.SIGSTOP)
    started = time.monotonic()
    put(outbox, *range(1, 201))
    took_s = time.monotonic() - started
    assert 0.4 < took_s < 2.5  # 0.5 s for the first; the rest a write to disk each
    time.sleep(2.5)  # replays are tried and time out
    redis_server.signal(signal.SIGCONT)
    eventually(redis_server, list(range(201)))
    repeated = redis_server.client.xlen(STREAM) - 201
    assert repeated <= 1  # the one that timed out; not a page for each replay that was tried


def test_threads_wait_once_each_at_most_while_it_is_frozen(redis_server: RedisServer, outbox: Outbox) -> None:
    redis_server.start()
    redis_server.signal(signal.SIGSTOP)
    took: list[float] = []

    def work(thread: int) -> None:
        for number in range(5):
            started = time.monotonic()
            put(outbox, thread * 1000 + number)
            took.append(time.monotonic() - started)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(t > 0.4 for t in took) <= len(threads)
    redis_server.signal(signal.SIGCONT)
    end = time.monotonic() + 10
    while len(found := arrived(redis_server)) < 40:
        assert time.monotonic() < end
        time.sleep(0.05)
    for thread_number in range(8):  # each thread's own in order
        own = [number for number in found if number // 1000 == thread_number]
        assert own == sorted(own)
        assert len(own) == 5


@pytest.mark.parametrize(
    "option, sick, well",
    [
        ("maxmemory", "1", "0"),  # OOM command not allowed
        ("min-replicas-to-write", "1", "0"),  # NOREPLICAS
    ],
)
def test_a_redis_that_refuses_writes(
    redis_server: RedisServer, outbox: Outbox, option: str, sick: str, well: str
) -> None:
    redis_server.start()
    put(outbox, 1)
    redis_server.client.config_set(option, sick)
    put(outbox, 2)
    outbox.job("notify", "some.function", "j1", {"a": 1})
    put(outbox, 3)
    time.sleep(1.5)
    assert arrived(redis_server) == [1]
    redis_server.client.config_set(option, well)
    eventually(redis_server, [1, 2, 3])
    assert redis_server.client.lrange("rq:queue:notify", 0, -1) == ["j1"]


def test_a_replica_is_read_only(redis_server: RedisServer, outbox: Outbox) -> None:
    redis_server.start()
    put(outbox, 1)
    redis_server.client.replicaof("127.0.0.1", "1")
    put(outbox, 2, 3)
    redis_server.client.replicaof("NO", "ONE")
    eventually(redis_server, [1, 2, 3])


def test_a_redis_that_still_loads(redis_server: RedisServer, outbox: Outbox) -> None:
    redis_server.start()
    put(outbox, 1)
    with redis_server.client.pipeline() as pipe:
        for number in range(20_000):
            pipe.set(f"k{number}", number)
        pipe.execute()
    redis_server.stop()
    redis_server.start("--key-load-delay", "200", wait=False)  # µs a key
    end = time.monotonic() + 5
    while not redis_server.loads():
        assert time.monotonic() < end
    put(outbox, 2, 3)
    assert redis_server.loads()
    eventually(redis_server, [1, 2, 3])


def test_kill_9_loses_nothing_that_put_returned_from(
    redis_server: RedisServer, settings: Settings, tmp_path: Path
) -> None:
    """Redis goes and comes while the program is killed again and again; each new one goes on where it was."""
    script = tmp_path / "program.py"
    script.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from caiyou.events import Event, Kind\n"
        "from caiyou.outbox import Outbox\n"
        "from caiyou.settings import load\n"
        "box = Outbox(load(Path(sys.argv[1])), 'test')\n"
        "for number in range(int(sys.argv[2]), 10**9):\n"
        "    box.event(Event(kind=Kind.LINK_UP, id=f'e{number}'))\n"
        "    print(number, flush=True)\n"
    )
    redis_server.start()
    returned = 0
    for run in range(6):
        program = subprocess.Popen(
            [sys.executable, str(script), str(settings.path), str(returned)], stdout=subprocess.PIPE, text=True
        )
        assert program.stdout is not None
        assert program.stdout.readline()
        if run % 2 == 0:
            redis_server.stop()
        else:
            redis_server.start()
        time.sleep(0.3 + 0.1 * run)
        program.kill()
        returned = int(program.stdout.read().split()[-1]) + 1
        program.stdout.close()
        program.wait()
    box = Outbox(settings, "test")
    end = time.monotonic() + 30
    while any(True for _ in waiting_events(settings.site.spool)):
        assert time.monotonic() < end
        time.sleep(0.1)
    box.close()
    found = arrived(redis_server)
    assert returned > 100
    assert found[:returned] == list(range(returned))
    assert len(found) <= returned + 1  # the last one may have been put but not told of


def test_a_record_of_another_release_does_not_hold_up_the_rest(
    redis_server: RedisServer, settings: Settings, outbox: Outbox
) -> None:
    put(outbox, 1)
    path = settings.site.spool / "test.sqlite3"
    with sqlite3.connect(path) as db:
        for record in ("{", "[]", '{"event": 1}', '{"sms": "x"}'):
            db.execute("INSERT INTO record (json) VALUES (?)", (record,))
    db.close()
    put(outbox, 2)
    redis_server.start()
    eventually(redis_server, [1, 2])
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM refused").fetchone() == (4,)
    db.close()


def test_two_processes_share_a_file(redis_server: RedisServer, settings: Settings) -> None:
    one, two = Outbox(settings, "test"), Outbox(settings, "test")
    put(one, 1, 2)
    put(two, 3)
    put(one, 4)
    redis_server.start()
    eventually(redis_server, [1, 2, 3, 4])
    assert redis_server.client.xlen(STREAM) == 4  # one of them replayed
    one.close()
    two.close()


def test_what_a_dead_process_left_is_replayed_by_one_that_shares_its_file(
    redis_server: RedisServer, settings: Settings
) -> None:
    redis_server.start()
    alive = Outbox(settings, "test")
    put(alive, 1)
    record = json.dumps({"event": Event(kind=Kind.LINK_UP, id="e2").to_json()})
    with sqlite3.connect(settings.site.spool / "test.sqlite3") as db:
        db.execute("INSERT INTO record (json) VALUES (?)", (record,))
    db.close()
    eventually(redis_server, [1, 2])
    alive.close()


def test_no_redis_and_no_disk_is_told(settings: Settings, outbox: Outbox, tmp_path: Path) -> None:
    put(outbox, 1)
    with sqlite3.connect(settings.site.spool / "test.sqlite3") as db:
        db.execute("CREATE TRIGGER full BEFORE INSERT ON record BEGIN SELECT RAISE(FAIL, 'disk is full'); END")
    db.close()
    with pytest.raises(OutboxDown, match="disk is full"):
        put(outbox, 2)


def test_a_spool_that_cannot_be_opened_is_told_at_start(settings: Settings) -> None:
    settings.site.spool.write_bytes(b"a file where the folder should be")
    with pytest.raises(OutboxDown, match=r"test\.sqlite3"):
        Outbox(settings, "test")
