"""When something is down, hangs, and is back again: the rows of "When something is down" through the real servers.

What other tests show already is not repeated: clamd down, for both policies (test_virus); LDAP, Redis and the milter
down (test_refusal); failover between links (tests/mail2sms); each part alone (tests of the components).
"""

from __future__ import annotations

import smtplib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from caiyou import queues
from caiyou.events import FIELD, STREAM, Event, Kind
from caiyou.ledger.database import connect
from caiyou.ledger.history import Ids, events_of
from lmtp_delivery.settings import LmtpSettings
from mail2sms import live
from sandbox.running import RunningSandbox, Sent
from sandbox.servers.clamd import OWN_MARK

pytestmark = pytest.mark.live

OUTSIDER = "wei@world.test"
USER, PHONE = "down@example.test", "13887766600"
RETRY_S = 40.0  # a job that found a server away is tried again after 15 s

Outage = Callable[[str], AbstractContextManager[None]]


@pytest.fixture(scope="module", autouse=True)
def people(sandbox: RunningSandbox) -> None:
    sandbox.add_user(USER, mobile=PHONE, rule="all")


@pytest.fixture(params=["stopped", "frozen"])
def outage(sandbox: RunningSandbox, request: pytest.FixtureRequest) -> Outage:
    """Both ways to be away."""
    found: Outage = getattr(sandbox, request.param)
    return found


@pytest.fixture
def store(sandbox: RunningSandbox) -> Iterator[redis.Redis]:
    client = queues.connect(sandbox.settings)
    yield client
    client.close()


