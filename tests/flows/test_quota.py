"""Room in the mailbox (S5): the warning, and Trash or Sent emptied when new mail does not fit."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Callable

import pytest

from caiyou.directory.model import Subscriber
from sandbox.running import RunningSandbox

pytestmark = pytest.mark.live

QUOTA = 400_000


def mail(subject: str, size_bytes: int = 60_000) -> bytes:
    head = f"From: wei@world.test\r\nSubject: {subject}\r\nMessage-ID: <{abs(hash(subject))}@world.test>\r\n\r\n"
    return head.encode() + b"0123456789 text of a mail\r\n" * (size_bytes // 27)


def subjects(sandbox: RunningSandbox, user: str, folder: str = "INBOX") -> list[str]:
    found = (re.search(rb"^Subject: ([^\r\n]*)", stored, re.MULTILINE) for stored in sandbox.mails(user, folder))
    return [match[1].decode() for match in found if match]


def has(sandbox: RunningSandbox, user: str, subject: str) -> Callable[[], bool]:
    return lambda: subject in subjects(sandbox, user)


def fill(sandbox: RunningSandbox, user: str, folder: str, names: list[str]) -> None:
    with sandbox.imap(user) as session:
        for name in names:
            assert session.append(folder, "", "", mail(name))[0] == "OK"


def warnings(sandbox: RunningSandbox, user: str) -> int:
    return sum(b"Auto-Submitted: auto-generated" in stored for stored in sandbox.mails(user))


def test_warning_once_for_each_time_the_level_is_passed(sandbox: RunningSandbox) -> None:
    user = "warned@example.test"
    sandbox.add_user(user, quota_bytes=QUOTA, warn_percent=50)
    for number in range(5):  # 60 KB each: the fourth passes 200 KB
        sandbox.send("wei@world.test", [user], mail(f"fill {number}"))
        sandbox.eventually(has(sandbox, user, f"fill {number}"))
        if number == 2:
            assert warnings(sandbox, user) == 0
    sandbox.eventually(lambda: warnings(sandbox, user) == 1)
    with sandbox.imap(user) as session:  # he makes room: the next passing is another one
        session.select("INBOX")
        session.store("1:*", "+FLAGS", r"\Deleted")
        session.expunge()
    for number in range(5):
        sandbox.send("wei@world.test", [user], mail(f"again {number}"))
        sandbox.eventually(has(sandbox, user, f"again {number}"))
    sandbox.eventually(lambda: warnings(sandbox, user) == 1)
    [text] = [stored for stored in sandbox.mails(user) if b"Auto-Submitted" in stored]
    assert b"To: warned@example.test" in text


def test_trash_goes_oldest_first_until_the_new_mail_fits(sandbox: RunningSandbox) -> None:
    user = "emptying@example.test"
    sandbox.add_user(user, quota_bytes=QUOTA, empty_when_full=("Trash",))
    fill(sandbox, user, "Trash", [f"trash {number}" for number in range(4)])
    fill(sandbox, user, "Sent", ["sent 0", "sent 1"])
    sandbox.send("wei@world.test", [user], mail("does not fit", 100_000))
    sandbox.eventually(lambda: subjects(sandbox, user) == ["does not fit"])
    assert subjects(sandbox, user, "Trash") == ["trash 2", "trash 3"]
    assert subjects(sandbox, user, "Sent") == ["sent 0", "sent 1"]


def test_nothing_goes_where_it_would_not_be_enough(sandbox: RunningSandbox) -> None:
    user = "hopeless@example.test"
    sandbox.add_user(user, quota_bytes=QUOTA, empty_when_full=("Sent", "Trash"))
    fill(sandbox, user, "INBOX", [f"kept {number}" for number in range(5)])
    fill(sandbox, user, "Trash", ["trash 0"])
    found: Subscriber = sandbox.admin.users.get(user)
    assert found.empty_when_full
    refused = sandbox.eventually(lambda: _refusal(sandbox, user, mail("hopeless", 200_000)))
    assert "5.2.2" in refused
    assert subjects(sandbox, user, "Trash") == ["trash 0"]


def _refusal(sandbox: RunningSandbox, user: str, message: bytes) -> str:
    """What the sender hears, at RCPT or in the log of the bounce."""
    try:
        sent = sandbox.send("wei@world.test", [user], message)
    except smtplib.SMTPException as error:
        return str(error)
    return sandbox.eventually(lambda: next(iter(sandbox.log(f"{sent.queue_id}: to=<{user}>")), ""))
