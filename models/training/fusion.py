"""Fits how first-stage signals and the cross-encoder are combined, and how probable it is that the best passage answers.

    python -m models.training.fusion --candidates C.jsonl… --reranker DIR --out models/weights/reranker/fusion.json

A line of C: ``{"id","kind","question","gold_ids","candidates":[{"article_id","passage","signals":{…}}]}``, a pool as
search gives it. Weights maximise the listwise softmax likelihood of the gold article's passages. Whether the
cross-encoder is used at all is decided by cross-validation over questions; no question that a figure is quoted on may
be among them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.errors import ModelFault
from models.fusion import Fusion
from models.roles import Reranker
from models.training.fusion_fit import (
    Asked,
    Linear,
    fit_answerable,
    fit_ranking,
    folds,
    narrowed,
    ranks_of,
)
from models.training.quantise import fingerprint
from models.training.ranks import hit_figures
from models.training.texts import read_jsonl

DEPTH = 10
FIRST_STAGE = ("vector", "bm25", "rrf", "title_vector")
WITH_RERANKER = (*FIRST_STAGE, "reranker")
ANSWERABLE = ("score", "margin")


@dataclass(frozen=True, slots=True)
class Fitted:
    ranking: Linear
    first_stage: Linear
    answerable: Linear
    answerable_first_stage: Linear
    use_reranker: bool
    figures: dict[str, Any]
    ranks: dict[str, list[int | None]]
    """Way of ordering -> place of the gold article for each question, cross-validated."""

    def served(self, *, reranker_revision: str) -> Fusion:
        """As the line uses it."""
        body = document(self, fitted_on={}, reranker_revision=reranker_revision)
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:8]
        return Fusion.model_validate(body | {"revision": f"fusion-{digest}"})


def read_asked(paths: Sequence[Path]) -> list[Asked]:
    """Questions with their pool of candidates; those without any candidate say nothing and are left out."""
    return [
        Asked(
            str(row["id"]),
            str(row["kind"]),
            str(row["question"]),
            frozenset(row["gold_ids"]),
            tuple(one["article_id"] for one in row["candidates"]),
            tuple(one["signals"] for one in row["candidates"]),
            tuple(one["passage"] for one in row["candidates"]),
        )
        for path in paths
        for row in read_jsonl(path)
        if row["candidates"]
    ]


def scored(asked: Sequence[Asked], reranker: Reranker) -> list[Asked]:
    """The same with the cross-encoder's logit among the signals."""
    found = []
    for one in asked:
        logits = reranker.score([(one.question, passage) for passage in one.passages])
        signals = ({**row, "reranker": float(logit)} for row, logit in zip(one.signals, logits, strict=True))
        found.append(replace(one, signals=tuple(signals)))
    return found


def fit(asked: Sequence[Asked], reranker: Reranker, *, depth: int, seed: int, prior: Fusion | None = None) -> Fitted:
    """Weights on all questions; figures by five-fold cross-validation over questions.

    The first stage orders the whole pool; its best ``depth`` are what the cross-encoder is shown, as at run time.
    ``prior``: weights fitted earlier for the same two models, from which few questions do not lead far away.
    """
    first = fit_ranking(asked, FIRST_STAGE, prior.first_stage.weights if prior else None)
    shown = scored([narrowed(one, first, depth) for one in asked], reranker)
    ranks, kinds = _cross_validated(asked, shown, seed, prior)
    figures: dict[str, Any] = {}
    for kind in ("all", *sorted(set(kinds))):
        chosen = [at for at, one in enumerate(kinds) if kind in ("all", one)]
        figures[kind] = {name: hit_figures([found[at] for at in chosen]) for name, found in ranks.items()}
    use = figures["all"]["fused"]["mrr@10"] > figures["all"]["first_stage"]["mrr@10"]
    ranking = fit_ranking(shown, WITH_RERANKER, prior.ranking.weights if prior else None)
    answerable, quality = fit_answerable(shown, ranking, ANSWERABLE, seed=seed)
    plain, plain_quality = fit_answerable(shown, first, ANSWERABLE, seed=seed)
    figures |= {"answerable": quality, "answerable_first_stage": plain_quality}
    return Fitted(ranking, first, answerable, plain, use, figures, ranks)


