"""The two small regressions behind the fusion: a listwise softmax for the order, a logistic for 'does it answer'."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.training.descent import minimum
from models.training.fits import fit_logistic

Floats = npt.NDArray[np.float64]
RIDGE = 0.02
PRIOR_QUESTIONS = 150
"""Below so many questions the ridge towards earlier weights grows."""
FOLDS = 5
UNREVIEWED = frozenset({"link"})


@dataclass(frozen=True, slots=True)
class Asked:
    """One question and its candidates' articles, signals and passages; ``gold`` is empty when nothing answers it."""

    id: str
    kind: str
    question: str
    gold: frozenset[str]
    articles: tuple[str, ...]
    signals: tuple[Mapping[str, float], ...]
    passages: tuple[str, ...] = ()

    def only(self, places: Sequence[int], *, gold: frozenset[str]) -> Asked:
        """The same question with these candidates, in this order."""
        return Asked(
            self.id,
            self.kind,
            self.question,
            gold,
            tuple(self.articles[at] for at in places),
            tuple(self.signals[at] for at in places),
            tuple(self.passages[at] for at in places) if self.passages else (),
        )

    def without_gold(self) -> Asked:
        """The same question in a knowledge base that lacks its article."""
        kept = [at for at, article in enumerate(self.articles) if article not in self.gold]
        return self.only(kept, gold=frozenset())


@dataclass(frozen=True, slots=True)
class Linear:
    weights: Mapping[str, float]
    bias: float = 0.0

    def __call__(self, signals: Mapping[str, float]) -> float:
        return self.bias + sum(weight * signals.get(name, 0.0) for name, weight in self.weights.items())

    def as_json(self) -> dict[str, Any]:
        return {"weights": {name: round(value, 5) for name, value in self.weights.items()}, "bias": round(self.bias, 5)}


def folds(n: int, *, seed: int) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """(train, test) places, each question tested once."""
    order = np.random.default_rng(seed).permutation(n)
    for part in range(FOLDS):
        yield order[np.arange(n) % FOLDS != part], order[np.arange(n) % FOLDS == part]


def fit_ranking(asked: Sequence[Asked], names: Sequence[str], prior: Mapping[str, float] | None = None) -> Linear:
    """Weights that maximise the mean log-likelihood of the gold article's passages under a softmax over candidates.

    Signals are standardised for the ridge and the weights scaled back. Questions without a gold candidate say nothing.
    With ``prior`` the ridge draws towards those weights, the more so the fewer the questions: some dozen questions of one
    company mend what was fitted on hundreds, they do not replace it.
    """
    useful = [one for one in asked if any(article in one.gold for article in one.articles)]
    before = prior or {}
    if not useful:
        return Linear({name: before.get(name, 0.0) for name in names})
    blocks = [np.array([[row.get(name, 0.0) for name in names] for row in one.signals]) for one in useful]
    gold = [np.array([article in one.gold for article in one.articles]) for one in useful]
    spread = np.maximum(np.concatenate(blocks).std(axis=0), 1e-6)
    blocks = [block / spread for block in blocks]
    centre = np.array([before.get(name, 0.0) for name in names]) * spread
    ridge = max(RIDGE, PRIOR_QUESTIONS * RIDGE / len(useful)) if prior else RIDGE

    def loss(weights: Floats) -> tuple[float, Floats]:
        off = weights - centre
        total, slope = ridge * float(off @ off), 2 * ridge * off
        for block, right in zip(blocks, gold, strict=True):
            scores = block @ weights
            chance = np.exp(scores - scores.max())
            chance /= chance.sum()
            among = np.where(right, chance, 0.0)
            hit = max(float(among.sum()), 1e-12)
            total -= np.log(hit) / len(blocks)
            slope = slope - (among / hit - chance) @ block / len(blocks)
        return total, slope

    best = minimum(loss, centre) / spread
    return Linear({name: float(value) for name, value in zip(names, best, strict=True)})


def ordered(one: Asked, linear: Linear) -> list[tuple[float, int]]:
    """(score, place in first-stage order), best first."""
    return sorted(((linear(row), at) for at, row in enumerate(one.signals)), key=lambda pair: (-pair[0], pair[1]))


