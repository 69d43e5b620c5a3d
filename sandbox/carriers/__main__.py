"""``python -m sandbox.carriers``: the simulated carrier as a process. SIGTERM ends it in order."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import secrets
import signal
import sys
from pathlib import Path

import uvloop
from aiohttp import web

from caiyou import log
from caiyou.errors import CaiyouError, InputError, SettingsError
from caiyou.settings import secret
from sandbox.carriers import smgw_options, smsc_options
from sandbox.carriers.carrier import Carrier
from sandbox.carriers.ismg import Ismg
from sandbox.carriers.journal import Journal
from sandbox.carriers.modem import Modem
from sandbox.carriers.phones import Phones, number_of
from sandbox.carriers.provider import Provider
from sandbox.carriers.smg_options import add_arguments as add_smg_arguments
from sandbox.carriers.smg_options import smg_of
from sandbox.carriers.web import application

SECRET_FILE = "ismg.secret"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.carriers", description="Simulated ISMG and phones.")
    parser.add_argument("--cmpp-port", type=int, required=True, help="CMPP 2.0 and 3.0; 0: any free port")
    parser.add_argument("--http-port", type=int, required=True, help="phones, faults, figures; 0: any free port")
    parser.add_argument("--state-dir", type=Path, required=True, help="keeps the SUBMITs taken, across restarts")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default %(default)s)")
    parser.add_argument("--sp-id", action="append", help="an SP; may be repeated (default 901234)")
    parser.add_argument(
        "--secret-file",
        action="append",
        type=Path,
        help=f"shared secret of the --sp-id at the same place (default STATE_DIR/{SECRET_FILE}, made when missing)",
    )
    parser.add_argument("--provider-port", type=int, help="HTTP provider; 0: any free port; absent: none")
    parser.add_argument("--provider-secret-file", type=Path, help="its secret (default: that of the first --sp-id)")
    parser.add_argument("--provider-callback", default="", help="URL it calls while no client has named one")
    parser.add_argument("--modem-device", type=Path, help="GSM modem: link to its terminal; absent: none")
    parser.add_argument("--modem-number", default="8613900001111", help="of its SIM (default %(default)s)")
    parser.add_argument("--phone", action="append", default=[], help="a number to show from the start; may be repeated")
    parser.add_argument("--ring", type=int, default=10_000, help="messages kept per phone (default %(default)s)")
    parser.add_argument("--most", type=int, default=200_000, help="messages kept in all (default %(default)s)")
    add_smg_arguments(parser)
    smgw_options.add_arguments(parser)
    smsc_options.add_arguments(parser)
    return parser.parse_args()


def registered(args: argparse.Namespace) -> dict[str, str]:
    """SP_Id to secret; raises SettingsError."""
    sp_ids = args.sp_id or ["901234"]
    files = args.secret_file or [_own_secret(args.state_dir)]
    if len(sp_ids) != len(files):
        raise SettingsError(f"{len(sp_ids)} --sp-id but {len(files)} --secret-file")
    if bad := [sp_id for sp_id in sp_ids if not (sp_id.isascii() and sp_id.isalnum() and len(sp_id) <= 6)]:
        raise SettingsError(f"--sp-id {bad[0]!r} is not 1-6 letters or digits")
    return {sp_id: secret(file) for sp_id, file in zip(sp_ids, files, strict=True)}


async def serve(args: argparse.Namespace) -> None:
    """Run until SIGTERM or SIGINT."""
    phones = Phones(args.ring, args.most)
    for number in reversed(args.phone):
        phones.add(number_of(number))
    carriers: list[Carrier] = [*smg_of(args, phones)]
    carriers.append(Ismg(registered(args), phones, Journal(args.state_dir), args.cmpp_port))
    if args.provider_port is not None:
        known = (
            secret(args.provider_secret_file) if args.provider_secret_file else next(iter(registered(args).values()))
        )
        journal = Journal(args.state_dir / "provider")
        carriers.append(Provider(known, phones, journal, args.provider_port, args.provider_callback))
    carriers += smgw_options.smgw_of(args, phones)
    carriers += smsc_options.smsc_of(args, phones)
    if args.modem_device is not None:
        journal = Journal(args.state_dir / "modem")
        carriers.append(Modem(args.modem_device, number_of(args.modem_number), phones, journal))
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    runner = web.AppRunner(application(carriers, phones, args.host), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, args.host, args.http_port)
    await site.start()
    where = [await carrier.start(args.host) for carrier in carriers]
    print(f"carriers: ready {' '.join(where)} http={args.host}:{runner.addresses[0][1]}", flush=True)
    working = [asyncio.create_task(carrier.run(), name=carrier.name) for carrier in carriers]
    stop = asyncio.create_task(stopped.wait())
    await asyncio.wait([*working, stop], return_when=asyncio.FIRST_COMPLETED)
    for carrier in carriers:
        await carrier.stop()
    await runner.cleanup()
    for task in working:
        if task.done():
            task.result()
        task.cancel()


def main() -> int:
    """The process; 78 when the command line cannot be followed (EX_CONFIG), 1 on any other failure."""
    args = arguments()
    log.setup()
    try:
        if args.host != "localhost" and not ipaddress.ip_address(args.host).is_loopback:
            raise SettingsError(f"--host {args.host}: only loopback, the carrier is for tests")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(args))
    except (SettingsError, InputError, ValueError) as error:
        print(f"carriers: {error}", file=sys.stderr)
        return 78
    except (CaiyouError, OSError) as error:
        print(f"carriers: {error}", file=sys.stderr)
        return 1
    return 0


def _own_secret(folder: Path) -> Path:
    """The secret file of the state folder, with a random secret when it is new."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / SECRET_FILE
    if not path.exists():
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(secrets.token_hex(16) + "\n", encoding="ascii")
    return path


if __name__ == "__main__":
    sys.exit(main())
