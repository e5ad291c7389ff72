"""Intent, urgency and out-of-scope heads on the shared encoder's reading of a message."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np

from models.errors import ModelRefused, ModelUnavailable
from models.meta import IntentMeta, read_meta
from models.onnx import REINSTALL, Arrays, Session, open_session
from models.roles import Classification, Features

RETRAIN = (
    "After a change of models.encoder two commands are due: `appliance models train intent --with-shipped` (or --train CSV) and "
    "`appliance kb rebuild`. Otherwise install the appliance again."
)
_AT_ONCE = 1_024
"""Rows a run: the kernel of each with every fitted text is held in memory."""
_OUTPUTS = ("intent_probability", "urgency_probability", "out_of_scope")


class OnnxIntentClassifier:
    """An ``IntentClassifier``. Calibration is part of the graph: its outputs are probabilities."""

    def __init__(self, session: Session, meta: IntentMeta) -> None:
        self.revision = meta.revision
        self.encoder_revision = meta.encoder_revision
        self.intents = meta.intents
        self._meta = meta
        self._session = session

    @classmethod
    def open(cls, folder: Path, *, encoder_revision: str) -> Self:
        """Load ``heads.onnx`` and ``meta.json`` of ``folder``; the heads are tiny, so one CPU thread serves them.

        Raises ``ModelRefused``, also when the heads were trained on another encoder than ``encoder_revision``: on
        another encoder's vectors they would answer with confident nonsense.
        """
        meta = read_meta(IntentMeta, folder)
        if meta.encoder_revision != encoder_revision:
            raise ModelRefused(
                f"The intent model in {folder} was trained on encoder {meta.encoder_revision}, "
                f"but the encoder in use is {encoder_revision}.",
                remedy=RETRAIN,
            )
        session = open_session(folder / "heads.onnx", threads=1, sha256=meta.heads_sha256)
        _check_shapes(session, meta, folder)
        return cls(session, meta)

    def classify(self, features: Features) -> list[Classification]:
        """One classification a row of ``features`` (n, width), in order."""
        blocks = (features[at : at + _AT_ONCE] for at in range(0, len(features), _AT_ONCE))
        return [one for block in blocks for one in self._block(block)]

    def _block(self, features: Features) -> list[Classification]:
        found = self._session.run({"features": np.ascontiguousarray(features, dtype=np.float32)})
        return [self._row(found, row) for row in range(len(features))]

    def _row(self, found: Arrays, row: int) -> Classification:
        intents = found["intent_probability"][row]
        urgencies = found["urgency_probability"][row]
        order = np.argsort(-intents, kind="stable")
        ranking = tuple((self.intents[index], _unit(intents[index])) for index in order)
        urgency = int(np.argmax(urgencies))
        return Classification(
            intent=ranking[0][0],
            confidence=ranking[0][1],
            urgency=self._meta.urgencies[urgency],
            urgency_confidence=_unit(urgencies[urgency]),
            out_of_scope=_unit(found["out_of_scope"].reshape(-1)[row]),
            ranking=ranking,
        )


def _unit(value: float) -> float:
    """A probability as float; rounding in the graph may leave it a hair outside 0..1."""
    return min(1.0, max(0.0, float(value)))


def _check_shapes(session: Session, meta: IntentMeta, folder: Path) -> None:
    """Run once and compare with the labels: heads of another profile fail here, not in a customer's turn."""
    missing = [name for name in _OUTPUTS if name not in session.outputs]
    if missing or "features" not in session.inputs:
        raise ModelRefused(f"The intent model in {folder} has not the expected inputs and outputs.", remedy=REINSTALL)
    try:
        found = session.run({"features": np.zeros((1, meta.dimension), dtype=np.float32)})
    except ModelUnavailable as error:
        message = f"The intent model in {folder} does not take rows of {meta.dimension} numbers."
        raise ModelRefused(message, remedy=REINSTALL) from error
    widths = (found["intent_probability"].shape[-1], found["urgency_probability"].shape[-1])
    if widths != (len(meta.intents), len(meta.urgencies)):
        raise ModelRefused(
            f"The intent model in {folder} has {widths[0]} intents, its meta.json names {len(meta.intents)}.",
            remedy=REINSTALL,
        )
