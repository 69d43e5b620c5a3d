"""Every command through the shell: what it prints, what it changes, how it ends."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.slapd import Slapd
from caiyou.settings import load

pytestmark = pytest.mark.live

Caiyou = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ok(caiyou: Caiyou) -> Callable[..., str]:
    """What a command prints that must succeed."""

    def run(*arguments: str, **more: Any) -> str:
        done = caiyou(*arguments, **more)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run


@pytest.fixture
def refused(caiyou: Caiyou) -> Callable[..., str]:
    """The one line that a command says which must be refused."""

    def run(*arguments: str, code: int = 1, **more: Any) -> str:
        done = caiyou(*arguments, **more)
        assert done.returncode == code
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
        if code != 2:
            assert done.stderr.count("\n") == 1
        return done.stderr

    return run


@pytest.fixture
def user(ok: Callable[..., str], domain: str, request: pytest.FixtureRequest) -> str:
    """A user of the test's own."""
    name = f"u{abs(hash(request.node.name)) % 10**9}@{domain}"
    ok("user", "add", name, "--no-password", "--mobile", "13800138000")
    return name


def test_domain_from_birth_to_end(ok: Callable[..., str], refused: Callable[..., str]) -> None:
    assert json.loads(ok("domain", "add", "一生.test", "--quota", "2G", "--json")) == {
        "name": "一生.test",
        "state": "active",
        "quota_bytes": 2 << 30,
        "when_scan_down": "hold",
        "sms_month_fen": None,
    }
    assert "exists" in refused("domain", "add", "一生.test")
    ok("domain", "set", "一生.test", "--quota", "500M", "--state", "suspended", "--when-scan-down", "pass")
    assert json.loads(ok("domain", "show", "一生.test", "--json"))["quota_bytes"] == 500 << 20
    ok("domain", "set", "一生.test", "--quota", "default")
    assert json.loads(ok("domain", "show", "一生.test", "--json"))["quota_bytes"] == 1 << 30
    assert "一生.test" in ok("domain", "list")
    assert "一生.test" in [each["name"] for each in json.loads(ok("domain", "list", "--json"))]
    ok("user", "add", "x@一生.test", "--no-password")
    assert "has users" in refused("domain", "remove", "一生.test")
    ok("domain", "remove", "一生.test", "--with-users")
    assert "does not exist" in refused("domain", "show", "一生.test")


def test_user_from_birth_to_end(ok: Callable[..., str], refused: Callable[..., str], domain: str) -> None:
    name = f"zhang@{domain}"
    added = ok(
        *("user", "add", name, "--password-stdin", "--name", "张三", "--mobile", "138-0013-8000", "--quota", "5G"),
        *(
            "--address",
            f"zhang.san@{domain}",
            "--warn",
            "80",
            "--empty-when-full",
            "trash",
            "--timezone",
            "Asia/Urumqi",
        ),
        stdin="secret\n",
    )
    assert added == f"user {name} added\n"
    shown = json.loads(ok("user", "show", f"zhang.san@{domain}", "--json"))
    assert shown["mailbox"] == name
    assert (shown["name"], shown["mobile"], shown["quota_bytes"]) == ("张三", "8613800138000", 5 << 30)
    assert (shown["warn_percent"], shown["empty_when_full"], shown["timezone"]) == (80, ["Trash"], "Asia/Urumqi")
    ok("user", "set", name, "--quota", "default", "--mobile", "", "--long-sms", "--no-address", f"zhang.san@{domain}")
    shown = json.loads(ok("user", "show", name, "--json"))
    assert (shown["quota_bytes"], shown["mobile"], shown["long_sms"], shown["addresses"]) == (
        1 << 30,
        None,
        True,
        [name],
    )
    ok("user", "suspend", name)
    assert json.loads(ok("user", "show", name, "--json"))["state"] == "suspended"
    ok("user", "resume", name)
    assert json.loads(ok("user", "show", name, "--json"))["state"] == "active"
    ok("user", "remove", name)
    assert refused("user", "show", name) == f"caiyou: user {name} does not exist\n"


