"""Where everything of one sandbox lies. Two sandboxes share nothing but the checkout: folder and ports differ.

$CAIYOU_PORT_BASE moves every port and, unless $CAIYOU_SANDBOX names another, gives the sandbox a folder of its own.
A folder remembers its port base, so $CAIYOU_SANDBOX alone is enough for one that exists.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from caiyou.errors import InputError
from caiyou.settings import ENVIRONMENT_FILE
from sandbox.ports import DEFAULT_BASE, Ports

DEFAULT_FOLDER = Path("/var/lib/caiyou-sandbox")
MAX_FOLDER_OCTETS = 60  # a unix socket's path has 107 octets, ours below the folder up to 40
CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One sandbox: its folder and its ports."""

    folder: Path
    ports: Ports

    @classmethod
    def from_environment(cls) -> Layout:
        """The sandbox that $CAIYOU_SANDBOX and $CAIYOU_PORT_BASE name; raises InputError."""
        folder_text, base_text = os.environ.get("CAIYOU_SANDBOX"), os.environ.get("CAIYOU_PORT_BASE")
        folder = Path(folder_text) if folder_text else None
        if base_text:
            ports = _ports(base_text)
            default = DEFAULT_FOLDER if ports.base == DEFAULT_BASE else Path(f"{DEFAULT_FOLDER}-{ports.base}")
            return cls.at(folder or default, ports)
        folder = folder or DEFAULT_FOLDER
        try:
            return cls.at(folder, _ports(str(json.loads((folder / "sandbox.json").read_text())["port_base"])))
        except (OSError, ValueError, KeyError):
            return cls.at(folder, Ports())

    @classmethod
    def at(cls, folder: Path, ports: Ports) -> Layout:
        """A checked layout; raises InputError on a folder that cannot serve."""
        if (
            not folder.is_absolute()
            or len(os.fsencode(folder)) > MAX_FOLDER_OCTETS
            or any(c in str(folder) for c in " %,")
        ):
            raise InputError(
                f"CAIYOU_SANDBOX={folder}: give an absolute path of at most {MAX_FOLDER_OCTETS} octets, "
                "without blank, comma and percent sign"
            )
        return cls(folder=folder, ports=ports)

    @property
    def app(self) -> Path:
        """A copy of the packages, readable to the daemons' users wherever the checkout lies."""
        return self.folder / "app"

    @property
    def etc(self) -> Path:
        return self.folder / "etc"

    @property
    def run(self) -> Path:
        """Sockets and pid files."""
        return self.folder / "run"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def data(self) -> Path:
        """What outlives a stop: directory, queue, mail, ledger."""
        return self.folder / "data"

    @property
    def settings_file(self) -> Path:
        return self.etc / "caiyou.toml"

    @property
    def secrets(self) -> Path:
        return self.etc / "secrets"

    @property
    def mail_log(self) -> Path:
        return self.log / "mail.log"

    @property
    def world(self) -> Path:
        """Mail that went outside, one pair of files for each."""
        return self.data / "world"

    def remember(self) -> None:
        """Write the port base into the folder."""
        (self.folder / "sandbox.json").write_text(json.dumps({"port_base": self.ports.base}) + "\n")

    @classmethod
    def of_command_line(cls) -> Layout | None:
        """The sandbox that ``.venv/bin/caiyou`` administers, if any."""
        try:
            folder = ENVIRONMENT_FILE.resolve(strict=True).parent.parent
            return cls.at(folder, Ports(json.loads((folder / "sandbox.json").read_text())["port_base"]))
        except (OSError, ValueError, KeyError, TypeError, InputError):
            return None

    def serve_command_line(self) -> None:
        """Make this sandbox the one that ``.venv/bin/caiyou`` administers (``caiyou.settings.settings_file``)."""
        ENVIRONMENT_FILE.parent.mkdir(parents=True, exist_ok=True)
        ENVIRONMENT_FILE.unlink(missing_ok=True)
        ENVIRONMENT_FILE.symlink_to(self.settings_file)


def _ports(text: str) -> Ports:
    try:
        return Ports(int(text))
    except ValueError:
        raise InputError(f"CAIYOU_PORT_BASE={text}: expected a number in 1024-56000, such as 20000") from None
