"""Transactions with the agent before the real Dovecot: replies, addresses, bytes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from caiyou.events import Event, Kind
from caiyou.ledger.database import connect
from caiyou.ledger.history import Ids, events_of
from sandbox.running import RunningSandbox

pytestmark = pytest.mark.live

RECEIVED = b"Received: from x\r\n\tby mx.example.test (Postfix) with ESMTP id %s; Mon, 23 Nov 2026 04:52:18 +0000\r\n"


def wire(subject: str, text: bytes = b"text\r\n") -> bytes:
    message_id = abs(hash(subject))
    return (
        f"From: wei@world.test\r\nSubject: {subject}\r\nMessage-ID: <{message_id}@world.test>\r\n\r\n".encode() + text
    )


def stored(sandbox: RunningSandbox, user: str, subject: str) -> list[bytes]:
    return [mail for mail in sandbox.mails(user) if f"\r\nSubject: {subject}\r\n".encode() in mail]


def events(sandbox: RunningSandbox, queue_id: str, count: int) -> list[Event]:
    """What the ledger has of a mail, as soon as it has so much."""
    engine = connect(sandbox.settings.ledger, reads=True)

    def enough() -> list[Event]:
        found = list(events_of(engine, Ids(queue_ids=frozenset([queue_id]))))
        return found if len(found) >= count else []

    try:
        return sandbox.eventually(enough)
    finally:
        engine.dispose()


@pytest.fixture(scope="module", autouse=True)
def people(sandbox: RunningSandbox) -> None:
    sandbox.add_user("lmtp1@example.test", addresses=["李梅@例子.test"])
    sandbox.add_user("lmtp2@example.test")
    sandbox.add_user("lmtp-suspended@example.test", state="suspended")


def test_features(lmtpd: Any) -> None:
    with lmtpd.peer() as peer:
        names = {feature.split()[0] for feature in peer.features}
        assert {"SMTPUTF8", "8BITMIME", "PIPELINING", "ENHANCEDSTATUSCODES", "SIZE", "XFORWARD"} <= names


def test_each_recipient_hears_his_own(lmtpd: Any, sandbox: RunningSandbox) -> None:
    mail = wire("own replies")
    with lmtpd.peer() as peer:
        codes = peer.begin(
            ["lmtp1@example.test", "nobody@example.test", "lmtp-suspended@example.test", "lmtp2@example.test"],
            queue_id="4jXown00000001",
        )
        assert codes == [250, 550, 550, 250]
        replies = peer.data(mail, 2)
    assert [code for code, _ in replies] == [250, 250]
    assert "lmtp1@example.test" in replies[0][1]
    assert "lmtp2@example.test" in replies[1][1]
    for user in ("lmtp1@example.test", "lmtp2@example.test"):
        assert len(stored(sandbox, user, "own replies")) == 1
    found = events(sandbox, "4jXown00000001", 4)
    delivered = {event.subscriber: event for event in found if event.kind is Kind.MAIL_DELIVERED}
    assert delivered.keys() == {"lmtp1@example.test", "lmtp2@example.test"}
    assert delivered["lmtp1@example.test"].size_bytes == len(mail)
    assert "@world.test>" in str(delivered["lmtp1@example.test"].message_id)
    assert [event.kind for event in found].count(Kind.MAIL_BOUNCED) == 2


def test_refusals_say_why_in_both_languages(lmtpd: Any) -> None:
    with lmtpd.peer() as peer:
        peer.command("MAIL FROM:<wei@world.test>")
        code, text = peer.command("RCPT TO:<nobody@example.test>")
        assert (code, text[:5]) == (550, "5.1.1")
        assert "没有这个邮箱" in text
        code, text = peer.command("RCPT TO:<lmtp-suspended@example.test>")
        assert (code, text[:5]) == (550, "5.2.1")
        assert "suspended" in text
        assert "停用" in text


@pytest.mark.parametrize(
    "address", ["李梅@例子.test", "李梅@xn--fsqu00a.test", "LMTP1@EXAMPLE.TEST", "lmtp1@example.test"]
)
def test_every_address_of_a_subscriber_is_his_mailbox(lmtpd: Any, sandbox: RunningSandbox, address: str) -> None:
    subject = f"address {abs(hash(address))}"
    with lmtpd.peer() as peer:
        assert peer.deliver([address], wire(subject))[0][0] == 250
    assert len(stored(sandbox, "lmtp1@example.test", subject)) == 1


def test_two_addresses_of_one_mailbox_are_one_copy_and_two_replies(lmtpd: Any, sandbox: RunningSandbox) -> None:
    with lmtpd.peer() as peer:
        replies = peer.deliver(["lmtp1@example.test", "李梅@例子.test"], wire("one copy"))
    assert [code for code, _ in replies] == [250, 250]
    assert len(stored(sandbox, "lmtp1@example.test", "one copy")) == 1


def test_chinese_sender_stays_visible(lmtpd: Any, sandbox: RunningSandbox) -> None:
    with lmtpd.peer() as peer:
        assert peer.command("MAIL FROM:<李四@例子.test> SIZE=100 BODY=8BITMIME SMTPUTF8")[0] == 250
        assert peer.command("RCPT TO:<lmtp1@example.test>")[0] == 250
        assert peer.data(wire("chinese sender"), 1)[0][0] == 250
    [mail] = stored(sandbox, "lmtp1@example.test", "chinese sender")
    assert mail.startswith(b"Return-Path: <>\r\n")
    assert b"with UTF8LMTP" in mail
    assert "(envelope-from <李四@例子.test>)".encode() in mail
    assert mail.endswith(wire("chinese sender"))


def test_chinese_domain_of_the_sender_is_kept_as_a_label(lmtpd: Any, sandbox: RunningSandbox) -> None:
    with lmtpd.peer() as peer:
        assert peer.deliver(["lmtp1@example.test"], wire("a label"), mail_from="wei@例子.test")[0][0] == 250
    assert stored(sandbox, "lmtp1@example.test", "a label")[0].startswith(b"Return-Path: <wei@xn--fsqu00a.test>\r\n")


def test_bounce_to_a_chinese_address_arrives(lmtpd: Any, sandbox: RunningSandbox) -> None:
    with lmtpd.peer() as peer:
        assert peer.deliver(["李梅@例子.test"], wire("a bounce"), mail_from="")[0][0] == 250
    assert len(stored(sandbox, "lmtp1@example.test", "a bounce")) == 1


BODIES = {
    "dots": (b"..\r\n...\r\n..leading\r\n", b".\r\n..\r\n.leading\r\n"),
    "8 bit and NUL-free binary": (bytes(range(128, 256)) + b"\r\n", bytes(range(128, 256)) + b"\r\n"),
    # Not CR CR LF: Dovecot 2.3 hands out one of the two.
    "bare CR": (b"a\rb\r\n\rend\r\n", b"a\rb\r\n\rend\r\n"),
    "long line": (b"x" * 200_000 + b"\r\n", b"x" * 200_000 + b"\r\n"),
    "trailing blanks and empty lines": (b" \t\r\n\r\n\r\n", b" \t\r\n\r\n\r\n"),
    "larger than a piece": (b"0123456789abcdef\r\n" * 60_000, b"0123456789abcdef\r\n" * 60_000),
}


@pytest.mark.parametrize("name", BODIES)
def test_bytes_are_kept(lmtpd: Any, sandbox: RunningSandbox, name: str) -> None:
    sent, expected = BODIES[name]
    subject = f"bytes {name}"
    with lmtpd.peer() as peer:
        assert peer.deliver(["lmtp2@example.test"], wire(subject, sent))[0][0] == 250
    [mail] = stored(sandbox, "lmtp2@example.test", subject)
    assert mail.endswith(wire(subject, expected))
    trace = mail.removesuffix(wire(subject, expected))
    assert set(re.findall(rb"^([!-9;-~]+):", trace, re.MULTILINE)) <= {b"Return-Path", b"Delivered-To", b"Received"}


def test_empty_message_ends_at_its_dot(lmtpd: Any) -> None:
    with lmtpd.peer() as peer:
        assert peer.deliver(["lmtp2@example.test"], b"")[0][0] == 250
        assert peer.command("NOOP")[0] == 250


def test_message_cut_at_every_place_is_read_alike(lmtpd: Any, sandbox: RunningSandbox) -> None:
    """The end of the message is found however its five bytes arrive."""
    with lmtpd.peer() as peer:
        for cut in range(1, 6):
            assert peer.begin(["lmtp2@example.test"]) == [250]
            assert peer.command("DATA")[0] == 354
            whole = wire("cut") + b".\r\n"
            peer.send(whole[:-cut])
            peer.send(whole[-cut:])
            assert peer.reply()[0] == 250
    assert len(stored(sandbox, "lmtp2@example.test", "cut")) == 5


def test_fifty_recipients_are_one_transaction_with_dovecot(lmtpd: Any, sandbox: RunningSandbox) -> None:
    users = [f"fifty{number}@example.test" for number in range(50)]
    for user in users:
        sandbox.add_user(user)
    with lmtpd.peer() as peer:
        replies = peer.deliver(users, wire("fifty"))
    assert [code for code, _ in replies] == [250] * 50
    # Dovecot names its transaction in every reply: one connection, one transaction, its recipients numbered.
    assert len({re.sub(r":R\d+$", "", text.split()[2]) for _, text in replies}) == 1
    assert all(user in text for user, (_, text) in zip(users, replies, strict=True))
    assert len(stored(sandbox, users[49], "fifty")) == 1


def test_queue_id_from_the_received_header_where_the_peer_sends_no_xforward(
    lmtpd: Any, sandbox: RunningSandbox
) -> None:
    with lmtpd.peer() as peer:
        peer.command("MAIL FROM:<wei@world.test>")
        peer.command("RCPT TO:<lmtp2@example.test>")
        assert peer.data(RECEIVED % b"4jXreceived0001" + wire("by header"), 1)[0][0] == 250
    assert [event.kind for event in events(sandbox, "4jXreceived0001", 1)] == [Kind.MAIL_DELIVERED]
