"""Intent, urgency and out-of-scope heads on what the frozen encoder reads of a text; numpy only, runs on the box.

One kernel ridge regression has a column for every intent, one for given out-of-scope rows and one for every urgency.
All calibration is fitted on its leave-one-out predictions. Out of scope is a logistic on how strongly any intent fires,
how near the nearest training text is, and the out-of-scope column; when the rows hold no out-of-scope examples, whole
intents are left out in turn and play that part, weighed as a fifth of all traffic.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.errors import ModelRefused
from models.roles import URGENCIES, Features
from models.training import kernel_ridge
from models.training.calibration import (
    Array,
    Labels,
    fit_sharpness,
    log_loss,
    log_sum_exp,
    softmax,
)
from models.training.fits import fit_logistic
from models.training.kernel_ridge import Kernel, KernelRidge
from models.training.points import Points, Preparation, fit_preparation

OUT_OF_SCOPE_LABELS = frozenset({"out_of_scope", "oos"})
MIN_ROWS = 5
ENERGY_SHARPNESS = 10.0
FLOOR = 0.03
PSEUDO_SHARE = 0.2
GAMMA = 1.0
GRID = tuple((Kernel(GAMMA, share), penalty) for share in (0.0, 0.2) for penalty in (0.1, 0.25, 0.6))
GRID_ROWS = 2_000
MOST_ROWS = 20_000
"""More rows are thinned evenly: beyond a few thousand landmarks they cost minutes and change nothing."""
LEFT_OUT_ROWS = 3_000
LEFT_OUT_GROUPS = 4


@dataclass(frozen=True, slots=True)
class Logistic:
    """sigmoid or softmax of ``features @ weights + bias``; weights (features, outputs)."""

    weights: Array
    bias: Array

    def logits(self, features: Array) -> Array:
        return (features @ self.weights + self.bias).astype(np.float32)


@dataclass(frozen=True, slots=True)
class FittedHeads:
    """Columns of the ridge: ``intents``, then out-of-scope if ``has_outside``, then the four urgencies if ``has_urgency``."""

    intents: tuple[str, ...]
    preparation: Preparation
    ridge: KernelRidge
    sharpness: float
    outside: Logistic
    urgency: Logistic
    has_outside: bool
    has_urgency: bool

    def predict(self, features: Features) -> tuple[Array, Array, Array]:
        """(intent_probability (n, k), urgency_probability (n, 4), out_of_scope (n,)); the graph computes the same."""
        points = self.preparation(features)
        nearness = self.ridge.nearness(points)
        scores = self.ridge.predict(points, nearness)
        k = len(self.intents)
        signs = outside_features(scores, nearness.max(axis=1), k, has_outside=self.has_outside)
        outside = (1 / (1 + np.exp(-self.outside.logits(signs)[:, 0]))).astype(np.float32)
        return softmax(self.sharpness * evidence(scores[:, :k])), softmax(self.urgency.logits(scores[:, -4:])), outside


def evidence(scores: Array) -> Array:
    """Log of the positive part: ridge scores are shares of evidence, so their ratios count, not their differences.

    Measured on BANKING77 against softmax of the scores themselves: calibration error .011 instead of .029.
    """
    return np.log(np.maximum(scores, 0.0) + FLOOR).astype(np.float32)


def outside_features(scores: Array, nearest: Array, k: int, *, has_outside: bool) -> Array:
    """(n, 4): energy over the intents, strongest intent, kernel value of the nearest row, out-of-scope column or 0."""
    column = scores[:, k] if has_outside else np.zeros(len(scores), dtype=np.float32)
    energy = log_sum_exp(ENERGY_SHARPNESS * scores[:, :k]) / ENERGY_SHARPNESS
    return np.stack([energy, scores[:, :k].max(axis=1), nearest, column], axis=1).astype(np.float32)


def fit_heads(features: Features, intents: Sequence[str], urgencies: Sequence[str] | None, *, seed: int) -> FittedHeads:
    """Fit on what the encoder reads of each text. ``out_of_scope`` (or ``oos``) among the intents marks rows that fit none.

    Raises ``ModelRefused`` naming what is wrong with the rows and how to mend it.
    """
    check_rows(features, intents, urgencies)
    if len(features) > MOST_ROWS:
        features, intents, urgencies = _thinned(features, intents, urgencies, seed)
    preparation = fit_preparation(features)
    points = _as_stored(preparation(features))
    outside = np.array([one in OUT_OF_SCOPE_LABELS for one in intents])
    names = tuple(sorted(set(intents) - OUT_OF_SCOPE_LABELS))
    place = {name: at for at, name in enumerate(names)}
    labels: Labels = np.array([place.get(one, len(names)) for one in intents], dtype=np.int64)
    targets = _targets(labels, len(names), bool(outside.any()), urgencies)
    kernel, penalty = _choose(points, labels, len(names), seed)
    ridge, left_out = kernel_ridge.fit(points, targets, kernel=kernel, penalty=penalty, seed=seed)
    k, inside = len(names), ~outside
    return FittedHeads(
        intents=names,
        preparation=preparation,
        ridge=ridge,
        sharpness=fit_sharpness(evidence(left_out[inside, :k]), labels[inside]),
        outside=_fit_outside(points, labels, left_out, ridge, k, seed=seed),
        urgency=_fit_urgency(left_out, urgencies),
        has_outside=bool(outside.any()),
        has_urgency=urgencies is not None,
    )


def _thinned(
    features: Features, intents: Sequence[str], urgencies: Sequence[str] | None, seed: int
) -> tuple[Features, Sequence[str], Sequence[str] | None]:
    """``MOST_ROWS`` rows; a rare intent keeps ``MIN_ROWS`` at least, and the others lose evenly."""
    shuffled = np.random.default_rng(seed).permutation(len(intents))
    seen: Counter[str] = Counter()
    first: list[int] = []
    for at in shuffled:
        seen[intents[at]] += 1
        if seen[intents[at]] <= MIN_ROWS:
            first.append(int(at))
    held = set(first)
    rows = (first + [int(at) for at in shuffled if int(at) not in held])[: max(MOST_ROWS, len(first))]
    kept = np.sort(np.array(rows))
    return features[kept], [intents[at] for at in kept], None if urgencies is None else [urgencies[at] for at in kept]


def _as_stored(points: Points) -> Points:
    """Rounded to half precision, as the graph keeps its landmarks: fitted and shipped heads give the same numbers."""
    return Points(np.ascontiguousarray(points.meaning, dtype=np.float16).astype(np.float32), points.wording)


def _targets(labels: Labels, k: int, has_outside: bool, urgencies: Sequence[str] | None) -> Array:
    """One-hot columns; rows out of scope are all zero in the intents' columns. Always four urgency columns at the end."""
    parts = [np.eye(k + 1, dtype=np.float32)[labels][:, : k + int(has_outside)]]
    levels = np.zeros((len(labels), 4), dtype=np.float32)
    if urgencies is not None:
        levels[np.arange(len(labels)), [URGENCIES.index(one) for one in urgencies]] = 1.0
    return np.concatenate([*parts, levels], axis=1)


