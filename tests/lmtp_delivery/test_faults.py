"""Dovecot, LDAP, Redis or the agent itself gone, slow or back: nothing acknowledged early, no mail lost or doubled."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from caiyou.outbox import waiting_events
from sandbox.running import RunningSandbox
from sandbox.servers import daemons, dovecot

pytestmark = pytest.mark.live

USER = "faults@example.test"
ALIVE_S = 10


def wire(subject: str) -> bytes:
    return f"Subject: {subject}\r\nMessage-ID: <{subject.replace(' ', '-')}@world.test>\r\n\r\ntext\r\n".encode()


def received(queue_id: str) -> bytes:
    """What Postfix writes on top of every mail."""
    return (
        f"Received: from x\r\n\tby mx.example.test (Postfix) with ESMTP id {queue_id}; "
        "Mon, 23 Nov 2026 04:52:18 +0000\r\n"
    ).encode()


def count(sandbox: RunningSandbox, subject: str, user: str = USER) -> int:
    return sum(f"Subject: {subject}\r\n".encode() in mail for mail in sandbox.mails(user))


@contextmanager
def second_store(sandbox: RunningSandbox, port: int) -> Iterator[list[socket.socket]]:
    """Dovecot's LMTP under another address, as if it were another host; the list holds the connections to it."""
    clients: list[socket.socket] = []
    stores: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def carry(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def serve() -> None:
        while True:
            try:
                clients.append(listener.accept()[0])
            except OSError:
                return
            stores.append(socket.socket(socket.AF_UNIX))
            stores[-1].connect(str(dovecot.lmtp_socket(sandbox.layout)))
            for pair in ((clients[-1], stores[-1]), (stores[-1], clients[-1])):
                threads.append(threading.Thread(target=carry, args=pair))
                threads[-1].start()

    with socket.create_server(("127.0.0.2", port)) as listener:
        server = threading.Thread(target=serve)
        server.start()
        yield clients
        listener.shutdown(socket.SHUT_RDWR)
        server.join()
    for connection in (*clients, *stores):
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join()
    for connection in (*clients, *stores):
        connection.close()


@pytest.fixture(scope="module", autouse=True)
def people(sandbox: RunningSandbox) -> None:
    sandbox.add_user(USER)


def test_storage_hosts_answer_each_for_their_own(start_lmtpd: Any, sandbox: RunningSandbox) -> None:
    sandbox.add_user("store2@example.test", mail_host="127.0.0.2")
    sandbox.add_user("store3@example.test", mail_host="127.0.0.3")
    port = sandbox.ports.base + 924
    agent = start_lmtpd(dovecot_port=port)
    with second_store(sandbox, port) as opened, agent.peer() as peer:
        users = [USER, "store3@example.test", "store2@example.test"]
        assert peer.begin(users) == [250, 250, 250]
        replies = peer.data(wire("hosts"), 3)
    assert [code for code, _ in replies] == [250, 451, 250]
    assert replies[1][1].startswith("4.4.1 ")
    assert len(opened) == 1
    assert (count(sandbox, "hosts"), count(sandbox, "hosts", "store2@example.test")) == (1, 1)


def test_dovecot_gone_and_back(start_lmtpd: Any, sandbox: RunningSandbox) -> None:
    agent = start_lmtpd(connect_s=1.0)
    with agent.peer() as peer:
        assert peer.deliver([USER], wire("before"))[0][0] == 250
        with sandbox.stopped("dovecot"):
            code, text = peer.deliver([USER], wire("without dovecot"))[0]
            assert (code, text[:5]) == (451, "4.4.1")
        # The pooled connection is dead; the first mail after it finds that out and takes a new one.
        assert peer.deliver([USER], wire("after"))[0][0] == 250
    assert [count(sandbox, s) for s in ("before", "without dovecot", "after")] == [1, 0, 1]


def test_dovecot_that_hangs_delays_and_loses_nothing(start_lmtpd: Any, sandbox: RunningSandbox) -> None:
    agent = start_lmtpd(connect_s=1.0, reply_s=1.0, delivery_s=1.0)
    with agent.peer() as peer:
        with sandbox.frozen("dovecot"):
            started = time.monotonic()
            assert peer.deliver([USER], wire("frozen"))[0][0] == 451
            assert time.monotonic() - started < 5
        assert sandbox.eventually(lambda: peer.deliver([USER], wire("thawed"))[0][0] == 250)
    assert count(sandbox, "thawed") >= 1


def test_directory_gone_and_back(start_lmtpd: Any, sandbox: RunningSandbox) -> None:
    agent = start_lmtpd()
    with agent.peer() as peer:
        with sandbox.stopped("slapd"):
            peer.command("MAIL FROM:<wei@world.test>")
            code, text = peer.command("RCPT TO:<never-asked@example.test>")
            assert (code, text[:5]) == (451, "4.4.3")
            peer.command("RSET")
        assert peer.deliver([USER], wire("directory back"))[0][0] == 250
    assert count(sandbox, "directory back") == 1


def test_directory_that_hangs_holds_up_nobody_else(start_lmtpd: Any, sandbox: RunningSandbox) -> None:
    agent = start_lmtpd(processes=1)
    with agent.peer() as asking, agent.peer() as other:
        asking.command("MAIL FROM:<wei@world.test>")
        with sandbox.frozen("slapd"):
            started = time.monotonic()
            asking.send(b"RCPT TO:<never-asked-either@example.test>\r\n")
            for _ in range(20):
                assert other.command("NOOP")[0] == 250
                time.sleep(0.05)
            assert time.monotonic() - started < 2.5
            assert asking.reply()[0] == 451
            assert time.monotonic() - started < 15
        sandbox.eventually(lambda: asking.command("RSET")[0] == 250 and asking.begin([USER]) == [250])
        assert asking.data(wire("directory thawed"), 1)[0][0] == 250
    assert count(sandbox, "directory thawed") == 1


def test_redis_gone_mail_flows_and_events_wait(start_lmtpd: Any, sandbox: RunningSandbox) -> None:
    agent = start_lmtpd()
    spool = sandbox.settings.site.spool
    with agent.peer() as peer:
        with sandbox.stopped("redis"):
            for number in range(5):
                assert peer.deliver([USER], wire(f"no redis {number}"), queue_id=f"4jXnoredis{number:04d}")[0][0] == 250
            waiting = {event.queue_id for event in waiting_events(spool)}
            assert {f"4jXnoredis{number:04d}" for number in range(5)} <= waiting
        assert peer.deliver([USER], wire("redis back"))[0][0] == 250
    assert [count(sandbox, f"no redis {number}") for number in range(5)] == [1] * 5
    sandbox.eventually(lambda: not list(waiting_events(spool)))


def test_redis_that_hangs_delays_little(start_lmtpd: Any, sandbox: RunningSandbox) -> None:
    agent = start_lmtpd(processes=1)
    with agent.peer() as peer, sandbox.frozen("redis"):
        started = time.monotonic()
        for number in range(10):
            assert peer.deliver([USER], wire(f"slow redis {number}"))[0][0] == 250
        assert time.monotonic() - started < 20
    assert [count(sandbox, f"slow redis {number}") for number in range(10)] == [1] * 10


def test_mail_offered_again_is_acknowledged_and_not_doubled(lmtpd: Any, sandbox: RunningSandbox) -> None:
    mail = received("4jXagain0000001") + wire("again")
    for _ in range(3):  # each time the connection is lost before the reply is read
        with lmtpd.peer() as peer:
            assert peer.begin([USER], queue_id="4jXagain0000001") == [250]
            assert peer.command("DATA")[0] == 354
            peer.send(mail + b".\r\n")
        sandbox.eventually(lambda: count(sandbox, "again") == 1)
    with lmtpd.peer() as peer:
        assert peer.deliver([USER], mail, queue_id="4jXagain0000001")[0][0] == 250
    assert count(sandbox, "again") == 1


def test_another_mail_under_the_same_queue_id_is_another_mail(lmtpd: Any, sandbox: RunningSandbox) -> None:
    for second in ("18", "19"):
        mail = received("4jXreused000001").replace(b":18 ", f":{second} ".encode()) + wire("reused")
        with lmtpd.peer() as peer:
            assert peer.deliver([USER], mail, queue_id="4jXreused000001")[0][0] == 250
    assert count(sandbox, "reused") == 2


def test_kill_under_load_leaves_each_mail_once(start_lmtpd: Any, sandbox: RunningSandbox) -> None:
    """Workers die at any moment; whatever was not acknowledged is offered again, as Postfix does."""
    agent = start_lmtpd(processes=2)
    chance = random.Random(8878)
    open_ids = {f"4jXkill{number:08d}" for number in range(300)}
    acknowledged: set[str] = set()

    def offer(queue_id: str) -> None:
        try:
            with agent.peer(timeout_s=20) as peer:
                replies = peer.deliver([USER], received(queue_id) + wire(queue_id), queue_id=queue_id)
                if replies[0][0] == 250:
                    acknowledged.add(queue_id)
        except (OSError, EOFError):  # the connection was lost
            return

    def kill_at_times() -> None:
        while not calm.wait(chance.uniform(0.2, 0.7)):
            for pid in agent.workers()[:1]:
                os.kill(pid, signal.SIGKILL)

    calm = threading.Event()
    killer = threading.Thread(target=kill_at_times)
    killer.start()
    with ThreadPoolExecutor(10) as pool:
        for _ in range(8):
            list(pool.map(offer, sorted(open_ids - acknowledged)))
            time.sleep(0.5)
        calm.set()
        killer.join()
        deadline = time.monotonic() + 60
        while open_ids - acknowledged and time.monotonic() < deadline:
            list(pool.map(offer, sorted(open_ids - acknowledged)))
            time.sleep(0.5)
    assert acknowledged == open_ids
    subjects = [mail.split(b"Subject: ")[1].split(b"\r\n")[0].decode() for mail in sandbox.mails(USER)]
    assert {queue_id: subjects.count(queue_id) for queue_id in open_ids} == dict.fromkeys(open_ids, 1)
    assert "an earlier attempt" in agent.log()  # some did die between Dovecot's commit and our record


def test_dovecot_killed_under_load_leaves_each_mail_once(start_lmtpd: Any, sandbox: RunningSandbox) -> None:
    agent = start_lmtpd(processes=1)
    open_ids = {f"4jXdove{number:08d}" for number in range(120)}
    acknowledged: set[str] = set()

    def offer(queue_id: str) -> None:
        with agent.peer(timeout_s=60) as peer:
            replies = peer.deliver([USER], received(queue_id) + wire(queue_id), queue_id=queue_id)
            if replies[0][0] == 250:
                acknowledged.add(queue_id)

    with ThreadPoolExecutor(8) as pool:
        for _ in range(4):
            running = [pool.submit(offer, queue_id) for queue_id in sorted(open_ids - acknowledged)]
            time.sleep(0.15)
            subprocess.run(["pkill", "-KILL", "-P", str(sandbox.pid("dovecot")), "-x", "lmtp"], check=False)
            for future in running:
                future.result()
        deadline = time.monotonic() + 60
        while open_ids - acknowledged and time.monotonic() < deadline:
            list(pool.map(offer, sorted(open_ids - acknowledged)))
    assert acknowledged == open_ids
    subjects = [mail.split(b"Subject: ")[1].split(b"\r\n")[0].decode() for mail in sandbox.mails(USER)]
    assert {queue_id: subjects.count(queue_id) for queue_id in open_ids} == dict.fromkeys(open_ids, 1)


def test_term_lets_a_delivery_end(start_lmtpd: Any, sandbox: RunningSandbox) -> None:
    agent = start_lmtpd()
    with agent.peer() as busy, agent.peer() as idle:
        assert busy.begin([USER]) == [250]
        assert busy.command("DATA")[0] == 354
        agent.process.terminate()
        assert idle.reply()[0] == 421
        busy.send(wire("draining") + b".\r\n")
        assert busy.reply()[0] == 250
        assert busy.is_closed()
    assert agent.process.wait(timeout=10) == 0
    assert count(sandbox, "draining") == 1


def test_dead_worker_is_replaced_and_orphans_leave(start_lmtpd: Any, sandbox: RunningSandbox) -> None:
    agent = start_lmtpd(processes=2)
    first = agent.workers()
    os.kill(first[0], signal.SIGKILL)
    sandbox.eventually(lambda: len(agent.workers()) == 2 and first[0] not in agent.workers())
    with agent.peer() as peer:
        assert peer.deliver([USER], wire("after death"))[0][0] == 250
    workers = agent.workers()
    os.kill(agent.process.pid, signal.SIGKILL)
    agent.process.wait()
    sandbox.eventually(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers))  # noqa: PTH110


