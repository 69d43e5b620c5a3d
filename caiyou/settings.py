"""Settings: one TOML file, a table per component, unknown keys refused.

The file is $CAIYOU_CONFIG, else etc/caiyou.toml in the virtual environment if it is there (a sandbox puts it there),
else /etc/caiyou/caiyou.toml. A component's table is a pydantic model beside its owner,
registered under the entry-point group ``caiyou.settings``; the tables here are the ones every component reads.
Secrets are named by file (``*_file``) and read when used. An error names file, line, key and what would be right.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
import tomllib
import zoneinfo
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from caiyou.address import Address
from caiyou.errors import InputError, SettingsError
from caiyou.toml_lines import line_of

DEFAULT_FILE = Path("/etc/caiyou/caiyou.toml")
ENVIRONMENT_FILE = Path(sys.prefix) / "etc" / "caiyou.toml"


class Table(BaseModel):
    """One table of the file: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WrongAt(ValueError):
    """What a table's own check found wrong, ``loc`` being the keys below the table: so the error can name the line."""

    def __init__(self, loc: tuple[str | int, ...], what: str) -> None:
        super().__init__(what)
        self.loc = loc


class SiteSettings(Table):
    """The site as a whole."""

    hostname: str = Field("localhost", min_length=1, description="this host's name in mail and on links")
    timezone: str = Field("Asia/Shanghai", description="IANA name; the zone of a subscriber who chose none")
    region: str = Field("CN", pattern="^[A-Z]{2}$", description="ISO 3166 region of numbers written without +")
    postmaster: str = Field("postmaster@localhost", description="From address of the mail that Caiyou itself writes")
    smtp: str = Field("127.0.0.1:25", description="HOST:PORT that takes the mail that Caiyou itself writes")
    mail_log: Path = Field(Path("/var/log/mail.log"), description="Postfix's log, read by `caiyou trace`")
    spool: Path = Field(Path("/var/spool/caiyou"), description="where jobs and events wait while Redis is away")

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, name: str) -> str:
        try:
            zoneinfo.ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError("not an IANA time zone; expected something like Asia/Shanghai") from None
        return name

    @field_validator("postmaster")
    @classmethod
    def _is_address(cls, text: str) -> str:
        try:
            return str(Address.parse(text))
        except InputError as error:
            raise ValueError(str(error)) from None

    @field_validator("smtp")
    @classmethod
    def _is_host_port(cls, text: str) -> str:
        match = re.fullmatch(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+):(\d{1,5})", text)
        if not match or not 0 < int(match[1]) < 65_536:
            raise ValueError("expected HOST:PORT, like 127.0.0.1:25")
        return text


LdapUri = Annotated[str, StringConstraints(pattern=r"^ldap(s|i)?://")]


class LdapSettings(Table):
    """The shared directory. Several URIs are tried in order."""

    uri: list[LdapUri] = Field(["ldap://127.0.0.1:389"], min_length=1, description="ldap://, ldaps:// or ldapi://")
    base: str = Field("dc=caiyou", min_length=1, description="suffix of the tree")
    bind_dn: str = Field("cn=caiyou,ou=services,dc=caiyou", description="the daemons' account")
    password_file: Path = Field(Path("/etc/caiyou/ldap.secret"), description="its password")
    timeout_s: float = Field(3.0, gt=0, le=60)
    cache_s: float = Field(300.0, ge=0, description="how long known facts serve while no LDAP server answers")


class RedisSettings(Table):
    """Work in progress."""

    url: str = Field("redis://127.0.0.1:6379/0", description="redis://, rediss:// or unix://, without a password")
    password_file: Path | None = Field(None, description="its password, where it wants one")
    timeout_s: float = Field(2.0, gt=0, le=60)
    quota_prefix: str = Field("quota/", description="prefix of Dovecot's quota_clone keys")
    events_max: int = Field(10_000_000, gt=0, description="caiyou-ledgerd warns when more events than this wait")

    @field_validator("url")
    @classmethod
    def _is_redis(cls, url: str) -> str:
        if not re.match(r"(rediss?|unix)://.", url):
            raise ValueError("expected redis://HOST:PORT/DB, rediss://… or unix:///path")
        return _without_password(url)