def _choose(points: Points, labels: Labels, k: int, seed: int) -> tuple[Kernel, float]:
    """Kernel and penalty with the best leave-one-out log-likelihood on at most 2,000 rows."""
    inside = np.flatnonzero(labels < k)
    rows = np.random.default_rng(seed).permutation(inside)[:GRID_ROWS]
    targets = np.eye(k, dtype=np.float32)[labels[rows]]

    def loss(setting: tuple[Kernel, float]) -> float:
        _, scores = kernel_ridge.fit(points[rows], targets, kernel=setting[0], penalty=setting[1], seed=seed)
        logits = evidence(scores)
        return log_loss(softmax(fit_sharpness(logits, labels[rows]) * logits), labels[rows])

    return min(GRID, key=loss)


def _fit_outside(points: Points, labels: Labels, left_out: Array, ridge: KernelRidge, k: int, *, seed: int) -> Logistic:
    inside = np.flatnonzero(labels < k)
    given = np.flatnonzero(labels == k)
    own = outside_features(left_out, _nearest(points.meaning, ridge.kernel.gamma), k, has_outside=len(given) > 0)
    if len(given) >= MIN_ROWS:
        return _logistic(own, (labels == k).astype(np.int64), np.ones(len(labels)))
    strange = _left_out_intents(points[inside], labels[inside], k, ridge, seed)
    features = np.concatenate([own[inside], strange])
    share = PSEUDO_SHARE / (1 - PSEUDO_SHARE) * len(inside) / len(strange)
    return _logistic(
        features,
        np.repeat([0, 1], [len(inside), len(strange)]),
        np.repeat([1.0, share], [len(inside), len(strange)]),
    )


