"""The sandbox as its user sees it: what runs, what comes back, what is said."""

from __future__ import annotations

import json
import os
import re
import socket

import pytest

from sandbox import lifecycle
from sandbox.running import RunningSandbox
from sandbox.servers import clamd, postfix

pytestmark = pytest.mark.live

PROCESSES = (
    "slapd redis clamd carriers world caiyou-ledgerd caiyou-worker caiyou-worker-mo caiyou-smsgw caiyou-milter"
    " caiyou-lmtpd"
)


@pytest.mark.parametrize("name", [*PROCESSES.split(), "dovecot", "postfix"])
def test_a_killed_process_comes_back(sandbox: RunningSandbox, name: str) -> None:
    """With sessions open that hold on to its ports."""
    with sandbox.smtp() as session, sandbox.imap("bob@example.test"):
        died = sandbox.kill(name)
        sandbox.wait_until_up(name, not_pid=died)
        assert sandbox.pid(name) != died
        if name == "postfix":
            session.close()  # its end was killed: nothing to say goodbye to


def test_a_second_start_changes_nothing(sandbox: RunningSandbox) -> None:
    lifecycle.start(sandbox.layout, lambda _: None)  # takes up what was edited since the tests began
    pids = {name: state.pid for name, state in sandbox.status().items()}
    said: list[str] = []
    _, down = lifecycle.start(sandbox.layout, said.append)
    assert (said, down) == ([], [])
    assert {name: state.pid for name, state in sandbox.status().items()} == pids


def test_what_is_down_is_named_with_its_reason(sandbox: RunningSandbox) -> None:
    with sandbox.stopped("world"):
        state = sandbox.status()["world"]
        assert (state.up, state.state) == (False, "STOPPED")
        done = sandbox.caiyou("sandbox", "status")
        assert done.returncode == 3
        assert re.search(r"^world +down +stopped", done.stdout, re.MULTILINE), done.stdout
        assert "Traceback" not in done.stderr


def test_show_tells_programs_everything(sandbox: RunningSandbox) -> None:
    shown = json.loads(sandbox.caiyou("sandbox", "show", "--json").stdout)
    assert shown["folder"] == str(sandbox.folder)
    assert shown["ports"]["smtp"] == sandbox.ports.smtp
    assert {process["name"] for process in shown["processes"]} >= {"postfix", "dovecot", "caiyou-milter"}
    accounts = {account["address"]: account for account in shown["accounts"]}
    assert accounts["alice@example.test"]["mobile"] == "13800138000"
    assert accounts["alice@example.test"]["aliases"] == ["张三@例子.test"]
    assert accounts["bob@example.test"]["mobile"] == "13900139000"
    assert accounts["carol@example.test"]["mobile"] == ""


def test_no_daemon_of_ours_runs_as_root(sandbox: RunningSandbox) -> None:
    """Postfix's master and Dovecot start others and need it; supervisord is the sandbox's own."""
    roots = {name for name in sandbox.status() if os.stat(f"/proc/{sandbox.pid(name)}").st_uid == 0}  # noqa: PTH116
    assert roots == {"postfix", "dovecot"}


def test_secrets_are_not_for_everyone(sandbox: RunningSandbox) -> None:
    places = [sandbox.layout.secrets, sandbox.layout.etc / "tls", postfix.config_folder(sandbox.layout) / "ldap"]
    held = [path for place in places for path in place.iterdir() if path.name != "chain.pem"]
    held.append(sandbox.layout.etc / "dovecot" / "local.conf")
    assert len(held) > 6
    assert [path for path in held if path.stat().st_mode & 0o007] == []
    assert not (sandbox.layout.data / "mail").stat().st_mode & 0o077


def test_clamd_finds_eicar_and_our_own_mark(sandbox: RunningSandbox) -> None:
    for sample, name in (
        (bytes.fromhex(clamd.EICAR_HEX), b"Caiyou.Eicar"),
        (clamd.OWN_MARK, b"Caiyou.Mark"),
        (b"harmless", b"OK"),
    ):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(clamd.socket(sandbox.layout)))
            client.sendall(b"zINSTREAM\0" + len(sample).to_bytes(4) + sample + bytes(4))
            assert name in client.recv(1024)
