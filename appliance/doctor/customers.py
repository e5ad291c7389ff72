"""Who customers are: the keys of signed identities, and the CRM."""

from __future__ import annotations

import time

from appliance.config import Config
from appliance.crm.book import Book
from appliance.crm.opening import open_connector
from appliance.doctor.amiss import Amiss
from appliance.errors import CrmDown
from appliance.identity.opening import open_verifier

_NOBODY = "appliance-doctor"
"""An id and an address that no customer has."""


def identity(config: Config) -> str:
    """Raises ``ConfigInvalid`` when a key cannot be used."""
    open_verifier(config.identity)
    chosen = config.identity
    match chosen.mode:
        case "off":
            return "no signed identities: every visitor of the chat is anonymous"
        case "hmac":
            said = "signed identities by HMAC"
        case _:
            said = f"signed identities by JWT ({chosen.algorithm}) of {chosen.issuer}"
    return f"{said}; two secrets are accepted" if chosen.previous_secret_file else said


def crm(config: Config) -> str:
    """Asks it for a customer that does not exist."""
    connector = open_connector(config)
    if connector is None:
        return "no CRM: tiers stand in the box's own customer table"
    book = Book(config.crm, connector, clock=time.monotonic, observe=lambda _: None)
    try:
        book.ask(id=_NOBODY, email=f"{_NOBODY}@invalid.invalid", within_s=config.crm.timeout_s + 1, keep=lambda _: None)
    except CrmDown as fault:
        raise Amiss(f"The CRM ({config.crm.kind}) does not answer: {fault.message}.", remedy=fault.remedy) from None
    finally:
        book.close()
    return book.state()
