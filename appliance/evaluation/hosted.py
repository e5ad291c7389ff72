"""Which server a measurement of the hosted rung asks. Apart from the rung itself, so that other measurements import nothing of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Server:
    """Of this machine: measuring sends nothing out of the building, masked or not."""

    base_url: str
    model: str
    api_key_file: str = ""
    mask: bool = True
