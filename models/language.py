"""Which language a text is in, by py3langid: its model lies in the package, so nothing is ever fetched."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import ModelRefused
from models.prose import prose
from models.roles import UNDECIDED, UNKNOWN, Language
from models.scripts import LATIN, script_of, written_in
from models.tags import primary

KNOWN = (
    "ar", "bg", "ca", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "he", "hi", "hr", "hu", "id", "it",
    "ja", "ko", "lt", "lv", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sv", "th", "tr", "uk", "vi", "zh",
)  # fmt: skip
"""Languages that are told apart. Rare ones would only take short messages away from common ones."""
_ALIASES = {"pcm": "en", "zxx": "", "nn": "no"}
"""Nigerian Pidgin is what short English with slips looks like; ``zxx`` is the library's "no language at all"."""
_FEW_WORDS = 3
_FEW = 0.6
"""Weight of the confidence in a text of one or two words: "change e-mail" looks French."""
_FEWEST_LETTERS = 2


class LangidDetector:
    """A ``LanguageDetector``: naive Bayes over byte n-grams. Safe to call from several threads; a text takes about 0.1 ms."""

    def __init__(self, identifier: Any, revision: str, languages: Sequence[str]) -> None:
        self.revision = revision
        self.languages = tuple(languages)
        self._identifier = identifier

    @classmethod
    def open(cls, languages: Collection[str] = ()) -> LangidDetector:
        """Load the package's model for ``languages`` (empty: all of ``KNOWN``). Takes about a second. Raises ``ModelRefused``."""
        from importlib.metadata import version

        from py3langid.langid import MODEL_DIR, MODEL_FILE, LanguageIdentifier
        from py3langid.modelio import load_model

        wanted = _wanted(languages)
        labels = {*wanted, *(name for name, code in _ALIASES.items() if code in wanted or not code)}
        try:
            weights, priors, classes, moves, outputs, rows = _parts(load_model(Path(MODEL_DIR) / MODEL_FILE))
        except (OSError, ValueError, EOFError) as error:
            raise ModelRefused(
                f"The language model of py3langid cannot be read: {error}.", remedy="Install the appliance again."
            ) from error
        kept = [place for place, label in enumerate(classes) if label in labels]
        identifier = LanguageIdentifier(  # without the columns of other languages, which hold twice the memory
            np.ascontiguousarray(weights[:, kept]),
            priors[kept],
            [classes[place] for place in kept],
            moves,
            outputs,
            norm_probs=True,
            tk_row=rows,
        )
        return cls(identifier, f"py3langid-{version('py3langid')}", wanted)

    def detect(self, text: str) -> Language:
        """The likeliest language of the words in ``text``; ``UNDECIDED`` when there are none to go by, ``UNKNOWN`` in letters of none that it knows."""
        words = prose(text)
        script, part = script_of(words)
        if script and part > 0.5 and not any(script in written_in(code) for code in self.languages):
            return Language(UNKNOWN, part)  # the model has seen no such letters, and takes them for anything
        if sum(sign.isalpha() for sign in words) < _FEWEST_LETTERS:
            return UNDECIDED
        shares: dict[str, float] = {}
        for label, share in self._identifier.rank(words):
            code = _ALIASES.get(label, label)
            shares[code] = shares.get(code, 0.0) + float(share)
        code = max(shares, key=lambda name: (shares[name], name))
        if (
            script not in {"", LATIN} and part > 0.5 and script not in written_in(code)
        ):  # English words in a Japanese sentence
            fits = [name for name in shares if name and script in written_in(name)]
            return Language(max(fits, key=lambda name: (shares[name], name)), part)
        if not code:
            return UNDECIDED
        short = words.isascii() and len(words.split()) < _FEW_WORDS  # an accent or another script is a sign of its own
        return Language(code, shares[code] * (_FEW if short else 1.0))


def _wanted(languages: Collection[str]) -> list[str]:
    codes = sorted({primary(tag) for tag in languages}) or list(KNOWN)
    if unknown := [code for code in codes if code not in KNOWN]:
        raise ModelRefused(
            f"The language detector does not know {', '.join(map(repr, unknown))}.",
            remedy=f"Choose of: {' '.join(KNOWN)}.",
        )
    return codes


def _parts(model: Any) -> tuple[Any, Any, list[str], Any, Any, Any]:
    weights, priors, classes, moves, rows, outputs = model
    return np.asarray(weights), np.asarray(priors), list(classes), moves, outputs, rows
