"""Which letters a text is written in, and which a language is written in."""

from __future__ import annotations

import unicodedata
from collections import Counter

LATIN = "LATIN"
_WRITTEN = {
    "ar": ("ARABIC",), "bg": ("CYRILLIC",), "el": ("GREEK",), "he": ("HEBREW",), "hi": ("DEVANAGARI",),
    "ja": ("HIRAGANA", "KATAKANA", "CJK"), "ko": ("HANGUL", "CJK"), "ru": ("CYRILLIC",), "th": ("THAI",),
    "uk": ("CYRILLIC",), "zh": ("CJK",),
}  # fmt: skip
"""By the first word of the letters' names in Unicode; every other language that we know is written in Latin letters."""
_FEWEST = 2


def script_of(text: str) -> tuple[str, float]:
    """(the script of most letters, its share of all letters 0..1); an empty name when there are too few letters."""
    letters = [sign for sign in unicodedata.normalize("NFKC", text) if sign.isalpha()]  # NFKC: bold and circled letters
    if len(letters) < _FEWEST:
        return "", 0.0
    counted = Counter(unicodedata.name(sign, "").partition(" ")[0] for sign in letters)
    name, count = counted.most_common(1)[0]
    return name, count / len(letters)


def written_in(code: str) -> tuple[str, ...]:
    """The scripts of that language."""
    return _WRITTEN.get(code, (LATIN,))
