"""Boosted trees as plain arrays: fitted elsewhere, read from JSON, asked with numpy alone."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from models.errors import ModelRefused
from models.onnx import REINSTALL

Floats = npt.NDArray[np.float64]


class Tree(BaseModel):
    """Node 0 is the root. A row goes ``left`` when its ``feature`` is at most ``threshold``; ``feature`` -1 marks a leaf with ``value``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    value: tuple[float, ...]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        size = len(self.feature)
        if not size or any(len(part) != size for part in (self.threshold, self.left, self.right, self.value)):
            raise ValueError("a tree's columns are of one length")
        inner = [at for at in range(size) if self.feature[at] >= 0]
        if any(not at < child < size for at in inner for child in (self.left[at], self.right[at])):
            raise ValueError("a child stands after its parent")
        return self


class Trees(BaseModel):
    """The sum of ``bias`` and one leaf of every tree is a logit. ``features`` names the columns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: tuple[str, ...]
    bias: float
    trees: tuple[Tree, ...]

    @classmethod
    def open(cls, path: Path) -> Self:
        """Raises ``ModelRefused``."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise ModelRefused(f"The file {path} cannot be read: {error.strerror}.", remedy=REINSTALL) from error
        except ValidationError as error:
            message = f"The file {path} is not as it should be: {error.errors()[0]['msg']}."
            raise ModelRefused(message, remedy=REINSTALL) from None

    @model_validator(mode="after")
    def _columns(self) -> Self:
        if any(feature >= len(self.features) for tree in self.trees for feature in tree.feature):
            raise ValueError("a tree asks for a feature that has no name")
        return self


class Forest:
    """``Trees`` ready to be asked for many rows."""

    def __init__(self, trees: Trees) -> None:
        self._bias = trees.bias
        self._trees = [
            tuple(np.array(part) for part in (one.feature, one.threshold, one.left, one.right, one.value))
            for one in trees.trees
        ]

    def logits(self, rows: Floats) -> Floats:
        """One a row."""
        total = np.full(len(rows), self._bias)
        every = np.arange(len(rows))
        for feature, threshold, left, right, value in self._trees:
            node = np.zeros(len(rows), dtype=np.int64)
            while (inner := feature[node] >= 0).any():
                goes_left = rows[every, np.maximum(feature[node], 0)] <= threshold[node]
                node = np.where(inner, np.where(goes_left, left[node], right[node]), node)
            total += value[node]
        return total
