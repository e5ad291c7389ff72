"""Visible HTML to Markdown: headings, lists, tables and code keep their shape, for chunking and for quoting."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bs4 import Tag
from bs4.element import NavigableString

_HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}
_BLOCKS = frozenset(
    ("address", "article", "blockquote", "body", "center", "dd", "details", "div", "dl", "dt", "fieldset", "figcaption",
     "figure", "header", "hgroup", "html", "main", "p", "section", "summary")
)  # fmt: skip
_MAX_DEPTH = 150
"""Deeper nesting than any page needs; below it only plain text is kept, so that a hostile page cannot exhaust the stack."""


def to_markdown(tag: Tag) -> str:
    """Blocks apart by one empty line; list items and table rows one a line."""
    return "\n\n".join(block for block in _blocks(tag, 0) if block.strip())


def _blocks(tag: Tag, depth: int) -> Iterator[str]:
    """The blocks within ``tag``; text between them becomes a paragraph of its own."""
    if depth > _MAX_DEPTH:
        yield _flat(tag.get_text(" "))
        return
    inline: list[str] = []
    for child in tag.children:
        if isinstance(child, Tag) and _is_block(child):
            yield _paragraph(inline)
            inline = []
            yield from _block(child, depth + 1)
        else:
            inline.append(_inline(child, depth + 1))
    yield _paragraph(inline)


def _is_block(tag: Tag) -> bool:
    return tag.name in _BLOCKS or tag.name in _HEADINGS or tag.name in ("ul", "ol", "table", "pre", "hr")


def _block(tag: Tag, depth: int) -> Iterator[str]:
    if tag.name in _HEADINGS:
        text = _flat(tag.get_text(" "))
        yield f"{_HEADINGS[tag.name]} {text}" if text else ""
    elif tag.name in ("ul", "ol"):
        yield "\n".join(_items(tag, depth, ""))
    elif tag.name == "table":
        yield "\n".join(_rows(tag))
    elif tag.name == "pre":
        yield f"```\n{tag.get_text().strip(chr(10))}\n```"
    else:
        yield from _blocks(tag, depth)


def _items(tag: Tag, depth: int, indent: str) -> Iterator[str]:
    """List items, nested lists indented by the width of their parent's marker."""
    for number, item in enumerate(tag.find_all("li", recursive=False), start=1):
        marker = f"{number}. " if tag.name == "ol" else "- "
        below = indent + " " * len(marker)
        first = True
        for line in _item_lines(item, depth + 1, below):
            yield f"{indent}{marker}{line}" if first else line
            first = False


def _item_lines(item: Tag, depth: int, below: str) -> Iterator[str]:
    """The item's own text, then its nested lists and further blocks, already indented."""
    inline: list[str] = []
    rest: list[str] = []
    if depth > _MAX_DEPTH:
        yield _flat(item.get_text(" "))
        return
    for child in item.children:
        if isinstance(child, Tag) and child.name in ("ul", "ol"):
            rest += _items(child, depth + 1, below)
        elif isinstance(child, Tag) and _is_block(child):
            blocks = [block for block in _block(child, depth + 1) if block.strip()]
            plain = child.name not in ("pre", "table")
            if plain and not rest:
                inline += [f" {block}" for block in blocks]
            else:
                rest += [f"{below}{line}" for block in blocks for line in block.split("\n")]
        elif rest:
            text = _flat(_inline(child, depth + 1))
            rest += [f"{below}{text}"] if text else []
        else:
            inline.append(_inline(child, depth + 1))
    yield _flat("".join(inline))
    yield from rest


def _rows(table: Tag) -> Iterator[str]:
    """Rows as ``| a | b |``; the first row is taken as the header, which Markdown cannot do without."""
    for index, row in enumerate(table.find_all("tr")):
        cells = [_flat(cell.get_text(" ")).replace("|", "\\|") for cell in row.find_all(["td", "th"])]
        if any(cells):
            yield f"| {' | '.join(cells)} |"
            if index == 0:
                yield f"|{' --- |' * len(cells)}"


def _inline(node: object, depth: int) -> str:
    """Text of a run inside a paragraph; code and links keep their marks."""
    if not isinstance(node, Tag):
        return re.sub(r"\s+", " ", node) if isinstance(node, NavigableString) else ""
    if node.name in ("br", "img"):
        return "\n" if node.name == "br" else f" {node.get('alt') or ''} "
    if depth > _MAX_DEPTH:
        return node.get_text(" ")
    text = "".join(_inline(child, depth + 1) for child in node.children)
    return _marked(node, text) if text.strip() else text


def _marked(tag: Tag, text: str) -> str:
    if tag.name in ("code", "kbd", "samp") and "`" not in text:
        return f"`{_flat(text)}`"
    href = str(tag.get("href") or "") if tag.name == "a" else ""
    if href.startswith(("https://", "http://", "/")):
        return f"[{_flat(text)}]({href.replace(')', '%29').replace(' ', '%20')})"
    return text


def _paragraph(inline: list[str]) -> str:
    """``<br>`` ends a line; any other white space is one space, as a browser shows it."""
    lines = (_flat(line) for line in re.sub(r"[^\S\n]+", " ", "".join(inline)).split("\n"))
    return "\n".join(line for line in lines if line)


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
