"""Postfix as configured: what it takes from the world and from subscribers, and what it does not."""

from __future__ import annotations

import smtplib
import socket

import pytest

from sandbox.running import RunningSandbox

pytestmark = pytest.mark.live

HOST = "127.0.0.1"
BOB = "bob@example.test"
MIB = 1 << 20


@pytest.fixture(scope="module", autouse=True)
def domain(sandbox: RunningSandbox) -> None:
    """The tests of this file have one to themselves."""
    sandbox.admin.domains.add("doors.test")


def mail(subject: str, body: bytes = b"text\r\n") -> bytes:
    return f"From: w@world.test\r\nTo: x@example.test\r\nSubject: {subject}\r\n\r\n".encode() + body


def stored(sandbox: RunningSandbox, mailbox: str, subject: str) -> bytes:
    mark = f"Subject: {subject}\r\n".encode()
    return sandbox.eventually(lambda: next((m for m in sandbox.mails(mailbox) if mark in m), None))


def test_greeting_first_and_no_addresses_for_the_asking(sandbox: RunningSandbox) -> None:
    with smtplib.SMTP(HOST, sandbox.ports.smtp, timeout=30) as session:
        assert session.docmd("MAIL FROM:<w@world.test>")[0] == 503
        session.ehlo("client.world.test")
        assert session.vrfy(BOB)[0] == 502
        assert session.docmd("EXPN staff")[0] in (500, 502)
        assert not session.has_extn("auth")
        for extension in ("size", "smtputf8", "8bitmime", "pipelining", "starttls", "dsn"):
            assert session.has_extn(extension)


def test_64_mib_and_no_more(sandbox: RunningSandbox) -> None:
    with sandbox.smtp() as session:
        assert session.esmtp_features["size"] == str(64 * MIB)
        assert session.mail("w@world.test", [f"SIZE={64 * MIB + 1}"])[0] == 552


def test_headers_and_lines_pass_as_they_came(sandbox: RunningSandbox) -> None:
    """Long ones, raw 8-bit ones, incomplete addresses, Bcc, no Date: a signature over them must hold.

    A header field beyond 60,000 octets Postfix cuts while a milter looks on; a lone CR it makes a blank, lest another
    server take it for the end of a line.
    """
    sandbox.add_user("raw@doors.test")
    sent = (
        b"Subject: untouched\r\nX-Long: " + b"x" * 50_000 + b"\r\nFrom: wei\r\nTo: alice, \xd5\xc5\xc8\xfd <bob>\r\n"
        b"Bcc: hidden@example.test\r\nContent-Length: 7\r\n\r\n" + b"y" * 5000 + b"\r\n.\r\n\xff\xfe\r\n"
    )
    sandbox.send("w@world.test", ["raw@doors.test"], sent)
    assert stored(sandbox, "raw@doors.test", "untouched").endswith(sent)


def test_a_bare_newline_does_not_end_a_message(sandbox: RunningSandbox) -> None:
    """SMTP smuggling: what follows LF . LF is text, not a second mail."""
    sandbox.add_user("smuggle@doors.test")
    with socket.create_connection((HOST, sandbox.ports.smtp), 30) as session:
        lines = session.makefile("rwb")
        for command, code in (
            (b"", b"220"),
            (b"HELO client.world.test\r\n", b"250"),
            (b"MAIL FROM:<w@world.test>\r\n", b"250"),
            (b"RCPT TO:<smuggle@doors.test>\r\n", b"250"),
            (b"DATA\r\n", b"354"),
            (
                b"Subject: smuggler\r\n\r\none\n.\nMAIL FROM:<evil@world.test>\r\nRCPT TO:<bob@example.test>\r\n.\r\n",
                b"250",
            ),
            (b"QUIT\r\n", b"221"),
        ):
            lines.write(command)
            lines.flush()
            assert lines.readline().startswith(code), command
    assert b"MAIL FROM:<evil@world.test>" in stored(sandbox, "smuggle@doors.test", "smuggler")
    assert sandbox.log("from=<evil@world.test>") == []


