"""From settings to the rungs of the ladder: who may write drafts here, best first."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from pathlib import Path

from appliance.config import Config
from appliance.errors import ConfigInvalid
from appliance.line.ladder import Local, Rung
from models.synthesis.quote import QuoteSynthesizer
from models.synthesis.vllm import VllmSynthesizer


def open_ladder(config: Config, quote: QuoteSynthesizer, stack: AsyncExitStack) -> tuple[Rung, ...]:
    """The rungs in order. The last one copies sentences and needs no language model, so there is always one that is up."""
    if config.synthesis.mode == "quote":
        return (Local(quote),)
    if not config.synthesis.model:
        raise ConfigInvalid(
            "synthesis.model is not set.", remedy="Name the model that vLLM serves, as in its --served-model-name."
        )
    vllm = VllmSynthesizer(
        base_url=config.synthesis.base_url,
        model=config.synthesis.model,
        api_key=_api_key(config),
        timeout_s=config.synthesis.timeout_s,
        first_token_timeout_s=config.synthesis.first_token_timeout_s,
        max_retries=config.synthesis.max_retries,
    )
    stack.push_async_callback(vllm.aclose)
    return (Local(vllm), Local(quote))


def model_keys(config: Config) -> dict[str, str]:
    """What each key of a model server is for -> the key; they may stand in no reply."""
    return {} if config.synthesis.mode == "quote" else {"the key of the model server": _api_key(config)}


def _api_key(config: Config) -> str:
    file = config.synthesis.api_key_file
    if not file:
        return os.environ.get("APPLIANCE_VLLM_API_KEY", "")
    try:
        return Path(file).read_text("utf-8").strip()
    except OSError as error:
        raise ConfigInvalid(
            f"The key file {file} cannot be read: {error.strerror}.",
            remedy="Check synthesis.api_key_file and its permissions.",
        ) from error
