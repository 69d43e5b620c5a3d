"""``caiyou-worker``: runs rq jobs, in its own process and several to a round trip.

rq's own workers spend 2 ms of CPU on a job, loops over twenty commands, lose or fail what ran when they were killed and
end when Redis does. This one keeps rq's jobs, queues, and registries of failed and scheduled jobs (``rq info``, ``rq
requeue`` and ``Queue.enqueue_in`` work), and takes jobs its own way:

- Jobs move from the queue to a list of this worker's, and leave it when they are done. When a worker has died (kill -9,
  power cut) another, or its successor, puts them back at once on the same host, within minutes from another one.
- A job that ran when its worker died is counted; at ``DEATHS`` it goes to the failed registry.
- A job that could not run because a server was away (LDAP, Redis, SMTP) waits and is tried again, as long as it takes.
  Any other exception is a bug of ours: the job is kept in the failed registry with its traceback.
- Only functions that ``caiyou.queues.JOBS`` names run; whoever can write to Redis can not have others run. A job of
  another function is kept in the failed registry.
- Redis restarted: the worker goes on by itself.
- A function ``x`` with an ``x_many`` beside it: that takes the payloads of several jobs at once. When it raises, each
  job runs alone, which says whose fault it was.

So a job may run twice and must be written so that it does no harm.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
import traceback
from collections.abc import Callable, Collection
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

import redis
from rq import Queue
from rq.defaults import RQ_KEY_PREFIX
from rq.exceptions import DeserializationError
from rq.job import Job, JobStatus
from rq.results import Result
from rq.serializers import JSONSerializer
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty

from caiyou import daemon, log, queues
from caiyou.errors import DirectoryDown, TempFail
from caiyou.holder import holder, is_dead
from caiyou.settings import Settings

logger = logging.getLogger("caiyou.worker")

RETRY_S = 15
BATCH = 16
BLOCK_S = 1.0  # for a job; SIGTERM is looked at in between
MAINTENANCE_S = 5.0
JOB_TIMEOUT_S = 60
ALIVE_S = 300  # more than one job may take, or a batch of them together
DEATHS = 3
FAILURE_TTL_S = 7 * 24 * 3600
PREFIX = f"{RQ_KEY_PREFIX}:job:"
SCRIPT = files("caiyou").joinpath("worker.lua").read_text(encoding="utf-8")


class Worker:
    """One worker of one queue. ``functions``: the names of what it may run."""

    def __init__(self, connection: redis.Redis, queue: str, functions: Collection[str]) -> None:
        self._stopping = False
        self._redis = connection
        self._functions = functions
        self._queue = Queue(queue, connection=connection, serializer=JSONSerializer)
        self._script = connection.register_script(SCRIPT)
        self._name = holder()
        self._workers = f"workers:{queue}"
        self._done: list[str] = []
        self._maintained_at = 0.0

    def stop(self, *_: object) -> None:
        """End after the job in hand. A signal handler too."""
        self._stopping = True

    def work(self) -> None:
        """Until ``stop``; Redis may come and go."""
        pause_s = 0.1
        while not self._ending():
            try:
                self._done.clear()
                self._reclaim(self._name)  # what Redis' going away left behind
                self._maintained_at = 0.0  # it is no worker any more by that: it becomes one before it takes a job
                while not self._ending():
                    self._turn()
                    pause_s = 0.1
                self._take(0)
                self._reclaim(self._name)
            except redis.RedisError as error:
                if not queues.is_away(error):
                    raise
                logger.warning(log.line(None, redis="away", why=error))
                time.sleep(pause_s)
                pause_s = min(pause_s * 2, 2.0)

    def _ending(self) -> bool:
        return self._stopping

    # --- jobs

    def _turn(self) -> None:
        """Some jobs, or a wait for one."""
        self._maintain_now_and_then()
        jobs = self._take(BATCH)
        if not jobs:
            job_id = self._redis.blmove(self._queue.key, self._taken(self._name), int(BLOCK_S), "LEFT", "RIGHT")
            if job_id is not None:
                jobs = self._jobs(self._script(keys=[self._taken(self._name)], args=["load", PREFIX, job_id]))
        if self._run_together(jobs):
            return
        for job, is_suspect in jobs:
            if self._ending():
                break
            self._maintain_now_and_then()  # slow ones together may take longer than a worker counts as alive
            if not is_suspect or self._may_run(job):
                self._run(job)

    def _run_together(self, jobs: list[tuple[Job, bool]]) -> bool:
        """Run jobs of one function at once, if it can take many; False: each is to run alone."""
        if len(jobs) < 2 or any(is_suspect or self._foreign(job) for job, is_suspect in jobs):
            return False
        names = {job.func_name for job, _ in jobs}
        many = _many(names.pop()) if len(names) == 1 else None
        if many is None:
            return False
        try:
            with UnixSignalDeathPenalty(JOB_TIMEOUT_S, JobTimeoutException):  # type: ignore[no-untyped-call]
                many([job.args[0] for job, _ in jobs])
        except Exception as error:  # noqa: BLE001  whatever it is, alone it is told
            logger.info(log.line(None, jobs=len(jobs), together=type(error).__name__, why="each runs alone"))
            return False
        self._done += [job.id for job, _ in jobs]
        return True

    def _run(self, job: Job) -> None:
        if why := self._foreign(job):
            logger.error(log.line(None, job=job.id, function=_function(job), failed=why))
            self._fail(job, why)
            return
        try:
            timeout_s = job.timeout or JOB_TIMEOUT_S
            with UnixSignalDeathPenalty(timeout_s, JobTimeoutException, job_id=job.id):  # type: ignore[no-untyped-call]
                job.perform()
        except Exception as error:
            if _waits(error):
                logger.warning(log.line(None, job=job.id, waits_s=RETRY_S, why=error))
                until = int(time.time()) + RETRY_S
                keys = [self._taken(self._name), self._queue.scheduled_job_registry.key]
                self._script(keys=keys, args=["wait", PREFIX, job.id, until])
                return
            logger.exception(log.line(None, job=job.id, function=_function(job), failed="kept"))
            self._fail(job, traceback.format_exc())
        else:
            self._done.append(job.id)

    def _foreign(self, job: Job) -> str:
        """Why a job is none that may run here; empty where it may."""
        try:
            # With an instance, rq would call whatever attribute of it the name says.
            if job.instance is None and job.func_name in self._functions:
                return ""
        except DeserializationError as error:
            return f"the job cannot be read: {error.__cause__!r:.200}"
        return f"{_function(job):.200} is no job of the queue {self._queue.name}"

    def _may_run(self, job: Job) -> bool:
        """Of a job that a dead worker had: whether it has not killed too many."""
        self._take(0)
        deaths = int(self._redis.hincrby(job.key, "runs", 1)) - 1
        if deaths < DEATHS:
            return True
        logger.error(log.line(None, job=job.id, function=_function(job), failed=f"{deaths} workers died while it ran"))
        self._fail(job, f"{deaths} workers died while it ran")
        return False

    def _fail(self, job: Job, why: str) -> None:
        with self._redis.pipeline() as pipe:
            job.set_status(JobStatus.FAILED, pipeline=pipe)
            self._queue.failed_job_registry.add(job, ttl=FAILURE_TTL_S, exc_string=why, pipeline=pipe)
            Result.create_failure(job, FAILURE_TTL_S, why, self._name, pipe)
            pipe.lrem(self._taken(self._name), 1, job.id)
            pipe.execute()

    def _take(self, count: int) -> list[tuple[Job, bool]]:
        """Forget the jobs that are done and take more."""
        keys = [self._queue.key, self._taken(self._name)]
        found = self._script(keys=keys, args=["take", PREFIX, count, *self._done])
        self._done.clear()
        return self._jobs(found)

    def _jobs(self, found: Any) -> list[tuple[Job, bool]]:
        """Jobs, and whether a dead worker had them."""
        jobs = []
        for job_id, flat in zip(found[::2], found[1::2], strict=True):
            values = dict(zip(flat[::2], flat[1::2], strict=True))
            job = Job(job_id.decode(), connection=self._redis, serializer=JSONSerializer)
            job.restore(values)
            jobs.append((job, b"suspect" in values))
        return jobs

    # --- what time brings

    def _maintain_now_and_then(self) -> None:
        if time.monotonic() - self._maintained_at > MAINTENANCE_S:
            self._maintained_at = time.monotonic()
            self._maintain()

    def _maintain(self) -> None:
        self._redis.sadd(self._workers, self._name)
        self._redis.set(_alive(self._name), 1, ex=ALIVE_S)
        registry = self._queue.scheduled_job_registry
        self._script(keys=[self._queue.key, registry.key], args=["due", PREFIX, int(time.time())])
        self._queue.failed_job_registry.cleanup()
        for member in self._redis.smembers(self._workers):
            name = member.decode("utf-8", "replace") if isinstance(member, bytes) else member
            if name != self._name and (is_dead(name) or not self._redis.exists(_alive(name))):
                self._reclaim(name)

    def _reclaim(self, name: str) -> None:
        """Put back what a dead worker had."""
        keys = [self._queue.key, self._taken(name), self._workers, _alive(name)]
        count = self._script(keys=keys, args=["reclaim", PREFIX, name])
        if count:
            logger.warning(log.line(None, worker=name, jobs_put_back=count))

    def _taken(self, name: str) -> str:
        return f"{self._queue.key}:taken:{name}"


def _alive(name: str) -> str:
    return f"worker:{name}"


@cache
def _many(name: str) -> Callable[[list[Any]], None] | None:
    """What takes the payloads of several jobs of a function; None where there is none."""
    module, _, function = name.rpartition(".")
    try:
        found: Callable[[list[Any]], None] | None = getattr(import_module(module), f"{function}_many", None)
    except (ImportError, ValueError):
        return None
    return found


def _function(job: Job) -> str:
    try:
        return str(job.func_name)
    except DeserializationError:
        return "unreadable"


def _waits(error: Exception) -> bool:
    """Whether a job failed only since a server is away."""
    away = isinstance(error, redis.RedisError) and queues.is_away(error)
    return away or isinstance(error, DirectoryDown | TempFail)


def serve(settings: Settings, queue: str, functions: Collection[str]) -> None:
    """Work until SIGTERM; the job in hand is finished."""
    connection = queues.connect(settings)
    worker = Worker(connection, queue, functions)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, worker.stop)
    try:
        worker.work()
    finally:
        connection.close()


def main() -> int:
    """Run until SIGTERM; 78 when the settings are wrong (EX_CONFIG, sysexits.h)."""
    arguments = daemon.parser("caiyou-worker", "Run the jobs of one queue.")
    arguments.add_argument("queue", nargs="?", choices=queues.QUEUES, default=queues.NOTIFY_QUEUE)
    queue = arguments.parse_args().queue
    serve(daemon.begin("caiyou-worker"), queue, queues.JOBS[queue])
    return 0


if __name__ == "__main__":
    sys.exit(main())