@pytest.mark.parametrize("rcpt_to", ["postmaster", "Postmaster@example.test"])
def test_the_postmaster_is_always_there(sandbox: RunningSandbox, rcpt_to: str) -> None:
    """RFC 5321, 4.5.1: without a domain too."""
    subject = f"for {rcpt_to}"
    sandbox.send("w@world.test", [rcpt_to], mail(subject))
    stored(sandbox, "carol@example.test", subject)


def test_a_flood_of_errors_ends_the_session(sandbox: RunningSandbox) -> None:
    with sandbox.smtp() as session:
        codes = []
        with pytest.raises(smtplib.SMTPServerDisconnected):
            codes += [session.docmd("NONSENSE")[0] for _ in range(30)]


@pytest.mark.parametrize("rcpt_to", ["nobody@example.test", "nobody@例子.test", "没有@例子.test"])
def test_unknown_recipients_are_refused_at_once(sandbox: RunningSandbox, rcpt_to: str) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        sandbox.send("w@world.test", [rcpt_to], mail("unknown"))
    code, text = refused.value.recipients[rcpt_to]
    assert code == 550
    assert text.startswith(b"5.1.1 ")


def test_old_login_form_and_a_wrong_password(sandbox: RunningSandbox) -> None:
    with smtplib.SMTP(HOST, sandbox.ports.submission, "old.client.test", 30, ("127.0.4.1", 0)) as session:
        session.starttls(context=sandbox.tls())
        code, offered = session.ehlo()
        assert code == 250
        assert b"AUTH=PLAIN LOGIN" in offered  # as clients before RFC 4954 look for it
        session.user, session.password = BOB, "wrong"
        with pytest.raises(smtplib.SMTPAuthenticationError):
            session.auth("LOGIN", session.auth_login)
        session.password = "bob-secret"
        assert session.auth("LOGIN", session.auth_login)[0] == 235


def test_dynamic_alias_follows_the_directory(sandbox: RunningSandbox) -> None:
    sandbox.add_user("first@doors.test", name="动态一")
    sandbox.admin.aliases.add(
        "everyone@doors.test", member_url="ldap:///ou=domains,dc=caiyou?caiyouMailbox?sub?(cn=动态*)"
    )
    sandbox.send("w@world.test", ["everyone@doors.test"], mail("to one"))
    stored(sandbox, "first@doors.test", "to one")
    sandbox.add_user("second@doors.test", name="动态二")
    sandbox.send("w@world.test", ["everyone@doors.test"], mail("to two"))
    stored(sandbox, "first@doors.test", "to two")
    stored(sandbox, "second@doors.test", "to two")


def test_alias_of_an_alias_and_of_someone_outside(sandbox: RunningSandbox) -> None:
    sandbox.add_user("member@doors.test")
    sandbox.admin.aliases.add("inner@doors.test", ["member@doors.test", "friend@world.test"])
    sandbox.admin.aliases.add("外层@例子.test", ["inner@doors.test", "member@doors.test"])
    sent = mail("nested")
    sandbox.send("w@world.test", ["外层@例子.test", "inner@doors.test"], sent)
    stored(sandbox, "member@doors.test", "nested")
    sandbox.eventually(lambda: [o for o in sandbox.outside() if b"Subject: nested" in o.content])
    sandbox.eventually(lambda: not sandbox.queue())
    assert len([m for m in sandbox.mails("member@doors.test") if b"nested" in m]) == 1
    assert [o.rcpt_tos for o in sandbox.outside() if b"Subject: nested" in o.content] == [["friend@world.test"]]


def test_bounce_of_a_mail_from_outside_leaves_in_both_languages(sandbox: RunningSandbox) -> None:
    """An alias leads outside, where the mail is refused: its Chinese sender hears of it."""
    sandbox.admin.aliases.add("away@doors.test", ["refuse@world.test"])
    sandbox.send("王五@外面.test", ["away@doors.test"], mail("bounces"))
    bounce = sandbox.eventually(lambda: next((o for o in sandbox.outside() if o.rcpt_tos == ["王五@外面.test"]), None))
    assert bounce.mail_from == ""
    assert bounce.smtputf8
    assert "您的邮件未能送达".encode() in bounce.content
    assert b"your message could not be delivered" in bounce.content
