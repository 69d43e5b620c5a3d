"""Cutting what people and phones write into names."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiyou.directory.handsets import MAX_NAMES, key, names_in


@pytest.mark.parametrize(
    "written, name",
    [
        ("Nokia 6600", "nokia6600"),
        ("ＮＯＫＩＡ－６６００", "nokia6600"),
        ("诺基亚6600", "诺基亚6600"),
        ("我用的是诺基亚 N95 8GB", "诺基亚n95"),
        ("诺基亚6600手机", "诺基亚6600"),
        ("6600", "6600"),
        ("Nokia6600/2.0 (5.27.0) SymbianOS/7.0s", "nokia6600"),
        ("Mozilla/5.0 (SymbianOS/9.2; U; Series60/3.1 NokiaE71-1/100.07.57) AppleWebKit/413", "nokiae71"),
        ("SonyEricssonK750c/R1CA", "sonyericssonk750"),
        ("LG/KU990/v10a", "lgku990"),
        ("http://nds1.nds.nokia.com/uaprof/N6600r100.xml", "n6600"),
        ("http://nds1.nds.nokia.com/uaprof/N6600r100.xml", "nds1ndsnokiacomuaprofn6600r100xml"),
        ('"http://wap.sonyericsson.com/UAprof/K750iR101.xml"', "k750i"),
        ("https://x.example/phoneconfig/v3/Profile/v3.rdf?x=1", "v3"),
    ],
)
def test_the_name_is_among_them(written: str, name: str) -> None:
    assert name in names_in(written)


@pytest.mark.parametrize(
    "written, name", [("Nokia66001", "nokia6600"), ("Nokia6600/3310 x", "3310"), ("AppleWebKit/4", "apple")]
)
def test_what_only_looks_like_it_is_not(written: str, name: str) -> None:
    assert name not in names_in(written)


def test_the_likeliest_comes_first() -> None:
    found = names_in("NokiaE71-1/100.07.57")
    assert found.index("nokiae71") < found.index("nokia")


@given(st.text(max_size=2000))
def test_anything_becomes_a_few_names_of_letters_and_digits(written: str) -> None:
    found = names_in(written)
    assert len(found) <= MAX_NAMES
    assert all(name.isalnum() and name == key(name) for name in found)


@pytest.mark.parametrize(
    "written", ["诺" * 5000, "a-" * 5000, "N6600 " * 2000, "/" * 9000, "ß" * 9000, "1a" * 4000, "ﷺ" * 2000]
)
def test_what_is_long_costs_no_time(written: str) -> None:
    started = time.process_time()
    assert len(names_in(written)) <= MAX_NAMES
    assert time.process_time() - started < 0.2
