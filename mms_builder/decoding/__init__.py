"""Reads strangers' files in child processes with limits on memory, processor time, wall time and output.

Each process of ours has one helper (``helper.py``), started with the first file. It has the libraries loaded and forks
for every file, so that a file that kills its decoder, or takes it over, meets no other file and no secret of ours.
Several threads may call at the same time: their files are read side by side.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from caiyou.errors import InputError, ServiceDown

MAX_MESSAGE_OCTETS = 65_536  # the job and its arguments, and what is said of its end


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one file may take. ``memory_octets`` comes on top of what the libraries take."""

    memory_octets: int = 512 * 1024 * 1024
    cpu_s: int = 20
    wall_s: float = 40.0
    output_octets: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a job gave back, and what it took."""

    facts: dict[str, Any]
    content: bytes
    peak_octets: int  # resident, libraries and all
    cpu_s: float


def run(job: str, arguments: Mapping[str, object], content: bytes, limits: Limits | None = None) -> Answer:
    """Have a job of ``helper.JOBS`` done on the content of a file.

    Raises InputError with the reason when the file is refused, breaks its decoder or goes beyond the limits;
    ServiceDown when no child can be started; RuntimeError for a bug in the job.
    """
    limits = limits or Limits()
    end, facts, made = _ask({"job": job, "arguments": arguments}, content, limits)
    _accept(end, limits)
    match facts:
        case {"refused": str(reason)}:
            raise InputError(reason)
        case {"memory": _}:
            raise InputError(_too_much_memory(limits))
        case {"bug": str(traceback)}:
            raise RuntimeError(f"{job} failed in the child process:\n{traceback}")
    if end["status"] != 0:
        raise InputError(
            f"the file is broken: its decoder ended with status {os.waitstatus_to_exitcode(end['status'])}"
        )
    return Answer(facts=facts, content=made, peak_octets=end["peak_octets"], cpu_s=end["cpu_s"])


def run_program(argv: Sequence[str], content: bytes, limits: Limits | None = None) -> Answer:
    """Run a program on a file: standard input is the file, and can be sought in; standard output is the answer.

    Raises as ``run``; InputError too when the program ends with an error.
    """
    limits = limits or Limits()
    end, _, made = _ask({"program": list(argv)}, content, limits)
    _accept(end, limits)
    if end["status"] != 0:
        code = os.waitstatus_to_exitcode(end["status"])
        if code == NOT_STARTED:
            raise ServiceDown(f"{argv[0]} cannot be started: is it installed?")
        raise InputError(f"the file is broken: {argv[0].rpartition('/')[2]} ended with status {code}")
    return Answer(facts={}, content=made, peak_octets=end["peak_octets"], cpu_s=end["cpu_s"])


NOT_STARTED = 127  # as a shell says it


def _accept(end: dict[str, Any], limits: Limits) -> None:
    if end["late"]:
        raise InputError(f"the file takes longer than {limits.wall_s:g} s to read")
    status = end["status"]
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU or (number == signal.SIGKILL and end["cpu_s"] >= limits.cpu_s):
            raise InputError(f"the file takes more than {limits.cpu_s} s of processor time to read")
        if number == signal.SIGKILL:
            raise InputError(_too_much_memory(limits))  # by the kernel: the machine ran out of it
        raise InputError(f"the file is broken: its decoder died of {signal.Signals(number).name}")


def _too_much_memory(limits: Limits) -> str:
    return f"the file takes more than {limits.memory_octets // 1024 // 1024} MiB of memory to read"


# --- the helper


class _Helper:
    """The helper process of this process, and the socket to it."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-m", "mms_builder.decoding.helper", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},  # nothing of ours that a file could steal
                    cwd="/",
                )
            except OSError as error:
                self.socket.close()
                raise ServiceDown(f"no process for reading files can be started: {error}") from None

    def end(self) -> None:
        """It ends when its socket closes."""
        self.socket.close()
        if self.pid == os.getpid():
            self._process.wait()


_lock = threading.Lock()
_helper: _Helper | None = None


def stop() -> None:
    """End the helper; the next file starts another."""
    global _helper
    with _lock:
        if _helper is not None:
            _helper.end()
            _helper = None


def _send(message: bytes, files: list[int]) -> None:
    """To the helper; to a new one when there is none, it died, or it is that of the process we forked from."""
    global _helper
    with _lock:
        for last in (False, True):
            if _helper is None or _helper.pid != os.getpid():
                if _helper is not None:
                    _helper.end()
                _helper = _Helper()
            try:
                socket.send_fds(_helper.socket, [message], files)
                return
            except OSError as error:
                _helper.end()
                _helper = None
                if last:
                    raise ServiceDown(f"the process for reading files is gone: {error}") from None


def _ask(request: dict[str, object], content: bytes, limits: Limits) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """How the job ended, what it said and what it made."""
    message = json.dumps(
        request
        | {
            "memory_octets": limits.memory_octets,
            "cpu_s": limits.cpu_s,
            "wall_s": limits.wall_s,
            "output_octets": limits.output_octets,
        }
    ).encode()
    if len(message) > MAX_MESSAGE_OCTETS:
        raise ValueError("arguments too long")
    given, made = os.memfd_create("given"), os.memfd_create("made")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with theirs:
            _write(given, content)
            _send(message, [given, made, theirs.fileno()])
        ours.settimeout(limits.wall_s + 30.0)
        try:
            said = ours.recv(MAX_MESSAGE_OCTETS)
        except TimeoutError:
            said = b""
        if not said:
            raise ServiceDown("the process for reading files gave no answer")
        return json.loads(said), *_read(made, limits.output_octets, framed="job" in request)
    finally:
        ours.close()
        os.close(given)
        os.close(made)


def _write(file: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]
    os.lseek(file, 0, os.SEEK_SET)


def _read(file: int, most: int, *, framed: bool) -> tuple[dict[str, Any], bytes]:
    """A job's facts and content; of a program just the content. A dead job's answer may be empty."""
    size = min(os.fstat(file).st_size, most)
    if not framed:
        return {}, os.pread(file, size, 0)
    head = os.pread(file, 4, 0)
    if len(head) < 4:
        return {}, b""
    (length,) = struct.unpack("!I", head)
    try:
        facts = json.loads(os.pread(file, min(length, size), 4))
    except ValueError:
        raise InputError("the file is broken: its decoder gave no answer that can be read") from None
    if not isinstance(facts, dict):
        raise InputError("the file is broken: its decoder gave no answer that can be read")
    return facts, os.pread(file, max(0, size - 4 - length), 4 + length)
