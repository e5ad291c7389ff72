"""What a CRM is to the appliance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from appliance.customer_settings import Crm


@dataclass(frozen=True, slots=True)
class Record:
    """A customer as the CRM has them. ``tier`` in the CRM's own words."""

    tier: str
    name: str = ""
    id: str = ""
    email: str = ""


class Connector(Protocol):
    """Asks one CRM. Called from several threads at once."""

    def look(self, *, id: str, email: str) -> Record | None:
        """The customer with this id or address (either may be empty); None: the CRM has none. Raises ``CrmDown`` and blocks for ``crm.timeout_s`` at most."""
        ...

    def state(self) -> str:
        """What there is to say of it beside whether it answers, such as lines that cannot be used. Asks nobody."""
        ...

    def close(self) -> None: ...


def column(crm: Crm, name: str) -> str:
    """How the CRM calls that field."""
    return crm.fields.get(name, name)  # type: ignore[call-overload, no-any-return] # the keys are literals; names come from FIELDS


def text(value: object) -> str:
    """A cell as a line of text: no line breaks, no control characters, at most 300 characters."""
    if value is None:
        return ""
    return " ".join("".join(char if char.isprintable() else " " for char in str(value)).split())[:300]
