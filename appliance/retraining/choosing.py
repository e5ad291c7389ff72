"""Does the reranker in use earn its place on this operator's questions? Measures, fits the order to them, and records the choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from appliance.config import Config
from appliance.errors import InputInvalid
from appliance.model_set import open_catalog
from appliance.rerankers import (
    OWN_RERANKER,
    Order,
    choices,
    folder_in_use,
    open_encoder,
    open_reranker,
    order_in_use,
    order_of,
    reranker_shelf,
    revisions_in_use,
)
from appliance.retraining.contest import ALONE, Contest
from appliance.retraining.history import articles, fingerprint, pools, read_history
from appliance.retraining.lock import training_lock
from kb.ingest import Progress, silent
from models.choice import Choice
from models.errors import ModelRefused
from models.fusion import Fusion
from models.training import fusion
from models.training.fusion_fit import Asked

LEAST = 30
LEAST_ARTICLES = 10
"""Different articles that they ask for: an order fitted to one article says nothing about the others."""
MOST = 1_000
"""Questions measured on, those with the smallest hashes: each costs the reranker ten passages."""
SEEN = "seen.txt"
"""One fingerprint a question that an installed reranker was trained on."""
SEED = 7


@dataclass(frozen=True, slots=True)
class Chosen:
    """The choice as recorded, and what was left out: articles unknown here, or trained on."""

    choice: Choice
    certainty: float
    unknown: int
    trained_on: int


def choose_reranker(
    config: Config, questions: Path, kb: Sequence[Path], *, now: datetime, progress: Progress = silent
) -> Chosen:
    """Five-fold cross-validation over the questions; needs no torch unless the models in use do.

    Raises ``InputInvalid``, ``ModelRefused`` and ``Conflict``; then nothing is changed.
    """
    with training_lock(reranker_shelf(config.data).folder, now=now):
        choices(config.data).every()  # a damaged record is refused now, not after minutes of measuring
        return _choose(config, questions, kb, today=now.date(), progress=progress)


def _choose(config: Config, questions: Path, kb: Sequence[Path], *, today: date, progress: Progress) -> Chosen:
    catalog = open_catalog(config)
    encoder, reranker = open_encoder(config, catalog), open_reranker(config, catalog)
    order = order_in_use(config, catalog, encoder, reranker)
    seen = trained_on(config, reranker.revision)
    with articles(config, encoder, kb, progress=progress) as knowledge:
        history = read_history(questions, knowledge.articles.hashes().keys(), least=LEAST, purpose="a choice")
        fresh = [one for one in history.questions if fingerprint(one.text) not in seen]
        asked = pools(knowledge, sorted(fresh, key=lambda one: fingerprint(one.text))[:MOST], today)
    enough(asked, LEAST, questions, articles=LEAST_ARTICLES)
    fitted = fusion.fit(asked, reranker, depth=config.retrieval.candidates, seed=SEED, prior=prior_of(order))
    choice = record(
        fitted, (encoder.revision, reranker.revision), questions=len(asked), data_sha256=history.sha256, today=today
    )
    choices(config.data).save(choice, keep_earlier=True)
    contest = Contest(fitted.ranks)
    return Chosen(choice, contest.certainty("fused", ALONE), history.unknown, len(history.questions) - len(fresh))


def record(fitted: fusion.Fitted, models: tuple[str, str], *, questions: int, data_sha256: str, today: date) -> Choice:
    """What was fitted, as it is kept and served; ``models`` are the revisions of encoder and reranker."""
    encoder_revision, reranker_revision = models
    return Choice(
        encoder_revision=encoder_revision,
        reranker_revision=reranker_revision,
        use_reranker=fitted.use_reranker,
        questions=questions,
        figures={name: fitted.figures["all"][name] for name in ("rrf", ALONE, "reranker", "fused")},
        data_sha256=data_sha256,
        measured_on=today.isoformat(),
        fusion=fitted.served(reranker_revision=reranker_revision),
    )


def prior_of(order: Order) -> Fusion | None:
    """Weights to stay near to, where they were fitted to these models."""
    return order.fusion if order.fitted else None


def trained_on(config: Config, revision: str) -> frozenset[str]:
    """Fingerprints of what an installed reranker was trained on; it would shine on these."""
    try:
        return frozenset((reranker_shelf(config.data).path(revision) / SEEN).read_text("utf-8").split())
    except (OSError, UnicodeDecodeError):
        return frozenset()


@dataclass(frozen=True, slots=True)
class RolledBack:
    """``order``: what orders from now on, where a choice was taken back; empty: it was the reranker that changed."""

    active: str | None
    previous: str | None
    order: str = ""


def roll_back(config: Config, *, now: datetime) -> RolledBack:
    """One step back: the last choice for the models in use is undone; without one, the reranker before this one is in use again.

    Raises ``ModelRefused`` when there is neither, and ``Conflict``.
    """
    shelf = reranker_shelf(config.data)
    with training_lock(shelf.folder, now=now):
        if order := _undone(config):
            active = shelf.in_use()
            return RolledBack(active.active, active.previous, order)
        changed = shelf.roll_back()
        return RolledBack(changed.active, changed.previous)


def _undone(config: Config) -> str:
    """The order in use after the last choice was taken back; empty when there is none, or when the reranker itself is the trouble."""
    catalog = open_catalog(config)
    try:
        if config.models.reranker == OWN_RERANKER and folder_in_use(config.data, catalog).notice:
            return ""
        models = revisions_in_use(config, catalog)
        if not choices(config.data).roll_back(encoder_revision=models[0], reranker_revision=models[1]):
            return ""
    except ModelRefused:
        return ""
    return order_of(config, catalog, models).described(config)


def enough(asked: Sequence[Asked], least: int, file: Path, *, articles: int) -> None:
    """Raises ``InputInvalid`` unless for ``least`` questions, about ``articles`` different articles, the search brings up the right one
    at all: no order helps the others."""
    found = sum(any(article in one.gold for article in one.articles) for one in asked)
    about = len({article for one in asked for article in one.articles if article in one.gold})
    if found < least:
        raise InputInvalid(
            f"For {found} questions of {file} the search finds the right article among its candidates; {least} are needed.",
            remedy="Give more questions, or check that their gold_ids and the knowledge base belong together.",
        )
    if about < articles:
        raise InputInvalid(
            f"The questions of {file} that can be measured on ask for {about} different articles; {articles} are needed.",
            remedy="Give questions about more of the knowledge base, as customers ask them.",
        )
