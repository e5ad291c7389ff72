"""The kill switch: stops everything hosted at once, in every process, and is an event of the ledger.

Two places, either of which stops: the newest turn in the ledger (every replica reads it) and a file in the data directory, which works even while the
database is locked or full. Turning it on again needs both.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from appliance.egress.chain import as_written, facts
from appliance.egress.ledger import Ledger
from appliance.errors import ApplianceFault, Conflict, StorageFailed
from appliance.store.ledger import LedgerReader, Link

_KIND = "switch"


@dataclass(frozen=True, slots=True)
class Turn:
    """How the switch stands. ``who`` is empty when nobody has ever turned it."""

    on: bool
    who: str = ""
    why: str = ""
    at: str = ""


def turn_of(last: Link | None) -> Turn:
    """What the newest turn in the ledger says. A row that is not as it was written says off, whatever stands in it now."""
    if last is None:
        return Turn(True)
    if not as_written(last):
        return Turn(False, why=f"row {last.sequence} of the egress ledger, the newest turn of the switch, was changed")
    said = facts(last)
    return Turn(said.get("state") == "on", said.get("who", ""), said.get("why", ""), said.get("at", ""))


def pull(file: Path) -> None:
    """Make the brake file. Raises ``StorageFailed``."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    except OSError as error:
        raise StorageFailed(
            f"The brake file {file} cannot be made: {error.strerror}.",
            remedy="Check the data directory's permissions; stop the appliance if it must stop sending at once.",
        ) from error


class KillSwitch:
    """``file`` is the emergency brake of this machine: while it exists nothing hosted is asked."""

    def __init__(self, ledger: Ledger, file: Path) -> None:
        self._ledger = ledger
        self.file = file

    def off(self, *, who: str, why: str) -> None:
        """Stop. The file comes first: it works at once, whatever the database does. Raises ``StorageFailed``, ``LedgerBroken``; the brake holds all the same."""
        pull(self.file)
        try:
            self._turn("off", who, why)
        except ApplianceFault as fault:
            fault.remedy = f"Nothing leaves all the same: {self.file} holds it. {fault.remedy}".strip()
            raise

    def on(self, *, who: str, why: str, enabled: bool) -> None:
        """Allow again what the settings and the policy allow. Raises ``Conflict`` when the settings allow nothing."""
        if not enabled:
            raise Conflict(
                "hosted.enabled is false: the switch cannot enable what the settings have off.",
                remedy="An operator enables it in appliance.toml, and restarts.",
            )
        self._turn("on", who, why)
        try:
            self.file.unlink(missing_ok=True)
        except OSError as error:
            raise StorageFailed(
                f"The brake file {self.file} cannot be taken away: {error.strerror}.",
                remedy="Nothing leaves while it is there. Remove it by hand.",
            ) from error

    def braked(self) -> str:
        """Why nothing may leave, by the file alone; empty without it. Asks no database, which may hang."""
        return f"the file {self.file} is there" if self.file.exists() else ""

    def stopped(self, book: LedgerReader | None = None) -> str:
        """Why nothing may leave now; empty when the switch is on. Raises ``StorageFailed``."""
        turn = self.state(book)
        return "" if turn.on else f"switched off by {turn.who or 'the brake file'}{f': {turn.why}' if turn.why else ''}"

    def state(self, book: LedgerReader | None = None) -> Turn:
        """As both places say."""
        if book is None:
            with self._ledger.reading() as opened:
                last = opened.last(_KIND)
        else:
            last = book.last(_KIND)
        turn = turn_of(last)
        return Turn(False, why=braked) if turn.on and (braked := self.braked()) else turn

    def _turn(self, state: str, who: str, why: str) -> None:
        with self._ledger.page() as page:
            page.add(_KIND, {"state": state, "who": who[:200], "why": why[:500]})
