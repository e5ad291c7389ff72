"""Named places at which the recovery tests end the process with SIGKILL, as a power cut would. Nothing happens in a process that was not told to."""

from __future__ import annotations

import os
import signal

_WHERE = "APPLIANCE_CRASH_AT"
"""``name`` or ``name:n``: at the n-th time that the place is reached."""
POINTS = frozenset(
    (
        "received",
        "stored",
        "acknowledged",
        "begun",
        "identify",
        "language",
        "classify",
        "route",
        "retrieve",
        "told",
        "draft",
        "closing",
        "closed",
        "sent",
        "marked",
        "mail.fetched",
        "mail.stored",
        "mail.taken",
        "mail.flagged",
    )
)
_reached: dict[str, int] = {}


def reach(name: str) -> None:
    """This place was reached; the process ends here when it was started to."""
    asked = os.environ.get(_WHERE)
    if asked is None:
        return
    assert name in POINTS, f"{name} is not in POINTS"
    wanted, _, nth = asked.partition(":")
    if wanted != name:
        return
    _reached[name] = _reached.get(name, 0) + 1
    if _reached[name] == int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)
