"""Through Postfix and the LMTP agent into the mailbox: kills under load, Chinese senders, many recipients."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from caiyou.events import Event, Kind
from caiyou.ledger.database import connect
from caiyou.ledger.history import Ids, events_of
from sandbox.running import RunningSandbox

pytestmark = pytest.mark.live


def mail(subject: str, mail_from: str = "wei@world.test") -> bytes:
    return (
        f"From: {mail_from}\r\nTo: you\r\nSubject: {subject}\r\nMessage-ID: <{abs(hash(subject))}@world.test>\r\n"
        "Date: Mon, 23 Nov 2026 13:00:00 +0800\r\n\r\n" + "0123456789 some text\r\n" * 400
    ).encode()


def subjects(sandbox: RunningSandbox, user: str) -> Counter[str]:
    found = (re.search(rb"\r\nSubject: ([^\r\n]*)", stored) for stored in sandbox.mails(user))
    return Counter(match[1].decode() for match in found if match)


def ledger(sandbox: RunningSandbox, queue_id: str, kind: Kind, count: int) -> list[Event]:
    engine = connect(sandbox.settings.ledger, reads=True)

    def enough() -> list[Event]:
        found = [e for e in events_of(engine, Ids(queue_ids=frozenset([queue_id]))) if e.kind is kind]
        return found if len(found) >= count else []

    try:
        return sandbox.eventually(enough)
    finally:
        engine.dispose()


def test_fifty_recipients_each_get_it_once(sandbox: RunningSandbox) -> None:
    users = [f"flow-fifty{number}@example.test" for number in range(50)]
    for user in users:
        sandbox.add_user(user)
    sent = sandbox.send("wei@world.test", users, mail("flow fifty"))
    for user in users:
        sandbox.wait_for_mail(user)
    assert all(subjects(sandbox, user)["flow fifty"] == 1 for user in users)
    delivered = ledger(sandbox, sent.queue_id, Kind.MAIL_DELIVERED, 50)
    assert Counter(event.subscriber for event in delivered) == Counter(users)


def test_bounce_to_a_chinese_sender_reaches_his_mailbox(sandbox: RunningSandbox) -> None:
    """He writes to a mailbox that is suspended while his mail is in the queue: Postfix bounces to 王梅@例子.test."""
    sandbox.add_user("wangmei@example.test", addresses=["王梅@例子.test"])
    sandbox.add_user("leaver@example.test")
    sandbox.stop_process("caiyou-lmtpd")
    try:
        sandbox.send("王梅@例子.test", ["leaver@example.test"], mail("to a leaver", "王梅@例子.test"))
        sandbox.admin.users.suspend("leaver@example.test")
    finally:
        sandbox.start_process("caiyou-lmtpd")
    sandbox.flush_queue()
    [bounce] = sandbox.wait_for_mail("wangmei@example.test", timeout_s=60)
    assert b"5.2.1" in bounce
    assert "停用".encode() in bounce
    assert b"Subject: to a leaver" in bounce
    sandbox.admin.users.resume("leaver@example.test")
    assert sandbox.mails("leaver@example.test") == []


def test_kill_of_the_agent_and_of_dovecot_under_load(sandbox: RunningSandbox) -> None:
    """Every accepted mail is in exactly one mailbox per recipient, and in the ledger once."""
    users = [f"flow-kill{number}@example.test" for number in range(4)]
    for user in users:
        sandbox.add_user(user)
    chance = random.Random(8878)
    accepted: dict[str, str] = {}
    done = threading.Event()

    def load() -> None:
        for number in range(300):
            subject = f"under load {number}"
            sent = sandbox.send("wei@world.test", users, mail(subject))
            accepted[subject] = sent.queue_id
        done.set()

    sender = threading.Thread(target=load)
    sender.start()
    while not done.is_set():
        time.sleep(chance.uniform(0.3, 1.0))
        if chance.random() < 0.5:
            workers = Path(f"/proc/{sandbox.pid('caiyou-lmtpd')}/task").glob("*/children")
            for pid in [int(pid) for file in workers for pid in file.read_text().split()]:
                os.kill(pid, signal.SIGKILL)
        else:
            dovecot = str(sandbox.pid("dovecot"))
            subprocess.run(["pkill", "-KILL", "-P", dovecot, "-x", "lmtp"], check=False)
    sender.join()
    sandbox.wait_until_up("caiyou-lmtpd")
    assert len(accepted) == 300

    def queue_is_empty() -> bool:
        sandbox.flush_queue()
        time.sleep(1)
        return not [waiting for waiting in sandbox.queue() if waiting["queue_id"] in accepted.values()]

    sandbox.eventually(queue_is_empty, 120)
    for user in users:
        assert subjects(sandbox, user) == Counter(dict.fromkeys(accepted, 1))
    for queue_id in accepted.values():
        delivered = ledger(sandbox, queue_id, Kind.MAIL_DELIVERED, len(users))
        assert Counter(event.subscriber for event in delivered) == Counter(users)


def test_one_of_several_behind_an_alias_rejects_the_sender(sandbox: RunningSandbox) -> None:
    for name in ("choosy", "easy"):
        sandbox.add_user(f"{name}@example.test")
    sandbox.admin.users.reject("choosy@example.test", ["unwanted.test"])
    sandbox.admin.aliases.add("both@example.test", ["choosy@example.test", "easy@example.test"])
    mail = b"From: a@unwanted.test\r\nTo: both@example.test\r\nSubject: for both\r\n\r\nhello\r\n"
    sent = sandbox.send("a@unwanted.test", ["both@example.test"], mail)
    sandbox.wait_for_mail("easy@example.test")
    sandbox.eventually(lambda: [line for line in sandbox.log(sent.queue_id) if "choosy@" in line and "5.7.1" in line])
    assert sandbox.mails("choosy@example.test") == []
