"""The chat: a full page, and the panel that the widget shows inside other pages."""

from __future__ import annotations

from typing import Any

from litestar import Controller, get
from litestar.response import Redirect, Response, Template
from litestar.serialization import encode_json

from appliance.web.controllers.conversations import TheDoors

_FRESH = {"Cache-Control": "no-store"}


class ChatController(Controller):
    include_in_schema = False

    @get("/")
    async def start(self) -> Redirect:
        return Redirect("/chat", status_code=307)

    @get("/chat")
    async def page(self, doors: TheDoors) -> Response[Any]:
        context = {"mode": "page", "embed_origins": "[]", "form_token": doors.strangers.form_token()}
        return Template("chat.html", context=context, headers=_FRESH)

    @get("/embed")
    async def panel(self, doors: TheDoors) -> Response[Any]:
        """Browsers show it only inside our own pages and the configured origins; its script talks to these origins alone."""
        origins = encode_json(doors.config.server.allowed_embed_origins).decode()
        context = {"mode": "embed", "embed_origins": origins, "form_token": doors.strangers.form_token()}
        return Template("chat.html", context=context, headers=_FRESH)
