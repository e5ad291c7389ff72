"""Takes out of a page what its reader does not see. Hidden text is how a page instructs a model behind its author's back."""

from __future__ import annotations

import re
from collections.abc import Collection

from bs4 import BeautifulSoup, Comment, Tag
from bs4.element import PreformattedString

from kb.sources import hidden
from kb.sources.hidden import Hidden

_FURNITURE = (
    "script", "style", "template", "noscript", "nav", "footer", "aside", "form", "iframe", "object", "embed", "svg",
    "canvas", "audio", "video", "button", "dialog", "head",
)  # fmt: skip
_HIDING = re.compile(
    r"display\s*:\s*none|(?<![-\w])visibility\s*:\s*(?:hidden|collapse)|content-visibility\s*:\s*hidden|(?<![-\w])opacity\s*:\s*0*\.?0\d*(?![.\d])"
    r"|filter\s*:[^;]*opacity\(\s*0*\.?0*%?\s*\)"
    r"|font-size\s*:\s*(?:0*\.?0+(?![.\d])|0*\.\d+(?:px|pt)|[12](?:\.\d+)?(?:px|pt))|font\s*:[^;]*\b0(?:px|pt|em)?[ /]"
    r"|(?<![-\w])(?:width|height|max-width|max-height)\s*:\s*(?:0+(?![.\d])|[01]px)|text-indent\s*:\s*-\d{3,}"
    r"|transform\s*:[^;]*(?:scale[XY]?\(\s*0*\.?0*\s*[,)]|translate[XY]?\(\s*-\d{3,})"
    r"|(?:left|top|right|bottom)\s*:\s*-\d{3,}|clip\s*:\s*rect\(\s*0|clip-path\s*:\s*(?:inset\(\s*(?:50|100)%|circle\(\s*0)"
    r"|(?<![-\w])color\s*:\s*(?:white(?:smoke)?\b|snow\b|ivory\b|ghostwhite\b|transparent\b|#f[c-f]?f[c-f]?f[c-f]?\b|rgba?\(\s*25[0-5]\s*,\s*25[0-5]\s*,\s*25[0-5]"
    r"|rgba\([^)]*,\s*0\s*\)|hsla?\([^)]*,\s*(?:9[7-9]|100)%)",
    re.IGNORECASE,
)
_CSS_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_CSS_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))")
_BACKGROUND = re.compile(r"background(?:-color)?\s*:\s*(?!white|#fff|transparent|none|inherit)", re.IGNORECASE)
_COLOUR_ONLY = re.compile(r"(?<![-\w])color\s*:", re.IGNORECASE)
_SAME_COLOUR = re.compile(r"(?<![-\w])color\s*:\s*([#\w]+)(?![\w(])", re.IGNORECASE)
_BACKGROUND_COLOUR = re.compile(r"background(?:-color)?\s*:\s*([#\w]+)(?![\w(])", re.IGNORECASE)
_PRINTED = re.compile(
    r"@media[^{}]{0,200}\bprint\b[^{}]{0,200}\{(?:[^{}]{0,4000}\{[^{}]{0,4000}\}){0,500}?[^{}]{0,100}\}", re.IGNORECASE
)
"""Rules for paper only: what is not printed is still read."""
_SCREEN_READERS = frozenset(
    ("sr-only", "visually-hidden", "visuallyhidden", "screen-reader-text", "screen-reader-only")
)
_READ_ALOUD_ONLY = 5
"""Words of an ``aria-hidden`` element up to which it is an ornament."""
_RULE = re.compile(r"([^{}]{1,2000})\{([^{}]{0,4000})\}")
_WHITE = re.compile(r"white|#fff(?:fff)?", re.IGNORECASE)
_SIMPLE_SELECTOR = re.compile(r"^(?:[a-zA-Z][\w-]*)?([.#][\w-]+)$")


