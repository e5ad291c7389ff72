"""An article of the knowledge base as a page: what a citation links to when the article has no address of its own."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from typing import Any

from litestar import Controller, Response, get
from litestar.params import FromPath
from litestar.response import Template

from appliance.errors import NotFound
from appliance.web.controllers.conversations import TheDoors
from appliance.web.markdown import article_html
from kb.article import Article

_FRESH = {"Cache-Control": "no-cache"}


class HelpController(Controller):
    include_in_schema = False

    @get("/help/{article_id:path}")
    async def article(self, article_id: FromPath[str], doors: TheDoors) -> Response[Any]:
        """The article, when everybody may read it today; anything else does not exist."""
        article = await asyncio.to_thread(doors.knowledge.articles.get, str(article_id).removeprefix("/"))
        if article is None or not is_public(article, datetime.now(UTC).date()):
            raise NotFound("There is no such article.", remedy="Ask in the chat, or write to us.")
        context = {"article": article, "content": article_html(article.text)}
        return Template("article.html", context=context, headers=_FRESH)


def is_public(article: Article, today: date) -> bool:
    """Approved, meant for anyone, and within its dates."""
    begun = article.valid_from is None or article.valid_from <= today
    ended = article.valid_until is not None and article.valid_until < today
    return article.approved and article.audience == "public" and begun and not ended
