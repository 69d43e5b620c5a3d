"""Connections to the LDAP servers: pooled, timed, renewed.

A pool and not one connection for each thread: libmilter starts a thread for every SMTP session, and a bind costs an
argon2 hash. A connection serves one caller at a time, so callers may be on any thread.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import ldap
from ldap.controls import SimplePagedResultsControl
from ldap.ldapobject import SimpleLDAPObject

from caiyou import log
from caiyou.errors import DirectoryDown
from caiyou.settings import LdapSettings, secret

logger = logging.getLogger("caiyou.directory")

Attributes = dict[str, list[bytes]]
Entry = tuple[str, Attributes]

MAX_IDLE = 64
PAGE = 500
SILENT_S = 1.0  # a server that did not answer in time is left alone this long, so that not every lookup waits for it

# The connection or its server is gone, whatever was asked.
_GONE = (
    ldap.SERVER_DOWN,
    ldap.CONNECT_ERROR,
    ldap.TIMEOUT,
    ldap.UNAVAILABLE,
    ldap.BUSY,
    ldap.LOCAL_ERROR,
    ldap.DECODING_ERROR,
)

_T = TypeVar("_T")


class Connections:
    """The servers of ``ldap.uri`` as one: the first that answers serves. Thread-safe; make it after a fork."""

    def __init__(self, settings: LdapSettings) -> None:
        self._settings = settings
        self._idle: deque[tuple[str, SimpleLDAPObject]] = deque()
        self._silent_until: dict[str, float] = {}
        self._down = False

    def search(self, base: str, scope: int, query: str, attributes: list[str], at_most: int = 0) -> list[Entry]:
        """The entries found, ``at_most`` so many (0: all); none where ``base`` does not exist. Raises DirectoryDown."""

        def ask(connection: SimpleLDAPObject) -> list[Entry]:
            if at_most:
                return self._some(connection, base, scope, query, attributes, at_most)
            return self._page(connection, base, scope, query, attributes, 0, b"")[0]

        return self.run(ask)

    def stream(self, base: str, scope: int, query: str, attributes: list[str]) -> Iterator[Entry]:
        """The entries found, page by page in the order of the server's key (RFC 2696); memory holds one page.

        Raises DirectoryDown, midway too: the cursor does not outlive its connection.
        """
        with self._borrowed() as connection:
            page, cookie = self._page(connection, base, scope, query, attributes, PAGE, b"")
            yield from page
            while cookie:
                page, cookie = self._page(connection, base, scope, query, attributes, PAGE, cookie)
                yield from page

    def run(self, operation: Callable[[SimpleLDAPObject], _T]) -> _T:
        """What ``operation`` returns; it is called again with another connection or server where one is gone.

        LDAP's other errors (no such object, constraint violation ...) are the operation's own. Raises DirectoryDown.
        """
        uri, connection, value = self._answered(operation)
        self._give_back(uri, connection)
        return value

    def write(self, operation: Callable[[SimpleLDAPObject], _T]) -> _T:
        """The same for a change, which is asked once: a lost answer does not say that nothing was done."""
        with self._borrowed() as connection:
            return operation(connection)

    def close(self) -> None:
        """Close what is idle."""
        while (kept := self._take_idle()) is not None:
            _unbind(kept[1])

    @contextmanager
    def _borrowed(self) -> Iterator[SimpleLDAPObject]:
        """A connection that has just answered, for one longer exchange. Raises DirectoryDown, from inside too."""
        uri, connection, _ = self._answered(lambda connection: connection.whoami_s())
        try:
            yield connection
        except _GONE as error:
            _unbind(connection)
            raise DirectoryDown(f"{uri}: {explain(error)}") from None
        except ldap.LDAPError:
            self._give_back(uri, connection)
            raise
        except BaseException:  # a stream left midway: its cursor dies with the connection
            _unbind(connection)
            raise
        self._give_back(uri, connection)

    def _answered(self, operation: Callable[[SimpleLDAPObject], _T]) -> tuple[str, SimpleLDAPObject, _T]:
        # What is idle may be dead, as all of it is when slapd was started anew.
        while (kept := self._take_idle()) is not None:
            if self._silent_until.get(kept[0], 0.0) > time.monotonic():
                _unbind(kept[1])  # else each of them costs a timeout of its own
                continue
            with suppress(*_GONE):
                return *kept, self._try(*kept, operation)
        problems = []
        for uri in self._settings.uri:
            if self._silent_until.get(uri, 0.0) > time.monotonic():
                problems.append(f"{uri}: did not answer a moment ago")
                continue
            try:
                connection = self._open(uri)
                value = self._try(uri, connection, operation)
            except _GONE as error:
                problems.append(f"{uri}: {explain(error)}")
                continue
            self._tell(uri, None)
            return uri, connection, value
        problem = "; ".join(problems) or "ldap.uri is empty"
        self._tell("", problem)
        raise DirectoryDown(f"no LDAP server answers: {problem}")

    def _try(self, uri: str, connection: SimpleLDAPObject, operation: Callable[[SimpleLDAPObject], _T]) -> _T:
        try:
            return operation(connection)
        except _GONE as error:
            _unbind(connection)
            self._note_silence(uri, error)
            raise
        except BaseException:
            self._give_back(uri, connection)
            raise

    def _open(self, uri: str) -> SimpleLDAPObject:
        table = self._settings
        connection = ldap.initialize(uri, bytes_strictness="error")
        connection.set_option(ldap.OPT_NETWORK_TIMEOUT, table.timeout_s)
        connection.set_option(ldap.OPT_TIMEOUT, table.timeout_s)
        connection.set_option(ldap.OPT_REFERRALS, 0)
        connection.set_option(ldap.OPT_X_KEEPALIVE_IDLE, 60)
        connection.set_option(ldap.OPT_X_KEEPALIVE_INTERVAL, 10)
        connection.set_option(ldap.OPT_X_KEEPALIVE_PROBES, 3)
        try:
            connection.simple_bind_s(table.bind_dn, secret(table.password_file))
        except ldap.INVALID_CREDENTIALS:
            _unbind(connection)
            raise ldap.CONNECT_ERROR(
                {"desc": f"refuses {table.bind_dn} with the password in {table.password_file}"}
            ) from None
        except ldap.LDAPError as error:
            _unbind(connection)
            self._note_silence(uri, error)
            raise ldap.CONNECT_ERROR({"desc": explain(error)}) from None
        return connection

    def _page(
        self,
        connection: SimpleLDAPObject,
        base: str,
        scope: int,
        query: str,
        attributes: list[str],
        size: int,
        cookie: bytes,
    ) -> tuple[list[Entry], bytes]:
        """One page (all of it with size 0) and the cookie of the next one, empty after the last."""
        controls = [SimplePagedResultsControl(True, size=size, cookie=cookie)] if size else None
        try:
            handle = connection.search_ext(base, scope, query, attributes, serverctrls=controls)
            _, found, _, answers = connection.result3(handle, timeout=self._settings.timeout_s)
        except ldap.NO_SUCH_OBJECT:
            return [], b""
        except _GONE:
            raise
        except ldap.LDAPError as error:  # a limit, an access rule: nothing that a caller's input could bring about
            raise DirectoryDown(f"search refused: {explain(error)}") from None
        entries = [(dn, values) for dn, values in found if dn is not None]
        pages = [a for a in answers if a.controlType == SimplePagedResultsControl.controlType]
        return entries, pages[0].cookie if pages else b""

    def _some(
        self, connection: SimpleLDAPObject, base: str, scope: int, query: str, attributes: list[str], at_most: int
    ) -> list[Entry]:
        """The first entries. Not a page: for one of a scope, slapd goes through the whole directory."""
        found: list[Entry] = []
        handle = connection.search_ext(base, scope, query, attributes, sizelimit=at_most)
        with suppress(ldap.SIZELIMIT_EXCEEDED, ldap.NO_SUCH_OBJECT):
            kind = None
            while kind != ldap.RES_SEARCH_RESULT:
                kind, entries = connection.result(handle, all=0, timeout=self._settings.timeout_s)
                found += entries
        return found

    def _take_idle(self) -> tuple[str, SimpleLDAPObject] | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _give_back(self, uri: str, connection: SimpleLDAPObject) -> None:
        if len(self._idle) < MAX_IDLE:
            self._idle.append((uri, connection))
        else:
            _unbind(connection)

    def _note_silence(self, uri: str, error: ldap.LDAPError) -> None:
        if isinstance(error, ldap.TIMEOUT):
            self._silent_until[uri] = time.monotonic() + SILENT_S

    def _tell(self, uri: str, problem: str | None) -> None:
        """One log line when the directory goes and one when it is back."""
        if problem is not None and not self._down:
            logger.error(log.line(None, directory="down", why=problem))
        elif problem is None and self._down:
            logger.info(log.line(None, directory="up", uri=uri))
        self._down = problem is not None


def _unbind(connection: SimpleLDAPObject) -> None:
    with suppress(ldap.LDAPError):
        connection.unbind_s()


def explain(error: ldap.LDAPError) -> str:
    """OpenLDAP's words without python-ldap's dictionary."""
    detail = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    more = not isinstance(error, ldap.SERVER_DOWN)  # there it is the errno of something else
    words = [str(detail[key]) for key in (("desc", "info") if more else ("desc",)) if detail.get(key)]
    return ": ".join(words) or type(error).__name__
