"""What a sandbox is, for people and for programs."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from caiyou import queues, settings
from mail2sms import live
from sandbox import site, supervise
from sandbox.layout import Layout
from sandbox.ports import HOST


def as_json(layout: Layout) -> dict[str, Any]:
    """Plain JSON values: folder, settings file, host, ports, processes, accounts."""
    return {
        "folder": str(layout.folder),
        "settings_file": str(layout.settings_file),
        "mail_log": str(layout.mail_log),
        "host": HOST,
        "ports": layout.ports.by_name(),
        "processes": [process_json(state) for state in supervise.states(layout)],
        "accounts": [
            {"address": a.address, "password": a.password, "mobile": a.mobile, "aliases": list(a.aliases)}
            for a in site.ACCOUNTS
        ],
    }


def process_json(state: supervise.State) -> dict[str, Any]:
    """One process as plain JSON values."""
    return {name: getattr(state, name) for name in ("name", "up", "state", "pid", "since_s", "why")}


def status_line(state: supervise.State) -> str:
    """One process for people."""
    if state.up:
        return f"{state.name:15} up    pid {state.pid}, {_span(state.since_s)}"
    return f"{state.name:15} down  {state.state.lower()}" + (f": {state.why}" if state.why else "")


def link_lines(layout: Layout) -> list[str]:
    """The carriers' links as the gateway tells of them; none while Redis does not answer."""
    if not layout.settings_file.exists():
        return []
    found = settings.load(layout.settings_file)
    zone = ZoneInfo(found.site.timezone)
    with queues.connect(found) as store, suppress(redis.RedisError):
        store.set_retry(Retry(NoBackoff(), 0))
        return [_link_line(link, zone) for link in live.read(store, datetime.now(UTC))]
    return []


def _link_line(link: live.LinkNow, zone: ZoneInfo) -> str:
    since = f"since {link.since.astimezone(zone):%H:%M:%S}"
    figures = f"{link.in_flight} of {link.window} in flight, {link.counts['sent']} sent"
    return f"link {link.link:10} {link.state:5} {since}: {link.why}" + (f"; {figures}" if link.up else "")


def summary(layout: Layout) -> str:
    """Addresses, ports and accounts in a few lines."""
    ports = layout.ports
    lines = [
        f"Ports    on {HOST}: MX {ports.smtp}, submission {ports.submission} (STARTTLS, AUTH), IMAP {ports.imap}, "
        f"IMAPS {ports.imaps}, POP3 {ports.pop3}, ManageSieve {ports.sieve}",
        f"         LDAP {ports.ldap}, Redis {ports.redis}, ISMG {ports.ismg}; phones http://{HOST}:{ports.phones}/",
        "Accounts " + "\n         ".join(_account(account) for account in site.ACCOUNTS),
        f"Command  .venv/bin/caiyou --help (settings: {layout.settings_file})",
        f"Files    {layout.folder}: logs in log/, mail in data/mail/, mail that went outside in data/world/",
    ]
    return "\n".join(lines)


def _account(account: site.Account) -> str:
    mobile = f"mobile {account.mobile}" if account.mobile else "no mobile"
    also = f", alias {' '.join(account.aliases)}" if account.aliases else ""
    return f"{account.address} password {account.password}, {mobile}{also}"


def _span(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
