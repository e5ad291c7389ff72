"""Is a new head better than the one in use? Both answer the same rows, which neither was fitted on.

It is when it errs on fewer rows and is, beyond chance, worse in nothing that the line leans on: log-loss and calibration of the
confidence, the out-of-scope score, the urgency. "Beyond chance" is the paired bootstrap over rows: worse in 95 % of the resamples.
McNemar's exact p is told beside it, but does not decide: a new head has seen newer words, and with some hundred rows a real gain is
seldom significant. Rows labelled out of scope count as right when the score is at or above the limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
import numpy.typing as npt

from models.roles import URGENCIES, Features
from models.training.calibration import Array, expected_calibration_error
from models.training.heads import OUT_OF_SCOPE_LABELS
from models.training.heads_report import Predicts

_RESAMPLES = 1_000
_BEYOND_CHANCE = 0.95
_LEAST = 1e-6
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing in which the new head may not be worse. ``worse``: share of resamples in which it is."""

    name: str
    before: float
    after: float
    worse: float

    @property
    def passed(self) -> bool:
        return self.worse < _BEYOND_CHANCE


@dataclass(frozen=True, slots=True)
class Comparison:
    """``n`` rows; ``mended`` were wrong before and are right now, ``broken`` the other way round."""

    n: int
    errors_before: int
    errors_after: int
    mended: int
    broken: int
    p_value: float
    checks: tuple[Check, ...]

    @property
    def objections(self) -> tuple[str, ...]:
        """Why the new head is not better, in words; none when it is."""
        found = [f"worse in {one.name} ({one.before:.4f} -> {one.after:.4f})" for one in self.checks if not one.passed]
        if self.errors_after >= self.errors_before:
            found.insert(
                0, f"{self.errors_after} errors on {self.n} held-out rows, the head in use {self.errors_before}"
            )
        return tuple(found)


@dataclass(frozen=True, slots=True)
class _Answers:
    """What one head makes of the rows; ``sure`` and ``hit`` only of the rows in scope."""

    right: Mask
    log_loss: Array
    sure: Array
    hit: Mask
    outside_loss: Array
    urgency_wrong: Array | None


def compare(
    before: Predicts,
    after: Predicts,
    features: Features,
    intents: Sequence[str],
    urgencies: Sequence[str] | None,
    *,
    out_of_scope: float,
    seed: int = 7,
) -> Comparison:
    """``out_of_scope``: the limit of the policy, at or above which a text counts as foreign."""
    old, new = (_answers(head, features, intents, urgencies, out_of_scope) for head in (before, after))
    mended, broken = int((new.right & ~old.right).sum()), int((old.right & ~new.right).sum())
    return Comparison(
        n=len(intents),
        errors_before=int((~old.right).sum()),
        errors_after=int((~new.right).sum()),
        mended=mended,
        broken=broken,
        p_value=round(mcnemar(mended, broken), 4),
        checks=tuple(_checks(old, new, np.random.default_rng(seed))),
    )


def mcnemar(mended: int, broken: int) -> float:
    """Two-sided exact p: chance of a split at least as uneven if both heads erred alike."""
    n = mended + broken
    if n == 0:
        return 1.0
    tail = sum(comb(n, k) for k in range(min(mended, broken) + 1))
    return float(min(1.0, 2 * tail / 2**n))


def _answers(
    head: Predicts, features: Features, intents: Sequence[str], urgencies: Sequence[str] | None, limit: float
) -> _Answers:
    probability, levels, outside = head.predict(features)
    beyond = np.array([one in OUT_OF_SCOPE_LABELS for one in intents], dtype=bool)
    inside = [row for row, foreign in enumerate(beyond) if not foreign]
    column = {name: at for at, name in enumerate(head.intents)}
    places = np.array([column.get(intents[row], -1) for row in inside], dtype=np.int64)
    own = np.where(places >= 0, probability[inside, places], 0.0)  # an intent that the head does not know gets nothing
    hit = probability[inside].argmax(axis=1) == places
    right = outside >= limit
    right[inside] = hit
    return _Answers(
        right=right,
        log_loss=-np.log(np.maximum(own, _LEAST)).astype(np.float32),
        sure=probability[inside].max(axis=1),
        hit=hit,
        outside_loss=-np.log(np.maximum(np.where(beyond, outside, 1 - outside), _LEAST)).astype(np.float32),
        urgency_wrong=_urgency_wrong(levels, urgencies),
    )


def _urgency_wrong(levels: Array, urgencies: Sequence[str] | None) -> Array | None:
    if urgencies is None:
        return None
    known = [row for row, one in enumerate(urgencies) if one in URGENCIES]
    guessed = levels[known].argmax(axis=1)
    wrong: Array = (guessed != np.array([URGENCIES.index(urgencies[row]) for row in known])).astype(np.float32)
    return wrong if known else None


def _checks(old: _Answers, new: _Answers, rng: np.random.Generator) -> list[Check]:
    found = []
    if len(old.log_loss):
        found.append(_mean_check("log-loss", old.log_loss, new.log_loss, rng))
        found.append(_calibration_check(old, new, rng))
    found.append(_mean_check("out-of-scope log-loss", old.outside_loss, new.outside_loss, rng))
    if old.urgency_wrong is not None and new.urgency_wrong is not None:
        found.append(_mean_check("urgency error rate", old.urgency_wrong, new.urgency_wrong, rng))
    return found


def _mean_check(name: str, before: Array, after: Array, rng: np.random.Generator) -> Check:
    difference = (after - before).astype(np.float64)
    drawn = [difference[rng.integers(0, len(difference), len(difference))].mean() for _ in range(_RESAMPLES)]
    return Check(name, _rounded(before.mean()), _rounded(after.mean()), float(np.mean(np.array(drawn) > 0)))


def _calibration_check(old: _Answers, new: _Answers, rng: np.random.Generator) -> Check:
    worse = 0
    for _ in range(_RESAMPLES):
        rows = rng.integers(0, len(old.sure), len(old.sure))
        worse += _ece(new, rows) > _ece(old, rows)
    every = np.arange(len(old.sure))
    return Check("calibration error", _rounded(_ece(old, every)), _rounded(_ece(new, every)), worse / _RESAMPLES)


def _ece(answers: _Answers, rows: npt.NDArray[np.int64]) -> float:
    return expected_calibration_error(answers.sure[rows], answers.hit[rows])


def _rounded(value: float) -> float:
    return round(float(value), 4)
