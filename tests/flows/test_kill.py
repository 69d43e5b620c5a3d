"""kill -9 of every daemon in turn while mail comes in: what was accepted is in each mailbox once, each due SMS came.

$CAIYOU_SEED makes another run of it.
"""

from __future__ import annotations

import os
import random
import re
import smtplib
import subprocess
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import pytest
from rq import Queue
from rq.serializers import JSONSerializer

from caiyou import queues
from caiyou.events import DEAD_STREAM, STREAM, Event, Kind
from caiyou.ledger.database import connect
from caiyou.ledger.history import Ids, events_of
from caiyou.outbox import waiting_events
from sandbox.running import RunningSandbox

pytestmark = pytest.mark.live

ROUNDS, SENDERS = 2, 5
PHONES = {f"kill{n}@example.test": f"1388776650{n}" if n % 2 else "" for n in range(10)}  # who has one has a rule
GIVE_UP_S = 60.0
DRAIN_S = 60.0  # a job that found a server away is tried again after 15 s
DAEMONS = (
    "caiyou-milter caiyou-lmtpd caiyou-worker caiyou-smsgw caiyou-ledgerd redis slapd clamd dovecot postfix carriers"
)
LINE = "0123456789 a line of a mail that nobody reads\r\n"


@dataclass(slots=True, kw_only=True)
class Mail:
    """One mail and its attempts, each with a subject of its own under the one Message-ID."""

    number: int
    rcpt_tos: list[str]
    attempts: int = 0
    accepted: dict[str, str] = field(default_factory=dict)  # subject to queue id: 250 was read
    unknown: set[str] = field(default_factory=set)  # the connection was lost after the dot

    @property
    def message_id(self) -> str:
        return f"<kill-{self.number}@world.test>"

    def wire(self, subject: str) -> bytes:
        head = (
            f"From: wei@world.test\r\nTo: you\r\nSubject: {subject}\r\nMessage-ID: {self.message_id}\r\n"
            "Date: Mon, 23 Nov 2026 13:00:00 +0800\r\n\r\n"
        )
        return (head + LINE * (1 + self.number % 200)).encode()


def attempt(sandbox: RunningSandbox, mail: Mail) -> str:
    """Offer a mail. Why it was not sent; "" when it was, or may have been."""
    mail.attempts += 1
    subject = f"kill-{mail.number}-{mail.attempts}"
    session: smtplib.SMTP | None = None
    dotted = False
    try:
        session = sandbox.smtp(timeout_s=30)
        replies = [session.mail("wei@world.test"), *map(session.rcpt, mail.rcpt_tos)]
        if refused := next((code for code, _ in replies if code != 250), 0):
            return str(refused)
        if (code := session.docmd("DATA")[0]) != 354:
            return str(code)
        content = mail.wire(subject)
        session.send(content[:-1])
        dotted = True
        session.send(content[-1:] + b".\r\n")
        code, text = session.getreply()
    except (OSError, smtplib.SMTPException) as error:
        if dotted:
            mail.unknown.add(subject)
        return "" if dotted else type(error).__name__
    finally:
        if session is not None:
            session.close()
    if code == 250:
        mail.accepted[subject] = text.decode().rpartition(" ")[2]
    return "" if code == 250 else str(code)


