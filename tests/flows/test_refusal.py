"""Who is refused, deferred or discarded, by the real milter behind the real Postfix."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator

import pytest

from caiyou.directory import entry
from caiyou.directory.admin.writer import Writer
from caiyou.directory.model import State
from caiyou.events import Event, Kind
from caiyou.ledger import database
from caiyou.ledger.history import Ids, events_of
from sandbox.running import RunningSandbox, Sent

pytestmark = pytest.mark.live

OUTSIDER = "wei@world.test"
BOB, BOBS_PHONE = "bob@example.test", "13900139000"


def mail(text: str, *headers: str) -> bytes:
    lines = ["From: wei@world.test", "To: somebody@example.test", f"Subject: {text}", *headers, "", text, ""]
    return "\r\n".join(lines).encode()


def refusal(sandbox: RunningSandbox, rcpt_to: str, *, mail_from: str = OUTSIDER, size: int = 0, user: str = "") -> str:
    """What RCPT answers, "" for 250."""
    with sandbox.smtp(user=user) as session:
        session.command_encoding = "utf-8"
        options = [f"SIZE={size}"] if size else []
        if not (mail_from + rcpt_to).isascii():
            options.append("SMTPUTF8")
        assert session.mail(mail_from, options)[0] == 250
        code, text = session.rcpt(rcpt_to)
        return "" if code == 250 else f"{code} {text.decode()}"


def events(sandbox: RunningSandbox, queue_id: str, kind: Kind) -> list[Event]:
    """Those of a mail, once the ledger has them."""
    engine = database.connect(sandbox.settings.ledger, reads=True)

    def written() -> list[Event]:
        return [e for e in events_of(engine, Ids(queue_ids=frozenset([queue_id]))) if e.kind is kind]

    try:
        return sandbox.eventually(written)
    finally:
        engine.dispose()


def delivered(sandbox: RunningSandbox, user: str, text: str) -> bytes:
    """The stored mail that ends with ``text``."""

    def found() -> bytes | None:
        return next((m for m in sandbox.mails(user) if m.rstrip().endswith(text.encode())), None)

    return sandbox.eventually(found)


@pytest.fixture(scope="module")
def users(sandbox: RunningSandbox) -> RunningSandbox:
    """Subscribers in every state, and aliases to them."""
    admin = sandbox.admin
    sandbox.add_user("taken@example.test")
    for name in ("suspended", "closed"):
        sandbox.add_user(f"r-{name}@example.test")
    admin.users.suspend("r-suspended@example.test")
    admin.users.set("r-closed@example.test", state=State.CLOSED)
    sandbox.add_user("picky@example.test")
    admin.users.reject("picky@example.test", ["bad@world.test", "spam.test", "例子.cn"])
    admin.domains.add("gone.test")
    sandbox.add_user("anna@gone.test")
    admin.domains.set("gone.test", state=State.SUSPENDED)
    admin.aliases.add("nobody-left@example.test", ["r-suspended@example.test", "picky@example.test"])
    admin.aliases.add("one-left@example.test", ["r-suspended@example.test", "taken@example.test"])
    admin.aliases.add("销售@example.test", ["taken@example.test"])
    return sandbox


@pytest.mark.parametrize(
    "rcpt_to, expected",
    [
        ("taken@example.test", ""),
        ("TAKEN@Example.Test", ""),
        ("no-such-user@example.test", "550 5.1.1 "),
        ("没有@example.test", "550 5.1.1 "),
        ('"no such user"@example.test', "550 5.1.1 "),
        ("r-suspended@example.test", "550 5.2.1 "),
        ("r-closed@example.test", "550 5.1.1 "),
        ("anna@gone.test", "550 5.2.1 "),
        ("anybody@gone.test", "550 5.2.1 "),
        ("one-left@example.test", ""),
        ("nobody-left@example.test", ""),
        ("销售@example.test", ""),
    ],
)
def test_by_state_of_the_recipient(users: RunningSandbox, rcpt_to: str, expected: str) -> None:
    answer = refusal(users, rcpt_to)
    assert answer.startswith(expected)
    assert bool(answer) == bool(expected), answer
    assert answer.isascii() is not bool(expected)  # English, and Chinese


@pytest.mark.parametrize(
    "mail_from, rcpt_to, refused",
    [
        ("bad@world.test", "picky@example.test", True),
        ("good@world.test", "picky@example.test", False),
        ("anyone@deep.spam.test", "picky@example.test", True),
        ("李四@例子.cn", "picky@example.test", True),
        ("lisi@xn--fsqu00a.cn", "picky@example.test", True),
        ("bad@world.test", "taken@example.test", False),
        ("bad@world.test", "nobody-left@example.test", True),
        ("", "picky@example.test", False),
    ],
)
def test_the_reject_list_of_one_recipient(users: RunningSandbox, mail_from: str, rcpt_to: str, refused: bool) -> None:
    answer = refusal(users, rcpt_to, mail_from=mail_from)
    expected = "550 5.7.1 " if rcpt_to.startswith("picky") else "550 5."
    assert answer.startswith(expected) if refused else answer == ""


def test_one_refused_recipient_does_not_harm_the_others(users: RunningSandbox) -> None:
    sent = users.send(OUTSIDER, ["taken@example.test", "nobody@example.test"], mail("one of two"))
    assert sent.refused["nobody@example.test"][0] == 550
    delivered(users, "taken@example.test", "one of two")
    (event,) = events(users, sent.queue_id, Kind.MAIL_ACCEPTED)
    assert (event.result, event.detail["recipients"]) == ("clean", 1)
    assert users.eventually(lambda: users.log("to=nobody@example.test", "caiyou-milter"))


def test_an_alias_that_only_leads_back_to_itself(users: RunningSandbox) -> None:
    """The command line refuses to make one; another program that writes to the directory may."""
    admin = users.admin
    admin.aliases.add("loop-b@example.test", ["taken@example.test"])
    admin.aliases.add("loop-a@example.test", ["loop-b@example.test"])
    writer = Writer(users.settings, "another program")
    dn = entry.alias_dn(users.settings.ldap.base, "loop-b@example.test")
    writer.change(dn, "loop-b", replace={"caiyouTarget": [b"loop-a@example.test"]})
    writer.close()
    assert refusal(users, "loop-a@example.test").startswith("550 5.4.6 ")


@pytest.fixture(scope="module")
def full(sandbox: RunningSandbox) -> RunningSandbox:
    """Mailboxes of 60,000 octets with 45,000 in them, as Dovecot counts."""
    for name, emptied in (("full", []), ("emptied", ["Trash"])):
        user = f"{name}@example.test"
        sandbox.add_user(user, quota_bytes=60_000, empty_when_full=emptied)
        sandbox.send(OUTSIDER, [user], mail("filler") + b"x" * 70 + (b"\r\n" + b"x" * 70) * 620 + b"\r\nfilled\r\n")
        delivered(sandbox, user, "filled")
    return sandbox


@pytest.mark.parametrize(
    "rcpt_to, size, expected",
    [
        ("full@example.test", 0, ""),
        ("full@example.test", 10_000, ""),
        ("full@example.test", 20_000, "452 4.2.2 "),
        ("full@example.test", 60_001, "552 5.2.2 "),
        ("emptied@example.test", 20_000, ""),
        ("emptied@example.test", 60_001, "552 5.2.2 "),
    ],
)
def test_over_quota_with_the_announced_size(full: RunningSandbox, rcpt_to: str, size: int, expected: str) -> None:
    answer = full.eventually(lambda: refusal(full, rcpt_to, size=size) or "250") if not expected else ""
    if expected:  # Dovecot mirrors its figures a moment after the delivery
        answer = full.eventually(lambda: refusal(full, rcpt_to, size=size))
    assert answer.startswith(expected or "250")


def discarded(sandbox: RunningSandbox, sent: Sent) -> Event:
    return events(sandbox, sent.queue_id, Kind.MAIL_DISCARDED)[0]


@pytest.fixture
def listed(sandbox: RunningSandbox) -> Iterator[None]:
    entries = ["villain@world.test", "villains.test", "127.0.0.77", "127.0.66.0/24"]
    for value in entries:
        sandbox.admin.blacklist.add(value)
    yield
    for value in entries:
        sandbox.admin.blacklist.remove(value)


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize(
    "mail_from, source, listed_as",
    [
        ("villain@world.test", "127.0.0.1", "villain@world.test"),
        ("VILLAIN@World.test", "127.0.0.1", "villain@world.test"),
        ("any@deep.villains.test", "127.0.0.1", "villains.test"),
        ("honest@world.test", "127.0.0.77", "127.0.0.77"),
        ("", "127.0.66.6", "127.0.66.0/24"),
    ],
)
def test_listed_senders_are_told_that_all_is_well(
    users: RunningSandbox, mail_from: str, source: str, listed_as: str
) -> None:
    text = f"from <{mail_from}> on the list as {listed_as}"
    sent = users.send(mail_from, ["taken@example.test", "no-such-user@example.test"], mail(text), source=source)
    assert sent.refused == {}
    event = discarded(users, sent)
    assert (event.result, event.detail["mail_from"]) == (listed_as, mail_from)
    assert event.size_bytes == len(mail(text))
    assert any(listed_as in line for line in users.log(f"{sent.queue_id}: ", "caiyou-milter"))
    users.send(OUTSIDER, ["taken@example.test"], mail("after " + text))
    delivered(users, "taken@example.test", "after " + text)
    assert not any(text.encode() in m and b"after " not in m for m in users.mails("taken@example.test"))


@pytest.mark.usefixtures("listed")
def test_a_subscriber_sends_from_wherever_he_is(users: RunningSandbox) -> None:
    with users.smtp(user=BOB) as session:
        session.sendmail(BOB, ["taken@example.test"], mail("from bob"))
    delivered(users, "taken@example.test", "from bob")
    sent = users.send(BOB, ["taken@example.test"], mail("from bob, far away"), user=BOB, source="127.0.66.7")
    assert events(users, sent.queue_id, Kind.MAIL_ACCEPTED)[0].subscriber == BOB


def test_submission_checks_local_recipients_too(users: RunningSandbox) -> None:
    users.admin.users.reject("picky@example.test", [BOB])
    assert refusal(users, "picky@example.test", mail_from=BOB, user=BOB).startswith("550 5.7.1 ")
    assert refusal(users, "no-such-user@example.test", mail_from=BOB, user=BOB).startswith("550 5.1.1 ")
    assert refusal(users, "friend@world.test", mail_from=BOB, user=BOB) == ""


def test_internal_headers_from_outside_are_removed_and_ask_for_nothing(users: RunningSandbox) -> None:
    sandbox, text = users, "hostile headers"
    headers = (
        "X-Caiyou-SMS: yes",
        "x-CAIYOU-sms : yes",
        "X-Other: kept",
        "X-Caiyou-Scan: clean",
        "X-Caiyou-Anything:\r\n folded\r\n\tvalue",
        "X-Caiyou-SMS:yes",
        "X-Caiyou: kept, it is none of ours",
    )
    before = len(sandbox.phone_messages(BOBS_PHONE))
    sandbox.send(OUTSIDER, [BOB], mail(text, *headers))
    stored = delivered(sandbox, BOB, text)
    assert re.findall(rb"^(x-caiyou[^:\s]*)\s*:", stored, re.IGNORECASE | re.MULTILINE) == [b"X-Caiyou"]
    assert b"folded" not in stored
    assert b"X-Other: kept\r\n" in stored
    # A mail that does ask, sent after it, arrives on the phone: nothing of the first one is on its way any more.
    sandbox.send("alice@example.test", [BOB], mail("asked by header", "X-Caiyou-SMS: yes"), user="alice@example.test")
    told = sandbox.phone_messages(BOBS_PHONE, wait=before + 1)
    assert "asked by header" in told[before]["text"]
    assert len(told) == before + 1
    assert b"X-Caiyou" not in delivered(sandbox, BOB, "asked by header")


def test_hostile_commands_get_an_answer_and_nothing_internal(users: RunningSandbox) -> None:
    before = len(users.log("Traceback", "caiyou-milter"))
    with users.smtp() as session:
        for command in (
            b"MAIL FROM:<" + b"x" * 300 + b"@world.test>",
            b"MAIL FROM:<a@world.test> SIZE=99999999999999999999",
            b"MAIL FROM:<a@world.test> SIZE=-1",
            b"MAIL FROM:<\xff\xfe@world.test>",
            b"RCPT TO:<\xff\xfe@example.test>",
            b"RCPT TO:<" + b"(caiyouAddress=*)" + b"@example.test>",
            b'RCPT TO:<"*)(objectClass=*"@example.test>',
            b"RCPT TO:<@relay.test:taken@example.test>",
        ):
            assert session.sock is not None
            session.sock.sendall(command + b"\r\n")
            code, text = session.getreply()
            assert 200 <= code < 600
            assert b"Traceback" not in text
            assert b"pymilter" not in text
    assert len(users.log("Traceback", "caiyou-milter")) == before


def test_while_ldap_is_down_nobody_is_refused_for_good(users: RunningSandbox) -> None:
    assert refusal(users, "taken@example.test") == ""
    with users.stopped("slapd"):
        # Postfix asks the directory as well, and what it no longer knows it defers itself.
        assert refusal(users, "taken@example.test")[:4] in ("", "451 ")
        assert refusal(users, "never-asked-before@example.test").startswith("451 4.")
    assert users.eventually(lambda: refusal(users, "never-asked-before@example.test")[:10] == "550 5.1.1 ")
    assert refusal(users, "taken@example.test") == ""


def test_while_redis_is_down_mail_flows_and_the_trigger_follows(users: RunningSandbox) -> None:
    with users.stopped("redis"):
        sent = users.send("alice@example.test", [BOB], mail("[SMS] spooled"), user="alice@example.test")
        delivered(users, BOB, "[SMS] spooled")
        assert refusal(users, "full@example.test") == ""  # how full it is nobody knows: Dovecot says
    assert users.eventually(lambda: [m for m in users.phone_messages(BOBS_PHONE) if "spooled" in m["text"]])
    assert len(events(users, sent.queue_id, Kind.MAIL_ACCEPTED)) == 1


def test_while_the_milter_is_killed_mail_is_deferred_and_then_taken(users: RunningSandbox) -> None:
    pid = users.kill("caiyou-milter")

    codes = set()

    def taken() -> bool:
        try:
            users.send(OUTSIDER, ["taken@example.test"], mail("after the kill"))
        except smtplib.SMTPResponseException as error:
            codes.add(error.smtp_code)
            return False
        except smtplib.SMTPRecipientsRefused as error:
            codes.update(code for code, _ in error.recipients.values())
            return False
        return True

    users.eventually(taken)
    assert codes <= {451}
    users.wait_until_up("caiyou-milter", not_pid=pid)
    delivered(users, "taken@example.test", "after the kill")
