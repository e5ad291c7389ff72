"""A profile that lets every question go the whole way: what is timed is an answer, not a hand-over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from appliance.policy import Policy, load_policy


def write_open_profile(folder: Path, base: str = "saas") -> Path:
    """The shipped profile ``base`` (its heads fit by name) with every threshold of the route and the floor at its most permissive."""
    policy = load_policy(base)
    fields = policy.model_dump(exclude_none=True) | {
        "thresholds": policy.thresholds.model_dump(exclude_none=True)
        | {"confidence": 0.0, "out_of_scope": 1.0, "answerable": 0.0, "answerable_when_foreign": 0.0},
        "intents": [
            intent.model_dump(exclude_none=True) | {"always_escalate": False, "threshold": 0.0}
            for intent in policy.intents
        ],
        "tiers": [],
    }
    Policy.model_validate(fields)
    path = folder / "open.toml"
    path.write_text("".join(f"{name} = {toml(value)}\n" for name, value in fields.items()), "utf-8")
    return path


def toml(value: Any) -> str:
    """A value on one line. JSON's strings, numbers and booleans are TOML's."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {toml(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
