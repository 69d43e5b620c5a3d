"""Mails with an active rule to SMS at the ISMG, per second.

Each round does three things with the same number of messages, in this order, on one Redis, slapd and simulated ISMG:

- rq:      rq's own worker that does not fork takes that many jobs with the same payload and an empty function: the peer
- gateway: messages put on the stream, to the last answer of the ISMG recorded (reports are on)
- notify:  jobs as the milter puts them, every recipient with one matching rule, to the last answer recorded: the worker
           asks the directory, weighs, composes and queues, the gateway sends

The figures are medians and their ratios. Run as root (slapd drops it): python -m bench.notify
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from bench.slapd import Slapd
from bench.stack import Stack, wait_for
from caiyou import settings
from caiyou.directory.admin import Admin
from caiyou.queues import NOTIFY_JOB, NOTIFY_QUEUE, Notify, to_payload

DOMAIN = "bench.test"
ROUND_S = 300.0
Round = tuple[float, dict[str, float]]  # seconds, processor seconds by program
TEXT = "您好，附件是本季度的报表，请在周五之前确认。" * 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.notify", description="Notification jobs to SMS at the ISMG.")
    parser.add_argument("--messages", type=int, default=3000, help="in one round, at most 100000 (default 3000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each kind (default 3)")
    parser.add_argument("--workers", type=int, default=1, help="worker processes (default 1)")
    options = parser.parse_args()
    if not (1 <= options.messages <= 100_000 and 1 <= options.rounds <= 20 and 1 <= options.workers <= 16):
        parser.error("--messages must be 1-100000, --rounds 1-20, --workers 1-16")
    slapd = Slapd()
    with tempfile.TemporaryDirectory(prefix="caiyou-bench-notify-") as folder:
        stack = Stack(Path(folder))
        try:
            slapd.start()
            _start(stack, slapd)
            return _measure(stack, options)
        finally:
            stack.end()
            slapd.close()


def _start(stack: Stack, slapd: Slapd) -> None:
    """Everything but the workers, and 500 subscribers with a rule each."""
    ldap = f'uri = ["{slapd.uri}"]\npassword_file = "{slapd.folder}/ldap.secret"'
    stack.configure(f'routes = {{default = ["mobile"]}}\n{stack.link()}', ldap=ldap)
    stack.start_redis(fsync="everysec")
    stack.start_ismg()
    stack.start_gateway()
    admin = Admin(settings.load(stack.settings_file), "bench")
    admin.domains.add(DOMAIN)
    for number in range(500):
        mailbox = f"u{number}@{DOMAIN}"
        admin.users.add(mailbox, password=None, mobile=f"138{number:08d}", notify=True)
        admin.rules.add(mailbox, keywords=["合同", "报表"], daily_cap=10_000)
    admin.close()
    wait_for(lambda: stack.events("link.up"))


def _measure(stack: Stack, options: argparse.Namespace) -> int:
    rates: dict[str, list[float]] = {"rq": [], "gateway": [], "notify": []}
    count = options.messages
    for number in range(options.rounds):
        for kind in rates:
            seconds, spent = _ROUNDS[kind](stack, number, options)
            rates[kind].append(count / seconds)
            shares = ", ".join(f"{name} {1e6 * used / count:.0f}" for name, used in spent.items() if used)
            print(f"round {number + 1} {kind}: {count / seconds:.0f}/s; processor us for one: {shares}", flush=True)
            stack.redis.delete("events")
    rq, gateway, notify = (statistics.median(rates[kind]) for kind in rates)
    print(
        f"notify: {notify:.0f}/s end to end, gateway alone {gateway:.0f}/s, rq's own worker doing nothing {rq:.0f}/s; "
        f"ratio to rq {notify / rq:.2f}, to the gateway {notify / gateway:.2f} (medians of {options.rounds} rounds)"
    )
    return 0


def _rq(stack: Stack, round: int, options: argparse.Namespace) -> Round:
    _enqueue(stack, "rq-bench", "builtins.len", round, options.messages)
    worker = SimpleWorker(["rq-bench"], connection=stack.redis, serializer=JSONSerializer, log_job_description=False)
    begun, before, own = time.monotonic(), stack.cpu_s(), time.process_time()
    worker.work(burst=True, logging_level="WARNING")
    seconds = time.monotonic() - begun
    return seconds, {"worker": time.process_time() - own, **_since(stack, before)}


def _gateway(stack: Stack, round: int, options: argparse.Namespace) -> Round:
    begun, before = time.monotonic(), stack.cpu_s()
    stack.send_many(options.messages, f"{round}-")
    seconds = _wait_until_sent(stack, options.messages) - begun
    return seconds, _since(stack, before)


def _notify(stack: Stack, round: int, options: argparse.Namespace) -> Round:
    _enqueue(stack, NOTIFY_QUEUE, NOTIFY_JOB, round, options.messages)
    for number in range(options.workers):
        stack.start_worker(f"worker{number}")
    queue = Queue(NOTIFY_QUEUE, connection=stack.redis)
    while len(queue) == options.messages:  # until the workers have started
        time.sleep(0.001)
    begun, before = time.monotonic(), stack.cpu_s()
    seconds = _wait_until_sent(stack, options.messages) - begun
    spent = _since(stack, before)
    for number in range(options.workers):
        stack.stop(f"worker{number}")
    return seconds, spent


def _since(stack: Stack, before: dict[str, float]) -> dict[str, float]:
    return {name: used - before.get(name, 0.0) for name, used in stack.cpu_s().items()}


_ROUNDS = {"rq": _rq, "gateway": _gateway, "notify": _notify}


def _enqueue(stack: Stack, name: str, function: str, round: int, count: int) -> None:
    queue = Queue(name, connection=stack.redis, serializer=JSONSerializer)
    with stack.redis.pipeline(transaction=False) as pipe:
        for number in range(count):
            mailbox = f"u{number % 500}@{DOMAIN}"
            mail = Notify(
                queue_id=f"{round}q{number}",
                message_id=f"<{round}.{number}@outside.test>",
                direction="in",
                mail_from="sender@outside.test",
                header_from="李四",
                sent_at="2026-11-23T10:00:00+08:00",
                subject="第三季度报表",
                text=TEXT,
                recipients=[[mailbox, mailbox]],
            )
            queue.enqueue_call(
                function, args=(to_payload(mail),), job_id=f"{name}-{round}-{number}", result_ttl=0, pipeline=pipe
            )
        pipe.execute()


def _wait_until_sent(stack: Stack, count: int) -> float:
    """When no job and no message is left; every one of them must have been sent then."""
    end = time.monotonic() + ROUND_S
    queue = Queue(NOTIFY_QUEUE, connection=stack.redis)
    while len(queue) or stack.waiting() or stack.redis.keys(f"{queue.key}:taken:*"):
        if time.monotonic() > end:
            raise SystemExit(f"bench.notify: not through in {ROUND_S:.0f} s; {stack.waiting()} messages wait")
        time.sleep(0.02)
    ended = time.monotonic()
    sent = len(stack.events("sms.submitted"))
    if sent != count:
        raise SystemExit(f"bench.notify: {sent} sent of {count}")
    return ended


if __name__ == "__main__":
    sys.exit(main())
