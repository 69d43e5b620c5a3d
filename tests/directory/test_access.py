"""Who may read and write what: the ACLs, the limits and the uniqueness rules of openldap-conf/config.ldif."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from typing import Any

import ldap
import pytest
from ldap.schema import AttributeType
from ldap.schema.subentry import urlfetch

from bench.slapd import BASE, Slapd
from caiyou.directory import entry
from caiyou.directory.admin import Admin

pytestmark = pytest.mark.live

DOMAINS = f"ou=domains,{BASE}"


@pytest.fixture
def alice(admin: Admin, domain: str) -> str:
    """DN of a subscriber with a rule, a contact and an alias."""
    name = f"alice@{domain}"
    admin.users.add(name, password="secret", mobile="13800138000", quota_bytes=7, name="张三")
    admin.users.add(f"bob@{domain}", password="secret")
    admin.rules.add(name, name="boss")
    admin.contacts.add(name, "李四", mobile="13900139000")
    admin.aliases.add(f"sales@{domain}", [name])
    return entry.mailbox_dn(BASE, name)


def attributes_seen(connection: Any, base: str, scope: int = ldap.SCOPE_SUBTREE) -> set[str]:
    try:
        found = connection.search_s(base, scope)
    except ldap.NO_SUCH_OBJECT:
        return set()
    return {name for _, values in found for name in values}


@pytest.mark.parametrize("who", ["caiyou", "postfix", "dovecot"])
def test_no_service_reads_a_password(raw: Callable[..., Any], alice: str, who: str) -> None:
    connection = raw(who)
    for base in (DOMAINS, f"ou=services,{BASE}"):
        assert "userPassword" not in attributes_seen(connection, base)
    assert connection.search_s(DOMAINS, ldap.SCOPE_SUBTREE, "(userPassword=*)") == []
    with pytest.raises(ldap.LDAPError):
        connection.compare_s(alice, "userPassword", b"secret")


def test_each_service_reads_what_it_needs_and_no_more(raw: Callable[..., Any], alice: str) -> None:
    domain = alice.partition(",")[2]
    postfix, dovecot = attributes_seen(raw("postfix"), domain), attributes_seen(raw("dovecot"), domain)
    both = {"objectClass", "caiyouDomain", "caiyouDomainName", "caiyouState", "caiyouMailbox", "caiyouAddress"}
    assert postfix == both | {"caiyouAlias", "caiyouTarget", "caiyouOwner"}
    assert dovecot == both | {"caiyouQuotaBytes"}
    assert attributes_seen(raw("caiyou"), domain) >= postfix | dovecot | {"mobile", "cn", "caiyouNotify"}


@pytest.mark.parametrize("who", ["postfix", "dovecot"])
def test_rules_and_contacts_do_not_exist_for_mail_servers(raw: Callable[..., Any], alice: str, who: str) -> None:
    names = [dn for dn, _ in raw(who).search_s(alice, ldap.SCOPE_SUBTREE)]
    assert names == [alice]


def test_postfix_finds_the_members_of_a_dynamic_alias_by_what_it_may_not_read(
    raw: Callable[..., Any], alice: str
) -> None:
    ((dn, values),) = raw("postfix").search_s(alice, ldap.SCOPE_SUBTREE, "(mobile=+8613800138000)")
    assert dn == alice
    assert "mobile" not in values


@pytest.mark.parametrize("who", ["postfix", "dovecot"])
def test_mail_servers_write_nothing(raw: Callable[..., Any], alice: str, who: str) -> None:
    with pytest.raises(ldap.INSUFFICIENT_ACCESS):
        raw(who).modify_s(alice, [(ldap.MOD_REPLACE, "caiyouState", [b"closed"])])


def test_nobody_in_particular_sees_nothing(raw: Callable[..., Any], alice: str) -> None:
    for base in (
        BASE,
        DOMAINS,
        alice,
        f"ou=services,{BASE}",
        f"ou=blacklist,{BASE}",
        f"ou=handsets,{BASE}",
        "cn=config",
    ):
        assert attributes_seen(raw(), base) == set()


def test_a_subscriber_sees_himself_and_nobody_else(raw: Callable[..., Any], alice: str) -> None:
    connection = raw(alice, "secret")
    names = [dn for dn, _ in connection.search_s(alice, ldap.SCOPE_SUBTREE)]
    assert len(names) == 3
    assert "userPassword" not in attributes_seen(connection, alice)
    for other in (alice.replace("alice", "bob"), alice.partition(",")[2], DOMAINS, f"ou=blacklist,{BASE}"):
        assert attributes_seen(connection, other) == set()


def test_a_subscriber_changes_his_password_and_nothing_else(raw: Callable[..., Any], alice: str) -> None:
    connection = raw(alice, "secret")
    connection.passwd_s(None, "secret", "newer")
    with pytest.raises(ldap.INVALID_CREDENTIALS):
        raw(alice, "secret")
    connection = raw(alice, "newer")
    for name, value in {"caiyouQuotaBytes": b"0", "caiyouAddress": b"boss@x.test", "caiyouState": b"active"}.items():
        with pytest.raises(ldap.INSUFFICIENT_ACCESS):
            connection.modify_s(alice, [(ldap.MOD_REPLACE, name, [value])])
    with pytest.raises((ldap.INSUFFICIENT_ACCESS, ldap.NO_SUCH_OBJECT)):
        connection.passwd_s(alice.replace("alice", "bob"), None, "mine")
    with pytest.raises(ldap.INSUFFICIENT_ACCESS):
        connection.add_s(f"cn=x,{alice}", [("objectClass", [b"caiyouRule"]), ("cn", [b"x"]), ("caiyouOwner", [b"x"])])


def test_what_slapd_hashes_itself_is_argon2_too(raw: Callable[..., Any], alice: str, slapd: Slapd) -> None:
    raw(alice, "secret").passwd_s(None, "secret", "newer")
    dump = subprocess.run(
        [
            "/usr/sbin/slapcat",
            "-n",
            "1",
            "-F",
            str(slapd.folder / "slapd.d"),
            "-a",
            f"({alice.partition(',')[0]})",
            "-o",
            "ldif-wrap=no",
        ],
        capture_output=True,
        check=True,
        text=True,
    )
    (stored,) = [line.partition(":: ")[2] for line in dump.stdout.splitlines() if line.startswith("userPassword::")]
    assert base64.b64decode(stored).startswith(b"{ARGON2}$argon2i$v=19$m=19456,t=2,p=1$")


def test_caiyou_does_not_touch_the_services(raw: Callable[..., Any]) -> None:
    connection = raw("caiyou")
    for change in ([(ldap.MOD_REPLACE, "userPassword", [b"x"])], [(ldap.MOD_REPLACE, "description", [b"x"])]):
        with pytest.raises((ldap.INSUFFICIENT_ACCESS, ldap.NO_SUCH_OBJECT)):
            connection.modify_s(f"cn=postfix,ou=services,{BASE}", change)


def test_every_attribute_of_a_lookup_is_indexed(slapd: Slapd) -> None:
    config = (slapd.folder / "config.ldif").read_text()
    indexed = {line.split()[1] for line in config.splitlines() if line.startswith("olcDbIndex: ")}
    asked = {
        "caiyouAddress",
        "caiyouDomainName",
        "caiyouMailbox",
        "caiyouListed",
        "caiyouContactAddress",
        "caiyouTarget",
        "caiyouOwner",
        "caiyouBook",
        "caiyouHandset",
        "caiyouHandsetName",
        "caiyouHandsetParent",
    }
    assert asked | {"objectClass"} <= indexed


def test_the_schema_has_an_attribute_for_each_field(slapd: Slapd) -> None:
    _, schema = urlfetch(f"{slapd.uri}/cn=Subschema")
    for table in (entry.DOMAIN, entry.SUBSCRIBER, entry.ALIAS, entry.RULE, entry.CONTACT, entry.LISTED, entry.HANDSET):
        for attribute in table.values():
            assert schema.get_obj(AttributeType, attribute) is not None, attribute
