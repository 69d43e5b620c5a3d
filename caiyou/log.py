"""Log lines: queue id first, key=value, one INFO line per outcome; numbers masked, never a body or a password."""

from __future__ import annotations

import logging
import re
import sys

FORMAT = "%(asctime)s %(name)s[%(process)d]: %(levelname)s: %(message)s"
MAX_VALUE = 300  # characters of one value: what a peer sends cannot flood the log
_PLAIN = re.compile(r"[!#-+\--\[\]-~]+").fullmatch  # printable ASCII without blank, quote, comma, backslash
_ESCAPES = {"\\": r"\\", '"': r"\""}


def setup(level: str = "INFO") -> None:
    """Log to standard error (systemd's journal or the sandbox's file keeps it)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(FORMAT))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # A line says neither where in the source it was written nor by which thread; finding that out costs as much again.
    logging._srcfile = None  # the way the logging HOWTO gives ("Optimization")
    logging.logThreads = logging.logMultiprocessing = False


def line(queue_id: str | None, **fields: object) -> str:
    """``QUEUEID: key=value, key=value``; a field that is None is left out, an Msisdn is masked.

    A value cannot break out of its field or its line: control, format and bidirectional characters are written as
    escapes, a value with a separator in it stands in double quotes, a long one is cut.
    """
    return f"{_value(queue_id or '-')}: " + ", ".join(f"{k}={_value(v)}" for k, v in fields.items() if v is not None)


def _value(value: object) -> str:
    text = str(getattr(value, "masked", value))
    if len(text) > MAX_VALUE:
        text = text[:MAX_VALUE] + "…"
    if _PLAIN(text):
        return text
    if text.isprintable() and '"' not in text and "\\" not in text:  # most of what has a blank in it
        return f'"{text}"' if not text or " " in text or "," in text else text
    escaped = "".join(_ESCAPES.get(c) or (c if c.isprintable() else _unicode_escape(c)) for c in text)
    return f'"{escaped}"' if not text or any(c in text for c in ' ,"') else escaped


def _unicode_escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
