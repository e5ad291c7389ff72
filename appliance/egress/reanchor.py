"""A new anchor after an explained break: the old one is kept, and the ledger says who began the new one and what had been wrong."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from appliance.egress.anchor import Anchor
from appliance.egress.ledger import Ledger
from appliance.egress.verify import verify
from appliance.errors import Conflict, StorageFailed


def reanchor(ledger: Ledger, *, who: str, why: str, now: datetime) -> Path | None:
    """Returns where the old anchor lies now; None when it was missing. Raises ``Conflict`` when nothing is wrong, or when the rows themselves are damaged."""
    report = verify(ledger.rows, ledger.anchor)
    if report.intact:
        raise Conflict("The ledger fits its anchor.", remedy="There is nothing to do.")
    if damaged := [one for one in report.breaks if one.what in ("changed", "missing", "moved")]:
        raise Conflict(
            f"Row {damaged[0].sequence} of the ledger itself is damaged ({damaged[0].what}); no anchor mends that.",
            remedy="Restore the database from a backup, then begin a new anchor if it is behind the old one.",
        )
    kept = _set_aside(ledger.anchor, now)
    with ledger.rows.reading() as book:
        ledger.anchor.restart(book.every())
    with ledger.page() as page:
        page.add(
            "anchor",
            {
                "who": who[:200],
                "why": why[:500],
                "breaks": [asdict(one) for one in report.breaks],
                "before": report.anchored,
            },
        )
    return kept


def _set_aside(anchor: Anchor, now: datetime) -> Path | None:
    if not anchor.exists():
        return None
    kept = anchor.path.with_name(f"{anchor.path.name}.until-{now:%Y%m%dT%H%M%S}")
    try:
        anchor.path.rename(kept)
    except OSError as error:
        raise StorageFailed(
            f"The anchor {anchor.path} cannot be put aside: {error.strerror}.",
            remedy="Move it away by hand, or name another file in hosted.anchor.",
        ) from error
    return kept
