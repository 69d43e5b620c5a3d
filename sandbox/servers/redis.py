"""Redis with an append-only file, as deployed: what it has acknowledged survives kill -9 and a power cut.

``appendfsync everysec`` does not do: while a sync takes long (a busy disk) Redis answers and writes nothing meanwhile.
"""

from __future__ import annotations

from pathlib import Path

from sandbox import files
from sandbox.layout import Layout
from sandbox.ports import HOST
from sandbox.process import Check, Process


def url(layout: Layout) -> str:
    """By the unix socket: less work for each request than TCP. Dovecot's dictionary knows TCP only."""
    return f"unix://{_socket(layout)}?db=0"


def _socket(layout: Layout) -> Path:
    return layout.run / "redis" / "redis.sock"


def prepare(layout: Layout) -> list[Process]:
    """Configure Redis."""
    data = files.folder(layout.data / "redis", "redis", mode=0o700)
    files.folder(layout.run / "redis", "redis", "caiyou", 0o2750)
    conf = files.write(
        layout.etc / "redis.conf",
        f"bind {HOST}\nport {layout.ports.redis}\nunixsocket {_socket(layout)}\nunixsocketperm 770\ndir {data}\n"
        "daemonize no\nappendonly yes\nappendfsync always\nsave ''\nmaxmemory-policy noeviction\n",
    )
    check = Check(address=(HOST, layout.ports.redis), send=b"PING\r\n", expect=b"+PONG")
    command = ("/usr/bin/redis-server", str(conf))
    return [Process(name="redis", command=command, stage=0, user="redis", watched=(conf,), checks=(check,))]
