"""Trains the intent heads of one profile from labelled messages; runs on the box, on CPU, without torch.

python -m models.training.intent --train T.csv [--heldout H.csv] --encoder DIR --profile NAME --out DIR
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import ModelFault
from models.features import read_features
from models.ngrams import BUCKETS
from models.roles import URGENCIES, Encoder
from models.training.heads import FittedHeads, fit_heads
from models.training.heads_graph import write_graph
from models.training.heads_report import evaluate_heads
from models.training.rows import LabelledTexts, read_rows

LICENCE = "Apache-2.0"


@dataclass(frozen=True, slots=True)
class Labels:
    """Who the heads are for, from which files, and when; ``now`` is injected so that a test's files are equal."""

    profile: str
    train: Path
    heldout: Path | None
    now: datetime


def train_intent(
    labels: Labels, encoder: Encoder, out: Path, *, known: Collection[str] | None = None, seed: int = 7,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:  # fmt: skip
    """Fit, measure on the held-out rows if there are any, write ``heads.onnx`` and ``meta.json``; returns the meta.

    Nothing is written when the rows are refused (``ModelRefused``).
    """
    rows = read_rows(labels.train, known=known)
    held = read_rows(labels.heldout, known=known) if labels.heldout else None
    began = clock()
    heads = fit_heads(read_features(encoder, rows.texts), rows.intents, rows.every_urgency, seed=seed)
    seconds = round(clock() - began, 1)
    figures = _figures(heads, encoder, held) if held else {}
    return save_heads(
        out,
        heads,
        {
            "profile": labels.profile,
            "encoder_revision": encoder.revision,
            "created": labels.now.date().isoformat(),
            "data_sha256": hashlib.sha256(labels.train.read_bytes()).hexdigest(),
            "rows": len(rows.texts),
            "train_seconds": seconds,
            "figures": figures,
        },
    )


def save_heads(folder: Path, heads: FittedHeads, about: dict[str, Any]) -> dict[str, Any]:
    """Both files, each written beside its place and then moved: a reader never sees half of one."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        graph = Path(scratch) / "heads.onnx"
        write_graph(heads, graph)
        digest = hashlib.sha256(graph.read_bytes()).hexdigest()
        meta = _meta(heads, digest, about)
        text = json.dumps(meta, indent=2, ensure_ascii=False) + "\n"
        (Path(scratch) / "meta.json").write_text(text, encoding="utf-8")
        graph.replace(folder / "heads.onnx")
        (Path(scratch) / "meta.json").replace(folder / "meta.json")
    return meta


def note_meta(folder: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """Add what is known only after heads were saved, such as their figures, to their ``meta.json``; returns all of it."""
    path = folder / "meta.json"
    meta: dict[str, Any] = json.loads(path.read_bytes()) | facts
    beside = folder / ".meta.json"
    beside.write_text(json.dumps(meta, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    beside.replace(path)
    return meta


def _meta(heads: FittedHeads, digest: str, about: dict[str, Any]) -> dict[str, Any]:
    return {
        "role": "intent",
        "revision": f"intent-{_slug(str(about['profile']))}-{digest[:8]}",
        "licence": LICENCE,
        "dimension": len(heads.preparation.mean) + BUCKETS,
        "intents": list(heads.intents),
        "urgencies": list(URGENCIES),
        "heads_sha256": digest,
        **about,
        "calibration": {
            "kernel_gamma": heads.ridge.kernel.gamma,
            "wording_share": heads.ridge.kernel.share,
            "penalty": heads.ridge.penalty,
            "sharpness": round(heads.sharpness, 3),
            "out_of_scope_from": "given rows" if heads.has_outside else "intents left out in turn",
        },
    }


def _slug(profile: str) -> str:
    """A profile may be named as its author likes; a revision is also the name of a folder."""
    return re.sub(r"[^a-z0-9._-]+", "-", profile.lower()).strip("-.")[:60] or "own"


def _figures(heads: FittedHeads, encoder: Encoder, held: LabelledTexts) -> dict[str, Any]:
    vectors = read_features(encoder, held.texts)
    figures: dict[str, Any] = dict(evaluate_heads(heads, vectors, held.intents))
    if held.every_urgency is not None and heads.has_urgency:
        guessed = np.array(URGENCIES)[heads.predict(vectors)[1].argmax(axis=1)]
        figures["urgency_accuracy"] = round(float((guessed == np.array(held.every_urgency)).mean()), 4)
    return figures


def main(arguments: list[str] | None = None) -> int:
    from models.encoder import OnnxEncoder

    parser = argparse.ArgumentParser(prog="python -m models.training.intent", description=__doc__)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--heldout", type=Path)
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--profile", required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    labels = Labels(given.profile, given.train, given.heldout, datetime.now(tz=UTC))
    try:
        meta = train_intent(labels, OnnxEncoder.open(given.encoder), given.out)
    except ModelFault as fault:
        print(fault, file=sys.stderr)
        return 1
    print(json.dumps(meta["figures"] | {"train_seconds": meta["train_seconds"]}, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
