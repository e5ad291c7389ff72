"""The models of ``models.stand_in = true``: no weights, no meaning, every surface. Each of them warns when it is made."""

from __future__ import annotations

from appliance.model_set import ModelSet
from appliance.policy import Policy
from models.fusion import Fusion, Linear
from models.roles import Encoder, IntentClassifier
from models.standin import HashEncoder, NearestLabelClassifier, OverlapReranker, OverlapSupport

_BY_WORDS = Fusion(
    revision="stand-in",
    use_reranker=True,
    ranking=Linear(weights={"reranker": 1.0, "rrf": 0.5}),
    first_stage=Linear(weights={"rrf": 1.0}),
    answerable=Linear(weights={"reranker": 1.0}),
    answerable_first_stage=Linear(weights={"vector": 4.0}, bias=-1.0),
)


def stand_in_models() -> ModelSet:
    return ModelSet(HashEncoder(), OverlapReranker(), OverlapSupport(), _BY_WORDS)


def stand_in_classifier(policy: Policy, encoder: Encoder) -> IntentClassifier:
    """The intent whose title and description share most words with the message."""
    return NearestLabelClassifier(
        encoder, {intent.name: f"{intent.title} {intent.description}" for intent in policy.intents}
    )
