"""Where somebody can be reached or is found on the net: e-mail, web addresses, IP addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence

from appliance.egress.masking.found import Span
from appliance.egress.masking.words import word_list

_LOCAL = frozenset(".!#$%&'*+-/=?^_`{|}~")
_TRIM = ".'*&/=?!#`{|}~^-"
_MOST_LOCAL, _MOST_DOMAIN = 254, 255
_SPELLED = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64} ?(?:[\[({<] ?(?:at|@|ät) ?[\])}>]|%40) ?[\w-]{1,63}(?: ?(?:\.|[\[({] ?(?:dot|punkt) ?[\])}]) ?[\w-]{2,63}){1,5}+",
    re.I,
)

_ADDRESS = re.compile(r"(?<![\w@])(?:[a-z][a-z0-9+.-]{1,15}://|www\.)[^\s<>\"\]\[\ufffc]{2,2000}", re.I)
_HOST = re.compile(
    r"(?<![\w@./-])(?:[a-z0-9][a-z0-9-]{0,62}\.){1,6}[a-z]{2,18}(?![\w-])(?:/[^\s<>\"\]\[\ufffc]{0,2000})?", re.I
)
_FILES = frozenset(["js", "ts", "py", "md", "sh", "pl", "in", "is", "no", "so", "me", "net", "app", "dev"])
_INTERNAL = ("about:", "chrome:", "ms-settings:")
_CLOSING = ".,;:!?)'”’»"

_V4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_V6 = re.compile(r"(?<![\w:.])[0-9a-f:]{2,39}(?:\d{1,3}(?:\.\d{1,3}){3})?(?:%\w{1,16})?(?![\w:])", re.I)
_MAC = re.compile(r"(?<![\w:-])[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}(?![\w:-])", re.I)
_SERVER = re.compile(r"\b(?:ips?|ipv4|address|addr|ping|gateway|dns|subnet)\b[^\n]{0,24}$", re.I)
_LARGEST_VERSION = 31


def emails(text: str) -> Iterator[Span]:
    """Whatever stands around an @. Work is bounded at each @, so a text full of them is still read in linear time."""
    at, floor = text.find("@"), 0
    while at >= 0:
        start, end = at, at + 1
        while start > max(floor, at - _MOST_LOCAL) and (text[start - 1].isalnum() or text[start - 1] in _LOCAL):
            start -= 1
        while end < min(len(text), at + _MOST_DOMAIN) and (text[end].isalnum() or text[end] in ".-_"):
            end += 1
        while start < at and text[start] in _TRIM:
            start += 1
        while end > at + 1 and text[end - 1] in ".-_":
            end -= 1
        if (start < at and "." in text[at:end]) or (start < at and end - at > 2 and text[at + 1].isalpha()):
            yield "EMAIL", start, end
            floor = end
        at = text.find("@", max(at + 1, end))
    for found in _SPELLED.finditer(text):
        yield "EMAIL", found.start(), found.end()


def urls(text: str, *, kept: Sequence[str] = (), telling_only: bool = False) -> Iterator[Span]:
    """Web addresses. ``telling_only``: those alone that carry a user name or a value of their own (the company's articles are full of others)."""
    for pattern in (_ADDRESS, _HOST):
        for found in pattern.finditer(text):
            address = found[0].rstrip(_CLOSING)
            host = _host(address)
            if pattern is _HOST and not _is_host(address):
                continue
            if _kept(host, kept) and not _telling(address):
                continue
            if address.lower().startswith(_INTERNAL) or (telling_only and not _telling(address)):
                continue
            yield "URL", found.start(), found.start() + len(address)


def _host(address: str) -> str:
    rest = address.split("://", 1)[-1].split("/", 1)[0].rsplit("@", 1)[-1]
    return rest.split(":", 1)[0].lower()


def _is_host(address: str) -> bool:
    host = address.split("/", 1)[0]
    parts = host.lower().split(".")
    return parts[-1] in word_list("top_level") and not (len(parts) == 2 and parts[-1] in _FILES and "/" not in address)


def _kept(host: str, kept: Sequence[str]) -> bool:
    return any(host == one or host.endswith(f".{one}") for one in kept)


def _telling(address: str) -> bool:
    """A user before an @, a path of a person, or a query that may carry anything."""
    rest = address.split("://", 1)[-1]
    return (
        "@" in rest
        or "/~" in rest
        or re.search(r"/(?:users?|u|profile|in|people|accounts?)/[^/]|[?&][\w.-]{1,40}=[^&]{6}", rest, re.I) is not None
    )


def ips(text: str) -> Iterator[Span]:
    """IPv4, IPv6 and hardware addresses. Four small numbers are a version unless something says that they are an address."""
    for found in _V4.finditer(text):
        numbers = [int(part) for part in found[0].split(".")]
        if max(numbers) > 255:
            continue
        local = numbers[0] in {10, 127} or numbers[:2] == [192, 168]
        if local or max(numbers) > _LARGEST_VERSION or _SERVER.search(text, max(0, found.start() - 40), found.start()):
            yield "IP", found.start(), found.end()
    for found in _V6.finditer(text):
        if found[0].count(":") >= 2 and _is_v6(found[0]):
            yield "IP", found.start(), found.end()
    for found in _MAC.finditer(text):
        yield "IP", found.start(), found.end()


def _is_v6(text: str) -> bool:
    try:
        return int(ipaddress.IPv6Address(text.split("%", maxsplit=1)[0])) > 1
    except ValueError:
        return False
