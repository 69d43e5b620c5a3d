"""100,000 handset profiles: each listed once, one page in memory, found as fast as among a few."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator

import pytest

from bench.slapd import BASE, Slapd
from caiyou.directory.admin import Admin
from caiyou.directory.lookup import Directory
from caiyou.directory.model import Handset

pytestmark = pytest.mark.live

PHONES = 100_000


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    ldif = tmp_path_factory.mktemp("phones") / "phones.ldif"
    with ldif.open("w") as file:
        for number in range(PHONES):
            name = f"brand{number % 100} model {number}"
            file.write(
                f"dn: caiyouHandset={name},ou=handsets,{BASE}\nobjectClass: caiyouHandsetEntry\n"
                f"caiyouHandset: {name}\ncaiyouHandsetKind: model\ncaiyouHandsetName: {name.replace(' ', '')}\n"
                "caiyouScreen: 128x128\n\n"
            )
    server = Slapd()
    try:
        server.load(ldif, quick=True)
        server.start()
        yield server
    finally:
        server.close()


def test_each_is_listed_once_and_a_page_is_held(many: Slapd) -> None:
    admin = Admin(many.settings, "tester")
    gc.collect()
    kept = sum(isinstance(thing, Handset) for thing in gc.get_objects())
    most, names = 0, set()
    for number, found in enumerate(admin.handsets.all()):
        names.add(found.name)
        if number % 10_000 == 0:
            most = max(most, sum(isinstance(thing, Handset) for thing in gc.get_objects()))
    admin.close()
    assert len(names) == number + 1 == PHONES
    assert most - kept < 10


def test_a_lookup_goes_by_the_index(many: Slapd) -> None:
    directory = Directory(many.settings)
    agent = "brand77model77777/2.0 (1.0) SymbianOS/7.0s Series60/2.0 Profile/MIDP-2.0 Configuration/CLDC-1.0"
    directory.handset("warm up")
    started = time.monotonic()
    for _ in range(50):
        found = directory.handset(agent)
        assert found is not None
        assert found.name == "brand77 model 77777"
    directory.close()
    assert time.monotonic() - started < 5  # a scan of all takes that long for a few
