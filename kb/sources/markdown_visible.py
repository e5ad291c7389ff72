"""Takes out of Markdown what its reader does not see: comments, and HTML elements that hide themselves. Code stays as it is."""

from __future__ import annotations

import re
from html import unescape
from typing import Literal

from kb.sources import hidden
from kb.sources.characters import clean
from kb.sources.hidden import Hidden
from kb.sources.html_visible import for_screen_readers, hides
from kb.sources.instructions import instructions

_TOKEN = re.compile(
    r"(?P<code>^\ {0,3}(?P<fence>`{3,}(?=[^`\n]*$)|~{3,}).*?(?:^\ {0,3}(?P=fence)[`~]*[ \t]*$|\Z)|(?<!\\)`[^`\n]+`)"
    r"|(?P<comment><!--(?P<said>.*?)(?:-->|\Z)|^\ {0,3}\[[^\]\n]{1,60}\]:[ \t]*(?:\#|<>)[ \t]*(?P<note>.*)$|^\[comment\]:(?P<remark>.*)$)"
    r"|(?P<markup>^\ {0,3}<\?(?P<told>.*?)(?:\?>|\Z)|<\?(?P<inline>[^<>]{0,1000})\?>|<!(?:\[CDATA\[|[A-Za-z])(?P<declared>[^<>]{0,1000})>)"
    r"|(?P<definition>(?<=\])(?P<address>:[ \t]*\S+)[ \t]+(?P<title>\"[^\"\n]*\"|'[^'\n]*'|\([^()\n]*\))[ \t]*$)"
    r"|(?P<tag><(?P<closing>/?)(?P<name>[a-zA-Z][a-zA-Z0-9]{0,15})\b(?P<attributes>[^<>]{0,1000})>)",
    re.MULTILINE | re.DOTALL,
)
_LINE = re.compile(r"[^\n]*")
_HIDDEN_ATTRIBUTE = re.compile(r"(?:^|\s)hidden(?=[\s=/]|$)", re.IGNORECASE)
_STYLE = re.compile(r"\bstyle\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))", re.IGNORECASE)
_CLASS = re.compile(r"\bclass\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))", re.IGNORECASE)
_WHITE = re.compile(r"\bcolor\s*=\s*[\"']?(?:white|#fff(?:fff)?)\b", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[^<>]{0,1000}>")
_VOID = frozenset(("br", "img", "hr", "input", "meta", "link", "wbr", "area", "base", "col", "source", "track"))
_PROGRAMS = frozenset(("script", "style", "template", "noscript", "head", "title"))
"""Never shown in a page, whatever they hold."""
_LONGEST_ELEMENT = 20_000
"""How far the end of a hidden element is looked for: a file of a million beginnings must not take hours."""
_PARAGRAPH_END = re.compile(r"\n[ \t]*\n|\Z")


def without_hidden(text: str) -> tuple[str, list[Hidden]]:
    """The visible part of ``text``, and what the rest said."""
    found = list(clean(unescape(text)).hidden) if "&#" in text else []
    parts: list[str] = []
    position = 0
    while token := _TOKEN.search(text, position):
        start, end = token.span()
        if token["comment"] is not None:
            end, said = _comment(token)
            parts.append(text[position:start])
            found.append(hidden.comment(said))
        elif token["markup"] is not None:
            parts.append(text[position:start])
            found.append(
                hidden.comment(" ".join((token["told"] or token["inline"] or token["declared"] or "").split()))
            )
        elif token["definition"] is not None:
            parts.append(text[position:start] + token["address"])
            found.append(hidden.comment(token["title"][1:-1]))
        elif token["tag"] and not token["closing"] and (hiding := _hides(token)):
            end = _element_end(text, token)
            parts.append(text[position:start])
            found.append(_element(_words(text[start:end]), hiding))
        else:
            parts.append(text[position:end])
        position = end
    parts.append(text[position:])
    return "".join(parts), [one for one in found if one.text]


def _comment(token: re.Match[str]) -> tuple[int, str]:
    """Where it ends, and what it says. All but ``<!-- -->`` end with their line."""
    if token["said"] is not None:
        return token.end(), " ".join(token["said"].split())
    line = _LINE.match(token.string, token.start())
    end = line.end() if line else token.end()
    said = token.string[token.start() : end].partition("]:")[2].strip()
    return end, said.removeprefix("#").removeprefix("<>").strip(" \t\"'()")


def _element(said: str, hiding: str) -> Hidden:
    """A program of the page holds its article only where it speaks to a model: it is left out in any case, and most are honest."""
    if hiding == "program":
        return Hidden("hidden_element", said, holds=bool(instructions(said)))
    return hidden.element(said, for_screen_readers=hiding == "screen_readers")


def _hides(tag: re.Match[str]) -> Literal["", "style", "program", "screen_readers"]:
    """What takes this element out of sight; empty when nothing does."""
    attributes, name = tag["attributes"], tag["name"].lower()
    if name in _PROGRAMS:
        return "program"
    if not attributes or name in _VOID:
        return ""
    classes = _CLASS.search(attributes)
    if classes and for_screen_readers(next(filter(None, classes.groups()), "").split()):
        return "screen_readers"
    return "style" if _out_of_sight(name, attributes) else ""


def _out_of_sight(name: str, attributes: str) -> bool:
    style = _STYLE.search(attributes)
    return (
        _HIDDEN_ATTRIBUTE.search(_STYLE.sub("", attributes)) is not None
        or (style is not None and hides(unescape(next(filter(None, style.groups()), ""))))
        or (name == "font" and _WHITE.search(attributes) is not None)
    )


def _element_end(text: str, opening: re.Match[str]) -> int:
    """Where a hidden element ends; one that nobody closes ends with its paragraph."""
    name, depth = opening["name"].lower(), 1
    same = re.compile(rf"<(/?){name}\b[^<>]{{0,1000}}>", re.IGNORECASE)
    for tag in same.finditer(text, opening.end(), opening.end() + _LONGEST_ELEMENT):
        depth += -1 if tag.group(1) else 1
        if depth == 0:
            return tag.end()
    paragraph = _PARAGRAPH_END.search(text, opening.end())
    return paragraph.start() if paragraph else len(text)


def _words(markup: str) -> str:
    return " ".join(unescape(_ANY_TAG.sub(" ", markup)).split())
