"""The part of the command line that is the simulated SMGW's."""

from __future__ import annotations

import argparse
from pathlib import Path

from caiyou.errors import SettingsError
from caiyou.settings import secret
from sandbox.carriers.journal import Journal
from sandbox.carriers.phones import Phones
from sandbox.carriers.smgw import Smgw


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    add = parser.add_argument_group("SMGP").add_argument
    add("--smgw-port", type=int, help="the SMGW; 0: any free port (default: there is none)")
    add("--smgw-client-id", default="90123456", help="ClientID of the SP (default %(default)s)")
    add("--smgw-secret-file", type=Path, help="shared secret of the SP")


def smgw_of(args: argparse.Namespace, phones: Phones) -> list[Smgw]:
    """The SMGW that the command line asks for, or none; raises SettingsError."""
    if args.smgw_port is None:
        return []
    if args.smgw_secret_file is None:
        raise SettingsError("--smgw-port needs --smgw-secret-file")
    secrets = {args.smgw_client_id: secret(args.smgw_secret_file)}
    return [Smgw(secrets, phones, Journal(args.state_dir / "smgw"), args.smgw_port)]
