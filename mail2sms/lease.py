"""One process per gateway name: a lease in Redis. Whoever lost it must not send (journal.lua, ``send``).

The token names the holder, so that after a kill -9 the next process of the same host takes over at once instead of
waiting for the lease to run out. Other gateways take over the messages of one whose lease is gone.
"""

from __future__ import annotations

import secrets
from importlib.resources import files

import redis.asyncio

from caiyou.holder import holder, is_dead

LEASE_S = 15.0
SCRIPT = files("mail2sms").joinpath("lease.lua").read_text(encoding="utf-8")


def lease_key(gateway: str) -> str:
    """The key that exists while the gateway of that name lives."""
    return f"gateway:{gateway}"


class Lease:
    """The lease of one gateway name."""

    def __init__(self, connection: redis.asyncio.Redis, gateway: str) -> None:
        self._script = connection.register_script(SCRIPT)
        self._connection = connection
        self.key = lease_key(gateway)

    async def take(self) -> str:
        """Try to get it: our new token, or "" while somebody else has it. Redis errors pass through."""
        token = f"{holder()}:{secrets.token_hex(8)}"
        answer = await self._ask(token, "")
        if answer not in ("taken", "kept") and is_dead(answer):
            answer = await self._ask(token, answer)
        return token if answer in ("taken", "kept") else ""

    async def keep(self, token: str) -> bool:
        """Prolong it; False: it is not ours any more."""
        return bool(await self._connection.get(self.key) == token.encode()) and await self._ask(token, "") == "kept"

    async def give_up(self, token: str) -> None:
        """Let it go, at the end."""
        if token and await self._connection.get(self.key) == token.encode():
            await self._connection.delete(self.key)

    async def _ask(self, token: str, dead: str) -> str:
        answer = await self._script(keys=[self.key], args=[token, int(LEASE_S * 1000), dead])
        return bytes(answer).decode("utf-8", "replace")
