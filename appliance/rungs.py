"""From settings to the rungs of the ladder: who may write drafts here, best first."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from appliance.config import Config, ModelServer
from appliance.errors import ConfigInvalid
from appliance.line.breaker import Breaker, Limits
from appliance.line.ladder import Local, Rung, Served
from appliance.line.load import Backlog, Load, LoadLimits
from models.synthesis.quote import QuoteSynthesizer
from models.synthesis.transport import http_client
from models.synthesis.vllm import VllmSynthesizer

_QUOTING = 8
"""Lines at once that need no language model: more only makes the ones under way slower, since they share the same cores."""

_HOSTED = 8
"""Requests to a hosted model that may be under way beside those."""


def open_ladder(
    config: Config,
    quote: QuoteSynthesizer,
    stack: AsyncExitStack,
    *,
    clock: Callable[[], float],
    backlog: Backlog,
    hosted: Rung | None = None,
) -> tuple[Rung, ...]:
    """The rungs in order, a hosted one below those of this house; ``stack`` closes them. The last one copies sentences and needs no language model, so there is always one that is up."""
    rungs = tuple(_served(config, *one, stack=stack, clock=clock, backlog=backlog) for one in model_servers(config))
    _name_apart(rungs)
    outside = () if hosted is None else (hosted,)
    return (*rungs, *outside, Local(quote))


def _name_apart(rungs: tuple[Served, ...]) -> None:
    """Two servers may serve the same model; records and figures must tell them apart."""
    names = [rung.name for rung in rungs]
    for place, rung in enumerate(rungs):
        if earlier := names[:place].count(rung.name):
            rung.name = f"{rung.name}#{earlier + 1}"


def model_servers(config: Config) -> list[tuple[str, ModelServer]]:
    """(key of the settings, server) of each language model, best first; none in quote mode. Raises ``ConfigInvalid``."""
    if config.synthesis.mode == "quote":
        return []
    smaller = [(f"synthesis.smaller.{n}", one) for n, one in enumerate(config.synthesis.smaller)]
    servers: list[tuple[str, ModelServer]] = [("synthesis", config.synthesis), *smaller]
    for key, server in servers:
        if not server.model:
            raise ConfigInvalid(
                f"{key}.model is not set.", remedy="Name the model that vLLM serves, as in its --served-model-name."
            )
    return servers


def lines_at_once(ladder: tuple[Rung, ...]) -> int:
    """Lines that run side by side: every place at a model server may be taken and there is still room for those that quote at once."""
    places = [rung.load.limits.most for rung in ladder if isinstance(rung, Served)]
    return _QUOTING + sum(places) + sum(_HOSTED for rung in ladder if rung.hosted)


def model_keys(config: Config) -> dict[str, str]:
    """What each key of a model server is for -> the key; they may stand in no reply."""
    names = {"synthesis": "the key of the model server"}
    keys = {
        names.get(key, f"the key of the model server {server.model}"): api_key(key, server)
        for key, server in model_servers(config)
    }
    if config.hosted.enabled:
        from appliance.egress.opening import api_key as hosted_key

        keys["the key of the hosted model"] = hosted_key(config.hosted)
    return keys


def api_key(key: str, server: ModelServer) -> str:
    """Of the server set under that key. Raises ``ConfigInvalid``."""
    file = server.api_key_file
    if not file:
        return os.environ.get("APPLIANCE_VLLM_API_KEY", "")
    try:
        return Path(file).read_text("utf-8").strip()
    except OSError as error:
        raise ConfigInvalid(
            f"The key file {file} cannot be read: {error.strerror}.",
            remedy=f"Check {key}.api_key_file and its permissions.",
        ) from error


def _served(
    config: Config,
    key: str,
    server: ModelServer,
    *,
    stack: AsyncExitStack,
    clock: Callable[[], float],
    backlog: Backlog,
) -> Served:
    limits = LoadLimits(
        server.parallel, wait_s=config.synthesis.shedding.wait_s, resume=config.synthesis.shedding.resume
    )
    vllm = VllmSynthesizer(
        base_url=server.base_url,
        model=server.model,
        api_key=api_key(key, server),
        timeout_s=server.timeout_s,
        first_token_timeout_s=server.first_token_timeout_s,
        max_retries=server.max_retries,
        http_client=http_client(max_connections=limits.most + 1),
    )
    stack.push_async_callback(vllm.aclose)
    opens = config.synthesis.breaker
    breaker = Breaker(Limits(opens.faults, opens.open_s, opens.lasting_s), clock)
    return Served(vllm, breaker, Load(limits, backlog), clock=clock)
