"""How things stand with what may leave: for the command line, the doctor and the pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from appliance.config import Config
from appliance.egress.anchor import Anchor
from appliance.egress.rules import MICROS, budget_days
from appliance.egress.switch import turn_of
from appliance.egress.verify import verify
from appliance.fallback import Budget
from appliance.policy import load_policy
from appliance.store.ledger import Spent, SqlLedger
from models.synthesis.providers import PROVIDERS


def status(config: Config, rows: SqlLedger | None, *, now: datetime) -> dict[str, Any]:
    """Facts for people. ``rows`` None: there is no database yet. Reads only. Raises ``ConfigInvalid``, ``StorageFailed``."""
    hosted, fallback = config.hosted, load_policy(config.profile).fallback
    preset = PROVIDERS[hosted.provider]
    there = rows if rows is not None and rows.exists() else None
    report = verify(there, Anchor(config.egress_anchor))
    day, month, turn = Spent(), Spent(), None
    if there is not None:
        today, first, last = budget_days(fallback, now)
        with there.reading() as book:
            day, month, turn = book.spent(today, today), book.spent(first, last), book.last("switch")
    said = turn_of(turn)
    return {
        "enabled": hosted.enabled,
        "provider": hosted.provider,
        "base_url": hosted.base_url or preset.base_url,
        "model": hosted.model or preset.model,
        "residency": hosted.residency,
        "rules": [rule.id for rule in fallback.rules],
        "switch": {
            "on": said.on and not config.egress_brake.exists(),
            "brake_file": config.egress_brake.exists(),
            "who": said.who,
            "why": said.why,
            "at": said.at,
        },
        "left_today": _left(fallback.daily_budget, day),
        "left_this_month": _left(fallback.monthly_budget, month),
        "ledger": {
            "intact": report.intact,
            "rows": report.rows,
            "anchored": report.anchored,
            "anchor": report.anchor,
            "first_break": report.breaks[0].detail if report.breaks else "",
        },
    }


def _left(budget: Budget, spent: Spent) -> dict[str, float]:
    return {
        "money": max(0.0, budget.money - spent.money_micros / MICROS),
        "tokens": max(0, budget.tokens - spent.tokens),
    }
