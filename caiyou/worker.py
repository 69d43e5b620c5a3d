"""``caiyou-worker``: runs rq jobs. It does not fork per job: a fork costs milliseconds, a notification does not.

What rq leaves open is closed here:

- A job whose worker died (kill -9, power cut) runs again within seconds, not after rq's minutes and not as a failure;
  one that keeps killing its worker goes to the failed registry in the end.
- A job that could not run because a server was away (LDAP, Redis, SMTP) waits and is tried again for as long as it
  takes. Any other exception is a bug of ours: the job is kept in the failed registry.
- Redis restarted: the worker goes on by itself.
- rq talks to Redis some twenty times for one job; what only serves its dashboards is done once a second.

Jobs may therefore run twice and must be written so that it does no harm. One worker serves one queue, since only then
rq moves a job to its intermediate list instead of just taking it off the queue.
"""

from __future__ import annotations

import itertools
import logging
import signal
import sys
import time
from datetime import UTC, datetime
from importlib.resources import files
from types import FrameType
from typing import Any

import redis
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

from caiyou import log, queues
from caiyou.errors import DirectoryDown, SettingsError, TempFail
from caiyou.holder import holder, is_dead
from caiyou.settings import Settings, current

logger = logging.getLogger("caiyou.worker")

WAITS = (DirectoryDown, TempFail, redis.ConnectionError, redis.TimeoutError)  # the job is tried again
RETRY_S = 15
MAINTENANCE_S = 5
STUCK_S = 10.0  # in the intermediate list and not started: the worker died in between
DEATHS = 3  # a job that was running so often when its worker died is not tried again
WORKER_TTL_S = 20  # rq waits for a job 15 s less
FAILURE_TTL_S = 7 * 24 * 3600
MOVE = files("caiyou").joinpath("worker.lua").read_text(encoding="utf-8")


