"""The models: weight files, encoder, the profile's heads, and the server that writes drafts."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

from appliance.config import Config, ModelServer
from appliance.doctor.amiss import Amiss
from appliance.errors import ApplianceFault
from appliance.model_set import open_heads
from appliance.policy import load_policy
from appliance.rerankers import CHOOSE, folder_in_use, open_encoder, open_reranker, order_in_use
from appliance.rungs import api_key, model_servers
from models.catalog import Catalog, ModelStatus
from models.errors import ModelFault
from models.roles import Encoder

_TIMEOUT_S = 2.0

EncoderOrWhy = Encoder | ApplianceFault | ModelFault
"""The encoder, which three checks need, or why there is none."""


def weights(status: ModelStatus) -> str:
    if not status.ok:
        raise Amiss(status.detail, remedy="Install the appliance again from its bundle.")
    return f"{status.revision}: {status.detail}"


def opened(config: Config, catalog: Catalog) -> EncoderOrWhy:
    try:
        return open_encoder(config, catalog)
    except (ApplianceFault, ModelFault) as fault:
        return fault


def encoder(opened: EncoderOrWhy) -> str:
    found = present(opened)
    vectors = found.encode(["Does it work?"])
    return f"{found.revision}: {vectors.shape[1]} dimensions"


def profile(config: Config) -> str:
    policy = load_policy(config.profile)
    return f"{policy.name}: {len(policy.intents)} intents, threshold {policy.thresholds.confidence}"


def classifier(config: Config, opened: EncoderOrWhy) -> str:
    policy = load_policy(config.profile)
    found = open_heads(config, policy.name, present(opened))
    if found.notice:
        raise Amiss(found.notice, remedy="appliance models train intent, or appliance models rollback intent")
    heads = found.classifier
    wanted = {intent.name for intent in policy.intents}
    if differing := wanted ^ set(heads.intents):
        raise Amiss(
            f"Heads and profile differ in {', '.join(sorted(differing))}.",
            remedy="Train the heads for this profile: appliance models train intent.",
        )
    return f"{heads.revision}: {len(heads.intents)} intents, all of the profile"


def ranking(config: Config, catalog: Catalog, opened: EncoderOrWhy) -> str:
    """Whether the reranker is used, and by which figures. An order that nobody fitted to the models in use is not in order."""
    if notice := folder_in_use(config.data, catalog).notice:
        raise Amiss(notice, remedy="appliance models rollback reranker, or appliance models train reranker")
    reranker = open_reranker(config, catalog)
    reranker.score([("Does it work?", "It works.")])  # it is loaded late, and a fault should show here
    order = order_in_use(config, catalog, present(opened), reranker)
    if order.notice:
        raise Amiss(order.notice, remedy=CHOOSE)
    if not order.fitted:
        raise Amiss(f"{order.reason.partition('. ')[0]}.", remedy=CHOOSE)
    return order.described(config)


def synthesis(config: Config) -> str:
    """Every model server of the ladder is asked whether it is up and serves its model."""
    servers = model_servers(config)
    if not servers:
        return "quote: sentences of the knowledge base, no server needed"
    faults: list[ModelFault] = []
    for key, server in servers:
        try:
            asyncio.run(_probe(key, server))
        except ModelFault as fault:
            faults.append(fault)
    if faults:
        raise Amiss(" ".join(fault.message for fault in faults), remedy=" ".join(fault.remedy for fault in faults))
    return "; ".join(f"vLLM at {server.base_url} serves {server.model}" for _, server in servers)


async def _probe(key: str, server: ModelServer) -> None:
    from models.synthesis.vllm import VllmSynthesizer

    if server.api_key_file:
        _private(Path(server.api_key_file))
    vllm = VllmSynthesizer(
        server.base_url, server.model, api_key(key, server), first_token_timeout_s=_TIMEOUT_S, max_retries=0
    )
    try:
        await vllm.probe()
    finally:
        await vllm.aclose()


def present(opened: EncoderOrWhy) -> Encoder:
    """Raises the fault that kept the encoder from opening."""
    if isinstance(opened, ApplianceFault | ModelFault):
        raise opened
    return opened


def _private(file: Path) -> None:
    if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Amiss(f"The key file {file} can be read by others than its owner.", remedy=f"chmod 600 {file}")
