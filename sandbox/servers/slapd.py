"""OpenLDAP, as ``openldap-conf/README.md`` says; its own folder, a loopback port and a unix socket."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

from caiyou.errors import CaiyouError
from sandbox import files
from sandbox.layout import Layout
from sandbox.ports import HOST
from sandbox.process import Check, Process

BASE = "dc=caiyou"
SERVICES = ("caiyou", "postfix", "dovecot")
# RFC 4511: an anonymous bind, and the code "success" of the answer.
ANONYMOUS_BIND, SUCCESS = bytes.fromhex("300c020101600702010304008000"), bytes.fromhex("0a0100")


def uri(layout: Layout) -> str:
    """The unix socket as an LDAP URI."""
    return "ldapi://" + quote(str(_socket(layout)), safe="")


def password(layout: Layout, service: str) -> str:
    """The password of ``cn=<service>,ou=services``."""
    return files.secret(password_file(layout, service), group="caiyou" if service == "caiyou" else "root")


def password_file(layout: Layout, service: str) -> Path:
    return layout.secrets / f"ldap-{service}"


def prepare(layout: Layout) -> list[Process]:
    """Configure slapd, and load the tree when there is none."""
    files.folder(layout.run / "slapd", "openldap")
    database = files.folder(layout.data / "ldap", "openldap", mode=0o700)
    config = _config(layout, database)
    if not (database / "data.mdb").exists():
        _load_tree(layout, config)
    for path in database.iterdir():
        shutil.chown(path, "openldap", "openldap")
    urls = f"ldap://{HOST}:{layout.ports.ldap} {uri(layout)}"
    # -d 32768: in the foreground, and only what must be said.
    command = ("/usr/sbin/slapd", "-d", "32768", "-F", str(config), "-u", "openldap", "-g", "openldap", "-h", urls)
    checks = tuple(
        Check(address=address, send=ANONYMOUS_BIND, expect=SUCCESS)
        for address in ((HOST, layout.ports.ldap), _socket(layout))
    )
    return [Process(name="slapd", command=command, stage=0, checks=checks, stop_signal="INT")]


def _socket(layout: Layout) -> Path:
    return layout.run / "slapd" / "ldapi"


def _config(layout: Layout, database: Path) -> Path:
    """The folder of cn=config, one for each version of its source, so that a change of it restarts slapd."""
    source = layout.app / "openldap-conf"
    words = {"SCHEMA_DIR": "/etc/ldap/schema", "CONF_DIR": source, "DB_DIR": database, "RUN_DIR": layout.run / "slapd"}
    config = layout.etc / f"slapd-{files.digest(source)}"
    if not config.exists():
        for old in layout.etc.glob("slapd-*"):
            shutil.rmtree(old)
        draft = files.folder(layout.etc / "slapd-new", mode=0o750)
        _slapadd(draft, 0, _filled(source / "config.ldif", words))
        for path in [draft, *draft.rglob("*")]:
            shutil.chown(path, "openldap", "openldap")
        draft.rename(config)
    return config


def _load_tree(layout: Layout, config: Path) -> None:
    from caiyou.directory.password import hashed_secret

    words = {f"{name.upper()}_HASH": hashed_secret(password(layout, name)) for name in SERVICES}
    tree = _filled(layout.app / "openldap-conf" / "tree.ldif", {"DC": BASE.partition("=")[2], **words})
    _slapadd(config, 1, tree)


def _filled(source: Path, words: dict[str, object]) -> str:
    text = source.read_text(encoding="utf-8")
    for word, value in {"BASE": BASE, **words}.items():
        text = text.replace(f"@{word}@", str(value))
    return text


def _slapadd(config: Path, database: int, ldif: str) -> None:
    """Load LDIF into a database of a slapd that is not running; raises CaiyouError with slapadd's words."""
    done = subprocess.run(
        ["/usr/sbin/slapadd", "-n", str(database), "-F", config],
        input=ldif,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CaiyouError(f"slapadd -n {database}: {done.stderr.strip().splitlines()[-1]}")
