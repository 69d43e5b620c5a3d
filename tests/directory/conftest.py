"""A slapd of the directory's own tests: private folder, free port. `fragile` is one a test may stop and freeze."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import ldap
import pytest

from bench.slapd import BASE, Slapd
from caiyou.directory.admin import Admin
from caiyou.directory.lookup import Directory

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def slapd() -> Iterator[Slapd]:
    server = Slapd()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def fragile() -> Iterator[Slapd]:
    server = Slapd(timeout_s=0.5)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def admin(slapd: Slapd) -> Iterator[Admin]:
    opened = Admin(slapd.settings, "tester")
    yield opened
    opened.close()


@pytest.fixture
def directory(slapd: Slapd) -> Iterator[Directory]:
    opened = Directory(slapd.settings)
    yield opened
    opened.close()


@pytest.fixture
def domain(admin: Admin) -> str:
    """A domain of the test's own."""
    name = f"d{next(_numbers)}.test"
    admin.domains.add(name, quota_bytes=1000)
    return name


@pytest.fixture
def raw(slapd: Slapd) -> Callable[..., Any]:
    """A connection as another program has it, by service name (or DN) and password; nobody without a name."""

    def connect(who: str = "", password: str | None = None) -> Any:
        connection = ldap.initialize(slapd.uri)
        dn = who if not who or "=" in who else f"cn={who},ou=services,{BASE}"
        connection.simple_bind_s(dn, slapd.passwords.get(who, "") if password is None else password)
        return connection

    return connect