def _left_out_intents(points: Points, labels: Labels, k: int, ridge: KernelRidge, seed: int) -> Array:
    """Features of rows whose intent the model was not shown: a quarter of the intents at a time."""
    rng = np.random.default_rng(seed)
    group = rng.permutation(k) % min(LEFT_OUT_GROUPS, k)
    found = []
    for at in range(min(LEFT_OUT_GROUPS, k)):
        strange = group[labels] == at
        rows = rng.permutation(np.flatnonzero(~strange))[:LEFT_OUT_ROWS]
        known = np.flatnonzero(group != at)
        targets = (labels[rows][:, None] == known).astype(np.float32)
        model, _ = kernel_ridge.fit(points[rows], targets, kernel=ridge.kernel, penalty=ridge.penalty, seed=seed)
        nearness = model.nearness(points[strange])
        scores = model.predict(points[strange], nearness)
        found.append(outside_features(scores, nearness.max(axis=1), len(known), has_outside=False))
    return np.concatenate(found)


def _nearest(meaning: Array, gamma: float) -> Array:
    """Kernel value of each row's nearest other row, in blocks so that memory stays small."""
    best = np.empty(len(meaning), dtype=np.float32)
    for at in range(0, len(meaning), 1_000):
        block = kernel_ridge.gaussian(meaning[at : at + 1_000], meaning, gamma)
        block[np.arange(len(block)), at + np.arange(len(block))] = 0.0
        best[at : at + 1_000] = block.max(axis=1)
    return best


def _logistic(features: Array, labels: Labels, mass: npt.NDArray[np.float64]) -> Logistic:
    spread = np.maximum(features.std(axis=0), 1e-6)
    weights, bias = fit_logistic(features / spread, np.eye(2)[labels], mass, c=0.5)
    weights /= spread[:, None]
    return Logistic((weights[:, 1:] - weights[:, :1]).astype(np.float32), (bias[1:] - bias[:1]).astype(np.float32))


def _fit_urgency(left_out: Array, urgencies: Sequence[str] | None) -> Logistic:
    """Logistic on the four left-out columns; levels that the rows never show keep a probability near 0."""
    if urgencies is None or len(set(urgencies)) < 2:
        always = URGENCIES.index("normal") if urgencies is None else URGENCIES.index(urgencies[0])
        return Logistic(
            np.zeros((4, 4), dtype=np.float32), np.where(np.arange(4) == always, 4.0, 0.0).astype(np.float32)
        )
    seen, labels = np.unique([URGENCIES.index(one) for one in urgencies], return_inverse=True)
    weights, bias = np.zeros((4, 4), dtype=np.float32), np.full(4, -12.0, dtype=np.float32)
    weights[:, seen], bias[seen] = fit_logistic(
        left_out[:, -4:], np.eye(len(seen))[labels], np.ones(len(labels)), c=10.0
    )
    return Logistic(weights, bias)


def check_rows(features: Features, intents: Sequence[str], urgencies: Sequence[str] | None) -> None:
    """Raises ``ModelRefused`` for rows from which no honest heads can be fitted."""
    if len(features) != len(intents) or (urgencies is not None and len(urgencies) != len(intents)):
        raise ModelRefused(
            "Texts, intents and urgencies differ in number.", remedy="Give one label of each kind a text."
        )
    bad: Labels = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if len(bad):
        raise ModelRefused(f"Row {bad[0] + 1} has no usable vector.", remedy="Remove empty or unreadable texts.")
    counts = {name: list(intents).count(name) for name in set(intents) - OUT_OF_SCOPE_LABELS}
    if len(counts) < 2:
        raise ModelRefused(f"The rows name {len(counts)} intent(s).", remedy="Give rows of at least two intents.")
    if few := sorted(name for name, count in counts.items() if count < MIN_ROWS):
        raise ModelRefused(
            f"Fewer than {MIN_ROWS} rows for: {', '.join(few)}.",
            remedy="Add rows for them or merge them into another intent.",
        )
    if unknown := sorted(set(urgencies or ()) - set(URGENCIES)):
        raise ModelRefused(f"Unknown urgency: {', '.join(unknown)}.", remedy=f"Use {', '.join(URGENCIES)}.")
