"""Peers that do not behave: a clear reply, bounded memory, and the next mail is served."""

from __future__ import annotations

import time
from typing import Any

import pytest

from lmtp_delivery import server
from sandbox.running import RunningSandbox

pytestmark = pytest.mark.live

USER = "hostile@example.test"
MAIL = b"Subject: %s\r\n\r\ntext\r\n"


@pytest.fixture(scope="module", autouse=True)
def people(sandbox: RunningSandbox) -> None:
    sandbox.add_user(USER)


def count(sandbox: RunningSandbox, subject: bytes) -> int:
    return sum(b"Subject: " + subject + b"\r\n" in mail for mail in sandbox.mails(USER))


@pytest.mark.parametrize(
    "text",
    [
        b"a\n.\nMAIL FROM:<evil@world.test>\r\n",
        b"a\n.\r\nb\r\n",
        b"a\r\n.\nb\r\n",
        b"a\nb\r\n",
    ],
)
def test_bare_line_feed_is_refused_whole(lmtpd: Any, sandbox: RunningSandbox, text: bytes) -> None:
    with lmtpd.peer() as peer:
        code, reply = peer.deliver([USER], MAIL % b"smuggled" + text)[0]
        assert (code, reply[:5]) == (554, "5.6.0")
        assert peer.command("NOOP")[0] == 250
    assert count(sandbox, b"smuggled") == 0


def test_carriage_return_tricks_end_no_message(lmtpd: Any, sandbox: RunningSandbox) -> None:
    tricks = b"a\r.\rb\r\n\r.\r\nc\r\n..\rd\r\n"
    with lmtpd.peer() as peer:
        assert peer.deliver([USER], MAIL % b"tricks" + tricks)[0][0] == 250
        assert peer.command("NOOP")[0] == 250
    assert count(sandbox, b"tricks") == 1
    mail = next(mail for mail in sandbox.mails(USER) if b"Subject: tricks" in mail)
    assert mail.endswith(b"a\r.\rb\r\n\r.\r\nc\r\n.\rd\r\n")


def test_truncated_message_is_not_delivered(lmtpd: Any, sandbox: RunningSandbox) -> None:
    with lmtpd.peer() as peer:
        assert peer.begin([USER]) == [250]
        assert peer.command("DATA")[0] == 354
        peer.send(MAIL % b"truncated" + b"more\r\n")
    time.sleep(0.5)
    with lmtpd.peer() as peer:
        assert peer.command("NOOP")[0] == 250
    assert count(sandbox, b"truncated") == 0


@pytest.mark.parametrize(
    "line, code",
    [
        (b"NONSENSE", 500),
        (b"\xff\xfe\x00", 500),
        (b"", 500),
        (b"MAIL", 501),
        (b"MAIL FROM:wei@world.test", 501),
        (b"MAIL FROM:<wei@world.test", 501),
        (b"MAIL FROM:<a\x00b@world.test>", 501),
        (b"MAIL FROM:<\xff\xfe@world.test>", 501),
        (b"MAIL FROM:<wei@world.test> RET=FULL", 555),
        (b"MAIL FROM:<wei@world.test> SIZE=99999999999", 552),
        (b"RCPT TO:<hostile@example.test>", 503),
        (b"DATA", 503),
        (b"AUTH PLAIN AAAA", 500),
        (b"STARTTLS", 500),
        (b"MAIL FROM:<" + b"x" * 5000 + b">", 500),
        (b"X" * 300_000, 500),
        (b"LHLO <script>", 501),
        (b"EHLO peer.test", 500),
    ],
)
def test_wrong_command_is_told_and_the_session_goes_on(lmtpd: Any, line: bytes, code: int) -> None:
    with lmtpd.peer() as peer:
        peer.send(line + b"\r\n")
        got, text = peer.reply()
        assert got == code
        assert "Traceback" not in text
        assert "Error:" not in text
        assert peer.deliver([USER], MAIL % b"after")[0][0] == 250


