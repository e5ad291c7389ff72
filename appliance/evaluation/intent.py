"""How right and how honest intent heads are that were trained on texts of one's own: on the shipped encoder, as retraining does it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from appliance.config import Config
from appliance.errors import InputInvalid
from appliance.evaluation.datasets import Labelled
from appliance.evaluation.figures import percentile, share
from appliance.model_set import open_catalog
from models.encoder import OnnxEncoder
from models.roles import Encoder, Matrix

SURE = 0.7
"""The confidence at which coverage and accuracy are told: the default threshold of the profiles."""
_BINS = 15
_SEED = 7
_TIMED = 200
"""Texts that are classified one by one, for the time of one."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Found:
    """What the heads made of some texts, each array one value a text."""

    intents: tuple[str, ...]
    confidence: Floats
    out_of_scope: Floats


Classify = Callable[[Matrix], Found]


def measure(
    config: Config,
    train: Labelled,
    test: Labelled,
    out_of_scope: Labelled | None = None,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:
    """The figures of the public contract. ``train_seconds`` holds encoding and fitting. Raises ``InputInvalid``, ``ModelRefused``."""
    if strange := sorted(set(test.categories) - set(train.categories)):
        raise InputInvalid(
            f"The test texts have categories that the training texts lack: {', '.join(strange[:5])}.",
            remedy="Give both files the same categories; texts of none belong into --out-of-scope.",
        )
    encoder = OnnxEncoder.open(
        open_catalog(config).require("encoder"), provider=config.models.provider, threads=config.models.threads or None
    )
    began = clock()
    vectors = encoder.encode(train.texts)
    encoded = clock()
    classify = _fitted(vectors, train.categories)
    fitted = clock()
    found = classify(encoder.encode(test.texts))
    foreign = classify(encoder.encode(out_of_scope.texts)) if out_of_scope else None
    return figures(found, test.categories, foreign) | {
        "train_seconds": round(fitted - began, 2),
        "encode_seconds": round(encoded - began, 2),
        "p50_ms": _one_by_one(encoder, classify, test.texts[:_TIMED], clock),
    }


def figures(found: Found, expected: Sequence[str], foreign: Found | None = None) -> dict[str, Any]:
    """From what was found and what it should have been; ``foreign`` is what was made of out-of-scope texts."""
    right = np.array([one == other for one, other in zip(found.intents, expected, strict=True)], dtype=np.float64)
    sure = found.confidence >= SURE
    return {
        "n": len(right),
        "accuracy": share(int(right.sum()), len(right)),
        "macro_f1": macro_f1(found.intents, expected),
        "ece": expected_calibration_error(found.confidence, right),
        f"coverage@{SURE}": share(int(sure.sum()), len(sure)),
        f"accuracy@{SURE}": share(int(right[sure].sum()), int(sure.sum())),
        "oos_auroc": auroc(foreign.out_of_scope, found.out_of_scope) if foreign else None,
        "categories": len(set(expected)),
        "out_of_scope": len(foreign.intents) if foreign else 0,
    }


def macro_f1(found: Sequence[str], expected: Sequence[str]) -> float:
    """Mean F1 over all categories that occur in either list, each weighing the same."""
    names = sorted({*found, *expected})
    mine, theirs = np.array(found), np.array(expected)
    scores = []
    for name in names:
        hit = int(((mine == name) & (theirs == name)).sum())
        scores.append(2 * hit / (int((mine == name).sum()) + int((theirs == name).sum())))
    return round(float(np.mean(scores)), 4)


def expected_calibration_error(confidence: Floats, right: Floats, bins: int = _BINS) -> float:
    """Guo et al. 2017: |accuracy - confidence| over bins of equal width, weighted by how many fall into each."""
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(right[places == one].mean() - confidence[places == one].mean()) * (places == one).mean()
        for one in np.unique(places)
    ]
    return round(float(np.sum(gaps)), 4)


def auroc(positive: Floats, negative: Floats) -> float:
    """Probability that a foreign text scores higher than a known one, ties half: the Mann-Whitney statistic."""
    lows = np.sort(negative)
    below = np.searchsorted(lows, positive, side="left")
    level = np.searchsorted(lows, positive, side="right") - below
    return round(float((below + 0.5 * level).sum() / (len(positive) * len(lows))), 4)


def _fitted(vectors: Matrix, categories: Sequence[str]) -> Classify:
    from models.training.heads import fit_heads

    heads = fit_heads(vectors, categories, None, seed=_SEED)

    def classify(rows: Matrix) -> Found:
        probabilities, _, outside = heads.predict(rows)
        names = tuple(heads.intents[int(column)] for column in probabilities.argmax(axis=1))
        return Found(names, probabilities.max(axis=1).astype(np.float64), outside.astype(np.float64))

    return classify


def _one_by_one(encoder: Encoder, classify: Classify, texts: Sequence[str], clock: Callable[[], float]) -> float | None:
    times = []
    for text in texts:
        began = clock()
        classify(encoder.encode([text]))
        times.append((clock() - began) * 1000)
    return percentile(times, 50)
