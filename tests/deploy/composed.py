"""What compose makes of a file with variables."""

from __future__ import annotations

import re


def filled(text: str, **given: str) -> str:
    """Compose's ``${NAME:-default}`` and ``${NAME:?message}``; a missing required name raises, as compose refuses."""

    def value(match: re.Match[str]) -> str:
        name, mark, rest = match.group(1), match.group(2), match.group(3)
        if name not in given and mark == ":?":
            raise KeyError(rest)
        return given.get(name, rest)

    return re.sub(r"\$\{(\w+)(:[-?])([^}]*)\}", value, text)