def test_recipient_that_is_no_address(lmtpd: Any) -> None:
    with lmtpd.peer() as peer:
        assert peer.command("MAIL FROM:<wei@world.test>")[0] == 250
        for wrong in ("RCPT TO:<>", "RCPT TO:hostile@example.test"):
            assert peer.command(wrong)[0] == 501
        for unknown in ("RCPT TO:<a@b@c>", "RCPT TO:<no-at-sign>", "RCPT TO:<*)(cn=*@example.test>"):
            assert peer.command(unknown)[0] in (550, 553)
        peer.send(b"RCPT TO:<\xff@example.test>\r\n")
        assert peer.reply()[0] == 553
        assert peer.command("DATA")[0] == 503


def test_data_before_it_was_asked_for_ends_the_session(lmtpd: Any, sandbox: RunningSandbox) -> None:
    with lmtpd.peer() as peer:
        assert peer.begin([USER]) == [250]
        peer.send(b"DATA\r\n" + MAIL % b"too early" + b".\r\n")
        assert peer.reply()[0] == 503
        assert peer.is_closed()
    assert count(sandbox, b"too early") == 0


def test_pipelined_garbage_ends_the_session(lmtpd: Any) -> None:
    with lmtpd.peer() as peer:
        peer.send(b"GARBAGE\r\n" * 1000)
        for _ in range(server.BOGUS):
            assert peer.reply()[0] == 500
        assert peer.is_closed()


def test_too_big_is_said_to_each_and_the_session_goes_on(start_lmtpd: Any, sandbox: RunningSandbox) -> None:
    agent = start_lmtpd(message_bytes=100_000)
    with agent.peer() as peer:
        assert peer.begin([USER, "alice@example.test"]) == [250, 250]
        replies = peer.data(MAIL % b"too big" + b"0123456789\r\n" * 12_000, 2)
        assert [(code, text[:5]) for code, text in replies] == [(552, "5.3.4")] * 2
        assert peer.deliver([USER], MAIL % b"after too big")[0][0] == 250
    assert count(sandbox, b"too big") == 0
    assert count(sandbox, b"after too big") == 1


def test_message_without_end_is_cut_off(start_lmtpd: Any) -> None:
    agent = start_lmtpd(message_bytes=100_000)
    before = agent.peak_rss_kb()
    with agent.peer() as peer:
        assert peer.begin([USER]) == [250]
        assert peer.command("DATA")[0] == 354
        with pytest.raises(OSError, match=r"Broken pipe|reset by peer"):
            peer.send(b"0123456789abcdef\r\n" * 1_000_000)
    assert agent.peak_rss_kb() - before < 8_000


def test_too_many_recipients_wait(start_lmtpd: Any) -> None:
    agent = start_lmtpd(recipients=100)
    with agent.peer() as peer:
        codes = peer.begin([USER] * 102)
        assert codes == [250] * 100 + [452] * 2
        assert [code for code, _ in peer.data(MAIL % b"many", 100)] == [250] * 100


def test_too_many_sessions_wait(start_lmtpd: Any) -> None:
    agent = start_lmtpd(sessions=2, processes=1)
    with agent.peer(), agent.peer(), agent.peer() as third:
        assert third.greeting == 421
        assert third.is_closed()
    time.sleep(0.2)
    with agent.peer() as peer:
        assert peer.command("NOOP")[0] == 250


def test_slow_peers_are_sent_away(start_lmtpd: Any, sandbox: RunningSandbox) -> None:
    agent = start_lmtpd(command_s=1.0, data_s=1.0)
    with agent.peer(timeout_s=5) as idle:
        assert idle.reply()[0] == 421
        assert idle.is_closed()
    with agent.peer(timeout_s=5) as midway:
        assert midway.begin([USER]) == [250]
        assert midway.command("DATA")[0] == 354
        midway.send(b"Subject: midway\r\n")
        assert midway.reply()[0] == 421
        assert midway.is_closed()
    assert count(sandbox, b"midway") == 0
