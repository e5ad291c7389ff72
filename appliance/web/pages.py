"""The template environment: everything is escaped, a missing value is a fault, and links lead to the web or nowhere."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.template import TemplateConfig

from appliance.attachment import file_size
from appliance.config import Config
from appliance.policy import Policy
from appliance.web.assets import Assets

_RIGHT_TO_LEFT = {"ar", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"}


def web_link(url: str, own: str = "") -> str:
    """The address when a browser may follow it (http, https, or a path of ours), else nothing: no javascript:, data: or file:.

    ``own``: where the appliance believes to be found; visitors may reach it under another name, so for them it becomes a path.
    """
    if own and url.startswith(f"{own}/"):
        url = url.removeprefix(own)
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme in {"http", "https"}:
        return url if parts.netloc else ""
    return url if not parts.scheme and not parts.netloc and url.startswith("/") and "\\" not in url else ""


def direction(language: str) -> str:
    return "rtl" if language.partition("-")[0].lower() in _RIGHT_TO_LEFT else "ltr"


def _moment(value: datetime) -> str:
    return f"{value.day} {value:%B %Y, %H:%M} UTC"


def build_templates(policy: Policy, config: Config, assets: Assets) -> TemplateConfig[JinjaTemplateEngine]:
    """The engine with what every page shows: the company, its language, and the addresses of scripts and styles."""
    environment = Environment(
        loader=PackageLoader("appliance.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["web_link"] = partial(web_link, own=config.base_url)
    environment.filters["moment"] = _moment
    environment.filters["file_size"] = file_size
    environment.globals.update(
        company=policy.company,
        language=policy.language,
        page_language=policy.home,
        direction=direction(policy.language),
        static=f"/static/{assets.version}",
        own_url=config.base_url,
        max_chars=config.server.max_message_chars,
    )
    return TemplateConfig(instance=JinjaTemplateEngine.from_environment(environment))