def _cross_validated(
    asked: Sequence[Asked], shown: Sequence[Asked], seed: int, prior: Fusion | None
) -> tuple[dict[str, list[int | None]], list[str]]:
    """Ranks of the gold article by way of ordering, and each question's kind, in the same order."""
    ranks: dict[str, list[int | None]] = {"rrf": [], "first_stage": [], "reranker": [], "fused": []}
    kinds: list[str] = []
    for train, test in folds(len(asked), seed=seed):
        tested = [int(at) for at in test if asked[at].gold]
        kinds += [asked[at].kind for at in tested]
        first = fit_ranking([asked[at] for at in train], FIRST_STAGE, prior.first_stage.weights if prior else None)
        both = fit_ranking([shown[at] for at in train], WITH_RERANKER, prior.ranking.weights if prior else None)
        ranks["rrf"] += ranks_of([asked[at] for at in tested], Linear({"rrf": 1.0}))
        ranks["first_stage"] += ranks_of([asked[at] for at in tested], first)
        ranks["reranker"] += ranks_of([shown[at] for at in tested], Linear({"reranker": 1.0}))
        ranks["fused"] += ranks_of([shown[at] for at in tested], both)
    return ranks, kinds


def document(fitted: Fitted, *, fitted_on: Mapping[str, Any], reranker_revision: str) -> dict[str, Any]:
    """``fusion.json`` without its revision, which is a hash of the rest."""
    return {
        "use_reranker": fitted.use_reranker,
        "reranker_revision": reranker_revision,
        "ranking": fitted.ranking.as_json(),
        "first_stage": fitted.first_stage.as_json(),
        "answerable": fitted.answerable.as_json(),
        "answerable_first_stage": fitted.answerable_first_stage.as_json(),
        "fitted_on": dict(fitted_on),
        "figures": fitted.figures,
    }


def write(path: Path, fitted: Fitted, *, fitted_on: Mapping[str, Any], reranker_revision: str) -> None:
    body = document(fitted, fitted_on=fitted_on, reranker_revision=reranker_revision)
    path.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")
    revision = f"fusion-{fingerprint(path)}"
    path.write_text(json.dumps({"revision": revision} | body, indent=2) + "\n", encoding="utf-8")


def _decided(reason: str | None) -> dict[str, str]:
    """Why the cross-encoder is not used, where that was decided on other questions than these."""
    return {"without_reranker": reason} if reason else {}


def main(arguments: list[str] | None = None) -> int:
    from models.reranker import OnnxReranker

    parser = argparse.ArgumentParser(prog="python -m models.training.fusion", description=__doc__)
    parser.add_argument("--candidates", type=Path, nargs="+", required=True)
    parser.add_argument("--reranker", type=Path, required=True)
    parser.add_argument("--leave-out", nargs="*", default=[], help="kinds of questions to ignore")
    parser.add_argument("--depth", type=int, default=DEPTH)
    parser.add_argument(
        "--without-reranker", metavar="REASON", help="do not use the cross-encoder, whatever these questions say"
    )
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    try:
        reranker = OnnxReranker.open(given.reranker)
        asked = [one for one in read_asked(given.candidates) if one.kind not in given.leave_out]
    except ModelFault as fault:
        print(fault, file=sys.stderr)
        return 1
    fitted = fit(asked, reranker, depth=given.depth, seed=7)
    if given.without_reranker:
        fitted = replace(fitted, use_reranker=False)
    counts = {kind: sum(one.kind == kind for one in asked) for kind in sorted({one.kind for one in asked})}
    write(
        given.out,
        fitted,
        fitted_on={"questions": counts, "depth": given.depth} | _decided(given.without_reranker),
        reranker_revision=reranker.revision,
    )
    print(json.dumps(fitted.figures, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
