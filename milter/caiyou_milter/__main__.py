"""``caiyou-milter``: in the foreground until SIGTERM, as an unprivileged user."""

from __future__ import annotations

import grp
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path

from redis.backoff import NoBackoff
from redis.retry import Retry

from caiyou import daemon, log, queues
from caiyou.directory.lookup import Directory
from caiyou.errors import OutboxDown, SettingsError
from caiyou.outbox import Outbox
from caiyou.settings import Settings
from caiyou_milter import filter as milter
from caiyou_milter.facts import Blacklist, QuotaMirror
from caiyou_milter.services import Services
from caiyou_milter.settings import MAX_SOCKET_PATH_OCTETS, MilterSettings

logger = logging.getLogger("caiyou.milter")

_STOP = {signal.SIGTERM, signal.SIGINT}


def main() -> int:
    """0 after SIGTERM, 78 when the settings are wrong."""
    daemon.parser(
        "caiyou-milter", "Refuse, scan and trigger notifications beside Postfix (smtpd_milters)."
    ).parse_args()
    settings = daemon.begin("caiyou-milter")
    # For _stop_on_signal; every other thread holds them back.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    try:
        services = _services(settings, settings.table(MilterSettings))
        _listen(services)
    except SettingsError as error:
        print(f"caiyou-milter: {error}", file=sys.stderr)
        return daemon.EX_CONFIG
    threading.Thread(target=_stop_on_signal, args=(services,), name="stop", daemon=True).start()
    logger.info(log.line(None, status="listening", socket=services.settings.socket))
    milter.serve()
    return 0


def _services(settings: Settings, table: MilterSettings) -> Services:
    try:
        outbox = Outbox(settings, "milter")
    except OutboxDown as error:
        raise SettingsError(f"site.spool cannot be used: {error}") from None
    directory = Directory(settings)
    client = queues.connect(settings)
    client.set_retry(Retry(NoBackoff(), 0))  # an unknown figure refuses nobody, a long wait would
    return Services(
        settings=table,
        facts=directory,
        blacklist=Blacklist(directory, table.blacklist_cache_s),
        usage=QuotaMirror(client, settings.redis.quota_prefix),
        outbox=outbox,
        folder=settings.site.spool,
    )


def _listen(services: Services) -> None:
    """Open the socket with the permissions asked for; raises SettingsError saying why it cannot be."""
    table = services.settings
    path = table.socket
    if len(os.fsencode(path)) > MAX_SOCKET_PATH_OCTETS:
        raise SettingsError(f"{path}: milter.socket is longer than {MAX_SOCKET_PATH_OCTETS} octets")
    mode = int(table.socket_mode, 8)
    try:
        group_id = grp.getgrnam(table.socket_group).gr_gid if table.socket_group else -1
        _remove_stale(path)
        os.umask(0o777 & ~mode)
        milter.listen(services)
        os.chown(path, -1, group_id)
        path.chmod(mode)
    except KeyError:
        raise SettingsError(f"milter.socket_group: no group {table.socket_group}") from None
    except (OSError, milter.MilterError) as error:
        raise SettingsError(f"{path}: milter.socket cannot be opened: {error}") from None
    finally:
        os.umask(0o077)  # what is spooled is nobody else's to read


def _remove_stale(path: Path) -> None:
    """A socket that nobody serves is what an earlier milter left."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
    raise SettingsError(f"{path}: another process serves milter.socket")


def _stop_on_signal(services: Services) -> None:
    """End at once: a mail in the middle of a session gets 451 from Postfix, and what was accepted is recorded.

    libmilter waits for the same signals in a thread of its own. The kernel asks this one first, being the older; only
    a signal that comes before it waits here is libmilter's, which then ends within five seconds.
    """
    number = signal.sigwait(_STOP)
    logger.info(log.line(None, status="stopping", signal=signal.Signals(number).name))
    services.settings.socket.unlink(missing_ok=True)
    services.outbox.close()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
