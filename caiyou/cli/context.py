"""The directory, open for changes by whoever is logged in."""

from __future__ import annotations

import getpass
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from caiyou.directory.admin import Admin


@contextmanager
def admin() -> Iterator[Admin]:
    """Close it at the end; raises SettingsError."""
    from caiyou import log
    from caiyou.directory.admin import Admin
    from caiyou.settings import current

    log.setup("WARNING")
    logging.getLogger("caiyou.directory").setLevel("CRITICAL")  # what is down is told by the error itself
    opened = Admin(current(), _who())
    try:
        yield opened
    finally:
        opened.close()


def _who() -> str:
    """For the audit log: whoever stands behind sudo."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a number without a name in a container
        return f"uid {os.getuid()}"