class LedgerSettings(Table):
    """What happened, in SQL."""

    url: str = Field(
        "sqlite:////var/lib/caiyou/ledger.sqlite3",
        description="sqlite:////PATH or postgresql+psycopg://USER@HOST/DATABASE, without a password",
    )
    password_file: Path | None = Field(None, description="PostgreSQL's password, where it wants one")
    batch: int = Field(500, ge=1, le=10_000, description="events written in one transaction")

    @field_validator("url")
    @classmethod
    def _is_sql(cls, url: str) -> str:
        if not re.match(r"(sqlite:////.|postgresql\+psycopg://)", url):
            raise ValueError("expected sqlite:////PATH or postgresql+psycopg://USER@HOST/DATABASE")
        return _without_password(url)


def _without_password(url: str) -> str:
    if re.match(r"[^/]+://[^/@]*:[^/@]+@", url):
        raise ValueError("a password stands in the URL: put it into a file and name that by password_file")
    return url


KERNEL_TABLES: dict[str, type[Table]] = {
    "site": SiteSettings,
    "ldap": LdapSettings,
    "redis": RedisSettings,
    "ledger": LedgerSettings,
}

_T = TypeVar("_T", bound=Table)


def settings_file() -> Path:
    """The settings file in force."""
    if named := os.environ.get("CAIYOU_CONFIG"):
        return Path(named)
    return ENVIRONMENT_FILE if ENVIRONMENT_FILE.exists() else DEFAULT_FILE


@cache
def tables() -> dict[str, type[Table]]:
    """Every known table by name: the kernel's, then the installed components'; raises SettingsError."""
    found = dict(KERNEL_TABLES)
    for point in sorted(entry_points(group="caiyou.settings"), key=lambda p: p.name):
        try:
            found[point.name] = point.load()
        except (ImportError, AttributeError) as error:
            raise SettingsError(f"the settings of component {point.name} ({point.value}): {error}") from error
    return found


class Settings:
    """The parsed file; a table is checked when it is asked for."""

    def __init__(self, path: Path, text: str) -> None:
        """Raises SettingsError where the text is no TOML or names a table that nobody owns."""
        self.path = path
        self._text = text
        try:
            self._raw: dict[str, Any] = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise SettingsError(f"{path}: not TOML: {error}") from None
        for name, value in self._raw.items():
            if name not in tables():
                raise SettingsError(f"{self._at(name)} [{name}]: unknown table; {_instead(name, list(tables()))}")
            if not isinstance(value, dict):
                raise SettingsError(f"{self._at(name)} {name}: must be a table, written [{name}]")
        self._checked: dict[type[Table], Table] = {}

    def table(self, model: type[_T]) -> _T:
        """The settings of one component; raises SettingsError naming every wrong line of its table."""
        if model not in self._checked:
            name = next((name for name, known in tables().items() if known is model), None)
            if name is None:
                raise LookupError(f"{model.__qualname__} is not registered under caiyou.settings")
            try:
                self._checked[model] = model.model_validate(self._raw.get(name, {}))
            except ValidationError as error:
                raise SettingsError("\n".join(self._explain(name, model, e) for e in error.errors())) from None
        return cast("_T", self._checked[model])

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
        """Every table with its defaults filled in; raises SettingsError naming every wrong line of the file."""
        found, wrong = {}, []
        for name, model in tables().items():
            try:
                found[name] = self.table(model)
            except SettingsError as error:
                wrong.append(str(error))
        if wrong:
            raise SettingsError("\n".join(wrong))
        return found

    def _at(self, *keys: str | int) -> str:
        number = line_of(self._text, keys)
        return f"{self.path}:{number}:" if number else f"{self.path}:"

    def _explain(self, name: str, model: type[Table], error: Any) -> str:
        loc, owner = _place(model, error["loc"])
        if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
            loc = (*loc, error["ctx"]["discriminator"].strip("'"))
        found = error.get("ctx", {}).get("error")
        if isinstance(found, WrongAt):
            return f"{self._at(name, *loc, *found.loc)} {'.'.join([name, *map(str, (*loc, *found.loc))])}: {found}"
        key = ".".join([name, *(str(step) for step in loc if step != "[key]")])
        if error["type"] == "extra_forbidden":
            what = f"unknown setting; {_instead(str(loc[-1]), sorted(owner.model_fields))}"
        elif error["type"] in ("missing", "union_tag_not_found"):
            what = "must be set"
        elif error["type"] == "union_tag_invalid":
            known = error["ctx"]["expected_tags"].replace("'", "")
            what = _instead(error["ctx"]["tag"], known.split(", "))
        else:
            message = error["msg"].removeprefix("Value error, ")
            if error["type"] == "string_pattern_mismatch":
                message = in_words(error["ctx"]["pattern"])
            # A text is shown only as far as it cannot hold a password; a table stands in the file.
            hidden = "password" in message or isinstance(error["input"], dict)
            what = message if hidden else f"{message} (given: {error['input']!r:.80})"
        return f"{self._at(name, *loc)} {key}: {what}"


