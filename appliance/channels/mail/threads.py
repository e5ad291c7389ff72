"""Signed thread tokens: a reply lands in its ticket by a token that only we could have made, and acts only for the customer whose ticket it is.

A token names the conversation (16 bytes of its id) and carries a HMAC-SHA256 of it, cut to 80 bits, under a key of this installation. It
stands in each Message-ID that we write, so it comes back in References, and in the reply address behind a plus. Base32 without padding, read in
either case, because mail systems change the case of addresses.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from appliance.channels.mail.parsed import ParsedMail
from appliance.errors import ConfigInvalid, StorageFailed
from appliance.ticket import Trust

KEY_FILE = "mail.key"
_PURPOSE = b"appliance mail thread 1\0"
_KEY_BYTES = 32
_MAC_BYTES = 10
"""80 bits: a forger has to guess against a running appliance, one mail a try."""
_SIGNED = "[a-z2-7]{44}"
_IN_ID = re.compile(rf"t\.({_SIGNED})\.[a-z0-9]{{1,64}}@[^@]{{1,253}}", re.I)
_IN_ADDRESS = re.compile(rf"[^@]{{1,64}}\+({_SIGNED})@[^@]{{1,253}}", re.I)
_CONVERSATION = re.compile(r"[0-9a-f]{32}")
_UNIQUE = re.compile(r"[A-Za-z0-9]{1,64}")


@dataclass(frozen=True, slots=True)
class ThreadKey:
    """``id``: 0 to 255, in each token, so that old tokens stay readable after a change of keys."""

    id: int
    secret: bytes


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose conversation it is: the addresses that may act in it, and how surely the customer was known when it was opened."""

    emails: frozenset[str]
    trust: Trust = "none"


@dataclass(frozen=True, slots=True)
class Landing:
    """``reply``: it belongs to ``conversation_id``. ``stranger``: the token is ours, but the sender is not the customer (or is less surely so):
    a new ticket, with a link for agents to ``conversation_id``. ``new``: no token of ours."""

    kind: Literal["reply", "stranger", "new"]
    conversation_id: str = ""
    rule: str = ""


class Threads:
    """Makes and reads tokens. The first key signs; all of them are accepted."""

    def __init__(self, keys: tuple[ThreadKey, ...]) -> None:
        self._signs = keys[0]
        self._keys = {key.id: key.secret for key in keys}

    def token(self, conversation_id: str) -> str:
        """44 letters and digits. ``conversation_id``: 32 hexadecimal digits, as all of ours are; raises ``ValueError`` for another."""
        if not _CONVERSATION.fullmatch(conversation_id):
            raise ValueError("a conversation's id has 32 hexadecimal digits")
        named = bytes([self._signs.id]) + bytes.fromhex(conversation_id)
        return _written(named + _mac(self._signs.secret, named))

    def message_id(self, conversation_id: str, unique: str, domain: str) -> str:
        """A Message-ID without brackets. ``unique``: letters and digits; the same for each try of one mail, so that receivers see a double."""
        if not _UNIQUE.fullmatch(unique):
            raise ValueError("letters and digits only")
        return f"t.{self.token(conversation_id)}.{unique}@{domain}"

    def reply_address(self, address: str, conversation_id: str) -> str:
        """``support@example.com`` as ``support+TOKEN@example.com``; as it is when that would be longer than mail systems take."""
        local, _, domain = address.rpartition("@")
        tagged = f"{local.partition('+')[0]}+{self.token(conversation_id)}"
        return f"{tagged}@{domain}" if len(tagged) <= 64 else address

    def conversation(self, token: str) -> str:
        """The conversation that a token of ours names; empty for any other text."""
        try:
            named = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
        except (binascii.Error, ValueError):
            return ""
        body, mac = named[: 1 + 16], named[1 + 16 :]
        secret = self._keys.get(named[0]) if len(named) == 1 + 16 + _MAC_BYTES else None
        if secret is None or not hmac.compare_digest(mac, _mac(secret, body)):
            return ""
        return body[1:].hex() if _written(named) == token.lower() else ""

    def wrote(self, message_id: str) -> bool:
        """Is this Message-ID one of ours?"""
        found = _IN_ID.fullmatch(message_id)
        return bool(found and self.conversation(found[1]))

    def conversations(self, mail: ParsedMail) -> tuple[str, ...]:
        """Those that valid tokens name, the nearest mail's first, each once. Cc counts for finding the ticket, never for who may act."""
        return tuple(dict.fromkeys(filter(None, map(self.conversation, _tokens(mail)))))

    def resolve(self, mail: ParsedMail, trust: Trust, holder: Callable[[str], Holder | None]) -> Landing:
        """Where the mail belongs. ``holder`` knows whose a conversation is; None: there is no such conversation (any more).

        A mail acts in a ticket only from one of its holder's addresses, and, where the holder was known for sure when it was opened, only
        when this mail's sender is known for sure too.
        """
        sender = mail.sender.email.lower() if mail.sender else ""
        known = [(one, found) for one in self.conversations(mail) if (found := holder(one)) is not None]
        for conversation_id, found in known:
            if sender in {one.lower() for one in found.emails} and (found.trust == "none" or trust != "none"):
                return Landing("reply", conversation_id, "thread.token")
        if not known:
            return Landing("new", rule="thread.none")
        first, found = known[0]
        theirs = sender in {one.lower() for one in found.emails}
        return Landing("stranger", first, "thread.unproven" if theirs else "thread.other_sender")


