"""The security tests of the web use the journeys' servers and browsers."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "journeys"))
# the hosted rung's house and server
sys.path.extend(str(Path(__file__).parents[1] / one) for one in ("appliance", "appliance/egress", "contracts"))

from web_fixtures import browser, client, host_site, server, visitor

__all__ = ["browser", "client", "host_site", "server", "visitor"]
