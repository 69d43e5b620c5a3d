from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiyou.address import Address, domain_to_ascii, domain_to_unicode
from caiyou.errors import InputError


@pytest.mark.parametrize(
    "written, parsed, ascii_domain",
    [
        ("Alice@Example.TEST", "alice@example.test", "alice@example.test"),
        ("<alice@example.test>", "alice@example.test", "alice@example.test"),
        ("  alice@example.test.\r\n", "alice@example.test", "alice@example.test"),
        ("张三@例子.test", "张三@例子.test", "张三@xn--fsqu00a.test"),
        ("张三@XN--FSQU00A.test", "张三@例子.test", "张三@xn--fsqu00a.test"),
        ("张三＠例子。test", "张三@例子.test", "张三@xn--fsqu00a.test"),
        ("a@ＥＸＡＭＰＬＥ.test", "a@example.test", "a@example.test"),
        ("Cafe\u0301@example.test", "café@example.test", "café@example.test"),
        ("a@faß.test", "a@faß.test", "a@xn--fa-hia.test"),
        ('"alice"@example.test', "alice@example.test", "alice@example.test"),
        ('"a b"@example.test', '"a b"@example.test', '"a b"@example.test'),
        ('"a@b\\"c"@例子.test', '"a@b\\"c"@例子.test', '"a@b\\"c"@xn--fsqu00a.test'),
        ("a..b.@docomo.test", "a..b.@docomo.test", "a..b.@docomo.test"),
        ("bounce+a=b.test@list_host.test", "bounce+a=b.test@list_host.test", "bounce+a=b.test@list_host.test"),
        ("a@r3---sn.test", "a@r3---sn.test", "a@r3---sn.test"),
        ("a@[192.0.2.1]", "a@[192.0.2.1]", "a@[192.0.2.1]"),
        ("a@[ipv6:2001:DB8::1]", "a@[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]"),
    ],
)
def test_addresses_as_the_world_writes_them(written: str, parsed: str, ascii_domain: str) -> None:
    address = Address.parse(written)
    assert str(address) == parsed
    assert address.ascii_domain == ascii_domain
    assert address.spellings == list(dict.fromkeys([parsed, ascii_domain]))
    assert Address.parse(parsed) == Address.parse(ascii_domain) == address


def test_ascii_is_about_what_needs_smtputf8() -> None:
    assert Address.parse("a@例子.test").is_ascii
    assert not Address.parse("张三@example.test").is_ascii


@pytest.mark.parametrize(
    "written",
    [
        "",
        "alice",
        "alice@",
        "@example.test",
        "@",
        "a@b@c",
        "a b@example.test",
        "a\r\nRCPT TO:<x>@example.test",
        "a\x00@example.test",
        "\ud800@example.test",
        '"a\x07b"@example.test',
        '""@example.test',
        '"a""@example.test',
        '"a\\"@example.test',
        "a@example..test",
        "a@.test",
        "a@-x.test",
        "a@x-.test",
        "a@" + "x" * 64 + ".test",
        "a@" + "x." * 127 + "test",
        "a@☃.test",
        "a@xn--a.test",
        "a@xn--" + "9" * 50 + ".test",
        "a@\ud800.test",
        "a@b/c.test",
        "a@[1.2.3]",
        "a@[::1]",
        "a@[192.0.2.1",
        "x" * 65 + "@example.test",
        "张" * 22 + "@example.test",
        "a@" + "例" * 100_000,
        "a" * 10_000_000,
        "*)(uid=*@example.test",
    ],
)
def test_what_is_no_address_is_refused_in_one_short_line(written: str) -> None:
    with pytest.raises(InputError) as caught:
        Address.parse(written)
    assert len(str(caught.value)) < 600
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "written, u_label, a_label",
    [
        ("Example.TEST.", "example.test", "example.test"),
        ("例子.测试", "例子.测试", "xn--fsqu00a.xn--0zwm56d"),
        ("xn--fsqu00a.XN--0zwm56d", "例子.测试", "xn--fsqu00a.xn--0zwm56d"),
        ("BÜCHER.test", "bücher.test", "xn--bcher-kva.test"),
    ],
)
def test_domains(written: str, u_label: str, a_label: str) -> None:
    assert domain_to_unicode(written) == u_label
    assert domain_to_ascii(written) == a_label


@given(st.text(max_size=80) | st.from_regex(r'"?[a-zA-Z\\" .张]{1,20}"?@[a-zA-Z例ü.-]{1,20}', fullmatch=True))
def test_any_text_is_an_address_in_one_form_or_an_input_error(text: str) -> None:
    try:
        address = Address.parse(text)
    except InputError:
        return
    for spelling in address.spellings:
        assert Address.parse(spelling) == address
        assert not any(c in spelling for c in "\r\n\0")
        spelling.encode("utf-8")