def _tokens(mail: ParsedMail) -> Iterator[str]:
    addresses = (*(one.email for one in (*mail.to, *mail.cc)), *mail.delivered_to)
    for pattern, texts in ((_IN_ID, mail.in_reply_to), (_IN_ADDRESS, addresses), (_IN_ID, mail.thread_ids)):
        for text in texts:
            if found := pattern.fullmatch(text):
                yield found[1]


def _written(signed: bytes) -> str:
    return base64.b32encode(signed).decode().rstrip("=").lower()


def _mac(secret: bytes, named: bytes) -> bytes:
    return hmac.new(secret, _PURPOSE + named, hashlib.sha256).digest()[:_MAC_BYTES]


def load_threads(data: Path, *, random: Callable[[int], bytes] = secrets.token_bytes) -> Threads:
    """With the keys of ``mail.key`` in the data directory, made at the first call. One key a line: its id, a space, 64 hexadecimal digits.

    A new first line (with an id of its own) signs from then on, and the old ones below it are still accepted. Raises ``StorageFailed`` and
    ``ConfigInvalid``.
    """
    file = data / KEY_FILE
    try:
        if not file.exists():
            _make(file, random(_KEY_BYTES))
        lines = file.read_text("ascii").split("\n")
        keys = tuple(_key(line) for line in lines if line.strip())
    except OSError as error:
        raise StorageFailed(
            f"{file} cannot be made or read: {error.strerror}.",
            remedy="Check the permissions of the data directory and its free space.",
        ) from error
    except ValueError as error:
        raise _damaged(file) from error
    if not keys or len({key.id for key in keys}) != len(keys):
        raise _damaged(file)
    return Threads(keys)


def _damaged(file: Path) -> ConfigInvalid:
    return ConfigInvalid(
        f"{file} does not hold one key a line (an id from 0 to 255, a space, 64 hexadecimal digits).",
        remedy="Restore it from a backup. Or remove it: the key that the appliance began with is made again, and replies to mails under later keys open new tickets.",
    )


def _make(file: Path, secret: bytes) -> None:
    """Whole or not at all, and only once: of two that start at the same moment the second finds the first one's."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f"{file.name}.{os.getpid()}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as writing:
            writing.write(f"1 {secret.hex()}\n")
            writing.flush()
            os.fsync(writing.fileno())
        try:
            os.link(beside, file)
        except FileExistsError:
            return
    finally:
        beside.unlink()


def _key(line: str) -> ThreadKey:
    number, _, digits = line.strip().partition(" ")
    secret = bytes.fromhex(digits)
    if not number.isdecimal() or int(number) > 255 or len(secret) != _KEY_BYTES:
        raise ValueError("not a key")
    return ThreadKey(int(number), secret)
