"""Two heads on the same rows: fewer errors win, unless something that the line leans on got worse beyond chance."""

from __future__ import annotations

import numpy as np
import pytest

from models.training.calibration import Array
from models.training.rivals import compare, mcnemar

NAMES = ("billing", "login", "returns")


class Told:
    """A head whose answers a test writes down: (right?, confidence) a row, and out-of-scope scores."""

    intents = NAMES

    def __init__(
        self, labels: list[str], right: np.ndarray, sure: np.ndarray, outside: np.ndarray | None = None
    ) -> None:
        places = np.array([NAMES.index(one) if one in NAMES else 0 for one in labels])
        chosen = np.where(right, places, (places + 1) % 3)
        self.probability = np.repeat(((1 - sure) / 2)[:, None], 3, axis=1).astype(np.float32)
        self.probability[np.arange(len(labels)), chosen] = sure
        self.outside = np.zeros(len(labels), dtype=np.float32) + 0.01 if outside is None else outside.astype(np.float32)

    def predict(self, vectors: Array) -> tuple[Array, Array, Array]:
        return self.probability, np.eye(4, dtype=np.float32)[np.ones(len(vectors), dtype=int)], self.outside


LABELS = [NAMES[at % 3] for at in range(200)]
ROWS = np.zeros((200, 2), dtype=np.float32)
AT = np.arange(200)


def head(errors: int, sure: float | None = None, **others: np.ndarray) -> Told:
    right = errors <= AT
    return Told(LABELS, right, np.full(200, 1 - errors / 200 if sure is None else sure), **others)


def judged(before: Told, after: Told, urgencies: list[str] | None = None) -> tuple[str, ...]:
    return compare(before, after, ROWS, LABELS, urgencies, out_of_scope=0.5).objections


def test_fewer_errors_win() -> None:
    assert judged(head(40), head(30)) == ()


@pytest.mark.parametrize("errors", [40, 50])
def test_as_many_errors_or_more_do_not(errors: int) -> None:
    assert judged(head(40), head(errors))[0] == f"{errors} errors on 200 held-out rows, the head in use 40"


def test_fewer_errors_bought_with_boastfulness_do_not_win() -> None:
    found = " ".join(judged(head(40), head(38, sure=0.999)))
    assert "worse in log-loss" in found
    assert "worse in calibration error" in found


def test_fewer_errors_bought_with_false_alarms_do_not_win() -> None:
    assert "worse in out-of-scope log-loss" in " ".join(judged(head(40), head(30, outside=np.full(200, 0.45))))


def test_rows_out_of_scope_count_as_right_at_the_limit() -> None:
    labels = ["out_of_scope"] * 200
    before, after = (
        Told(labels, AT < 0, np.full(200, 0.5), outside=np.where(at, 0.9, 0.1)) for at in (AT < 150, AT < 160)
    )
    found = compare(before, after, ROWS, labels, None, out_of_scope=0.5)
    assert (found.errors_before, found.errors_after, found.mended, found.broken) == (50, 40, 10, 0)
    assert found.objections == ()


def test_an_intent_that_the_old_head_does_not_know_is_its_error() -> None:
    labels = ["new_one", *LABELS[1:]]
    before = head(0, sure=0.9)
    assert compare(before, before, ROWS, labels, None, out_of_scope=0.5).errors_before == 1


def test_urgency_counts_only_where_somebody_said_it() -> None:
    urgencies = ["normal"] * 10 + [""] * 190
    found = compare(head(40), head(30), ROWS, LABELS, urgencies, out_of_scope=0.5)
    [check] = [one for one in found.checks if one.name == "urgency error rate"]
    assert (check.before, check.after, check.passed) == (0.0, 0.0, True)


def test_a_comparison_is_the_same_every_time() -> None:
    first, second = (compare(head(40), head(36, sure=0.7), ROWS, LABELS, None, out_of_scope=0.5) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("mended", "broken", "p"), [(0, 0, 1.0), (5, 5, 1.0), (10, 2, 0.0386), (2, 10, 0.0386), (20, 0, 0.0)]
)
def test_mcnemar_against_values_worked_out_by_hand(mended: int, broken: int, p: float) -> None:
    assert mcnemar(mended, broken) == pytest.approx(p, abs=1e-4)
