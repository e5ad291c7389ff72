"""Figures of heads on labelled rows that they were not fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from models.training.calibration import Array, expected_calibration_error
from models.training.heads import OUT_OF_SCOPE_LABELS

CONFIDENT = 0.7
Names = npt.NDArray[np.str_]


class Predicts(Protocol):
    """Fitted heads or anything that answers like them."""

    @property
    def intents(self) -> tuple[str, ...]: ...

    def predict(self, vectors: Array) -> tuple[Array, Array, Array]: ...


def evaluate_heads(
    heads: Predicts, vectors: Array, intents: Sequence[str], outside: Array | None = None
) -> dict[str, float | int | None]:
    """Accuracy, calibration and out-of-scope figures; rows labelled out of scope, and ``outside`` vectors, count as such.

    ``coverage@0.7`` is the share of in-scope rows with confidence >= 0.7, ``accuracy@0.7`` the accuracy among them.
    A figure without data is None.
    """
    beyond = np.array([one in OUT_OF_SCOPE_LABELS for one in intents], dtype=bool)
    probability, _, score = heads.predict(vectors)
    inside, confidence = ~beyond, probability.max(axis=1)
    predicted = np.array(heads.intents)[probability.argmax(axis=1)]
    correct = predicted == np.array(intents)
    sure = inside & (confidence >= CONFIDENT)
    strange = score[beyond] if outside is None else np.concatenate([score[beyond], heads.predict(outside)[2]])
    return {
        "n": int(inside.sum()),
        "accuracy": _rounded(correct[inside].mean()) if inside.any() else None,
        "macro_f1": _rounded(macro_f1(np.array(intents)[inside], predicted[inside])) if inside.any() else None,
        "ece": _rounded(expected_calibration_error(confidence[inside], correct[inside])) if inside.any() else None,
        "coverage@0.7": _rounded(sure.sum() / max(inside.sum(), 1)),
        "accuracy@0.7": _rounded(correct[sure].mean()) if sure.any() else None,
        "oos_auroc": _rounded(auroc(strange, score[inside])) if inside.any() and len(strange) else None,
        "oos_recall@0.5": _rounded((strange >= 0.5).mean()) if len(strange) else None,
        "false_oos@0.5": _rounded((score[inside] >= 0.5).mean()) if inside.any() else None,
    }


def macro_f1(expected: Names, predicted: Names) -> float:
    """Mean F1 over the intents that occur in either list."""
    found = [
        2 * ((expected == name) & (predicted == name)).sum() / ((expected == name).sum() + (predicted == name).sum())
        for name in np.union1d(expected, predicted)
    ]
    return float(np.mean(found))


def auroc(strange: Array, known: Array) -> float:
    """Probability that a strange text scores higher than a known one, ties half (Mann and Whitney)."""
    lows = np.sort(known)
    below, upto = (np.searchsorted(lows, strange, side=side) for side in ("left", "right"))
    return float((below + upto).sum() / (2 * len(strange) * len(known)))


def _rounded(value: float) -> float:
    return round(float(value), 4)
