"""Beyond a few thousand passages the vector index answers: it must find what comparing all would find."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kb.article import Article, Passage, Visibility
from kb.schema import Row
from kb.store import LanceIndex
from models.roles import Matrix


def rows(numbers: range) -> list[Row]:
    articles = [Article(f"a{number}", f"Title {number}", f"Text {number}") for number in numbers]
    return [Row(Passage(f"p{one.id}", one.id, 0, "", one.text), one, "h") for one in articles]


def vectors(count: int) -> Matrix:
    made = np.random.default_rng(7).standard_normal((count, 32)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def test_the_index_finds_every_passage_also_those_added_later(tmp_path: Path, anyone: Visibility) -> None:
    made = vectors(10_000)
    index = LanceIndex(tmp_path / "lance", 32, "random-1")
    for part, trained in ((range(4_500), 4_500), (range(4_500, 4_600), 4_500), (range(4_600, 10_000), 10_000)):
        with index.writing() as writer:
            writer.put(rows(part), made[part.start : part.stop], made[part.start : part.stop])
        manifest = index.check()
        assert manifest is not None
        assert (manifest.passages, manifest.trained) == (part.stop, trained)
        for number in (0, part.start, part.stop - 1):
            ((passage_id, article_id, cosine), *_) = index.nearest(made[number], anyone, 5)
            assert (passage_id, article_id) == (f"pa{number}", f"a{number}")
            assert abs(cosine - 1.0) < 1e-4


def test_the_index_agrees_with_comparing_all(tmp_path: Path, anyone: Visibility) -> None:
    centres = vectors(50)
    noise = np.random.default_rng(8).standard_normal((5_000, 32)).astype(np.float32) * 0.12
    made = np.repeat(centres, 100, axis=0) + noise
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    index = LanceIndex(tmp_path / "lance", 32, "random-1")
    with index.writing() as writer:
        writer.put(rows(range(5_000)), made, made)
    found = right = 0
    for query in made[::250]:
        exact = {f"pa{number}" for number in np.argsort(-(made @ query))[:20]}
        found += 20
        right += len(exact & {passage_id for passage_id, _, _ in index.nearest(query, anyone, 20)})
    assert right / found >= 0.95
