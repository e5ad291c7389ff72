"""People whom we do not know: how fast they may open conversations, and what of theirs looks like spam.

Everything here works without the internet and without puzzles for people. Nobody's message is thrown away: what comes too fast may come again,
and what looks like spam goes to people, with no automatic mail to the address that was typed (open forms are used to mail victims).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Literal

from appliance.errors import TooFast
from appliance.opening_settings import Openings

Freshness = Literal["fresh", "unknown", "too_fast", "too_old"]
Suspicion = Literal["", "links_only", "many_links", "link_in_name", "markup", "repeated"]

_HOUR = 3_600.0
_DAY = 86_400.0
_MOST_KEYS = 50_000
_TOKEN = re.compile(r"(\d{1,15})\.([\w-]{22})\.([\w-]{43})")
_LINK = re.compile(r"(?i)(?:https?|ftp)://\S+|\bwww\.\S+")
_BARE = re.compile(
    r"(?i)(?<![@\w.])[\w-]+(?:\.[\w-]+)*\.(?:com|net|org|info|biz|ru|cn|xyz|top|site|online|shop|club|io|link)\b(?:/\S*)?"
)
_MARKUP = re.compile(r"(?i)<a\s[^>]*href|\[url[=\]]|\[link[=\]]")
_WORD = re.compile(r"\w{2,}")
_WORDS_A_LINK = 12
_LONG = 40
"""Shorter texts are often the same for honest reasons."""


class Buckets:
    """One bucket a key: ``burst`` at once, then ``per_hour``. ``clock`` counts seconds and never goes back."""

    def __init__(self, burst: int, per_hour: int, clock: Callable[[], float]) -> None:
        self._burst = burst
        self._per_s = per_hour / _HOUR
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, key: str) -> float:
        """Seconds until the next one is allowed; 0 when it is now."""
        if not self._burst:
            return 0.0
        missing = 1.0 - self._level(key)
        return 0.0 if missing <= 0 else (missing / self._per_s if self._per_s else _DAY)

    def take(self, key: str) -> None:
        if not self._burst:
            return
        self._levels[key] = (self._level(key) - 1.0, self._clock())
        self._levels.move_to_end(key)
        if len(self._levels) > _MOST_KEYS:
            self._levels.popitem(last=False)

    def _level(self, key: str) -> float:
        level, at = self._levels.get(key, (float(self._burst), self._clock()))
        return min(float(self._burst), level + (self._clock() - at) * self._per_s)


@dataclass(frozen=True, slots=True)
class FormPass:
    """What a form's token says. ``once`` names this very form without telling its token, ``ticket_token`` is the key of the ticket that it opens:
    the same form sent twice is the same ticket, for the same visitor."""

    freshness: Freshness
    once: str = ""
    ticket_token: str = ""


class Strangers:
    """``key``: a secret that all replicas share. ``now``: seconds since the epoch."""

    def __init__(
        self,
        settings: Openings,
        key: bytes,
        *,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        nonce: Callable[[], bytes] = lambda: secrets.token_bytes(16),
    ) -> None:
        self._settings = settings
        self._key = key
        self._now = now
        self._nonce = nonce
        self._clients = Buckets(settings.per_client, settings.per_client_per_hour, clock)
        self._forms = Buckets(settings.form_per_client, settings.form_per_client_per_hour, clock)
        self._all = Buckets(settings.total, settings.total_per_hour, clock)
        self._clock = clock
        self._texts: OrderedDict[bytes, list[float]] = OrderedDict()

    def admit(self, client: str) -> None:
        """One more conversation for this address. Raises ``TooFast``."""
        self._admit(self._clients, client)

    def admit_form(self, client: str) -> None:
        """One more press of the form's button. Raises ``TooFast``."""
        self._admit(self._forms, client)

    def form_token(self) -> str:
        """For a form that is shown now: when that was, and which form it is, signed."""
        nonce = _text(self._nonce())
        shown = f"{int(self._now() * 1000)}.{nonce}"
        return f"{shown}.{self._sign('form', shown)}"

    def form_pass(self, token: str) -> FormPass:
        """What that token says now. A clock that was set back makes it ``too_fast``: the form is shown again, and nothing is lost."""
        found = _TOKEN.fullmatch(token)
        if not found or not hmac.compare_digest(found[3], self._sign("form", f"{found[1]}.{found[2]}")):
            return FormPass("unknown")
        age = self._now() - int(found[1]) / 1000
        if age < self._settings.form_min_s:
            return FormPass("too_fast")
        if age > self._settings.form_max_h * _HOUR:
            return FormPass("too_old")
        return FormPass("fresh", hashlib.sha256(found[2].encode()).hexdigest(), self._sign("ticket", found[2]))

    def suspicion(self, text: str, *, subject: str = "", name: str = "") -> Suspicion:
        """Why this looks like spam; empty when it does not. Counts the text, so ask once for each message that is taken in."""
        repeated = self._repeated(text)
        links, rest = _without_links(f"{subject}\n{text}")
        words = len(_WORD.findall(rest))
        if _LINK.search(name) or _BARE.search(name):
            return "link_in_name"
        if _MARKUP.search(text):
            return "markup"
        if links and words < 3:
            return "links_only"
        if links >= self._settings.max_links and words < _WORDS_A_LINK * links:
            return "many_links"
        return "repeated" if repeated else ""

    def _admit(self, buckets: Buckets, client: str) -> None:
        if wait := max(buckets.wait(client), self._all.wait("")):
            raise TooFast("Too many requests came from your network in a short time.", retry_after_s=max(1, ceil(wait)))
        buckets.take(client)
        self._all.take("")

    def _sign(self, purpose: str, text: str) -> str:
        return _text(hmac.digest(self._key, f"{purpose}:{text}".encode(), "sha256"))

    def _repeated(self, text: str) -> bool:
        """Only a keyed digest is kept, and only in memory."""
        words = " ".join(text.casefold().split())
        if len(words) < _LONG:
            return False
        digest = hmac.digest(self._key, words.encode("utf-8", "replace"), "sha256")
        seen = [at for at in self._texts.pop(digest, []) if self._clock() - at < _DAY]
        self._texts[digest] = [*seen, self._clock()][-self._settings.repeats - 1 :]
        if len(self._texts) > _MOST_KEYS:
            self._texts.popitem(last=False)
        return len(seen) >= self._settings.repeats


def _without_links(text: str) -> tuple[int, str]:
    rest, full = _LINK.subn(" ", text)
    rest, bare = _BARE.subn(" ", rest)
    return full + bare, rest


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
