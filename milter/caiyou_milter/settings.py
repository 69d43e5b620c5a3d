"""Settings table [milter]."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from caiyou.settings import Table

MAX_SOCKET_PATH_OCTETS = 107  # unix(7): sun_path less its NUL


class MilterSettings(Table):
    """The filter beside Postfix."""

    socket: Path = Field(Path("/run/caiyou/milter/milter.sock"), description="unix socket that Postfix connects to")
    socket_group: str = Field("", description="group that may connect, such as postfix; empty: the daemon's own")
    socket_mode: str = Field("0660", pattern=r"^0[0-7]{3}$", description="permissions of the socket, octal")
    submission_name: str = Field(
        "submission", description="milter_macro_daemon_name of Postfix's submission service; any other name is the MX"
    )
    clamd_socket: Path = Field(Path("/run/clamav/clamd.ctl"), description="clamd's LocalSocket")
    scan_connect_timeout_s: float = Field(2.0, gt=0, le=60)
    scan_timeout_s: float = Field(60.0, gt=0, le=280, description="one message; less than milter_content_timeout")
    scan_max_bytes: int = Field(
        64 << 20, gt=0, description="a longer message counts as not scanned; clamd has StreamMaxLength, too"
    )
    memory_bytes: int = Field(512 << 10, ge=0, description="a longer message waits in a file in site.spool")
    digest_bytes: int = Field(256 << 10, ge=4096, description="how much of a message is read for a notification")
    blacklist_cache_s: float = Field(10.0, ge=0, le=3600, description="how long an answer of the blacklist is used")
    backlog: int = Field(200, ge=1, le=4096, description="connections that wait to be taken")
