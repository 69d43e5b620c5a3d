from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from caiyou.errors import InputError
from sandbox import files
from sandbox.layout import DEFAULT_FOLDER, Layout
from sandbox.ports import Ports


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CAIYOU_SANDBOX", raising=False)
    monkeypatch.delenv("CAIYOU_PORT_BASE", raising=False)


def test_ports_of_the_default_base() -> None:
    ports = Ports().by_name()
    assert (ports["smtp"], ports["submission"], ports["imap"], ports["imaps"]) == (10025, 10587, 10143, 10993)
    assert (ports["pop3"], ports["sieve"], ports["ldap"], ports["redis"]) == (10110, 10419, 10389, 10379)
    assert (ports["ismg"], ports["phones"]) == (17890, 10081)
    assert len(set(ports.values())) == len(ports)


def test_bases_a_thousand_apart_share_no_port() -> None:
    used = [port for base in range(10_000, 25_000, 1000) for port in Ports(base).by_name().values()]
    assert len(set(used)) == len(used)


def test_a_port_base_alone_gives_another_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Layout.from_environment().folder == DEFAULT_FOLDER
    monkeypatch.setenv("CAIYOU_PORT_BASE", "10000")
    assert Layout.from_environment().folder == DEFAULT_FOLDER
    monkeypatch.setenv("CAIYOU_PORT_BASE", "20000")
    layout = Layout.from_environment()
    assert layout.folder == Path(f"{DEFAULT_FOLDER}-20000")
    assert layout.ports.smtp == 20025


def test_a_folder_remembers_its_port_base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAIYOU_SANDBOX", "/tmp/x")  # noqa: S108 - never made
    monkeypatch.setenv("CAIYOU_PORT_BASE", "21000")
    assert Layout.from_environment().ports.base == 21_000
    monkeypatch.delenv("CAIYOU_PORT_BASE")
    with tempfile.TemporaryDirectory() as folder:
        Layout(folder=Path(folder), ports=Ports(22_000)).remember()
        monkeypatch.setenv("CAIYOU_SANDBOX", folder)
        assert Layout.from_environment().ports.base == 22_000


@pytest.mark.parametrize("folder", ["relative", "/has blank", "/has,comma", "/has%percent", "/" + "x" * 60])
def test_a_folder_that_cannot_serve_is_refused(monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    monkeypatch.setenv("CAIYOU_SANDBOX", folder)
    with pytest.raises(InputError, match="absolute path"):
        Layout.from_environment()


@pytest.mark.parametrize("base", ["80", "57001", "ten", "-1", "１"])
def test_a_port_base_that_cannot_serve_is_refused(monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    monkeypatch.setenv("CAIYOU_PORT_BASE", base)
    with pytest.raises(InputError, match="expected a number"):
        Layout.from_environment()


def test_a_digest_changes_with_content_and_name_but_not_with_place(tmp_path: Path) -> None:
    for place in ("a", "b"):
        (tmp_path / place / "conf").mkdir(parents=True)
        (tmp_path / place / "conf" / "main.cf").write_text("x = 1\n")
        (tmp_path / place / "conf" / "compiled.pyc").write_text(place)
    first, second = (files.digest(tmp_path / place / "conf") for place in ("a", "b"))
    assert first == second
    (tmp_path / "b" / "conf" / "main.cf").write_text("x = 2\n")
    changed = files.digest(tmp_path / "b" / "conf")
    (tmp_path / "a" / "conf" / "main.cf").rename(tmp_path / "a" / "conf" / "other.cf")
    assert len({first, changed, files.digest(tmp_path / "a" / "conf")}) == 3


def test_the_sandbox_that_the_command_line_administers(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as name:
        monkeypatch.setattr("sandbox.layout.ENVIRONMENT_FILE", Path(name) / "venv" / "etc" / "caiyou.toml")
        assert Layout.of_command_line() is None
        layout = Layout.at(Path(name) / "one", Ports(20_000))
        layout.serve_command_line()
        assert Layout.of_command_line() is None  # it was deleted
        layout.etc.mkdir(parents=True)
        layout.settings_file.touch()
        layout.remember()
        assert Layout.of_command_line() == layout
