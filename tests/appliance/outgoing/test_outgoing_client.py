"""The one client for configured servers against name servers that lie and servers that misbehave, on real sockets."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import pytest
from far_server import Names, certificate, drips, far, floods, hangs_up, says

from appliance.errors import OutgoingFailed, OutgoingRefused
from appliance.outgoing.client import Client
from appliance.outgoing_settings import Outgoing

HERE = ("127.0.0.0/8", "::1/128")


def client(names: Names, *hosts: str, ca: Path | str = "", timeout_s: float = 5.0) -> Client:
    return Client(
        Outgoing(allow_networks=dict.fromkeys(hosts, HERE), ca_file=str(ca), timeout_s=timeout_s), resolve=names
    )


async def test_a_request_arrives_whole_under_the_name_of_its_host() -> None:
    async with far(says(201, b'{"id":7}', x_desk="1")) as desk:
        names = Names(desk_example=[["127.0.0.1"]])
        answer = await client(names, "desk.example").request(
            "POST", f"http://Desk.Example:{desk.port}/api/reply?x=1#part", headers={"Authorization": "Bearer k", "Host": "evil"}, content=b"words"
        )  # fmt: skip
    assert (answer.status, answer.body, answer.headers["x-desk"]) == (201, b'{"id":7}', "1")
    [heard] = desk.heard
    assert (heard.method, heard.path, heard.body) == ("POST", "/api/reply?x=1", b"words")
    assert heard.headers["host"] == f"desk.example:{desk.port}"
    assert heard.headers["authorization"] == "Bearer k"
    assert heard.headers["user-agent"].startswith("support-appliance/")
    assert "cookie" not in heard.headers


async def test_the_host_is_looked_up_once_and_the_checked_address_is_called() -> None:
    """Rebinding: the second answer of the name server would be another machine; nobody asks for it."""
    async with far(says(200)) as good, far(says(200)) as bad:
        names = Names(a_example=[["127.0.0.1"], ["127.0.0.2"]])
        assert (await client(names, "a.example").request("GET", f"http://a.example:{good.port}/")).status == 200
    assert names.asked == ["a.example"]
    assert (len(good.heard), len(bad.heard)) == (1, 0)


async def test_a_name_that_turns_private_after_it_was_public_is_refused() -> None:
    names = Names(a_example=[["8.8.8.8"], ["127.0.0.1"]])
    ours = client(names)
    target = await ours.target("https://a.example/")
    assert [str(address) for address in target.addresses] == ["8.8.8.8"]
    with pytest.raises(OutgoingRefused):
        await ours.target("https://a.example/")


async def test_loopback_is_called_only_for_the_host_that_may() -> None:
    async with far(says(200)) as server:
        names = Names(a_example=[["127.0.0.1"]], b_example=[["127.0.0.1"]])
        ours = client(names, "a.example")
        assert (await ours.request("GET", f"http://a.example:{server.port}/")).status == 200
        for url in (
            f"http://b.example:{server.port}/",
            f"http://127.0.0.1:{server.port}/",
            f"http://[::1]:{server.port}/",
        ):
            with pytest.raises(OutgoingRefused):
                await ours.request("GET", url)
    assert len(server.heard) == 1


@pytest.mark.parametrize(
    "url",
    ["http://a.example/", "https://user:s3cr3t@a.example/", "https://user@a.example/", "ftp://a.example/", "file:///etc/passwd", "gopher://a.example/",
     "//a.example/", "a.example", "", "https://", "https:///x", "https://a.example:0/", "https://a.example:99999/", "https://0x7f000001/",
     "https://2130706433/", "https://127.1/", "https://[::1%25lo]/", "https://[::ffff:127.0.0.1]/", "https://a.example\\@127.0.0.1/", "https://a exa/",
     "https://１２７.0.0.1/", "https://localhost/", "https://169.254.169.254/latest/meta-data"],
)  # fmt: skip
async def test_addresses_that_are_not_plain_and_public_are_refused_unsent(url: str) -> None:
    names = Names(a_example=[["8.8.8.8"]], localhost=[["127.0.0.1"]])
    with pytest.raises(OutgoingRefused) as fault:
        await client(names).target(url)
    assert "s3cr3t" not in str(fault.value)


async def test_a_key_in_an_address_is_not_repeated_in_a_fault() -> None:
    names = Names(a_example=[["10.0.0.1"]])
    with pytest.raises(OutgoingRefused) as fault:
        await client(names).request("GET", "https://a.example/hook/t0psecret?key=t0psecret")
    assert "t0psecret" not in str(fault.value)


async def test_a_redirect_to_the_same_host_is_followed_by_get_and_not_by_post() -> None:
    names = Names(a_example=[["127.0.0.1"]])
    async with far(says(302, location="/there"), says(200, b"here")) as server:
        ours = client(names, "a.example")
        answer = await ours.request("GET", f"http://a.example:{server.port}/", headers={"authorization": "k"})
        assert answer.body == b"here"
        assert [heard.path for heard in server.heard] == ["/", "/there"]
        assert server.heard[1].headers["authorization"] == "k"
    async with far(says(307, location="/there")) as server:
        assert (await ours.request("POST", f"http://a.example:{server.port}/", content=b"x")).status == 307
        assert len(server.heard) == 1
    assert names.asked == ["a.example"] * 3


async def test_a_redirect_is_looked_up_and_checked_again() -> None:
    names = Names(a_example=[["127.0.0.1"], ["10.0.0.7"]])
    async with far(says(302, location="/there"), says(200)) as server:
        with pytest.raises(OutgoingRefused, match=r"10\.0\.0\.7"):
            await client(names, "a.example").request("GET", f"http://a.example:{server.port}/")
    assert len(server.heard) == 1


@pytest.mark.parametrize(
    "location",
    ["http://169.254.169.254/latest", "http://b.example/", "//b.example/", "http://127.0.0.1:{port}/", "file:///etc/passwd", "http://[::1]/", "http://x y/",
     "http://a.example:1/", "http://u:p@a.example:{port}/"],
)  # fmt: skip
async def test_a_redirect_to_what_nobody_configured_is_refused(location: str) -> None:
    names = Names(a_example=[["127.0.0.1"]], b_example=[["127.0.0.1"]])
    async with far(says(200)) as other:
        async with far(says(302, location=location.format(port=other.port)), says(200)) as server:
            with pytest.raises(OutgoingRefused):
                await client(names, "a.example", "b.example").request("GET", f"http://a.example:{server.port}/")
        assert (len(server.heard), len(other.heard)) == (1, 0)


async def test_keys_do_not_travel_to_another_host_that_may_be_redirected_to() -> None:
    names = Names(a_example=[["127.0.0.1"]], b_example=[["127.0.0.1"]])
    async with far(says(200)) as server:
        server.answers = [says(302, location=f"http://b.example:{server.port}/there"), says(200, b"b")]
        url = f"http://a.example:{server.port}/"
        ours = client(names, "a.example", "b.example")
        answer = await ours.request("GET", url, headers={"authorization": "k"}, redirect_hosts=["b.example"])
    assert answer.body == b"b"
    assert ["authorization" in heard.headers for heard in server.heard] == [True, False]
    assert server.heard[1].headers["host"] == f"b.example:{server.port}"


async def test_a_redirect_to_another_port_is_refused() -> None:
    names = Names(a_example=[["127.0.0.1"]])
    async with far(says(200)) as second, far(says(302, location=f"http://a.example:{second.port}/")) as first:
        with pytest.raises(OutgoingRefused, match="another port"):
            await client(names, "a.example").request("GET", f"http://a.example:{first.port}/")
    assert second.heard == []


async def test_redirects_end() -> None:
    names = Names(a_example=[["127.0.0.1"]])
    async with far(says(302, location="/again")) as server:
        with pytest.raises(OutgoingFailed, match="redirects more than 3 times"):
            await client(names, "a.example").request("GET", f"http://a.example:{server.port}/")
    assert len(server.heard) == 4


async def test_a_slow_drip_ends_with_the_time_for_the_whole() -> None:
    names = Names(a_example=[["127.0.0.1"]])
    async with far(drips(0.02)) as server:
        with pytest.raises(OutgoingFailed, match="did not answer within") as fault:
            await client(names, "a.example", timeout_s=0.5).request("GET", f"http://a.example:{server.port}/")
    assert fault.value.sent


async def test_a_name_server_that_hangs_ends_with_the_time_for_the_whole() -> None:
    async def hanging(_: str) -> list[str]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(OutgoingFailed, match="did not answer within") as fault:
        await Client(Outgoing(timeout_s=0.2), resolve=hanging).request("GET", "https://a.example/")
    assert not fault.value.sent


async def test_a_flood_is_cut_at_the_limit() -> None:
    names = Names(a_example=[["127.0.0.1"]])
    async with far(floods) as server:
        url = f"http://a.example:{server.port}/"
        with pytest.raises(OutgoingFailed, match="more than 1,000 bytes"):
            await client(names, "a.example").request("GET", url, max_bytes=1000)
        assert (await client(names, "a.example").request("POST", url, max_bytes=0)).body == b""


async def test_a_compressed_answer_is_not_unpacked() -> None:
    names = Names(a_example=[["127.0.0.1"]])
    async with far(says(200, gzip.compress(b"0" * 10_000_000), content_encoding="gzip")) as server:
        with pytest.raises(OutgoingFailed, match="compressed"):
            await client(names, "a.example").request("GET", f"http://a.example:{server.port}/")
    assert server.heard[0].headers["accept-encoding"] == "identity"


async def test_a_server_that_hangs_up_may_have_the_request_and_one_that_is_down_has_not() -> None:
    names = Names(a_example=[["127.0.0.1"]], b_example=[["127.0.0.1", "::1"]])
    ours = client(names, "a.example", "b.example")
    async with far(hangs_up) as server:
        with pytest.raises(OutgoingFailed) as fault:
            await ours.request("POST", f"http://a.example:{server.port}/", content=b"x")
        assert fault.value.sent
    with pytest.raises(OutgoingFailed, match="takes no connection") as fault:
        await ours.request("POST", f"http://b.example:{server.port}/", content=b"x")
    assert not fault.value.sent
    with pytest.raises(OutgoingFailed, match="no address") as fault:
        await ours.request("POST", "https://nobody.example/", content=b"x")
    assert not fault.value.sent


async def test_the_next_address_is_tried_when_one_takes_no_connection() -> None:
    async with far(says(200)) as server:
        names = Names(a_example=[["::1", "127.0.0.1"]])
        assert (await client(names, "a.example").request("GET", f"http://a.example:{server.port}/")).status == 200


async def test_tls_verifies_the_name_although_the_address_is_called(tmp_path: Path) -> None:
    context, trusted = certificate(tmp_path, "desk.example")
    names = Names(desk_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
    async with far(says(200, b"safe"), tls=context) as server:
        ours = client(names, "desk.example", "other.example", ca=trusted)
        assert (await ours.request("GET", f"https://desk.example:{server.port}/")).body == b"safe"
        with pytest.raises(OutgoingFailed, match="certificate does not fit") as fault:
            await ours.request("POST", f"https://other.example:{server.port}/", content=b"x")
        assert not fault.value.sent
        with pytest.raises(OutgoingFailed, match="certificate does not fit"):
            await client(names, "desk.example").request("POST", f"https://desk.example:{server.port}/", content=b"x")
    assert len(server.heard) == 1


async def test_no_redirect_leads_from_tls_to_plain_http(tmp_path: Path) -> None:
    context, trusted = certificate(tmp_path, "desk.example")
    names = Names(desk_example=[["127.0.0.1"]])
    async with (
        far(says(200)) as plain,
        far(says(302, location=f"http://desk.example:{plain.port}/"), tls=context) as server,
    ):
        with pytest.raises(OutgoingRefused, match="without TLS"):
            await client(names, "desk.example", ca=trusted).request("GET", f"https://desk.example:{server.port}/")
    assert plain.heard == []


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with far(says(200)) as proxy, far(says(200)) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        names = Names(a_example=[["127.0.0.1"]])
        assert (await client(names, "a.example").request("GET", f"http://a.example:{server.port}/")).status == 200
    assert (len(proxy.heard), len(server.heard)) == (0, 1)


async def test_the_system_resolver_knows_this_machine() -> None:
    async with far(says(200)) as server:
        ours = Client(Outgoing(allow_networks={"localhost": ("127.0.0.0/8", "::1/128")}))
        assert (await ours.request("GET", f"http://localhost:{server.port}/")).status == 200


def test_a_network_that_is_none_is_refused_with_the_settings() -> None:
    with pytest.raises(ValueError, match=r"10\.1\.2\.3/8"):
        Outgoing(allow_networks={"a.example": ("10.1.2.3/8",)})
