"""Writes training pairs for the support checker: sentences of articles, rewritten and perturbed by rule, and pairs written by hand.

    python -m models.training.support_pairs --starter kb/starter --kb KB.jsonl… --out DIR

``DIR/fit.jsonl`` is trained on, ``DIR/tune.jsonl`` stops and calibrates, ``DIR/choose.jsonl`` decides between models. No article is in
two of them. Of the starter articles, sorted within their profile, those at places 0, 3, 6, … are left out altogether: the cases that the
guard is reported on stand in them. Places 1, 4, … go to fit (every fourth of these to tune), places 2, 5, … to choose; articles of other
knowledge bases to fit and tune.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from models.sentences import split_sentences
from models.training.support_perturb import PERTURBATIONS, REVERSIBLE, Around
from models.training.support_rewrite import courtesy, lower_first, rewritten
from models.training.texts import read_jsonl

WRITTEN = Path(__file__).parent / "data" / "support"
PARTS = ("fit", "tune", "choose")
SEALED = 3
"""Every third starter article, from the first on, is for reports."""
TUNE_EVERY = {"starter": 4, "other": 12}
PASSAGE = 900
"""Characters, as the knowledge base cuts."""
_FRONT = re.compile(r"\A---\n.*?\n---\n", re.S)
_MARKUP = re.compile(r"\*\*|`")
_SENTENCE = re.compile(r"^[A-Z\"“](?:(?!:::|\]\(|Original KB).){20,230}[.!]$")


@dataclass(frozen=True, slots=True)
class Article:
    """``sections``: (heading, text) in order."""

    id: str
    part: str
    sections: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SupportPair:
    """``label`` 1: the passage says it. ``kind`` names the rule, or for pairs by hand what is wrong."""

    article: str
    sentence: str
    passage: str
    label: int
    kind: str


def starter_articles(folder: Path) -> list[Article]:
    found = []
    for profile in sorted(path for path in folder.iterdir() if path.is_dir()):
        for place, path in enumerate(sorted(profile.glob("*.md"))):
            if place % SEALED == 0:
                continue
            part = (
                "choose" if place % SEALED == 2 else "tune" if place // SEALED % TUNE_EVERY["starter"] == 3 else "fit"
            )
            text = _MARKUP.sub("", _FRONT.sub("", path.read_text("utf-8")))
            found.append(Article(f"{profile.name}/{path.stem}", part, tuple(_sections(text))))
    return found


def other_articles(paths: Sequence[Path], limit: int, rng: random.Random) -> list[Article]:
    """At most ``limit`` articles of each knowledge base."""
    found = []
    for path in paths:
        rows = read_jsonl(path)
        for place, row in enumerate(rng.sample(rows, min(limit, len(rows)))):
            part = "tune" if place % TUNE_EVERY["other"] == 0 else "fit"
            found.append(Article(str(row["id"]), part, tuple(_sections(_MARKUP.sub("", str(row["text"]))))))
    return found


def _sections(text: str) -> Iterator[tuple[str, str]]:
    for block in re.split(r"^#{1,6} ", f"# \n{text}" if not text.startswith("#") else text, flags=re.M):
        heading, _, body = block.partition("\n")
        if body.strip():
            yield heading.strip(), body.strip()


def passages(article: Article) -> list[str]:
    """The article in pieces of about ``PASSAGE`` characters, headings included."""
    pieces: list[str] = []
    for heading, body in article.sections:
        for start in _cuts(body):
            text = f"{heading}\n\n{start}" if heading else start
            if pieces and len(pieces[-1]) + len(text) < PASSAGE:
                pieces[-1] += f"\n\n{text}"
            else:
                pieces.append(text)
    return pieces


def _cuts(body: str) -> Iterator[str]:
    held = ""
    for paragraph in body.split("\n"):
        if held and len(held) + len(paragraph) > PASSAGE:
            yield held
            held = ""
        held += ("\n" if held else "") + paragraph
    if held:
        yield held


def by_rule(article: Article, rng: random.Random, per_passage: int) -> Iterator[SupportPair]:
    """Positives, negatives and reversed pairs of sampled sentences of every passage."""
    whole = [one for piece in passages(article) for one in split_sentences(piece)]
    for passage in passages(article):
        sentences = [
            " ".join(one.split()) for one in split_sentences(passage) if _SENTENCE.match(" ".join(one.split()))
        ]
        for sentence in rng.sample(sentences, min(per_passage, len(sentences))):
            inside = set(sentences)
            around = Around(
                [one for one in whole if one != sentence],
                [one for one in sentences if one != sentence],
                sentences.index(sentence),
            )
            yield from _around(article.id, sentence, passage, around, rng)
            elsewhere = [one for one in whole if one not in inside and _SENTENCE.match(one)]
            if elsewhere and rng.random() < 0.3:
                yield SupportPair(article.id, rng.choice(elsewhere), passage, 0, "elsewhere")


def _around(article: str, sentence: str, passage: str, around: Around, rng: random.Random) -> Iterator[SupportPair]:
    said = rewritten(sentence, rng, rng.choice((0, 1, 1, 2, 2)))
    if rng.random() < 0.1:
        said = courtesy(said, rng) or said
    yield SupportPair(article, said, passage, 1, "rewritten")
    yield from _joined(article, sentence, passage, around, rng)
    done = 0
    for perturb in rng.sample(PERTURBATIONS, len(PERTURBATIONS)):
        if done >= 2:
            return
        wrong = perturb(sentence, rng, around)
        if not wrong or wrong.lower().strip(" .") == sentence.lower().strip(" ."):
            continue
        done += 1
        yield SupportPair(
            article,
            rewritten(wrong, rng, rng.choice((0, 0, 1, 2))),
            passage,
            0,
            perturb.__name__,
        )
        if perturb in REVERSIBLE and rng.random() < 0.5:
            other = " ".join(passage.split()).replace(sentence, wrong)
            if wrong in other:
                yield SupportPair(article, rewritten(wrong, rng, rng.choice((0, 1, 2))), other, 1, "reversed")
                yield SupportPair(
                    article,
                    rewritten(sentence, rng, rng.choice((0, 1))),
                    other,
                    0,
                    f"{perturb.__name__} reversed",
                )
        elif rng.random() < 0.3 and perturb not in REVERSIBLE:
            other = " ".join(passage.split()).replace(sentence, wrong)
            yield SupportPair(article, rewritten(wrong, rng, rng.choice((0, 1))), other, 1, "reversed")


def _joined(article: str, sentence: str, passage: str, around: Around, rng: random.Random) -> Iterator[SupportPair]:
    """Two facts of the passage in one sentence; and the same with one of the two perturbed."""
    fitting = [one for one in around.near if len(one) + len(sentence) < 200]
    if not fitting or rng.random() > 0.35:
        return
    other, glue = rng.choice(fitting), rng.choice((", and ", ", while ", "; ", ", but "))
    second = rewritten(sentence, rng, rng.choice((0, 1)))
    yield SupportPair(article, f"{other.rstrip('.')}{glue}{lower_first(second)}", passage, 1, "joined")
    for perturb in rng.sample(PERTURBATIONS, 6):
        wrong = perturb(sentence, rng, around)
        if wrong and perturb.__name__ != "order":
            text = f"{other.rstrip('.')}{glue}{lower_first(wrong)}"
            yield SupportPair(article, text, passage, 0, f"joined {perturb.__name__}")
            return


def by_hand(
    articles: Sequence[Article], rng: random.Random, folder: Path = WRITTEN
) -> Iterator[tuple[str, SupportPair]]:
    """(part, pair) of ``fit.txt`` and ``choose.txt``. Raises ``ValueError`` for a line or heading that fits nothing.

    Paraphrases are in other words than the article and near-misses mostly in its own, so the words alone would tell the two apart.
    Each paraphrase therefore also comes with one word or two made wrong by rule.
    """
    known = {article.id: article for article in articles}
    for path in (folder / "fit.txt", folder / "choose.txt"):
        article, texts = None, []  # type: tuple[Article | None, list[str]]
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if line.startswith("# "):
                name, _, heading = line[2:].partition(" > ")
                article = known[name]
                texts = [f"{head}\n\n{body}" for head, body in article.sections if heading in ("*", head)]
            elif match := re.match(r"(?:(\+)|- (\w+):) (.+)$", line):
                if not article or not texts:
                    raise ValueError(f"{path}, line {number}: no such section.")
                label, kind, passage = int(bool(match[1])), match[2] or "paraphrase", "\n\n".join(texts)
                yield article.part, SupportPair(article.id, match[3], passage, label, f"written {kind}")
                if label:
                    yield from ((article.part, pair) for pair in _changed(article, match[3], passage, rng))
            elif line.strip():
                raise ValueError(f"{path}, line {number} is neither a section nor a sentence.")


def _changed(article: Article, paraphrase: str, passage: str, rng: random.Random) -> Iterator[SupportPair]:
    near = [" ".join(one.split()) for one in split_sentences(passage)]
    done = 0
    for perturb in rng.sample(PERTURBATIONS, len(PERTURBATIONS)):
        wrong = perturb(paraphrase, rng, Around(near, near))
        if wrong and perturb.__name__ not in ("mixture", "consequence", "order") and done < 2:
            done += 1
            yield SupportPair(article.id, wrong, passage, 0, f"changed {perturb.__name__}")


def build(starter: Path, others: Sequence[Path], limit: int, seed: int) -> dict[str, list[SupportPair]]:
    rng = random.Random(seed)
    own = starter_articles(starter)
    parts: dict[str, list[SupportPair]] = {part: [] for part in PARTS}
    for part, pair in by_hand(own, rng):
        parts[part].append(pair)
    for article in own:
        parts[article.part].extend(by_rule(article, rng, 6))
    for article in other_articles(others, limit, rng):
        parts[article.part].extend(by_rule(article, rng, 2))
    return parts


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m models.training.support_pairs", description=__doc__)
    parser.add_argument("--starter", type=Path, default=Path("kb/starter"))
    parser.add_argument("--kb", type=Path, nargs="*", default=[])
    parser.add_argument("--limit", type=int, default=700, help="articles of each --kb")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    for part, pairs in build(given.starter, given.kb, given.limit, given.seed).items():
        lines = (json.dumps(asdict(pair), ensure_ascii=False) for pair in pairs)
        (given.out / f"{part}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
        print(f"{part}: {len(pairs)} pairs, {sum(pair.label for pair in pairs)} supported", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
