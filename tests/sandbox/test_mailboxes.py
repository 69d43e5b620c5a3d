"""Dovecot as configured: who may log in, how much fits, POP3 of old, Sieve, what a sick neighbour costs."""

from __future__ import annotations

import base64
import http.client
import imaplib
import itertools
import json
import poplib
import smtplib
import socket
import time

import pytest
import redis

from caiyou.queues import quota_key
from sandbox.running import RunningSandbox
from sandbox.servers import dovecot

pytestmark = pytest.mark.live

HOST = "127.0.0.1"
MIB = 1 << 20
CACHE_S = 3.1  # auth_cache_ttl is 2 s, in whole seconds
SOURCES = (f"127.0.3.{n}" for n in itertools.count(1))


@pytest.fixture(scope="module", autouse=True)
def domain(sandbox: RunningSandbox) -> None:
    """The tests of this file have one to themselves."""
    sandbox.admin.domains.add("boxes.test")


def may_log_in(sandbox: RunningSandbox, user: str, password: str) -> bool:
    """By IMAP, from an address of its own, since Dovecot delays the next try from one that failed."""
    credentials = base64.b64encode(f"\0{user}\0{password}".encode())
    with socket.create_connection((HOST, sandbox.ports.imap), 30, (next(SOURCES), 0)) as session:
        lines = session.makefile("rwb")
        lines.readline()
        # Another address than the server's own is not "secure" by itself.
        lines.write(b"a STARTTLS\r\n")
        lines.flush()
        assert lines.readline().startswith(b"a OK")
        with sandbox.tls().wrap_socket(session, server_hostname=HOST) as secure:
            secure.sendall(b"b AUTHENTICATE PLAIN " + credentials + b"\r\n")
            answer = secure.recv(4096)
    assert answer.startswith((b"b OK", b"b NO [AUTHENTICATIONFAILED]")), answer
    return answer.startswith(b"b OK")


