"""Fits the support checker's trees and compares the checker with what it replaces.

    python -m models.training.support_fit --pairs DIR --out models/weights/support
    python -m models.training.support_fit --pairs DIR --report models/weights/support

The pairs come from ``support_pairs``. Trees are fitted on ``fit.jsonl``; the report is on ``choose.jsonl``, of which no article was fitted
on: AUROC, and the share of unsupported sentences that are caught where at most one supported sentence in ten is stopped. "By hand" are
paraphrases and near-misses, paraphrases with a word made wrong by rule, and as supported sentences that sound like the source lightly
rewritten ones: without the last two, whatever sounds unlike the source would be right. What stands in its passage verbatim is left out.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.catalog import Catalog
from models.encoder import OnnxEncoder
from models.evidence import evidence
from models.learned_support import LearnedSupport
from models.roles import Encoder, Pair, Scores
from models.support import LexicalEncoderSupport, verbatim
from models.support_features import DIRECTIONS, FeatureReader
from models.training.fusion_fit import auroc
from models.training.quantise import fingerprint, write_meta
from models.training.texts import read_jsonl
from models.trees import Tree, Trees

Rows = Sequence[dict[str, Any]]
Floats = npt.NDArray[np.float64]
BY_HAND = ("written", "changed")
BY_RULE = {"fit": 3000, "choose": 500}
"""Pairs by rule that are sampled beside all that were written by hand."""
NEAR, NEAR_COPIES = "rewritten", {"fit": 700, "choose": 130}
FALSE_BLOCK = 0.10
FLOORS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)
ROUNDS, LEAVES, RATE, SMOOTHING = 200, 10, 0.06, 5.0
HAND_WEIGHT = 4.0
BATCH = 64


def sampled(folder: Path, part: str, seed: int = 5) -> Rows:
    rng = random.Random(seed)
    rows = [row for row in read_jsonl(folder / f"{part}.jsonl") if not verbatim(row["sentence"], row["passage"])]
    near = [row for row in rows if row["kind"] == NEAR and "/" in row["article"]]
    near = [row | {"by_hand": True} for row in rng.sample(near, min(NEAR_COPIES[part], len(near)))]
    by_rule = [row for row in rows if not row["kind"].startswith(BY_HAND)]
    by_rule = rng.sample(by_rule, min(BY_RULE[part], len(by_rule)))
    return [*(row | {"by_hand": True} for row in rows if row["kind"].startswith(BY_HAND)), *near, *by_rule]


def labels(rows: Rows) -> npt.NDArray[np.bool_]:
    return np.array([bool(row["label"]) for row in rows])


def by_hand(rows: Rows) -> npt.NDArray[np.bool_]:
    return np.array([row.get("by_hand", False) for row in rows])


def in_batches(ask: Callable[[Sequence[Pair]], npt.NDArray[Any]], rows: Rows) -> Floats:
    pairs = [(row["sentence"], row["passage"]) for row in rows]
    return np.concatenate([np.asarray(ask(pairs[at : at + BATCH])) for at in range(0, len(pairs), BATCH)])


def fitted(features: Floats, right: npt.NDArray[np.bool_], weights: Floats) -> Trees:
    """Boosted trees that move with a feature only in its direction; both labels weigh the same."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=ROUNDS, max_leaf_nodes=LEAVES, learning_rate=RATE, l2_regularization=SMOOTHING, class_weight="balanced",
        monotonic_cst=list(DIRECTIONS.values()), random_state=0, early_stopping=False,
    ).fit(features, right, weights)  # fmt: skip
    trees = tuple(_tree(one[0].nodes) for one in model._predictors)  # no public door to the nodes
    return Trees(features=tuple(DIRECTIONS), bias=float(model._baseline_prediction[0, 0]), trees=trees)


