"""The desks that are known, by kind. A new one: its file, its line here, its kind in ``desk_settings``, and its wire in the tests' server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.channels.desks.adapter import Desk
from appliance.channels.desks.chatwoot import Chatwoot
from appliance.channels.desks.zammad import Zammad
from appliance.channels.desks.zendesk import Zendesk
from appliance.desk_settings import DeskSettings
from appliance.errors import ConfigInvalid

_MIN_SECRET = 16

KINDS: Mapping[str, Desk] = {"zammad": Zammad(), "chatwoot": Chatwoot(), "zendesk": Zendesk()}


@dataclass(frozen=True, slots=True)
class OpenDesk:
    """A configured desk with its adapter and what its files hold."""

    settings: DeskSettings
    desk: Desk
    token: str
    secret: str

    def __repr__(self) -> str:
        return f"OpenDesk({self.settings.name!r})"  # neither key may end in a log

    @property
    def name(self) -> str:
        return self.settings.name


def open_desks(settings: tuple[DeskSettings, ...]) -> dict[str, OpenDesk]:
    """By name. Raises ``ConfigInvalid`` for a name given twice and for a file that cannot be read or holds too little."""
    desks: dict[str, OpenDesk] = {}
    for one in settings:
        if one.name in desks:
            raise ConfigInvalid(
                f"Two desks are called {one.name}.", remedy="Give each table of [[desks]] a name of its own."
            )
        token, secret = _held(one.token_file), _held(one.secret_file)
        if len(secret) < _MIN_SECRET:
            raise ConfigInvalid(
                f"The webhook secret of desk {one.name} has fewer than {_MIN_SECRET} characters.",
                remedy="Make one with: openssl rand -hex 32",
            )
        desks[one.name] = OpenDesk(one, KINDS[one.kind], token, secret)
    return desks


def _held(file: str) -> str:
    try:
        held = Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(
            f"{file} cannot be read: {type(error).__name__}.", remedy="Check the path in [[desks]] and its permissions."
        ) from error
    if not held or not held.isprintable() or not held.isascii():
        raise ConfigInvalid(f"{file} holds no key.", remedy="Put the key, and nothing else, into the file.")
    return held