def deliver(sandbox: RunningSandbox, mailbox: str, octets: int = 100) -> tuple[int, bytes]:
    """Dovecot's own answer, past Postfix and the LMTP agent."""
    with smtplib.LMTP(str(dovecot.lmtp_socket(sandbox.layout))) as session:
        session.ehlo()  # LHLO
        session.mail("w@world.test")
        session.rcpt(mailbox)
        return session.data(b"Subject: x\r\n\r\n" + b"0123456789abcde\r\n" * (octets // 17 + 1))


def test_login_by_any_of_ones_addresses(sandbox: RunningSandbox) -> None:
    sandbox.add_user("own@boxes.test", addresses=["自己@例子.test"])
    for user in ("own@boxes.test", "Own@Boxes.TEST", "自己@例子.test", "自己@xn--fsqu00a.test"):
        assert may_log_in(sandbox, user, sandbox.password("own@boxes.test")), user


def test_wrong_passwords_and_unknown_users_wait(sandbox: RunningSandbox) -> None:
    for user in ("alice@example.test", "nobody@example.test", "alice@nowhere.test", "*", "a)(caiyouState=*"):
        begun = time.monotonic()
        assert not may_log_in(sandbox, user, "wrong"), user
        assert time.monotonic() - begun > 1


def test_suspended_closed_and_those_of_a_suspended_domain_stay_out(sandbox: RunningSandbox) -> None:
    sandbox.admin.domains.add("suspended.test")
    sandbox.add_user("s@suspended.test")
    assert may_log_in(sandbox, "s@suspended.test", sandbox.password("s@suspended.test"))
    for state in ("suspended", "closed", "active"):
        sandbox.admin.users.set("s@suspended.test", state=state)
        time.sleep(CACHE_S)
        assert may_log_in(sandbox, "s@suspended.test", sandbox.password("s@suspended.test")) is (state == "active")
    sandbox.admin.domains.set("suspended.test", state="suspended")
    time.sleep(CACHE_S)
    assert not may_log_in(sandbox, "s@suspended.test", sandbox.password("s@suspended.test"))


def test_a_changed_password_counts(sandbox: RunningSandbox) -> None:
    sandbox.add_user("changes@boxes.test", password="the old one")
    assert may_log_in(sandbox, "changes@boxes.test", "the old one")
    sandbox.admin.users.set_password("changes@boxes.test", "the new one")
    assert may_log_in(sandbox, "changes@boxes.test", "the new one")
    time.sleep(CACHE_S)
    assert not may_log_in(sandbox, "changes@boxes.test", "the old one")


def test_passwords_do_not_travel_in_the_clear(sandbox: RunningSandbox) -> None:
    with socket.create_connection((HOST, sandbox.ports.imap), 30, (next(SOURCES), 0)) as session:
        assert b"LOGINDISABLED" in session.recv(4096)
        session.sendall(b"a LOGIN alice@example.test alice-secret\r\n")
        assert b"a NO [PRIVACYREQUIRED]" in session.recv(4096)


def quota_limit(sandbox: RunningSandbox, user: str) -> str:
    with sandbox.imap(user) as session:
        _, (_, quotas) = session.getquotaroot("INBOX")
    return quotas[0].decode().partition("STORAGE ")[2].split(")")[0].split()[-1] if quotas[0] else ""


def test_the_limit_is_ones_own_or_ones_domains_or_the_sites(sandbox: RunningSandbox) -> None:
    sandbox.admin.domains.add("quota.test")
    sandbox.add_user("q@quota.test")
    assert quota_limit(sandbox, "q@quota.test") == str(MIB)  # KiB: 1 GiB
    sandbox.admin.domains.set("quota.test", quota_bytes=20 * MIB)
    time.sleep(CACHE_S)
    assert quota_limit(sandbox, "q@quota.test") == str(20 * 1024)
    sandbox.admin.users.set("q@quota.test", quota_bytes=30 * MIB)
    time.sleep(CACHE_S)
    assert quota_limit(sandbox, "q@quota.test") == str(30 * 1024)
    sandbox.admin.users.set("q@quota.test", quota_bytes=0)
    time.sleep(CACHE_S)
    assert quota_limit(sandbox, "q@quota.test") in ("", "0")


def test_a_full_mailbox_refuses_for_good_and_redis_mirrors_what_is_used(sandbox: RunningSandbox) -> None:
    sandbox.add_user("full@boxes.test", quota_bytes=MIB)
    assert deliver(sandbox, "full@boxes.test", MIB // 2)[0] == 250
    code, text = deliver(sandbox, "full@boxes.test", MIB // 2 + 1000)
    assert (code, text[:5]) == (552, b"5.2.2")
    with redis.Redis.from_url(sandbox.settings.redis.url) as client:
        used = int(client.get(quota_key(sandbox.settings.redis.quota_prefix, "full@boxes.test")) or 0)
    assert MIB // 2 < used < MIB // 2 + 1000


def test_pop3_with_top_uidl_and_last(sandbox: RunningSandbox) -> None:
    sandbox.add_user("pop@boxes.test")
    deliver(sandbox, "pop@boxes.test")
    deliver(sandbox, "pop@boxes.test")
    session = poplib.POP3(HOST, sandbox.ports.pop3, timeout=30)
    assert {"TOP", "UIDL"} <= session.capa().keys()
    session.stls(context=sandbox.tls())
    session.user("pop@boxes.test")
    session.pass_(sandbox.password("pop@boxes.test"))
    assert session.stat()[0] == 2
    assert len({line.split()[1] for line in session.uidl()[1]}) == 2
    assert session.top(1, 0)[1][-1] == b""
    assert session._shortcmd("LAST") == b"+OK 0"  # type: ignore[attr-defined]
    session.retr(1)
    assert session._shortcmd("LAST") == b"+OK 1"  # type: ignore[attr-defined]
    session.quit()


def test_imaps_and_the_folders_every_mailbox_has(sandbox: RunningSandbox) -> None:
    session = imaplib.IMAP4_SSL(HOST, sandbox.ports.imaps, ssl_context=sandbox.tls(), timeout=30)
    session.login("alice@example.test", "alice-secret")
    folders = b" ".join(line for line in session.list()[1] if isinstance(line, bytes))
    session.logout()
    for flag in (rb"\Drafts", rb"\Sent", rb"\Junk", rb"\Trash"):
        assert flag in folders


def test_a_sieve_script_redirects_through_postfix(sandbox: RunningSandbox) -> None:
    sandbox.add_user("sieve@boxes.test")
    script = b'require "copy"; redirect :copy "elsewhere@world.test";'
    credentials = base64.b64encode(b"\0sieve@boxes.test\0" + sandbox.password("sieve@boxes.test").encode())
    with socket.create_connection((HOST, sandbox.ports.sieve), 30) as session:
        lines = session.makefile("rwb")
        for command in (
            b'AUTHENTICATE "PLAIN" "%b"\r\n' % credentials,
            b'PUTSCRIPT "one" {%d+}\r\n%b\r\n' % (len(script), script),
            b'SETACTIVE "one"\r\n',
            b"LOGOUT\r\n",
        ):
            while not (answer := lines.readline()).startswith(b"OK"):
                assert not answer.startswith((b"NO", b"BYE")), answer
            lines.write(command)
            lines.flush()
    assert deliver(sandbox, "sieve@boxes.test")[0] == 250
    sandbox.eventually(lambda: [mail for mail in sandbox.outside() if mail.rcpt_tos == ["elsewhere@world.test"]])
    assert len(sandbox.mails("sieve@boxes.test")) == 1


def test_doveadm_answers_those_who_have_the_key(sandbox: RunningSandbox) -> None:
    key = base64.b64encode(dovecot.doveadm_key_file(sandbox.layout).read_bytes().strip()).decode()
    body = json.dumps(
        [["mailboxStatus", {"user": "alice@example.test", "mailboxMask": ["INBOX"], "field": ["all"]}, "t"]]
    )
    for authorization, status in ((f"X-Dovecot-API {key}", 200), ("X-Dovecot-API d3Jvbmc=", 401), ("", 401)):
        connection = http.client.HTTPConnection(HOST, sandbox.ports.doveadm, timeout=30)
        headers = {"Content-Type": "application/json"} | ({"Authorization": authorization} if authorization else {})
        connection.request("POST", "/doveadm/v1", body, headers)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        assert response.status == status, answer
        assert (b"doveadmResponse" in answer) is (status == 200)


def test_redis_away_or_hanging_does_not_hold_up_delivery(sandbox: RunningSandbox) -> None:
    with sandbox.stopped("redis"):
        assert deliver(sandbox, "bob@example.test")[0] == 250
    with sandbox.frozen("redis"):
        begun = time.monotonic()
        assert deliver(sandbox, "bob@example.test")[0] == 250
        assert time.monotonic() - begun < 5


def test_known_mailboxes_take_mail_while_ldap_is_away(sandbox: RunningSandbox) -> None:
    sandbox.add_user("known@boxes.test")
    sandbox.add_user("unknown@boxes.test")
    assert deliver(sandbox, "known@boxes.test")[0] == 250
    with sandbox.stopped("slapd"):
        time.sleep(CACHE_S)
        assert deliver(sandbox, "known@boxes.test")[0] == 250
        with smtplib.LMTP(str(dovecot.lmtp_socket(sandbox.layout))) as session:
            session.ehlo()  # LHLO
            session.mail("w@world.test")
            assert session.rcpt("unknown@boxes.test")[0] == 451
    assert deliver(sandbox, "unknown@boxes.test")[0] == 250
