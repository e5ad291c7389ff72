"""Articles as pages. Authors' text is imported from anywhere, so it is untrusted: an allow-list decides what of it becomes markup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup, escape

_TAGS = frozenset(
    [
        "p",
        "br",
        "hr",
        "h2",
        "h3",
        "h4",
        "ul",
        "ol",
        "li",
        "strong",
        "em",
        "del",
        "code",
        "pre",
        "blockquote",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "a",
    ],
)


def _image_in_words(renderer: Any, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    return str(escape(renderer.renderInlineAsText(tokens[index].children or [], options, env)))


def article_html(text: str) -> Markup:
    """Markdown to safe HTML: no raw HTML, no images (they would tell other hosts who reads what), links to the web and by mail only."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("image", _image_in_words)
    tokens = parser.parse(text)
    for token in tokens:
        if token.tag == "h1":  # the page's own title is its only first-level heading
            token.tag = "h2"
    rendered = parser.renderer.render(tokens, parser.options, {})
    clean = nh3.clean(
        rendered,
        tags=set(_TAGS),
        clean_content_tags={"script", "style"},
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
    )
    return Markup(clean)  # noqa: S704 - what nh3 has let through
