"""Learned fusion: signals of the first stage and of the cross-encoder in one score, and how probable it is that the best passage answers.

Weights are fitted on development questions by ``models.training.fusion`` and say themselves whether the cross-encoder earns its place.
They hold for the encoder and the cross-encoder that they were fitted with: another one's cosines and logits have another scale. Until they
are fitted to it, ``unfitted`` compares standard scores instead, which have none.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from models.errors import ModelRefused

STANDARD = "_z"
"""Ending of a signal's name: its standard score among the candidates of one question (mean 0, deviation 1)."""
SPREAD = {"vector": 0.081, "bm25": 0.257, "title_vector": 0.089}
"""Deviation of the shipped encoder's signals among a question's 30 candidates (mean over the starter questions, 2026-11-23): weights that
were fitted to the raw signals become weights of standard scores by it, on the same scale."""


class Linear(BaseModel):
    """A weighted sum of named signals; a signal that is missing counts nothing."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    weights: dict[str, float]
    bias: float = 0.0

    def __call__(self, signals: Mapping[str, float]) -> float:
        return self.bias + sum(weight * signals.get(name, 0.0) for name, weight in self.weights.items())


def with_standard_scores(rows: Sequence[Mapping[str, float]], order: Linear) -> list[dict[str, float]]:
    """The candidates' signals, with the standard scores that ``order`` asks for. A signal that is the same everywhere scores 0."""
    found = [dict(row) for row in rows]
    for name in (name for name in order.weights if name.endswith(STANDARD)):
        values = [row.get(name.removesuffix(STANDARD), 0.0) for row in rows]
        mean = sum(values) / len(values)
        spread = math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
        for row, value in zip(found, values, strict=True):
            row[name] = (value - mean) / spread if spread > 1e-9 else 0.0
    return found


class Fusion(BaseModel):
    """How to order candidates, with the cross-encoder's score among the signals and without it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    revision: str
    use_reranker: bool
    """False: the cross-encoder did not beat the first stage on development questions, so it is not asked."""
    ranking: Linear
    first_stage: Linear
    answerable: Linear
    answerable_first_stage: Linear
    reranker_revision: str = ""
    """The cross-encoder whose logits the weights were fitted to."""

    @classmethod
    def open(cls, file: Path) -> Self:
        """Read the weights. Raises ``ModelRefused`` naming the file."""
        try:
            return cls.model_validate(json.loads(file.read_text("utf-8")))
        except (OSError, ValueError, ValidationError) as error:
            raise ModelRefused(
                f"The fusion weights {file} cannot be used ({type(error).__name__}).",
                remedy="Reinstall the appliance, or fit them anew.",
            ) from error

    def unfitted(self, *, encoder: bool, reranker: bool) -> Fusion:
        """What to use until somebody fits the weights to another encoder or cross-encoder; ``True`` where ours was fitted to it.

        Both orders count the same, as standard scores. The chance that the best one answers is read from the first stage alone: a
        passage that only the cross-encoder put in front gets no credit for it.
        """
        if encoder and reranker:
            return self
        first = self.first_stage if encoder else _standard(self.first_stage)
        careful = self.answerable_first_stage
        names = {"score": "first", "margin": "first_margin"}
        return self.model_copy(
            update={
                "revision": f"{self.revision}+unfitted",
                "use_reranker": self.use_reranker or not reranker,
                "reranker_revision": "",
                "first_stage": first,
                "ranking": Linear(weights={"first_z": 1.0, "reranker_z": 1.0}),
                "answerable": Linear(
                    weights={names.get(name, name): weight for name, weight in careful.weights.items()},
                    bias=careful.bias,
                ),
            }
        )

    def order(self, *, reranked: bool) -> Linear:
        return self.ranking if reranked else self.first_stage

    def probability(self, signals: Mapping[str, float], *, reranked: bool) -> float:
        """Calibrated probability, 0..1, that the best candidate answers; ``signals`` are its own plus ``score`` and ``margin``."""
        logit = (self.answerable if reranked else self.answerable_first_stage)(signals)
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))


def _standard(linear: Linear) -> Linear:
    """The same order in standard scores, where the scale of a signal is the encoder's own."""
    weights = {
        f"{name}{STANDARD}" if name in SPREAD else name: weight * SPREAD.get(name, 1.0)
        for name, weight in linear.weights.items()
    }
    return Linear(weights=weights, bias=linear.bias)
