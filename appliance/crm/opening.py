"""From the settings to the CRM's connector: the one place that chooses it. Asks nobody."""

from __future__ import annotations

import os
from pathlib import Path

from appliance.config import Config
from appliance.crm.record import Connector
from appliance.errors import ConfigInvalid

SECRET = "APPLIANCE_CRM_SECRET"  # noqa: S105 - the name of a variable


def open_connector(config: Config) -> Connector | None:
    """None without a CRM. Raises ``ConfigInvalid``."""
    crm = config.crm
    match crm.kind:
        case "csv":
            from appliance.crm.csv_file import CsvFile

            return CsvFile(crm)
        case "sql":
            from appliance.crm.sql_query import SqlQuery

            return SqlQuery(crm, secret_of(config))
        case "http":
            from appliance.crm.http_lookup import HttpLookup
            from appliance.outgoing.client import Client

            return HttpLookup(crm, secret_of(config), Client(config.outgoing))
        case _:
            return None


def secret_of(config: Config) -> str:
    """Empty when there is none. Raises ``ConfigInvalid``."""
    file = config.crm.secret_file
    if not file:
        return os.environ.get(SECRET, "")
    try:
        return Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(
            f"crm.secret_file cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}.",
            remedy="Check the path and its permissions.",
        ) from error
