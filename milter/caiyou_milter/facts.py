"""What the checks ask: the directory, and how full a mailbox is."""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import Any, Protocol

import redis

from caiyou import log, queues
from caiyou.directory.model import Domain, Resolution, Subscriber

logger = logging.getLogger("caiyou.milter")

ASK_AGAIN_S = 5.0
MAX_ANSWERS = 10_000
MAX_IDLE = 64


class Facts(Protocol):
    """Where mail to an address goes, and who may not send. Every method may raise DirectoryDown."""

    def resolve(self, address: str) -> Resolution:
        """Aliases followed to their end."""

    def domain(self, name: str) -> Domain | None:
        """A domain of ours."""

    def subscriber(self, mailbox: str) -> Subscriber | None:
        """By mailbox name."""

    def blacklisted(self, address: str = "", ip: str = "") -> str | None:
        """The entry of the system blacklist that matches a sender, or a client."""


class Blacklist:
    """The system blacklist, each answer used for ``lifetime_s``: few senders and clients send most of the mail.

    Asking for a client means asking for the 33 networks (129 of IPv6) that hold it.
    """

    def __init__(self, facts: Facts, lifetime_s: float) -> None:
        self._facts = facts
        self._lifetime_s = lifetime_s
        self._answers: dict[tuple[str, str], tuple[float, str | None]] = {}

    def entry(self, address: str, client_ip: str) -> str | None:
        """The entry that matches the sender, else the client's; raises DirectoryDown."""
        return (address and self._ask(address, "")) or (client_ip and self._ask("", client_ip)) or None

    def _ask(self, address: str, client_ip: str) -> str | None:
        key, now = (address, client_ip), time.monotonic()
        known = self._answers.get(key)
        if known is not None and now < known[0]:
            return known[1]
        answer = self._facts.blacklisted(address, client_ip)
        if len(self._answers) >= MAX_ANSWERS:
            self._answers.clear()
        self._answers[key] = (now + self._lifetime_s, answer)
        return answer


class Usage(Protocol):
    """How full a mailbox is."""

    def used_bytes(self, mailbox: str) -> int | None:
        """Octets used; None where that is not known now."""


class QuotaMirror:
    """Dovecot's quota_clone figures in Redis. While Redis is away nothing is known, and nobody waits for it.

    It uses the client's connections without the client, which costs as much again as the question.
    """

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self._pool = client.connection_pool
        self._prefix = prefix
        self._idle: deque[Any] = deque(maxlen=MAX_IDLE)
        self._quiet_until = 0.0

    def used_bytes(self, mailbox: str) -> int | None:
        """See Usage. A figure that is no number counts as unknown: Dovecot's own refusal is the backstop."""
        if time.monotonic() < self._quiet_until:
            return None
        try:
            figure = self._ask(queues.quota_key(self._prefix, mailbox))
            return None if figure is None else int(figure)
        except (redis.RedisError, ValueError) as error:
            self._quiet_until = time.monotonic() + ASK_AGAIN_S
            logger.warning(log.line(None, quota="unknown", why=error))
            return None

    def _ask(self, key: str) -> Any:
        try:
            connection: Any = self._idle.pop()
        except IndexError:
            # Not make_connection: the pool counts what it ever made and refuses the 101st, however many are gone.
            connection = self._pool.connection_class(**self._pool.connection_kwargs)
        try:
            connection.send_command("GET", key)
            figure = connection.read_response()
        except redis.RedisError:
            connection.disconnect()
            self._idle.clear()  # as dead as this one
            raise
        self._idle.append(connection)
        return figure
