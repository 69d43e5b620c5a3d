"""Which entries of the blacklist a sender or a client falls under."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiyou.directory.listing import SHORTEST_PREFIX, listed_name, names_of_client, names_of_sender
from caiyou.errors import InputError


@pytest.mark.parametrize(
    "written, name",
    [
        ("Spam.Example", "spam.example"),
        ("@spam.example", "spam.example"),
        (".spam.example", "spam.example"),
        ("xn--fsqu00a.test", "例子.test"),
        ("Someone@Spam.Example", "someone@spam.example"),
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7/32", "192.0.2.7"),
        ("192.0.2.7/24", "192.0.2.0/24"),
        ("2001:DB8:0:0::1/48", "2001:db8::/48"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
    ],
)
def test_an_entry_has_one_name_however_it_is_written(written: str, name: str) -> None:
    assert listed_name(written) == name
    assert listed_name(name) == name


@pytest.mark.parametrize(
    "text", ["", "0.0.0.0/0", "10.0.0.0/7", "::/0", "2000::/3", "1.2.3", "1.2.3.4/33", "a b", "x@", "/"]
)
def test_what_is_no_entry_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        listed_name(text)


def test_a_sender_falls_under_his_address_his_domain_and_those_above() -> None:
    assert list(names_of_sender("Bob@Mail.XN--fsqu00a.test")) == [
        "bob@mail.例子.test",
        "mail.例子.test",
        "例子.test",
        "test",
    ]


@pytest.mark.parametrize("text", ["", "nobody", "a@", "<>", "@"])
def test_a_sender_without_domain_falls_under_none(text: str) -> None:
    assert "" not in list(names_of_sender(text))


def test_a_broken_address_still_has_its_domain() -> None:
    assert list(names_of_sender("two words@spam.example")) == ["spam.example", "example"]


@pytest.mark.parametrize("text", ["", "unknown", "1.2.3", "999.1.1.1", "localhost"])
def test_a_client_without_address_is_in_no_network(text: str) -> None:
    assert list(names_of_client(text)) == []


@pytest.mark.parametrize("text", ["::ffff:192.0.2.7", "[192.0.2.7]", "192.0.2.7"])
def test_a_mapped_client_is_in_the_networks_of_ipv4(text: str) -> None:
    names = list(names_of_client(text))
    assert names[0] == "192.0.2.7"
    assert names[8] == "192.0.2.0/24"
    assert names[-1] == "192.0.0.0/8"


@given(st.ip_addresses().filter(lambda client: getattr(client, "ipv4_mapped", None) is None), st.data())
def test_every_network_that_holds_a_client_is_named_as_the_list_names_it(
    client: ipaddress.IPv4Address | ipaddress.IPv6Address, data: st.DataObject
) -> None:
    length = data.draw(st.integers(SHORTEST_PREFIX[client.version], client.max_prefixlen))
    network = ipaddress.ip_network((client, length), strict=False)
    assert listed_name(str(network)) in list(names_of_client(str(client)))
