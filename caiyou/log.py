"""Log lines: queue id first, key=value, one INFO line per outcome; numbers masked, never a body or a password."""

from __future__ import annotations

import logging
import sys

FORMAT = "%(asctime)s %(name)s[%(process)d]: %(levelname)s: %(message)s"


def setup(level: str = "INFO") -> None:
    """Log to standard error (systemd's journal or the sandbox's file keeps it)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(FORMAT))
    logging.basicConfig(level=level, handlers=[handler], force=True)


def line(queue_id: str | None, **fields: object) -> str:
    """``QUEUEID: key=value, key=value``; control characters and the separators inside a value are escaped."""
    return f"{_value(queue_id or '-')}: " + ", ".join(f"{k}={_value(v)}" for k, v in fields.items() if v is not None)


def _value(value: object) -> str:
    text = str(value).encode("utf-8", "backslashreplace").decode("utf-8")
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return '"' + text.replace('"', r"\"") + '"' if "," in text or '"' in text or " " in text else text
