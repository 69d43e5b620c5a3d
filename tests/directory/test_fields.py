"""What may be set."""

from __future__ import annotations

from typing import Any

import pytest

from caiyou.directory.admin.fields import checked, contact_addresses, sender
from caiyou.errors import InputError


@pytest.mark.parametrize(
    "field, given, kept",
    [
        ("quota_bytes", 0, 0),
        ("name", " 张三 ", "张三"),
        ("mobile", "+86 138-0013-8000", "8613800138000"),
        ("mobile", "", None),
        ("mobile", None, None),
        ("mail_host", "STORE1.例子.test", "store1.xn--fsqu00a.test"),
        ("empty_when_full", ["trash", "Sent", "TRASH"], ["Trash", "Sent"]),
        ("language", "zh_CN", "zh-CN"),
        ("timezone", "Asia/Shanghai", "Asia/Shanghai"),
        ("quiet", "22:00-07:00", "22:00-07:00"),
        ("keywords", ["合同", "合同"], ["合同"]),
    ],
)
def test_a_good_value_is_kept_in_one_form(field: str, given: Any, kept: Any) -> None:
    assert checked([field], {field: given}) == {field: kept}


@pytest.mark.parametrize(
    "field, given",
    [
        ("quota_bytes", -1),
        ("quota_bytes", 1 << 63),
        ("name", ""),
        ("name", "a\nb"),
        ("name", "x" * 300),
        ("mobile", "not a number"),
        ("mail_host", "two words"),
        ("warn_percent", 0),
        ("warn_percent", 101),
        ("empty_when_full", ["INBOX"]),
        ("language", "Chinese please"),
        ("timezone", "Mars/Olympus"),
        ("timezone", "../../etc/passwd"),
        ("quiet", "22:00"),
        ("quiet", "25:00-07:00"),
        ("quiet", "07:00-07:00"),
        ("by", "pigeon"),
        ("daily_cap", -1),
        ("state", "dead"),
        ("keywords", [""]),
    ],
)
def test_a_bad_value_is_refused(field: str, given: Any) -> None:
    with pytest.raises(InputError):
        checked([field], {field: given})


def test_a_field_that_does_not_exist_is_our_own_mistake() -> None:
    with pytest.raises(TypeError):
        checked(["name"], {"nmae": "x"})


@pytest.mark.parametrize("text", ["192.0.2.0/24", "2001:db8::1", "", "a b"])
def test_a_sender_is_an_address_or_a_domain(text: str) -> None:
    with pytest.raises(InputError):
        sender(text)


def test_an_address_is_listed_in_every_spelling() -> None:
    assert contact_addresses(["李四@例子.test", "李四@XN--fsqu00a.test"]) == ["李四@例子.test", "李四@xn--fsqu00a.test"]
