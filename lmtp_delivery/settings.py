"""Settings of the LMTP agent, table ``[lmtp]``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, field_validator

from caiyou.settings import Table


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server listens: a unix socket, or a host and a port."""

    path: str = ""
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """``unix:/path``, ``HOST:PORT`` or ``[V6]:PORT``; raises ValueError."""
        if text.startswith("unix:"):
            path = text.removeprefix("unix:")
            if not path.startswith("/"):
                raise ValueError(f"{text!r}: expected unix:/absolute/path")
            if len(path.encode()) > 107:
                raise ValueError(f"{text!r}: a unix socket's path has at most 107 octets")
            return cls(path=path)
        host, colon, port = text.rpartition(":")
        if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f"{text!r}: expected unix:/path or HOST:PORT")
        return cls(host=host.strip("[]"), port=int(port))

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.path else f"{self.host}:{self.port}"


class LmtpSettings(Table):
    """The LMTP agent between Postfix and Dovecot."""

    listen: str = Field("unix:/run/caiyou/lmtp/lmtp.sock", description="unix:/path or HOST:PORT")
    processes: int = Field(2, ge=1, le=64, description="worker processes on that one socket; one serves two cores best")
    sessions: int = Field(200, ge=1, description="connections one process serves at once; more hear 421")

    dovecot: str = Field("unix:/run/dovecot/lmtp", description="Dovecot's LMTP for subscribers without mailHost")
    dovecot_port: int = Field(24, gt=0, lt=65536, description="Dovecot's LMTP port on a mailHost")
    pool: int = Field(20, ge=1, description="connections of one process to one storage host")
    doveadm: str = Field("http://127.0.0.1:8080", description="doveadm HTTP API for subscribers without mailHost")
    doveadm_port: int = Field(8080, gt=0, lt=65536, description="doveadm HTTP API on a mailHost")
    doveadm_key_file: Path = Field(Path("/etc/caiyou/doveadm.secret"), description="Dovecot's doveadm_api_key")

    message_bytes: int = Field(100 << 20, ge=1 << 16, description="larger messages are refused; more than Postfix's")
    memory_bytes: int = Field(
        1 << 20, ge=1 << 12, description="what a message may use in memory before it goes to a file"
    )
    spool: Path = Field(Path("/var/tmp"), description="folder of those files")  # noqa: S108 - unnamed, no one can open it
    recipients: int = Field(1000, ge=100, description="recipients of one message; more hear 452 (RFC 5321 4.5.3.1.8)")

    command_s: float = Field(300, gt=0, description="wait for Postfix's next command")
    data_s: float = Field(180, gt=0, description="wait for the next piece of a message (RFC 5321 4.5.3.2.5)")
    connect_s: float = Field(5, gt=0, description="wait for a connection to Dovecot")
    reply_s: float = Field(60, gt=0, description="wait for Dovecot's reply to a command")
    delivery_s: float = Field(300, gt=0, description="wait for each of Dovecot's replies after the message")
    drain_s: float = Field(30, gt=0, description="after SIGTERM, time for deliveries under way")
    remember_s: int = Field(
        6 * 3600,
        ge=60,
        description="how long a delivery is remembered whose reply Postfix may have missed",
    )

    @field_validator("listen", "dovecot")
    @classmethod
    def _endpoint(cls, text: str) -> str:
        Endpoint.parse(text)
        return text

    @field_validator("doveadm")
    @classmethod
    def _url(cls, text: str) -> str:
        if not text.startswith(("http://", "https://")):
            raise ValueError(f"{text!r}: expected http://HOST:PORT")
        return text.rstrip("/")
