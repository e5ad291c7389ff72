"""Fits how first-stage signals and the cross-encoder are combined, and how probable it is that the best passage answers.

    python -m models.training.fusion --candidates C.jsonl… --reranker DIR --out models/weights/reranker/fusion.json

A line of C: ``{"id","kind","question","gold_ids","candidates":[{"article_id","passage","signals":{…}}]}``, candidates in
first-stage order. Without ``--reranker`` a signal called ``reranker`` is used if the lines have one. Weights maximise
the listwise softmax likelihood of the gold article's passages. Whether the cross-encoder is used at all is decided by
cross-validation over questions; no question that a figure is quoted on may be among them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import ModelFault
from models.roles import Reranker
from models.training.fusion_fit import (
    Asked,
    Linear,
    fit_answerable,
    fit_ranking,
    folds,
    ranks_of,
)
from models.training.quantise import fingerprint
from models.training.ranks import hit_figures
from models.training.texts import read_jsonl

DEPTH = 10
FIRST_STAGE = ("vector", "bm25", "rrf", "title_overlap", "heading_overlap")
ANSWERABLE = ("score", "margin", "vector", "bm25_raw", "title_overlap")


@dataclass(frozen=True, slots=True)
class Fitted:
    ranking: Linear
    first_stage: Linear
    answerable: Linear
    answerable_first_stage: Linear
    use_reranker: bool
    figures: dict[str, Any]


def read_asked(paths: Sequence[Path], reranker: Reranker | None, depth: int) -> list[Asked]:
    """Questions with the signals of their first ``depth`` candidates."""
    asked = []
    for path in paths:
        for row in read_jsonl(path):
            candidates = row["candidates"][:depth]
            if not candidates:
                continue
            signals = [dict(one["signals"]) for one in candidates]
            if reranker is not None:
                scores = reranker.score([(row["question"], one["passage"]) for one in candidates])
                for one, score in zip(signals, scores, strict=True):
                    one["reranker"] = float(score)
            articles = tuple(one["article_id"] for one in candidates)
            asked.append(Asked(str(row["id"]), str(row["kind"]), frozenset(row["gold_ids"]), articles, tuple(signals)))
    return asked


def fit(asked: Sequence[Asked], *, seed: int) -> Fitted:
    """Weights on all questions; figures by five-fold cross-validation over questions."""
    both = (*FIRST_STAGE, "reranker")
    figures: dict[str, Any] = {}
    ranks: dict[str, list[int | None]] = {"rrf": [], "first_stage": [], "reranker": [], "fused": []}
    kinds: list[str] = []
    for train, test in folds(len(asked), seed=seed):
        fitted = {"first_stage": fit_ranking([asked[at] for at in train], FIRST_STAGE), "fused": fit_ranking([asked[at] for at in train], both)}
        ways = fitted | {"rrf": Linear({"rrf": 1.0}), "reranker": Linear({"reranker": 1.0})}
        tested = [asked[at] for at in test if asked[at].gold]
        kinds += [one.kind for one in tested]
        for name, linear in ways.items():
            ranks[name] += ranks_of(tested, linear)
    for kind in ("all", *sorted(set(kinds))):
        chosen = [at for at, one in enumerate(kinds) if kind in ("all", one)]
        figures[kind] = {name: hit_figures([found[at] for at in chosen]) for name, found in ranks.items()}
    use = figures["all"]["fused"]["mrr@10"] > figures["all"]["first_stage"]["mrr@10"]
    ranking, first = fit_ranking(asked, both), fit_ranking(asked, FIRST_STAGE)
    answerable, quality = fit_answerable(asked, ranking, (*ANSWERABLE, "reranker"), seed=seed)
    plain, plain_quality = fit_answerable(asked, first, ANSWERABLE, seed=seed)
    figures |= {"answerable": quality, "answerable_first_stage": plain_quality}
    return Fitted(ranking, first, answerable, plain, use, figures)


def write(path: Path, fitted: Fitted, *, fitted_on: Mapping[str, Any], reranker_revision: str) -> None:
    body = {
        "use_reranker": fitted.use_reranker,
        "reranker_revision": reranker_revision,
        "ranking": fitted.ranking.as_json(),
        "first_stage": fitted.first_stage.as_json(),
        "answerable": fitted.answerable.as_json(),
        "answerable_first_stage": fitted.answerable_first_stage.as_json(),
        "fitted_on": dict(fitted_on),
        "figures": fitted.figures,
    }
    path.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")
    revision = f"fusion-{fingerprint(path)}"
    path.write_text(json.dumps({"revision": revision} | body, indent=2) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m models.training.fusion", description=__doc__)
    parser.add_argument("--candidates", type=Path, nargs="+", required=True)
    parser.add_argument("--reranker", type=Path)
    parser.add_argument("--depth", type=int, default=DEPTH)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    try:
        reranker = _open(given.reranker)
        asked = read_asked(given.candidates, reranker, given.depth)
    except ModelFault as fault:
        print(fault, file=sys.stderr)
        return 1
    fitted = fit(asked, seed=7)
    counts = {kind: sum(one.kind == kind for one in asked) for kind in sorted({one.kind for one in asked})}
    write(given.out, fitted, fitted_on={"questions": counts, "depth": given.depth}, reranker_revision=getattr(reranker, "revision", ""))
    np.set_printoptions(precision=4)
    print(json.dumps(fitted.figures, indent=2))
    return 0


def _open(folder: Path | None) -> Reranker | None:
    if folder is None:
        return None
    from models.reranker import OnnxReranker

    return OnnxReranker.open(folder)


if __name__ == "__main__":
    raise SystemExit(main())
