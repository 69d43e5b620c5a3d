"""Settings: one TOML file, a table per component, unknown keys refused.

The file is $CAIYOU_CONFIG or /etc/caiyou/caiyou.toml. A component's table is a pydantic model beside its owner,
registered under the entry-point group ``caiyou.settings``; the tables here are the ones every component reads.
Secrets are named by file (``*_file``) and read when used.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caiyou.errors import SettingsError

DEFAULT_FILE = Path("/etc/caiyou/caiyou.toml")


class Table(BaseModel):
    """One table of the file: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SiteSettings(Table):
    """The site as a whole."""

    hostname: str = "localhost"
    timezone: str = Field("Asia/Shanghai", description="IANA name; the zone of a subscriber who chose none")
    region: str = Field("CN", description="ISO 3166 region of numbers written without +")
    postmaster: str = Field("postmaster@localhost", description="From address of the mail that Caiyou itself writes")
    smtp: str = Field("127.0.0.1:25", description="HOST:PORT that takes the mail that Caiyou itself writes")
    mail_log: Path = Field(Path("/var/log/mail.log"), description="Postfix's log, read by `caiyou trace`")
    spool: Path = Field(Path("/var/spool/caiyou"), description="where jobs and events wait while Redis is away")


class LdapSettings(Table):
    """The shared directory. Several URIs are tried in order."""

    uri: list[str] = ["ldap://127.0.0.1:389"]
    base: str = "dc=caiyou"
    bind_dn: str = "cn=caiyou,ou=services,dc=caiyou"
    password_file: Path = Path("/etc/caiyou/ldap.secret")
    timeout_s: float = Field(3.0, gt=0, le=60)
    cache_s: float = Field(300.0, ge=0, description="how long known facts serve while no LDAP server answers")


class RedisSettings(Table):
    """Work in progress."""

    url: str = "redis://127.0.0.1:6379/0"
    timeout_s: float = Field(2.0, gt=0, le=60)
    quota_prefix: str = Field("quota/", description="prefix of Dovecot's quota_clone keys")
    events_max: int = Field(10_000_000, gt=0, description="the events stream is cut to about this length")


class LedgerSettings(Table):
    """What happened, in SQL."""

    url: str = Field("sqlite:////var/lib/caiyou/ledger.sqlite3", description="SQLAlchemy URL")
    batch: int = Field(500, ge=1, le=10_000, description="events written in one transaction")


KERNEL_TABLES: dict[str, type[Table]] = {
    "site": SiteSettings,
    "ldap": LdapSettings,
    "redis": RedisSettings,
    "ledger": LedgerSettings,
}

_T = TypeVar("_T", bound=Table)


def settings_file() -> Path:
    """The settings file in force."""
    return Path(os.environ.get("CAIYOU_CONFIG") or DEFAULT_FILE)


def tables() -> dict[str, type[Table]]:
    """Every known table by name: the kernel's, then the installed components'."""
    found = dict(KERNEL_TABLES)
    for point in sorted(entry_points(group="caiyou.settings"), key=lambda p: p.name):
        found[point.name] = point.load()
    return found


class Settings:
    """The parsed file; a table is checked when it is asked for."""

    def __init__(self, path: Path, raw: dict[str, Any]) -> None:
        self.path = path
        self._raw = raw
        self._checked: dict[type[Table], Table] = {}

    def table(self, model: type[_T]) -> _T:
        """The settings of one component; raises SettingsError."""
        if model not in self._checked:
            name = next(name for name, known in tables().items() if known is model)
            self._checked[model] = _check(self.path, name, model, self._raw.get(name, {}))
        checked = self._checked[model]
        assert isinstance(checked, model)
        return checked

    @property
    def site(self) -> SiteSettings:
        return self.table(SiteSettings)

    @property
    def ldap(self) -> LdapSettings:
        return self.table(LdapSettings)

    @property
    def redis(self) -> RedisSettings:
        return self.table(RedisSettings)

    @property
    def ledger(self) -> LedgerSettings:
        return self.table(LedgerSettings)

    def effective(self) -> dict[str, Table]:
        """Every table with its defaults filled in; raises SettingsError on the first that is wrong."""
        return {name: self.table(model) for name, model in tables().items()}


def load(path: Path | None = None) -> Settings:
    """Read the settings file; raises SettingsError naming file, key and what would be right."""
    path = path or settings_file()
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such file; set CAIYOU_CONFIG or create it") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None
    known = tables()
    for name, value in raw.items():
        if name not in known:
            raise SettingsError(f"{path}: unknown table [{name}]; known: {', '.join(known)}")
        if not isinstance(value, dict):
            raise SettingsError(f"{path}: {name} must be a table: [{name}]")
    return Settings(path, raw)


@cache
def current() -> Settings:
    """The settings of this process, read once."""
    return load()


def secret(path: Path) -> str:
    """The secret in a file, without its line end; raises SettingsError."""
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise SettingsError(f"{path}: secret cannot be read: {error.strerror}") from None


def _check(path: Path, name: str, model: type[_T], raw: dict[str, Any]) -> _T:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise SettingsError("\n".join(f"{path}: {_explain(name, model, e)}" for e in error.errors())) from None


def _explain(name: str, model: type[Table], error: Any) -> str:
    key = ".".join([name, *map(str, error["loc"])])
    if error["type"] != "extra_forbidden":
        return f"{key}: {error['msg']} (given: {error['input']!r})"
    known = _keys_at(model, error["loc"][:-1])
    near = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{key}: unknown setting; {hint}known: {', '.join(known)}"


def _keys_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The setting names of the (nested) table at ``loc``."""
    for step in loc:
        field = model.model_fields.get(str(step))
        if field is not None:
            nested = field.annotation
            for candidate in (nested, *getattr(nested, "__args__", ())):
                if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                    model = candidate
    return sorted(model.model_fields)
