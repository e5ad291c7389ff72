"""Thresholds by risk budget: the smallest confidence at which the unsafe share of what is handled automatically is provably small.

For every threshold of a fixed grid, from the highest down, "the unsafe share among rows at or above it exceeds the budget" is
tested with the exact binomial tail; the first test that fails ends the way, and the last threshold that passed is chosen. Testing
in a fixed order spends the error probability once, however many thresholds are looked at (fixed-sequence testing in "Learn then
Test", Angelopoulos et al. 2021). The way begins at the highest threshold that a fifth of the rows reach, and enough of them to prove
anything at all: beginning at the top would give a single bad row among the first few the last word.

What is promised, for each intent by itself: tickets drawn like the rows, handled at the chosen threshold, are unsafe in more than
``budget`` of the cases with a probability of at most 1 - ``confidence``. The beginning depends on how many rows lie where, never on
whether they were unsafe, so this is exact if a surer row is never the more dangerous one: the assumption of every threshold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.errors import ModelRefused

STEP = 0.01
HIGHEST = 0.99
CONFIDENCE = 0.95
FLOOR = 0.5
START = 0.2
"""Share of an intent's rows at which the way begins. In simulation 0 often refuses what 0.2 proves, and 0.5 misses intents of which only the surest part is safe."""

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the rows prove about one intent. ``threshold`` is None when automation is refused.

    ``handled`` rows reach the threshold, ``unsafe`` of them should not have been handled, ``bound`` is the upper confidence bound
    of that share. A refused intent shows all its rows when they are too few, else the surest ones, which failed the test.
    ``missing``: so many more rows, every one of them safe, are needed at least.
    """

    intent: str
    threshold: float | None
    handled: int
    unsafe: int
    bound: float
    missing: int = 0


def choose(
    held: Numbers,
    predicted: Sequence[str],
    unsafe: Flags,
    intents: Sequence[str],
    *,
    budget: float,
    confidence: float = CONFIDENCE,
    floor: float = FLOOR,
) -> tuple[Chosen, ...]:
    """One choice an intent, in the order of ``intents``.

    ``held`` (n,) is the number that is compared with the threshold, ``predicted`` the intent whose threshold it is, ``unsafe`` whether
    handling that row automatically would have been wrong. The rows must not have been used to fit what predicts. No threshold below
    ``floor`` is chosen. Raises ``ModelRefused`` for a budget or confidence that is no share, and for numbers that are none.
    """
    _check(held, predicted, unsafe, budget, confidence)
    names = np.asarray(predicted, dtype=np.str_)
    scores = np.asarray(held, dtype=np.float64)
    grid = thresholds(floor)
    return tuple(
        _choose_one(name, scores[names == name], unsafe[names == name], grid=grid, budget=budget, confidence=confidence)
        for name in intents
    )


def thresholds(floor: float) -> tuple[float, ...]:
    """The grid, highest first; it must not depend on the rows."""
    steps = math.floor((HIGHEST - floor) / STEP + 1e-9)
    return tuple(round(HIGHEST - STEP * at, 2) for at in range(steps + 1)) or (HIGHEST,)


def _choose_one(
    intent: str, held: Numbers, unsafe: Flags, *, grid: Sequence[float], budget: float, confidence: float
) -> Chosen:
    order = np.argsort(-held, kind="stable")
    reached = np.searchsorted(-held[order], -np.asarray(grid), side="right")
    bad = np.concatenate([[0], np.cumsum(unsafe[order])])[reached]
    enough = rows_needed(budget, confidence=confidence)
    if reached[-1] < enough:  # not one bad row among them would still prove nothing
        return _refused(intent, int(bad[-1]), int(reached[-1]), budget, confidence)
    begin = int(np.argmax(reached >= max(enough, START * reached[-1])))
    best = None
    for at in range(begin, len(grid)):
        if not proves(int(bad[at]), int(reached[at]), budget=budget, confidence=confidence):
            break
        best = at
    if best is None:
        return _refused(intent, int(bad[begin]), int(reached[begin]), budget, confidence)
    rows, wrong = int(reached[best]), int(bad[best])
    return Chosen(intent, grid[best], rows, wrong, upper_bound(wrong, rows, confidence=confidence))


def _refused(intent: str, bad: int, rows: int, budget: float, confidence: float) -> Chosen:
    missing = rows_needed(budget, unsafe=bad, confidence=confidence) - rows
    return Chosen(intent, None, rows, bad, upper_bound(bad, rows, confidence=confidence), missing)


def proves(unsafe: int, rows: int, *, budget: float, confidence: float = CONFIDENCE) -> bool:
    """Would so few unsafe rows be this rare if the true share were ``budget``? The same as ``upper_bound(…) <= budget``."""
    return rows > 0 and binomial_tail(unsafe, rows, budget) <= 1 - confidence


def rows_needed(budget: float, *, unsafe: int = 0, confidence: float = CONFIDENCE) -> int:
    """Fewest rows, ``unsafe`` of them bad, that prove the budget: 59 without a bad one for 5 % at 95 % confidence."""
    low, high = unsafe, max(unsafe + 1, 2)
    while not proves(unsafe, high, budget=budget, confidence=confidence):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if proves(unsafe, middle, budget=budget, confidence=confidence) else (middle, high)
    return high


def upper_bound(unsafe: int, rows: int, *, confidence: float = CONFIDENCE) -> float:
    """One-sided upper confidence bound of a share (Clopper and Pearson 1934): the share at which so few would have been seen with 1 - ``confidence``."""
    if unsafe >= rows:
        return 1.0
    low, high = unsafe / rows, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if binomial_tail(unsafe, rows, middle) > 1 - confidence else (low, middle)
    return high


def interval(part: int, whole: int, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Two-sided exact interval of a share (Clopper and Pearson 1934); 0 to 1 without rows."""
    if not whole:
        return 0.0, 1.0
    each = (1 + confidence) / 2
    return 1 - upper_bound(whole - part, whole, confidence=each), upper_bound(part, whole, confidence=each)


def binomial_tail(most: int, rows: int, share: float) -> float:
    """P(X <= most) for X binomial with ``rows`` trials of probability ``share``; summed in logarithms, so that nothing underflows."""
    if most >= rows or share <= 0:
        return 1.0
    if share >= 1:
        return 0.0
    i = np.arange(1, most + 1, dtype=np.float64)
    choices = np.concatenate([[0.0], np.cumsum(np.log((rows - i + 1) / i))])
    successes = np.arange(most + 1)
    terms = choices + successes * math.log(share) + (rows - successes) * math.log1p(-share)
    top = float(terms.max())
    return min(1.0, math.exp(top) * float(np.exp(terms - top).sum()))


def _check(held: Numbers, predicted: Sequence[str], unsafe: Flags, budget: float, confidence: float) -> None:
    for name, value in (("risk budget", budget), ("confidence", confidence)):
        if not 0 < value < 1:
            raise ModelRefused(
                f"The {name} is {value}, which is no share between 0 and 1.", remedy="Give for example 0.05."
            )
    if not len(held) == len(predicted) == len(unsafe):
        raise ModelRefused("Confidences, intents and verdicts differ in number.", remedy="Give one of each a row.")
    if not np.isfinite(held).all():
        raise ModelRefused("A confidence is not a number.", remedy="Remove rows that have no usable vector.")
