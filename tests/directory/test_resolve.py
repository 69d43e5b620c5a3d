"""Where mail goes: subscribers, aliases, loops, outside, Chinese, on a real slapd."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest

from bench.slapd import BASE
from caiyou.directory import entry
from caiyou.directory.admin import Admin
from caiyou.directory.lookup import Directory
from caiyou.directory.model import Resolution, State
from caiyou.directory.resolve import MAX_TARGETS

pytestmark = pytest.mark.live


def mailboxes(found: Resolution) -> list[str]:
    return sorted(subscriber.mailbox for subscriber in found.subscribers)


@pytest.fixture
def alias_as_it_comes(raw: Callable[..., Any]) -> Callable[..., None]:
    """An alias as another program writes it, unchecked."""
    connection = raw("caiyou")

    def add(name: str, *targets: str, **more: list[bytes]) -> None:
        record = {
            "objectClass": [b"caiyouAliasEntry"],
            "caiyouAlias": [name.encode()],
            "caiyouOwner": [name.rpartition("@")[2].encode()],
            "caiyouAddress": [name.encode()],
            "caiyouState": [b"active"],
            "caiyouTarget": [target.encode() for target in targets],
            **more,
        }
        connection.add_s(entry.alias_dn(BASE, name), [(key, values) for key, values in record.items() if values])

    return add


def test_a_plain_subscriber_comes_with_his_domains_quota(admin: Admin, directory: Directory, domain: str) -> None:
    admin.users.add(f"alice@{domain}", password=None, mobile="13800138000", name="张三")
    found = directory.resolve(f"Alice@{domain.upper()}")
    (alice,) = found.subscribers
    assert (alice.mailbox, alice.quota_bytes, alice.mobile, alice.name) == (
        f"alice@{domain}",
        1000,
        "8613800138000",
        "张三",
    )
    assert found.domain is not None
    assert found.domain.name == domain
    assert found.known
    assert (found.outside, found.dynamic, found.loop) == ((), False, False)


def test_a_quota_of_his_own_wins_and_zero_is_no_limit(admin: Admin, directory: Directory, domain: str) -> None:
    admin.users.add(f"big@{domain}", password=None, quota_bytes=5000)
    admin.users.add(f"boundless@{domain}", password=None, quota_bytes=0)
    quotas = [directory.resolve(f"{name}@{domain}").subscribers[0].quota_bytes for name in ("big", "boundless")]
    assert quotas == [5000, 0]


def test_a_suspended_domain_suspends_its_subscribers_and_a_closed_one_stays_closed(
    admin: Admin, directory: Directory, domain: str
) -> None:
    admin.users.add(f"alice@{domain}", password=None)
    admin.users.add(f"gone@{domain}", password=None, state="closed")
    admin.domains.set(domain, state="suspended")
    states = [directory.resolve(f"{name}@{domain}").subscribers[0].state for name in ("alice", "gone")]
    assert states == [State.SUSPENDED, State.CLOSED]


def test_unknown_addresses_of_ours_and_of_others_differ(directory: Directory, domain: str) -> None:
    nobody = directory.resolve(f"nobody@{domain}")
    assert (nobody.known, nobody.domain is not None) == (False, True)
    other = directory.resolve("someone@outside.example")
    assert (other.known, other.domain, other.outside) == (True, None, ("someone@outside.example",))


def test_an_alias_with_nested_and_outside_targets_reaches_each_once(
    admin: Admin, directory: Directory, domain: str
) -> None:
    for name in ("alice", "bob"):
        admin.users.add(f"{name}@{domain}", password=None)
    admin.aliases.add(f"a@{domain}", [f"alice@{domain}", f"bob@{domain}"])
    admin.aliases.add(f"b@{domain}", [f"a@{domain}", f"bob@{domain}", "x@outside.example"])
    admin.aliases.add(f"c@{domain}", [f"b@{domain}", f"a@{domain}", "x@outside.example"])
    found = directory.resolve(f"c@{domain}")
    assert mailboxes(found) == [f"alice@{domain}", f"bob@{domain}"]
    assert found.outside == ("x@outside.example",)


def test_a_target_in_another_domain_of_ours_takes_that_domains_quota(
    admin: Admin, directory: Directory, domain: str
) -> None:
    admin.domains.add(f"sub.{domain}", quota_bytes=7777)
    admin.users.add(f"alice@sub.{domain}", password=None, addresses=[f"alice.own@{domain}"])
    admin.aliases.add(f"a@{domain}", [f"alice@sub.{domain}"])
    for address in (f"a@{domain}", f"alice.own@{domain}"):
        (alice,) = directory.resolve(address).subscribers
        assert (alice.domain, alice.quota_bytes) == (f"sub.{domain}", 7777)


@pytest.mark.parametrize("ring", [1, 2, 3, 5])
def test_a_loop_is_stopped_and_told(
    directory: Directory, domain: str, alias_as_it_comes: Callable[..., None], ring: int
) -> None:
    for number in range(ring):
        alias_as_it_comes(f"l{number}@{domain}", f"l{(number + 1) % ring}@{domain}")
    found = directory.resolve(f"l0@{domain}")
    assert (found.loop, found.known) == (True, False)


def test_a_loop_beside_a_way_out_is_no_matter(
    admin: Admin, directory: Directory, domain: str, alias_as_it_comes: Callable[..., None]
) -> None:
    admin.users.add(f"alice@{domain}", password=None)
    alias_as_it_comes(f"a@{domain}", f"b@{domain}")
    alias_as_it_comes(f"b@{domain}", f"a@{domain}", f"alice@{domain}")
    found = directory.resolve(f"a@{domain}")
    assert (mailboxes(found), found.loop) == ([f"alice@{domain}"], False)


def test_two_ways_to_a_dead_end_are_no_loop(
    directory: Directory, domain: str, alias_as_it_comes: Callable[..., None]
) -> None:
    alias_as_it_comes(f"a@{domain}", f"b@{domain}", f"c@{domain}")
    alias_as_it_comes(f"b@{domain}", f"dead@{domain}")
    alias_as_it_comes(f"c@{domain}", f"dead@{domain}")
    found = directory.resolve(f"a@{domain}")
    assert (found.loop, found.known, found.outside) == (False, False, ())


def test_a_suspended_alias_leads_nowhere(
    admin: Admin, directory: Directory, domain: str, alias_as_it_comes: Callable[..., None]
) -> None:
    admin.users.add(f"alice@{domain}", password=None)
    alias_as_it_comes(f"a@{domain}", f"alice@{domain}", caiyouState=[b"suspended"])
    assert not directory.resolve(f"a@{domain}").known


def test_a_dynamic_alias_is_left_to_postfix(admin: Admin, directory: Directory, domain: str) -> None:
    admin.users.add(f"alice@{domain}", password=None)
    admin.aliases.add(f"all@{domain}", [f"alice@{domain}"], member_url=f"ldap:///ou=domains,{BASE}??sub?(ou=Sales)")
    found = directory.resolve(f"all@{domain}")
    assert (found.dynamic, found.known, mailboxes(found)) == (True, True, [f"alice@{domain}"])


def test_what_is_too_wide_or_too_deep_is_left_to_postfix(
    directory: Directory, domain: str, alias_as_it_comes: Callable[..., None]
) -> None:
    alias_as_it_comes(f"wide@{domain}", *(f"t{number}@outside.example" for number in range(MAX_TARGETS + 1)))
    assert directory.resolve(f"wide@{domain}").dynamic
    for number in range(30):
        alias_as_it_comes(f"deep{number}@{domain}", f"deep{number + 1}@{domain}")
    assert directory.resolve(f"deep0@{domain}").dynamic
    assert not directory.resolve(f"deep20@{domain}").dynamic


def test_an_alias_with_hundreds_of_targets_is_asked_for_in_batches(
    directory: Directory, domain: str, alias_as_it_comes: Callable[..., None]
) -> None:
    targets = {f"t{number}@outside.example" for number in range(450)}
    alias_as_it_comes(f"many@{domain}", *targets)
    assert set(directory.resolve(f"many@{domain}").outside) == targets


def test_chinese_addresses_in_every_spelling(admin: Admin, directory: Directory, domain: str) -> None:
    name = f"邮件.{domain}"
    admin.domains.add(name)
    admin.users.add(f"alice@{domain}", password=None, addresses=[f"李四@{name}"])
    admin.aliases.add(f"张三@{name}", [f"alice@{domain}"])
    ascii_name = f"xn--5nq051n.{domain}"
    assert directory.domain(ascii_name) == directory.domain(name)
    for local in ("李四", "张三"):
        for written in (f"{local}@{name}", f"{local}@{ascii_name}", f"{local}@{name.upper()}"):
            assert mailboxes(directory.resolve(written)) == [f"alice@{domain}"], written
    admin.users.add(f"zoe@{domain}", password=None, addresses=[f"zoë@{name}"])
    assert directory.resolve(unicodedata.normalize("NFD", f"ZOË@{name}")).known


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "*@{d}",
        "a*@{d}",
        "alice@{d})(caiyouState=active",
        "*)(caiyouAddress=*@{d}",
        "alice\\2a@{d}",
        "alice\0@{d}",
        "(|(caiyouAddress=*))@{d}",
        '"*"@{d}',
        '"alice@{d})(x=*"@{d}',
        "",
        "@",
        "@{d}",
        "alice",
        "\udcff@{d}",
        "a" * 10_000 + "@{d}",
        "alice@" + "x." * 5_000 + "{d}",
    ],
)
def test_hostile_text_finds_nobody(admin: Admin, directory: Directory, domain: str, text: str) -> None:
    admin.users.add(f"alice@{domain}", password=None)
    text = text.replace("{d}", domain)
    assert not directory.resolve(text).subscribers
    assert directory.subscriber(text) is None
    directory.blacklisted(text, text)
    assert directory.domain(text) is None
    assert directory.rules(text) == []
    assert directory.contact_mobile(text, text) is None
