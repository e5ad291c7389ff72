"""What this installation keeps to itself, gathered for the leak gate: its keys, the words of its prompt, and a mark of its own in the prompt."""

from __future__ import annotations

import secrets

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from appliance.config import Config
from appliance.line.gates import Private
from appliance.policy import Policy
from appliance.store.settings import SqlSettings
from models.synthesis.prompts import prompt_words

_MARK = "prompt_mark"


def private_of(config: Config, policy: Policy, settings: SqlSettings, keys: dict[str, str]) -> Private:
    """``keys``: what each key is for -> the key; empty ones are left out. The mark is made at the first call and kept: drafts must not change with each start."""
    known = {**keys, "the database's password": _password(config.database.url)}
    return Private(
        secrets=tuple((name, value) for name, value in known.items() if value),
        prompt=(*prompt_words(), *(example.reply for example in policy.voice.examples)),
        mark=settings.once(_MARK, lambda: secrets.token_hex(8)),
    )


def _password(url: str) -> str:
    try:
        return str(make_url(url).password or "") if url else ""
    except ArgumentError:
        return ""
