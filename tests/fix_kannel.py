"""Debian's Kannel, really run: bearerbox, smsbox, and fakesmsc as the SMSC at the far end. Written for Kannel 1.4.5."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

FAKESMSC = "/usr/lib/kannel/test/fakesmsc"
USERNAME, PASSWORD = "caiyou", "kannel-password"
HOST = "127.0.0.1"
_GOT = re.compile(r"Got message \d+: <(\S+) (\S+) (.*)>$", re.MULTILINE)

CONF = """\
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = {password}
smsbox-port = {smsbox}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
box-deny-ip = "*.*.*.*"

group = smsc
smsc = fake
smsc-id = far
port = {far}
our-host = 127.0.0.1
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
http-request-retry = 20
http-queue-delay = 1

group = sendsms-user
username = {username}
password = {password}
concatenation = true
max-messages = 10

group = sms-service
keyword = default
catch-all = true
max-messages = 0
get-url = "{callback}?kind=mo&id=%I&from=%p&to=%P&text=%b&charset=%C&udh=%u"
"""


class Kannel:
    """Its files in ``folder``; messages from handsets are handed to ``callback`` (a URL without query)."""

    def __init__(self, folder: Path, callback: str) -> None:
        self.folder = folder
        ports = dict(zip(("admin", "smsbox", "far", "sendsms"), _free_ports(4), strict=True))
        self.sendsms_port, self._far = ports["sendsms"], ports["far"]
        self._processes: list[subprocess.Popen[bytes]] = []
        conf = CONF.format(**ports, username=USERNAME, password=PASSWORD, callback=callback)
        (folder / "kannel.conf").write_text(conf)
        (folder / "kannel.secret").write_text(PASSWORD + "\n")

    @property
    def url(self) -> str:
        """Where sendsms is."""
        return f"http://{HOST}:{self.sendsms_port}/cgi-bin/sendsms"

    def start(self, *, smsc: bool = True) -> None:
        """Return when it takes messages."""
        self._run("bearerbox", "bearerbox", "-v", "1", "kannel.conf")
        _until(lambda: _listens(self._far), "bearerbox")
        self._run("smsbox", "smsbox", "-v", "1", "kannel.conf")
        _until(lambda: _listens(self.sendsms_port), "smsbox")
        if smsc:
            self.start_smsc()

    def start_smsc(self, message: str = "") -> None:
        """The far end: sends ``message`` (``sender receiver text …``) once, if there is one, and takes what comes."""
        count = ("-m", "1" if message else "0", "-i", "0.2")
        self._run("fakesmsc", FAKESMSC, "-H", HOST, "-r", str(self._far), *count, message or "1 2 text none")
        _until(lambda: "Connecting to" in self.log("fakesmsc"), "fakesmsc")

    def got(self) -> list[tuple[str, str, bytes, str]]:
        """What the far end shows: sender, receiver, UDH, text."""
        found = []
        for sender, receiver, rest in _GOT.findall(self.log("fakesmsc")):
            kind, _, content = rest.partition(" ")
            udh = b""
            if kind == "udh":
                digits, kind, content = content.split(" ", 2)
                udh = unquote_to_bytes(digits)
            found.append((sender, receiver, udh, _text(kind, content)))
        return found

    def log(self, name: str) -> str:
        """What a process wrote."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self) -> None:
        """End every process, the far end first."""
        for process in reversed(self._processes):
            process.terminate()
        for process in reversed(self._processes):
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _run(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder))


def _text(kind: str, content: str) -> str:
    """fakesmsc writes UCS2 and whatever follows a header percent-encoded, with + for a blank."""
    if kind == "text":
        return content
    octets = unquote_to_bytes(content.replace("+", " "))
    return octets.decode("utf-16-be" if kind == "ucs-2" else "latin-1")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex((HOST, port)) == 0


def _until(what: Callable[[], bool], name: str) -> None:
    end = time.monotonic() + 20
    while not what():
        assert time.monotonic() < end, f"{name} does not start; is the Debian package kannel(-extras) installed?"
        time.sleep(0.05)


@pytest.fixture
def kannel_at(tmp_path: Path) -> Iterator[Callable[[str], Kannel]]:
    """Makes one for a callback URL; it is not started."""
    made: list[Kannel] = []

    def make(callback: str) -> Kannel:
        folder = tmp_path / "kannel"
        folder.mkdir()
        made.append(Kannel(folder, callback))
        return made[-1]

    yield make
    for kannel in made:
        kannel.stop()
