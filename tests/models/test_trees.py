"""Trees read from JSON: what they say of a row, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from models.errors import ModelRefused
from models.trees import Forest, Trees

Columns = dict[str, list[float]]
STUMP: Columns = {
    "feature": [1, -1, -1],
    "threshold": [0.5, 0, 0],
    "left": [1, 0, 0],
    "right": [2, 0, 0],
    "value": [0, -2.0, 3.0],
}
LEAF: Columns = {"feature": [-1], "threshold": [0], "left": [0], "right": [0], "value": [0.25]}


def written(folder: Path, *trees: Columns) -> Path:
    path = folder / "trees.json"
    path.write_text(json.dumps({"features": ["one", "two"], "bias": 1.0, "trees": trees}), "utf-8")
    return path


def test_a_logit_is_the_bias_and_one_leaf_of_every_tree(tmp_path: Path) -> None:
    forest = Forest(Trees.open(written(tmp_path, STUMP, LEAF)))
    assert forest.logits(np.array([[9.0, 0.5], [0.0, 0.6]])).tolist() == [-0.75, 4.25]


def test_no_rows_give_no_logits(tmp_path: Path) -> None:
    assert Forest(Trees.open(written(tmp_path, STUMP))).logits(np.zeros((0, 2))).shape == (0,)


@pytest.mark.parametrize(
    "broken",
    [
        STUMP | {"left": [0, 0, 0]},  # a circle
        STUMP | {"right": [9, 0, 0]},
        STUMP | {"value": [1.0]},
        STUMP | {"feature": [7, -1, -1]},
        {"feature": [], "threshold": [], "left": [], "right": [], "value": []},
    ],
)
def test_a_tree_that_would_not_end_or_asks_for_an_unknown_feature_is_refused(tmp_path: Path, broken: Columns) -> None:
    with pytest.raises(ModelRefused):
        Trees.open(written(tmp_path, broken))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused):
        Trees.open(tmp_path / "trees.json")
