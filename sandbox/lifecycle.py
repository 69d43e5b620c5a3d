"""Start, stop and forget a sandbox."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from itertools import groupby

from caiyou.errors import CaiyouError
from sandbox import files, supervise
from sandbox.layout import CHECKOUT, Layout
from sandbox.ports import HOST
from sandbox.process import Process
from sandbox.servers import clamd, daemons, dovecot, postfix, redis, slapd, tls

READY_S = 30.0
PACKAGES = ("caiyou", "milter", "lmtp_delivery", "mail2sms", "sandbox")
CONFIGURATION = ("openldap-conf", "postfix-conf", "dovecot-conf")
USERS = ("caiyou", "vmail", "openldap", "redis", "clamav", "postfix", "dovecot")

Say = Callable[[str], None]


def start(layout: Layout, say: Say) -> tuple[list[Process], list[str]]:
    """Start what is not running and restart what has changed; all processes, and the names of those not up."""
    _check_machine()
    _make_folders(layout)
    with (layout.run / "starting").open("w") as lock:  # two starts at once: the second waits and finds it done
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _start(layout, say)


def _start(layout: Layout, say: Say) -> tuple[list[Process], list[str]]:
    if not supervise.is_running(layout):
        supervise.shut_down(layout)  # what a killed supervisord left behind
        _check_ports(layout)
    _copy_checkout(layout)
    tls.prepare(layout)
    processes = [p for server in (slapd, redis, clamd, daemons, dovecot, postfix) for p in server.prepare(layout)]
    processes.sort(key=lambda process: process.stage)
    for name in supervise.apply(layout, processes):
        say(f"{name} has changed: it is started again")
    running = {state.name for state in supervise.states(layout) if state.up}
    down = []
    for _, stage in groupby(processes, key=lambda process: process.stage):
        batch = [process for process in stage if process.name not in running]
        for process in batch:
            supervise.start(layout, process.name)
        down += [process.name for process in batch if not _becomes_ready(layout, process, say)]
    return processes, down + [name for name in _not_steady(layout, say) if name not in down]


def stop(layout: Layout) -> bool:
    """Stop everything; False when nothing ran."""
    return supervise.shut_down(layout)


def forget(layout: Layout) -> None:
    """Stop everything and delete the folder with all mail in it; raises CaiyouError where it is no sandbox."""
    stop(layout)
    if layout.folder.exists() and not (layout.folder / "sandbox.json").exists():
        raise CaiyouError(f"{layout.folder} is not a sandbox; it is left alone")
    shutil.rmtree(layout.folder, ignore_errors=True)


def _becomes_ready(layout: Layout, process: Process, say: Say) -> bool:
    begun = time.monotonic()
    waiting = list(process.checks)
    while time.monotonic() < begun + READY_S:
        state = next(s for s in supervise.states(layout) if s.name == process.name)
        if state.state in ("FATAL", "STOPPED") or (state.state == "BACKOFF" and time.monotonic() > begun + 3):
            say(f"{process.name} does not start: {state.why or state.state}")
            return False
        while waiting and waiting[0].passes():
            waiting.pop(0)
        if not waiting and (process.checks or state.up):
            where = ", ".join(str(check) for check in process.checks)
            say(f"{process.name} is up" + (f" ({where})" if where else ""))
            return True
        time.sleep(0.05)
    say(f"{process.name} does not answer on {waiting[0]}" if waiting else f"{process.name} does not stay up")
    return False


def _not_steady(layout: Layout, say: Say) -> list[str]:
    """Processes that have ended again: another program may have answered on their port."""
    while True:
        states = supervise.states(layout)
        if all(state.state != "STARTING" for state in states):
            break
        time.sleep(0.1)
    for state in states:
        if not state.up:
            say(f"{state.name} is not up: {state.why}")
    return [state.name for state in states if not state.up]


def _check_ports(layout: Layout) -> None:
    """Raise CaiyouError with the way out when another program has one of our ports."""
    taken = []
    for name, port in layout.ports.by_name().items():
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((HOST, port))
            except OSError:
                taken.append(f"{port} ({name})")
    if taken:
        raise CaiyouError(f"in use on {HOST} by another program: port {', '.join(taken)}; try PORT_BASE=20000")


def _check_machine() -> None:
    """Raise CaiyouError with the way out when root, a user or the interpreter is missing."""
    if os.geteuid() != 0:
        raise CaiyouError("run as root: the servers need users of their own")
    known = {entry.pw_name for entry in pwd.getpwall()}
    if missing := [user for user in USERS if user not in known]:
        raise CaiyouError(f"no user {', '.join(missing)} on this machine; run sandbox/install")
    tried = subprocess.run([daemons.python(), "-V"], user="caiyou", cwd="/", capture_output=True, check=False)
    if tried.returncode:
        raise CaiyouError(f"user caiyou cannot run {daemons.python()}; run sandbox/venv")


def _make_folders(layout: Layout) -> None:
    for folder in (layout.folder, layout.app, layout.etc, layout.run, layout.log, layout.data):
        files.folder(folder)
    # The mail log is Postfix's to write, `caiyou trace` reads it.
    layout.mail_log.touch()
    shutil.chown(layout.mail_log, "postfix", "caiyou")
    layout.mail_log.chmod(0o640)
    for parent in layout.folder.parents:
        if not parent.stat().st_mode & 0o001:
            raise CaiyouError(f"{parent} cannot be entered by the servers' users; choose another CAIYOU_SANDBOX")
    layout.remember()


def _copy_checkout(layout: Layout) -> None:
    for part in (*PACKAGES, *CONFIGURATION):
        source, target = CHECKOUT / part, layout.app / part
        if files.digest(source) != files.digest(target):
            files.replace_tree(source, target)