@pytest.mark.parametrize(
    "user, text, status, said",
    [
        ("root", "", 77, "not as root"),
        ("caiyou", "[lmtp]\nproceses = 2\n", 78, "did you mean processes"),
        ("caiyou", '[lmtp]\nlisten = "somewhere"\n', 78, "expected unix:/path or HOST:PORT"),
        ("caiyou", '[lmtp]\nlisten = "unix:/nowhere/lmtp.sock"\n', 78, "No such file or directory"),
    ],
)
def test_wrong_start_is_one_clear_line(sandbox: RunningSandbox, user: str, text: str, status: int, said: str) -> None:
    file = sandbox.layout.run / "wrong.toml"
    file.write_text(text)
    done = subprocess.run(
        [daemons.python(), "-m", "lmtp_delivery"],
        env={"CAIYOU_CONFIG": str(file), "PYTHONPATH": f"{sandbox.layout.app}:{sandbox.layout.app}/milter"},
        user=user,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_help_needs_no_settings() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lmtp_delivery", "--help"], capture_output=True, text=True, check=False, env={}
    )
    assert done.returncode == 0
    assert "LMTP agent" in done.stdout


def test_fifty_megabytes_to_fifty_recipients_cost_no_copies(start_lmtpd: Any, sandbox: RunningSandbox) -> None:
    users = [f"big{number}@example.test" for number in range(50)]
    for user in users:
        sandbox.add_user(user)
    agent = start_lmtpd(processes=1)
    with agent.peer() as peer:
        assert peer.deliver([users[0]], wire("small"))[0][0] == 250
    before = agent.peak_rss_kb()
    with agent.peer(timeout_s=300) as peer:
        replies = peer.deliver(users, wire("big") + (b"x" * 76 + b"\r\n") * 672_000)
    assert [code for code, _ in replies] == [250] * 50
    grown = agent.peak_rss_kb() - before
    print(f"50 MB to 50 recipients: {grown} kB more than before, {before} kB")
    assert grown < 20_000