def ranks_of(asked: Sequence[Asked], linear: Linear) -> list[int | None]:
    """Place (0 = first) of the gold article among the different articles of each question."""
    found: list[int | None] = []
    for one in asked:
        articles = list(dict.fromkeys(one.articles[at] for _, at in ordered(one, linear)))
        found.append(next((at for at, article in enumerate(articles) if article in one.gold), None))
    return found


def narrowed(one: Asked, linear: Linear, depth: int) -> Asked:
    """The ``depth`` best candidates, best first: what the cross-encoder is shown."""
    return one.only([at for _, at in ordered(one, linear)[:depth]], gold=one.gold)


def best_features(one: Asked, linear: Linear) -> dict[str, float]:
    """Signals of the best candidate, its score, and its margin over the best of another article (0 without one)."""
    order = ordered(one, linear)
    score, best = order[0]
    rival = next((other for other, at in order if one.articles[at] != one.articles[best]), score)
    return {**one.signals[best], "score": score, "margin": score - rival}


def fit_answerable(
    asked: Sequence[Asked], linear: Linear, names: Sequence[str], *, seed: int
) -> tuple[Linear, dict[str, Any]]:
    """Logistic: does the best candidate's article answer? Every question is also asked without its article.

    An unreviewed link whose article is not the best one is left out: another article often answers just as well.
    Right and wrong weigh the same, as if half of what is asked could be answered: the mixture made here is no customer's.
    Returns the weights and cross-validated figures (AUROC, and what a floor would do).
    """
    cases = [one for one in asked if one.signals and (one.kind not in UNREVIEWED or _best_is_gold(one, linear))]
    cases += [bare for one in asked if one.gold and (bare := one.without_gold()).signals]
    features = [best_features(one, linear) for one in cases]
    matrix = np.array([[row.get(name, 0.0) for name in names] for row in features])
    right = np.array([_best_is_gold(one, linear) for one in cases])
    spread = np.maximum(matrix.std(axis=0), 1e-6)
    chance = np.zeros(len(cases))
    groups = sorted({one.id for one in cases})
    place = {key: at for at, key in enumerate(groups)}
    owner = np.array([place[one.id] for one in cases])
    for train, test in folds(len(groups), seed=seed):
        taught, tested = np.isin(owner, train), np.isin(owner, test)
        chance[tested] = _chance((matrix / spread)[tested], *_balanced((matrix / spread)[taught], right[taught]))
    found, bias = _balanced(matrix / spread, right)
    weights = {name: float(value) for name, value in zip(names, found / spread, strict=True)}
    quality = {
        "n": len(cases),
        "right": round(float(right.mean()), 4),
        "auroc": round(auroc(chance[right], chance[~right]), 4),
        **{f"kept@{floor}": round(float((chance[right] >= floor).mean()), 4) for floor in (0.3, 0.5, 0.7)},
        **{f"stopped@{floor}": round(float((chance[~right] < floor).mean()), 4) for floor in (0.3, 0.5, 0.7)},
    }
    return Linear(weights, bias), quality


def auroc(right: Floats, wrong: Floats) -> float:
    """How often a right one is above a wrong one, ties counting half; 0.5 where one kind is missing."""
    if not len(right) or not len(wrong):
        return 0.5
    return float(((right[:, None] > wrong).mean() + (right[:, None] >= wrong).mean()) / 2)


def _balanced(rows: Floats, right: npt.NDArray[np.bool_]) -> tuple[Floats, float]:
    """Logistic regression (C = 1) in which right and wrong weigh the same: weights and bias."""
    share = np.array([(~right).mean(), right.mean()])
    if not share.all():
        return np.zeros(rows.shape[1]), 3.0 if right.all() else -3.0
    each = 0.5 / share[right.astype(int)]
    # Softmax of two classes penalises both halves of each weight, so half of C gives the same optimum.
    weights, biases = fit_logistic(rows, np.column_stack([~right, right]).astype(np.float64), each, c=0.5)
    return weights[:, 1] - weights[:, 0], float(biases[1] - biases[0])


def _chance(rows: Floats, weights: Floats, bias: float) -> Floats:
    chance: Floats = 1 / (1 + np.exp(-(rows @ weights + bias)))
    return chance


def _best_is_gold(one: Asked, linear: Linear) -> bool:
    return one.articles[ordered(one, linear)[0][1]] in one.gold