class Worker(SimpleWorker):
    """rq's worker with its gaps closed."""

    def __init__(self, connection: redis.Redis, queue: str, name: str) -> None:
        super().__init__(
            [queue],
            name=name,
            connection=connection,
            serializer=JSONSerializer,
            maintenance_interval=MAINTENANCE_S,
            worker_ttl=WORKER_TTL_S,
            log_job_description=False,
        )
        self.stopping = False
        self._move = connection.register_script(MOVE)
        self._stuck_since: dict[str, float] = {}
        self._beat_at = 0.0
        self._suspension_at = 0.0
        self._cleaned_at = time.monotonic()

    # --- what rq calls

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """SIGTERM: finish the job in hand, then end."""
        self.stopping = True
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # rq is typed in part

    def run_maintenance_tasks(self) -> None:
        """Every few seconds."""
        self._run_due()
        self._run_abandoned()
        self._run_stuck()
        if time.monotonic() - self._cleaned_at > 600:
            self._cleaned_at = time.monotonic()
            super().run_maintenance_tasks()  # type: ignore[no-untyped-call]
        self.last_cleaned_at = datetime.now(UTC)  # type: ignore[assignment]  # declared by its first value

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Wait where a server is away; anything else is told with its traceback and fails the job."""
        kind, error, _ = exc_info
        if isinstance(kind, type) and issubclass(kind, WAITS):
            job.retries_left, job.retry_intervals = 1, [RETRY_S]
            logger.warning(log.line(None, job=job.id, waits_s=RETRY_S, why=error))
            return
        super().handle_exception(job, *exc_info)

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Once a second is enough."""
        if pipeline is not None or time.monotonic() - self._beat_at > 1.0:
            self._beat_at = time.monotonic()
            super().heartbeat(timeout, pipeline)

    def set_state(self, state: str, pipeline: Any = None) -> None:
        """Kept in memory only, for the same reason: rq itself does not read it back."""
        self._state = state

    def check_for_suspension(self, burst: bool) -> None:
        """``rq suspend`` is noticed within a second."""
        if time.monotonic() - self._suspension_at > 1.0:
            self._suspension_at = time.monotonic()
            super().check_for_suspension(burst)

    # --- jobs that nobody runs

    def _run_due(self) -> None:
        """Jobs that waited long enough."""
        for queue in self.queues:
            registry = queue.scheduled_job_registry
            for job_id in registry.get_jobs_to_schedule(int(time.time())):
                self._put_back(queue, registry.key, "zset", job_id, job_id)

    def _run_abandoned(self) -> None:
        """Jobs that were running when their worker died."""
        for queue in self.queues:
            registry = queue.started_job_registry
            for job_id, execution in registry.get_job_and_execution_ids(cleanup=False):
                owner = self.connection.hget(f"rq:execution:{job_id}:{execution}", "worker_name")
                name = owner.decode("utf-8", "replace") if isinstance(owner, bytes) else ""
                if execution not in self.executions and not self._lives(name):
                    became = self._put_back(queue, registry.key, "zset", f"{job_id}:{execution}", job_id, DEATHS)
                    logger.warning(log.line(None, job=job_id, dead_worker=name, became=became))

    def _run_stuck(self) -> None:
        """Jobs that a worker took off the queue and did not begin."""
        now = time.monotonic()
        seen: dict[str, float] = {}
        for queue in self.queues:
            for job_id in queue.intermediate_queue.get_job_ids():
                seen[job_id] = self._stuck_since.get(job_id, now)
                if now - seen[job_id] > STUCK_S:
                    became = self._put_back(queue, queue.intermediate_queue_key, "list", job_id, job_id)
                    logger.warning(log.line(None, job=job_id, why="taken and not begun", became=became))
        self._stuck_since = seen

    def _put_back(self, queue: Queue, hangs: str, kind: str, member: str, job_id: str, deaths: int = 0) -> str:
        """See worker.lua."""
        answer = self._move(
            keys=[
                hangs,
                queue.key,
                Job.key_for(job_id),
                queue.intermediate_queue_key,
                queue.failed_job_registry.key,
            ],
            args=[kind, member, job_id, deaths, int(time.time()) + FAILURE_TTL_S],
        )
        return answer.decode() if isinstance(answer, bytes) else str(answer)

    def _lives(self, worker: str) -> bool:
        if not worker or worker == self.name:
            return worker == self.name
        if worker.rpartition(":")[0] == self.name.rpartition(":")[0]:  # this process, before Redis went away
            return False
        return not is_dead(worker) and bool(self.connection.exists(f"rq:worker:{worker}"))


def serve(settings: Settings, queue: str) -> None:
    """Work until SIGTERM; Redis may come and go."""
    pause_s = 0.5
    for number in itertools.count():
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda *_: sys.exit(0))  # until the worker sets its own
        started = time.monotonic()
        connection = queues.connect(settings, blocks=True)
        worker = None
        try:
            worker = Worker(connection, queue, f"{holder()}:{number}")
            worker.work(logging_level="WARNING")
        except (redis.ConnectionError, redis.TimeoutError) as error:
            logger.warning(log.line(None, redis="away", why=error))
        finally:
            connection.close()
        if worker is not None and worker.stopping:
            return
        pause_s = 0.5 if time.monotonic() - started > 30 else min(pause_s * 2, 5.0)
        time.sleep(pause_s)


def main() -> int:
    """Run until SIGTERM; 78 when the settings are wrong (EX_CONFIG, sysexits.h). The queue's name may be given."""
    log.setup()
    try:
        settings = current()
        settings.effective()
    except SettingsError as error:
        print(f"caiyou-worker: {error}", file=sys.stderr)
        return 78
    queue = sys.argv[1] if len(sys.argv) > 1 else queues.NOTIFY_QUEUE
    if queue not in queues.QUEUES:
        print(f"caiyou-worker: no queue {queue}; known: {', '.join(queues.QUEUES)}", file=sys.stderr)
        return 64
    serve(settings, queue)
    return 0


if __name__ == "__main__":
    sys.exit(main())