def load(path: Path | None = None) -> Settings:
    """Read the settings file; raises SettingsError naming file, line, key and what would be right."""
    path = path or settings_file()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such file; set CAIYOU_CONFIG or create it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None
    return Settings(path, text)


@cache
def current() -> Settings:
    """The settings of this process, read once."""
    return load()


def secret(path: Path) -> str:
    """The secret in a file, without its line end; raises SettingsError."""
    try:
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise SettingsError(f"{path}: secret cannot be read: {reason}") from None
    if not text:
        raise SettingsError(f"{path}: the secret file is empty; expected one line")
    if "\n" in text:
        raise SettingsError(f"{path}: the secret file has several lines; expected one")
    return text


_CLASSES = {"[0-9]": "digits", "[!-~]": "ASCII characters, no blanks", "[ -~]": "ASCII characters"}
_SIMPLE = re.compile(r"\^(\[[^\]]+\])\{(?:(\d+),)?(\d+)\}\$")


def in_words(pattern: str) -> str:
    """What a text that does not match a pattern should look like: ``expected 1-6 digits``."""
    simple = _SIMPLE.fullmatch(pattern)
    if simple is None or simple[1] not in _CLASSES:
        return f"expected a text like the pattern {pattern}"
    many = f"at most {simple[3]}" if simple[2] == "0" else f"{simple[2]}-{simple[3]}" if simple[2] else simple[3]
    return f"expected {many} {_CLASSES[simple[1]]}"


def _instead(given: str, known: list[str]) -> str:
    near = difflib.get_close_matches(given, known, n=1)
    return (f"did you mean {near[0]}? " if near else "") + f"known: {', '.join(known)}"


def _place(model: type[BaseModel], loc: tuple[int | str, ...]) -> tuple[tuple[int | str, ...], type[BaseModel]]:
    """The setting that an error is about, as it is written in the file, and the model of the table it stands in.

    pydantic puts the tag of a table that has several forms between its name and its keys.
    """
    written: list[int | str] = []
    forms: list[type[BaseModel]] = []
    for step in loc:
        chosen = next((form for form in forms if _tag(form) == step), None)
        if chosen is not None:
            model, forms = chosen, []
            continue
        written.append(step)
        field = model.model_fields.get(str(step))
        if field is not None:
            forms = models_in(field.annotation)
            model = forms[0] if len(forms) == 1 else model
    return tuple(written), model


def _tag(form: type[BaseModel]) -> Any:
    field = form.model_fields.get("type")
    return field.default if field is not None else None


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models that an annotation such as ``dict[str, list[Link]]`` or ``Link | None`` speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in models_in(part)]
