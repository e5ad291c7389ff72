"""Sends one HTTP request to an address that an operator configured, and to no other.

The host is resolved once, every address it has is checked, and the connection goes to the address that was checked: a second answer of the
name server changes nothing. TLS still verifies the host's name. No proxies of the environment, no cookies, no connection kept.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import httpx

from appliance import __version__
from appliance.errors import OutgoingFailed, OutgoingRefused
from appliance.outgoing.addresses import Address, check, host_of
from appliance.outgoing.resolve import SystemResolver
from appliance.outgoing_settings import Outgoing

MAX_BYTES = 1_048_576
MAX_REDIRECTS = 3
_TRIES = 3
"""Addresses of one host that are tried in turn when the first does not take the connection."""
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_DEFAULT_PORTS = {"http": 80, "https": 443}
_OURS = frozenset(("host", "content-length", "transfer-encoding", "connection", "accept-encoding", "cookie"))


class Resolve(Protocol):
    async def __call__(self, host: str) -> Sequence[str]:
        """All addresses of a name. Raises ``OSError`` when it has none."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status. ``headers`` are in lower case; of several with one name the last counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    """Empty when ``max_bytes`` was 0."""


@dataclass(frozen=True, slots=True)
class _Target:
    """A URL that may be called: where to connect, and what the server is called."""

    url: httpx.URL
    host: str
    port: int
    addresses: list[Address]
    inside: bool
    """All of them are allowed by the settings rather than public."""

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.url.scheme, self.host, self.port


@dataclass(frozen=True)
class Client:
    """One for the process. It keeps nothing between requests."""

    settings: Outgoing
    resolve: Resolve = field(default_factory=SystemResolver)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        max_bytes: int = MAX_BYTES,
        timeout_s: float | None = None,
        redirect_hosts: Collection[str] = (),
    ) -> Answer:
        """Raises ``OutgoingRefused`` (never sent, and trying again will not help) or ``OutgoingFailed`` (``sent`` says whether it may have arrived).

        ``max_bytes``: of the answer's body; 0 reads none. ``timeout_s``: from the look-up to the last byte, ``outgoing.timeout_s`` when not given.
        Only GET and HEAD follow redirects, to the same host or to one of ``redirect_hosts``; other methods get the redirect as their answer.
        """
        limit_s = timeout_s or self.settings.timeout_s
        call = _Call(self, max_bytes, limit_s, frozenset(map(host_of, redirect_hosts)))
        try:
            async with asyncio.timeout(limit_s):
                return await call.follow(method.upper(), url, _own(headers or {}), content)
        except TimeoutError as error:
            raise OutgoingFailed(f"{call.host} did not answer within {limit_s:g} s.", sent=call.sent) from error

    async def target(self, url: str) -> _Target:
        """Where a URL leads, checked. Raises ``OutgoingRefused``, ``OutgoingFailed``."""
        parsed = _parse(url)
        host = host_of(parsed.raw_host.decode("ascii"))
        allowed = self.settings.networks_of(host)
        addresses, inside = check(host, await self._addresses(host), allowed)
        if parsed.scheme == "http" and not inside:
            raise OutgoingRefused(
                f"{host} lies outside and would be called without TLS.", remedy="Write its address with https."
            )
        return _Target(parsed, host, parsed.port or _DEFAULT_PORTS[parsed.scheme], addresses, inside)

    async def _addresses(self, host: str) -> Sequence[str]:
        if ":" in host or host.replace(".", "").isdigit():
            return [host]
        try:
            found = await self.resolve(host)
        except (OSError, UnicodeError) as error:
            raise OutgoingFailed(f"{host} has no address here.", sent=False) from error
        if not found:
            raise OutgoingFailed(f"{host} has no address here.", sent=False)
        return found

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """The authorities that ship with Python's certifi, those of the machine, and the company's own."""
        context = httpx.create_ssl_context(verify=True, trust_env=False)
        context.load_default_certs()
        if self.settings.ca_file:
            try:
                context.load_verify_locations(self.settings.ca_file)
            except OSError as error:
                raise OutgoingRefused(
                    f"outgoing.ca_file {self.settings.ca_file} cannot be read as certificates.",
                    remedy="Name a PEM file with the company's certificate authority.",
                ) from error
        return context


class _Call:
    """One request with its redirects, and how far it came."""

    def __init__(self, client: Client, max_bytes: int, limit_s: float, redirect_hosts: frozenset[str]) -> None:
        self._client = client
        self._max_bytes = max_bytes
        self._limit_s = limit_s
        self._redirect_hosts = redirect_hosts
        self.host = "The address"
        self.sent = False
        """Whether a server may have received the request."""

    async def follow(self, method: str, url: str, headers: dict[str, str], content: bytes) -> Answer:
        target = await self._client.target(url)
        for _ in range(MAX_REDIRECTS):
            answer = await self._send(method, target, headers, content)
            if answer.status not in _REDIRECTS or "location" not in answer.headers or method not in {"GET", "HEAD"}:
                return answer
            there = await self._client.target(self._next(target, answer.headers["location"]))
            if there.origin != target.origin:
                headers = {}  # keys are for the server that they were given for
            target = there
        answer = await self._send(method, target, headers, content)
        if answer.status in _REDIRECTS:
            raise OutgoingFailed(f"{self.host} redirects more than {MAX_REDIRECTS} times.", sent=True)
        return answer

    def _next(self, here: _Target, location: str) -> str:
        """Where a redirect leads, before its addresses are checked like any other's."""
        try:
            url = here.url.join(location)
        except (httpx.InvalidURL, ValueError) as error:
            raise OutgoingRefused(f"{here.host} redirects to what is no address.") from error
        host = host_of(url.raw_host.decode("ascii"))
        if host != here.host and host not in self._redirect_hosts:
            raise OutgoingRefused(f"{here.host} redirects to {host}, which nobody configured.")
        if here.url.scheme == "https" and url.scheme != "https":
            raise OutgoingRefused(f"{here.host} redirects to an address without TLS.")
        if url.port not in {None, here.port}:
            raise OutgoingRefused(f"{here.host} redirects to another port.")
        return str(url)

    async def _send(self, method: str, target: _Target, headers: dict[str, str], content: bytes) -> Answer:
        self.host = target.host
        for number, address in enumerate(target.addresses[:_TRIES], 1):
            try:
                return await self._once(method, target, address, headers, content)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if number == min(_TRIES, len(target.addresses)):
                    raise OutgoingFailed(
                        f"{target.host} takes no connection: {_reason(error)}.", sent=self.sent
                    ) from error
            except (httpx.TransportError, httpx.InvalidURL, ValueError) as error:
                raise OutgoingFailed(
                    f"The request to {target.host} broke off: {type(error).__name__}.", sent=self.sent
                ) from error
        raise AssertionError("a target has at least one address")

    async def _once(
        self, method: str, target: _Target, address: Address, headers: dict[str, str], content: bytes
    ) -> Answer:
        each = self._limit_s / min(_TRIES, len(target.addresses))
        request = httpx.Request(
            method,
            target.url.copy_with(host=str(address), fragment=None),
            headers={
                "user-agent": f"support-appliance/{__version__}",
                **headers,
                "host": target.url.netloc.decode("ascii"),
                "accept-encoding": "identity",
                "connection": "close",
            },
            content=content or None,
            extensions={"sni_hostname": target.host, "timeout": {"connect": each}, "trace": self._trace},
        )
        async with httpx.AsyncHTTPTransport(verify=self._client.tls, trust_env=False, retries=0) as transport:
            response = await transport.handle_async_request(request)
            try:
                return Answer(response.status_code, dict(response.headers), await self._body(target, response))
            finally:
                await response.aclose()

    async def _trace(self, event: str, _: object) -> None:
        if event.endswith("send_request_headers.started"):
            self.sent = True

    async def _body(self, target: _Target, response: httpx.Response) -> bytes:
        if not self._max_bytes:
            return b""
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise OutgoingFailed(f"{target.host} answers compressed, which was not asked for.", sent=True)
        body = bytearray()
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > self._max_bytes:
                raise OutgoingFailed(f"{target.host} answers with more than {self._max_bytes:,} bytes.", sent=True)
        return bytes(body)


def _parse(url: str) -> httpx.URL:
    """Raises ``OutgoingRefused`` without repeating the address: it may hold a key."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        raise OutgoingRefused("What stands as an address is none.", remedy="Write it as https://host/path.") from error
    if parsed.scheme not in _DEFAULT_PORTS or not parsed.raw_host:
        raise OutgoingRefused("Only http and https are called.", remedy="Write it as https://host/path.")
    if parsed.userinfo:
        raise OutgoingRefused(
            "An address holds a user name or password.", remedy="Keep keys in a file of their own, never in an address."
        )
    if parsed.port is not None and not 0 < parsed.port < 65_536:
        raise OutgoingRefused("An address names a port that is none.", remedy="Write it as https://host:port/path.")
    return parsed


def _own(headers: Mapping[str, str]) -> dict[str, str]:
    """The caller's headers, without those that this client writes itself."""
    return {name.lower(): value for name, value in headers.items() if name.lower() not in _OURS}


def _reason(error: Exception) -> str:
    """Why, in words of the library that hold no address path and no key."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate does not fit ({cause.verify_message})"
        cause = cause.__cause__ or cause.__context__
    return "TLS failed" if "SSL" in str(error) else type(error).__name__
