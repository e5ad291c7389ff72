"""Figures of heads on labelled rows that they were not fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from models.roles import Features
from models.training.calibration import Array, expected_calibration_error
from models.training.heads import OUT_OF_SCOPE_LABELS

CONFIDENT = 0.7
Names = npt.NDArray[np.str_]


class Predicts(Protocol):
    """Fitted heads or anything that answers like them."""

    @property
    def intents(self) -> tuple[str, ...]: ...

    def predict(self, features: Features) -> tuple[Array, Array, Array]: ...


def evaluate_heads(
    heads: Predicts, features: Features, intents: Sequence[str], outside: Features | None = None
) -> dict[str, float | int | None]:
    """Accuracy, calibration and out-of-scope figures; rows labelled out of scope, and ``outside`` features, count as such.

    ``coverage@0.7`` is the share of in-scope rows with confidence >= 0.7, ``accuracy@0.7`` the accuracy among them.
    A figure without data is None.
    """
    beyond = np.array([one in OUT_OF_SCOPE_LABELS for one in intents], dtype=bool)
    probability, _, score = heads.predict(features)
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
        "coverage@0.7": _rounded(sure.sum() / inside.sum()) if inside.any() else None,
        "accuracy@0.7": _rounded(correct[sure].mean()) if sure.any() else None,
        "oos_auroc": _rounded(auroc(strange, score[inside])) if inside.any() and len(strange) else None,
        "oos_recall@0.5": _rounded((strange >= 0.5).mean()) if len(strange) else None,
        "false_oos@0.5": _rounded((score[inside] >= 0.5).mean()) if inside.any() else None,
    }


@dataclass(frozen=True, slots=True)
class IntentFigures:
    """One intent on labelled rows. Precision: share of those taken for it that are; recall: share of its rows that were found."""

    intent: str
    rows: int
    precision: float | None
    recall: float | None


def each_intent(heads: Predicts, features: Features, intents: Sequence[str]) -> tuple[IntentFigures, ...]:
    """In the heads' order. Rows out of scope that are taken for an intent cost its precision."""
    true = np.array(intents)
    predicted = np.array(heads.intents)[heads.predict(features)[0].argmax(axis=1)] if len(true) else true
    return tuple(_each(name, true == name, predicted == name) for name in heads.intents)


def _each(name: str, is_it: npt.NDArray[np.bool_], taken: npt.NDArray[np.bool_]) -> IntentFigures:
    return IntentFigures(
        name,
        int(is_it.sum()),
        _rounded((is_it & taken).sum() / taken.sum()) if taken.any() else None,
        _rounded((is_it & taken).sum() / is_it.sum()) if is_it.any() else None,
    )


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