def test_a_password_comes_by_stdin_or_file_and_lets_in(
    ok: Callable[..., str], refused: Callable[..., str], user: str, server: Slapd, tmp_path: Path
) -> None:
    def lets_in(password: str) -> bool:
        dn = f"caiyouMailbox={user},caiyouDomain=example.test,ou=domains,dc=caiyou"
        command = ["ldapwhoami", "-x", "-H", server.uri, "-D", dn, "-w", password]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    ok("user", "passwd", user, "--password-stdin", stdin="第一 word\n")
    assert lets_in("第一 word")
    secret = tmp_path / "secret"
    secret.write_text("second word\nnot this\n")
    ok("user", "passwd", user, "--password-file", str(secret))
    assert lets_in("second word")
    assert not lets_in("第一 word")
    assert "--password-stdin" in refused("user", "passwd", user, code=2)
    assert "excludes" in refused("user", "add", "x@example.test", "--no-password", "--password-stdin", code=2)
    refused("user", "passwd", user, "--password-stdin", stdin="\n")
    assert lets_in("second word")


def test_a_list_on_a_terminal_has_a_heading(command: Path, settings_file: Path, user: str) -> None:
    listing = [str(command), "--config", str(settings_file), "user", "list", "example.test"]
    ours, its = pty.openpty()
    with (
        subprocess.Popen(listing, stdout=its, env={**os.environ, "TERM": "dumb"}) as process,
        os.fdopen(ours, "rb") as seen,
    ):
        os.close(its)
        first = seen.readline()
        process.wait()
    assert b"MAILBOX" in first
    assert "MAILBOX" not in subprocess.run(listing, capture_output=True, text=True, check=True).stdout


