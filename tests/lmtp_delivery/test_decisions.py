"""What becomes of a recipient, and what Dovecot's answers mean."""

from __future__ import annotations

from dataclasses import replace

import pytest

from caiyou.directory.model import Resolution, State, Subscriber
from caiyou.errors import Reply
from lmtp_delivery import delivery
from lmtp_delivery.delivery import Destination, ascii_sender, decide, for_peer, is_full, parse_reply

ALICE = Subscriber(mailbox="alice@example.test", domain="example.test")
BOB = Subscriber(mailbox="bob@example.test", domain="example.test")
SUSPENDED = Subscriber(mailbox="s@example.test", domain="example.test", state=State.SUSPENDED)
CLOSED = Subscriber(mailbox="c@example.test", domain="example.test", state=State.CLOSED)
A = "张三@例子.test"


@pytest.mark.parametrize(
    "mail_from, refused",
    [("a@bad.test", True), ("a@sub.bad.test", True), ("a@good.test", False), ("", False)],
)
def test_decide_heeds_the_reject_list(mail_from: str, refused: bool) -> None:
    choosy = replace(ALICE, reject=("bad.test",))
    assert (decide(A, choosy, None, mail_from) is delivery.REJECTED) is refused


@pytest.mark.parametrize(
    "subscriber, resolution, expected",
    [
        (ALICE, None, Destination(address=A, subscriber=ALICE)),
        (SUSPENDED, None, delivery.SUSPENDED),
        (CLOSED, None, delivery.UNKNOWN),
        (None, None, delivery.UNKNOWN),
        (None, Resolution(address=A), delivery.UNKNOWN),
        (None, Resolution(address=A, loop=True), delivery.UNKNOWN),
        (None, Resolution(address=A, subscribers=(ALICE,)), Destination(address=A, subscriber=ALICE)),
        (None, Resolution(address=A, subscribers=(SUSPENDED,)), delivery.SUSPENDED),
        (None, Resolution(address=A, subscribers=(ALICE, BOB)), delivery.UNEXPANDED),
        (None, Resolution(address=A, subscribers=(ALICE,), outside=("x@y.test",)), delivery.UNEXPANDED),
        (None, Resolution(address=A, dynamic=True), delivery.UNEXPANDED),
        (None, Resolution(address=A, outside=("x@y.test",)), delivery.UNEXPANDED),
    ],
)
def test_decide(subscriber: Subscriber | None, resolution: Resolution | None, expected: object) -> None:
    assert decide(A, subscriber, resolution, "wei@world.test") == expected


@pytest.mark.parametrize(
    "mail_from, expected",
    [
        ("", ""),
        ("wei@world.test", "wei@world.test"),
        ('"a b"@world.test', '"a b"@world.test'),
        ("wei@例子.test", "wei@xn--fsqu00a.test"),
        ("李四@例子.test", None),
        ("李四@xn--fsqu00a.test", None),
        ("wei@例 子.test", None),
    ],
)
def test_sender_for_a_server_without_smtputf8(mail_from: str, expected: str | None) -> None:
    assert ascii_sender(mail_from) == expected


@pytest.mark.parametrize(
    "lines, expected",
    [
        ([b"250 2.0.0 <a@x> id Saved"], Reply(250, "2.0.0", "<a@x> id Saved")),
        ([b"250 Ok"], Reply(250, "2.0.0", "Ok")),
        ([b"552-5.2.2 <a@x> Quota", b"552 5.2.2 exceeded"], Reply(552, "5.2.2", "<a@x> Quota exceeded")),
        ([b"451 5.1.1 wrong class"], Reply(451, "4.0.0", "wrong class")),
        ([b"550 5.1.1"], Reply(550, "5.1.1", "")),
        ([b"550 5.1.1 \x1b[31mred\xff"], Reply(550, "5.1.1", "?[31mred\ufffd")),
    ],
)
def test_parse_reply(lines: list[bytes], expected: Reply) -> None:
    assert parse_reply(lines) == expected


@pytest.mark.parametrize("lines", [[b""], [b"25 x"], [b"abc Ok"], [b"250-a", b"550 b"], [b"354 go"], [b"999 x"]])
def test_what_is_no_reply_is_refused(lines: list[bytes]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the text is for the log
        parse_reply(lines)


def test_full_is_said_in_both_languages_with_dovecots_code() -> None:
    for code, enhanced in ((552, "5.2.2"), (452, "4.2.2")):
        reply = Reply(code, enhanced, "<a@x> Quota exceeded (mailbox for user is full)")
        assert is_full(reply)
        assert for_peer(reply) == Reply(code, enhanced, "Mailbox is full 邮箱已满")


def test_mailbox_unknown_to_dovecot_alone_waits() -> None:
    assert for_peer(Reply(550, "5.1.1", "<a@x> User doesn't exist: a@x")).code == 451


def test_other_outcomes_pass_unchanged() -> None:
    for reply in (Reply(250, "2.0.0", "Saved"), Reply(451, "4.2.0", "later"), Reply(554, "5.6.0", "no")):
        assert for_peer(reply) is reply


def test_unexpected_success_code_is_not_passed_on() -> None:
    assert for_peer(Reply(251, "2.1.5", "forwards")) == delivery.INTERNAL
