"""The part of the command line that is the simulated SMG's."""

from __future__ import annotations

import argparse
from pathlib import Path

from caiyou.errors import SettingsError
from caiyou.settings import secret
from sandbox.carriers.journal import Journal
from sandbox.carriers.phones import Phones
from sandbox.carriers.smg import Smg, Sp


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    add = parser.add_argument_group("SGIP").add_argument
    add("--smg-port", type=int, help="the SMG; 0: any free port (default: there is none)")
    add("--smg-name", default="caiyou", help="login name of the SP (default %(default)s)")
    add("--smg-secret-file", type=Path, help="the SP's password")
    add("--smg-node", type=int, default=3_010_099_999, help="the SP's node number (default %(default)s)")
    add("--smg-corp-id", default="99999", help="the SP's corp id (default %(default)s)")
    add("--smg-sp", default="", metavar="HOST:PORT", help="the SP's listener (default: it has none)")
    add("--smg-sp-name", default="smg", help="our login name there (default %(default)s)")
    add("--smg-sp-secret-file", type=Path, help="our password there")


def smg_of(args: argparse.Namespace, phones: Phones) -> list[Smg]:
    """The SMG that the command line asks for, or none; raises SettingsError."""
    if args.smg_port is None:
        return []
    if args.smg_secret_file is None or (args.smg_sp and args.smg_sp_secret_file is None):
        raise SettingsError("--smg-port needs --smg-secret-file, --smg-sp needs --smg-sp-secret-file")
    sp = Sp(
        name=args.smg_name,
        password=secret(args.smg_secret_file),
        node=args.smg_node,
        corp_id=args.smg_corp_id,
        listen=args.smg_sp,
        listen_name=args.smg_sp_name,
        listen_password=secret(args.smg_sp_secret_file) if args.smg_sp else "",
    )
    return [Smg(sp, phones, Journal(args.state_dir / "smg"), args.smg_port)]
