"""How a daemon starts: ``--help``, the log, the settings; wrong settings are one clear line and exit code 78."""

from __future__ import annotations

import argparse
import sys

from caiyou import log
from caiyou.errors import SettingsError
from caiyou.settings import DEFAULT_FILE, Settings, current

EX_CONFIG = 78  # sysexits.h


def parser(name: str, description: str) -> argparse.ArgumentParser:
    """Its command line; a daemon that takes arguments adds them."""
    return argparse.ArgumentParser(
        prog=name,
        description=f"{description} Runs in the foreground until SIGTERM; logs to standard error.",
        epilog=f"Settings: $CAIYOU_CONFIG, else {DEFAULT_FILE}; `caiyou config` prints them.",
    )


def begin(name: str) -> Settings:
    """Set up the log and check every table of the settings; ends the process when they are wrong."""
    log.setup()
    try:
        settings = current()
        settings.effective()
    except SettingsError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(EX_CONFIG)
    return settings
