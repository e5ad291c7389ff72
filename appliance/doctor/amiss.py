"""How a look says that something is not in order."""

from __future__ import annotations


class Amiss(Exception):
    """Not in order: ``message`` says what, ``remedy`` how to mend it. Never leaves the doctor."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
