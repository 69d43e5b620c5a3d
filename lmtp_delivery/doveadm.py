"""doveadm over HTTP (Dovecot: service doveadm, ``http`` listener): what LMTP cannot ask of a mailbox."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from caiyou.settings import secret
from lmtp_delivery.settings import LmtpSettings

PATH = "/doveadm/v1"
TIMEOUT_S = 30.0


class DoveadmDown(Exception):
    """It did not answer, or not as it should; the text says what."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail in a folder."""

    folder: str
    uid: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Room:
    """A mailbox's quota. ``limit_bytes`` None: no limit."""

    used_bytes: int
    limit_bytes: int | None


class Doveadm:
    """The doveadm of every storage host. ``close`` it."""

    def __init__(self, settings: LmtpSettings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None

    async def room(self, mail_host: str, mailbox: str) -> Room:
        """Used and limit, in steps of 1,024 bytes; raises DoveadmDown."""
        rows = await self._run(mail_host, "quotaGet", user=mailbox)
        storage = next((row for row in rows if row.get("type") == "STORAGE"), None)
        if storage is None:
            raise DoveadmDown("no quota of type STORAGE")
        limit = storage["limit"]
        return Room(int(storage["value"]) << 10, int(limit) << 10 if limit.isdecimal() else None)

    async def oldest(self, mail_host: str, mailbox: str, folder: str) -> list[Mail]:
        """The mails of a folder, oldest first; raises DoveadmDown."""
        rows = await self._run(
            mail_host,
            "fetch",
            user=mailbox,
            field=["uid", "size.virtual", "date.received"],
            query=["mailbox", folder],
        )
        rows.sort(key=lambda row: (row["date.received"], int(row["uid"])))
        return [Mail(folder, int(row["uid"]), int(row["size.virtual"])) for row in rows]

    async def expunge(self, mail_host: str, mailbox: str, folder: str, uids: Sequence[int]) -> None:
        """Delete mails for good; raises DoveadmDown."""
        query = ["mailbox", folder, "uid", ",".join(map(str, uids))]
        await self._run(mail_host, "expunge", user=mailbox, query=query)

    async def holds(self, mail_host: str, mailbox: str, queue_id: str, message_id: str | None, since: float) -> bool:
        """Whether a mail with that queue id in a Received header was saved since then (Unix seconds), in any folder.

        Raises DoveadmDown.
        """
        query = ["mailbox", "*", "savedsince", str(int(since)), "header", "received", f"id {queue_id}"]
        if message_id is not None and message_id.isascii():
            query += ["header", "message-id", message_id]
        return bool(await self._run(mail_host, "search", user=mailbox, query=query))

    async def close(self) -> None:
        """Drop the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _run(self, mail_host: str, command: str, **parameters: object) -> list[dict[str, str]]:
        base = f"http://{mail_host}:{self._settings.doveadm_port}" if mail_host else self._settings.doveadm
        if self._session is None:
            key = base64.b64encode(secret(self._settings.doveadm_key_file).encode()).decode("ascii")
            self._session = aiohttp.ClientSession(
                headers={"Authorization": f"X-Dovecot-API {key}"}, timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)
            )
        try:
            async with self._session.post(base + PATH, json=[[command, parameters, "1"]]) as response:
                if response.status != 200:
                    raise DoveadmDown(f"{base}: HTTP {response.status}")
                answer = json.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise DoveadmDown(f"{base}: {error or 'timed out'}") from None
        try:
            [[kind, rows, _]] = answer
        except (TypeError, ValueError):
            raise DoveadmDown(f"{base}: {command}: unexpected answer") from None
        if kind != "doveadmResponse":
            raise DoveadmDown(f"{base}: {command}: {rows}")
        return list(rows)