def mail(subject: str, octets: int = 100) -> bytes:
    head = (
        f"From: {OUTSIDER}\r\nTo: {USER}\r\nSubject: {subject}\r\nMessage-ID: <{subject.replace(' ', '.')}@world.test>"
    )
    return (
        f"{head}\r\n\r\n{'0123456789 a line of text' * 2}\r\n".encode() + b"0123456789" * 7 * (octets // 72) + b"\r\n"
    )


def send(sandbox: RunningSandbox, subject: str, octets: int = 100) -> Sent:
    return sandbox.send(OUTSIDER, [USER], mail(subject, octets))


def count(sandbox: RunningSandbox, subject: str) -> int:
    return sum(f"\r\nSubject: {subject}\r\n".encode() in stored for stored in sandbox.mails(USER))


def arrives(sandbox: RunningSandbox, subject: str) -> None:
    """Once."""
    sandbox.eventually(lambda: count(sandbox, subject))
    sandbox.eventually(lambda: not sandbox.queue(), 60)
    assert count(sandbox, subject) == 1


def told(sandbox: RunningSandbox, *subjects: str) -> list[str]:
    """Which of the subjects the phone shows, in the order of their coming."""
    texts = [message["text"] for message in sandbox.phone_messages(PHONE)]
    return [subject for text in texts for subject in subjects if f" {subject}: " in text]


def tells(sandbox: RunningSandbox, *subjects: str) -> None:
    """Each once, in this order."""
    sandbox.eventually(lambda: len(told(sandbox, *subjects)) >= len(subjects), RETRY_S)
    assert told(sandbox, *subjects) == list(subjects)


def ledger(sandbox: RunningSandbox, queue_id: str) -> list[Kind]:
    engine = connect(sandbox.settings.ledger, reads=True)
    try:
        return [event.kind for event in events_of(engine, Ids(queue_ids=frozenset([queue_id])))]
    finally:
        engine.dispose()


def recorded(sandbox: RunningSandbox, sent: Sent, kind: Kind) -> list[Kind]:
    """The events of a mail, once there is one of that kind."""
    sandbox.eventually(lambda: kind in ledger(sandbox, sent.queue_id))
    return ledger(sandbox, sent.queue_id)


# --- clamd


def test_clamd_that_hangs_holds_mail_up_and_lets_nothing_pass(sandbox: RunningSandbox) -> None:
    answers: dict[str, object] = {}

    def offer(subject: str, more: bytes) -> None:
        try:
            answers[subject] = sandbox.send(OUTSIDER, [USER], mail(subject) + more)
        except smtplib.SMTPDataError as error:
            answers[subject] = error.smtp_code

    clients = [threading.Thread(target=offer, args=pair) for pair in (("clean", b""), ("infected", OWN_MARK))]
    with sandbox.frozen("clamd"):
        for client in clients:
            client.start()
        time.sleep(2)
        assert answers == {}
    for client in clients:
        client.join()
    assert isinstance(answers["clean"], Sent)
    assert answers["infected"] == 554
    arrives(sandbox, "clean")
    assert not any(b"X-Caiyou-Scan" in stored for stored in sandbox.mails(USER))


# --- LDAP


def test_ldap_that_hangs_refuses_nobody_for_good(sandbox: RunningSandbox) -> None:
    send(sandbox, "before ldap hangs")
    with sandbox.frozen("slapd"):
        started = time.monotonic()
        with sandbox.smtp() as session:
            session.mail(OUTSIDER)
            assert session.rcpt(USER)[0] in (250, 451)
        assert time.monotonic() - started < 30
    send(sandbox, "after ldap hung")
    arrives(sandbox, "after ldap hung")


def test_a_notification_waits_for_ldap(sandbox: RunningSandbox, store: redis.Redis) -> None:
    waiting = Queue(queues.NOTIFY_QUEUE, connection=store, serializer=JSONSerializer).scheduled_job_registry
    sandbox.stop_process("caiyou-worker")
    try:
        sent = send(sandbox, "no ldap for the worker")
        arrives(sandbox, "no ldap for the worker")
    finally:
        with sandbox.stopped("slapd"):
            sandbox.start_process("caiyou-worker")
            sandbox.eventually(lambda: f"notify-{sent.queue_id}" in waiting.get_job_ids(cleanup=False))
    assert told(sandbox, "no ldap for the worker") == []
    tells(sandbox, "no ldap for the worker")


# --- Redis


def test_redis_away_mail_flows_and_notifications_follow_in_order(sandbox: RunningSandbox, outage: Outage) -> None:
    subjects = [f"redis {outage.__name__} {number}" for number in range(5)]
    with outage("redis"):
        started = time.monotonic()
        sent = [send(sandbox, subject) for subject in subjects]
        for subject in subjects:
            arrives(sandbox, subject)
        assert time.monotonic() - started < 30
        assert told(sandbox, *subjects) == []
    tells(sandbox, *subjects)
    for one in sent:
        kinds = recorded(sandbox, one, Kind.SMS_DELIVERED)
        assert len(kinds) == len(set(kinds)), kinds  # accepted, delivered, notified ...: each once


# --- the LMTP agent, Dovecot


@pytest.mark.parametrize("name", ["caiyou-lmtpd", "dovecot"])
def test_without_a_store_mail_stays_in_the_queue(sandbox: RunningSandbox, outage: Outage, name: str) -> None:
    subject = f"{name} {outage.__name__}"
    with outage(name):
        sent = send(sandbox, subject)

        def waits() -> bool:
            found = [entry for entry in sandbox.queue() if entry["queue_id"] == sent.queue_id]
            reasons = [recipient.get("delay_reason", "") for entry in found for recipient in entry["recipients"]]
            return bool(found) and (all(reasons) or outage.__name__ == "frozen")

        sandbox.eventually(waits)
        time.sleep(1)
        assert waits()
        if (name, outage.__name__) == ("dovecot", "stopped"):
            assert sandbox.eventually(lambda: sandbox.log(f"{sent.queue_id}: to=<{USER}>"))
            assert any("451 4.4.1" in line for line in sandbox.log(sent.queue_id))
    sandbox.flush_queue()
    arrives(sandbox, subject)
    assert recorded(sandbox, sent, Kind.MAIL_DELIVERED).count(Kind.MAIL_DELIVERED) == 1


# --- SQL


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Somebody else writes, and does not come to an end."""
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        other.close()


@contextmanager
def unreadable(sandbox: RunningSandbox, folder: Path) -> Iterator[None]:
    """The disk with the ledger is not there."""
    mode = folder.stat().st_mode
    folder.chmod(0)
    try:
        sandbox.wait_until_up("caiyou-ledgerd", not_pid=sandbox.kill("caiyou-ledgerd"))
        yield
    finally:
        folder.chmod(mode)


@pytest.mark.parametrize("how", ["locked", "unreadable"])
def test_without_sql_all_flows_and_events_wait(sandbox: RunningSandbox, store: redis.Redis, how: str) -> None:
    subject = f"sql {how}"
    path = Path(sandbox.settings.ledger.url.removeprefix("sqlite:///"))
    sandbox.eventually(lambda: store.xlen(STREAM) == 0)
    with locked(path) if how == "locked" else unreadable(sandbox, path.parent):
        sent = send(sandbox, subject)
        arrives(sandbox, subject)
        tells(sandbox, subject)
        time.sleep(1)
        entries: Any = store.xrange(STREAM)
        waiting = [Event.from_json(fields[FIELD.encode()]) for _, fields in entries]
        kinds = {event.kind for event in waiting if event.queue_id == sent.queue_id}
        assert kinds >= {Kind.MAIL_ACCEPTED, Kind.MAIL_DELIVERED, Kind.NOTIFY_QUEUED, Kind.SMS_DELIVERED}
        assert sandbox.status()["caiyou-ledgerd"].up
    sandbox.eventually(lambda: store.xlen(STREAM) == 0, 60)
    found = ledger(sandbox, sent.queue_id)
    assert kinds <= set(found)
    assert len(found) == len(set(found))


# --- a carrier link


def test_without_its_link_a_short_message_waits(sandbox: RunningSandbox, store: redis.Redis, outage: Outage) -> None:
    """One link is all that the route has: nothing to fail over to."""
    subject = f"carrier {outage.__name__}"

    def link() -> str:
        return next((each.state for each in live.read(store, datetime.now(UTC)) if each.link == "ismg"), "")

    with outage("carriers"):
        sent = send(sandbox, subject)
        arrives(sandbox, subject)
        sandbox.eventually(lambda: store.xlen(queues.mt_stream("default")) == 1)
        if outage.__name__ == "stopped":
            sandbox.eventually(lambda: link() == "down")  # the operator sees it red
        time.sleep(1)
        assert Kind.SMS_SUBMITTED not in ledger(sandbox, sent.queue_id)
    tells(sandbox, subject)
    assert Kind.SMS_IN_DOUBT not in recorded(sandbox, sent, Kind.SMS_DELIVERED)
    sandbox.eventually(lambda: link() == "up")


# --- our own bug


def test_a_job_that_is_none_is_kept_and_holds_nothing_up(sandbox: RunningSandbox, store: redis.Redis) -> None:
    """As another release may put it there."""
    jobs = Queue(queues.NOTIFY_QUEUE, connection=store, serializer=JSONSerializer)
    payload = {"queue_id": "4bug", "of_another_release": True}
    jobs.enqueue_call(queues.NOTIFY_JOB, args=(payload,), job_id="notify-4bug", result_ttl=0)
    try:
        send(sandbox, "behind a bug")
        tells(sandbox, "behind a bug")
        assert jobs.failed_job_registry.get_job_ids(cleanup=False) == ["notify-4bug"]
        assert any("TypeError" in line for line in sandbox.log("of_another_release", "caiyou-worker"))
        assert not any("TypeError" in message["text"] for message in sandbox.phone_messages(PHONE))
    finally:
        jobs.failed_job_registry.remove("notify-4bug", delete_job=True)


@contextmanager
def forbidden(folder: Path) -> Iterator[None]:
    """Something that nobody thought of: no file can be made there."""
    mode = folder.stat().st_mode
    folder.chmod(0o500)
    try:
        yield
    finally:
        folder.chmod(mode)


def test_an_error_in_the_milter_is_a_451_that_tells_nothing(sandbox: RunningSandbox) -> None:
    """Large mails wait for the scan in a file."""
    with forbidden(sandbox.settings.site.spool):
        with pytest.raises(smtplib.SMTPDataError) as refused:
            send(sandbox, "milter without a disk", 1_000_000)
        assert refused.value.smtp_code == 451
        answer = str(refused.value.smtp_error)
        assert answer.startswith("b'4.3.0 ")
        assert not any(word in answer for word in ("Errno", "ermission", "Traceback", str(sandbox.folder)))
        send(sandbox, "small one meanwhile")
    assert sandbox.log("PermissionError", "caiyou-milter")
    send(sandbox, "milter with a disk", 1_000_000)
    for subject in ("small one meanwhile", "milter with a disk"):
        arrives(sandbox, subject)
    assert count(sandbox, "milter without a disk") == 0


def test_an_error_in_the_lmtp_agent_keeps_the_mail_in_the_queue(sandbox: RunningSandbox) -> None:
    """Its lines are commands to a server that has lost its place: they must do nothing."""
    sandbox.add_user("smuggled@example.test")
    lines = ["", "RSET", "MAIL FROM:<x@world.test>", "RCPT TO:<smuggled@example.test>", "DATA", "Subject: x", "", "x"]
    with forbidden(sandbox.settings.table(LmtpSettings).spool):
        sent = sandbox.send(OUTSIDER, [USER], mail("agent without a disk", 2_000_000) + "\r\n".join(lines * 9).encode())

        def reason() -> str:
            found = [entry for entry in sandbox.queue() if entry["queue_id"] == sent.queue_id]
            return next((recipient.get("delay_reason", "") for e in found for recipient in e["recipients"]), "")

        said = sandbox.eventually(reason)
        assert " 451 4.3.0 " in said
        assert not any(word in said for word in ("Errno", "ermission", "Traceback"))
        send(sandbox, "small one to the agent")
        sandbox.eventually(lambda: count(sandbox, "small one to the agent") == 1)
    sandbox.flush_queue()
    arrives(sandbox, "agent without a disk")
    assert sandbox.mails("smuggled@example.test") == []
