"""What the contract suite cannot see: what is kept, for how long, and that it changes no score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tiny

from models.bi_encoder import SCALE, BiEncoderReranker
from models.encoder import OnnxEncoder
from models.roles import Matrix


class Counted:
    """The tiny encoder, with a note of every text that it was given."""

    def __init__(self, folder: Path) -> None:
        self._inner = OnnxEncoder.open(tiny.encoder_folder(folder))
        self.revision, self.dimension = self._inner.revision, self._inner.dimension
        self.calls: list[list[str]] = []

    def encode(self, texts: Sequence[str]) -> Matrix:
        self.calls.append(list(texts))
        return self._inner.encode(texts)


def test_a_score_is_the_scaled_cosine(tmp_path: Path) -> None:
    red, blue = BiEncoderReranker(Counted(tmp_path)).score([("red red", "red"), ("red red", "blue")])
    assert red > 0.9 * SCALE
    assert abs(blue) < 0.1 * SCALE


def test_a_text_is_encoded_once_and_a_question_each_time(tmp_path: Path) -> None:
    encoder = Counted(tmp_path)
    model = BiEncoderReranker(encoder)
    first = model.score([("red", "blue"), ("red", "red blue"), ("red", "blue")])
    again = model.score([("red", "red blue"), ("red", "blue blue")])
    assert encoder.calls == [["red", "blue", "red blue"], ["red", "blue blue"]]
    assert first[0] == first[2]
    np.testing.assert_allclose(again[0], first[1], rtol=1e-5)


def test_what_was_used_least_recently_is_forgotten(tmp_path: Path) -> None:
    encoder = Counted(tmp_path)
    model = BiEncoderReranker(encoder, kept=2)
    for text in ("red", "blue", "red", "red blue", "red", "blue"):
        model.score([("red", text)])
    assert [call[1:] for call in encoder.calls] == [["red"], ["blue"], [], ["red blue"], [], ["blue"]]


def test_more_texts_than_are_kept_get_their_scores(tmp_path: Path) -> None:
    texts = ["red " * n for n in range(1, 7)]
    scores = BiEncoderReranker(Counted(tmp_path), kept=2).score([("red", text) for text in texts])
    assert scores.shape == (6,)
    assert (scores > 0.9 * SCALE).all()
