"""One CMPP 3.0 link, window 16, to a simulated ISMG in another process, reports counted.

Each round does two things with the same number of messages, in this order, on one Redis and simulated ISMG:

- link:    this process keeps the window of a link full, to the last report acknowledged: the protocol alone
- gateway: messages put on the stream, to the last report recorded: with the journal in Redis

Then one gateway with two carriers, cut off from the first 20 times while it sends: from the cut to the first SUBMIT at
the second. Then, with --long, one gateway for that many messages: its memory at each tenth.

The figures are medians and their ratios. Run: python -m bench.cmpp
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import datetime
from itertools import count
from pathlib import Path

import uvloop

from bench.stack import SECRET_FILE, SP_ID, SRC_ID, Stack, wait_for
from mail2sms.links import Answer, LinkState, Mo, MtPart, Outcome, Report
from mail2sms.links.cmpp import CmppLink
from mail2sms.segment import split
from mail2sms.settings.cmpp import CmppLinkSettings

WAIT_S = 300.0
CHUNK = 20_000  # messages on the stream at a time
TEXT = "李四：第三季度报表 2026-11-23 10:00"
FAILOVER_PER_S = 200


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.cmpp", description="A CMPP link: pace, failover, memory.")
    parser.add_argument("--messages", type=int, default=10_000, help="in one round, at most 100000 (default 10000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each kind (default 3)")
    parser.add_argument("--cuts", type=int, default=20, help="how often the first link is cut (default 20)")
    parser.add_argument("--long", type=int, default=0, help="messages of the long run, e.g. 1000000 (default none)")
    options = parser.parse_args()
    if not (1 <= options.messages <= 100_000 and 1 <= options.rounds <= 20 and 0 <= options.cuts <= 1000):
        parser.error("--messages must be 1-100000, --rounds 1-20, --cuts 0-1000")
    print(f"cmpp: load average at the start {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", flush=True)
    with tempfile.TemporaryDirectory(prefix="caiyou-bench-cmpp-") as folder:
        stack = Stack(Path(folder))
        try:
            stack.start_redis(fsync="everysec")
            stack.start_ismg()
            stack.faults(report_delay_s=0.0)
            _pace(stack, options.messages, options.rounds)
            if options.cuts:
                _failover(stack, options.cuts)
            if options.long:
                _memory(stack, options.long)
        finally:
            stack.end()
    return 0


# --- pace


def _pace(stack: Stack, messages: int, rounds: int) -> None:
    stack.configure(f'routes = {{default = ["mobile"]}}\n{stack.link()}')
    rates: dict[str, list[float]] = {"link": [], "gateway": []}
    for number in range(1, rounds + 1):
        rates["link"].append(messages / asyncio.Runner(loop_factory=uvloop.new_event_loop).run(_link(stack, messages)))
        seconds, spent = _gateway(stack, messages, f"{number}-")
        rates["gateway"].append(messages / seconds)
        shares = ", ".join(f"{name} {1e6 * used / messages:.0f}" for name, used in spent.items())
        print(
            f"round {number}: link {rates['link'][-1]:.0f}/s, gateway {rates['gateway'][-1]:.0f}/s; "
            f"processor us for one message of the gateway's: {shares}",
            flush=True,
        )
    link, gateway = (statistics.median(rates[kind]) for kind in rates)
    print(
        f"cmpp: link {link:.0f} submits/s with their reports, gateway {gateway:.0f}/s; ratio {gateway / link:.2f} "
        f"(medians of {rounds} rounds, window 16)"
    )


class _Pump:
    """A sink that keeps the window full until all is sent and reported."""

    def __init__(self, link: CmppLink, part: MtPart, messages: int) -> None:
        self._link, self._part, self._left = link, part, messages
        self._answers, self._reports = messages, messages
        self._tags = count(1)
        self.up = asyncio.Event()
        self.over = asyncio.Event()

    def changed(self, state: LinkState, why: str) -> None:
        if state is LinkState.UP:
            self.up.set()
        elif self.up.is_set() and not self.over.is_set():
            raise SystemExit(f"bench.cmpp: the link is {state}: {why}")

    def begin(self) -> None:
        """Fill the window."""
        for _ in range(self._link.capacity):
            self._submit()

    def answered(self, tag: int, answer: Answer) -> None:
        if answer.outcome is not Outcome.ACCEPTED:
            raise SystemExit(f"bench.cmpp: {answer}")
        self._answers -= 1
        self._submit()

    def reported(self, report: Report, done: Callable[[], None]) -> None:
        done()
        self._reports -= 1
        if not self._reports and not self._answers:
            self.over.set()

    def received(self, mo: Mo, done: Callable[[], None]) -> None:
        done()

    def _submit(self) -> None:
        if self._left:
            self._left -= 1
            self._link.submit(next(self._tags), self._part)


async def _link(stack: Stack, messages: int) -> float:
    """Seconds for so many, reports and all."""
    values = {"host": "127.0.0.1", "port": stack.cmpp_port, "sp_id": SP_ID, "src_id": SRC_ID}
    settings = CmppLinkSettings.model_validate(values | {"secret_file": stack.folder / SECRET_FILE})
    link = CmppLink("bench", settings)
    (segment,) = split(TEXT)
    pump = _Pump(link, MtPart(to="8613800138000", segment=segment), messages)
    running = asyncio.create_task(link.run(pump, 2.0))
    await asyncio.wait_for(pump.up.wait(), 20.0)
    begun = time.monotonic()
    pump.begin()
    await asyncio.wait_for(pump.over.wait(), WAIT_S)
    seconds = time.monotonic() - begun
    running.cancel()
    await asyncio.wait([running])
    return seconds


def _gateway(stack: Stack, messages: int, prefix: str) -> tuple[float, dict[str, float]]:
    """The same through a gateway, and the processor time that each program took."""
    stack.redis.flushall()
    stack.start_gateway()
    wait_for(lambda: stack.events("link.up"))
    reports, before = _reports(stack), stack.cpu_s()
    begun = time.monotonic()
    stack.send_many(messages, prefix)
    wait_for(lambda: stack.waiting() == 0 and _reports(stack) - reports >= messages, WAIT_S, every_s=0.02)
    seconds = time.monotonic() - begun
    spent = {name: used - before[name] for name, used in stack.cpu_s().items()}
    delivered = len(stack.events("sms.delivered"))
    if delivered != messages:
        raise SystemExit(f"bench.cmpp: {delivered} delivered of {messages}")
    stack.stop("gateway")
    return seconds, spent


def _reports(stack: Stack) -> int:
    """Reports that the ISMG got an answer to."""
    return int(stack.http("GET", "/ismg/status")["counts"].get("reports_answered", 0))


# --- failover


def _failover(stack: Stack, cuts: int) -> None:
    """Cut the first of two carriers' links again and again while messages go out."""
    (stack.folder / "second").mkdir()
    second = Stack(stack.folder / "second")
    second.start_ismg()
    links = stack.link("first", account="first", reconnect_s=0.2, reconnect_max_s=0.2)
    links += stack.link("second", account="second", port=second.cmpp_port)
    stack.configure(f'routes = {{default = ["first", "second"]}}\n{links}')
    stack.redis.flushall()
    stack.start_gateway()
    wait_for(lambda: len(stack.events("link.up")) == 2)
    over = threading.Event()
    sender = threading.Thread(target=_send_steadily, args=(stack, over))
    sender.start()
    try:
        found_ms = sorted(_cut(stack, second) for _ in range(cuts))
    finally:
        over.set()
        sender.join()
        second.end()
    wait_for(lambda: stack.waiting() == 0, WAIT_S)
    stack.stop("gateway")
    in_doubt = len(stack.events("sms.in_doubt"))
    print(
        f"failover: first SUBMIT at the other carrier {statistics.median(found_ms):.0f} ms after the cut (median of "
        f"{cuts}; least {found_ms[0]:.0f}, nine in ten {found_ms[int(0.9 * (cuts - 1))]:.0f}, most "
        f"{found_ms[-1]:.0f}), at {FAILOVER_PER_S} messages/s; {in_doubt} parts in doubt in all"
    )


