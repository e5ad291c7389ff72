"""What may leave the building: off or on, to whom, how much, and whether the ledger of it is whole."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from appliance.config import Config
from appliance.doctor.amiss import Amiss
from appliance.egress.status import status
from appliance.store.database import Database
from appliance.store.ledger import SqlLedger


def egress(config: Config) -> str:
    """Read-only, like all of the doctor. A broken ledger is amiss also while hosted models are off: it says what once left."""
    url = config.database_url
    if url.startswith("sqlite") and not Path(url.removeprefix("sqlite:///")).exists():
        facts = status(config, None, now=datetime.now(UTC))
    else:
        database = Database.look(url)
        try:
            facts = status(config, SqlLedger(database), now=datetime.now(UTC))
        finally:
            database.close()
    ledger, switch = facts["ledger"], facts["switch"]
    if not ledger["intact"]:
        raise Amiss(
            f"The egress ledger is broken: {ledger['first_break']}.",
            remedy="Run `appliance egress verify`; docs/egress.md says what to do then.",
        )
    whole = f"ledger intact ({ledger['rows']} rows)"
    if not facts["enabled"]:
        return f"hosted models are off; {whole}"
    _check_settings(config)
    rules = ", ".join(facts["rules"]) or "none, so nothing leaves"
    today, month = facts["left_today"], facts["left_this_month"]
    return (
        f"hosted models are ON: {facts['model']} at {facts['base_url']}; switch {'on' if switch['on'] else 'OFF'}; rules: {rules}; "
        f"left today {today['money']:.2f} and {today['tokens']} tokens, this month {month['money']:.2f} and {month['tokens']} tokens; {whole}"
    )


def _check_settings(config: Config) -> None:
    """What the start would refuse. Raises ``ConfigInvalid``. No client is made, and nobody is asked."""
    from appliance.egress.opening import api_key, chosen, prices

    chosen(config.hosted)
    prices(config.hosted)
    if not api_key(config.hosted):
        raise Amiss(
            "hosted.enabled, and there is no key.",
            remedy="Set hosted.api_key_file, or APPLIANCE_HOSTED_API_KEY in the environment.",
        )
