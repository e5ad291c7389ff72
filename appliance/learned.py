"""What retraining on the box learnt about thresholds: one small file beside the intent heads that it was learnt with."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.errors import ConfigInvalid
from appliance.ticket import Tier

THRESHOLDS_FILE = "thresholds.json"
_AGAIN = "Learn them again, for the same rows or newer ones: appliance models train intent --train messages.csv --risk-budget {budget}"

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=0)]


class LearnedThreshold(BaseModel):
    """What held-out rows prove about one intent, for customers of one tier.

    ``threshold`` None: not to be automated, ``missing`` says how many more rows are needed at least. ``declared``: the profile gives this
    intent a threshold of its own, which is obeyed; here stands what the rows say of it. ``bound`` is the upper confidence bound of the unsafe
    share among the ``handled`` rows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: Share | None
    handled: Count
    unsafe: Count
    bound: Share
    missing: Count = 0
    declared: bool = False


class IntentThresholds(BaseModel):
    """The thresholds of all intents that may be automated. ``revision`` names the heads, ``policy`` the rules that they were learnt for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    revision: str
    policy: str
    budget: Share
    confidence: Share
    created: date
    source: str
    """Which rows they were learnt from, in words."""
    tiers: dict[Tier, dict[str, LearnedThreshold]]

    def of(self, intent: str, tier: Tier) -> LearnedThreshold | None:
        return self.tiers.get(tier, {}).get(intent)


def read_thresholds(folder: Path) -> IntentThresholds | None:
    """The thresholds that lie in a folder of intent heads; None when nothing was learnt. Raises ``ConfigInvalid`` for a file that is broken."""
    path = folder / THRESHOLDS_FILE
    try:
        return IntentThresholds.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be read: {error.strerror}.", remedy="Check its permissions.") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise ConfigInvalid(
            f"{path} is not as it should be: {where}: {first['msg']}.", remedy=_AGAIN.format(budget=0.05)
        ) from None


def check_fits(learned: IntentThresholds, *, revision: str, policy: str) -> None:
    """Raises ``ConfigInvalid`` for thresholds of other heads or other rules: what they prove does not hold here."""
    if learned.revision != revision:
        raise ConfigInvalid(
            f"The learnt thresholds belong to the intent heads {learned.revision}, but {revision} is in use.",
            remedy=_AGAIN.format(budget=f"{learned.budget:g}"),
        )
    if learned.policy != policy:
        raise ConfigInvalid(
            "The learnt thresholds were learnt for other rules: the profile's always_escalate, thresholds or tiers have changed since.",
            remedy=_AGAIN.format(budget=f"{learned.budget:g}"),
        )
