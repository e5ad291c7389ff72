"""Fixtures of the journeys."""

from mail_fixtures import open_desk, post, stocked
from web_fixtures import browser, client, host_site, server, visitor

__all__ = ["browser", "client", "host_site", "open_desk", "post", "server", "stocked", "visitor"]
