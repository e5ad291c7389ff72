"""Leak: no words of the prompt, no key, no canary, in whatever spelling. Literals have caught foreign addresses and numbers before."""

from __future__ import annotations

import base64
import codecs
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

_RUN = 7
"""Words in a row that make a sentence a copy of the prompt: rules of style and articles share shorter runs by chance."""
_LEAST_SECRET = 8
"""A shorter secret would be found in ordinary words."""
_WORDS = re.compile(r"\w+")
_NOISE = re.compile(r"[\W_]+")
_KEY = re.compile(
    r"\b(?:sk|pk|rk|ghp|gho|ghs|github_pat|glpat|xox[abprs]|AKIA|ASIA|AIza|ya29|hf)[-_.]?[A-Za-z0-9_-]{12,}|-----BEGIN [A-Z ]{3,30}-----"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}|\b(?:bearer|api[_ -]?key|secret|password|passwd|token)\s*(?:is|=|:)\s*[\"']?(?=\S*\d)[^\s\"']{8,}",
    re.I,
)
"""The look of keys; one in an article was never meant to be read out."""


@dataclass(frozen=True, slots=True)
class Private:
    """What this installation keeps to itself: secrets by what they are called, and the words of its prompt."""

    secrets: tuple[tuple[str, str], ...] = ()
    """(name, value) of keys and canaries."""
    prompt: tuple[str, ...] = ()
    """Texts of the prompt that belong to us: rules and examples."""
    mark: str = ""
    """The canary in the prompt; a secret like the others, found in whatever spelling."""
    _runs: frozenset[tuple[str, ...]] = field(init=False, repr=False, compare=False)
    _spelled: tuple[tuple[str, str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_runs", frozenset(run for text in self.prompt for run in _runs(text)))
        secrets = (*self.secrets, ("the mark of the prompt", self.mark))
        known = [(name, value) for name, value in secrets if len(value) >= _LEAST_SECRET]
        object.__setattr__(
            self, "_spelled", tuple((name, form) for name, value in known for form in dict.fromkeys(_forms(value)))
        )

    def leaked(self, text: str, sources: Sequence[str]) -> str:
        """What of ours ``text`` gives away; empty when nothing. Words that a cited passage has too are the company's to say."""
        bare = _bare(text)
        if name := next((name for name, form in self._spelled if form in bare), ""):
            return name
        if _KEY.search(text):
            return "something that looks like a key"
        own = self._runs.intersection(_runs(text)) if self._runs else frozenset()
        if own and not own <= {run for source in sources for run in _runs(source)}:
            return "words of the prompt"
        return ""


NOTHING_PRIVATE = Private()


def _runs(text: str) -> Iterable[tuple[str, ...]]:
    words = _WORDS.findall(text.lower())
    return zip(*(words[at:] for at in range(_RUN)), strict=False)


def _bare(text: str) -> str:
    return _NOISE.sub("", text).lower()


def _forms(value: str) -> Iterable[str]:
    """The secret as it stands, backwards, in base64, hex and rot13, all without separators."""
    data = value.encode()
    for form in (
        value,
        value[::-1],
        base64.b64encode(data).decode().rstrip("="),
        data.hex(),
        codecs.encode(value, "rot13"),
    ):
        yield _bare(form)
