"""A desk for a knowledge base that no shipped profile was made for.

Its classifier would call every question foreign, so none is asked: every ticket is attempted unless the customer wishes
for a person, and what is measured is the search, the floor, the draft and the gates.
"""

from __future__ import annotations

from dataclasses import replace

from appliance.line.desk import Desk
from appliance.policy import Policy
from models.roles import Classification, Features

INTENT = "question"


def neutral_policy(policy: Policy) -> Policy:
    """The thresholds of ``policy`` for search and gates, and nothing of its company: no intent that a person always handles, no tiers."""
    fields = policy.model_dump() | {
        "name": "neutral",
        "title": "Any knowledge base",
        "company": "",
        "voice": {},
        "tiers": (),
        "fallback": {},
        "intents": tuple({"name": name, "title": name} for name in (INTENT, "a", "b", "c", "d")),
    }
    return Policy.model_validate(fields)


def neutral_desk(desk: Desk) -> Desk:
    """The same parts without the classifier."""
    return replace(desk, policy=neutral_policy(desk.policy), classify=_anything)


def _anything(features: Features) -> Classification:
    return Classification(INTENT, confidence=1.0, urgency="normal", urgency_confidence=1.0, out_of_scope=0.0)
