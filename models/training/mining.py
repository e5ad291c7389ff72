"""Training groups for the reranker: one question, one positive passage, several hard negatives.

    python -m models.training.mining --kb KB.jsonl [--pairs LINKS.jsonl] --out groups.jsonl --dev dev.jsonl

Questions are linked pairs (question -> article ids) and, for every article, its title, its summary and its telling
headings as pseudo-questions. Hard negatives are what first-stage search finds for the question in other articles, by
meaning, by words and by both; those that beat the positive clearly are dropped, since an unreviewed link often misses
other articles that answer just as well.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import ModelFault
from models.questions import question_vectors
from models.roles import Encoder, Matrix, Scores
from models.training.bm25 import BM25, terms
from models.training.sections import Section, split_articles
from models.training.texts import read_jsonl

NEGATIVES = 7
DEPTH = 40
FALSE_NEGATIVE_MARGIN = 0.10
BM25_WEIGHT = 0.2
DEV_PERCENT = 15
DEV_CANDIDATES = 10
HEADING_TERMS = 3
"""Words with content that a heading needs to be a question: "Overview" or "Step 2" asks nothing."""


@dataclass(frozen=True, slots=True)
class Group:
    """``kind`` is link, title, summary or heading; the passages are ready to be read by the reranker."""

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


@dataclass(frozen=True, slots=True)
class Asking:
    """One question to mine for. ``gold``: numbers of the articles that answer it; ``section``: the very passage, where that is known."""

    kind: str
    key: str
    question: str
    gold: Sequence[int]
    section: int | None = None


@dataclass(frozen=True, slots=True)
class FirstStage:
    """``scores`` of every passage, higher is better; ``hard``: those that any way of searching brings up, best place first."""

    scores: Scores
    hard: list[int]


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

    def search(self, question: str) -> FirstStage:
        """Cosine + 0.2 x BM25 (1 = best passage); without an encoder BM25 alone."""
        keyword = self._bm25.scores(question)
        keyword = keyword / max(float(keyword.max()), 1e-6)
        if self._vectors is None or self._encoder is None:
            return FirstStage(keyword, _merged([keyword]))
        cosine: Scores = self._vectors @ question_vectors(self._encoder, [question])[0]
        combined: Scores = (cosine + BM25_WEIGHT * keyword).astype(np.float32)
        return FirstStage(combined, _merged([combined, cosine, keyword]))

    def best_of(self, scores: Scores, article: int, rank: int = 0) -> int:
        """Index of the ``rank``-th best passage of an article (the worst one when it has fewer)."""
        own = np.flatnonzero(self.owner == article)
        order = own[np.argsort(-scores[own])]
        return int(order[min(rank, len(order) - 1)])


def _merged(orders: Sequence[Scores]) -> list[int]:
    """The first passages of every order, each at its best place."""
    places: dict[int, int] = {}
    for scores in orders:
        for place, at in enumerate(np.argsort(-scores)[:DEPTH]):
            places[int(at)] = min(place, places.get(int(at), DEPTH))
    return sorted(places, key=lambda at: places[at])[:DEPTH]


def mine(pool: Pool, asked: Asking, rng: random.Random) -> Group | None:
    """One group, or None when nothing hard and safe to call negative is left."""
    found, link = pool.search(asked.question), asked.kind == "link"
    target = asked.gold[rng.randrange(len(asked.gold))]
    rank = rng.choice((0, 0, 0, 1)) if link else 0
    positive = pool.best_of(found.scores, target, rank=rank) if asked.section is None else asked.section
    limit = found.scores[positive] + FALSE_NEGATIVE_MARGIN
    safe = [at for at in found.hard if pool.owner[at] not in asked.gold and found.scores[at] <= limit]
    if len(safe) < NEGATIVES:
        return None
    near = rng.sample(safe[:12], min(4, len(safe[:12])))
    rest = [at for at in safe if at not in near]
    chosen = near + rng.sample(rest, min(NEGATIVES - len(near), len(rest)))
    return Group(
        asked.kind,
        asked.question,
        _passage(pool.sections[positive], asked.kind, rng),
        [_passage(pool.sections[at], asked.kind, rng) for at in chosen],
    )


def _passage(section: Section, kind: str, rng: random.Random) -> str:
    """Of pseudo-questions the title is mostly hidden on both sides: the title alone would give the answer away. So would a heading."""
    if kind == "link":
        return section.passage()
    return section.passage(title=rng.random() < 0.25, heading=kind != "heading" and rng.random() < 0.6)


def dev_question(pool: Pool, asked: Asking) -> DevQuestion:
    scores = pool.search(asked.question).scores
    seen: list[int] = []
    for at in np.argsort(-scores):
        if all(pool.owner[at] != pool.owner[other] for other in seen):
            seen.append(int(at))
        if len(seen) == DEV_CANDIDATES:
            break
    return DevQuestion(
        asked.kind,
        asked.question,
        [pool.sections[at].passage() for at in seen],
        [round(float(scores[at]), 4) for at in seen],
        [bool(pool.owner[at] in asked.gold) for at in seen],
    )


def held_out(key: str) -> bool:
    """Stable 15 %: the same question is held out in every run, whatever the order of the files."""
    return int(hashlib.sha256(key.encode()).hexdigest(), 16) % 100 < DEV_PERCENT


def questions(pool: Pool, pairs: Sequence[Mapping[str, Any]]) -> Iterator[Asking]:
    """Links first, then every article's title and summary, then the headings that ask something and stand in one article alone."""
    for pair in pairs:
        gold = [pool.numbers[one] for one in pair["gold_ids"] if one in pool.numbers]
        if gold:
            yield Asking("link", str(pair["id"]), f"{pair.get('title', '')}\n{pair['question']}".strip(), gold)
    for number, article in enumerate(pool.articles):
        yield Asking("title", f"title {article['id']}", str(article["title"]), [number])
        if article.get("summary"):
            yield Asking("summary", f"summary {article['id']}", str(article["summary"]), [number])
    often = Counter(section.heading.lower() for section in pool.sections)
    for at, section in enumerate(pool.sections):
        if often[section.heading.lower()] == 1 and len(set(terms(section.heading))) >= HEADING_TERMS:
            key = f"heading {pool.articles[section.article]['id']} {section.heading}"
            yield Asking("heading", key, section.heading, [section.article], at)


def write_lines(path: Path, rows: Sequence[Group] | Sequence[DevQuestion]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)


def build(
    pool: Pool,
    pairs: Sequence[Mapping[str, Any]],
    *,
    repeats: int,
    limit: int,
    seed: int,
    keep_out: Callable[[str], bool] = held_out,
) -> tuple[list[Group], list[DevQuestion]]:
    """Mines all groups; links ``repeats`` times with other negatives each time, pseudo-questions at most ``limit``.

    Questions whose key ``keep_out`` says become development questions and are never trained on.
    """
    rng = random.Random(seed)
    groups: list[Group] = []
    dev: list[DevQuestion] = []
    asked = list(questions(pool, pairs))
    pseudo = [one for one in asked if one.kind != "link"]
    rng.shuffle(pseudo)
    for one in [one for one in asked if one.kind == "link"] + pseudo[:limit]:
        if keep_out(one.key):
            dev.append(dev_question(pool, one))
            continue
        for _ in range(repeats if one.kind == "link" else 1):
            group = mine(pool, one, rng)
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
    try:
        pool = Pool(read_jsonl(given.kb), _open_encoder(given.encoder))
        pairs = read_jsonl(given.pairs) if given.pairs else []
    except ModelFault as fault:
        print(fault, file=sys.stderr)
        return 1
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
