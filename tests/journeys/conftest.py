"""Fixtures of the journeys."""

from web_fixtures import browser, client, host_site, server, visitor

__all__ = ["browser", "client", "host_site", "server", "visitor"]
