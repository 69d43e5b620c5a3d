"""Programs that people use: swaks, curl, Python's own clients, a ManageSieve client; TLS and AUTH on."""

from __future__ import annotations

import base64
import imaplib
import poplib
import re
import smtplib
import socket
import subprocess
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from sandbox.running import RunningSandbox

pytestmark = pytest.mark.live

HOST = "127.0.0.1"
ALICE, BOB = "alice@example.test", "bob@example.test"
CURL_DENIED, CURL_REFUSED = 67, 55
SWAKS_RCPT, SWAKS_AUTH = 24, 28


def stored(sandbox: RunningSandbox, mailbox: str, subject: str) -> EmailMessage:
    """The mail of that subject, parsed, once it is there."""

    def found() -> EmailMessage | None:
        parsed = (message_from_bytes(mail, policy=policy.default) for mail in sandbox.mails(mailbox))
        return next((mail for mail in parsed if mail["Subject"] == subject), None)

    return sandbox.eventually(found)


def swaks(sandbox: RunningSandbox, *arguments: str, port: int = 0) -> subprocess.CompletedProcess[str]:
    server = f"{HOST}:{port or sandbox.ports.submission}"
    command = ["swaks", "--server", server, "--timeout", "30", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def curl(sandbox: RunningSandbox, *arguments: str, user: str = "") -> subprocess.CompletedProcess[bytes]:
    """Over TLS or not at all, trusting the sandbox's certificate alone."""
    command = ["curl", "-sS", "--ssl-reqd", "--cacert", str(sandbox.layout.etc / "tls" / "chain.pem"), "-m", "50"]
    login = ["-u", f"{user}:{sandbox.password(user)}"] if user else []
    return subprocess.run([*command, *login, *arguments], capture_output=True, timeout=60, check=False)


def login_of(user: str, sandbox: RunningSandbox) -> tuple[str, ...]:
    return ("--auth-user", user, "--auth-password", sandbox.password(user), "--from", user)


# --- Sending


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks_submits_with_tls_and_auth(sandbox: RunningSandbox, mechanism: str) -> None:
    subject = f"swaks {mechanism}"
    done = swaks(
        sandbox, "-tls", "--auth", mechanism, *login_of(ALICE, sandbox), "--to", BOB, "--header", f"Subject: {subject}"
    )
    assert done.returncode == 0, done.stdout
    assert stored(sandbox, BOB, subject)["Return-Path"] == f"<{ALICE}>"


@pytest.mark.parametrize(
    "arguments, reply, code",
    [
        (("-tls", "--auth", "PLAIN", "--auth-password", "wrong"), "535 5.7.8 ", SWAKS_AUTH),
        (("-tls", "--auth", "PLAIN", "--from", BOB), "553 5.7.1 ", SWAKS_RCPT),
        (("-tls", "--auth", "PLAIN", "--from", "somebody@world.test"), "553 5.7.1 ", SWAKS_RCPT),
        (("-tls", "--auth", "PLAIN", "--to", "nobody@example.test"), "550 5.1.1 ", SWAKS_RCPT),
        (("--auth", "PLAIN"), "did not advertise authentication", SWAKS_AUTH),
    ],
)
def test_swaks_hears_why_not(sandbox: RunningSandbox, arguments: tuple[str, ...], reply: str, code: int) -> None:
    done = swaks(sandbox, *login_of(ALICE, sandbox), "--to", BOB, *arguments)
    assert reply in done.stdout + done.stderr
    assert done.returncode == code


def test_swaks_at_the_mx_with_tls(sandbox: RunningSandbox) -> None:
    more = ("--from", "w@world.test", "--to", BOB, "--header", "Subject: swaks at the MX")
    done = swaks(sandbox, "-tls", *more, port=sandbox.ports.smtp)
    assert done.returncode == 0, done.stdout
    stored(sandbox, BOB, "swaks at the MX")


def test_curl_submits_and_is_refused_as_somebody_else(sandbox: RunningSandbox, tmp_path: Path) -> None:
    mail = tmp_path / "mail.eml"
    mail.write_bytes(f"From: {ALICE}\r\nTo: {BOB}\r\nSubject: by curl\r\n\r\nHello.\r\n".encode())
    url = f"smtp://{HOST}:{sandbox.ports.submission}/client.world.test"
    upload = ("--mail-rcpt", BOB, "--upload-file", str(mail), url)
    done = curl(sandbox, "--mail-from", ALICE, *upload, user=ALICE)
    assert (done.returncode, done.stderr) == (0, b"")
    assert stored(sandbox, BOB, "by curl").get_content().strip() == "Hello."
    assert curl(sandbox, "--mail-from", BOB, *upload, user=ALICE).returncode == CURL_REFUSED


def test_smtplib_sends_a_chinese_message_with_an_attachment(sandbox: RunningSandbox) -> None:
    """As the library's manual shows it: Chinese addresses, subject, text and file name; Bcc is nobody's business."""
    sandbox.add_user("seen@example.test")
    sandbox.add_user("unseen@example.test")
    message = EmailMessage(policy=policy.SMTPUTF8)
    message["From"], message["To"] = "张三 <张三@例子.test>", "seen@example.test"
    message["Bcc"], message["Subject"] = "unseen@example.test", "七月合同"
    message.set_content("你好，\n合同见附件。\n")
    message.add_attachment(bytes(range(256)) * 40, maintype="application", subtype="pdf", filename="合同 七月.pdf")
    with smtplib.SMTP(HOST, sandbox.ports.submission, timeout=60) as session:
        session.starttls(context=sandbox.tls())
        session.login(ALICE, sandbox.password(ALICE))
        assert session.send_message(message) == {}
    for mailbox in ("seen@example.test", "unseen@example.test"):
        got = stored(sandbox, mailbox, "七月合同")
        assert str(got["From"]).encode("utf-8", "surrogateescape").decode() == "张三 <张三@例子.test>"
        assert got["Bcc"] is None
        body, (attachment,) = got.get_body(), list(got.iter_attachments())
        assert body is not None
        assert body.get_content() == "你好，\r\n合同见附件。\r\n"
        assert attachment.get_filename() == "合同 七月.pdf"
        assert attachment.get_content() == bytes(range(256)) * 40


# --- Reading


def test_imaplib_files_searches_and_counts(sandbox: RunningSandbox) -> None:
    sandbox.add_user("reader@example.test", quota_bytes=10 << 20)
    with sandbox.imap("reader@example.test") as session:
        chinese = '"&ZeVeOA-"'  # 日常, in IMAP's UTF-7
        assert session.create(chinese)[0] == "OK"
        for number in range(3):
            mail = f"From: w@world.test\r\nSubject: 第{number}封\r\n\r\n正文\r\n".encode()
            assert session.append(chinese, r"(\Flagged)" if number == 1 else "", "", mail)[0] == "OK"
        assert session.select(chinese)[1] == [b"3"]
        session.literal = "第1封".encode()  # type: ignore[assignment] # typeshed thinks of text
        assert session.search("UTF-8", "SUBJECT")[1] == [b"2"]
        assert session.search(None, "FLAGGED")[1] == [b"2"]
        assert session.copy("2", "Trash")[0] == "OK"
        session.store("2", "+FLAGS", r"\Deleted")
        assert session.expunge()[1] == [b"2"]
        _, (roots, quotas) = session.getquotaroot("INBOX")
        assert roots == [b'INBOX "User quota"']
        assert re.search(rb"\(STORAGE \d+ 10240\)", quotas[0])
        assert session.select("Trash")[1] == [b"1"]


def test_imap_goes_over_to_tls_and_imaps_begins_with_it(sandbox: RunningSandbox) -> None:
    plain = imaplib.IMAP4(HOST, sandbox.ports.imap, timeout=60)
    assert "STARTTLS" in plain.capabilities
    plain.starttls(sandbox.tls())
    secure = imaplib.IMAP4_SSL(HOST, sandbox.ports.imaps, ssl_context=sandbox.tls(), timeout=60)
    for session in (plain, secure):
        session.login(ALICE, sandbox.password(ALICE))
        assert session.select("INBOX", readonly=True)[0] == "OK"
        session.logout()


def test_poplib_reads_what_imap_shows_and_deletes_it(sandbox: RunningSandbox) -> None:
    user = "popper@example.test"
    sandbox.add_user(user)
    for number in range(2):
        sandbox.send("w@world.test", [user], b"Subject: pop %d\r\n\r\n.dot\r\n\xe4\xb8\xad\r\n" % number)
        sandbox.wait_for_mail(user, number + 1)
    mails = sandbox.mails(user)

    def session() -> poplib.POP3:
        opened = poplib.POP3(HOST, sandbox.ports.pop3, timeout=60)
        opened.stls(context=sandbox.tls())
        opened.user(user)
        opened.pass_(sandbox.password(user))
        return opened

    first = session()
    names = first.uidl()[1]
    for number, mail in enumerate(mails, 1):
        assert b"".join(line + b"\r\n" for line in first.retr(number)[1]) == mail
        assert b"".join(line + b"\r\n" for line in first.top(number, 0)[1]) == mail.partition(b".dot")[0]
    first.dele(1)
    first.rset()
    first.dele(2)
    first.quit()
    second = session()
    assert second.uidl()[1] == names[:1]
    second.quit()
    assert sandbox.mails(user) == mails[:1]


def test_curl_reads_by_imap_imaps_and_pop3(sandbox: RunningSandbox) -> None:
    user = "curler@example.test"
    sandbox.add_user(user)
    sandbox.send("w@world.test", [user], b"Subject: for curl\r\n\r\nRead me.\r\n")
    (mail,) = sandbox.wait_for_mail(user)
    ports = sandbox.ports
    for url in (
        f"imap://{HOST}:{ports.imap}/INBOX;MAILINDEX=1",
        f"imaps://{HOST}:{ports.imaps}/INBOX;MAILINDEX=1",
        f"pop3://{HOST}:{ports.pop3}/1",
    ):
        done = curl(sandbox, url, user=user)
        assert (done.returncode, done.stdout) == (0, mail), done.stderr
    search = curl(sandbox, f"imap://{HOST}:{ports.imap}/INBOX?SUBJECT%20curl", user=user)
    assert search.stdout.split() == [b"*", b"SEARCH", b"1"]
    assert curl(sandbox, "-u", f"{user}:wrong", f"imaps://{HOST}:{ports.imaps}/").returncode == CURL_DENIED


# --- Filters


def test_managesieve_files_mail_and_names_the_line_that_is_wrong(sandbox: RunningSandbox) -> None:
    user = "filter@example.test"
    sandbox.add_user(user)
    script = 'require ["fileinto", "mailbox"];\nif header :contains "subject" "报表" { fileinto :create "报表"; }\n'
    credentials = base64.b64encode(f"\0{user}\0{sandbox.password(user)}".encode())
    with socket.create_connection((HOST, sandbox.ports.sieve), 60) as plain:
        assert answer(plain).startswith(b'"IMPLEMENTATION"')
        plain.sendall(b"STARTTLS\r\n")
        assert answer(plain).startswith(b"OK")
        with sandbox.tls().wrap_socket(plain, server_hostname=HOST) as session:
            assert b'"SASL" "PLAIN' in answer(session)
            assert ask(session, b'AUTHENTICATE "PLAIN" "%b"' % credentials).startswith(b"OK")
            wrong = ask(session, put("wrong", 'require "fileinto";\nfileinto;\n'))
            assert wrong.startswith(b"NO")
            assert b"line 2" in wrong
            assert ask(session, put("reports", script)).startswith(b"OK")
            assert ask(session, b'SETACTIVE "reports"').startswith(b"OK")
            assert b'"reports" ACTIVE' in ask(session, b"LISTSCRIPTS")
            assert script.encode() in ask(session, b'GETSCRIPT "reports"')
            assert ask(session, b"LOGOUT").startswith(b"OK")
    sandbox.send("w@world.test", [user], b"Subject: =?utf-8?B?5pel5oql6KGo?=\r\n\r\nx\r\n")  # 日报表
    sandbox.send("w@world.test", [user], b"Subject: other\r\n\r\nx\r\n")
    assert b"Subject: other" in sandbox.wait_for_mail(user)[0]
    sandbox.wait_for_mail(user, folder='"&YqWIaA-"')
    assert len(sandbox.mails(user)) == 1


def put(name: str, script: str) -> bytes:
    content = script.encode()
    return b'PUTSCRIPT "%b" {%d+}\r\n%b' % (name.encode(), len(content), content)


def ask(session: socket.socket, command: bytes) -> bytes:
    session.sendall(command + b"\r\n")
    return answer(session)


def answer(session: socket.socket) -> bytes:
    """Up to the line that says OK or NO, with the literal that may end it (RFC 5804)."""
    found = b""
    while True:
        last = re.search(rb"(?:^|\n)(?:OK|NO|BYE)\b[^\n]*?(?:\{(\d+)\})?\r\n", found)
        if last and len(found) >= last.end() + (int(last[1]) + 2 if last[1] else 0):
            return found
        found += (piece := session.recv(4096))
        assert piece, found
