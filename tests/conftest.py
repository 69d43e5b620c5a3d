"""Fixtures that every component's tests may use: a running sandbox of their own, and the corpus of real mail."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from sandbox import lifecycle, running
from sandbox.layout import CHECKOUT, Layout
from sandbox.ports import Ports
from sandbox.running import RunningSandbox

# Below the kernel's range for outgoing connections (32768), the highest port of each being base + 8802.
BASES = (19_000, 20_000, 21_000, 22_000, 23_000)
VERSIONS = {
    "postfix": "postconf -d -h mail_version -c /usr/share/postfix",
    "dovecot": "dovecot --version",
    "slapd": "dpkg-query -W -f ${Version} slapd",
    "redis": "redis-server --version",
    "clamd": "clamd --version",
    "kannel": "dpkg-query -W -f ${Version} kannel",
    "gammu": "dpkg-query -W -f ${Version} gammu",
    "smstools": "dpkg-query -W -f ${Version} smstools",
    "tshark": "dpkg-query -W -f ${Version} tshark",
}


def pytest_report_header() -> str:
    """Which servers the live tests run against."""
    return "servers: " + ", ".join(f"{name} {_version(command)}" for name, command in VERSIONS.items())


def _version(command: str) -> str:
    try:
        done = subprocess.run(command.split(), capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "missing"
    words = done.stdout.split()
    return next((word.removeprefix("v=") for word in words if word[0].isdigit() or word.startswith("v=")), words[-1])


@pytest.fixture(scope="session")
def sandbox() -> Iterator[RunningSandbox]:
    """The whole system, running in a folder of its own, with the example site; gone at the end.

    $CAIYOU_KEEP keeps the folder, to look into after a failure.
    """
    if os.geteuid() != 0 and not os.environ.get("CI"):
        pytest.skip("live tests need root, to start servers that drop it")
    with _free_base() as base:
        layout = Layout.at(Path(f"/var/lib/caiyou-test-{base}"), Ports(base))
        lifecycle.forget(layout)
        said: list[str] = []
        try:
            started = running.start(layout, said.append)
        except BaseException as error:
            lifecycle.stop(layout)
            error.add_note("\n".join(said))
            raise
        yield started
        started.close()
        if os.environ.get("CAIYOU_KEEP"):
            lifecycle.stop(layout)
        else:
            lifecycle.forget(layout)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real mail with its index.tsv; skips where there is none."""
    folder = Path(os.environ.get("CAIYOU_CORPORA") or CHECKOUT.parent / "shared" / "corpora") / "mail"
    if not (folder / "index.tsv").exists():
        pytest.skip(f"no corpus of mail at {folder}; set CAIYOU_CORPORA")
    return folder


@contextmanager
def _free_base() -> Iterator[int]:
    """A port base that no other test session of this machine uses, for as long as the block runs."""
    for base in BASES:
        with Path(f"/run/lock/caiyou-test-{base}").open("w") as file, suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield base
            return
    raise RuntimeError(f"{len(BASES)} test sessions are running on this machine already")
