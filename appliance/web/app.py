"""Puts the pages and the API together."""

from __future__ import annotations

from typing import Any

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.plugins.pydantic import PydanticPlugin

from appliance import __version__
from appliance.web.assets import load_assets
from appliance.web.controllers.admin import AdminController, SignInController
from appliance.web.controllers.attachments import AttachmentController
from appliance.web.controllers.chat import ChatController
from appliance.web.controllers.contact import ContactController
from appliance.web.controllers.conversations import ConversationController
from appliance.web.controllers.customers import CustomerController
from appliance.web.controllers.desks import DeskController
from appliance.web.controllers.egress import EgressController
from appliance.web.controllers.health import HealthController
from appliance.web.controllers.help import HelpController
from appliance.web.controllers.static import StaticController
from appliance.web.doors import Doors
from appliance.web.errors import answer_fault
from appliance.web.headers import embed_headers, page_headers, widget_headers
from appliance.web.pages import build_templates
from appliance.web.requests import JsonRequest
from appliance.web.shield import Shield
from appliance.web.stream import Streams
from appliance.web.traffic import Traffic


def create_app(doors: Doors, streams: Streams) -> Shield:
    """The ASGI application. It opens nothing and closes nothing: ``doors`` is open, and its owner closes it."""
    assets = load_assets()
    app = Litestar(
        route_handlers=[
            ConversationController,
            CustomerController,
            DeskController,
            AttachmentController,
            HealthController,
            StaticController,
            ChatController,
            ContactController,
            HelpController,
            SignInController,
            AdminController,
            EgressController,
        ],
        state=State({"doors": doors}),
        dependencies={"doors": _always(doors), "streams": _always(streams), "assets": _always(assets)},
        exception_handlers={Exception: answer_fault},
        template_config=build_templates(doors.policy, doors.config, assets),
        openapi_config=_openapi(doors.policy.company),
        request_max_body_size=doors.config.server.max_body_bytes,
        request_class=JsonRequest,
        # Litestar's own default overrules the models' strict=True: "5" and true would pass for numbers
        plugins=[PydanticPlugin(validate_strict=True)],
        debug=False,
        logging_config=None,
    )
    return Shield(
        app,
        Traffic(doors.metrics, streams),
        page_headers(),
        {"/embed": embed_headers(doors.config.server.allowed_embed_origins), "/widget.js": widget_headers()},
        doors.runner.admission,
    )


def _always(value: object) -> Provide:
    async def provide() -> Any:
        return value

    return Provide(provide)


def _openapi(company: str) -> OpenAPIConfig:
    # JSON only: the documentation pages that Litestar can serve load scripts from other hosts
    return OpenAPIConfig(
        title=f"{company} support appliance",
        version=__version__,
        path="/api/openapi.json",
        render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"])],
        use_handler_docstrings=True,
        components=Components(
            security_schemes={
                "conversation": SecurityScheme(type="http", scheme="bearer"),
                "program": SecurityScheme(
                    type="http", scheme="bearer", description="A program's key (appliance access add --scope)."
                ),
                "identity": SecurityScheme(type="apiKey", name="Support-Identity", security_scheme_in="header"),
            }
        ),
    )
