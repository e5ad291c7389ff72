"""Learned fusion: signals of the first stage and of the cross-encoder in one score, and how probable it is that the best passage answers.

Weights are fitted on development questions by ``models.training.fusion`` and say themselves whether the cross-encoder earns its place.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from models.errors import ModelRefused


class Linear(BaseModel):
    """A weighted sum of named signals; a signal that is missing counts nothing."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    weights: dict[str, float]
    bias: float = 0.0

    def __call__(self, signals: Mapping[str, float]) -> float:
        return self.bias + sum(weight * signals.get(name, 0.0) for name, weight in self.weights.items())


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

    def order(self, *, reranked: bool) -> Linear:
        return self.ranking if reranked else self.first_stage

    def probability(self, signals: Mapping[str, float], *, reranked: bool) -> float:
        """Calibrated probability, 0..1, that the best candidate answers; ``signals`` are its own plus ``score`` and ``margin``."""
        logit = (self.answerable if reranked else self.answerable_first_stage)(signals)
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))
