"""Handset profiles in a real slapd: loaded, found by what people write, inherited, edited, guarded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import ldap
import pytest

from bench.slapd import BASE, Slapd
from caiyou.directory import entry
from caiyou.directory.admin import Admin
from caiyou.directory.lookup import Directory
from caiyou.directory.model import Handset, HandsetKind
from caiyou.errors import AlreadyExists, DirectoryDown, InputError, NotFound
from mms_builder.handset import Picture, Sound
from mms_builder.handsets.resolve import Handsets
from mms_builder.handsets.starting_set import shipped

pytestmark = pytest.mark.live

ABOVE = f"ou=handsets,{BASE}"


@pytest.fixture(scope="module")
def loaded() -> Iterator[Slapd]:
    """A slapd with the starting set, which its tests only read or restore."""
    server = Slapd()
    try:
        server.start()
        opened = Admin(server.settings, "tester")
        opened.handsets.load(shipped())
        opened.close()
        yield server
    finally:
        server.close()


@pytest.fixture
def phones(loaded: Slapd) -> Iterator[Directory]:
    opened = Directory(loaded.settings)
    yield opened
    opened.close()


@pytest.fixture
def keeper(loaded: Slapd) -> Iterator[Admin]:
    opened = Admin(loaded.settings, "tester")
    yield opened
    opened.close()


@pytest.fixture
def emptied() -> Iterator[Slapd]:
    """A slapd without any profile."""
    server = Slapd()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def empty(emptied: Slapd) -> Iterator[Admin]:
    opened = Admin(emptied.settings, "tester")
    yield opened
    opened.close()


def another_program(server: Slapd, name: str, how: int, attribute: str, value: str) -> None:
    """Change a profile as LDAP tools do."""
    connection = ldap.initialize(server.uri)
    connection.simple_bind_s(f"cn=caiyou,ou=services,{BASE}", server.passwords["caiyou"])
    connection.modify_s(entry.handset_dn(BASE, name), [(how, attribute, [value.encode()])])
    connection.unbind_s()


WEBKIT = "AppleWebKit/525 (KHTML, like Gecko) Version/3.0 Safari/525"


@pytest.mark.parametrize(
    "written, name",
    [
        ("诺基亚6600", "nokia 6600"),
        ("nokia 6600", "nokia 6600"),
        ("NOKIA-6600", "nokia 6600"),
        ("ｎｏｋｉａ　６６００", "nokia 6600"),
        ("N6600", "nokia 6600"),
        ("6600", "nokia 6600"),
        ("诺基亚6600手机", "nokia 6600"),
        ("Nokia6600/2.0 (5.27.0) SymbianOS/7.0s Series60/2.0 Profile/MIDP-2.0 Configuration/CLDC-1.0", "nokia 6600"),
        ("http://nds1.nds.nokia.com/uaprof/N6600r100.xml", "nokia 6600"),
        ('"http://nds.nokia.com/uaprof/N6600r200.xml"', "nokia 6600"),
        ("我的手机是诺基亚 N95 8GB", "nokia n95"),
        (f"Mozilla/5.0 (SymbianOS/9.2; U; Series60/3.1 NokiaE71-1/100.07.57; ) {WEBKIT}", "nokia e71"),
        (f"Mozilla/5.0 (SymbianOS/9.4; U; Series60/5.0 NokiaC7-00/012.003; ) {WEBKIT}", "nokia"),
        ("SonyEricssonT68/R501", "sonyericsson t68i"),
        ("SonyEricssonK750i/R1CA Browser/SEMC-Browser/4.2 Profile/MIDP-2.0", "sonyericsson k750i"),
        ("SonyEricssonK750c/R1CA", "sonyericsson k750i"),
        ("索爱k750", "sonyericsson k750i"),
        ("索尼爱立信 K750i", "sonyericsson k750i"),
        ("SonyEricssonX99/R1", "sonyericsson"),
        ("SAMSUNG-SGH-D600E/1.0 Profile/MIDP-2.0", "samsung d600"),
        ("SEC-SGHE700/1.0", "samsung e700"),
        ("三星D600", "samsung d600"),
        ("MOT-V3/0E.42.0DR MIB/2.2.1", "motorola v3"),
        ("摩托罗拉 V3", "motorola v3"),
        ("MOT-V3re/0E.43.0AR", "motorola v3re"),
        ("Mozilla/4.0 (compatible; MSIE 6.0; Linux; Motorola A780;1052) MOT-A780/R52_G Opera 7.50", "motorola a780"),
        ("SIE-S65/25 UP.Browser/7.0", "siemens s65"),
        ("西门子S65", "siemens s65"),
        ("LG/KU990/v10a", "lg ku990"),
        ("LG-KG225 Obigo/WAP1.5", "lg kg225"),
        ("松下X70", "panasonic x70"),
        ("ZTE-F165/1.0 ACS-NF/3.2", "zte f165"),
        ("华为 U8220", "huawei u8220"),
        (f"Mozilla/5.0 (Linux; U; Android 1.5; en-gb; U8220) {WEBKIT}", "huawei u8220"),
        (f"Mozilla/5.0 (Linux; U; Android 2.2; en-us; Nexus One Build/FRF91) {WEBKIT}", "htc nexus-one"),
        (f"Mozilla/5.0 (Linux; Android 10; MI 8) {WEBKIT}", "android"),
        (f"Mozilla/5.0 (iPhone; U; CPU iPhone OS 3_0 like Mac OS X; en-us) {WEBKIT}", "apple iphone"),
        ("iPhone 4S", "apple iphone 4"),
        ("苹果4", "apple iphone 4"),
        ("iPhone 12", "apple iphone"),
        ("BlackBerry8300/4.2.2 Profile/MIDP-2.0", "blackberry 8300"),
        ("http://www.blackberry.net/go/mobile/profiles/uaprof/8300/4.2.2.rdf", "blackberry 8300"),
        ("http://communication-market.siemens.de/portal/UAProf/UAP.aspx?device=S65", "siemens s65"),
        ("oma image rich", "oma image-rich"),
    ],
)
def test_a_phone_is_found_by_what_people_and_phones_write(phones: Directory, written: str, name: str) -> None:
    found = phones.handset(written)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "written",
    [
        "",
        "foo",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64)",
        "*",
        "*)(caiyouHandset=*",
        "nokia*6600)(|(objectClass=*)",
        "\\2a\\00\x00",
        "\udcff\udc80",
        "(" * 500,
        "6" * 600,
        "caiyouHandset=nokia 6600,ou=handsets",
    ],
)
def test_what_names_no_phone_finds_none(phones: Directory, written: str) -> None:
    found = phones.handset(written)
    assert found is None or "nokia" in written  # never everything, never an error


def test_every_profile_is_found_by_each_of_its_names(keeper: Admin, phones: Directory) -> None:
    for profile in keeper.handsets.all():
        assert keeper.handsets.get(profile.name) == profile
        found = phones.handset(profile.name)
        assert found is not None
        assert found.name == profile.name


def test_what_is_shipped_is_what_is_read_back(keeper: Admin) -> None:
    there = {each.name: replace(each, loaded="") for each in keeper.handsets.all()}
    assert there == {each.name: each for each in shipped()}


def test_from_a_name_to_what_the_phone_shows(phones: Directory) -> None:
    handsets = Handsets(phones)
    found = handsets.profile("", "诺基亚7650")
    assert (found.width, found.height, found.max_octets, found.colours) == (176, 208, 102400, 4096)
    assert found.pictures == (Picture.JPEG, Picture.GIF, Picture.PNG, Picture.WBMP)
    assert found.sounds == (Sound.AMR, Sound.MIDI)
    assert found.charsets == ("us-ascii", "utf-8", "utf-16")
    assert not handsets.profile("nokia 3310").mms
    assert handsets.profile("who knows").name == "oma image-rich"
    assert Handsets(phones, "oma image-basic").profile("who knows").max_octets == 30720


def test_an_edited_value_is_seen_at_once_by_all_who_inherit_it(keeper: Admin, phones: Directory) -> None:
    handsets = Handsets(phones)
    keeper.handsets.set("oma image-basic", max_slides=7)
    keeper.handsets.set("nokia 6600", sounds=[], pictures=["image/gif", "image/jpeg"], colours=4)
    try:
        assert handsets.profile("nokia 7650").max_slides == 7
        found = handsets.profile("nokia 6600")
        assert (found.sounds, found.pictures, found.colours) == ((), (Picture.GIF, Picture.JPEG), 4)
    finally:
        keeper.handsets.set("oma image-basic", max_slides=None)
        keeper.handsets.set("nokia 6600", sounds=None, pictures=None, colours=65536)
    assert handsets.profile("nokia 6600").sounds == (Sound.AMR, Sound.MIDI)


def test_while_the_directory_is_down_what_is_known_still_serves() -> None:
    server = Slapd(timeout_s=0.5)
    try:
        server.start()
        admin, directory = Admin(server.settings, "tester"), Directory(server.settings)
        admin.handsets.load(shipped())
        known = directory.handset("Nokia6600/2.0")
        server.stop()
        assert directory.handset("nokia6600/2.0") == known
        with pytest.raises(DirectoryDown):
            directory.handset("nokia 7650")
    finally:
        server.close()


def test_loading_again_leaves_what_somebody_changed(empty: Admin) -> None:
    first = empty.handsets.load(shipped())
    assert (first.added, first.updated, first.kept, first.unchanged) == (len(shipped()), 0, 0, 0)
    again = empty.handsets.load(shipped())
    assert (again.added, again.updated, again.kept) == (0, 0, 0)
    empty.handsets.set("nokia 6600", max_octets=50_000)
    empty.handsets.remove("nokia 3310")
    empty.handsets.add("my phone", parent="nokia")
    newer = [replace(each, note="newer") if each.name.startswith("nokia 6") else each for each in shipped()]
    newer += [Handset(name="my phone", names=("myphone",), parent="samsung")]
    third = empty.handsets.load(newer)
    updated = sum(each.note == "newer" for each in newer) - 1
    assert (third.added, third.updated, third.kept) == (0, updated, 3)
    assert empty.handsets.get("nokia 6600").max_octets == 50_000
    assert empty.handsets.get("nokia 6630").note == "newer"
    assert empty.handsets.get("my phone").parent == "nokia"
    with pytest.raises(NotFound):
        empty.handsets.get("nokia 3310")
    assert empty.handsets.load(newer).updated == 0


def test_what_another_program_edited_stays_too(empty: Admin, emptied: Slapd) -> None:
    empty.handsets.load(shipped())
    another_program(emptied, "nokia 7210", ldap.MOD_REPLACE, "caiyouColours", "16")
    assert empty.handsets.load([replace(each, note="newer") for each in shipped()]).kept == 1
    assert empty.handsets.get("nokia 7210").colours == 16


def test_a_name_that_an_admin_gave_away_is_not_taken_back(empty: Admin) -> None:
    empty.handsets.add("my phone", names=["诺基亚6600"])
    assert empty.handsets.load(shipped()).added == len(shipped())
    assert "诺基亚6600" not in empty.handsets.get("nokia 6600").names
    assert empty.handsets.get("诺基亚6600").name == "my phone"
    assert empty.handsets.load(shipped()).unchanged == len(shipped())


def test_an_admin_adds_a_model_and_its_vendors_names_come_by_themselves(keeper: Admin, phones: Directory) -> None:
    added = keeper.handsets.add(" Nokia  6670 ", parent="诺基亚", names=["小六"], max_octets=107250)
    try:
        assert (added.name, added.parent, added.kind) == ("nokia 6670", "nokia", HandsetKind.MODEL)
        for written in ("诺基亚6670", "Nokia6670/2.0 x", "小六"):
            found = phones.handset(written)
            assert found is not None
            assert (found.name, found.max_octets, found.mms) == ("nokia 6670", 107250, True)
        keeper.handsets.set("nokia 6670", add_names=["老六"], drop_names=["小六"])
        assert phones.handset("小六") is None
        assert phones.handset("老六") is not None
    finally:
        keeper.handsets.remove("nokia 6670")


@pytest.mark.parametrize("name", ["a+b, c=d", 'quote " and \\ back', "#hash <x>", "三星 #1+", "x;y=z", " *()(|& 12"])
def test_a_hostile_name_is_only_a_name(keeper: Admin, name: str) -> None:
    added = keeper.handsets.add(name, parent="nokia")
    try:
        assert keeper.handsets.get(name) == added
        assert [each.name for each in keeper.handsets.chain(name)][:2] == [added.name, "nokia"]
    finally:
        keeper.handsets.remove(name)
    with pytest.raises(NotFound):
        keeper.handsets.get(name)


@pytest.mark.parametrize(
    "name, fields, error",
    [
        ("nokia 6600", {}, (AlreadyExists, InputError)),
        ("N 6600", {}, InputError),
        ("new one", {"parent": "nobody"}, NotFound),
        ("new one", {"names": ["诺基亚6600"]}, InputError),
        ("*", {}, InputError),
        ("", {}, InputError),
        ("a\nb", {}, InputError),
        ("x" * 300, {}, InputError),
        ("new one", {"screen": "5x5"}, InputError),
        ("new one", {"screen": "99999x1"}, InputError),
        ("new one", {"max_octets": 3}, InputError),
        ("new one", {"colours": 1}, InputError),
        ("new one", {"pictures": ["image/jpeg foo"]}, InputError),
        ("new one", {"charsets": ["utf 8"]}, InputError),
        ("new one", {"sources": ["javascript:1"]}, InputError),
        ("new one", {"kind": "brand"}, InputError),
        ("new one", {"max_slides": 0}, InputError),
    ],
)
def test_what_cannot_be_is_refused(keeper: Admin, name: str, fields: dict[str, Any], error: Any) -> None:
    with pytest.raises(error):
        keeper.handsets.add(name, **fields)


def test_nothing_inherits_from_itself(keeper: Admin) -> None:
    with pytest.raises(InputError, match="inherit"):
        keeper.handsets.set("oma image-basic", parent="nokia 6600")
    with pytest.raises(InputError, match="inherit"):
        keeper.handsets.set("nokia 6600", parent="nokia 6600")


def test_a_circle_that_others_made_ends(keeper: Admin, phones: Directory, loaded: Slapd) -> None:
    for one in ("left one", "right one"):
        keeper.handsets.add(one, screen="20x20")
    for one, other in (("left one", "right one"), ("right one", "left one")):
        another_program(loaded, one, ldap.MOD_REPLACE, "caiyouHandsetParent", other)
    found = phones.handset("left one")
    assert found is not None
    assert found.screen == "20x20"
    for one in ("left one", "right one"):
        keeper.handsets.set(one, parent=None)
    for one in ("left one", "right one"):
        keeper.handsets.remove(one)


def test_what_others_inherit_from_is_not_removed(keeper: Admin) -> None:
    with pytest.raises(InputError, match="inherit"):
        keeper.handsets.remove("nokia series-60")
    assert keeper.handsets.get("nokia series-60").name == "nokia series-60"


def test_a_name_that_two_phones_have_names_neither(keeper: Admin, phones: Directory, loaded: Slapd) -> None:
    keeper.handsets.add("twin a")
    keeper.handsets.add("twin b")
    for one in ("twin a", "twin b"):
        another_program(loaded, one, ldap.MOD_ADD, "caiyouHandsetName", "双胞胎1")
    assert phones.handset("双胞胎1") is None
    with pytest.raises(InputError, match="twin a, twin b"):
        keeper.handsets.get("双胞胎1")
    for one in ("twin a", "twin b"):
        keeper.handsets.remove(one)


@pytest.mark.parametrize("who", ["postfix", "dovecot", ""])
def test_only_caiyou_reads_and_writes_profiles(admin: Admin, raw: Callable[..., Any], who: str) -> None:
    if next(admin.handsets.all(), None) is None:
        admin.handsets.add("guarded 1", screen="20x20")
    connection = raw(who)
    with suppress(ldap.NO_SUCH_OBJECT):
        assert connection.search_s(ABOVE, ldap.SCOPE_SUBTREE) == []
    with pytest.raises((ldap.INSUFFICIENT_ACCESS, ldap.NO_SUCH_OBJECT, ldap.STRONG_AUTH_REQUIRED)):
        connection.add_s(
            f"caiyouHandset=evil,{ABOVE}",
            [("objectClass", [b"caiyouHandsetEntry"]), ("caiyouHandset", [b"evil"]), ("caiyouHandsetKind", [b"model"])],
        )
    assert len(raw("caiyou").search_s(ABOVE, ldap.SCOPE_ONELEVEL)) > 0


def test_a_subscriber_names_his_phone(admin: Admin, directory: Directory, domain: str, raw: Callable[..., Any]) -> None:
    name = f"alice@{domain}"
    admin.users.add(name, password="secret", handset=" 诺基亚 6600 ")
    found = directory.subscriber(name)
    assert found is not None
    assert found.handset == "诺基亚 6600"
    mine = raw(entry.mailbox_dn(BASE, name), "secret")
    for base in (ABOVE, f"caiyouHandset=nokia,{ABOVE}"):
        with pytest.raises(ldap.NO_SUCH_OBJECT):
            mine.search_s(base, ldap.SCOPE_SUBTREE)
    admin.users.set(name, handset=None)
    found = directory.subscriber(name)
    assert found is not None
    assert found.handset == ""
    with pytest.raises(InputError):
        admin.users.set(name, handset="x\ny")
