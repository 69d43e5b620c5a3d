"""slapd away, frozen, talking rubbish, restarted under use: design, "When something is down"."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.slapd import Slapd
from caiyou.directory.admin import Admin
from caiyou.directory.lookup import Directory
from caiyou.errors import DirectoryDown
from caiyou.settings import Settings, load

pytestmark = pytest.mark.live

TIMEOUT_S = 0.5  # of the fixture fragile


@pytest.fixture
def site(fragile: Slapd) -> Slapd:
    admin = Admin(fragile.settings, "tester")
    admin.domains.add("example.test")
    for name in ("alice", "bob"):
        admin.users.add(f"{name}@example.test", password=None, mobile="13800138000")
    admin.rules.add("alice@example.test", name="all")
    admin.contacts.add("alice@example.test", "Bob", mail=["bob@example.test"], mobile="13900139000")
    admin.blacklist.add("192.0.2.0/24")
    admin.close()
    return fragile


def settings_with(server: Slapd, tmp_path: Path, **changes: str) -> Settings:
    """The settings of ``server`` with other values in [ldap]."""
    lines = server.settings_file.read_text().splitlines()
    for key, value in changes.items():
        lines = [f"{key} = {value}" if line.startswith(f"{key} = ") else line for line in lines]
    path = tmp_path / "caiyou.toml"
    path.write_text("\n".join(lines))
    return load(path)


def learn(directory: Directory) -> list[object]:
    return [
        directory.domain("example.test"),
        directory.resolve("alice@example.test"),
        directory.subscriber("alice@example.test"),
        directory.blacklisted("alice@example.test", "192.0.2.1"),
        directory.blacklisted(ip="198.51.100.1"),
        directory.rules("alice@example.test"),
        directory.contact_mobile("alice@example.test", "bob@example.test"),
    ]


def test_known_facts_serve_while_it_is_away_and_only_those(site: Slapd) -> None:
    directory = Directory(site.settings)
    facts = learn(directory)
    assert not directory.resolve("nobody@example.test").known
    site.stop()
    assert learn(directory) == facts
    for unknown in (
        lambda: directory.resolve("bob@example.test"),
        lambda: directory.resolve("nobody@example.test"),  # known to be nobody, but a 550 on that would be for good
        lambda: directory.domain("other.test"),
        lambda: directory.blacklisted(ip="192.0.2.9"),
        lambda: directory.rules("bob@example.test"),
    ):
        with pytest.raises(DirectoryDown):
            unknown()
    site.start()
    assert directory.resolve("bob@example.test").known


def test_known_facts_die_of_age(site: Slapd, tmp_path: Path) -> None:
    directory = Directory(settings_with(site, tmp_path, cache_s="0.5"))
    facts = learn(directory)
    site.stop(signal.SIGKILL)
    assert learn(directory) == facts
    time.sleep(0.6)
    with pytest.raises(DirectoryDown):
        directory.resolve("alice@example.test")


def test_a_restart_under_use_loses_no_lookup_and_shows_the_new_truth(site: Slapd) -> None:
    directory = Directory(site.settings)
    directory.resolve("alice@example.test")
    wrong: list[object] = []
    asked = [0] * 4
    stop = threading.Event()

    def ask(number: int) -> None:
        while not stop.is_set():
            try:
                if not directory.resolve("alice@example.test").known:
                    wrong.append("unknown")
            except Exception as error:  # noqa: BLE001 - whatever it is, it is wrong
                wrong.append(error)
            asked[number] += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(asked))]
    for thread in threads:
        thread.start()
    for how in (signal.SIGTERM, signal.SIGKILL):
        time.sleep(0.2)
        site.stop(how)
        time.sleep(0.2)
        site.start()
    admin = Admin(site.settings, "tester")
    admin.users.suspend("alice@example.test")
    time.sleep(0.1)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert min(asked) > 10
    assert directory.resolve("alice@example.test").subscribers[0].state == "suspended"
    admin.close()


def test_a_frozen_server_costs_one_wait_and_not_one_a_lookup(site: Slapd) -> None:
    directory = Directory(site.settings)
    facts = learn(directory)
    site.freeze()
    begun = time.monotonic()
    assert directory.resolve("alice@example.test").known
    assert time.monotonic() - begun < 3 * TIMEOUT_S  # the kept connection, then a new one
    begun = time.monotonic()
    assert learn(directory) == facts
    with pytest.raises(DirectoryDown):
        directory.resolve("bob@example.test")
    assert time.monotonic() - begun < TIMEOUT_S / 2
    site.thaw()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            assert directory.resolve("bob@example.test").known
            break
        except DirectoryDown:
            time.sleep(0.1)
    else:
        pytest.fail("it answers again and is not asked")


def test_the_second_server_serves_while_the_first_is_down_or_frozen(site: Slapd, tmp_path: Path) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(1)  # takes connections and never answers
        uris = f'["ldap://127.0.0.1:1", "ldap://127.0.0.1:{deaf.getsockname()[1]}", "{site.uri}"]'
        directory = Directory(settings_with(site, tmp_path, uri=uris))
        begun = time.monotonic()
        assert directory.resolve("alice@example.test").known
        assert time.monotonic() - begun < 3 * TIMEOUT_S
        begun = time.monotonic()
        assert directory.resolve("bob@example.test").known
        assert time.monotonic() - begun < TIMEOUT_S / 2


@pytest.fixture
def babbler() -> Iterator[int]:
    """A server that answers every request with rubbish; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer:
                    peer.recv(1000)
                    peer.sendall(b"\x30\x84\xff\xff\xff\xff220 mail.example ESMTP\r\n" * 10)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


def test_a_server_that_talks_rubbish_is_down(site: Slapd, tmp_path: Path, babbler: int) -> None:
    directory = Directory(settings_with(site, tmp_path, uri=f'["ldap://127.0.0.1:{babbler}"]'))
    begun = time.monotonic()
    with pytest.raises(DirectoryDown):
        directory.resolve("alice@example.test")
    assert time.monotonic() - begun < 3 * TIMEOUT_S


def test_a_refused_login_is_told_without_the_password(site: Slapd, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.secret"
    wrong.write_text("not-the-password")
    directory = Directory(settings_with(site, tmp_path, password_file=f'"{wrong}"'))
    with pytest.raises(DirectoryDown, match=r"wrong\.secret") as refused:
        directory.resolve("alice@example.test")
    assert "not-the-password" not in str(refused.value)


def test_a_change_is_refused_while_it_is_away_and_works_again_after(site: Slapd) -> None:
    admin = Admin(site.settings, "tester")
    admin.users.suspend("alice@example.test")
    site.stop()
    with pytest.raises(DirectoryDown):
        admin.users.resume("alice@example.test")
    site.start()
    admin.users.resume("alice@example.test")
    assert admin.users.get("alice@example.test").state == "active"
    admin.close()


def test_a_list_that_is_cut_off_says_so(site: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caiyou.directory.connection.PAGE", 1)
    admin = Admin(site.settings, "tester")
    users = admin.users.all("example.test")
    assert next(users).mailbox
    site.stop()
    with pytest.raises(DirectoryDown):
        list(users)
    admin.close()


def test_many_threads_share_few_connections(site: Slapd) -> None:
    """libmilter starts a thread a session: a bind each would cost an argon2 hash each."""
    directory = Directory(site.settings)
    directory.resolve("alice@example.test")
    begun = time.monotonic()
    for _ in range(100):
        thread = threading.Thread(target=directory.resolve, args=("alice@example.test",))
        thread.start()
        thread.join()
    assert time.monotonic() - begun < 1.0
