"""Bodies of webhooks: their JSON against a schema, and HTML as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from appliance.errors import InputInvalid, explain
from kb.sources.html_visible import hides

_MAX_DEPTH_ERROR = "The webhook's body is nested too deeply."
_MOST_HTML = 1_048_576
_MOST_STYLE = 500
_SIGNATURE = "js-signatureMarker"
"""The class by which Zammad marks where a signature begins."""
_UNSEEN = frozenset(
    ("head", "title", "script", "style", "template", "noscript", "blockquote", "object", "iframe", "svg")
)
_VOID = frozenset(("br", "hr", "img", "input", "meta", "link", "wbr", "col", "area", "base", "embed", "source"))
_INLINE = frozenset(
    ("a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "em", "font", "i", "img", "kbd", "label", "mark", "q", "s", "samp", "small",
     "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr")
)  # fmt: skip


class Wire(BaseModel):
    """The part of a desk's document that is read; desks add keys at will, so others are let be."""

    model_config = ConfigDict(frozen=True, extra="ignore")


Shape = TypeVar("Shape", bound=Wire)


def _id(value: Any) -> Any:
    """Desks write ids as numbers and as strings, the same desk from version to version."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Id = Annotated[str, BeforeValidator(_id)]


def parse(shape: type[Shape], body: bytes) -> Shape:
    """Raises ``InputInvalid`` that names keys and never values."""
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        raise InputInvalid(
            f"The webhook's body is not of the expected shape: {explain(error)}.",
            remedy="Check the webhook's set-up in the desk (docs/desks.md).",
        ) from error
    except RecursionError as error:
        raise InputInvalid(_MAX_DEPTH_ERROR) from error


def text_of_html(html: str) -> str:
    """The visible words. What the writer quotes, and what stands below a signature's mark, is not what they say now.

    Read as a stream, in one pass and without a tree: customers write this, and a tree of ten thousand tables takes minutes.
    """
    from lxml import etree  # takes a while to import; a box without desks never needs it

    parser = etree.HTMLParser(target=_Words(), recover=True, no_network=True, remove_comments=True)
    parser.feed(html[:_MOST_HTML].replace("\x00", "").encode("utf-8", "replace").decode())
    return str(parser.close())


class _Words:
    """Collects the words that a reader would see, one block a line."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._unseen = 0
        """How many open elements hide what is within them."""
        self._open: list[bool] = []
        self._below_mark = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._below_mark = self._below_mark or _SIGNATURE in attributes.get("class", "").split()
        self._break(tag)
        if tag in _VOID:
            return
        hidden = tag in _UNSEEN or "hidden" in attributes or hides(attributes.get("style", "")[:_MOST_STYLE])
        self._open.append(hidden)
        self._unseen += hidden

    def end(self, tag: str) -> None:
        if tag not in _VOID and self._open:
            self._unseen -= self._open.pop()
        self._break(tag)

    def data(self, text: str) -> None:
        if not self._unseen and not self._below_mark:
            self._pieces.append(text.replace("\r", " ").replace("\n", " "))

    def close(self) -> str:
        lines = (" ".join(line.split()) for line in "".join(self._pieces).split("\n"))
        return "\n".join(line for line in lines if line)

    def _break(self, tag: str) -> None:
        if tag not in _INLINE:
            self._pieces.append("\n")
