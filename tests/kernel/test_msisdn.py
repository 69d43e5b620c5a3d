from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiyou.errors import InputError
from caiyou.msisdn import Msisdn


@pytest.mark.parametrize(
    "written",
    [
        "13800138000",
        " 13800138000\n",
        "+8613800138000",
        "+86 138 0013 8000",
        "+86-138-0013-8000",
        "0086 138 0013 8000",
        "86 13800138000",
        "8613800138000",
        "(+86) 13800138000",
        "（＋86）13800138000",
        "+86 (0)138 0013 8000",
        "138.0013.8000",
        "138　0013　8000",
        "１３８００１３８０００",
        "＋８６１３８００１３８０００",
        "tel:+8613800138000",
        "TEL: 13800138000",
        "17951 13800138000",  # dialled through a cheap-call prefix
    ],
)
def test_spellings_of_one_chinese_number(written: str) -> None:
    number = Msisdn.parse(written)
    assert number == "8613800138000"
    assert number.national == "13800138000"
    assert number.masked == "86138****8000"
    assert Msisdn.parse("+" + number) == number


@pytest.mark.parametrize(
    "written, region, number",
    [
        ("010-12345678", "CN", "861012345678"),
        ("+852 9123 4567", "CN", "85291234567"),
        ("9123 4567", "HK", "85291234567"),
        ("(415) 555-2671", "US", "14155552671"),
        ("0044 20 7946 0958", "CN", "442079460958"),
    ],
)
def test_other_numbers(written: str, region: str, number: str) -> None:
    assert Msisdn.parse(written, region) == number


@pytest.mark.parametrize(
    "written",
    [
        "",
        "+",
        "0",
        "00",
        "+86",
        "alice",
        "1380013800",  # a digit short
        "138001380001",  # a digit long
        "12345678",  # no area code
        "10086",  # a short number reaches nobody by E.164
        "13800138000;13900139000",
        "13800138000/13900139000",
        "13800138000 ext 5",
        "1-800-FLOWERS",
        "²²²²²²²²²²²",  # isdigit, but no decimal
        "①③⑧００１３８０００",
        "+8618888888888888",
        "9" * 10_000,
        "13800138000\x00",
        "tel:",
        "++8613800138000",
    ],
)
def test_what_is_no_number_is_refused_in_one_short_line(written: str) -> None:
    with pytest.raises(InputError) as caught:
        Msisdn.parse(written)
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)
    assert "expected something like 13800138000" in str(caught.value)
    assert "(1)" not in str(caught.value)  # the library's own words


def test_short_numbers_are_masked_too() -> None:
    assert Msisdn("10658000").masked == "****00"
    assert Msisdn("85291234567").masked == "852****4567"


@given(st.text(max_size=60))
def test_any_text_is_a_number_or_an_input_error(text: str) -> None:
    try:
        number = Msisdn.parse(text)
    except InputError:
        return
    assert number.isascii()
    assert number.isdigit()
    assert 7 <= len(number) <= 15
