"""Lists over many entries: each once, one page in memory."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.slapd import BASE, Slapd
from caiyou.directory.admin import Admin
from caiyou.directory.connection import PAGE
from caiyou.directory.model import Subscriber

pytestmark = pytest.mark.live

USERS = 5 * PAGE + 3


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Admin]:
    ldif: Path = tmp_path_factory.mktemp("crowd") / "crowd.ldif"
    above = f"caiyouDomain=crowd.test,ou=domains,{BASE}"
    with ldif.open("w") as file:
        file.write(
            f"dn: {above}\nobjectClass: caiyouDomainEntry\ncaiyouDomain: crowd.test\n"
            "caiyouDomainName: crowd.test\ncaiyouState: active\n\n"
        )
        for number in range(USERS):
            name = f"u{number}@crowd.test"
            file.write(
                f"dn: caiyouMailbox={name},{above}\nobjectClass: inetOrgPerson\nobjectClass: caiyouSubscriber\n"
                f"caiyouMailbox: {name}\ncaiyouOwner: crowd.test\n"
                f"caiyouAddress: {name}\ncaiyouState: active\ncn: u{number}\nsn: u{number}\n\n"
            )
    server = Slapd()
    try:
        server.load(ldif, quick=True)
        server.start()
        admin = Admin(server.settings, "tester")
        yield admin
        admin.close()
    finally:
        server.close()


def test_every_user_is_listed_once(crowded: Admin) -> None:
    names = [user.mailbox for user in crowded.users.all("crowd.test")]
    assert len(names) == len(set(names)) == USERS


def test_a_list_holds_one_page(crowded: Admin) -> None:
    gc.collect()  # what earlier tests left
    kept = sum(isinstance(thing, Subscriber) for thing in gc.get_objects())
    most = 0
    for number, _ in enumerate(crowded.users.all()):
        if number % 400 == 0:
            most = max(most, sum(isinstance(thing, Subscriber) for thing in gc.get_objects()))
    assert most - kept < 10  # values are made one by one; the page itself is LDAP's


def test_a_list_left_midway_leaves_the_rest_alone(crowded: Admin) -> None:
    assert len(list(itertools.islice(crowded.users.all("crowd.test"), 3))) == 3
    assert crowded.users.get("u7@crowd.test").mailbox == "u7@crowd.test"
    assert sum(1 for _ in crowded.users.all("crowd.test")) == USERS


def test_two_lists_at_once_do_not_mix(crowded: Admin) -> None:
    pairs = zip(crowded.users.all("crowd.test"), crowded.users.all("crowd.test"), strict=True)
    assert all(first == second for first, second in pairs)


def test_a_domain_with_thousands_of_users_can_be_removed(crowded: Admin) -> None:
    crowded.domains.remove("crowd.test", with_users=True)
    assert list(crowded.users.all()) == []
    assert list(crowded.domains.all()) == []
