"""What the sinkhole reads off the wire: names, hosts, packets. Whatever bytes come, it never fails."""

from __future__ import annotations

import ssl
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.egress_proof import dns
from deploy.egress_proof.first_bytes import wanted
from deploy.egress_proof.packets import Packet, packet


def asked(name: bytes, kind: int = 1, *, flags: int = 0x0100, count: int = 1) -> bytes:
    labels = b"".join(bytes([len(label)]) + label for label in name.split(b".") if label)
    return struct.pack("!HHHHHH", 77, flags, count, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", kind, 1)


def client_hello(name: str) -> bytes:
    """As OpenSSL writes it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    side = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        side.do_handshake()
    return outgoing.read()


def ethernet(kind: int, body: bytes) -> bytes:
    return bytes(12) + struct.pack("!H", kind) + body


def v4(protocol: int, payload: bytes, *, fragment: int = 0, options: bytes = b"") -> bytes:
    length = 20 + len(options)
    head = struct.pack("!BBHHHBBH", 0x40 | length // 4, 0, length + len(payload), 1, fragment, 64, protocol, 0)
    return ethernet(0x0800, head + bytes([192, 0, 2, 2]) + bytes([198, 51, 100, 7]) + options + payload)


def v6(header: int, payload: bytes) -> bytes:
    head = struct.pack("!IHBB", 6 << 28, len(payload), header, 64)
    return ethernet(0x86DD, head + bytes(16) + bytes.fromhex("20010db8" + "0" * 23 + "5") + payload)


PORTS = struct.pack("!HH", 40_000, 443)


@pytest.mark.parametrize(("kind", "name"), [(1, "A"), (28, "AAAA"), (65, "HTTPS"), (4711, "TYPE4711")])
def test_a_question_is_read_with_its_type(kind: int, name: str) -> None:
    found = dns.question(asked(b"mobile.events.data.example", kind))
    assert found is not None
    assert (found.id, found.name, found.kind) == (77, "mobile.events.data.example", name)


def test_the_root_is_a_name_too() -> None:
    found = dns.question(asked(b"", 2))
    assert found is not None
    assert found.name == "."


def test_every_name_is_answered_with_the_sinkhole() -> None:
    four, six, text = (dns.question(asked(b"a.example", kind)) for kind in (1, 28, 16))
    assert four and six and text
    assert dns.answer(four, "192.0.2.1", "2001:db8::1").endswith(b"\x00\x04\xc0\x00\x02\x01")
    assert dns.answer(six, "192.0.2.1", "2001:db8::1").endswith(bytes.fromhex("0010" + "20010db8" + "0" * 23 + "1"))
    nothing = dns.answer(text, "192.0.2.1", "2001:db8::1")
    assert struct.unpack_from("!HHHHHH", nothing) == (77, 0x8180, 1, 0, 0, 0)
    assert nothing.endswith(text.raw)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        asked(b"a.example")[:11],
        asked(b"a.example")[:-3],  # cut in the type
        asked(b"a.example", flags=0x8180),  # an answer
        asked(b"a.example", count=0),
        struct.pack("!HHHHHH", 1, 0x0100, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1",  # a pointer to itself
        struct.pack("!HHHHHH", 1, 0x0100, 1, 0, 0, 0)
        + (b"\x3f" + b"a" * 63) * 6
        + b"\0\0\1\0\1",  # a name that is too long
    ],
)
def test_what_is_no_question_is_told_from_one(message: bytes) -> None:
    assert dns.question(message) is None


def test_a_name_cannot_forge_a_line_of_the_log() -> None:
    found = dns.question(asked(b"evil\n\x1b[2Jname.example\\x0a"))
    assert found is not None
    assert found.name == "evil\\x0a\\x1b[2Jname.example\\x5cx0a"


def test_the_server_name_of_a_client_hello_is_read() -> None:
    hello = client_hello("mobile.events.data.example")
    assert wanted(hello) == "tls mobile.events.data.example"
    for length in range(1, len(hello)):
        assert wanted(hello[:length]).split()[0] == "tls"


def test_a_client_hello_without_a_name_is_still_tls() -> None:
    assert wanted(client_hello("192.0.2.9")) == "tls"


@pytest.mark.parametrize(
    ("said", "whom"),
    [
        (b"GET / HTTP/1.1\r\nAccept: x\r\nHost: a.example:81\r\n\r\n", "http a.example:81"),
        (b"POST /v1 HTTP/1.0\r\n\r\n", "http"),
        (b"GET / HTTP/1.1\r\nHOST:\ta\x1b[31m.example\r\n\r\n", "http a\\x1b[31m.example"),
        (b"SSH-2.0-OpenSSH_9\r\n", ""),
        (b"", ""),
    ],
)
def test_the_host_of_a_request_is_read(said: bytes, whom: str) -> None:
    assert wanted(said) == whom


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        (v4(6, PORTS), Packet("tcp", "198.51.100.7", 443)),
        (v4(17, PORTS, options=bytes(8)), Packet("udp", "198.51.100.7", 443)),
        (v4(1, b"\x08\x00"), Packet("icmp", "198.51.100.7")),
        (v4(17, PORTS, fragment=5), Packet("udp", "198.51.100.7")),
        (v4(47, b""), Packet("protocol 47", "198.51.100.7")),
        (v6(6, PORTS), Packet("tcp", "2001:db8::5", 443)),
        (v6(0, b"\x3a\0" + bytes(6) + b"\x8f"), Packet("icmpv6", "2001:db8::5", neighbour=True)),
        (v6(0, b"\x11\1" + bytes(14) + PORTS), Packet("udp", "2001:db8::5", 443)),
        (v6(44, b"\x11\0\0\0" + bytes(4) + PORTS), Packet("udp", "2001:db8::5", 443)),
        (v6(44, b"\x11\0\0\x08" + bytes(4) + PORTS), Packet("udp", "2001:db8::5")),
        (v6(58, b"\x80\0"), Packet("icmpv6", "2001:db8::5")),  # a ping is no upkeep
        (ethernet(0x0806, bytes(28)), Packet("arp", neighbour=True)),
        (ethernet(0x88CC, bytes(28)), Packet("ethertype 0x88cc")),
        (ethernet(0x0800, b"\x45"), Packet("ethertype 0x0800")),  # cut, and still counted
    ],
)
def test_a_packet_says_where_it_was_going(frame: bytes, found: Packet) -> None:
    assert packet(frame) == found


@given(st.binary(max_size=600))
def test_any_bytes_may_come(data: bytes) -> None:
    dns.question(data)
    for said in (wanted(data), wanted(b"\x16\x03\x01" + data), wanted(b"GET / HTTP/1.1\r\nHost: " + data)):
        assert said.isprintable()
    for kind in (0x0800, 0x86DD):
        assert isinstance(packet(ethernet(kind, data)), Packet)
    assert isinstance(packet(data), Packet)


@pytest.fixture(scope="module")
def hello() -> bytes:
    return client_hello("a.example")


@given(junk=st.binary(max_size=300), at=st.integers(0, 299))
def test_a_damaged_client_hello_is_harmless(hello: bytes, junk: bytes, at: int) -> None:
    assert wanted(hello[:at] + junk + hello[at + len(junk) :]).isprintable()
