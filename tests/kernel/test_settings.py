from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from caiyou import settings
from caiyou.errors import SettingsError
from caiyou.settings import LedgerSettings, RedisSettings, Settings, SiteSettings, Table, load, secret


class Link(Table):
    host: str
    port: int = Field(7890, gt=0, lt=65_536)


class Route(Table):
    numbers: tuple[str, ...] = ()
    kind: Literal["sms", "mms"] = "sms"


class Shop(Table):
    """A component of the test's own."""

    links: dict[str, Link] = Field({})
    routes: list[Route] = Field([])
    best: Link | None = None


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[str, type[Table]] = {**settings.KERNEL_TABLES, "shop": Shop}
    monkeypatch.setattr(settings, "tables", lambda: known)


def wrong(text: str) -> list[str]:
    """What is told of a file with this text, without its name."""
    with pytest.raises(SettingsError) as caught:
        Settings(Path("/etc/x.toml"), text).effective()
    lines = str(caught.value).splitlines()
    assert all(line.startswith("/etc/x.toml:") for line in lines), lines
    return [line.removeprefix("/etc/x.toml:") for line in lines]


@pytest.mark.usefixtures("tables")
def test_defaults_stand_where_the_file_says_nothing() -> None:
    found = Settings(Path("x"), "")
    assert found.site == SiteSettings.model_validate({})
    assert found.redis.url == "redis://127.0.0.1:6379/0"
    assert list(found.effective()) == ["site", "ldap", "redis", "ledger", "shop"]


@pytest.mark.usefixtures("tables")
def test_values_of_the_file_are_taken() -> None:
    text = '[site]\nregion = "HK"\n[shop.links.a]\nhost = "h"\n[[shop.routes]]\n[[shop.routes]]\nkind = "mms"\n'
    found = Settings(Path("x"), text)
    assert found.site.region == "HK"
    assert found.table(Shop).links["a"].port == 7890
    assert [route.kind for route in found.table(Shop).routes] == ["sms", "mms"]


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(
    "text, told",
    [
        ("[site]\nhostnam = 'x'\n", ["2: site.hostnam: unknown setting; did you mean hostname? known: hostname, "]),
        ("\n# c\n[sit]\n", ["3: [sit]: unknown table; did you mean site? known: site, ldap, redis, ledger, shop"]),
        ("site = 1\n", ["1: site: must be a table, written [site]"]),
        ("[site]\ntimezone = 'Mars/X'\n", ["2: site.timezone: not an IANA time zone; expected something like "]),
        ("[site]\ntimezone = '../etc/passwd'\n", ["2: site.timezone: not an IANA time zone"]),
        ("[site]\ntimezone = 'Asia'\n", ["2: site.timezone: not an IANA time zone"]),
        ("[site]\nregion = 'china'\n", ["2: site.region: "]),
        ("[site]\npostmaster = 'x'\n", ["2: site.postmaster: 'x' is not an address; expected name@domain"]),
        ("[site]\nsmtp = 'mail.test'\n", ["2: site.smtp: expected HOST:PORT, like 127.0.0.1:25"]),
        ("[site]\nsmtp = 'h:99999'\n", ["2: site.smtp: expected HOST:PORT"]),
        ("[ldap]\nuri = []\n", ["2: ldap.uri: "]),
        ("[ldap]\nuri = [\n 'ldap://a',\n 'http://b',\n]\n", ["2: ldap.uri.1: "]),
        ("[redis]\ntimeout_s = 'soon'\n", ["2: redis.timeout_s: Input should be a valid number"]),
        ("[redis]\n\ntimeout_s = 0\n", ["3: redis.timeout_s: Input should be greater than 0 (given: 0)"]),
        ("[redis]\nurl = 'http://x'\n", ["2: redis.url: expected redis://HOST:PORT/DB"]),
        ("[ledger]\nurl = 'mysql://x'\n", ["2: ledger.url: expected sqlite:////PATH or postgresql+psycopg://"]),
        ("[ledger]\nurl = 'sqlite:///relative'\n", ["2: ledger.url: expected sqlite:////PATH"]),
        (
            "shop.links.a.host = 'h'\nshop.links.a.prt = 1\n",
            ["2: shop.links.a.prt: unknown setting; did you mean port?"],
        ),
        ("[shop.links.a]\nport = 1\n", ["1: shop.links.a.host: must be set"]),
        ("[shop.links.'a.b']\nhost = 'h'\nport = 0\n", ["3: shop.links.a.b.port: "]),
        (
            "[[shop.routes]]\nkind = 'sms'\n[[shop.routes]]\nkind = 'fax'\n",
            ["4: shop.routes.1.kind: Input should be 'sms' or 'mms'"],
        ),
        (
            "[shop]\nbest = {host = 'h', hots = 'x'}\n",
            ["2: shop.best.hots: unknown setting; did you mean host? known: "],
        ),
        ("[site]\nhostname = \n", [" not TOML: "]),
        ("[site]\nhostname = 'a'\nhostname = 'b'\n", [" not TOML: "]),
        (
            "[site]\nregion = 'x'\n[ledger]\nbatch = 0\n",
            ["2: site.region: ", "4: ledger.batch: Input should be greater than or equal to 1"],
        ),
    ],
)
def test_a_wrong_line_is_named_with_what_would_be_right(text: str, told: list[str]) -> None:
    lines = wrong(text)
    assert len(lines) == len(told)
    for line, expected in zip(lines, told, strict=True):
        assert line.startswith(expected), line


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(
    "text", ["[redis]\nurl = 'redis://:pw-x@h/0'\n", "[ledger]\nurl = 'postgresql+psycopg://u:pw-x@h/d'\n"]
)
def test_a_password_in_a_url_is_refused_and_not_repeated(text: str) -> None:
    (line,) = wrong(text)
    assert "password_file" in line
    assert "pw-x" not in line


def test_a_url_without_a_password_is_fine() -> None:
    assert RedisSettings.model_validate({"url": "unix:///run/redis.sock"})
    assert LedgerSettings.model_validate({"url": "postgresql+psycopg://u@/d?host=/run/postgresql"})


@pytest.mark.usefixtures("tables")
def test_a_table_nobody_registered_is_a_mistake_of_the_program() -> None:
    class Other(Table):
        pass

    with pytest.raises(LookupError, match="Other"):
        Settings(Path("x"), "").table(Other)


def test_files_that_cannot_be_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "none.toml"
    with pytest.raises(SettingsError, match=r"none.toml: no such file; set CAIYOU_CONFIG"):
        load(missing)
    with pytest.raises(SettingsError, match=r"directory"):
        load(tmp_path)
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"[site]\nhostname = '\xff'\n")
    with pytest.raises(SettingsError, match=r"latin.toml: .*utf-8"):
        load(latin)
    bom = tmp_path / "bom.toml"
    bom.write_bytes(b"\xef\xbb\xbf[site]\nhostname = 'x'\n")
    monkeypatch.setenv("CAIYOU_CONFIG", str(bom))
    assert load().site.hostname == "x"


def test_a_secret_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(" pass wört \r\n".encode())
    assert secret(path) == " pass wört "
    for content in (b"", b"\n", b"a\nb\n", b"\xff"):
        path.write_bytes(content)
        with pytest.raises(SettingsError, match="secret"):
            secret(path)
    path.unlink()
    with pytest.raises(SettingsError, match="No such file"):
        secret(path)


def test_every_installed_component_registers_its_table() -> None:
    known = settings.tables()
    assert {"site", "ldap", "redis", "ledger", "milter", "lmtp", "sms"} <= known.keys()
    assert all(issubclass(model, Table) for model in known.values())
