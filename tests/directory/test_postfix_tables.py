"""What Postfix gets from the directory by the tables in postfix-conf/ldap, asked with its own postmap."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ldap
import pytest

from bench.slapd import BASE, Slapd
from caiyou.address import domain_to_ascii
from caiyou.directory import entry
from caiyou.directory.admin import Admin

pytestmark = pytest.mark.live

TABLES = Path(__file__).parents[2] / "postfix-conf" / "ldap"


@pytest.fixture(scope="module")
def ask(slapd: Slapd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], set[str]]]:
    folder = tmp_path_factory.mktemp("postfix")
    (folder / "main.cf").touch()
    for table in TABLES.glob("*.cf"):
        text = table.read_text(encoding="utf-8")
        (folder / table.name).write_text(f"{text}\nserver_host = {slapd.uri}\nbind_pw = {slapd.passwords['postfix']}\n")

    def query(table: str, key: str) -> set[str]:
        done = subprocess.run(
            ["/usr/sbin/postmap", "-c", folder, "-q", key, f"ldap:{folder}/{table}.cf"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.stderr, done.stderr
        return set(filter(None, done.stdout.strip().split(",")))

    yield query
    shutil.rmtree(folder)


def test_domains_in_every_spelling(ask: Callable[[str, str], set[str]], admin: Admin) -> None:
    admin.domains.add("表.test")
    for spelling in ("表.test", domain_to_ascii("表.test"), "表.TEST"):
        assert ask("domains", spelling) == {"表.test"}
    assert ask("domains", "not-ours.test") == set()


def test_an_address_leads_to_its_mailbox(ask: Callable[[str, str], set[str]], admin: Admin, domain: str) -> None:
    admin.users.add(f"alice@{domain}", password=None, addresses=[f"张三@{domain}"])
    for address in (f"alice@{domain}", f"Alice@{domain}", f"张三@{domain}"):
        assert ask("aliases", address) == {f"alice@{domain}"}
    assert ask("mailboxes", f"alice@{domain}") == {f"alice@{domain}"}
    for hostile in (f"*@{domain}", f"a*@{domain}", f"alice@{domain})(x=*"):
        assert ask("aliases", hostile) == set()


def test_an_alias_leads_to_its_targets(ask: Callable[[str, str], set[str]], admin: Admin, domain: str) -> None:
    admin.users.add(f"alice@{domain}", password=None)
    admin.aliases.add(f"sales@{domain}", [f"alice@{domain}", "x@outside.example"])
    assert ask("aliases", f"sales@{domain}") == {f"alice@{domain}", "x@outside.example"}
    assert ask("senders", f"sales@{domain}") >= {f"alice@{domain}"}
    assert ask("senders", f"alice@{domain}") == {f"alice@{domain}"}


def test_a_dynamic_alias_leads_to_whom_the_directory_finds(
    ask: Callable[[str, str], set[str]], admin: Admin, domain: str, raw: Callable[..., Any]
) -> None:
    for name in ("alice", "bob", "carol"):
        admin.users.add(f"{name}@{domain}", password=None)
    for name in ("alice", "bob"):
        change = [(ldap.MOD_ADD, "departmentNumber", [b"7"])]
        raw("caiyou").modify_s(entry.mailbox_dn(BASE, f"{name}@{domain}"), change)
    url = f"ldap:///{entry.domain_dn(BASE, domain)}??sub?(departmentNumber=7)"
    admin.aliases.add(f"seven@{domain}", ["x@outside.example"], member_url=url)
    assert ask("aliases", f"seven@{domain}") == {f"alice@{domain}", f"bob@{domain}", "x@outside.example"}


def test_a_contact_is_nobodys_address(ask: Callable[[str, str], set[str]], admin: Admin, domain: str) -> None:
    admin.users.add(f"alice@{domain}", password=None)
    admin.contacts.add(f"alice@{domain}", "ghost", mail=[f"ghost@{domain}"])
    for table in ("aliases", "mailboxes", "senders"):
        assert ask(table, f"ghost@{domain}") == set()
