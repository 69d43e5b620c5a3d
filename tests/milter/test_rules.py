from __future__ import annotations

from typing import Any

import pytest

from caiyou.directory.model import Domain, Resolution, State, Subscriber, WhenScanDown
from caiyou.errors import Reply
from caiyou_milter import checks, replies
from caiyou_milter.checks import blacklist, domain_suspended, quota, reject_list, suspended, unknown, virus
from caiyou_milter.clamd import Scan
from caiyou_milter.envelope import Envelope

MAILBOX = "alice@example.test"


class Used:
    def __init__(self, used_bytes: int | None) -> None:
        self._used_bytes = used_bytes

    def used_bytes(self, mailbox: str) -> int | None:
        assert mailbox == MAILBOX
        return self._used_bytes


def alice(**what: object) -> Subscriber:
    return Subscriber(**{"mailbox": MAILBOX, "domain": "example.test", **what})  # type: ignore[arg-type]


def test_every_rule_says_what_it_is() -> None:
    rules: list[Any] = [blacklist, *checks.ADDRESS_RULES, *checks.MAILBOX_RULES, virus]
    assert len({rule.name for rule in rules}) == len(rules) == 7
    assert all(rule.description for rule in rules)


@pytest.mark.parametrize(
    "entries, sender, refused",
    [
        (("bad@x.test",), "bad@x.test", True),
        (("bad@x.test",), "BAD@X.Test", True),
        (("bad@x.test",), "good@x.test", False),
        (("bad@x.test",), "bad@y.x.test", False),
        (("x.test",), "any@x.test", True),
        (("x.test",), "any@deep.sub.x.test", True),
        (("x.test",), "any@notx.test", False),
        (("test",), "any@x.test", True),
        (("例子.test",), "李四@例子.test", True),
        (("例子.test",), "lisi@xn--fsqu00a.test", True),
        (("李四@例子.test",), "李四@xn--fsqu00a.test", True),
        (("x.test",), "", False),
        (("",), "", False),
        (("x.test",), 'odd"quote@x.test', True),
        (("x.test",), "\ufffd@x.test", True),
        (("x.test",), "nodomain", False),
        ((), "bad@x.test", False),
    ],
)
def test_reject_list(entries: tuple[str, ...], sender: str, refused: bool) -> None:
    reply = reject_list.check(Envelope(mail_from=sender), alice(reject=entries), Used(None))
    assert reply == (replies.REJECTED if refused else None)


@pytest.mark.parametrize(
    "limit, used, size, empties, expected",
    [
        (0, 10**12, 10**12, (), None),
        (1000, 0, 0, (), None),
        (1000, 999, 0, (), None),
        (1000, 1000, 0, (), replies.MAILBOX_FULL),
        (1000, 1500, 0, (), replies.MAILBOX_FULL),
        (1000, 600, 400, (), None),
        (1000, 600, 401, (), replies.MAILBOX_FULL),
        (1000, 0, 1000, (), None),
        (1000, 0, 1001, (), replies.NEVER_FITS),
        (1000, 1000, 1001, (), replies.NEVER_FITS),
        (1000, None, 1001, (), replies.NEVER_FITS),
        (1000, None, 900, (), None),
        (1000, 1000, 900, ("Trash",), None),
        (1000, 1000, 1001, ("Trash",), replies.NEVER_FITS),
    ],
)
def test_quota(limit: int, used: int | None, size: int, empties: tuple[str, ...], expected: Reply | None) -> None:
    mailbox = alice(quota_bytes=limit, empty_when_full=empties)
    assert quota.check(Envelope(mail_from="a@x.test", size_bytes=size), mailbox, Used(used)) == expected


@pytest.mark.parametrize(
    "state, expected",
    [(State.ACTIVE, None), (State.SUSPENDED, replies.SUSPENDED), (State.CLOSED, replies.UNKNOWN)],
)
def test_suspended(state: State, expected: Reply | None) -> None:
    assert suspended.check(Envelope(mail_from=""), alice(state=state), Used(None)) == expected


@pytest.mark.parametrize(
    "state, expected",
    [(State.ACTIVE, None), (State.SUSPENDED, replies.DOMAIN_SUSPENDED), (State.CLOSED, replies.UNKNOWN)],
)
def test_domain_suspended(state: State, expected: Reply | None) -> None:
    resolution = Resolution(address=MAILBOX, subscribers=(alice(),))
    assert domain_suspended.check(Domain(name="example.test", state=state), resolution) == expected


def test_unknown() -> None:
    domain = Domain(name="example.test")
    assert unknown.check(domain, Resolution(address=MAILBOX)) == replies.UNKNOWN
    assert unknown.check(domain, Resolution(address=MAILBOX, loop=True)) == replies.LOOP
    assert unknown.check(domain, Resolution(address=MAILBOX, subscribers=(alice(),))) is None
    assert unknown.check(domain, Resolution(address=MAILBOX, outside=("x@y.test",))) is None
    assert unknown.check(domain, Resolution(address=MAILBOX, dynamic=True)) is None


HOLD = Domain(name="hold.test", when_scan_down=WhenScanDown.HOLD)
PASS = Domain(name="pass.test", when_scan_down=WhenScanDown.PASS)
DOWN = Scan(trouble="no such file")
LARGE = Scan(trouble="too much", too_large=True)


@pytest.mark.parametrize(
    "scan, domains, expected",
    [
        (Scan(), [HOLD, PASS], None),
        (Scan(signature="Eicar"), [PASS], replies.infected("Eicar")),
        (Scan(signature="Eicar"), [], replies.infected("Eicar")),
        (DOWN, [HOLD], replies.SCAN_DOWN),
        (DOWN, [PASS], None),
        (DOWN, [PASS, HOLD], replies.SCAN_DOWN),
        (LARGE, [PASS], None),
        (LARGE, [PASS, HOLD], replies.TOO_LARGE_TO_SCAN),
    ],
)
def test_virus(scan: Scan, domains: list[Domain], expected: Reply | None) -> None:
    assert virus.check(scan, domains) == expected


def test_unscanned_mail_that_concerns_no_domain_of_ours_is_held() -> None:
    assert virus.check(DOWN, []) == replies.SCAN_DOWN


ALL_REPLIES = [reply for reply in vars(replies).values() if isinstance(reply, Reply)] + [
    replies.infected("Win.Test.EICAR_HDB-1 %s\r\n554 病毒" + "x" * 1000)
]


@pytest.mark.parametrize("reply", ALL_REPLIES, ids=lambda reply: f"{reply.code}-{reply.enhanced}")
def test_replies_are_english_then_chinese_on_one_line(reply: Reply) -> None:
    english, chinese = reply.text.split(" / ")
    assert english.isascii()
    assert any("\u4e00" <= char <= "\u9fff" for char in chinese)
    assert reply.code >= 400
    assert "%" not in reply.text  # libmilter takes it for a directive
    assert len(f"{reply}\r\n".encode()) <= 512  # RFC 5321 4.5.3.1.5


def test_a_signature_cannot_break_out_of_its_reply() -> None:
    assert "Win.Test.EICAR_HDB-1__s__554___" in replies.infected("Win.Test.EICAR_HDB-1 %s\r\n554 病毒").text
