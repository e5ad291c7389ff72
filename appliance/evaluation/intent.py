"""How right and how honest intent heads are that were trained on texts of one's own, as retraining on the box does it.

What is measured is the exported graph in the runtime that serves customers, not the fit that it came from.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from appliance.config import Config
from appliance.errors import InputInvalid, StorageFailed
from appliance.evaluation.datasets import Labelled
from appliance.evaluation.figures import percentile
from appliance.model_set import open_catalog
from models.classifier import OnnxIntentClassifier
from models.encoder import OnnxEncoder
from models.features import read_features
from models.roles import Encoder, Features
from models.training.served import Served

_SEED = 7
_TIMED = 200
"""Texts that are classified one by one, for the time of one."""


def measure(
    config: Config,
    train: Labelled,
    test: Labelled,
    out_of_scope: Labelled | None = None,
    *,
    charts: Path | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:
    """The figures of the public contract; ``train_seconds`` is encoding, fitting and export. ``charts``: a folder for the two pictures.

    Raises ``InputInvalid``, ``ModelRefused`` and ``StorageFailed``.
    """
    from models.training.heads_report import evaluate_heads

    check_categories(train, test)
    encoder = OnnxEncoder.open(
        open_catalog(config).require("encoder"), provider=config.models.provider, threads=config.models.threads or None
    )
    with TemporaryDirectory(prefix="appliance-eval-") as folder:
        began = clock()
        served = Served(_trained(encoder, train, Path(folder)))
        train_seconds = clock() - began
        outside = read_features(encoder, out_of_scope.texts) if out_of_scope else None
        features = read_features(encoder, test.texts)
        figures = evaluate_heads(served, features, test.categories, outside)
        if charts:
            _draw(charts, served, features, test.categories)
        return figures | {
            "train_seconds": round(train_seconds, 2),
            "p50_ms": _one_by_one(encoder, served, test.texts[:_TIMED], clock),
            "intents": len(served.intents),
            "out_of_scope": len(out_of_scope.texts) if out_of_scope else 0,
        }


def _draw(folder: Path, served: Served, features: Features, categories: Sequence[str]) -> None:
    from models.training.charts import write_charts

    try:
        write_charts(folder, served, features, categories)
    except OSError as error:
        raise StorageFailed(
            f"The pictures cannot be written to {folder}: {error.strerror}.",
            remedy="Give a folder that can be written to.",
        ) from error


def check_categories(train: Labelled, test: Labelled) -> None:
    """Raises ``InputInvalid`` when a test category could not have been learnt; rows labelled out of scope may always come."""
    from models.training.heads import OUT_OF_SCOPE_LABELS

    if strange := sorted(set(test.categories) - set(train.categories) - OUT_OF_SCOPE_LABELS):
        raise InputInvalid(
            f"The test texts have categories that the training texts lack: {', '.join(strange[:5])}.",
            remedy="Give both files the same categories; texts of none belong into --out-of-scope.",
        )


def _trained(encoder: Encoder, train: Labelled, folder: Path) -> OnnxIntentClassifier:
    from models.training.heads import fit_heads
    from models.training.intent import save_heads

    heads = fit_heads(read_features(encoder, train.texts), train.categories, None, seed=_SEED)
    save_heads(folder, heads, {"profile": "evaluation", "encoder_revision": encoder.revision})
    return OnnxIntentClassifier.open(folder, encoder_revision=encoder.revision)


def _one_by_one(encoder: Encoder, served: Served, texts: Sequence[str], clock: Callable[[], float]) -> float | None:
    times = []
    for text in texts:
        began = clock()
        served.predict(read_features(encoder, [text]))
        times.append((clock() - began) * 1000)
    return percentile(times, 50)