class Load:
    """Clients that send, each mail until it is accepted."""

    def __init__(self, sandbox: RunningSandbox, chance: random.Random) -> None:
        self.mails: list[Mail] = []
        self.refusals: Counter[str] = Counter()
        self._sandbox = sandbox
        self._chance = chance
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send_for_ever) for _ in range(SENDERS)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send_for_ever(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                rcpt_tos = self._chance.sample(sorted(PHONES), self._chance.choice((1, 1, 1, 2, 5)))
                mail = Mail(number=len(self.mails), rcpt_tos=rcpt_tos)
                self.mails.append(mail)
            give_up_at = time.monotonic() + GIVE_UP_S
            while not mail.accepted and time.monotonic() < give_up_at:
                refusal = attempt(self._sandbox, mail)
                self.refusals.update([refusal] if refusal else [])
                time.sleep(self._chance.uniform(0.0, 0.4))


def kill_children(sandbox: RunningSandbox, name: str, programs: str) -> None:
    """``programs``: a pattern of pkill(1)."""
    command = ["pkill", "-KILL", "-P", str(sandbox.pid(name)), "-x", programs]
    sandbox.eventually(lambda: subprocess.run(command, check=False).returncode == 0)  # there may be none just now


def victims(sandbox: RunningSandbox) -> dict[str, Callable[[], None]]:
    """What is killed, and how."""

    def daemon(name: str) -> None:
        sandbox.wait_until_up(name, not_pid=sandbox.kill(name), timeout_s=60)

    return {
        **{name: partial(daemon, name) for name in DAEMONS.split()},
        "workers of the LMTP agent": partial(kill_children, sandbox, "caiyou-lmtpd", "python"),
        "deliveries of Dovecot": partial(kill_children, sandbox, "dovecot", "lmtp"),
        "sessions of Postfix": partial(kill_children, sandbox, "postfix", "smtpd|cleanup|qmgr|lmtp"),
    }


def drain(sandbox: RunningSandbox) -> None:
    """Wait until nothing is on its way any more."""
    redis = queues.connect(sandbox.settings)
    jobs = Queue(queues.NOTIFY_QUEUE, connection=redis, serializer=JSONSerializer)

    def on_the_way() -> dict[str, object]:
        left = {
            "mails": [(mail["queue_id"], mail["recipients"]) for mail in sandbox.queue()],
            "spooled": sum(1 for _ in waiting_events(sandbox.settings.site.spool)),
            "jobs": len(jobs) + jobs.scheduled_job_registry.get_job_count(cleanup=False),
            "jobs in hand": sum(redis.llen(key) for key in redis.scan_iter(f"{jobs.key}:taken:*")),
            "short messages": redis.xlen(queues.mt_stream("default")),
            "events": redis.xlen(STREAM),
        }
        return {name: count for name, count in left.items() if count}

    try:
        end = time.monotonic() + DRAIN_S
        while on_the_way() and time.monotonic() < end:
            sandbox.flush_queue()
            time.sleep(1)
        assert on_the_way() == {}
        assert jobs.failed_job_registry.get_job_count(cleanup=False) == 0
        assert redis.xlen(DEAD_STREAM) == 0
    finally:
        redis.close()


def stored(sandbox: RunningSandbox, user: str) -> Counter[tuple[str, str]]:
    """Subject and queue id of every mail of a mailbox."""
    with sandbox.imap(user) as session:
        session.select("INBOX", readonly=True)
        _, parts = session.uid("FETCH", "1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT RECEIVED)])")
    headers = [part[1].decode() for part in parts if isinstance(part, tuple)]
    subjects = [re.findall(r"^Subject: (\S+)", header, re.MULTILINE)[0] for header in headers]
    queue_ids = [re.findall(r"\(Postfix\)\s+with E?SMTP id (\w+)", header)[0] for header in headers]
    return Counter(zip(subjects, queue_ids, strict=True))


def events(sandbox: RunningSandbox, mails: list[Mail]) -> dict[Kind, list[Event]]:
    found = defaultdict(list)
    engine = connect(sandbox.settings.ledger, reads=True)
    try:
        for event in events_of(engine, Ids(message_ids=frozenset(mail.message_id for mail in mails))):
            found[event.kind].append(event)
    finally:
        engine.dispose()
    return found


def check_mailboxes(sandbox: RunningSandbox, mails: list[Mail], told: dict[Kind, list[Event]]) -> None:
    """What was accepted is there once, what may have been at most once, anything else never; the ledger agrees."""
    delivered = Counter((event.queue_id, event.subscriber) for event in told[Kind.MAIL_DELIVERED])
    present = Counter[tuple[str, str]]()
    for user in PHONES:
        found = stored(sandbox, user)
        expected = {
            subject: queue_id for mail in mails if user in mail.rcpt_tos for subject, queue_id in mail.accepted.items()
        }
        allowed = {subject for mail in mails if user in mail.rcpt_tos for subject in mail.unknown}
        assert set(expected.items()) - set(found) == set(), f"lost: {user}"
        assert {subject for subject, _ in found} - set(expected) <= allowed, f"refused and yet delivered: {user}"
        assert [entry for entry, count in found.items() if count > 1] == [], f"twice: {user}"
        assert len({subject for subject, _ in found}) == len(found)
        present.update((queue_id, user) for _, queue_id in found)
    assert delivered == present
    accepted = Counter(event.queue_id for event in told[Kind.MAIL_ACCEPTED])
    assert all(accepted[queue_id] == 1 for mail in mails for queue_id in mail.accepted.values())


def check_phones(sandbox: RunningSandbox, mails: list[Mail], told: dict[Kind, list[Event]]) -> int:
    """Each due SMS came; how many came twice, each of which the ledger calls in doubt."""
    notified = {(event.message_id, event.subscriber): event.sms_id for event in told[Kind.NOTIFY_QUEUED]}
    assert len(notified) == len(told[Kind.NOTIFY_QUEUED])
    submitted = Counter(event.sms_id for event in told[Kind.SMS_SUBMITTED])
    doubtful = {event.sms_id for event in told[Kind.SMS_IN_DOUBT]}
    assert not told[Kind.SMS_FAILED]
    repeats = 0
    for user, number in PHONES.items():
        if not number:
            continue
        texts = [message["text"] for message in sandbox.phone_messages(number)]
        came = Counter(int(re.findall(r"kill-(\d+)-\d+:", text)[0]) for text in texts)
        for mail in mails:
            sms_id = notified.get((mail.message_id, user))
            if user in mail.rcpt_tos and mail.accepted:
                assert came[mail.number] >= 1, f"{mail}: no SMS to {number}"
            assert came[mail.number] <= (1 if sms_id else 0) + (sms_id in doubtful), f"{mail}: SMS to {number}"
            assert submitted[sms_id] <= 1
            repeats += came[mail.number] > 1
    return repeats


def tracebacks(sandbox: RunningSandbox, sizes: dict[str, int]) -> list[str]:
    """Where a daemon logged one since then."""
    found = []
    for path in sandbox.layout.log.glob("*.log"):
        with path.open("rb") as file:
            file.seek(sizes.get(path.name, 0))
            text = file.read().decode("utf-8", "replace")
        found += [f"{path.name}: {text[match.start() :][:2000]}" for match in re.finditer("Traceback", text)]
    return found


def test_kill_of_each_daemon_under_load(sandbox: RunningSandbox) -> None:
    chance = random.Random(int(os.environ.get("CAIYOU_SEED", "8878")))
    for user, number in PHONES.items():
        sandbox.add_user(user, mobile=number or None, rule="all" if number else None)
    sizes = {path.name: path.stat().st_size for path in sandbox.layout.log.glob("*.log")}
    found = sorted(victims(sandbox).items())
    began = time.monotonic()
    with Load(sandbox, chance) as load:
        for name, kill in [victim for _ in range(ROUNDS) for victim in chance.sample(found, len(found))]:
            time.sleep(chance.uniform(0.0, 0.6))
            before = time.monotonic()
            kill()
            print(f"{time.monotonic() - began:5.1f} s: {name} back in {time.monotonic() - before:.1f} s")
    print(f"{time.monotonic() - began:5.1f} s: {len(load.mails)} mails, {load.refusals}")
    drain(sandbox)
    print(f"{time.monotonic() - began:5.1f} s: drained")
    assert [state.name for state in sandbox.status().values() if not state.up] == []
    assert [mail for mail in load.mails if not mail.accepted] == []
    told = events(sandbox, load.mails)
    check_mailboxes(sandbox, load.mails, told)
    repeats = check_phones(sandbox, load.mails, told)
    unknown = sum(len(mail.unknown) for mail in load.mails)
    print(f"{time.monotonic() - began:5.1f} s: {unknown} attempts without an answer, {repeats} SMS twice")
    assert tracebacks(sandbox, sizes) == []
    assert len(load.mails) > 100


RESENT, RESENT_PHONE = "resent@example.test", "13887766599"


@pytest.fixture(scope="module")
def resent(sandbox: RunningSandbox) -> list[str]:
    """Somebody who is told of each mail."""
    sandbox.add_user(RESENT, mobile=RESENT_PHONE, rule="all")
    return [RESENT]


def arrives(sandbox: RunningSandbox, subject: str) -> None:
    sandbox.eventually(lambda: [found for found, _ in stored(sandbox, RESENT) if found == subject])


def is_told_once(sandbox: RunningSandbox, mail: Mail) -> None:
    """One SMS tells of a mail, and the ledger says that a second one was left out."""
    sandbox.eventually(lambda: events(sandbox, [mail])[Kind.NOTIFY_SKIPPED])
    told = events(sandbox, [mail])
    assert [event.result for event in told[Kind.NOTIFY_SKIPPED]] == ["duplicate"]
    assert len(told[Kind.NOTIFY_QUEUED]) == 1
    sandbox.eventually(lambda: events(sandbox, [mail])[Kind.SMS_DELIVERED])
    assert sum(f" kill-{mail.number}-" in message["text"] for message in sandbox.phone_messages(RESENT_PHONE)) == 1


def test_a_mail_sent_again_since_its_250_was_lost_is_told_once(sandbox: RunningSandbox, resent: list[str]) -> None:
    """It is in the mailbox twice, as RFC 1047 explains."""
    mail = Mail(number=10_000_001, rcpt_tos=resent, attempts=1)
    session = sandbox.smtp()
    session.mail("wei@world.test")
    session.rcpt(RESENT)
    assert session.docmd("DATA")[0] == 354
    session.send(mail.wire("kill-10000001-1") + b".\r\n")
    session.close()
    arrives(sandbox, "kill-10000001-1")
    assert attempt(sandbox, mail) == ""
    arrives(sandbox, "kill-10000001-2")
    is_told_once(sandbox, mail)


def test_a_mail_that_postfix_lost_after_the_milter_had_it_is_told_once(
    sandbox: RunningSandbox, resent: list[str]
) -> None:
    """cleanup(8) dies while the milter has the end of the message."""
    mail = Mail(number=10_000_002, rcpt_tos=resent)
    client = threading.Thread(target=attempt, args=(sandbox, mail))
    with sandbox.frozen("clamd"):
        client.start()
        time.sleep(1)
        kill_children(sandbox, "postfix", "cleanup")
    client.join()
    assert not mail.accepted
    sandbox.eventually(lambda: events(sandbox, [mail])[Kind.MAIL_ACCEPTED])
    assert attempt(sandbox, mail) == ""
    arrives(sandbox, "kill-10000002-2")
    assert [subject for subject, _ in stored(sandbox, RESENT) if subject == "kill-10000002-1"] == []
    is_told_once(sandbox, mail)