def test_a_terminal_without_chinese_gets_escapes(
    command: Path, settings_file: Path, ok: Callable[..., str], user: str
) -> None:
    ok("user", "set", user, "--name", "张三")
    shown = subprocess.run(
        [command, "--config", settings_file, "user", "show", user],
        env={**os.environ, "PYTHONIOENCODING": "latin-1", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=True,
    )
    assert rb"\u5f20\u4e09" in shown.stdout


def test_what_is_not_utf8_is_named_so(command: Path, settings_file: Path, user: str) -> None:
    for arguments in ((b"set", user.encode(), b"--name", b"\xd5\xc5\xc8\xfd"), (b"show", b"\xd5\xc5@example.test")):
        done = subprocess.run(
            [command, "--config", settings_file, "user", *arguments], capture_output=True, check=False
        )
        assert done.returncode == 1
        assert b"not UTF-8" in done.stderr
        assert done.stderr.count(b"\n") == 1


def test_lists_are_one_json_array(ok: Callable[..., str], user: str) -> None:
    for listing in ("user", "alias", "domain", "blacklist"):
        assert isinstance(json.loads(ok(listing, "list", "--json")), list)
    for listing in ("rule", "contact", "reject"):
        assert json.loads(ok(listing, "list", user, "--json")) == []
        assert ok(listing, "list", user) == ""
    assert user in [each["mailbox"] for each in json.loads(ok("user", "list", "example.test", "--json"))]


def test_alias(ok: Callable[..., str], refused: Callable[..., str], user: str, domain: str) -> None:
    name = f"销售{user.partition('@')[0]}@{domain}"
    ok("alias", "add", name, user, "x@outside.example")
    shown = json.loads(ok("alias", "show", name, "--json"))
    assert set(shown["targets"]) == {user, "x@outside.example"}
    ok("alias", "remove", name, "x@outside.example")
    assert json.loads(ok("alias", "show", name, "--json"))["targets"] == [user]
    assert name in ok("alias", "list", domain)
    assert "is an alias" in refused("user", "show", name)
    assert name in ok("user", "remove", user)
    ok("alias", "remove", name)
    refused("alias", "show", name)
    refused("alias", "add", name)


def test_blacklist(ok: Callable[..., str], refused: Callable[..., str]) -> None:
    assert ok("blacklist", "add", "203.0.113.77/24", "--note", "坏人") == "203.0.113.0/24 blacklisted\n"
    assert {"value": "203.0.113.0/24", "note": "坏人"} in json.loads(ok("blacklist", "list", "--json"))
    ok("blacklist", "remove", "203.0.113.0/24")
    refused("blacklist", "remove", "203.0.113.0/24")
    refused("blacklist", "add", "0.0.0.0/0")
    refused("blacklist", "add", "not a thing")


def test_reject(ok: Callable[..., str], refused: Callable[..., str], user: str) -> None:
    ok("reject", "add", user, "Spam.Example", "nag@x.example")
    assert set(json.loads(ok("reject", "list", user, "--json"))) == {"spam.example", "nag@x.example"}
    ok("reject", "remove", user, "spam.example")
    assert ok("reject", "list", user) == "nag@x.example\n"
    refused("reject", "remove", user, "spam.example")
    refused("reject", "add", user, "192.0.2.0/24")


def test_rule(ok: Callable[..., str], refused: Callable[..., str], user: str) -> None:
    options = (
        "--sender",
        "老板",
        "--keyword",
        "合同",
        "--priority",
        "urgent",
        "--quiet",
        "22:00-07:00",
        "--daily-cap",
        "9",
    )
    ok("rule", "add", user, *options, "--notify-to", "13900139000", "--by", "sms")
    (rule,) = json.loads(ok("rule", "list", user, "--json"))
    assert rule == {
        "name": "1",
        "by": "sms",
        "notify_to": "8613900139000",
        "senders": ["老板"],
        "urgent_only": True,
        "keywords": ["合同"],
        "quiet": "22:00-07:00",
        "daily_cap": 9,
    }
    assert json.loads(ok("user", "show", user, "--json"))["notify"] is True
    assert "22:00-07:00" in ok("rule", "list", user)
    refused("rule", "add", user, "--quiet", "bedtime")
    refused("rule", "add", user, "--notify-to", "nobody")
    ok("rule", "remove", user, "1")
    refused("rule", "remove", user, "1")


def test_contact(ok: Callable[..., str], refused: Callable[..., str], user: str) -> None:
    ok("contact", "add", user, "--name", "李四", "--mail", "李四@例子.test", "--mobile", "13900139000")
    (contact,) = json.loads(ok("contact", "list", user, "--json"))
    assert (contact["name"], contact["mobile"]) == ("李四", "8613900139000")
    assert "李四@例子.test" in contact["mail"]
    refused("contact", "add", user, "--name", "nobody")
    ok("contact", "remove", user, "李四")
    refused("contact", "remove", user, "李四")


def test_config_prints_a_settings_file(ok: Callable[..., str], settings_file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.toml"
    copy.write_text(ok("config"))
    assert load(copy).effective() == load(settings_file).effective()
    changed = ok("config", "--changed")
    assert "uri" in changed
    assert "timezone" not in changed
    assert json.loads(ok("config", "--json"))["ldap"]["base"] == "dc=caiyou"


def test_wrong_usage_is_2_and_wrong_settings_are_78(refused: Callable[..., str], tmp_path: Path) -> None:
    refused("nonsense", code=2)
    refused("user", "nonsense", code=2)
    refused("user", "show", code=2)
    refused("domain", "add", "x.test", "--quota", "lots", code=2)
    assert "no such file" in refused("--config", str(tmp_path / "none.toml"), "domain", "list", code=78)
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[ldap]\nbsae = 'dc=x'\n")
    assert "did you mean base" in refused("--config", str(wrong), "domain", "list", code=78)


@pytest.mark.parametrize("arguments", [("user", "list"), ("domain", "add", "y.test"), ("user", "show", "a@b.test")])
def test_a_directory_that_is_away_is_69(
    refused: Callable[..., str], settings_file: Path, server: Slapd, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    elsewhere = tmp_path / "elsewhere.toml"
    elsewhere.write_text(settings_file.read_text().replace(server.uri, "ldap://127.0.0.1:1"))
    assert "no LDAP server answers" in refused("--config", str(elsewhere), *arguments, code=69)


def test_help_says_how(ok: Callable[..., str]) -> None:
    for arguments in ((), ("user",), ("user", "add"), ("rule", "add"), ("blacklist", "add"), ("alias", "add")):
        text = ok(*arguments, "--help")
        assert "Usage: caiyou" in text
        assert "caiyou " in text.split("\n", 2)[2] or arguments == ("user",)
    for command in ("alias", "blacklist", "config", "contact", "domain", "reject", "rule", "trace", "user", "sandbox"):
        assert f"\n  {command} " in ok("--help")


def test_starting_up_is_quick(ok: Callable[..., str]) -> None:
    best = min(_seconds(lambda: ok("user", "--help")) for _ in range(5))
    assert best < 0.6  # 0.15 s alone on the machine


def _seconds(run: Callable[[], object]) -> float:
    begun = time.monotonic()
    run()
    return time.monotonic() - begun


def test_output_that_nobody_reads_to_the_end_is_no_error(command: Path, settings_file: Path, user: str) -> None:
    listing = [str(command), "--config", str(settings_file), "user", "list", "--json"]
    with subprocess.Popen(listing, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
