from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from caiyou.directory.model import Domain, Resolution, State, Subscriber, WhenScanDown
from caiyou.errors import DirectoryDown, Reply
from caiyou.events import Kind
from caiyou.queues import NOTIFY_JOB, Notify, from_payload
from caiyou.spool import read
from caiyou_milter import replies
from caiyou_milter.session import Action, Session, Verdict
from caiyou_milter.settings import MilterSettings

if TYPE_CHECKING:
    from tests.milter.conftest import Bench

ALICE = Subscriber(mailbox="alice@example.test", domain="example.test", reject=("bad@x.test",), notify=True)
BOB = Subscriber(mailbox="bob@example.test", domain="example.test")
CAROL = Subscriber(mailbox="carol@example.test", domain="example.test", state=State.SUSPENDED)
FULL = Subscriber(mailbox="full@example.test", domain="example.test", quota_bytes=1000)
MARK = b"a text that this clamd finds"


@pytest.fixture
def clamd(settings: MilterSettings) -> Iterator[None]:
    """clamd's protocol over a socket: MARK is a find, all else is clean."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(settings.clamd_socket))
    listener.listen()

    def serve() -> None:
        with suppress(OSError):
            while True:
                peer, _ = listener.accept()
                with peer, peer.makefile("rb") as stream:
                    assert stream.readline() == b"nINSTREAM\n"
                    content = b""
                    while size := int.from_bytes(stream.read(4), "big"):
                        content += stream.read(size)
                    peer.sendall(b"stream: Test.Mark FOUND\n" if MARK in content else b"stream: OK\n")

    thread = threading.Thread(target=serve)
    thread.start()
    yield
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def send(
    session: Session,
    *rcpt_to: str,
    mail_from: str = "a@x.test",
    login: str = "",
    headers: tuple[tuple[str, bytes], ...] = (("Subject", b" hello"),),
    body: bytes = b"text\r\n",
) -> Verdict:
    session.mail(mail_from, 0, login)
    for address in rcpt_to:
        assert session.rcpt(address) is None
    for name, value in headers:
        session.header(name, value)
    session.body(body)
    verdict = session.end("4ABC")
    session.reset()
    return verdict


def jobs(bench: Bench) -> list[Notify]:
    records = map(json.loads, read(bench.services.folder / "milter.sqlite3"))
    found = [record for record in records if "payload" in record]
    assert all((job["function"], job["job_id"]) == (NOTIFY_JOB, "notify-4ABC") for job in found)
    return [from_payload(Notify, job["payload"]) for job in found]


@pytest.mark.usefixtures("clamd")
def test_clean_mail_is_accepted_unchanged_and_recorded(bench: Bench) -> None:
    bench.known.add(BOB)
    headers = (("Message-ID", b" <1@x.test>"), ("Subject", b" hello"))
    verdict = send(bench.session(), "bob@example.test", headers=headers)
    assert verdict == Verdict(action=Action.ACCEPT)
    (event,) = bench.events
    assert (event.kind, event.queue_id, event.result) == (Kind.MAIL_ACCEPTED, "4ABC", "clean")
    assert (event.message_id, event.subscriber) == ("<1@x.test>", None)
    assert event.size_bytes == len(b"Message-ID: <1@x.test>\r\nSubject: hello\r\n\r\ntext\r\n")
    assert event.detail["direction"] == "in"
    assert event.detail["rcpt_to"] == ["bob@example.test"]
    assert jobs(bench) == []


@pytest.mark.usefixtures("clamd")
def test_a_recipient_with_notification_on_makes_one_job(bench: Bench) -> None:
    bench.known.add(ALICE, BOB)
    headers = (
        ("From", "李四 <a@x.test>".encode("gb18030")),
        ("Subject", b" =?gb2312?B?xOO6ww==?="),
        ("Date", b" Mon, 23 Nov 2026 13:06:21 +0800"),
        ("Content-Type", b" text/plain; charset=gb2312"),
        ("X-Priority", b" 1"),
    )
    send(bench.session(), "alice@example.test", "bob@example.test", headers=headers, body="你好，世界".encode("gbk"))
    (notify,) = jobs(bench)
    assert notify == Notify(
        queue_id="4ABC",
        message_id="4ABC",
        direction="in",
        mail_from="a@x.test",
        from_address="a@x.test",
        header_from="李四",
        sent_at="2026-11-23T13:06:21+08:00",
        subject="你好",
        text="你好，世界",
        urgent=True,
        recipients=[["alice@example.test", "alice@example.test"]],
    )


@pytest.mark.usefixtures("clamd")
def test_a_blacklisted_sender_notices_nothing(bench: Bench) -> None:
    bench.known.add(BOB, CAROL)
    bench.known.blacklist = {"a@x.test"}
    session = bench.session()
    verdict = send(session, "bob@example.test", "carol@example.test", "nobody@example.test", body=MARK * 10)
    assert verdict == Verdict(action=Action.DISCARD)
    assert not [question for question in bench.known.asked if question.startswith("resolve")]
    events = bench.events
    assert [event.kind for event in events] == [Kind.MAIL_DISCARDED] * 3
    assert {event.result for event in events} == {"a@x.test"}
    assert events[1].detail["rcpt_to"] == "carol@example.test"
    assert (events[0].size_bytes or 0) > len(MARK * 10)
    # The next mail of the same connection is another's.
    assert send(session, "bob@example.test", mail_from="b@x.test").action is Action.ACCEPT


@pytest.mark.usefixtures("clamd")
def test_a_blacklisted_client(bench: Bench) -> None:
    bench.known.add(BOB)
    bench.known.blacklist = {"192.0.2.1"}
    assert send(bench.session(), "bob@example.test", mail_from="").action is Action.DISCARD
    assert send(bench.session(client_ip="192.0.2.2"), "bob@example.test").action is Action.ACCEPT
    assert send(bench.session(client_ip=""), "bob@example.test").action is Action.ACCEPT


@pytest.mark.usefixtures("clamd")
def test_the_blacklist_is_asked_once_in_a_while_for_one_sender(bench: Bench) -> None:
    bench.known.add(BOB)
    for _ in range(3):
        send(bench.session(), "bob@example.test")
    assert [q for q in bench.known.asked if q.startswith("blacklisted")] == [
        "blacklisted a@x.test",
        "blacklisted 192.0.2.1",
    ]


@pytest.mark.usefixtures("clamd")
def test_a_subscriber_who_logged_in_is_not_looked_up_in_the_blacklist(bench: Bench) -> None:
    bench.known.add(ALICE, BOB)
    bench.known.blacklist = {"alice@example.test", "192.0.2.1"}
    session = bench.session("submission")
    verdict = send(session, "bob@example.test", mail_from="alice@example.test", login="alice@example.test")
    assert verdict.action is Action.ACCEPT


def test_refusals_for_one_recipient_only(bench: Bench) -> None:
    bench.known.add(ALICE, BOB, CAROL, FULL)
    bench.known.used = {"full@example.test": 1000}
    session = bench.session()
    session.mail("bad@x.test", 0, "")
    answers = {name: session.rcpt(f"{name}@example.test") for name in ("alice", "bob", "carol", "full", "nobody")}
    assert answers == {
        "alice": replies.REJECTED,
        "bob": None,
        "carol": replies.SUSPENDED,
        "full": replies.MAILBOX_FULL,
        "nobody": replies.UNKNOWN,
    }
    events = bench.events
    assert {event.kind for event in events} == {Kind.MAIL_REFUSED}
    assert [(event.detail["rcpt_to"], event.detail["rule"]) for event in events] == [
        ("alice@example.test", "reject_list"),
        ("carol@example.test", "suspended"),
        ("full@example.test", "quota"),
        ("nobody@example.test", "unknown"),
    ]
    assert events[0].result == str(replies.REJECTED)


@pytest.mark.parametrize(
    "mailboxes, outside, dynamic, expected",
    [
        ((ALICE, CAROL), (), False, None),
        ((CAROL, FULL), (), False, replies.MAILBOX_FULL),  # it may be taken later
        ((CAROL,), (), False, replies.SUSPENDED),
        ((CAROL,), ("x@outside.test",), False, None),
        ((CAROL,), (), True, None),
    ],
)
def test_an_alias_is_refused_where_all_its_targets_refuse(
    bench: Bench, mailboxes: tuple[Subscriber, ...], outside: tuple[str, ...], dynamic: bool, expected: Reply | None
) -> None:
    bench.known.add(ALICE, CAROL, FULL)
    bench.known.used = {"full@example.test": 1000}
    address = "sales@example.test"
    bench.known.resolutions[address] = Resolution(
        address=address,
        domain=bench.known.domains["example.test"],
        subscribers=mailboxes,
        outside=outside,
        dynamic=dynamic,
    )
    session = bench.session()
    session.mail("a@x.test", 0, "")
    assert session.rcpt(address) == expected


def test_recipients_outside_are_none_of_its_business(bench: Bench) -> None:
    bench.known.add(ALICE)
    session = bench.session("submission")
    session.mail("alice@example.test", 0, "alice@example.test")
    for address in ("x@outside.test", '"a b"@outside.test', "postmaster", "李四@外面.test"):
        assert session.rcpt(address) is None
    assert session.rcpt("nobody@example.test") == replies.UNKNOWN


def test_a_suspended_domain_refuses_even_for_its_aliases(bench: Bench) -> None:
    bench.known.domains["gone.test"] = Domain(name="gone.test", state=State.SUSPENDED)
    session = bench.session()
    session.mail("a@x.test", 0, "")
    assert session.rcpt("anybody@gone.test") == replies.DOMAIN_SUSPENDED


@pytest.mark.usefixtures("clamd")
def test_a_find_is_refused_in_and_out(bench: Bench) -> None:
    bench.known.add(ALICE, BOB)
    for session, login in ((bench.session(), ""), (bench.session("submission"), "bob@example.test")):
        verdict = send(session, "alice@example.test", login=login, body=b"x" * 100_000 + MARK)
        assert verdict == Verdict(action=Action.REFUSE, reply=replies.infected("Test.Mark"))
    assert [event.kind for event in bench.events] == [Kind.MAIL_REFUSED] * 2
    assert bench.events[1].subscriber == "bob@example.test"
    assert bench.events[0].detail["signature"] == "Test.Mark"
    assert jobs(bench) == []


PASS = Domain(name="pass.test", when_scan_down=WhenScanDown.PASS)
PAT = Subscriber(mailbox="pat@pass.test", domain="pass.test")


@pytest.mark.parametrize(
    "login, rcpt_to, expected",
    [
        ("", ["bob@example.test"], replies.SCAN_DOWN),
        ("", ["pat@pass.test"], None),
        ("", ["pat@pass.test", "bob@example.test"], replies.SCAN_DOWN),
        ("bob@example.test", ["x@outside.test"], replies.SCAN_DOWN),
        ("pat@pass.test", ["x@outside.test"], None),
        ("pat@pass.test", ["bob@example.test"], replies.SCAN_DOWN),
    ],
)
def test_while_the_scanner_is_away_the_strictest_domain_decides(
    bench: Bench, caplog: pytest.LogCaptureFixture, login: str, rcpt_to: list[str], expected: Reply | None
) -> None:
    bench.known.domains["pass.test"] = PASS
    bench.known.add(BOB, PAT)
    verdict = send(bench.session("submission" if login else "mx"), *rcpt_to, login=login)
    if expected:
        assert verdict == Verdict(action=Action.REFUSE, reply=expected)
    else:
        assert verdict == Verdict(action=Action.ACCEPT, add={"X-Caiyou-Scan": "unscanned"})
        assert bench.events[-1].result == "unscanned"
        assert "alarm=unscanned" in caplog.text


@pytest.mark.usefixtures("clamd")
def test_too_large_to_scan(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(scan_max_bytes=1000)
    bench.known.domains["pass.test"] = PASS
    bench.known.add(BOB, PAT)
    session = bench.session()
    assert send(session, "bob@example.test", body=b"x" * 1000).reply == replies.TOO_LARGE_TO_SCAN
    assert send(session, "pat@pass.test", body=b"x" * 1000).add == {"X-Caiyou-Scan": "unscanned"}
    assert send(session, "bob@example.test", body=b"x" * 900).action is Action.ACCEPT


@pytest.mark.usefixtures("clamd")
def test_internal_headers_are_removed_and_ask_only_where_the_sender_logged_in(bench: Bench) -> None:
    bench.known.add(ALICE, BOB)
    headers = (("X-Caiyou-SMS", b" yes"), ("x-caiyou-scan", b" clean"), ("X-CAIYOU-SMS", b" yes"))
    outsider = send(bench.session(), "bob@example.test", headers=headers)
    assert outsider == Verdict(action=Action.ACCEPT, remove={"x-caiyou-sms": 2, "x-caiyou-scan": 1})
    assert jobs(bench) == []
    subscriber = send(
        bench.session("submission"), "bob@example.test", "x@outside.test", login="alice@example.test", headers=headers
    )
    assert subscriber == outsider
    (notify,) = jobs(bench)
    assert (notify.direction, notify.sender, notify.asked) == ("out", "alice@example.test", True)
    assert notify.recipients == [["bob@example.test", "bob@example.test"], ["x@outside.test", ""]]


@pytest.mark.usefixtures("clamd")
@pytest.mark.parametrize(
    "subject, login, asked",
    [
        (b" [SMS] hello", "bob@example.test", True),
        ("［短信］你好".encode(), "bob@example.test", True),
        (b" =?utf-8?B?W+efreS/oV3kvaDlpb0=?=", "bob@example.test", True),
        (b" =?utf-8?B?5L2g5aW9?=", "bob@example.test", False),
        (b" hello", "bob@example.test", False),
        (b" [SMS] hello", "", False),
    ],
)
def test_the_subject_tag(bench: Bench, subject: bytes, login: str, asked: bool) -> None:
    bench.known.add(BOB)
    session = bench.session("submission" if login else "mx")
    send(session, "bob@example.test", login=login, headers=(("Subject", subject),))
    assert [notify.asked for notify in jobs(bench)] == ([True] if asked else [])


@pytest.mark.usefixtures("clamd")
def test_the_standing_choice_of_the_sender(bench: Bench) -> None:
    sender = Subscriber(mailbox="zoe@example.test", domain="example.test", notify_on_send=True)
    bench.known.add(sender, BOB)
    send(bench.session("submission"), "bob@example.test", login="zoe@example.test")
    (notify,) = jobs(bench)
    assert (notify.asked, notify.sender) == (False, "zoe@example.test")
    assert notify.recipients == [["bob@example.test", "bob@example.test"]]


@pytest.mark.usefixtures("clamd")
def test_a_login_counts_on_submission_only(bench: Bench) -> None:
    bench.known.add(BOB)
    send(bench.session("mx"), "bob@example.test", login="bob@example.test", headers=(("X-Caiyou-SMS", b" yes"),))
    assert jobs(bench) == []
    assert bench.events[0].detail["direction"] == "in"


def test_the_directory_is_down(bench: Bench) -> None:
    session = bench.session()
    bench.known.down = True
    with pytest.raises(DirectoryDown):
        session.mail("a@x.test", 0, "")
    bench.known.down = False
    session.mail("a@x.test", 0, "")
    bench.known.down = True
    with pytest.raises(DirectoryDown):
        session.rcpt("bob@example.test")
    assert bench.events == []


@pytest.mark.usefixtures("clamd")
def test_nothing_is_carried_over_to_the_next_mail(bench: Bench) -> None:
    bench.known.add(ALICE, BOB)
    session = bench.session()
    session.mail("a@x.test", 999, "")
    assert session.rcpt("alice@example.test") is None
    session.header("X-Caiyou-Scan", b" x")
    session.body(MARK)
    session.reset()
    assert send(session, "bob@example.test") == Verdict(action=Action.ACCEPT)
    assert bench.events[0].detail["rcpt_to"] == ["bob@example.test"]


@pytest.mark.usefixtures("clamd")
def test_a_flood_of_internal_headers_is_refused(bench: Bench) -> None:
    bench.known.add(BOB)
    verdict = send(bench.session(), "bob@example.test", headers=tuple((f"X-Caiyou-{n}", b" 1") for n in range(5000)))
    assert verdict == Verdict(action=Action.REFUSE, reply=replies.HEADER_FLOOD)
    assert bench.events[-1].detail["rule"] == "internal_headers"
