"""What is compared with sentence-transformers, and what is said where there is no torch."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.beside import inputs, measure, similarity_agreement
from benchmarks.options import parse


@pytest.mark.parametrize(
    ("python", "why"),
    [
        (None, "give --torch-python"),
        (Path("/nowhere/python"), "/nowhere/python cannot be run"),
        (Path(sys.executable), "is the `train` extra installed"),
    ],
)
def test_without_torch_the_section_is_null_and_says_why(python: Path | None, why: str, tmp_path: Path) -> None:
    if python == Path(sys.executable):
        python = tmp_path / "python"  # this interpreter without any package, whatever is installed beside the tests
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
        python.chmod(0o755)
    found = measure(replace(parse("", ["--count", "2"]), torch_python=python))
    assert found["beside"] is None
    assert why in found["beside_left_out"]


def test_the_same_vectors_agree_and_others_do_not() -> None:
    vectors = np.random.default_rng(3).normal(size=(12, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert similarity_agreement(vectors, vectors) == {
        "texts": 12,
        "pearson": 1.0,
        "spearman": 1.0,
        "mean_cosine": 1.0,
    }
    assert similarity_agreement(vectors, vectors[::-1])["pearson"] < 0.5


def test_both_sides_read_the_questions_and_passages_of_the_knowledge_base() -> None:
    options = parse("", ["--count", "3"])
    given = inputs(options)
    assert given.singles == options.questions
    assert len(given.batch) == 32
    assert len(given.pairs) == 10
    assert {question for question, _ in given.pairs} == {options.questions[0]}
