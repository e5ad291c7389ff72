"""One desk a profile: the appliance's own, and those of the mailboxes and help desks that answer by another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from appliance.config import Config
from appliance.heads import Heads
from appliance.knowledge import Knowledge
from appliance.languages import read_by
from appliance.learned import read_thresholds
from appliance.line.desk import Desk
from appliance.line.gates import Private
from appliance.line.ladder import Rung
from appliance.model_set import ModelSet, Queues, open_heads
from appliance.policy import Policy, load_policy
from appliance.post_office import desk_keys
from appliance.private import private_of
from appliance.recognition import Recognition, customer_keys
from appliance.rungs import model_keys
from appliance.stand_in import stand_in_classifier
from appliance.store.database import Database
from appliance.store.settings import SqlSettings
from kb.ranking import Ranking
from models.roles import Encoder, IntentClassifier, LanguageDetector


def staffed(config: Config, encoder: Encoder, profile: str) -> tuple[Policy, IntentClassifier, Heads | None]:
    """A profile's policy with the intent heads that go with it. Raises ``ConfigInvalid`` when the two do not fit."""
    policy = load_policy(profile)
    heads = None if config.models.stand_in else open_heads(config, policy.name, encoder)
    classifier = heads.classifier if heads else stand_in_classifier(policy, encoder)
    return _guided(policy, classifier, heads), classifier, heads


@dataclass(frozen=True, slots=True)
class Shared:
    """What all desks of this appliance work with."""

    config: Config
    database: Database
    models: ModelSet
    queues: Queues
    detector: LanguageDetector
    knowledge: Knowledge
    recognition: Recognition
    ladder: tuple[Rung, ...]
    now: Callable[[], datetime]
    clock: Callable[[], float]


def own_desk(shared: Shared, policy: Policy) -> Desk:
    """The desk of the appliance's own profile."""
    queues, knowledge, now = shared.queues, shared.knowledge, shared.now
    return Desk(
        policy=policy,
        identify=shared.recognition.identify_by(policy.trusted),
        threads=shared.recognition.threads,
        detect=shared.detector.detect,
        reads=read_by(shared.models.encoder, shared.models.reranker),
        languages=knowledge.languages,
        encode=queues.encode,
        classify=queues.classify,
        find=knowledge.find,
        rank=_ranking(shared.config, shared.models, queues),
        support=queues.support,
        ladder=shared.ladder,
        keep=shared.config.retrieval.keep,
        today=lambda: now().date(),
        clock=shared.clock,
        private=_private(shared, policy),
    )


def further_desks(shared: Shared, own: Desk, profiles: Iterable[str]) -> dict[str, Desk]:
    """Desks of other profiles, by name. They share everything with the own one but policy, intents and what is private.

    A hosted model is no rung of theirs: its gate decides by the rules of the appliance's own profile.
    """
    return {name: _further(shared, own, name) for name in sorted({*profiles} - {"", shared.config.profile})}


def _further(shared: Shared, own: Desk, profile: str) -> Desk:
    policy, classifier, _ = staffed(shared.config, shared.models.encoder, profile)
    return replace(
        own,
        policy=policy,
        identify=shared.recognition.identify_by(policy.trusted),
        classify=lambda features: classifier.classify(features[None, :])[0],
        ladder=tuple(rung for rung in own.ladder if not rung.hosted),
        private=_private(shared, policy),
    )


def _private(shared: Shared, policy: Policy) -> Private:
    config = shared.config
    keys = model_keys(config) | customer_keys(config) | desk_keys(config)
    return private_of(config, policy, SqlSettings(shared.database), keys)


def _ranking(config: Config, models: ModelSet, queues: Queues) -> Ranking:
    score = queues.score if config.retrieval.rerank else None
    always = config.retrieval.rerank == "always"
    fusion = models.fusion.model_copy(update={"use_reranker": True}) if always else models.fusion
    return Ranking(fusion, score, depth=config.retrieval.candidates)


def _guided(policy: Policy, classifier: IntentClassifier, heads: Heads | None) -> Policy:
    for intent in classifier.intents:
        policy.intent(intent)  # heads of another profile would fail each ticket; better to refuse to start
    learned = read_thresholds(heads.folder) if heads else None
    return policy.with_learned(learned, revision=classifier.revision) if learned else policy
