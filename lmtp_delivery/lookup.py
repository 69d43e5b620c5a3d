"""Who a recipient is, asked on the event loop.

LDAP itself answers many questions on one connection; a thread for each question costs more than the question (measured:
263 against 99 microseconds). So the plain search of a subscriber goes out without a thread, and whatever is not plain
(an alias, no answer, no connection) goes the kernel's blocking way in a small pool, with its failover and its memory.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

import ldap
from ldap.ldapobject import SimpleLDAPObject

from caiyou import log
from caiyou.directory.lookup import Directory
from caiyou.directory.model import Resolution, Subscriber
from caiyou.directory.resolve import ENTRY_ATTRIBUTES
from caiyou.settings import LdapSettings, Settings, secret

logger = logging.getLogger("caiyou.lmtpd")

THREADS = 4
RETRY_S = 1.0

Attributes = dict[str, list[bytes]]


class Lookup:
    """The directory for one event loop. ``start`` it, ``close`` it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.ldap
        self._base = f"ou=domains,{settings.ldap.base}"
        self._directory = _Directory(settings)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="ldap")
        self._wire: _Wire | None = None
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, and stay connected."""
        await self._connect()
        self._keeping = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Close the connections."""
        if self._keeping is not None:
            self._keeping.cancel()
        if self._wire is not None:
            self._wire.close()
        self._threads.shutdown()
        self._directory.close()

    async def find(self, address: str) -> tuple[Subscriber | None, Resolution | None]:
        """Whose own address it is; where it is nobody's, where it leads. Raises DirectoryDown."""
        if self._wire is not None and not self._wire.down:
            try:
                subscriber = await self._ask(self._wire, address)
            except ldap.LDAPError as error:
                self._wire.fail(error)
            else:
                if subscriber is not None:
                    return subscriber, None
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._find, address)

    def _find(self, address: str) -> tuple[Subscriber | None, Resolution | None]:
        subscriber = self._directory.subscriber(address)
        return subscriber, None if subscriber else self._directory.resolve(address)

    async def _ask(self, wire: _Wire, address: str) -> Subscriber | None:
        """What Directory.subscriber says, its one search made here. Raises LDAPError."""
        try:
            self._directory.answers = {}
            return self._directory.subscriber(address)
        except _Wanted as wanted:
            query = wanted.query
        finally:
            self._directory.answers = None
        found = await wire.search(self._base, query)
        try:
            self._directory.answers = {query: found}
            return self._directory.subscriber(address)
        except _Wanted:
            return None  # more than one search: not plain
        finally:
            self._directory.answers = None

    async def _keep(self) -> None:
        while True:
            if self._wire is not None:
                await self._wire.gone.wait()
            await asyncio.sleep(RETRY_S)
            await self._connect()

    async def _connect(self) -> None:
        for uri in self._settings.uri:
            try:
                connection = await asyncio.to_thread(_open, self._settings, uri)
            except ldap.LDAPError as error:
                logger.warning(log.line(None, directory="down", uri=uri, why=error))
                continue
            self._wire = _Wire(connection, self._settings.timeout_s)
            return
        self._wire = None


class _Wanted(Exception):
    """The search that a lookup needs."""

    def __init__(self, query: str) -> None:
        super().__init__(query)
        self.query = query


class _Directory(Directory):
    """A directory whose searches on the event loop are answered from ``answers``, or raise _Wanted."""

    answers: dict[str, list[Attributes]] | None = None  # only within one step of the event loop

    def _search(self, query: str, attributes: list[str] = ENTRY_ATTRIBUTES) -> list[Attributes]:
        if self.answers is None or not _on_event_loop():
            return super()._search(query, attributes)
        if query not in self.answers:
            raise _Wanted(query)
        return self.answers[query]


class _Wire:
    """One LDAP connection, many searches on their way."""

    def __init__(self, connection: SimpleLDAPObject, timeout_s: float) -> None:
        self.down = False
        self.gone = asyncio.Event()
        self._connection = connection
        self._timeout_s = timeout_s
        self._due: dict[int, asyncio.Future[list[Attributes]]] = {}
        self._loop = asyncio.get_running_loop()
        self._descriptor: int = connection.fileno()
        self._loop.add_reader(self._descriptor, self._readable)

    async def search(self, base: str, query: str) -> list[Attributes]:
        """The entries found below ``base``; raises LDAPError."""
        handle = self._connection.search_ext(base, ldap.SCOPE_SUBTREE, query, ENTRY_ATTRIBUTES)
        future: asyncio.Future[list[Attributes]] = self._loop.create_future()
        self._due[handle] = future
        overdue = self._loop.call_later(self._timeout_s, self.fail, ldap.TIMEOUT("no answer in time"))
        try:
            return await future
        finally:
            overdue.cancel()
            self._due.pop(handle, None)

    def close(self) -> None:
        """Drop the connection."""
        self.fail(ldap.SERVER_DOWN("closed"))

    def fail(self, error: ldap.LDAPError) -> None:
        """It is of no use any more: who waits hears so."""
        if self.down:
            return
        self.down = True
        self.gone.set()
        self._loop.remove_reader(self._descriptor)
        for future in self._due.values():
            if not future.done():
                future.set_exception(error)
        try:
            self._connection.unbind_ext_s()
        except ldap.LDAPError as problem:
            logger.debug(log.line(None, directory="unbind", why=problem))

    def _readable(self) -> None:
        try:
            while True:
                kind, found, handle, _ = self._connection.result3(ldap.RES_ANY, all=1, timeout=0)
                if kind is None:
                    return
                future = self._due.get(handle)
                if future is not None and not future.done():
                    future.set_result([attributes for dn, attributes in found if dn is not None])
        except ldap.LDAPError as error:
            # Of a search that slapd refuses or a connection that is gone alike: the blocking way finds out.
            self.fail(error)


def _open(settings: LdapSettings, uri: str) -> SimpleLDAPObject:
    connection = ldap.initialize(uri, bytes_strictness="error")
    connection.set_option(ldap.OPT_NETWORK_TIMEOUT, settings.timeout_s)
    connection.set_option(ldap.OPT_TIMEOUT, settings.timeout_s)
    connection.set_option(ldap.OPT_REFERRALS, 0)
    connection.simple_bind_s(settings.bind_dn, secret(settings.password_file))
    return connection


def _on_event_loop() -> bool:
    return asyncio._get_running_loop() is not None
