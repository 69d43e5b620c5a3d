"""Changes, on a real slapd: what is refused, what goes with what, who is asked again."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import ldap
import pytest

from bench.slapd import BASE, Slapd
from caiyou.directory import entry
from caiyou.directory.admin import Admin
from caiyou.errors import AlreadyExists, InputError, NotFound
from caiyou.spool import read

pytestmark = pytest.mark.live


@pytest.mark.parametrize(
    "name", ["", "localhost", "a_b.test", "192.0.2.1", "two words.test", "-x.test", "x" * 64 + ".test"]
)
def test_what_is_no_mail_domain_is_refused(admin: Admin, name: str) -> None:
    with pytest.raises(InputError):
        admin.domains.add(name)


def test_a_domain_exists_once_in_whatever_spelling(admin: Admin) -> None:
    admin.domains.add("一次.test")
    with pytest.raises(AlreadyExists):
        admin.domains.add("xn--4gqz32e.test")
    assert admin.domains.get("XN--4gqz32e.test").name == "一次.test"


def test_a_domain_with_users_goes_only_when_asked(admin: Admin, domain: str) -> None:
    admin.users.add(f"alice@{domain}", password=None, mobile="13800138000")
    admin.rules.add(f"alice@{domain}")
    admin.aliases.add(f"a@{domain}", [f"alice@{domain}"])
    with pytest.raises(InputError, match="has users"):
        admin.domains.remove(domain)
    admin.domains.remove(domain, with_users=True)
    with pytest.raises(NotFound):
        admin.domains.get(domain)
    with pytest.raises(NotFound):
        admin.domains.remove(domain)


@pytest.mark.parametrize(
    "mailbox",
    [
        "../../etc/passwd",
        "a/b",
        ".hidden",
        "a..b",
        "-x",
        "a+b",
        "张三",
        'q"x',
        "a b",
        "",
        "a\0",
        "a" * 65,
        "a,b",
        "a=b",
        "a\nb",
    ],
)
def test_what_cannot_name_a_mailbox_is_refused(admin: Admin, domain: str, mailbox: str) -> None:
    with pytest.raises(InputError):
        admin.users.add(f"{mailbox}@{domain}", password=None)


def test_a_mailbox_in_a_chinese_domain_has_an_ascii_name(admin: Admin) -> None:
    admin.domains.add("彩邮.test")
    admin.users.add("alice@彩邮.test", password=None)
    found = admin.users.get("alice@彩邮.test")
    assert found.mailbox.isascii()
    assert set(found.addresses) == {"alice@彩邮.test", found.mailbox}
    assert [user.mailbox for user in admin.users.all("彩邮.test")] == [found.mailbox]


def test_an_address_belongs_to_one_entry(admin: Admin, domain: str) -> None:
    admin.users.add(f"alice@{domain}", password=None, addresses=[f"al@{domain}"])
    with pytest.raises(AlreadyExists, match=f"al@{domain} belongs to alice@{domain}"):
        admin.users.add(f"bob@{domain}", password=None, addresses=[f"AL@{domain}"])
    with pytest.raises(AlreadyExists):
        admin.aliases.add(f"al@{domain}", ["x@outside.example"])
    with pytest.raises(AlreadyExists):
        admin.users.add(f"alice@{domain}", password=None)
    with pytest.raises(NotFound, match=r"nowhere\.test"):
        admin.users.add(f"bob@{domain}", password=None, addresses=["bob@nowhere.test"])
    with pytest.raises(NotFound):
        admin.users.get(f"bob@{domain}")


def test_one_of_many_who_want_an_address_at_once_gets_it(slapd: Slapd, admin: Admin, domain: str) -> None:
    won, lost = [], []
    ready = threading.Barrier(8)

    def try_it(number: int) -> None:
        mine = Admin(slapd.settings, "racer")
        ready.wait()
        try:
            mine.users.add(f"racer{number}@{domain}", password=None, addresses=[f"prize@{domain}"])
            won.append(number)
        except AlreadyExists:
            lost.append(number)
        finally:
            mine.close()

    threads = [threading.Thread(target=try_it, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 7)
    assert admin.users.get(f"prize@{domain}").mailbox == f"racer{won[0]}@{domain}"


def test_fields_are_set_and_taken_back(admin: Admin, domain: str) -> None:
    alice = f"alice@{domain}"
    admin.users.add(alice, password=None, quota_bytes=5, language="en", warn_percent=70, empty_when_full=["Trash"])
    admin.users.set(
        alice, quota_bytes=None, language=None, warn_percent=None, empty_when_full=None, mobile="13800138000"
    )
    found = admin.users.get(alice)
    assert (found.quota_bytes, found.language, found.warn_percent, found.empty_when_full) == (1000, "zh_CN", 90, ())
    assert found.mobile == "8613800138000"
    admin.users.set(alice, mobile=None, add_addresses=[f"a1@{domain}", f"a2@{domain}"])
    admin.users.set(alice, drop_addresses=[f"a1@{domain}"])
    assert set(admin.users.get(alice).addresses) == {alice, f"a2@{domain}"}
    with pytest.raises(InputError, match="names the mailbox"):
        admin.users.set(alice, drop_addresses=[alice.upper()])
    with pytest.raises(NotFound):
        admin.users.set(alice, drop_addresses=[f"a1@{domain}"])
    with pytest.raises(InputError, match="nothing"):
        admin.users.set(alice)


def test_a_password_is_argon2_and_lets_in(admin: Admin, domain: str, raw: Callable[..., Any], slapd: Slapd) -> None:
    alice = f"alice@{domain}"
    admin.users.add(alice, password="first 密码")
    dn = entry.mailbox_dn(BASE, alice)
    assert raw(dn, "first 密码").whoami_s() == f"dn:{dn}"
    admin.users.set_password(alice, "second")
    with pytest.raises(ldap.INVALID_CREDENTIALS):
        raw(dn, "first 密码")
    assert raw(dn, "second").whoami_s() == f"dn:{dn}"


def test_without_a_password_nobody_gets_in(admin: Admin, domain: str, raw: Callable[..., Any]) -> None:
    admin.users.add(f"alice@{domain}", password=None)
    with pytest.raises(ldap.INVALID_CREDENTIALS):
        raw(entry.mailbox_dn(BASE, f"alice@{domain}"), "x")


def test_a_removed_user_leaves_the_aliases(admin: Admin, domain: str) -> None:
    for name in ("alice", "bob"):
        admin.users.add(f"{name}@{domain}", password=None, mobile="13800138000", addresses=[f"{name}.x@{domain}"])
    admin.rules.add(f"alice@{domain}")
    admin.contacts.add(f"alice@{domain}", "李四", mobile="13900139000")
    admin.aliases.add(f"both@{domain}", [f"alice.x@{domain}", f"bob@{domain}"])
    assert admin.users.remove(f"alice@{domain}") == [f"both@{domain}"]
    assert admin.aliases.get(f"both@{domain}").targets == (f"bob@{domain}",)
    with pytest.raises(NotFound):
        admin.users.get(f"alice@{domain}")


def test_an_alias_is_built_and_taken_down(admin: Admin, domain: str) -> None:
    admin.users.add(f"alice@{domain}", password=None)
    name = f"销售@{domain}"
    admin.aliases.add(name, [f"alice@{domain}"])
    admin.aliases.add(name, ["x@outside.example"])
    assert set(admin.aliases.get(name).targets) == {f"alice@{domain}", "x@outside.example"}
    with pytest.raises(AlreadyExists):
        admin.aliases.add(name, ["x@outside.example"])
    admin.aliases.remove(name, ["x@outside.example"])
    with pytest.raises(InputError, match="without a target"):
        admin.aliases.remove(name, [f"alice@{domain}"])
    assert [alias.address for alias in admin.aliases.all(domain)] == [name]
    for number in ("1", "2"):
        admin.aliases.add(name, member_url=f"ldap:///{BASE}??sub?(ou={number})")
    assert admin.aliases.get(name).member_url == f"ldap:///{BASE}??sub?(ou=2)"
    admin.aliases.remove(name)
    assert list(admin.aliases.all(domain)) == []


def test_an_alias_that_cannot_work_is_refused(admin: Admin, domain: str) -> None:
    admin.aliases.add(f"b@{domain}", ["x@outside.example"])
    admin.aliases.add(f"a@{domain}", [f"b@{domain}"])
    with pytest.raises(InputError, match="circle"):
        admin.aliases.add(f"b@{domain}", [f"a@{domain}"])
    with pytest.raises(InputError, match="itself"):
        admin.aliases.add(f"c@{domain}", [f"C@{domain}"])
    with pytest.raises(NotFound, match="nobody"):
        admin.aliases.add(f"c@{domain}", [f"nobody@{domain}"])
    with pytest.raises(NotFound, match="domain"):
        admin.aliases.add("c@nowhere.test", ["x@outside.example"])
    with pytest.raises(InputError, match="target"):
        admin.aliases.add(f"c@{domain}")
    for url in ("http://x/", "ldap://host/dc=x??sub?(a=b)", "ldap:///??sub?(a=b)", "nonsense"):
        with pytest.raises(InputError, match="ldap:///"):
            admin.aliases.add(f"c@{domain}", member_url=url)
    for url in (f"ldap:///{BASE}??sub?(((ou=Sales)", f"ldap:///{BASE}??sub?(=x)", "ldap:///nowhere??sub?(ou=Sales)"):
        with pytest.raises(InputError, match="malformed"):  # Postfix would put off every mail to it
            admin.aliases.add(f"c@{domain}", member_url=url)


def test_reject_list(admin: Admin, domain: str) -> None:
    alice = f"alice@{domain}"
    admin.users.add(alice, password=None)
    admin.users.reject(alice, ["Spam.Example", "nag@x.example"])
    assert set(admin.users.get(alice).reject) == {"spam.example", "nag@x.example"}
    with pytest.raises(AlreadyExists):
        admin.users.reject(alice, ["spam.example"])
    admin.users.unreject(alice, ["spam.example"])
    assert admin.users.get(alice).reject == ("nag@x.example",)
    with pytest.raises(NotFound):
        admin.users.unreject(alice, ["spam.example"])


def test_a_rule_switches_notification_on_and_takes_a_free_name(admin: Admin, domain: str) -> None:
    alice = f"alice@{domain}"
    admin.users.add(alice, password=None)
    with pytest.raises(InputError, match="no mobile"):
        admin.rules.add(alice)
    assert not admin.users.get(alice).notify
    admin.rules.add(alice, notify_to="13900139000")
    assert admin.users.get(alice).notify
    admin.users.set(alice, mobile="13800138000")
    assert admin.rules.add(alice).name == "2"
    admin.rules.remove(alice, "1")
    assert admin.rules.add(alice).name == "1"
    with pytest.raises(AlreadyExists):
        admin.rules.add(alice, name="2")
    with pytest.raises(NotFound):
        admin.rules.remove(alice, "*")


def test_names_with_every_hostile_character_are_names(admin: Admin, domain: str) -> None:
    alice = f"alice@{domain}"
    admin.users.add(alice, password=None)
    names = ["a,b", "x=y+z", '"q"', "back\\slash", "#hash", "(*)", "<>;", "张,三", "cn=admin,dc=caiyou"]
    for name in names:
        admin.contacts.add(alice, name, mobile="13800138000")
    assert sorted(contact.name for contact in admin.contacts.all(alice)) == sorted(names)
    for name in names:
        admin.contacts.remove(alice, name)
    assert list(admin.contacts.all(alice)) == []


def test_each_step_is_recorded_even_while_redis_is_away(admin: Admin, slapd: Slapd, domain: str) -> None:
    admin.users.add(f"audited@{domain}", password="hidden-word", mobile="13800138000")
    admin.users.set_password(f"audited@{domain}", "hidden-word")
    admin.users.remove(f"audited@{domain}")
    records = list(read(slapd.settings.site.spool / "admin.sqlite3"))
    events = [json.loads(json.loads(record)["event"]) for record in records]
    mine = [event for event in events if event.get("subscriber") == f"audited@{domain}"]
    assert [event["result"].split()[0] for event in mine] == ["user.add", "user.passwd", "user.remove"]
    assert {event["kind"] for event in mine} == {"admin.changed"}
    assert {event["detail"]["actor"] for event in mine} == {"tester"}
    assert "hidden-word" not in "".join(records)