def remove_unseen(soup: BeautifulSoup) -> list[Hidden]:
    """Removes scripts, page furniture, comments and hidden elements from ``soup``; returns what these two said.

    Furniture (menus, footers) is not reported: it is seen, it is just not the article. Text that only screen readers are kept from
    (``aria-hidden``) is seen, so it stays, and is reported where it is more than an ornament.
    """
    hidden_names = _hidden_names(soup)
    aside = soup.find(["main", "article"]) is not None or soup.find(None, {"role": "main"}) is not None
    said: list[Hidden] = []
    waiting: list[tuple[Tag, bool]] = [(soup, aside)]
    while waiting:  # never enters what it removed: a page nested 100,000 deep takes linear time
        tag, outside = waiting.pop()
        inside: list[tuple[Tag, bool]] = []
        for node in list(tag.children):
            if isinstance(node, PreformattedString):
                said += _comments(node, aside=outside)
                node.extract()
            elif isinstance(node, Tag) and node.name in _FURNITURE:
                node.decompose()
            elif isinstance(node, Tag) and _is_hidden(node, hidden_names):
                said.append(_element(node, aside=outside))
                node.decompose()
            elif isinstance(node, Tag):
                said += _kept_from_screen_readers(node, aside=outside)
                inside.append((node, outside and not _is_main(node)))
        waiting += reversed(inside)
    return [one for one in said if one.text]


def _comments(node: PreformattedString, *, aside: bool) -> list[Hidden]:
    """A word or two, as templates leave them on every page, are not worth a line."""
    found = hidden.comment(_flat(node), aside=aside)
    return [found] if isinstance(node, Comment) and (found.holds or len(node.split()) > hidden.FEW_WORDS) else []


def _element(node: Tag, *, aside: bool) -> Hidden:
    classes = {str(name) for name in node.get_attribute_list("class")}
    return hidden.element(_flat(node.get_text(" ")), for_screen_readers=for_screen_readers(classes), aside=aside)


def _kept_from_screen_readers(node: Tag, *, aside: bool) -> list[Hidden]:
    if str(node.get("aria-hidden") or "").lower() != "true" or aside:
        return []
    text = _flat(node.get_text(" "))
    return [Hidden("hidden_element", text)] if len(text.split()) > _READ_ALOUD_ONLY else []


def _is_main(tag: Tag) -> bool:
    return tag.name in ("main", "article") or tag.get("role") == "main"


def _flat(text: str) -> str:
    return " ".join(text.split())


def _is_hidden(tag: Tag, hidden_names: frozenset[str]) -> bool:
    if tag.has_attr("hidden") or (tag.name == "input" and tag.get("type") == "hidden"):
        return True
    if hides(str(tag.get("style") or "")) or (tag.name == "font" and _WHITE.fullmatch(str(tag.get("color") or ""))):
        return True
    classes = {str(name) for name in tag.get_attribute_list("class") if name}
    names = {f".{name}" for name in classes} | {f"#{tag.get('id')}"}
    return bool(names & hidden_names) or for_screen_readers(classes)


def for_screen_readers(classes: Collection[str]) -> bool:
    """Whether one of the usual classes takes the element out of sight; their style sheet is seldom part of the file."""
    return not _SCREEN_READERS.isdisjoint(classes)


def hides(style: str) -> bool:
    """Whether these declarations take an element out of sight. White text counts unless a background is set beside it."""
    style = _CSS_ESCAPE.sub(_unescaped, _CSS_COMMENT.sub("", style))
    colour, background = _SAME_COLOUR.search(style), _BACKGROUND_COLOUR.search(style)
    if (
        colour
        and background
        and colour.group(1).lower() == background.group(1).lower() not in ("inherit", "currentcolor")
    ):
        return True
    return any(
        not (_COLOUR_ONLY.match(match.group()) and _BACKGROUND.search(style)) for match in _HIDING.finditer(style)
    )


def _unescaped(match: re.Match[str]) -> str:
    """``n\\6fne`` is ``none`` to a browser."""
    return match[2] or chr(min(int(match[1], 16), 0xFFFF))


def _hidden_names(soup: BeautifulSoup) -> frozenset[str]:
    """``.class`` and ``#id`` selectors which the page's own style sheets hide."""
    names: set[str] = set()
    for sheet in soup.find_all("style"):
        for selectors, declarations in _RULE.findall(_PRINTED.sub("", sheet.get_text())):
            if hides(declarations):
                matches = (_SIMPLE_SELECTOR.match(part.strip()) for part in selectors.split(","))
                names.update(match.group(1) for match in matches if match)
    return frozenset(names)
