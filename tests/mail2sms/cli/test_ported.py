"""``caiyou sms ported``: the file that it makes is the one that routing reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from caiyou.errors import InputError
from caiyou.settings import current
from mail2sms.cli import sms
from mail2sms.ported import Ported
from tests.mail2sms.cli.conftest import Write

pytestmark = pytest.mark.usefixtures("write")


@pytest.fixture
def place(tmp_path: Path, write: Write) -> Path:
    settings = tmp_path / "caiyou.toml"
    settings.write_text(f'{settings.read_text()}[sms]\nported = "{tmp_path}/ported"\n')
    current.cache_clear()
    return tmp_path / "ported"


def run(text: bytes) -> Result:
    return CliRunner().invoke(sms, ["ported", "-"], input=text)


def test_the_file_is_made(place: Path) -> None:
    done = run("\ufeff# moved\n13800138000,unicom\n+8613900139000,telecom\n".encode())
    assert (done.exit_code, done.stdout) == (0, "2 numbers\n")
    assert [Ported(place).carrier_of(number) for number in ("8613800138000", "8613700137000")] == ["unicom", ""]


@pytest.mark.parametrize(
    "text, says",
    [
        (b"13800138000,nobody\n", "line 1: carrier 'nobody' is not in sms.carriers"),
        (b"13800138000\n", "line 1: expected number,carrier"),
        ("13800138000,移动\n".encode("gb18030"), "the list is not UTF-8"),
    ],
)
def test_a_list_that_is_wrong_leaves_the_old_file(place: Path, text: bytes, says: str) -> None:
    run(b"13800138000,unicom\n")
    before = place.read_bytes()
    done = run(text)
    assert isinstance(done.exception, InputError)
    assert says in str(done.exception)
    assert place.read_bytes() == before


def test_without_a_place_for_it() -> None:
    done = run(b"")
    assert isinstance(done.exception, InputError)
    assert "sms.ported is not set" in str(done.exception)
