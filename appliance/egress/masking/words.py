"""The word lists of the masking, from ``words.toml``."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources


@cache
def word_list(name: str) -> frozenset[str]:
    """``stop``, ``common``, ``no_secret`` or ``top_level``; lower case."""
    lists = tomllib.loads((resources.files(__package__) / "words.toml").read_text("utf-8"))
    return frozenset(str(lists[name]).split())
