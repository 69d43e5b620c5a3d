"""A process of the sandbox as a value, and how to find out that it is ready."""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Connect, ``send``, and wait until the answer holds ``expect``."""

    address: tuple[str, int] | Path
    send: bytes = b""
    expect: bytes = b""

    def __str__(self) -> str:
        return str(self.address) if isinstance(self.address, Path) else "{}:{}".format(*self.address)

    def passes(self, timeout_s: float = 2.0) -> bool:
        """Whether the server answers as it should, now."""
        family = socket.AF_UNIX if isinstance(self.address, Path) else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as sock, suppress(OSError):
            sock.settimeout(timeout_s)
            sock.connect(str(self.address) if isinstance(self.address, Path) else self.address)
            if self.send:
                sock.sendall(self.send)
            answer = b""
            while self.expect not in answer:
                chunk = sock.recv(4096)
                if not chunk:
                    return False
                answer += chunk
            return True
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What to run and how. It runs in the foreground, is started again when it dies, and logs to standard error.

    ``stage``: those of a stage start together, after all of the stage before are ready.
    ``watched``: files and folders; the process is restarted when they have changed at the next start of the sandbox.
    """

    name: str
    command: tuple[str, ...]
    stage: int
    user: str = "root"
    umask: str = "022"
    environment: dict[str, str] = field(default_factory=dict)
    watched: tuple[Path, ...] = ()
    checks: tuple[Check, ...] = ()
    stop_signal: str = "TERM"
