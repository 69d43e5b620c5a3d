"""The helper process that reads strangers' files: ``python -m mms_builder.decoding.helper FD``.

It does no decoding itself. For each request it forks a supervisor, which forks the worker, waits for it and says how it
ended. The worker sets its own limits first; they hold for a program that it becomes, too.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from caiyou.errors import InputError
from mms_builder.audio import jobs as melodies
from mms_builder.decoding import MAX_MESSAGE_OCTETS, NOT_STARTED
from mms_builder.images.jobs import fit, inspect

Job = Callable[[BinaryIO, dict[str, Any]], tuple[dict[str, Any], bytes]]

JOBS: dict[str, Job] = {
    "picture.fit": fit,
    "picture.inspect": inspect,
    "melody.inspect": melodies.inspect,
    "melody.imelody": melodies.write_imelody,
    "melody.play": melodies.play,
}

_PROGRAM_OCTETS = 1024 * 1024 * 1024  # of addresses for a program's own libraries (ffmpeg maps some 300 MiB)


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started us
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # supervisors need no waiting for
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        while True:
            message, files, _, _ = socket.recv_fds(requests, MAX_MESSAGE_OCTETS, 3)
            if not message:
                return 0
            if os.fork() == 0:
                requests.close()
                _supervise(json.loads(message), *files)
                os._exit(0)
            for file in files:
                os.close(file)


def _supervise(request: dict[str, Any], given: int, made: int, said: int) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    worker = os.fork()
    if worker == 0:
        os.close(said)
        _work(request, given, made)
    with socket.socket(fileno=said) as asker:
        ended = os.pidfd_open(worker)
        waiting = select.poll()
        waiting.register(ended, select.POLLIN)
        waiting.register(asker, select.POLLIN)  # readable when the asker is gone: it sends nothing
        events = waiting.poll(int(request["wall_s"] * 1000))
        if all(file != ended for file, _ in events):
            os.kill(worker, signal.SIGKILL)
        _, status, usage = os.wait4(worker, 0)
        end = {
            "late": not events,
            "status": status,
            "peak_octets": usage.ru_maxrss * 1024,
            "cpu_s": usage.ru_utime + usage.ru_stime,
        }
        try:
            asker.send(json.dumps(end).encode())
        except OSError:
            return  # nobody waits any more


def _work(request: dict[str, Any], given: int, made: int) -> None:
    """The worker's whole life."""
    code = 1
    try:
        _limit(request)
        if "program" in request:
            _become(request["program"], given, made)
            code = NOT_STARTED
        else:
            facts, content = _result(request, given)
            head = json.dumps(facts).encode()
            with os.fdopen(made, "wb") as answer:
                answer.write(struct.pack("!I", len(head)) + head)
                answer.write(content)
            code = 0
    finally:
        os._exit(code)


def _limit(request: dict[str, Any]) -> None:
    taken = 0 if "program" in request else int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    memory = request["memory_octets"] + (_PROGRAM_OCTETS if "program" in request else taken)
    for what, soft, hard in (
        (resource.RLIMIT_AS, memory, memory),
        (resource.RLIMIT_CPU, request["cpu_s"], request["cpu_s"] + 1),
        (resource.RLIMIT_FSIZE, request["output_octets"], request["output_octets"]),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NOFILE, 64, 64),
    ):
        resource.setrlimit(what, (soft, hard))


def _become(argv: list[str], given: int, made: int) -> None:
    """Returns only when the program cannot be started."""
    os.dup2(given, 0)
    os.dup2(made, 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        os.execv(argv[0], argv)  # noqa: S606  no shell is the point
    except OSError:
        return


def _result(request: dict[str, Any], given: int) -> tuple[dict[str, Any], bytes]:
    try:
        with os.fdopen(given, "rb") as file:
            return JOBS[request["job"]](file, request["arguments"])
    except InputError as error:
        return {"refused": str(error)}, b""
    except MemoryError:
        return {"memory": True}, b""
    except Exception:  # noqa: BLE001  said to the asker, who raises it
        return {"bug": traceback.format_exc(limit=-8)}, b""


if __name__ == "__main__":
    raise SystemExit(main())
