"""From settings to the hosted rung, or to nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime

from appliance.config import Config
from appliance.line.ladder import Rung
from appliance.policy import Policy
from appliance.store.database import Database


def open_hosted(
    config: Config, policy: Policy, database: Database, stack: AsyncExitStack, *, now: Callable[[], datetime]
) -> Rung | None:
    """None while hosted models are off: then nothing of them is imported, let alone made. Raises ``ConfigInvalid``, ``ModelRefused``, ``StorageFailed``."""
    if not config.hosted.enabled:
        return None
    from appliance.egress.masking import open_masker
    from appliance.egress.opening import open_rung
    from appliance.model_set import open_name_tagger

    masker = open_masker(policy.masking, open_name_tagger(config), keep=(policy.company,))
    rung = open_rung(config, policy, database, masker, now=now)
    stack.push_async_callback(rung.aclose)
    return rung
