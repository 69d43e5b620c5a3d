"""The part of the command line that is the simulated SMSC's."""

from __future__ import annotations

import argparse
from pathlib import Path

from caiyou.errors import SettingsError
from caiyou.settings import secret
from sandbox.carriers.journal import Journal
from sandbox.carriers.phones import Phones
from sandbox.carriers.smsc import Smsc


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    add = parser.add_argument_group("SMPP").add_argument
    add("--smsc-port", type=int, help="the SMSC; 0: any free port (default: there is none)")
    add("--smsc-system-id", default="caiyou", help="system_id of the ESME (default %(default)s)")
    add("--smsc-secret-file", type=Path, help="password of the ESME")


def smsc_of(args: argparse.Namespace, phones: Phones) -> list[Smsc]:
    """The SMSC that the command line asks for, or none; raises SettingsError."""
    if args.smsc_port is None:
        return []
    if args.smsc_secret_file is None:
        raise SettingsError("--smsc-port needs --smsc-secret-file")
    secrets = {args.smsc_system_id: secret(args.smsc_secret_file)}
    return [Smsc(secrets, phones, Journal(args.state_dir / "smsc"), args.smsc_port)]
