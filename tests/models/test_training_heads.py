"""Heads: fitting, calibration, the graph that ships, and rows from which nothing honest can be fitted."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from models.catalog import WEIGHTS
from models.classifier import OnnxIntentClassifier
from models.errors import ModelRefused
from models.features import read_features
from models.ngrams import BUCKETS
from models.training.calibration import expected_calibration_error, fit_sharpness, softmax
from models.training.heads import GRID, FittedHeads, fit_heads
from models.training.heads_graph import write_graph
from models.training.heads_report import auroc, evaluate_heads, macro_f1
from models.training.intent import Labels, save_heads, train_intent
from models.training.kernel_ridge import Kernel, fit
from models.training.points import fit_preparation
from models.training.rows import read_rows

DIMENSION = 12
NAMES = ("billing", "delivery", "login")
LEVELS = ("low", "normal", "high", "critical")


def _cloud(centre: int, rows: int, seed: int, spread: float = 0.25) -> np.ndarray:
    rng = np.random.default_rng(seed)
    points = np.eye(DIMENSION)[centre] + spread * rng.standard_normal((rows, DIMENSION))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    counts = np.zeros((rows, BUCKETS))
    counts[:, 20 * centre : 20 * centre + 20] = rng.poisson(0.5, (rows, 20))
    counts[:, 400:440] = rng.poisson(0.5, (rows, 40))
    return np.concatenate([points, counts], axis=1).astype(np.float16)


def _data(seed: int, rows: int = 40, outside: int = 0) -> tuple[np.ndarray, list[str], list[str]]:
    clouds = [_cloud(at, rows, seed + at) for at in range(3)] + ([_cloud(7, outside, seed + 9)] if outside else [])
    intents = [name for name in NAMES for _ in range(rows)] + ["out_of_scope"] * outside
    return np.concatenate(clouds), intents, [LEVELS[NAMES.index(one)] if one in NAMES else "low" for one in intents]


@pytest.fixture(scope="module")
def heads() -> FittedHeads:
    return fit_heads(*_data(1, outside=30), seed=3)


def test_heads_know_unseen_rows_of_their_intents(heads: FittedHeads) -> None:
    vectors, intents, urgencies = _data(100)
    probability, levels, outside = heads.predict(vectors)
    assert np.mean(np.array(heads.intents)[probability.argmax(axis=1)] == intents) > 0.95
    assert np.mean(np.array(LEVELS)[levels.argmax(axis=1)] == urgencies) > 0.9
    assert outside.mean() < 0.3


@pytest.mark.parametrize("given", [0, 30])
def test_strange_texts_score_higher_out_of_scope_with_and_without_examples(given: int) -> None:
    fitted = fit_heads(*_data(1, outside=given), seed=3)
    _, _, known = fitted.predict(_data(100)[0])
    _, _, strange = fitted.predict(_cloud(7, 30, 5))
    assert strange.mean() > 0.6 > 0.4 > known.mean()


@pytest.mark.parametrize("given", [0, 30])
def test_the_graph_gives_the_same_numbers_through_the_runtime(tmp_path: Path, given: int) -> None:
    fitted = fit_heads(*_data(1, outside=given), seed=3)
    save_heads(tmp_path, fitted, {"profile": "toy", "encoder_revision": "toy-1"})
    classifier = OnnxIntentClassifier.open(tmp_path, encoder_revision="toy-1")
    vectors = np.concatenate([_data(100)[0], _cloud(7, 5, 5)])
    probability, levels, outside = fitted.predict(vectors)
    found = classifier.classify(vectors)
    assert [one.intent for one in found] == list(np.array(fitted.intents)[probability.argmax(axis=1)])
    assert np.allclose([one.confidence for one in found], probability.max(axis=1), atol=1e-4)
    assert np.allclose([one.urgency_confidence for one in found], levels.max(axis=1), atol=1e-4)
    assert np.allclose([one.out_of_scope for one in found], outside, atol=1e-4)


def test_without_urgencies_every_ticket_is_normal() -> None:
    vectors, intents, _ = _data(1)
    _, levels, _ = fit_heads(vectors, intents, None, seed=3).predict(vectors)
    assert set(levels.argmax(axis=1)) == {LEVELS.index("normal")}


@pytest.mark.parametrize("kept", [("low",), ("low", "critical"), ("low", "normal", "critical")])
def test_urgencies_that_the_rows_never_show_are_never_guessed(kept: tuple[str, ...]) -> None:
    vectors, intents, _ = _data(1)
    urgencies = [kept[NAMES.index(one) % len(kept)] for one in intents]
    _, levels, _ = fit_heads(vectors, intents, urgencies, seed=3).predict(vectors)
    assert {LEVELS[at] for at in levels.argmax(axis=1)} == set(kept)


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_leave_one_out_predictions_equal_fitting_without_the_row(share: float) -> None:
    features, intents, _ = _data(1, rows=8)
    points = fit_preparation(features)(features)
    targets = np.array([[float(one == name) for name in NAMES] for one in intents], dtype=np.float32)
    kernel = Kernel(1.0, share)
    _, left_out = fit(points, targets, kernel=kernel, penalty=0.3, seed=0)
    offset = targets.mean(axis=0)
    rest = np.arange(1, len(points))
    inner = kernel(points[rest], points[rest]) + 0.301 * np.eye(len(rest), dtype=np.float32)
    weights = np.linalg.solve(inner, targets[rest] - offset)
    expected = offset + kernel(points[np.arange(1)], points[rest]) @ weights
    assert np.allclose(left_out[0], expected[0], atol=1e-3)


def test_the_weights_of_the_wording_say_what_its_landmarks_would() -> None:
    features, intents, _ = _data(1, rows=8)
    points = fit_preparation(features)(features)
    targets = np.array([[float(one == name) for name in NAMES] for one in intents], dtype=np.float32)
    kernel = Kernel(1.0, 0.4)
    ridge, _ = fit(points, targets, kernel=kernel, penalty=0.3, seed=0)
    inner = kernel(points, points)
    weights = np.linalg.solve(inner + 0.301 * np.eye(len(points), dtype=np.float32), targets - targets.mean(axis=0))
    assert np.allclose(ridge.predict(points, ridge.nearness(points)), targets.mean(axis=0) + inner @ weights, atol=1e-3)


def test_too_many_rows_are_thinned_but_no_intent_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.training.heads.MOST_ROWS", 60)
    features, intents, urgencies = _data(1)
    few = [*range(80), *range(80, 86)]
    fitted = fit_heads(features[few], [intents[at] for at in few], [urgencies[at] for at in few], seed=3)
    assert fitted.ridge.landmarks.shape[0] == 60
    assert set(fitted.intents) == set(NAMES)


def test_many_rows_are_fitted_on_landmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.training.kernel_ridge.MAX_LANDMARKS", 60)
    vectors, intents, urgencies = _data(1)
    fitted = fit_heads(vectors, intents, urgencies, seed=3)
    assert fitted.ridge.landmarks.shape == (60, DIMENSION)
    assert evaluate_heads(fitted, *_data(100)[:2])["accuracy"] > 0.95  # type: ignore[operator]


def test_calibration_mends_overconfident_scores() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 2_000)
    scores = (np.eye(3)[labels] + 1.2 * rng.standard_normal((2_000, 3))).astype(np.float32) * 5

    def error(factor: float) -> float:
        probability = softmax(factor * scores)
        return expected_calibration_error(probability.max(axis=1), probability.argmax(axis=1) == labels)

    assert error(fit_sharpness(scores[:1_000], labels[:1_000])) < 0.05 < 0.2 < error(1.0)


def test_figures_without_data_are_none() -> None:
    vectors, intents, _ = _data(1)
    figures = evaluate_heads(fit_heads(vectors, intents, None, seed=3), vectors, intents)
    assert figures["oos_auroc"] is None
    assert figures["accuracy"] > 0.95  # type: ignore[operator]


def test_figures_by_hand() -> None:
    assert auroc(np.array([0.9, 0.5], np.float32), np.array([0.1, 0.5], np.float32)) == 0.875
    assert macro_f1(np.array(["a", "a", "b"]), np.array(["a", "b", "b"])) == pytest.approx(2 / 3)


def test_rows_that_cannot_be_fitted_are_refused_by_name() -> None:
    vectors, intents, urgencies = _data(1)
    broken = vectors.copy()
    broken[4, 0] = np.nan
    cases = [
        (broken, intents, urgencies, "Row 5"),
        (vectors[:40], intents[:40], None, "1 intent"),
        (vectors[:44], intents[:44], None, "delivery"),
        (vectors, intents, ["urgent", *urgencies[1:]], "urgent"),
        (vectors, intents[:-1], urgencies, "differ in number"),
        (vectors[:0], [], None, "0 intent"),
    ]
    for rows, names, levels, said in cases:
        with pytest.raises(ModelRefused, match=said) as refused:
            fit_heads(rows, names, levels, seed=3)
        assert refused.value.remedy


class LetterEncoder:
    """Counts letters: texts of different words lie apart."""

    revision, dimension = "letters-1", 26

    def encode(self, texts: object) -> np.ndarray:
        rows = np.array([[text.lower().count(chr(97 + at)) + 0.01 for at in range(26)] for text in texts])  # type: ignore[attr-defined]
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _write(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_training_from_files_writes_weights_that_the_runtime_opens(tmp_path: Path) -> None:
    rows = [f"{'x' * n} bill invoice,billing,low" for n in range(1, 9)] + [
        f"{'y' * n} door lock,login,high" for n in range(1, 9)
    ]
    train = _write(tmp_path / "train.csv", "text,intent,urgency", rows)
    labels = Labels("toy", train, train, datetime(2026, 11, 23, tzinfo=UTC))
    meta = train_intent(labels, LetterEncoder(), tmp_path / "out", known={"billing", "login"})
    classifier = OnnxIntentClassifier.open(tmp_path / "out", encoder_revision="letters-1")
    found = classifier.classify(read_features(LetterEncoder(), ["bill invoice", "door lock"]))
    assert [one.intent for one in found] == ["billing", "login"]
    assert [one.urgency for one in found] == ["low", "high"]
    assert meta["figures"]["accuracy"] == 1.0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["heads.onnx", "meta.json"]


@pytest.mark.parametrize(
    ("header", "rows", "said"),
    [
        ("text,intent", ["a,b", ",b"], "row 3: text is empty"),
        ("text,intent", ["a,nan"], "row 2: intent is empty"),
        ("body,intent", ["a,b"], "lacks the column"),
        ("text,intent", [], "no rows"),
        ("text,intent", ["a,weather"], "weather"),
    ],
)
def test_bad_files_are_refused_with_place_and_remedy(tmp_path: Path, header: str, rows: list[str], said: str) -> None:
    with pytest.raises(ModelRefused, match=said) as refused:
        read_rows(_write(tmp_path / "rows.csv", header, rows), known={"b"})
    assert refused.value.remedy


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="cannot be read"):
        read_rows(tmp_path / "none.csv")


def test_the_graph_is_small_and_checked(tmp_path: Path, heads: FittedHeads) -> None:
    write_graph(heads, tmp_path / "heads.onnx")
    assert (tmp_path / "heads.onnx").stat().st_size < 120_000


@pytest.mark.parametrize("profile", ["saas", "it_helpdesk", "shop"])
def test_the_shipped_heads_are_such_as_this_code_makes(profile: str) -> None:
    chosen = json.loads((WEIGHTS / "intent" / profile / "meta.json").read_text("utf-8"))["calibration"]
    made = {(kernel.gamma, kernel.share, penalty) for kernel, penalty in GRID}
    assert (chosen["kernel_gamma"], chosen["wording_share"], chosen["penalty"]) in made
