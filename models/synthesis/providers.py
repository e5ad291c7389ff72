"""What is known of hosted providers: address, model, price, and which fields their OpenAI-compatible endpoint honours.

Looked up on 2026-11-28: platform.claude.com/docs (OpenAI SDK compatibility: ``response_format`` and ``seed`` are ignored, ``max_tokens`` and
``stream_options`` honoured; Sonnet 5 and newer refuse a ``temperature`` of one's own) and developers.openai.com (GPT-5 mini: ``max_completion_tokens``, no
``temperature``; strict schemas may not begin with ``anyOf``, as ours does, so JSON is asked for without one).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from models.synthesis import wire
from models.synthesis.prompts import Prompt

Form = Literal["schema", "object", "prompt"]
"""How a draft's form is asked for: a JSON schema, any JSON object, or by the words of the prompt alone. The reader checks it all the same."""


@dataclass(frozen=True, slots=True)
class Provider:
    """Prices are for a million tokens, in US dollars for the presets; None: whoever names the server names its price."""

    name: str
    base_url: str = ""
    model: str = ""
    price_input: float | None = None
    price_output: float | None = None
    form: Form = "schema"
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    extra: Mapping[str, Any] = field(default_factory=dict)


PROVIDERS: dict[str, Provider] = {
    "anthropic": Provider("anthropic", "https://api.anthropic.com/v1", "claude-sonnet-5-5", 2.0, 10.0, form="prompt"),
    "openai": Provider(
        "openai",
        "https://api.openai.com/v1",
        "gpt-5-mini",
        0.25,
        2.0,
        form="object",
        limit="max_completion_tokens",
        extra={"reasoning_effort": "minimal", "store": False},
    ),
    "custom": Provider("custom", extra={"temperature": 0.0, "seed": 0}),
}


def payload(prompt: Prompt, provider: Provider, model: str, *, max_tokens: int, max_sentences: int) -> bytes:
    """The very bytes of one request: the prompt, how long the answer may be, and nothing about us or the customer."""
    document: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
        "stream": True,
        "stream_options": {"include_usage": True},
        provider.limit: max_tokens,
        **provider.extra,
    }
    if provider.form == "schema":
        document["response_format"] = wire.response_format(prompt.passages, max_sentences)
    elif provider.form == "object":
        document["response_format"] = {"type": "json_object"}
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
