"""Markdown's inline marks taken off: passages are read by models and quoted to customers, who see neither bold nor link syntax.

Only marks go; every word stays, so a quote is the author's wording letter for letter. Table rows are the exception: each takes its header along.
"""

from __future__ import annotations

import re

_IMAGE = re.compile(r"!\[([^\]\n]{0,300})\]\([^)\s]{1,500}(?:\s+\"[^\"\n]{0,200}\")?\)")
_LINK = re.compile(r"(?<!!)\[([^\]\n]{1,300})\]\(([^)\s]{1,500})(?:\s+\"[^\"\n]{0,200}\")?\)")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^>\s]{1,500})>")
_CODE = re.compile(r"(?<!`)(`{1,2})(?!`)([^`\n]{1,300})\1(?!`)")
_STRONG = re.compile(
    r"(\*\*)(?=\S)([^\n]{1,400}?\S?)\1|(?<!\w)(__)(?=[^\s_])([^\n_]{1,400}?[ ][^\n_]{0,400}|[A-Z][^\n_ ]{0,400})\3(?!\w)"
)
"""Two underscores are bold around several words or a capital; around a small letter they are a name, such as ``__init__``."""
_EMPHASIS = re.compile(
    r"(?<![\w*])\*(?=[^\s*])([^*\n]{1,300}?[^\s*]|[^\s*])\*(?![\w*])|(?<![\w_])_(?=[^\s_])([^_\n]{1,300}?[^\s_]|[^\s_])_(?![\w_])"
)
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+.!|<>~-])")
_TABLE = re.compile(r"(?:^[ \t]*\|[^\n]*\|[ \t]*(?:\n|\Z)){2,}", re.M)
_DIVIDER = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")
_PRIVATE = 0xE000
"""Escaped signs wait in Unicode's private use area until the marks are gone; imports hold no private characters."""
_FENCED = re.compile(r"(^\s*(?:```|~~~)[^\n]*\n.*?^\s*(?:```|~~~)\s*$)", re.M | re.S)


def plain(text: str) -> str:
    """``text`` without inline marks, table rows as lines that can be read alone.

    Fenced code stays as it is; the address of a web link is kept behind its words.
    """
    parts = _FENCED.split(text)
    return "".join(part if position % 2 else _TABLE.sub(_rows, _inline(part)) for position, part in enumerate(parts))


def _rows(match: re.Match[str]) -> str:
    """``| Plan | Price |`` over ``| Team | €8 |`` becomes ``- Team: Price: €8.``: a row without its header says nothing."""
    lines = [line for line in match.group().splitlines() if not _DIVIDER.match(line)]
    cells = [_cells(line) for line in lines]
    if len(cells) < 2 or any(len(row) != len(cells[0]) for row in cells):
        return match.group()  # no table, or one of divider lines only
    header, *rows = cells
    return "\n".join(_row(header, row) for row in rows) + "\n"


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _row(header: list[str], row: list[str]) -> str:
    facts = "; ".join(
        f"{name}: {value}" if name else value for name, value in zip(header[1:], row[1:], strict=True) if value
    )
    subject = (
        f"{header[0]} {row[0]}" if header[0] and row[0] and not row[0].lower().startswith(header[0].lower()) else row[0]
    )
    return f"- {subject}: {facts}." if facts else f"- {subject}."


def _inline(text: str) -> str:
    text = _ESCAPED.sub(lambda match: chr(_PRIVATE + ord(match[1])), text)
    text = _IMAGE.sub(r"\1", text)
    text = _LINK.sub(_linked, text)
    text = _AUTOLINK.sub(r"\1", text)
    text = _CODE.sub(r"\2", text)
    text = _STRONG.sub(lambda match: match[2] or match[4], text)
    text = _EMPHASIS.sub(lambda match: match[1] or match[2], text)
    return "".join(chr(ord(sign) - _PRIVATE) if _PRIVATE < ord(sign) < _PRIVATE + 128 else sign for sign in text)


def _linked(match: re.Match[str]) -> str:
    words, address = match[1], match[2]
    if not re.match(r"https?://|mailto:", address, re.I) or address.removeprefix("mailto:") in words:
        return words
    return f"{words} ({address.removeprefix('mailto:')})"
