from __future__ import annotations

from pathlib import Path

import phonenumbers
import pytest
from phonenumbers import carrier

from caiyou.errors import InputError
from caiyou.settings import load
from mail2sms.ported import Ported, build
from mail2sms.routing import Router
from mail2sms.settings import SmsSettings

NAMES = {
    "China Mobile": "mobile",
    "China Unicom": "unicom",
    "China Telecom": "telecom",
    "China Broadnet": "broadnet",
}
LINKS = "".join(
    f'[sms.links.{name}]\ntype = "cmpp"\nhost = "h"\nsp_id = "1"\nsrc_id = "1"\nsecret_file = "/x"\n'
    for name in ("a", "b", "c")
)
ROUTES = """
[sms.routes]
default = ["a"]
unicom = {links = ["b", "a"], then = "spare", price_fen = 5}
spare = {links = ["c", "b"]}
"""


def _settings(tmp_path: Path, text: str) -> SmsSettings:
    path = tmp_path / "caiyou.toml"
    path.write_text(text)
    return load(path).table(SmsSettings)


def _router(tmp_path: Path, choices: str, more: str = "") -> Router:
    return Router(_settings(tmp_path, f"[sms]\n{more}\n{ROUTES}{choices}{LINKS}"))


def _choice(text: str) -> str:
    return f"[[sms.choices]]\n{text}\n"


def test_ranges_agree_with_libphonenumber(tmp_path: Path) -> None:
    router = _router(tmp_path, "")
    known = 0
    for prefix in range(13000, 20000):
        number = f"{prefix}000000"
        name = carrier.name_for_number(phonenumbers.parse(f"+86{number}"), "en")
        if name:
            known += 1
            assert router.carrier_of(f"86{number}") == NAMES[name], number
    assert known > 3000


@pytest.mark.parametrize("number", ["85291234567", "1415", "8610000", ""])
def test_numbers_of_no_mainland_carrier(tmp_path: Path, number: str) -> None:
    assert _router(tmp_path, "").carrier_of(number) == ""


@pytest.mark.parametrize(
    "choices, message, route",
    [
        ("", {}, "default"),
        (_choice('route = "unicom"\ncarrier = "unicom"'), {}, "default"),
        (_choice('route = "unicom"\ncarrier = "mobile"'), {}, "unicom"),
        (_choice('route = "unicom"\nprefixes = ["86137", "86138"]'), {}, "unicom"),
        (_choice('route = "unicom"\nprefixes = ["86139"]\ncarrier = "mobile"'), {}, "unicom"),
        (_choice('route = "unicom"\nprefixes = ["86139"]'), {}, "default"),
        (_choice('route = "unicom"\ndomains = ["example.test"]'), {}, "default"),
        (_choice('route = "unicom"\ndomains = ["example.test"]'), {"domain": "example.test"}, "unicom"),
        (_choice('route = "unicom"\nclasses = ["bulk", "alarm"]'), {"message_class": "bulk"}, "unicom"),
        (_choice('route = "unicom"\nclasses = ["bulk"]'), {"message_class": "alarm"}, "default"),
        (
            _choice('route = "unicom"\ncarrier = "mobile"\nclasses = ["bulk"]\ndomains = ["x.test"]'),
            {"message_class": "bulk"},
            "default",
        ),
        (_choice('route = "unicom"\nclasses = ["bulk"]') + _choice('route = "spare"'), {}, "spare"),
        (_choice('route = "spare"') + _choice('route = "unicom"'), {}, "spare"),
    ],
)
def test_the_first_choice_that_holds_decides(tmp_path: Path, choices: str, message: dict[str, str], route: str) -> None:
    assert _router(tmp_path, choices).way("8613800138000", **message).route == route


def test_a_way_names_its_links_and_those_behind(tmp_path: Path) -> None:
    way = _router(tmp_path, _choice('route = "unicom"')).way("8613000000000")
    assert (way.route, way.links, way.carrier, way.price_fen) == ("unicom", ("b", "a", "c"), "unicom", 5)
    assert way.why == "choice 1"


def test_a_longer_prefix_goes_before_a_shorter_one(tmp_path: Path) -> None:
    carriers = '[sms.carriers]\nbig = ["86138", "1"]\nsmall = ["861380013"]\n'
    router = _router(tmp_path, carriers)
    assert [router.carrier_of(n) for n in ("8613800138000", "8613800148000", "14155550100", "8613900000000")] == [
        "small",
        "big",
        "big",
        "",
    ]


def test_a_number_that_moved_goes_by_its_new_carrier(tmp_path: Path) -> None:
    ported = tmp_path / "ported.sqlite3"
    router = _router(tmp_path, "", f'ported = "{ported}"')
    assert router.carrier_of("8613800138000") == "mobile"
    assert build(ported, ["# moved", "13800138000,telecom", "+85291234567, unicom"], {"telecom", "unicom"}, "CN") == 2
    router = _router(tmp_path, "", f'ported = "{ported}"')
    assert router.carrier_of("8613800138000") == "telecom"
    assert router.carrier_of("8613800138001") == "mobile"
    assert router.carrier_of("85291234567") == "unicom"


def test_a_new_list_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "ported.sqlite3"
    build(path, ["13800138000,telecom"], {"telecom"}, "CN")
    ported = Ported(path)
    assert ported.carrier_of("8613800138000") == "telecom"
    build(path, ["13800138001,telecom"], {"telecom"}, "CN")
    assert [ported.carrier_of("8613800138000") for _ in range(1000)][-1] == ""
    assert ported.carrier_of("8613800138001") == "telecom"


@pytest.mark.parametrize("content", [b"", b"no database at all", b"SQLite format 3\0" + bytes(100)])
def test_a_broken_list_counts_as_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ported.sqlite3"
    path.write_bytes(content)
    assert Ported(path).carrier_of("8613800138000") == ""


@pytest.mark.parametrize(
    "line, says",
    [
        ("13800138000", "line 2: expected number,carrier"),
        ("13800138000,telecom,x", "line 2: expected number,carrier"),
        ("13800138000,telekom", "line 2: carrier 'telekom' is not in sms.carriers (telecom)"),
        ("1380013,telecom", "line 2: "),
    ],
)
def test_a_wrong_line_is_named_and_the_old_list_stays(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "ported.sqlite3"
    build(path, ["13800138000,telecom"], {"telecom"}, "CN")
    with pytest.raises(InputError, match=r".") as error:
        build(path, ["13900139000,telecom", line], {"telecom"}, "CN")
    assert says in str(error.value)
    assert Ported(path).carrier_of("8613800138000") == "telecom"
    assert [entry.name for entry in tmp_path.iterdir()] == ["ported.sqlite3"]
