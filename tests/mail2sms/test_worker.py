"""The worker process against a real Redis: no job is lost by its death, by Redis' or by LDAP's."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rq import Queue
from rq.job import Job
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from bench.stack import Stack, wait_for
from caiyou.worker import ALIVE_S

pytestmark = pytest.mark.live

FUNCTIONS = (  # what jobs of these tests do; a worker runs nothing that it was not told of
    *("subprocess.run", "operator.truediv", "os._exit", "pathlib.Path.touch", "no.such.function"),
    "mail2sms.notify.run",
)
WORKER = """
from caiyou import daemon, worker
worker.serve(daemon.begin("caiyou-worker"), "notify", {functions!r})
"""


def _start(stack: Stack, name: str = "worker") -> None:
    stack.start(name, sys.executable, "-c", WORKER.format(functions=FUNCTIONS))


@pytest.fixture
def queue(stack: Stack) -> Queue:
    stack.configure("")
    stack.start_redis()
    return Queue("notify", connection=stack.redis, serializer=JSONSerializer)


def _put(queue: Queue, function: str, *args: object, job_id: str) -> None:
    queue.enqueue_call(function, args=args, job_id=job_id, result_ttl=0)


def _failed(queue: Queue) -> list[str]:
    return FailedJobRegistry(queue=queue).get_job_ids(cleanup=False)


def _why(job: Job) -> str:
    result = job.latest_result()
    assert result is not None
    return str(result.exc_string)


def _wait_for_line(out: Path, line: str) -> None:
    wait_for(lambda: out.exists() and line in out.read_text().split())


def _rest(stack: Stack) -> set[str]:
    """Keys that jobs left behind."""
    keys: Any = stack.redis.keys("rq:*")
    return {key.decode() for key in keys} - {"rq:queues"}


def test_jobs_run_in_order_and_leave_nothing(stack: Stack, queue: Queue, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for number in range(40):
        _put(queue, "subprocess.run", ["sh", "-c", f"echo {number} >> {out}"], job_id=f"job-{number}")
    _start(stack)
    wait_for(lambda: len(queue) == 0 and not _rest(stack))
    assert out.read_text().split() == [str(number) for number in range(40)]
    assert stack.stop("worker") == 0
    assert not stack.redis.keys("worker*")


def test_a_worker_with_slow_jobs_counts_as_alive(stack: Stack, queue: Queue) -> None:
    """Else another host would put back what it has, as if it had died of it."""
    for number in range(4):
        _put(queue, "subprocess.run", ["sleep", "2"], job_id=f"job-{number}")
    _start(stack)
    wait_for(lambda: stack.redis.exists("rq:job:job-0") and not stack.redis.llen("rq:queue:notify"))
    time.sleep(7.5)  # the fourth runs
    (alive,) = stack.redis.keys("worker:*")
    assert stack.redis.ttl(alive) > ALIVE_S - 3


def test_a_bug_keeps_the_job_with_its_traceback(stack: Stack, queue: Queue) -> None:
    _put(queue, "operator.truediv", 1, 0, job_id="bug")
    _put(queue, "no.such.function", job_id="missing")
    _start(stack)
    wait_for(lambda: sorted(_failed(queue)) == ["bug", "missing"])
    job = Job.fetch("bug", connection=stack.redis, serializer=JSONSerializer)
    assert "ZeroDivisionError" in _why(job)
    assert job.args == [1, 0]
    job.requeue()
    wait_for(lambda: _failed(queue) and len(queue) == 0)


@pytest.mark.parametrize(
    "function, instance",
    [("os.system", None), ("mail2sms.dialog.job.run", None), ("notify.run", None), ("upper", "mail2sms.notify.run")],
)
def test_only_the_queues_own_functions_run(
    stack: Stack, queue: Queue, tmp_path: Path, function: str, instance: str | None
) -> None:
    """Whoever can write to Redis cannot have the worker run what he likes."""
    _put(queue, "mail2sms.notify.run", job_id="foreign")
    job = Job.fetch("foreign", connection=stack.redis, serializer=JSONSerializer)
    out = tmp_path / "out"
    job.data = json.dumps([function, instance, [f"touch {out}"] if instance is None else [], {}]).encode()
    job.save()
    stack.redis.hset("rq:job:unreadable", mapping={"data": "no json", "status": "queued"})
    stack.redis.rpush(queue.key, "unreadable")
    stack.start_worker()  # as it is in production
    wait_for(lambda: sorted(_failed(queue)) == ["foreign", "unreadable"])
    assert "is no job of the queue notify" in _why(
        Job.fetch("foreign", connection=stack.redis, serializer=JSONSerializer)
    )
    assert not out.exists()
    assert stack.processes["worker"].poll() is None


def test_a_worker_killed_in_a_job_leaves_it_to_the_next(stack: Stack, queue: Queue, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _put(queue, "subprocess.run", ["sh", "-c", f"echo begun >> {out}; sleep 3; echo done >> {out}"], job_id="slow")
    _put(queue, "subprocess.run", ["sh", "-c", f"echo next >> {out}"], job_id="next")
    _start(stack)
    wait_for(out.exists)
    stack.kill("worker")
    started = time.monotonic()
    _start(stack)
    wait_for(lambda: out.read_text().split()[-1] == "next", 20.0)
    assert out.read_text().split().count("begun") == 2
    assert time.monotonic() - started < 10
    wait_for(lambda: not _rest(stack))
    assert not _failed(queue)


def test_another_worker_takes_over(stack: Stack, queue: Queue, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _put(queue, "subprocess.run", ["sh", "-c", f"echo begun >> {out}; sleep 2; echo done >> {out}"], job_id="slow")
    _start(stack)
    wait_for(out.exists)
    _start(stack, "other")
    time.sleep(0.5)
    stack.kill("worker")
    wait_for(lambda: out.read_text().split().count("begun") == 2, 10.0)
    wait_for(lambda: not _rest(stack))


def test_a_job_that_kills_its_worker_fails_in_the_end_and_alone(stack: Stack, queue: Queue, tmp_path: Path) -> None:
    _put(queue, "os._exit", 9, job_id="poison")
    for number in range(5):
        _put(queue, "pathlib.Path.touch", job_id=f"bug-{number}")
    for number in range(5):
        _put(queue, "subprocess.run", ["touch", str(tmp_path / f"good-{number}")], job_id=f"good-{number}")
    for _ in range(6):
        _start(stack)
        wait_for(lambda: stack.processes["worker"].poll() is not None or "poison" in _failed(queue), 15.0)
        if "poison" in _failed(queue):
            break
    wait_for(lambda: len(list(tmp_path.glob("good-*"))) == 5)
    wait_for(lambda: len(_failed(queue)) == 6)
    job = Job.fetch("poison", connection=stack.redis, serializer=JSONSerializer)
    assert "workers died" in _why(job)


def test_redis_killed_while_the_worker_waits_and_while_it_works(stack: Stack, queue: Queue, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _start(stack)
    wait_for(lambda: stack.redis.keys("worker:*"))
    for round in range(2):
        _put(queue, "subprocess.run", ["sh", "-c", f"echo {round} >> {out}; sleep {round}"], job_id=f"job-{round}")
        _wait_for_line(out, str(round))
        stack.kill("redis")
        time.sleep(1.5)
        stack.start_redis()
    _put(queue, "subprocess.run", ["sh", "-c", f"echo last >> {out}"], job_id="last")
    wait_for(lambda: "last" in out.read_text())
    wait_for(lambda: not _rest(stack))
    assert stack.processes["worker"].poll() is None


def test_redis_killed_and_then_the_worker(stack: Stack, queue: Queue, tmp_path: Path) -> None:
    """What the worker took after Redis came back is not lost with it."""
    out = tmp_path / "out"
    _put(queue, "subprocess.run", ["sh", "-c", f"echo begun >> {out}; sleep 1; echo done >> {out}"], job_id="slow")
    _start(stack)
    wait_for(out.exists)
    stack.kill("redis")
    wait_for(lambda: "away" in stack.log("worker"))
    stack.start_redis()
    wait_for(lambda: out.read_text().split().count("begun") == 2)
    stack.kill("worker")
    _start(stack)
    wait_for(lambda: out.read_text().split().count("done") == 2, 20.0)
    wait_for(lambda: not _rest(stack))
    assert not _failed(queue)


def test_a_job_that_finds_a_server_away_waits(stack: Stack, queue: Queue) -> None:
    """No LDAP server is there: the notification waits (design, "When something is down")."""
    payload = {
        "queue_id": "4abc",
        "message_id": "<1@x>",
        "direction": "in",
        "mail_from": "b@example.test",
        "header_from": "b",
        "sent_at": "2026-11-23T10:00:00+08:00",
        "subject": "s",
        "text": "t",
        "recipients": [["a@example.test", "a@example.test"]],
    }
    (stack.folder / "ldap.secret").write_text("x")
    nobody = f'uri = ["ldap://127.0.0.1:{stack.http_port}"]\npassword_file = "{stack.folder}/ldap.secret"'
    stack.configure("", ldap=nobody)
    _put(queue, "mail2sms.notify.run", payload, job_id="notify-4abc")
    _start(stack)
    registry = queue.scheduled_job_registry
    wait_for(lambda: registry.get_job_ids(cleanup=False) == ["notify-4abc"])
    assert not _failed(queue)
    first = stack.log("worker").count("waits_s=")
    wait_for(lambda: stack.log("worker").count("waits_s=") > first, 25.0)
    assert registry.get_job_ids(cleanup=False) == ["notify-4abc"]


def test_sigterm_finishes_the_job_in_hand(stack: Stack, queue: Queue, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _put(queue, "subprocess.run", ["sh", "-c", f"echo begun >> {out}; sleep 1; echo done >> {out}"], job_id="slow")
    _put(queue, "subprocess.run", ["sh", "-c", f"echo next >> {out}"], job_id="next")
    _start(stack)
    wait_for(out.exists)
    stack.processes["worker"].send_signal(signal.SIGTERM)
    assert stack.stop("worker") == 0
    assert out.read_text().split() == ["begun", "done"]
    assert queue.get_job_ids() == ["next"]
