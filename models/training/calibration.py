"""Calibration of scores on predictions that the model made for rows it was not fitted on, and its figures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.training.fits import minimise

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
_BINS = 15


def softmax(logits: Array) -> Array:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    probability: Array = (shifted / shifted.sum(axis=1, keepdims=True)).astype(np.float32)
    return probability


def log_sum_exp(logits: Array) -> Array:
    top = logits.max(axis=1)
    summed: Array = (top + np.log(np.exp(logits - top[:, None]).sum(axis=1))).astype(np.float32)
    return summed


def fit_sharpness(scores: Array, labels: Labels) -> float:
    """The factor s for which softmax(s x scores) has the smallest negative log-likelihood; 1 / temperature."""
    rows = np.arange(len(labels))

    def loss(log_s: float) -> float:
        return float(-np.log(np.maximum(softmax(np.exp(log_s) * scores)[rows, labels], 1e-12)).mean())

    return float(np.exp(minimise(loss, -2.0, 5.0)))


def log_loss(probabilities: Array, labels: Labels) -> float:
    return float(-np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-12)).mean())


def expected_calibration_error(confidence: Array, correct: npt.NDArray[np.bool_]) -> float:
    """Mean gap between confidence and accuracy over 15 equal-width bins, weighted by rows (Guo et al. 2017)."""
    bins = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
    gaps = [
        (bins == at).mean() * abs(float(confidence[bins == at].mean()) - float(correct[bins == at].mean()))
        for at in np.unique(bins)
    ]
    return float(np.sum(gaps))
