"""A private slapd on loopback from the files in openldap-conf/, for the directory's tests and its benchmark."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from caiyou.directory.password import hashed_secret
from caiyou.settings import Settings, load

CONF = Path(__file__).parent.parent / "openldap-conf"
BASE = "dc=caiyou"
SERVICES = ("caiyou", "postfix", "dovecot")


class Slapd:
    """One server in a folder of its own. ``close`` stops it and removes the folder."""

    def __init__(
        self, changes: Mapping[str, str] = MappingProxyType({}), *, cache_s: float = 300.0, timeout_s: float = 3.0
    ) -> None:
        """``changes``: other words for some in config.ldif."""
        self.folder = Path(tempfile.mkdtemp(prefix="caiyou-slapd-"))
        self.folder.chmod(0o755)
        self.port = _free_port()
        self.uri = f"ldap://127.0.0.1:{self.port}"
        self.passwords = {service: secrets.token_urlsafe(24) for service in SERVICES}
        self._process: subprocess.Popen[bytes] | None = None
        for name in ("slapd.d", "db", "run", "spool"):
            (self.folder / name).mkdir()
        (self.folder / "ldap.secret").write_text(self.passwords["caiyou"])
        self.settings_file = self.folder / "caiyou.toml"
        self.settings_file.write_text(
            f'[site]\nspool = "{self.folder}/spool"\n'
            f'[ldap]\nuri = ["{self.uri}"]\npassword_file = "{self.folder}/ldap.secret"\n'
            f"cache_s = {cache_s}\ntimeout_s = {timeout_s}\n"
            f'[redis]\nurl = "redis://127.0.0.1:1/0"\n'
        )
        words = {
            **changes,
            "@BASE@": BASE,
            "@DC@": "caiyou",
            "@SCHEMA_DIR@": "/etc/ldap/schema",
            "@CONF_DIR@": str(CONF),
            "@DB_DIR@": str(self.folder / "db"),
            "@RUN_DIR@": str(self.folder / "run"),
            **{f"@{service.upper()}_HASH@": hashed_secret(password) for service, password in self.passwords.items()},
        }
        for number, name in enumerate(("config.ldif", "tree.ldif")):
            text = (CONF / name).read_text(encoding="utf-8")
            for word, value in words.items():
                text = text.replace(word, value)
            (self.folder / name).write_text(text, encoding="utf-8")
            self.load(self.folder / name, number=number)

    @property
    def settings(self) -> Settings:
        """Settings of a daemon that uses it."""
        return load(self.settings_file)

    def load(self, ldif: Path, *, number: int = 1, quick: bool = False) -> None:
        """slapadd, while it is stopped."""
        command = ["/usr/sbin/slapadd", "-n", str(number), "-F", str(self.folder / "slapd.d"), "-l", str(ldif)]
        subprocess.run([*command, *(["-q"] if quick else [])], check=True, capture_output=True)

    def start(self) -> None:
        """Return when it takes connections."""
        subprocess.run(
            ["chown", "-R", "openldap:openldap", *(str(self.folder / d) for d in ("slapd.d", "db", "run"))], check=True
        )
        self._process = subprocess.Popen(
            [
                "/usr/sbin/slapd",
                "-d",
                "0",
                "-F",
                str(self.folder / "slapd.d"),
                "-u",
                "openldap",
                "-g",
                "openldap",
                "-h",
                self.uri,
            ]
        )
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("slapd does not start")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Return when it is gone."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=30)
            self._process = None

    def freeze(self) -> None:
        """It takes connections and answers nothing."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """The reverse."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def close(self) -> None:
        """Stop it and remove its folder."""
        if self._process is not None:
            self.thaw()
        self.stop()
        shutil.rmtree(self.folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