def _send_steadily(stack: Stack, over: threading.Event) -> None:
    for number in count():
        if over.wait(1 / FAILOVER_PER_S):
            return
        stack.send_many(1, f"f{number}-")


def _cut(stack: Stack, second: Stack) -> float:
    """Milliseconds from the cut to the first SUBMIT at the second carrier; the first is back afterwards."""
    at = stack.http("GET", "/ismg/status")["submits_last"]
    wait_for(lambda: stack.http("GET", "/ismg/status")["submits_last"] > at)
    time.sleep(random.uniform(0, 0.05))
    known = second.http("GET", "/ismg/status")["submits_last"]
    stack.faults(accept_connections=False)
    begun = time.time()
    stack.http("POST", "/ismg/disconnect", {})
    first = wait_for(lambda: second.http("GET", f"/ismg/submits?after={known}&limit=1"), every_s=0.005)[0]
    stack.faults()
    back = stack.http("GET", "/ismg/status")["submits_last"]
    wait_for(lambda: stack.http("GET", "/ismg/status")["submits_last"] > back)
    return (datetime.fromisoformat(first["at"]).timestamp() - begun) * 1000


# --- memory


def _memory(stack: Stack, messages: int) -> None:
    """A gateway's memory while it sends so many, and its growth once it has warmed up."""
    stack.configure(f'routes = {{default = ["mobile"]}}\n{stack.link()}')
    stack.redis.flushall()
    stack.start_gateway()
    wait_for(lambda: stack.events("link.up"))
    points: list[tuple[int, float]] = []
    begun = time.monotonic()
    sent = 0
    for tenth in range(1, 11):
        while sent < messages * tenth // 10:
            amount = min(CHUNK, messages * tenth // 10 - sent)
            stack.send_many(amount, f"l{sent}-")
            sent += amount
            wait_for(lambda: stack.waiting() == 0, WAIT_S, every_s=0.02)
            stack.redis.delete("events")  # as caiyou-ledgerd does
        points.append((sent, _rss_mib(stack)))
        print(f"memory: after {sent} messages {points[-1][1]:.1f} MiB", flush=True)
    warm = points[len(points) // 2 :]
    slope = statistics.linear_regression([n / 1e6 for n, _ in warm], [mib for _, mib in warm]).slope
    print(
        f"memory: {slope:+.2f} MiB per million messages over the second half, {points[-1][1]:.1f} MiB in the end; "
        f"{messages / (time.monotonic() - begun):.0f}/s"
    )
    stack.stop("gateway")


def _rss_mib(stack: Stack) -> float:
    status = Path(f"/proc/{stack.processes['gateway'].pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


if __name__ == "__main__":
    sys.exit(main())
