"""The ``[openings]`` and ``[programs]`` tables of ``appliance.toml``: what people whom we do not know may open, how fast, and what looks like spam."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from appliance.section import Section

_Count = Annotated[int, Field(ge=0)]


class ProgramLimits(Section):
    """How often one program's key may ask: so many at once, then so many an hour. 0 is no limit."""

    burst: _Count = 120
    per_hour: _Count = 36_000


class Openings(Section):
    """Limits for conversations that nobody vouches for. A limit of 0 is none.

    Each limit is a bucket that holds so many and is filled at so many an hour. The clients behind one address share one.
    """

    per_client: _Count = 60
    per_client_per_hour: _Count = 600
    total: _Count = 1_000
    total_per_hour: _Count = 20_000
    form_per_client: _Count = 10
    """Presses of the contact form's button, unsuccessful ones included."""
    form_per_client_per_hour: _Count = 60
    form_min_s: Annotated[float, Field(ge=0, le=60)] = 2.0
    """Nobody reads and fills in the form faster; it is shown again, and goes through with the next press."""
    form_max_h: Annotated[float, Field(gt=0)] = 24.0
    """Age at which a form is shown again before it goes through."""
    max_links: Annotated[int, Field(ge=1)] = 3
    """A message with so many links and few words beside them goes to people as suspected spam."""
    repeats: Annotated[int, Field(ge=1)] = 3
    """A longer text that came this often within a day goes to people as suspected spam from the next time on."""
