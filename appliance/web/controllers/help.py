"""An article of the knowledge base as a page: what a citation links to when the article has no address of its own."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from litestar import Controller, Response, get
from litestar.params import FromPath
from litestar.response import Template

from appliance.errors import NotFound
from appliance.web.controllers.conversations import TheDoors
from appliance.web.markdown import article_html
from kb.article import Visibility

_FRESH = {"Cache-Control": "no-cache"}


class HelpController(Controller):
    include_in_schema = False

    @get("/help/{article_id:path}")
    async def article(self, article_id: FromPath[str], doors: TheDoors) -> Response[Any]:
        """The article, when everybody may read it today; anything else does not exist."""
        article = await asyncio.to_thread(doors.knowledge.articles.get, str(article_id).removeprefix("/"))
        anybody = Visibility(frozenset({"public"}), datetime.now(UTC).date())
        if article is None or not anybody.allows(article):
            raise NotFound("There is no such article.", remedy="Ask in the chat, or write to us.")
        context = {"article": article, "content": article_html(article.text)}
        return Template("article.html", context=context, headers=_FRESH)
