"""Which addresses may be connected to: everything that is not plainly in the internet needs the settings' word."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import OutgoingRefused
from appliance.outgoing.addresses import address_of, check, host_of, is_public, permitted

EVERYTHING = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
NOT_PUBLIC = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.8.9.1", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16", "100.100.100.200",
    "::", "::1", "::127.0.0.1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::ffff:0:10.0.0.1", "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1",
    "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::1", "2002:a00:1::", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1",
    "fd00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "2600::5efe:10.0.0.1", "2600::200:5efe:10.0.0.1", "4000::1",
]  # fmt: skip
NEVER_ALLOWED = [
    "0.0.0.0", "169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "224.0.0.1", "255.255.255.255", "::", "::127.0.0.1",
    "2002:7f00:1::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "fe80::1", "ff02::1", "fd00:ec2::254", "100.100.100.200", "168.63.129.16",
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_an_address_of_a_special_network_is_not_public(text: str) -> None:
    assert not is_public(address_of(text))
    with pytest.raises(OutgoingRefused):
        check("a.example", [text], [])


@pytest.mark.parametrize(
    "text", ["8.8.8.8", "1.1.1.1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2606:4700:4700::1111", "2a00:1450::1"]
)
def test_an_address_of_the_internet_is_public(text: str) -> None:
    assert is_public(address_of(text))
    assert check("a.example", [text], []) == ([address_of(text)], False)


@pytest.mark.parametrize("text", NEVER_ALLOWED)
def test_no_setting_opens_link_local_multicast_or_what_hides_another_address(text: str) -> None:
    assert not permitted(address_of(text), EVERYTHING)


@pytest.mark.parametrize("text", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "127.0.0.1", "::1", "fd12::7"])
def test_the_settings_open_a_private_network(text: str) -> None:
    assert permitted(address_of(text), EVERYTHING)
    assert not permitted(address_of(text), [ipaddress.ip_network("10.9.0.0/16"), ipaddress.ip_network("fd13::/16")])


def test_one_bad_address_among_good_ones_refuses_the_host() -> None:
    with pytest.raises(OutgoingRefused, match=r"10\.0\.0\.1"):
        check("a.example", ["8.8.8.8", "10.0.0.1"], [])


def test_a_host_is_inside_only_when_all_its_addresses_are() -> None:
    own = [ipaddress.ip_network("10.0.0.0/8")]
    assert check("a.example", ["10.0.0.1"], own)[1]
    assert not check("a.example", ["10.0.0.1", "8.8.8.8"], own)[1]


@pytest.mark.parametrize(
    "host",
    ["127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.0.0.01", "0x7f.0.0.1", "1.2.3.4.5", "256.1.1.1", "017700000001",
     "[::1%eth0]", "fe80::1%25eth0", "::1%lo", "a%20b", "ex%61mple.com", "", ".", "..", "a..b", "-a.example", "a-.example", "a" * 64 + ".example",
     "a b", "a\x00b", "1.2.3.4..", "١٢٧.0.0.1", "example.0x7f", "0x", ":::", "[::1", "a.example:80", "a/b", "a@b"],
)  # fmt: skip
def test_odd_spellings_of_a_host_are_nothing(host: str) -> None:
    with pytest.raises(OutgoingRefused):
        host_of(host)


@pytest.mark.parametrize(
    ("host", "name"),
    [("Desk.Example.", "desk.example"), ("zammad_web", "zammad_web"), ("127.0.0.1.", "127.0.0.1"), ("[::FFFF:10.0.0.1]", "10.0.0.1"),
     ("[2001:DB8:0::1]", "2001:db8::1"), ("xn--mnchen-3ya.de", "xn--mnchen-3ya.de"), ("4chan.example", "4chan.example")],
)  # fmt: skip
def test_a_host_has_one_spelling(host: str, name: str) -> None:
    assert host_of(host) == name
    assert host_of(name) == name


@given(st.integers(0, 2**32 - 1))
def test_an_address_says_the_same_in_every_dress(number: int) -> None:
    plain = ipaddress.IPv4Address(number)
    for dressed in (f"::ffff:{plain}", f"64:ff9b::{plain}"):
        assert is_public(address_of(dressed)) == is_public(plain)
        assert permitted(address_of(dressed), EVERYTHING) == permitted(plain, EVERYTHING)
    assert not is_public(address_of(f"::{plain}")) or number == 0
    assert not is_public(ipaddress.IPv6Address((0x2002 << 112) | number << 80))


@given(st.ip_addresses())
def test_what_the_library_holds_for_private_is_never_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    """IPv4 in IPv6 is judged by what is inside, which the library does not do in every release."""
    dressed = isinstance(address, ipaddress.IPv6Address) and (
        address.ipv4_mapped or address in ipaddress.ip_network("64:ff9b::/96")
    )
    special = address.is_private or address.is_reserved or address.is_multicast or address.is_link_local
    if special and not dressed:
        assert not is_public(address_of(str(address)))
