"""Takes out of a page what its reader does not see. Hidden text is how a page instructs a model behind its author's back."""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, Comment, Tag
from bs4.element import PreformattedString

_FURNITURE = (
    "script", "style", "template", "noscript", "nav", "footer", "aside", "form", "iframe", "object", "embed", "svg",
    "canvas", "audio", "video", "button", "dialog", "head",
)  # fmt: skip
_HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|(?<![-\w])opacity\s*:\s*0*\.?0+(?![.\d])"
    r"|font-size\s*:\s*0*\.?0+(?![.\d])|font\s*:[^;]*\b0(?:px|pt|em)?[ /]"
    r"|(?<![-\w])(?:width|height|max-width|max-height)\s*:\s*0+(?![.\d])|text-indent\s*:\s*-\d{3,}"
    r"|(?:left|top|right|bottom)\s*:\s*-\d{3,}|clip\s*:\s*rect\(\s*0|clip-path\s*:\s*inset\(\s*(?:50|100)%"
    r"|(?<![-\w])color\s*:\s*(?:white\b|transparent\b|#fff(?:fff)?\b|rgba?\(\s*255\s*,\s*255\s*,\s*255|rgba\([^)]*,\s*0\s*\))",
    re.IGNORECASE,
)
_BACKGROUND = re.compile(r"background(?:-color)?\s*:\s*(?!white|#fff|transparent|none|inherit)", re.IGNORECASE)
_COLOUR_ONLY = re.compile(r"(?<![-\w])color\s*:", re.IGNORECASE)
_RULE = re.compile(r"([^{}]{1,2000})\{([^{}]{0,4000})\}")
_SIMPLE_SELECTOR = re.compile(r"^(?:[a-zA-Z][\w-]*)?([.#][\w-]+)$")


def remove_unseen(soup: BeautifulSoup) -> list[str]:
    """Removes scripts, page furniture, comments and hidden elements from ``soup``; returns what hidden elements said.

    Furniture (menus, footers) is not reported: it is seen, it is just not the article.
    """
    hidden_names = _hidden_names(soup)
    said: list[str] = []
    waiting: list[Tag] = [soup]
    while waiting:  # never enters what it removed: a page nested 100,000 deep takes linear time
        inside: list[Tag] = []
        for node in list(waiting.pop().children):
            if isinstance(node, PreformattedString):
                said += [" ".join(node.split())] if isinstance(node, Comment) and len(node.split()) > 3 else []
                node.extract()
            elif isinstance(node, Tag) and (node.name in _FURNITURE or _is_hidden(node, hidden_names)):
                said += [] if node.name in _FURNITURE else [" ".join(node.get_text(" ").split())]
                node.decompose()
            elif isinstance(node, Tag):
                inside.append(node)
        waiting += reversed(inside)
    return [text for text in said if text]


def _is_hidden(tag: Tag, hidden_names: frozenset[str]) -> bool:
    if tag.has_attr("hidden") or (tag.name == "input" and tag.get("type") == "hidden"):
        return True
    if hides(str(tag.get("style") or "")):
        return True
    names = {f".{name}" for name in tag.get_attribute_list("class") if name} | {f"#{tag.get('id')}"}
    return bool(names & hidden_names)


def hides(style: str) -> bool:
    """Whether these declarations take an element out of sight. White text counts unless a background is set beside it."""
    return any(
        not (_COLOUR_ONLY.match(match.group()) and _BACKGROUND.search(style)) for match in _HIDING.finditer(style)
    )


def _hidden_names(soup: BeautifulSoup) -> frozenset[str]:
    """``.class`` and ``#id`` selectors which the page's own style sheets hide."""
    names: set[str] = set()
    for sheet in soup.find_all("style"):
        for selectors, declarations in _RULE.findall(sheet.get_text()):
            if hides(declarations):
                matches = (_SIMPLE_SELECTOR.match(part.strip()) for part in selectors.split(","))
                names.update(match.group(1) for match in matches if match)
    return frozenset(names)
