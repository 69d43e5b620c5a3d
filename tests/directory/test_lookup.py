"""The other lookups of the daemons, on a real slapd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bench.slapd import BASE
from caiyou.directory import entry
from caiyou.directory.admin import Admin
from caiyou.directory.lookup import Directory
from caiyou.directory.model import State, WhenScanDown

pytestmark = pytest.mark.live


def test_a_domain_has_its_policy(admin: Admin, directory: Directory) -> None:
    admin.domains.add("policy.test", quota_bytes=123, when_scan_down="pass")
    found = directory.domain("POLICY.test.")
    assert found is not None
    assert (found.name, found.quota_bytes, found.when_scan_down) == ("policy.test", 123, WhenScanDown.PASS)
    assert directory.domain("nowhere.test") is None


def test_a_subscriber_by_mailbox_and_by_every_own_address_but_not_by_alias(
    admin: Admin, directory: Directory, domain: str
) -> None:
    admin.users.add(f"alice@{domain}", password=None, addresses=[f"alice.zhang@{domain}"])
    admin.aliases.add(f"sales@{domain}", [f"alice@{domain}"])
    for address in (f"alice@{domain}", f"Alice.Zhang@{domain}"):
        found = directory.subscriber(address)
        assert found is not None
        assert found.mailbox == f"alice@{domain}"
    assert directory.subscriber(f"sales@{domain}") is None


def test_the_closest_entry_of_the_blacklist_is_named(admin: Admin, directory: Directory) -> None:
    for value in ("bad.test", "worst@mail.bad.test", "198.51.100.0/24", "198.51.100.9", "2001:db8:7::/48"):
        admin.blacklist.add(value)
    assert directory.blacklisted("x@bad.test") == "bad.test"
    assert directory.blacklisted("x@a.b.bad.test") == "bad.test"
    assert directory.blacklisted("Worst@mail.bad.test") == "worst@mail.bad.test"
    assert directory.blacklisted("x@notbad.test") is None
    assert directory.blacklisted(ip="198.51.100.9") == "198.51.100.9"
    assert directory.blacklisted(ip="198.51.100.8") == "198.51.100.0/24"
    assert directory.blacklisted(ip="198.51.101.8") is None
    assert directory.blacklisted(ip="2001:db8:7:ffff::1") == "2001:db8:7::/48"
    assert directory.blacklisted(ip="2001:db8:8::1") is None
    assert directory.blacklisted("x@bad.test", "198.51.100.9") == "bad.test"
    assert directory.blacklisted() is None


def test_rules_and_contacts_belong_to_one_subscriber(admin: Admin, directory: Directory, domain: str) -> None:
    alice, bob = f"alice@{domain}", f"bob@{domain}"
    for mailbox in (alice, bob):
        admin.users.add(mailbox, password=None, mobile="13800138000")
    admin.rules.add(alice, name="boss", senders=["boss@x.example", "老板"], keywords=["合同"], quiet="22:00-07:00")
    admin.rules.add(alice, name="all", notify_to="13900139000", daily_cap=5, urgent_only=True)
    admin.contacts.add(alice, "李四", mail=["李四@例子.test"], mobile="13700137000")
    every, boss = directory.rules(alice)
    assert (every.name, every.notify_to, every.daily_cap, every.urgent_only) == ("all", "8613900139000", 5, True)
    assert (set(boss.senders), boss.keywords, boss.quiet) == ({"boss@x.example", "老板"}, ("合同",), "22:00-07:00")
    assert directory.rules(bob) == []
    for written in ("李四@例子.test", "李四@XN--fsqu00a.test"):
        assert directory.contact_mobile(alice, written) == "8613700137000"
    assert directory.contact_mobile(bob, "李四@例子.test") is None
    assert directory.contact_mobile(alice, "nobody@x.example") is None


def test_a_contact_leads_no_mail_to_its_owner(admin: Admin, directory: Directory, domain: str) -> None:
    admin.users.add(f"alice@{domain}", password=None)
    admin.contacts.add(f"alice@{domain}", "ghost", mail=[f"ghost@{domain}"])
    assert not directory.resolve(f"ghost@{domain}").known


def test_what_other_programs_wrote_wrong_does_no_harm(
    admin: Admin, directory: Directory, domain: str, raw: Callable[..., Any]
) -> None:
    admin.users.add(f"alice@{domain}", password=None)
    values = {"caiyouState": b"napping", "mobile": b"call me", "caiyouQuotaBytes": b"-5", "caiyouWarnPercent": b"80"}
    dn = entry.mailbox_dn(BASE, f"alice@{domain}")
    raw("caiyou").modify_s(dn, [(2, name, [value]) for name, value in values.items()])
    (alice,) = directory.resolve(f"alice@{domain}").subscribers
    assert (alice.state, alice.mobile, alice.quota_bytes) == (State.SUSPENDED, None, 0)


def test_a_change_is_seen_at_once(admin: Admin, directory: Directory, domain: str) -> None:
    admin.users.add(f"alice@{domain}", password=None)
    assert directory.resolve(f"alice@{domain}").subscribers[0].state is State.ACTIVE
    admin.users.suspend(f"alice@{domain}")
    assert directory.resolve(f"alice@{domain}").subscribers[0].state is State.SUSPENDED
    admin.users.remove(f"alice@{domain}")
    assert not directory.resolve(f"alice@{domain}").known
