"""Training groups for the reranker: one question, one positive passage, several hard negatives.

    python -m models.training.mining --kb KB.jsonl [--pairs LINKS.jsonl] --out groups.jsonl --dev dev.jsonl

Questions are linked pairs (question -> article ids) and, for every article, its title and summary as pseudo-questions.
Hard negatives are what first-stage search finds for the question in other articles; those that beat the positive
clearly are dropped, since an unreviewed link often misses other articles that answer just as well.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.roles import Encoder, Matrix, Scores
from models.training.bm25 import BM25
from models.training.sections import Section, split_articles
from models.training.texts import read_jsonl

NEGATIVES = 7
DEPTH = 40
FALSE_NEGATIVE_MARGIN = 0.10
BM25_WEIGHT = 0.2
DEV_PERCENT = 15
DEV_CANDIDATES = 10


@dataclass(frozen=True, slots=True)
class Group:
    """``kind`` is link, title or summary; the passages are ready to be read by the reranker."""

    kind: str
    question: str
    positive: str
    negatives: list[str]


@dataclass(frozen=True, slots=True)
class DevQuestion:
    """First-stage candidates of a held-out question, best first, one passage an article; ``relevant`` marks the gold."""

    kind: str
    question: str
    passages: list[str]
    first_stage: list[float]
    relevant: list[bool]


class Pool:
    """The passages of one knowledge base and first-stage scores over them."""

    def __init__(self, articles: Sequence[Mapping[str, Any]], encoder: Encoder | None) -> None:
        self.articles = articles
        self.numbers = {str(article["id"]): number for number, article in enumerate(articles)}
        self.sections = split_articles(articles)
        self.owner = np.array([section.article for section in self.sections])
        texts = [section.passage() for section in self.sections]
        self._bm25 = BM25(texts)
        self._encoder = encoder
        self._vectors: Matrix | None = encoder.encode(texts) if encoder else None

    def scores(self, question: str) -> Scores:
        """Cosine + 0.2 x BM25 (1 = best passage); without an encoder BM25 alone. Shape (passages,)."""
        keyword = self._bm25.scores(question)
        keyword = keyword / max(float(keyword.max()), 1e-6)
        if self._vectors is None or self._encoder is None:
            return keyword
        vector = self._encoder.encode([question])[0]
        combined: Scores = (self._vectors @ vector + BM25_WEIGHT * keyword).astype(np.float32)
        return combined

    def best_of(self, scores: Scores, article: int, rank: int = 0) -> int:
        """Index of the ``rank``-th best passage of an article (the worst one when it has fewer)."""
        own = np.flatnonzero(self.owner == article)
        order = own[np.argsort(-scores[own])]
        return int(order[min(rank, len(order) - 1)])


def mine(pool: Pool, kind: str, question: str, gold: Sequence[int], rng: random.Random) -> Group | None:
    """One group, or None when nothing hard and safe to call negative is left."""
    scores = pool.scores(question)
    target = gold[rng.randrange(len(gold))]
    positive = pool.best_of(scores, target, rank=rng.choice((0, 0, 0, 1)) if kind == "link" else 0)
    order = [int(at) for at in np.argsort(-scores)[:DEPTH] if pool.owner[at] not in gold]
    safe = [at for at in order if scores[at] <= scores[positive] + FALSE_NEGATIVE_MARGIN]
    if len(safe) < NEGATIVES:
        return None
    near = rng.sample(safe[:12], min(4, len(safe[:12])))
    rest = [at for at in safe if at not in near]
    chosen = near + rng.sample(rest, min(NEGATIVES - len(near), len(rest)))
    plain = kind == "link"
    return Group(
        kind,
        question,
        _passage(pool.sections[positive], plain=plain, rng=rng),
        [_passage(pool.sections[at], plain=plain, rng=rng) for at in chosen],
    )


def _passage(section: Section, *, plain: bool, rng: random.Random) -> str:
    """Of pseudo-questions the title is mostly hidden on both sides: the title alone would give the answer away."""
    return section.passage() if plain else section.passage(title=rng.random() < 0.25, heading=rng.random() < 0.6)


def dev_question(pool: Pool, kind: str, question: str, gold: Sequence[int]) -> DevQuestion:
    scores = pool.scores(question)
    seen: list[int] = []
    for at in np.argsort(-scores):
        if all(pool.owner[at] != pool.owner[other] for other in seen):
            seen.append(int(at))
        if len(seen) == DEV_CANDIDATES:
            break
    return DevQuestion(
        kind,
        question,
        [pool.sections[at].passage() for at in seen],
        [round(float(scores[at]), 4) for at in seen],
        [bool(pool.owner[at] in gold) for at in seen],
    )


def held_out(key: str) -> bool:
    """Stable 15 %: the same question is held out in every run, whatever the order of the files."""
    return int(hashlib.sha256(key.encode()).hexdigest(), 16) % 100 < DEV_PERCENT


def questions(pool: Pool, pairs: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, str, list[int]]]:
    """(kind, key, question, gold articles): links first, then every article's title and summary."""
    for pair in pairs:
        gold = [pool.numbers[one] for one in pair["gold_ids"] if one in pool.numbers]
        if gold:
            yield "link", str(pair["id"]), f"{pair.get('title', '')}\n{pair['question']}".strip(), gold
    for number, article in enumerate(pool.articles):
        yield "title", f"title {article['id']}", str(article["title"]), [number]
        if article.get("summary"):
            yield "summary", f"summary {article['id']}", str(article["summary"]), [number]


def write_lines(path: Path, rows: Sequence[Group] | Sequence[DevQuestion]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)


def build(
    pool: Pool, pairs: Sequence[Mapping[str, Any]], *, repeats: int, limit: int, seed: int
) -> tuple[list[Group], list[DevQuestion]]:
    """Mines all groups; links ``repeats`` times with other negatives each time, pseudo-questions at most ``limit``."""
    rng = random.Random(seed)
    groups: list[Group] = []
    dev: list[DevQuestion] = []
    asked = list(questions(pool, pairs))
    pseudo = [one for one in asked if one[0] != "link"]
    rng.shuffle(pseudo)
    for kind, key, question, gold in [one for one in asked if one[0] == "link"] + pseudo[:limit]:
        if held_out(key):
            dev.append(dev_question(pool, kind, question, gold))
            continue
        for _ in range(repeats if kind == "link" else 1):
            group = mine(pool, kind, question, gold, rng)
            groups += [group] if group else []
    return groups, dev


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m models.training.mining", description=__doc__)
    parser.add_argument("--kb", type=Path, required=True, help="articles: id, title, text, optional summary")
    parser.add_argument("--pairs", type=Path, help="questions: id, question, optional title, gold_ids")
    parser.add_argument("--encoder", type=Path, help="folder of the encoder; without it BM25 alone mines")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--dev", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--limit", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args(arguments)
    pool = Pool(read_jsonl(given.kb), _open_encoder(given.encoder))
    pairs = read_jsonl(given.pairs) if given.pairs else []
    groups, dev = build(pool, pairs, repeats=given.repeats, limit=given.limit, seed=given.seed)
    write_lines(given.out, groups)
    write_lines(given.dev, dev)
    print(f"{given.kb}: {len(groups)} groups, {len(dev)} held-out questions", file=sys.stderr)
    return 0


def _open_encoder(folder: Path | None) -> Encoder | None:
    if folder is None:
        return None
    from models.encoder import OnnxEncoder

    return OnnxEncoder.open(folder)


if __name__ == "__main__":
    raise SystemExit(main())
