"""When a gain is too small to be believed, and what is told of rows of which none is in scope."""

from __future__ import annotations

import numpy as np
import pytest

from appliance.retraining.judged import doubt
from models.roles import Features
from models.training.calibration import Array
from models.training.heads_report import evaluate_heads
from models.training.rivals import Check, Comparison


@pytest.mark.parametrize(
    ("errors", "loss", "doubted"), [(73, 0.31, True), (73, 0.30, False), (60, 0.31, False), (74, 0.31, False)]
)
def test_one_error_less_with_a_worse_log_loss_is_noise(errors: int, loss: float, doubted: bool) -> None:
    found = Comparison(600, 74, errors, 10, 9, 1.0, (Check("log-loss", 0.30, loss, 0.8),))
    assert bool(doubt(found)) is doubted


class Foreign:
    intents = ("red", "blue")

    def predict(self, features: Features) -> tuple[Array, Array, Array]:
        rows = len(features)
        return np.full((rows, 2), 0.5, np.float32), np.zeros((rows, 4), np.float32), np.ones(rows, np.float32)


def test_without_rows_in_scope_their_coverage_is_unknown() -> None:
    found = evaluate_heads(Foreign(), np.zeros((3, 2), np.float32), ["out_of_scope"] * 3)
    assert (found["n"], found["coverage@0.7"], found["accuracy@0.7"]) == (0, None, None)
