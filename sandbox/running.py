"""A running sandbox to work with: what the first mail, the tests and the benchmarks do with one."""

from __future__ import annotations

import imaplib
import json
import os
import signal
import smtplib
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from caiyou import settings
from caiyou.directory.admin import Admin
from sandbox import lifecycle, site, supervise
from sandbox.layout import Layout
from sandbox.ports import HOST
from sandbox.process import Process
from sandbox.servers import postfix

PASSWORD = "a-password-for-tests"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What Postfix said: the queue id, and the replies to the recipients that it refused."""

    queue_id: str
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """A mail that went to the world."""

    mail_from: str
    rcpt_tos: list[str]
    smtputf8: bool
    content: bytes


def eventually(what: Callable[[], _T | None], timeout_s: float = 30.0, *, every_s: float = 0.05) -> _T:
    """The first true answer of ``what``; raises AssertionError with the last answer when there is none in time."""
    end = time.monotonic() + timeout_s
    while not (answer := what()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout_s:g} s: {getattr(what, '__name__', what)}: {answer!r}")
        time.sleep(every_s)
    return answer


class RunningSandbox:
    """Send, read, look, and break things. ``processes``: as ``lifecycle.processes`` returned them."""

    def __init__(self, layout: Layout, processes: Sequence[Process] = ()) -> None:
        self.layout = layout
        self.folder = layout.folder
        self.ports = layout.ports
        self.settings_file = layout.settings_file
        self._processes = {process.name: process for process in processes}
        self._passwords = {account.address: account.password for account in site.ACCOUNTS}
        self._admin: Admin | None = None

    eventually = staticmethod(eventually)

    def close(self) -> None:
        """Close what was opened; the servers run on."""
        if self._admin:
            self._admin.close()

    # --- The site

    @property
    def settings(self) -> settings.Settings:
        return settings.load(self.settings_file)

    @property
    def admin(self) -> Admin:
        """Every change of the directory."""
        self._admin = self._admin or Admin(self.settings, "sandbox")
        return self._admin

    def caiyou(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run the command line with this sandbox's settings, and wait."""
        environment = {
            **os.environ,
            "CAIYOU_CONFIG": str(self.settings_file),
            "CAIYOU_SANDBOX": str(self.folder),
            "CAIYOU_PORT_BASE": str(self.ports.base),
        }
        command = [str(Path(sys.prefix) / "bin" / "caiyou"), *arguments]
        return subprocess.run(command, env=environment, input=stdin, capture_output=True, text=True, check=False)

    def add_user(
        self,
        mailbox: str,
        *,
        mobile: str | None = None,
        rule: str | None = None,
        password: str = PASSWORD,
        **fields: Any,
    ) -> None:
        """Add a subscriber, and a rule of that name without conditions. ``fields``: as ``Admin.users.add`` has them."""
        self.admin.users.add(mailbox, password=password, mobile=mobile, **fields)
        self._passwords[mailbox] = password
        if rule:
            self.admin.rules.add(mailbox, name=rule)

    def password(self, mailbox: str) -> str:
        """Of an example account or of one that ``add_user`` made."""
        return self._passwords.get(mailbox, PASSWORD)

    # --- Mail in

    def smtp(self, *, user: str = "", source: str = HOST, timeout_s: float = 60.0) -> smtplib.SMTP:
        """A greeted session: with the MX or, for a ``user``, with submission, TLS on and logged in."""
        port = self.ports.submission if user else self.ports.smtp
        session = smtplib.SMTP(HOST, port, "client.world.test", timeout=timeout_s, source_address=(source, 0))
        if user:
            session.starttls(context=self.tls())
            session.ehlo()
            session.login(user, self.password(user))
        session.ehlo_or_helo_if_needed()
        return session

    def tls(self) -> ssl.SSLContext:
        """Trusts this sandbox's certificate and nothing else."""
        return ssl.create_default_context(cafile=self.layout.etc / "tls" / "chain.pem")

    def send(
        self, mail_from: str, rcpt_tos: Sequence[str], message: bytes, *, user: str = "", source: str = HOST
    ) -> Sent:
        """Send one mail; raises smtplib's errors when the sender, every recipient or the message is refused."""
        options = [f"SIZE={len(message)}"] + ([] if message.isascii() else ["BODY=8BITMIME"])
        if not (mail_from + "".join(rcpt_tos)).isascii():
            options.append("SMTPUTF8")
        with self.smtp(user=user, source=source) as session:
            session.command_encoding = "utf-8"
            code, text = session.mail(mail_from, options)
            if code != 250:
                raise smtplib.SMTPSenderRefused(code, text, mail_from)
            replies = {rcpt_to: session.rcpt(rcpt_to) for rcpt_to in rcpt_tos}
            refused = {rcpt_to: reply for rcpt_to, reply in replies.items() if reply[0] != 250}
            if len(refused) == len(replies):
                raise smtplib.SMTPRecipientsRefused(refused)
            code, text = session.data(message)
            if code != 250:
                raise smtplib.SMTPDataError(code, text)
        queue_id = text.decode().rpartition(" ")[2]
        return Sent(queue_id=queue_id, refused={to: (code, text.decode()) for to, (code, text) in refused.items()})

    def flush_queue(self) -> None:
        """Have Postfix try everything that waits, now."""
        subprocess.run(["postqueue", "-c", postfix.config_folder(self.layout), "-f"], check=True)

    def queue(self) -> list[dict[str, Any]]:
        """What is in Postfix's queue (postqueue -j)."""
        command = ["postqueue", "-c", str(postfix.config_folder(self.layout)), "-j"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    # --- Mail out

    @contextmanager
    def imap(self, user: str, password: str | None = None) -> Iterator[imaplib.IMAP4]:
        """A logged-in IMAP session."""
        session = imaplib.IMAP4(HOST, self.ports.imap, timeout=60)
        try:
            session.login(user, password or self.password(user))
            yield session
        finally:
            with suppress(imaplib.IMAP4.error, OSError):
                session.logout()

    def mails(self, user: str, folder: str = "INBOX") -> list[bytes]:
        """Every message of a folder, whole, oldest first."""
        with self.imap(user) as session:
            session.select(folder, readonly=True)
            _, parts = session.uid("FETCH", "1:*", "(BODY.PEEK[])")  # by uid, since 1:* of an empty folder is an error
        return [part[1] for part in parts if isinstance(part, tuple)]

    def wait_for_mail(
        self, user: str, count: int = 1, *, folder: str = "INBOX", timeout_s: float = 30.0
    ) -> list[bytes]:
        """The messages of a folder as soon as there are ``count``; raises AssertionError when there are not in time."""

        def enough() -> list[bytes]:
            mails = self.mails(user, folder)
            return mails if len(mails) >= count else []

        return eventually(enough, timeout_s, every_s=0.1)

    def phone_messages(self, number: str, *, wait: int = 0, timeout_s: float = 30.0) -> list[dict[str, Any]]:
        """What a simulated phone got: at once, or as soon as there are ``wait`` messages or the time is over."""
        end = time.monotonic() + timeout_s
        url = f"http://{HOST}:{self.ports.phones}/phones/{number}/messages"
        while True:
            with urllib.request.urlopen(url, timeout=10) as response:
                messages: list[dict[str, Any]] = json.load(response)
            if len(messages) >= wait or time.monotonic() > end:
                return messages
            time.sleep(0.05)

    def outside(self) -> list[Outside]:
        """What went to the world, in order."""
        found = []
        for path in sorted(self.layout.world.glob("*.json"), key=lambda path: int(path.stem)):
            found.append(Outside(**json.loads(path.read_text()), content=path.with_suffix(".eml").read_bytes()))
        return found

    def log(self, text: str, name: str = "mail") -> list[str]:
        """The lines of a log that hold ``text``; ``name``: mail (Postfix), or a process."""
        content = (self.layout.log / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        return [line for line in content.splitlines() if text in line]

    # --- Faults

    def status(self) -> dict[str, supervise.State]:
        """Every process by name."""
        return {state.name: state for state in supervise.states(self.layout)}

    def pid(self, name: str) -> int:
        """The process itself; of Postfix its master, which has a shell above it."""
        if name == "postfix":
            return int((self.layout.data / "queue" / "pid" / "master.pid").read_text() or 0)
        return self.status()[name].pid

    def kill(self, name: str) -> int:
        """kill -9; it is started again by itself. Returns the pid that died."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def stop_process(self, name: str) -> None:
        """Stop a process in order, and keep it stopped."""
        supervise.stop(self.layout, name)

    def start_process(self, name: str) -> None:
        """Start a stopped process, and wait until it answers."""
        supervise.start(self.layout, name)
        self.wait_until_up(name)

    def wait_until_up(self, name: str, *, not_pid: int = 0, timeout_s: float = 30.0) -> None:
        """Wait until a process runs, under another pid than ``not_pid``, and answers."""
        checks = self._processes[name].checks

        def up() -> bool:
            pid = self.pid(name)  # first: a state that is looked at later is no older
            return pid not in (0, not_pid) and self.status()[name].up and all(check.passes() for check in checks)

        eventually(up, timeout_s)

    @contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """Without this process."""
        self.stop_process(name)
        try:
            yield
        finally:
            self.start_process(name)

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """With this process and its children hanging (SIGSTOP): connections are taken and nothing answers."""
        pids = [self.pid(name), *_descendants(self.pid(name))]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)


def start(layout: Layout, say: lifecycle.Say) -> RunningSandbox:
    """Start a sandbox with the example site; raises AssertionError naming what is not up."""
    processes, down = lifecycle.start(layout, say)
    if down:
        raise AssertionError(f"not up: {', '.join(down)}; logs: {layout.log}")
    site.create(layout)
    return RunningSandbox(layout, processes)


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            found += [int(child), *_descendants(int(child))]
    return found
