"""Mailboxes that are configured: whether their servers let us in, and how their reader last stood."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from appliance.channels.mail.checking import check_mailbox
from appliance.config import Config
from appliance.doctor.amiss import Amiss
from appliance.mailbox_settings import Mailbox
from appliance.store.database import Database
from appliance.store.mail import SqlMailboxes


def mailbox(config: Config, settings: Mailbox) -> str:
    tried = check_mailbox(settings)
    if wrong := [one for one in tried if not one.ok]:
        raise Amiss(" ".join(one.detail for one in wrong), remedy=wrong[0].fix)
    told = "; ".join(f"{one.what}: {one.detail}" for one in tried)
    reader = _reader(config, settings.name)
    return f"{told}; its reader last said: {reader}" if reader else told


def _reader(config: Config, name: str) -> str:
    """Empty where no appliance has read it, or where the database is of another version."""
    url = config.database_url
    if url.startswith("sqlite") and not Path(url.removeprefix("sqlite:///")).exists():
        return ""
    database = Database.look(url)
    try:
        return SqlMailboxes(database).states().get(name, ("", None))[0]
    except SQLAlchemyError:  # a schema that the next start brings up to date; `database` tells of it
        return ""
    finally:
        database.close()