def _tree(nodes: Any) -> Tree:
    leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        feature=tuple(int(one) for one in np.where(leaf, -1, nodes["feature_idx"].astype(int))),
        threshold=tuple(round(float(one), 6) for one in np.where(leaf, 0.0, nodes["num_threshold"])),
        left=tuple(int(one) for one in np.where(leaf, 0, nodes["left"])),
        right=tuple(int(one) for one in np.where(leaf, 0, nodes["right"])),
        value=tuple(round(float(one), 6) for one in nodes["value"]),
    )


def figures(right: npt.NDArray[np.bool_], scores: Floats) -> dict[str, float]:
    good, bad = scores[right], scores[~right]
    floor = float(np.quantile(good, FALSE_BLOCK))
    return {
        "supported": len(good),
        "unsupported": len(bad),
        "auroc": round(auroc(good, bad), 4),
        "recall": round(float((bad < floor).mean()), 4),
        "floor": round(floor, 4),
    }


def report(folder: Path, pairs: Path, encoder: Encoder) -> dict[str, Any]:
    """Each rival on all pairs of the choose part, on those by hand and on those by rule; each also at several floors."""
    rows = sampled(pairs, "choose")
    right, hand = labels(rows), by_hand(rows)
    learned = LearnedSupport.open(folder, encoder)
    rivals: dict[str, Callable[[Sequence[Pair]], Scores]] = {
        "cosine": lambda some: _cosine(encoder, some),
        "lexical": LexicalEncoderSupport(encoder).support,
        "learned": learned.support,
    }
    found: dict[str, Any] = {}
    for name, ask in rivals.items():
        scores = in_batches(ask, rows)
        groups = {"all": hand | True, "by hand": hand, "by rule": ~hand}
        found[name] = {group: figures(right[mask], scores[mask]) for group, mask in groups.items()}
        found[name]["floors"] = {
            str(floor): {group: _at(right[mask], scores[mask], floor) for group, mask in groups.items()}
            for floor in FLOORS
        }
    return found


def _at(right: npt.NDArray[np.bool_], scores: Floats, floor: float) -> dict[str, float]:
    return {
        "false_block": round(float((scores[right] < floor).mean()), 4),
        "caught": round(float((scores[~right] < floor).mean()), 4),
    }


def _cosine(encoder: Encoder, pairs: Sequence[Pair]) -> Scores:
    claims = encoder.encode([claim for claim, _ in pairs])
    sources = encoder.encode([" ".join(evidence(claim, passage)) for claim, passage in pairs])
    return np.asarray((claims * sources).sum(axis=1), dtype=np.float32)


def train(pairs: Path, out: Path, encoder: Encoder) -> None:
    rows = sampled(pairs, "fit")
    reader = FeatureReader(encoder)
    features = in_batches(reader.read, rows)
    trees = fitted(features, labels(rows), np.where(by_hand(rows), HAND_WEIGHT, 1.0))
    out.mkdir(parents=True, exist_ok=True)
    (out / "trees.json").write_text(trees.model_dump_json() + "\n", "utf-8")
    write_meta(
        out,
        {
            "role": "support",
            "revision": f"support-trees-{fingerprint(out / 'trees.json')}",
            "encoder_revision": encoder.revision,
            "source": "trees fitted by models/training on pairs of sentence and passage; see NOTICE.md",
            "licence": "Apache-2.0",
            "pairs": {"by hand": int(by_hand(rows).sum()), "by rule": int((~by_hand(rows)).sum())},
        },
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m models.training.support_fit", description=__doc__)
    parser.add_argument("--pairs", type=Path, required=True, help="folder that support_pairs wrote")
    parser.add_argument("--out", type=Path, help="fit, and write the weights here")
    parser.add_argument("--report", type=Path, help="compare these weights with cosine and with words alone")
    given = parser.parse_args(arguments)
    encoder = OnnxEncoder.open(Catalog.open().require("encoder"), threads=2)
    if given.out:
        train(given.pairs, given.out, encoder)
    if given.report:
        json.dump(report(given.report, given.pairs, encoder), sys.stdout, indent=2)
        print()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
