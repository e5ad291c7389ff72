"""Address lists of headers (RFC 5322), read strictly: where two readers could see two senders, this one sees none.

The standard library's reader of the Python versions that we support takes ``a@x)b@y`` for one address or two, depending on the version
(CVE-2023-27043); who wrote a mail must not hang on that. Structure is read before encoded words are decoded, so no display name can bring in an address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from appliance.channels.mail.headers import decoded_words
from appliance.channels.mail.parsed import Address
from kb.sources.characters import clean_line

_TOKEN = re.compile(r"\"(?:[^\"\\]|\\.)*\"|[()<>,;:]|\\.|[^\"()<>,;:\\]+|[\"\\]", re.S)
_SPEC = re.compile(
    r"(?P<local>[^\s@<>()\[\],;:\"\\\x00-\x20\x7f]{1,64}|\"[^\"\\\x00-\x1f\x7f]{1,62}\")"
    r"@(?P<domain>(?:[^\W_](?:[\w-]{0,61}[^\W_])?)(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?){0,30}\.?|\[[0-9A-Fa-f:.IPv]{2,60}\])"
)
_LONGEST = 65_536
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class AddressList:
    """``broken``: something in the header is no address, or can be read in two ways."""

    addresses: tuple[Address, ...] = ()
    broken: bool = False


def address_list(header: str, most: int) -> AddressList:
    """At most ``most`` addresses, in order."""
    found: list[Address] = []
    broken = len(header) > _LONGEST
    for tokens in _mailboxes(header[:_LONGEST]):
        if len(found) >= most:
            return AddressList(tuple(found), broken=True)
        address = _address(tokens)
        if address:
            found.append(address)
        elif "".join(tokens).strip():
            broken = True
    return AddressList(tuple(found), broken)


def address_of(text: str) -> str:
    """``text`` as one bare address with its domain in lower case; empty when it is none."""
    match = _SPEC.fullmatch(text.strip().removeprefix("<").removesuffix(">").strip())
    return f"{match['local']}@{match['domain'].lower().rstrip('.')}" if match else ""


def _mailboxes(header: str) -> list[list[str]]:
    """The tokens between the commas, without comments; the name of a group (``Team: a@x, b@x;``) is dropped.

    An unclosed quote, angle or comment swallows the rest into one mailbox, which then is no address.
    """
    boxes: list[list[str]] = [[]]
    depth = 0
    angle = False
    for sign in _TOKEN.findall(header):
        if sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1 if depth else 0
            boxes[-1] += [] if depth or not boxes[-1] else [" "]
        elif depth:
            continue
        elif sign in "<>":
            angle = sign == "<"
            boxes[-1].append(sign)
        elif sign in ",;" and not angle:
            boxes.append([])
        elif sign == ":" and not angle and "<" not in boxes[-1] and "@" not in "".join(boxes[-1]):
            boxes[-1] = []
        else:
            boxes[-1].append(sign)
    if depth:
        boxes[-1].append("(")
    return _joined(boxes)


def _joined(boxes: list[list[str]]) -> list[list[str]]:
    """``Doe, John <john@example.org>`` without its quotes is one mailbox: what has no @ belongs to the name that follows."""
    joined: list[list[str]] = []
    waiting: list[str] = []
    for box in boxes:
        if "@" not in "".join(box) and "<" not in box:
            waiting += [*box, ", "] if "".join(box).strip() else []
        elif waiting and "<" in box:
            joined.append([*waiting, *box])
            waiting = []
        else:
            joined += [waiting, box] if waiting else [box]
            waiting = []
    return [*joined, waiting[:-1]] if waiting else joined


def _address(tokens: list[str]) -> Address | None:
    if "<" not in tokens:
        email = address_of("".join(tokens)) if ">" not in tokens else ""
        return Address(email) if email else None
    opened = tokens.index("<")
    closed = tokens.index(">") if ">" in tokens else -1
    rest = tokens[closed + 1 :]
    if closed < opened or "<" in tokens[opened + 1 :] or "".join(rest).strip():
        return None
    inside = "".join(tokens[opened + 1 : closed]).strip()
    email = address_of(
        inside.rpartition(":")[2] if inside.startswith("@") else inside
    )  # a route (RFC 822) before the address
    return Address(email, _name(tokens[:opened])) if email else None


def _name(tokens: list[str]) -> str:
    words = (
        re.sub(r"\\(.)", r"\1", one[1:-1], flags=re.S) if one[:1] == '"' and len(one) > 1 else one for one in tokens
    )
    return clean_line(decoded_words("".join(words)[: _LONGEST_NAME * 12]))[:_LONGEST_NAME]
